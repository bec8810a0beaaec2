//! A server on a free port, people, and their connections.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use server::Written;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// How long an answer or a frame may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server of one test; it leaves when this is dropped.
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    client: Client,
    stop: Option<oneshot::Sender<()>>,
    served: Option<tokio::task::JoinHandle<()>>,
    directory: tempfile::TempDir,
}

/// Somebody signed in.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) id: i64,
    pub(crate) token: String,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Written { message_burst: NonZeroU32::new(100_000), ..Written::default() }).await
    }

    pub(crate) async fn with(written: Written) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (address, stop, served) = serve(written, &directory).await;
        let client = Client::builder().timeout(PATIENCE).build().unwrap();
        Self { address, client, stop: Some(stop), served: Some(served), directory }
    }

    /// Stops the server and starts it again on the same data.
    pub(crate) async fn restart(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        self.served.take().unwrap().await.unwrap();
        let (address, stop, served) = serve(Written::default(), &self.directory).await;
        (self.address, self.stop, self.served) = (address, Some(stop), Some(served));
    }

    pub(crate) async fn person(&self, name: &str) -> Person {
        let body = json!({"email": format!("{name}@exemple.sn"), "password": "une phrase assez longue",
            "first_name": name, "last_name": "Ndiaye"});
        let answer = self.send(Method::POST, "/api/users/register/", None, body).await;
        assert_eq!(answer.status(), 201);
        let answer: Value = answer.json().await.unwrap();
        let token = answer["tokens"]["access"].as_str().unwrap().to_owned();
        Person { id: answer["user"]["id"].as_i64().unwrap(), token }
    }

    pub(crate) async fn live(&self, author: &Person, visibility: &str) -> i64 {
        let body = json!({"title": "Essai", "visibility": visibility});
        let answer = self.send(Method::POST, "/api/posts/live/start/", Some(author), body).await;
        assert_eq!(answer.status(), 201);
        answer.json::<Value>().await.unwrap()["live_id"].as_i64().unwrap()
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        who: Option<&Person>,
        body: Value,
    ) -> Response {
        self.raw(method, path, who, body.to_string().into_bytes()).await
    }

    pub(crate) async fn raw(
        &self,
        method: Method,
        path: &str,
        who: Option<&Person>,
        body: Vec<u8>,
    ) -> Response {
        let mut request = self.client.request(method, format!("http://{}{path}", self.address)).body(body);
        if let Some(person) = who {
            request = request.bearer_auth(&person.token);
        }
        // What `curl -d` announces.
        request.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str, who: Option<&Person>) -> Response {
        self.send(Method::GET, path, who, Value::Null).await
    }

    pub(crate) async fn read(&self, path: &str) -> Value {
        let answer = self.get(path, None).await;
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    }

    /// Posts a message that is taken.
    pub(crate) async fn say(&self, live: i64, who: &Person, content: &str) -> Value {
        let (status, message) = self.post(live, who, json!({"content": content})).await;
        assert_eq!(status, 201, "{message}");
        message
    }

    pub(crate) async fn post(&self, live: i64, who: &Person, body: Value) -> (u16, Value) {
        let answer = self.send(Method::POST, &format!("/api/posts/live/{live}/chat/"), Some(who), body).await;
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    pub(crate) async fn open(&self, live: i64, query: &str) -> Socket {
        let url = format!("ws://{}/api/posts/live/{live}/chat/ws/{query}", self.address);
        Socket { inner: connect_async(url).await.unwrap().0 }
    }
}

async fn serve(
    written: Written,
    directory: &tempfile::TempDir,
) -> (SocketAddr, oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
    let data_dir = Some(directory.path().join("data"));
    let listen = Some("127.0.0.1:0".parse().unwrap());
    let config = Written { data_dir, listen, reserve: Some(0), ..written }.meant().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let (ready, address) = oneshot::channel();
    let served = tokio::spawn(async move {
        let shutdown = async {
            let _ = stopped.await;
        };
        server::run(config, shutdown, |address| ready.send(address).unwrap()).await.unwrap();
    });
    (address.await.unwrap(), stop, served)
}

/// A connection to a conversation.
pub(crate) struct Socket {
    pub(crate) inner: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Socket {
    pub(crate) async fn send(&mut self, frame: Value) {
        self.inner.send(Message::text(frame.to_string())).await.unwrap();
    }

    /// The next frame of a type, others left out.
    pub(crate) async fn next(&mut self, kind: &str) -> Value {
        loop {
            match self.frame().await {
                Message::Text(text) => {
                    let frame: Value = serde_json::from_str(&text).unwrap();
                    if frame["type"] == kind {
                        return frame;
                    }
                }
                Message::Close(close) => panic!("closed while waiting for {kind}: {close:?}"),
                _ => {}
            }
        }
    }

    pub(crate) async fn frame(&mut self) -> Message {
        let next = tokio::time::timeout(PATIENCE, self.inner.next()).await.expect("a frame comes in time");
        next.expect("the connection is open").expect("a frame can be read")
    }

    /// Why the server ends the connection.
    pub(crate) async fn close_code(&mut self) -> Option<u16> {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.inner.next()).await.expect("it ends in time");
            match next {
                Some(Ok(Message::Close(close))) => return close.map(|close| close.code.into()),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    }

    pub(crate) async fn authenticate(&mut self, person: &Person) {
        self.send(json!({"type": "auth", "token": person.token})).await;
        assert_eq!(self.next("authenticated").await["user"]["id"], person.id);
    }

    /// Messages until the one with this number.
    pub(crate) async fn messages_upto(&mut self, seq: i64) -> Vec<Value> {
        let mut messages: Vec<Value> = Vec::new();
        while messages.last().is_none_or(|last| last["seq"].as_i64() < Some(seq)) {
            let frame = self.next("messages").await;
            messages.extend(frame["messages"].as_array().unwrap().iter().cloned());
        }
        messages
    }
}

pub(crate) fn seqs(messages: &[Value]) -> Vec<i64> {
    messages.iter().map(|message| message["seq"].as_i64().unwrap()).collect()
}
