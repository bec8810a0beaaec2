//! Authors who send a message again until it is kept, and readers who follow the conversation wherever it goes.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::StreamExt;
use promises::{Live, Person};
use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use super::{Place, Shared, lock};

/// What authors were told is kept: the content of each number.
pub(crate) type Acknowledged = Shared<HashMap<u64, String>>;

/// Writes numbered messages at a steady rate, each sent again with its `client_id` until it is kept.
#[derive(Debug)]
pub(crate) struct Author {
    pub(crate) number: u64,
    pub(crate) person: Person,
    pub(crate) live: Live,
    pub(crate) every: Duration,
    pub(crate) acknowledged: Acknowledged,
}

impl Author {
    /// Until the end of the campaign; answers how many messages were kept.
    pub(crate) async fn run(self, place: Place) -> u64 {
        let mut ticks = tokio::time::interval(self.every);
        let mut count = 0;
        while !place.is_over() {
            ticks.tick().await;
            self.say(&place, count).await;
            count += 1;
        }
        count
    }

    async fn say(&self, place: &Place, count: u64) {
        let content = format!("{} {count}", self.number);
        let client_id = format!("00000000-0000-4000-8000-{:04x}{count:08x}", self.number);
        let body = json!({"content": content, "client_id": client_id});
        let path = self.live.path("chat/");
        let answer = place
            .ask(&self.person.api, &[200, 201], |api| api.request(Method::POST, &path).json(&body))
            .await;
        let answer = answer.json();
        assert_eq!(answer["content"], content.as_str(), "{answer}");
        let seq = answer["seq"].as_u64().expect("a message has a number");
        let before = lock(&self.acknowledged).insert(seq, content);
        assert!(before.is_none(), "two messages with the number {seq}");
    }
}

/// Follows the conversation over a WebSocket, coming back with `after=`: no hole and no double, whatever happens.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) live: Live,
    /// The messages seen, by number from 1.
    pub(crate) seen: Shared<Vec<String>>,
}

impl Reader {
    pub(crate) async fn run(self, place: Place) {
        while !place.is_over() {
            let base = place.base().await;
            let after = lock(&self.seen).len();
            let path = self.live.path(&format!("chat/ws/?after={after}"));
            let url = format!("{}{path}", base.replacen("http", "ws", 1));
            let Ok(Ok((mut socket, _))) =
                tokio::time::timeout(Duration::from_secs(5), connect_async(&url)).await
            else {
                tokio::time::sleep(super::AGAIN).await;
                continue;
            };
            // A connection that says nothing for so long may be half open; the server's own ping is no news.
            while let Ok(Some(Ok(frame))) = tokio::time::timeout(Duration::from_secs(3), socket.next()).await
            {
                if let Message::Text(text) = frame {
                    self.take(&serde_json::from_str(&text).expect("a frame is JSON"));
                }
                if place.is_over() {
                    break;
                }
            }
        }
    }

    fn take(&self, frame: &Value) {
        if frame["type"] != "messages" {
            return;
        }
        let mut seen = lock(&self.seen);
        for message in frame["messages"].as_array().into_iter().flatten() {
            assert_eq!(message["seq"].as_u64(), Some(seen.len() as u64 + 1), "a hole or a double: {message}");
            seen.push(message["content"].as_str().unwrap_or_default().to_owned());
        }
    }
}
