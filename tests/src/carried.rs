//! The tails of a live over its WebSocket, as a player reads them.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::{Live, Server};

/// How long something may take to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection that carries the tails of a live.
#[derive(Debug)]
pub struct Carried {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Bytes of binary frames that came.
    pub came: u64,
}

/// What comes.
#[derive(Debug, Clone, PartialEq)]
pub enum Came {
    /// A text frame.
    Told(Value),
    /// The track's number, whether its fragment goes on, and bytes.
    Bytes(u8, bool, Vec<u8>),
    /// The close code; `None` if the connection was cut.
    Closed(Option<u16>),
}

/// A take as it was carried: what was told of it, and the bytes of each track.
#[derive(Debug, Clone, Default)]
pub struct CarriedTake {
    /// The frame that began it.
    pub told: Value,
    /// By the number of the track.
    pub tracks: BTreeMap<u8, Vec<u8>>,
}

impl Carried {
    /// Opens it; `query` is as in `?from_ms=0`, or empty.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn open(server: &Server, live: &Live, query: &str) -> Self {
        Self::ask(server, live, query, &[]).await.unwrap_or_else(|status| panic!("{query}: {status}"))
    }

    /// Opens it with these headers; else the status of the refusal.
    ///
    /// # Errors
    /// The status with which it is refused.
    ///
    /// # Panics
    /// When nothing is answered.
    pub async fn ask(
        server: &Server,
        live: &Live,
        query: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, u16> {
        let url = format!("ws://{}{}{query}", server.address(), live.path("tail/ws/"));
        let mut request = url.clone().into_client_request().expect("an address");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a header"));
        }
        match connect_async(request).await {
            Ok((socket, _)) => Ok(Self { socket, came: 0 }),
            Err(Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("{url}: {error}"),
        }
    }

    /// Sends a frame.
    pub async fn send(&mut self, frame: Message) {
        self.socket.send(frame).await.expect("the connection takes a frame");
    }

    /// Says that all that came is taken. The server may have said its last word and left: reading tells.
    pub async fn take(&mut self) {
        let word = json!({"type": "taken", "bytes": self.came}).to_string();
        let _ = self.socket.send(Message::text(word)).await;
    }

    /// What comes next; `None` if nothing does for so long.
    ///
    /// # Panics
    /// When a frame cannot be read.
    pub async fn next_within(&mut self, patience: Duration) -> Option<Came> {
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            let next = tokio::time::timeout_at(deadline, self.socket.next()).await.ok()?;
            match next {
                Some(Ok(Message::Text(text))) => {
                    return Some(Came::Told(serde_json::from_str(&text).expect("a frame is JSON")));
                }
                Some(Ok(Message::Binary(bytes))) => {
                    self.came += bytes.len() as u64;
                    let (head, rest) = bytes.split_first().expect("a binary frame begins with its track");
                    return Some(Came::Bytes(head & 0x7f, head & 0x80 != 0, rest.to_vec()));
                }
                Some(Ok(Message::Close(frame))) => {
                    return Some(Came::Closed(frame.map(|frame| frame.code.into())));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Some(Came::Closed(None)),
            }
        }
    }

    /// What comes next.
    ///
    /// # Panics
    /// When nothing comes.
    pub async fn next(&mut self) -> Came {
        self.next_within(PATIENCE).await.expect("something comes")
    }

    /// The code with which it ends, whatever comes before that.
    pub async fn end(&mut self) -> Option<u16> {
        loop {
            if let Came::Closed(code) = self.next().await {
                return code;
            }
        }
    }

    /// Takes what comes next; false at the end.
    pub async fn end_or_take(&mut self) -> bool {
        match self.next().await {
            Came::Closed(_) => false,
            Came::Told(_) => true,
            Came::Bytes(..) => {
                self.take().await;
                true
            }
        }
    }

    /// All takes until it says that the live has ended.
    ///
    /// # Panics
    /// When it ends otherwise.
    pub async fn whole(&mut self) -> Vec<CarriedTake> {
        let mut takes: Vec<CarriedTake> = Vec::new();
        loop {
            match self.next().await {
                Came::Told(told) if told["type"] == "take" => {
                    takes.push(CarriedTake { told, tracks: BTreeMap::new() });
                }
                Came::Told(told) => {
                    assert_eq!(told, json!({"type": "ended"}));
                    assert_eq!(self.next().await, Came::Closed(Some(1000)));
                    return takes;
                }
                Came::Bytes(track, _, bytes) => {
                    let take = takes.last_mut().expect("a take is told before its bytes");
                    take.tracks.entry(track).or_default().extend(bytes);
                    self.take().await;
                }
                closed @ Came::Closed(_) => panic!("{closed:?} before the end"),
            }
        }
    }
}
