//! The history of a conversation as JSON, at once or part by part.

use std::sync::Arc;

use axum::body::Bytes;
use chat::{Chat, Message};
use ids::{LiveId, Seq};
use timeline::PlayClock;

/// The messages up to a number as a JSON array, part by part.
pub(super) fn parts_of_array(
    chat: Chat,
    id: LiveId,
    upto: Seq,
    clock: Arc<PlayClock>,
) -> impl futures_util::Stream<Item = Result<Bytes, chat::Error>> {
    futures_util::stream::try_unfold(Some(Seq(0)), move |after| {
        let (chat, clock) = (chat.clone(), Arc::clone(&clock));
        async move {
            let Some(after) = after else { return Ok(None) };
            let messages = chat.range(id, after, upto).await?;
            let next = messages.last().and_then(|message| message.seq);
            let mut text = lines(messages.iter(), &clock);
            text.insert(0, if after == Seq(0) { '[' } else { ',' });
            if next.is_none() {
                text = (if after == Seq(0) { "[]" } else { "]" }).to_owned();
            }
            Ok(Some((Bytes::from(text), next)))
        }
    })
}

/// Messages as a JSON array.
pub(super) fn array<'a>(messages: impl Iterator<Item = &'a Message>, clock: &PlayClock) -> String {
    format!("[{}]", lines(messages, clock))
}

fn lines<'a>(messages: impl Iterator<Item = &'a Message>, clock: &PlayClock) -> String {
    let mut text = String::new();
    for message in messages {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(&message.to_json(clock));
    }
    text
}
