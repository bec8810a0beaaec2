//! Somebody who writes and reads over a line that breaks: what is not acknowledged is sent again, and reading goes on
//! after what was seen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use promises::random::Random;
use promises::{Live, Person};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::line::{Counts, Line};

/// Messages on their way at once.
const ON_THE_WAY: usize = 4;
/// How long a connection is tried.
const CONNECTING: Duration = Duration::from_secs(2);
/// The pause before the next attempt.
const AGAIN: Duration = Duration::from_millis(10);
/// What is not acknowledged after so long is believed lost.
const SILENCE: Duration = Duration::from_secs(5);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What an author says in a turn.
pub(crate) fn words(author: usize, count: u64) -> String {
    format!("L'auteur {author} dit {count}")
}

/// The place an author was looking at, offline or not.
pub(crate) fn position(author: usize, count: u64) -> Value {
    json!({"take": 1, "ms": author as u64 * 1_000 + count})
}

/// Whether an author deletes what was said in a turn.
pub(crate) fn regrets(count: u64) -> bool {
    count.is_multiple_of(10)
}

/// What somebody saw in the end.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) number: usize,
    /// Ids of the messages, in the order of their numbers from 1.
    pub(crate) order: Vec<i64>,
    /// Numbers of those that are deleted.
    pub(crate) deleted: BTreeSet<u64>,
    /// The ids under which the author's own messages were acknowledged.
    pub(crate) mine: BTreeMap<u64, i64>,
    change: Option<i64>,
}

/// Who writes so many messages, one of ten of which they delete, and reads until everything was seen.
#[derive(Debug)]
pub(crate) struct Speaker {
    pub(crate) number: usize,
    /// Nobody signed in only reads.
    pub(crate) person: Option<Person>,
    pub(crate) live: Live,
    pub(crate) says: u64,
    /// How many messages and deletions there will be of all.
    pub(crate) everything: (u64, u64),
    pub(crate) random: Random,
    pub(crate) counts: Arc<Counts>,
    /// How long it may take.
    pub(crate) patience: Duration,
}

impl Seen {
    fn new(number: usize) -> Self {
        let (order, deleted, mine) = (Vec::new(), BTreeSet::new(), BTreeMap::new());
        Self { number, order, deleted, mine, change: None }
    }

    /// The next messages: no hole and no double.
    fn read(&mut self, frame: &Value) {
        for message in frame["messages"].as_array().into_iter().flatten() {
            assert_eq!(message["seq"], self.order.len() + 1, "speaker {}: {message}", self.number);
            self.order.push(message["id"].as_i64().expect("a message has an id"));
            if message["deleted"] == true {
                self.deleted.insert(self.order.len() as u64);
            }
        }
        self.change = frame["change"].as_i64();
    }

    /// However often it is said, it is the same message.
    fn acknowledged(&mut self, count: u64, message: &Value) {
        let id = message["id"].as_i64().unwrap_or_else(|| panic!("a message without an id: {message}"));
        let before = self.mine.insert(count, id);
        assert!(before.is_none_or(|before| before == id), "two messages for one: {before:?}, {message}");
    }
}

/// What is said and not acknowledged.
#[derive(Default)]
struct Unsent {
    /// By turn; whether it was sent on this connection.
    waiting: BTreeMap<u64, bool>,
    next: u64,
}

impl Speaker {
    pub(crate) async fn run(mut self, line: Line) -> Seen {
        let mut seen = Seen::new(self.number);
        let mut unsent = Unsent::default();
        let begin = Instant::now();
        while !(line.holds() && self.is_done(&seen)) {
            assert!(begin.elapsed() < self.patience, "{} {:?}", self.told(&seen), unsent.waiting);
            let sent_before = unsent.waiting.values().filter(|sent| **sent).count() as u64;
            self.counts.sent_again.fetch_add(sent_before, Ordering::Relaxed);
            unsent.waiting.values_mut().for_each(|sent| *sent = false);
            if let Some(mut socket) = self.connect(&line, &seen).await {
                self.talk(&mut socket, &line, &mut seen, &mut unsent).await;
            }
            tokio::time::sleep(AGAIN).await;
        }
        seen
    }

    fn told(&self, seen: &Seen) -> String {
        let (messages, deletions) = self.everything;
        format!(
            "speaker {} saw {} of {messages} messages and {} of {deletions} deletions, {} of {} acknowledged",
            self.number,
            seen.order.len(),
            seen.deleted.len(),
            seen.mine.len(),
            self.says
        )
    }

    fn is_done(&self, seen: &Seen) -> bool {
        let (messages, deletions) = self.everything;
        let heard = (seen.order.len() as u64, seen.deleted.len() as u64) == (messages, deletions);
        seen.mine.len() as u64 == self.says && heard
    }

