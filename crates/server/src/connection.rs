//! One connection: HTTP/1.1, or HTTP/2 where the client begins with it (prior knowledge: RFC 9113, section 3.3), with TLS or
//! without.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response, Version};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::pace::{PacedBody, PacedReader};
use crate::parting::Parting;
use crate::places::Place;
use crate::tls::{Opening, Speaks, Tls, opening};
use crate::traffic::{Counted, Traffic};

/// How long a client may take for a request's head, or stay idle between requests.
const HEAD_PATIENCE: Duration = Duration::from_secs(60);
/// Requests in hand at once on a connection of HTTP/2; more are refused until one is done.
const STREAMS: u32 = 128;
/// Bytes of the head of a request of HTTP/2, its names and values counted with 32 bytes for each line (RFC 9113, section 10.5.1).
const HEAD: u32 = 64 << 10;
/// Bytes that wait for a slow reader on each stream of HTTP/2, beside the piece in hand.
const WAITING: usize = 64 << 10;
/// Bytes of bodies that a client of HTTP/2 may send before they are read: on one stream, and on all of its connection.
const WINDOW: u32 = 1 << 20;
/// How often a connection of HTTP/2 is asked whether it is still there, and how long it may take to answer.
const PING: Duration = Duration::from_secs(25);
const PONG: Duration = Duration::from_secs(20);

/// Answers what comes on a connection, from its first request to its end or its upgrade. When the server leaves it ends
/// after the requests in hand.
pub(crate) async fn talk(
    stream: TcpStream,
    address: SocketAddr,
    router: Router,
    leaving: CancellationToken,
    place: Place,
    traffic: Traffic,
) {
    without_delay(&stream);
    converse(counted(stream, traffic), address, router, leaving, place).await;
}

/// The same by TLS. Whoever begins without it is answered by `redirect`.
pub(crate) async fn talk_by_tls(
    stream: TcpStream,
    address: SocketAddr,
    (tls, router, redirect): (Tls, Router, Router),
    leaving: CancellationToken,
    place: Place,
    traffic: Traffic,
) {
    without_delay(&stream);
    let begin = async {
        let opening = opening(&stream).await?;
        // The pace is that of what is sent, so a reader who takes nothing is found where bytes wait for them.
        let stream = counted(stream, traffic);
        Ok(match opening {
            Opening::Tls => Opened::Tls(tls.take(stream, Speaks::Http).await?.map(Box::new)),
            Opening::Http => Opened::Plain(stream),
            Opening::Other => Opened::Tls(None),
        })
    };
    let begun: Option<io::Result<Opened>> = leaving.run_until_cancelled(begin).await;
    match begun {
        Some(Ok(Opened::Tls(Some(stream)))) => converse(stream, address, router, leaving, place).await,
        Some(Ok(Opened::Plain(stream))) => converse(stream, address, redirect, leaving, place).await,
        Some(Err(error)) => tracing::debug!(%address, %error, "a handshake of TLS failed"),
        Some(Ok(Opened::Tls(None))) | None => {}
    }
}

/// How a connection on a port of TLS began.
enum Opened {
    /// With a handshake; `None` where nothing follows it.
    Tls(Option<Box<TlsStream<Bare>>>),
    Plain(Bare),
}

/// A connection as the network has it: its bytes are counted, its end is not cut short, its reader must go on.
type Bare = PacedReader<Counted<Parting>>;

fn counted(stream: TcpStream, traffic: Traffic) -> Bare {
    PacedReader::new(Counted::new(Parting::new(stream), traffic))
}

fn without_delay(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps its delay");
    }
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    address: SocketAddr,
    router: Router,
    leaving: CancellationToken,
    place: Place,
) {
    let in_hand = InHand::default();
    let idle = idle(in_hand.0.subscribe(), HEAD_PATIENCE);
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(|body| Body::new(PacedBody::new(Body::new(body))));
        request.extensions_mut().insert(ConnectInfo(address));
        request.extensions_mut().insert(place.clone());
        answer(router.clone(), request, in_hand.clone())
    });
    let builder = builder();
    let mut connection = pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = async { tokio::select! { () = leaving.cancelled() => {}, () = idle => {} } } => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_PATIENCE);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEAD)
        .max_send_buf_size(WAITING)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PONG);
    builder
}

async fn answer(
    router: Router,
    request: Request<Body>,
    in_hand: InHand,
) -> Result<Response<Body>, Infallible> {
    let begun = in_hand.begin(request.version());
    let response = router.oneshot(request).await?;
    Ok(match begun {
        // HTTP/1.1 has a patience of its own between two requests.
        None => response,
        Some(begun) => response.map(|body| {
            Body::new(body.map_err(move |error| {
                let _ = &begun;
                error
            }))
        }),
    })
}

/// How many requests of a connection are in hand.
#[derive(Clone)]
struct InHand(watch::Sender<usize>);

/// A request in hand, until this is dropped.
struct Begun(watch::Sender<usize>);

impl Default for InHand {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl InHand {
    /// A request begins. Of HTTP/1.1 the first one stays in hand for as long as the connection: its patience is hyper's.
    fn begin(&self, version: Version) -> Option<Begun> {
        if version < Version::HTTP_2 {
            self.0.send_if_modified(|count| std::mem::replace(count, 1) == 0);
            return None;
        }
        self.0.send_modify(|count| *count += 1);
        Some(Begun(self.0.clone()))
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// Resolves when nothing was in hand for so long: neither hyper's choice between the versions nor HTTP/2 has a
/// patience of its own, and a client that answers pings could hold its place for ever.
async fn idle(mut in_hand: watch::Receiver<usize>, patience: Duration) {
    loop {
        if in_hand.wait_for(|count| *count == 0).await.is_err() {
            return std::future::pending().await;
        }
        if tokio::time::timeout(patience, in_hand.wait_for(|count| *count > 0)).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(10);

    /// Whether a connection that stands like this counts as idle before long.
    async fn is_idle(in_hand: &InHand) -> bool {
        tokio::time::timeout(SHORT * 20, idle(in_hand.0.subscribe(), SHORT)).await.is_ok()
    }

    #[tokio::test]
    async fn a_connection_is_idle_when_nothing_is_in_hand() {
        let in_hand = InHand::default();
        let (one, other) = (in_hand.begin(Version::HTTP_2), in_hand.begin(Version::HTTP_2));
        drop(one);
        assert!(!is_idle(&in_hand).await, "a request is in hand");
        drop(other);
        assert!(is_idle(&in_hand).await);
    }

    #[tokio::test]
    async fn a_connection_of_http_1_has_its_patience_elsewhere() {
        let in_hand = InHand::default();
        assert!(is_idle(&in_hand).await, "nothing came yet");
        assert!(in_hand.begin(Version::HTTP_11).is_none());
        assert!(!is_idle(&in_hand).await);
    }
}
