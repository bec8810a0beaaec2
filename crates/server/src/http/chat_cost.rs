//! What it costs to read a conversation: the bytes of its history as it is sent, compressed.

use std::io::Write;
use std::sync::Arc;

use axum::body::Bytes;
use chat::Chat;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::{StreamExt, TryStreamExt};
use ids::LiveId;
use moka::sync::Cache;

use super::chat_history::parts_of_array;
use crate::recorded::Recordings;

/// Conversations of which it is remembered what they cost.
const KNOWN: u64 = 16_384;
/// Bytes of a history that are looked at: what a longer one costs is worked out from these.
const MEASURED: usize = 1 << 20;
/// About what a message costs, and an empty history, where nothing was measured: the messages of a conversation are much
/// alike.
const MESSAGE: u64 = 64;
const NOTHING: u64 = 22;

/// What conversations cost, as far as it was measured; clones share it.
#[derive(Clone)]
pub(crate) struct ChatCosts(Cache<LiveId, Cost>);

/// So many bytes for so many messages.
#[derive(Debug, Clone, Copy)]
struct Cost {
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
        let is_known =
            self.0.get(&live).is_some_and(|cost| (cost.messages..=cost.messages * 11 / 10).contains(&count));
        if !is_known {
            match measure(chat, recordings, live).await {
                Ok(bytes) => self.0.insert(live, Cost { messages: count, bytes }),
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

/// Compresses a history as it is sent.
async fn measure(chat: &Chat, recordings: &Recordings, live: LiveId) -> Result<u64, chat::Error> {
    let clock = recordings.clock(live).await;
    let upto = chat.counters(live).await?.last_seq;
    let mut parts = Box::pin(parts_of_array(chat.clone(), live, upto, Arc::clone(&clock)));
    let (mut all, mut seen) = (0, Vec::new());
    while let Some(part) = parts.next().await {
        let part: Bytes = part?;
        all += part.len();
        let room = MEASURED - seen.len();
        seen.extend_from_slice(&part[..part.len().min(room)]);
        if seen.len() >= MEASURED {
            // The rest is counted, not compressed.
            all += parts
                .by_ref()
                .map_ok(|part| part.len())
                .try_fold(0, |sum, len| async move { Ok(sum + len) })
                .await?;
            break;
        }
    }
    let looked_at = seen.len().max(1);
    let compressed = tokio::task::spawn_blocking(move || compressed(&seen)).await.unwrap_or(0);
    Ok((compressed as u128 * all as u128 / looked_at as u128) as u64)
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
