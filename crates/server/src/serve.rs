use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::Instant;

use crate::app::{App, RtmpPort};
use crate::config::Config;
use crate::connection::talk;
use crate::error::Error;
use crate::in_use::InUse;
use crate::places::Places;
use crate::{data_dir, erasure, http, outboxes, rtmp, summaries, timeout};

/// How long closing may take after the deadline: what is open is to be closed also when a request was cut.
const LAST_WAIT: Duration = Duration::from_secs(1);
/// Connections that may wait to be accepted, where the system allows as many.
const BACKLOG: u32 = 8_192;
/// The answer to a connection from an address that has its share.
const CROWDED: &str = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\n\
    Content-Type: application/problem+json\r\nContent-Length: 161\r\n\r\n\
    {\"type\":\"about:blank\",\"title\":\"Service indisponible\",\"status\":503,\
    \"detail\":\"Trop de connexions de cette adresse.\",\"error\":\"Trop de connexions de cette adresse.\"}";
/// How long to wait when the system refuses a connection (no file descriptor left).
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Serves until `shutdown` resolves, then leaves: accepts nothing more, lets requests finish within the configured
/// time, closes what is open. `on_ready` hears the address once requests are answered.
///
/// Answers the right to the data directory, to be held until the process ends: what did not finish in time may still
/// write.
///
/// # Errors
/// The data directory is in use or cannot be opened, or the address cannot be listened on.
pub async fn run(
    config: Config,
    shutdown: impl Future<Output = ()>,
    on_ready: impl FnOnce(SocketAddr),
) -> Result<InUse, Error> {
    data_dir::keep_private();
    data_dir::make(&config.data_dir)?;
    let in_use = InUse::take(&config.data_dir)?;
    let mut app = App::open(config).await?;
    let (listener, address) = listen_on(app.config.listen)?;
    let door = app.config.rtmp.map(listen_on).transpose()?;
    app.rtmp = RtmpPort(door.as_ref().map(|(_, address)| address.port()));
    let router = http::router(&app);
    let following = app.listeners.begin().await?;
    app.tasks.spawn(timeout::watch(app.clone()));
    app.tasks.spawn(timeout::let_frames_go(app.clone()));
    app.tasks.spawn(timeout::let_old_lives_go(app.clone()));
    app.tasks.spawn(summaries::keep(Arc::clone(&app.summaries), app.leaving.clone()));
    app.tasks.spawn(erasure::hear_changes(app.clone(), app.accounts.newest_change().await?));
    app.tasks.spawn(erasure::erase(app.clone()));
    app.tasks.spawn(outboxes::tell(app.clone()));
    in_use.tell(&public_url(&app.config, address));
    on_ready(address);
    tokio::select! {
        () = accept(&app, &listener, &router) => {}
        () = accept_rtmp(&app, door.as_ref().map(|(listener, _)| listener)) => {}
        () = shutdown => {}
    }
    drop((listener, door));
    leave(&app).await;
    // Last: a stop that is being answered waits for what follows it.
    following.abort();
    Ok(in_use)
}

fn listen_on(wanted: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let listening = |error| Error::Listen(wanted, error);
    let listener = listen(wanted).map_err(listening)?;
    let address = listener.local_addr().map_err(listening)?;
    Ok((listener, address))
}

/// Where people find this server.
fn public_url(config: &Config, address: SocketAddr) -> String {
    config.public_url.clone().unwrap_or_else(|| format!("http://{address}"))
}

/// Listens so that a crowd that comes back at once is not turned away for a second.
fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A server that starts again takes its address at once, as a listener of tokio's does.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// One order, one deadline: what the deadline cuts is what a crash would cut.
async fn leave(app: &App) {
    let deadline = Instant::now() + app.config.leaving;
    app.leaving.cancel();
    app.tasks.close();
    if tokio::time::timeout_at(deadline, app.tasks.wait()).await.is_err() {
        tracing::warn!("some requests did not finish in time");
    }
    if tokio::time::timeout_at(deadline + LAST_WAIT, app.publishers.leave()).await.is_err() {
        tracing::warn!("the last frames of some publishers could not be stored in time");
    }
    if tokio::time::timeout_at(deadline + LAST_WAIT, app.close()).await.is_err() {
        tracing::warn!("not everything could be closed in time");
    }
}

async fn accept(app: &App, listener: &TcpListener, router: &Router) {
    let places = Places::new(app.config.connections, app.config.connections_per_address);
    loop {
        let Some(free) = places.free().await else { return };
        match listener.accept().await {
            Ok((stream, address)) => {
                let place = if app.config.trust_proxy {
                    places.give_to_proxy(free)
                } else {
                    places.give(free, address.ip())
                };
                match place {
                    Some(place) => {
                        app.tasks.spawn(talk(stream, address, router.clone(), app.leaving.clone(), place));
                    }
                    None => refuse(&stream, address),
                }
            }
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

/// Takes connections of RTMP, where it is taken. Their places are their own: whoever holds them keeps no viewer out.
async fn accept_rtmp(app: &App, listener: Option<&TcpListener>) {
    let Some(listener) = listener else { return std::future::pending().await };
    let places = Places::new(app.config.connections, app.config.connections_per_address);
    loop {
        let Some(free) = places.free().await else { return };
        match listener.accept().await {
            Ok((stream, address)) => match places.give(free, address.ip()) {
                Some(place) => {
                    app.tasks.spawn(rtmp::talk(app.clone(), stream, address, place));
                }
                None => tracing::debug!(%address, "an address has all the RTMP connections that are for one"),
            },
            Err(error) => {
                tracing::warn!(%error, "could not accept an RTMP connection");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

/// Says why, as far as the system takes it at once: an address that has its share is not waited for.
fn refuse(stream: &TcpStream, address: SocketAddr) {
    tracing::debug!(%address, "an address has all the connections that are for one");
    let _ = stream.try_write(CROWDED.as_bytes());
}
