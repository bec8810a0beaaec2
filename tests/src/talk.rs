//! The conversation over its WebSocket.

use std::fmt::Debug;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::{Live, Person, Server, contract};

/// How long a frame may take to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a socket may stand on.
pub trait Connection: AsyncRead + AsyncWrite + Debug + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Debug + Send + Unpin> Connection for S {}

/// A connection to a live's conversation.
#[derive(Debug)]
pub struct Talk {
    socket: WebSocketStream<Box<dyn Connection>>,
    held: Vec<Value>,
}

impl Talk {
    /// Connects as a reader; `query` is as in `?after=0`, or empty.
    pub async fn open(server: &Server, live: &Live, query: &str) -> Self {
        let stream = TcpStream::connect(server.address()).await.expect("the server listens");
        Self::over(stream, server, live, query).await
    }

    /// The same over a connection that is there.
    pub async fn over(stream: impl Connection + 'static, server: &Server, live: &Live, query: &str) -> Self {
        let url = format!("ws://{}{}{query}", server.address(), live.path("chat/ws/"));
        let stream: Box<dyn Connection> = Box::new(stream);
        let opened = client_async(&url, stream).await;
        let (socket, _) = opened.unwrap_or_else(|error| panic!("{url}: {error}"));
        Self { socket, held: Vec::new() }
    }

    /// Says who is writing, and waits until it is believed.
    pub async fn authenticate(&mut self, person: &Person) -> Value {
        self.send(json!({"type": "auth", "token": person.access})).await;
        self.next_of("authenticated").await
    }

    /// Sends a frame.
    pub async fn send(&mut self, frame: Value) {
        self.socket.send(Message::text(frame.to_string())).await.expect("the connection takes a frame");
    }

    /// The next frame of a type; others are kept for later calls.
    pub async fn next_of(&mut self, kind: &str) -> Value {
        self.next_where(|frame| frame["type"] == kind, kind).await
    }

    /// The next `messages` frame that holds something.
    pub async fn messages(&mut self) -> Vec<Value> {
        let some = |frame: &Value| {
            frame["type"] == "messages" && frame["messages"].as_array().is_some_and(|list| !list.is_empty())
        };
        let frame = self.next_where(some, "messages").await;
        frame["messages"].as_array().cloned().unwrap_or_default()
    }

    /// Messages until there are `count`, in the order they came.
    pub async fn collect(&mut self, count: usize) -> Vec<Value> {
        let mut all = Vec::new();
        while all.len() < count {
            all.extend(self.messages().await);
        }
        all
    }

    /// The next frame of which `wanted` is true; others are kept for later calls.
    pub async fn next_where(&mut self, wanted: impl Fn(&Value) -> bool, what: &str) -> Value {
        if let Some(at) = self.held.iter().position(&wanted) {
            return self.held.remove(at);
        }
        loop {
            let frame = self.receive(what).await;
            if wanted(&frame) {
                return frame;
            }
            self.held.push(frame);
        }
    }

    /// The code with which the server closes the connection, `within` this time; frames before it are dropped.
    ///
    /// # Panics
    /// When it does not.
    pub async fn closed(&mut self, within: Duration) -> u16 {
        let closing = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Close(Some(frame)))) => return frame.code.into(),
                    Some(Ok(Message::Close(None)) | Err(_)) | None => {
                        panic!("the connection ends without a code")
                    }
                    Some(Ok(_)) => {}
                }
            }
        };
        tokio::time::timeout(within, closing).await.expect("the server closes the connection")
    }

    async fn receive(&mut self, what: &str) -> Value {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.socket.next()).await;
            match next {
                Ok(Some(Ok(Message::Text(text)))) => {
                    let frame: Value = serde_json::from_str(&text).expect("a frame is JSON");
                    contract::check_frame(&frame).unwrap_or_else(|wrong| panic!("{wrong}: {frame}"));
                    return frame;
                }
                Ok(Some(Ok(_))) => {}
                other => panic!("no {what} frame came: {other:?}; before it: {:?}", self.held),
            }
        }
    }
}
