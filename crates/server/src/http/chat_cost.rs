//! What it costs to read a conversation: the bytes of its history as it is sent, compressed.

use std::io::Write;

use chat::Chat;
use flate2::Compression;
use flate2::write::GzEncoder;
use ids::{LiveId, Seq};
use moka::sync::Cache;

use super::chat_history::array;
use crate::recorded::Recordings;

/// Conversations of which it is remembered what they cost.
const KNOWN: u64 = 16_384;
/// Bytes of a history that are looked at, or a few more: what a longer one costs is worked out from these.
const MEASURED: usize = 1 << 20;
/// About what a message costs, and an empty history, where nothing was measured: the messages of a conversation are much
/// alike.
const MESSAGE: u64 = 64;
const NOTHING: u64 = 22;

/// What conversations cost, as far as it was measured; clones share it.
#[derive(Clone)]
pub(crate) struct ChatCosts(Cache<LiveId, Cost>);

/// So many bytes for so many messages, looked at when the conversation had so many.
#[derive(Debug, Clone, Copy)]
struct Cost {
    at: u64,
    messages: u64,
    bytes: u64,
}

impl Default for ChatCosts {
    fn default() -> Self {
        Self(Cache::new(KNOWN))
    }
}

impl ChatCosts {
    /// What so many messages of a live cost, from what is known of it.
    pub(super) fn about(&self, live: LiveId, messages: i64) -> u64 {
        let messages = unsigned(messages);
        self.0.get(&live).map_or_else(|| NOTHING + messages * MESSAGE, |cost| cost.of(messages))
    }

    /// The same, measured again if the conversation has grown by a tenth since, or shrunk.
    pub(super) async fn measured(
        &self,
        (chat, recordings): (&Chat, &Recordings),
        live: LiveId,
        messages: i64,
    ) -> u64 {
        let count = unsigned(messages);
        let is_known = self.0.get(&live).is_some_and(|cost| (cost.at..=cost.at * 11 / 10).contains(&count));
        if !is_known {
            match measure(chat, recordings, live, count).await {
                Ok(cost) => self.0.insert(live, cost),
                Err(error) => {
                    tracing::warn!(%live, %error, "what a conversation costs could not be measured")
                }
            }
        }
        self.about(live, messages)
    }
}

impl Cost {
    fn of(self, messages: u64) -> u64 {
        match self.messages {
            0 => self.bytes + messages * MESSAGE,
            known => self.bytes * messages / known,
        }
    }
}

/// What a conversation of so many messages costs, from the beginning of its history as it is sent, compressed.
async fn measure(chat: &Chat, recordings: &Recordings, live: LiveId, at: u64) -> Result<Cost, chat::Error> {
    let clock = recordings.clock(live).await;
    let upto = chat.counters(live).await?.last_seq;
    let (mut after, mut messages, mut text) = (Seq(0), 0, String::new());
    while text.len() < MEASURED {
        let range = chat.range(live, after, upto).await?;
        let Some(last) = range.last().and_then(|message| message.seq) else {
            // All of it was looked at, whatever the count takes for a message.
            messages = at;
            break;
        };
        after = last;
        messages += range.len() as u64;
        text.push_str(&array(range.iter(), &clock));
    }
    if text.is_empty() {
        text.push_str("[]");
    }
    let bytes = tokio::task::spawn_blocking(move || compressed(text.as_bytes())).await.unwrap_or(0);
    Ok(Cost { at, messages, bytes: bytes as u64 })
}

fn compressed(bytes: &[u8]) -> usize {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // Writing to memory does not fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().map_or(0, |bytes| bytes.len())
}

fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