    async fn connect(&self, line: &Line, seen: &Seen) -> Option<Socket> {
        let since = seen.change.map_or(String::new(), |change| format!("&since={change}"));
        let path = self.live.path(&format!("chat/ws/?after={}{since}", seen.order.len()));
        let url = format!("ws://{}{path}", line.address);
        let connected = tokio::time::timeout(CONNECTING, connect_async(url)).await;
        let (mut socket, _) = connected.ok()?.ok()?;
        if let Some(person) = &self.person {
            let auth = json!({"type": "auth", "token": person.access});
            socket.send(Message::text(auth.to_string())).await.ok()?;
        }
        Some(socket)
    }

    /// Until the connection breaks, or all is said, seen and the line holds.
    async fn talk(&mut self, socket: &mut Socket, line: &Line, seen: &mut Seen, unsent: &mut Unsent) {
        while !(line.holds() && self.is_done(seen)) {
            if self.say(socket, unsent).await.is_none() {
                return;
            }
            match tokio::time::timeout(SILENCE, socket.next()).await {
                Ok(Some(Ok(Message::Text(text)))) => {
                    let frame = serde_json::from_str(&text).expect("a frame is JSON");
                    self.hear(&frame, seen, unsent).await;
                }
                Ok(Some(Ok(_))) => {}
                _ => return,
            }
        }
    }

    /// Sends what may be on its way, some of it twice.
    async fn say(&mut self, socket: &mut Socket, unsent: &mut Unsent) -> Option<()> {
        while unsent.next < self.says && unsent.waiting.len() < ON_THE_WAY {
            unsent.waiting.insert(unsent.next, false);
            unsent.next += 1;
        }
        for (&count, sent) in unsent.waiting.iter_mut().filter(|(_, sent)| !**sent) {
            let mut frame = self.message(count);
            frame["type"] = "send".into();
            let frame = frame.to_string();
            *sent = true;
            socket.send(Message::text(frame.as_str())).await.ok()?;
            if self.random.between(0, 9) == 0 {
                self.counts.sent_twice_at_once.fetch_add(1, Ordering::Relaxed);
                socket.send(Message::text(frame)).await.ok()?;
            }
        }
        Some(())
    }

    /// Something came.
    async fn hear(&mut self, frame: &Value, seen: &mut Seen, unsent: &mut Unsent) {
        match frame["type"].as_str() {
            Some("messages") => seen.read(frame),
            Some("deleted") => {
                seen.deleted.extend(frame["seqs"].as_array().into_iter().flatten().filter_map(Value::as_u64));
                seen.change = frame["change"].as_i64();
            }
            Some("ack") => {
                let count = self.turn_of(frame);
                seen.acknowledged(count, &frame["message"]);
                if unsent.waiting.remove(&count).is_some() && regrets(count) {
                    self.delete(&frame["message"]).await;
                }
                // Nothing earlier is on its way, so the oldest cannot overtake another.
                let oldest = unsent.waiting.first_key_value().map(|(&count, _)| count);
                if let Some(oldest) = oldest.filter(|_| self.random.between(0, 9) == 0) {
                    seen.acknowledged(oldest, &self.post(oldest).await);
                }
            }
            Some("refused") => panic!("speaker {}: {frame}", self.number),
            _ => {}
        }
    }

    /// Which of the author's messages an acknowledgement is of.
    fn turn_of(&self, ack: &Value) -> u64 {
        let digits = ack["client_id"].as_str().and_then(|id| id.get(28..36));
        digits.and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or_else(|| panic!("{ack}"))
    }

    /// The same message over HTTP; the message as it is kept.
    async fn post(&self, count: u64) -> Value {
        self.counts.sent_over_http_too.fetch_add(1, Ordering::Relaxed);
        let person = self.person.as_ref().expect("who writes is signed in");
        let answer = person.api.post(&self.live.path("chat/"), self.message(count)).await;
        assert!(matches!(answer.status, 200 | 201), "{}: {}", answer.status, answer.text());
        answer.json()
    }

    async fn delete(&self, message: &Value) {
        let person = self.person.as_ref().expect("who writes is signed in");
        person.api.delete(&self.live.path(&format!("chat/{}/", message["id"]))).await.must_be(204);
    }

    /// The fields of a message, the same whenever it is sent.
    fn message(&self, count: u64) -> Value {
        let client_id = format!("00000000-0000-4000-8000-{:04x}{count:08x}", self.number);
        let (author, content) = (self.number, words(self.number, count));
        json!({"client_id": client_id, "content": content, "position": position(author, count)})
    }
}
