//! Somebody who is told what happens: an HTTP server that keeps what it is sent and answers what it is told to.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::within;

/// A request that was received.
#[derive(Debug, Clone)]
pub struct Received {
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, as it came.
    pub body: Vec<u8>,
    /// The status it was answered with.
    pub status: u16,
}

impl Received {
    /// Its body as JSON.
    ///
    /// # Panics
    /// It is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a webhook sends JSON")
    }

    /// What happened, and to which live.
    #[must_use]
    pub fn event(&self) -> (String, Option<i64>) {
        let body = self.json();
        (body["type"].as_str().unwrap_or_default().to_owned(), body["data"]["live_id"].as_i64())
    }

    /// Its `webhook-id`.
    #[must_use]
    pub fn id(&self) -> String {
        self.headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned()
    }
}

/// What is answered to a body: the head of an answer without its end, such as `200 OK`, with further lines if need be.
type Answering = Box<dyn Fn(&Value) -> String + Send>;

/// The receiver; ends when dropped.
pub struct Receiver {
    address: String,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

struct Shared {
    received: Mutex<Vec<Received>>,
    answering: Mutex<Answering>,
}

impl Receiver {
    /// One that takes everything.
    ///
    /// # Panics
    /// It cannot listen.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it has an address").to_string();
        let answering: Answering = Box::new(|_| "204 No Content".to_owned());
        let shared = Arc::new(Shared { received: Mutex::default(), answering: Mutex::new(answering) });
        let with = Arc::clone(&shared);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&with)));
            }
        });
        Self { address, shared, serving }
    }

    /// Where it is told.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Answers so from now on.
    pub fn answer(&self, answering: impl Fn(&Value) -> String + Send + 'static) {
        *self.shared.answering.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(answering);
    }

    /// What it was sent so far.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The names of the events of a live that were taken so far, each once, in the order in which they came.
    #[must_use]
    pub fn taken_of(&self, live: i64) -> Vec<String> {
        let mut known = Vec::new();
        let taken = self.received().into_iter().filter(|one| (200..300).contains(&one.status));
        let of_live = taken.filter(|one| one.event().1 == Some(live));
        let first = of_live.filter(|one| {
            let is_new = !known.contains(&one.id());
            known.push(one.id());
            is_new
        });
        first.map(|one| one.event().0).collect()
    }

    /// Waits until an event of this kind was taken, and tells it.
    ///
    /// # Panics
    /// It was not within the time.
    pub async fn taken(&self, time: Duration, kind: &str) -> Received {
        let find = || {
            self.received().into_iter().find(|one| (200..300).contains(&one.status) && one.event().0 == kind)
        };
        within(time, kind, async || find().is_some()).await;
        find().expect("it was there")
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let Some((headers, body)) = request(&mut stream).await else { return };
    let json: Value = serde_json::from_slice(&body).unwrap_or_default();
    let answer = (shared.answering.lock().unwrap_or_else(PoisonError::into_inner))(&json);
    let status = answer.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0);
    let received = Received { headers, body, status };
    shared.received.lock().unwrap_or_else(PoisonError::into_inner).push(received);
    let head = format!("HTTP/1.1 {answer}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    let _ = stream.write_all(head.as_bytes()).await;
}

/// Headers and body of a request whose length is said.
async fn request(stream: &mut TcpStream) -> Option<(HeaderMap, Vec<u8>)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    let headers: HeaderMap = fields
        .filter_map(|(name, value)| {
            let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
            Some((name, HeaderValue::from_str(value.trim()).ok()?))
        })
        .collect();
    let length: usize = headers.get("content-length")?.to_str().ok()?.parse().ok()?;
    while bytes.len() < end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    Some((headers, bytes[end..].to_vec()))
}
