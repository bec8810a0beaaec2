//! Moderation of a conversation: slow mode, unwanted words, approval, silence and ban, a pinned message, named moderators.
//! Every act is written down.

mod actions;
mod words;

use std::collections::BTreeSet;

use serde::Serialize;
use timeline::PlayClock;

pub use words::{WORD_LIMIT, WORDS_LIMIT, WordList};

use crate::message::Message;

/// Longest slow mode, one hour in milliseconds.
pub const SLOW_LIMIT_MS: i64 = 3_600_000;
/// Longest silence, one year in milliseconds. Whoever is to be silent longer is banned.
pub const SILENCE_LIMIT_MS: i64 = 365 * 24 * 3_600_000;

/// How a conversation is led.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// Grows with every act: of two, the newer has the higher one.
    pub version: i64,
    /// Shortest time between two messages of one person, in milliseconds; 0 without slow mode.
    pub slow_ms: i64,
    /// Whether messages wait for approval.
    pub hold: bool,
    /// Whether everybody may see who is connected, not only those who lead.
    pub show_members: bool,
    /// The message that stands on top.
    pub pinned: Option<Box<Message>>,
    /// Words that are not wanted.
    pub words: WordList,
    /// Whom the live's author named.
    pub moderators: BTreeSet<i64>,
}

impl Rules {
    /// Whether somebody leads this conversation who is neither the live's author nor a moderator of the whole site.
    #[must_use]
    pub fn names(&self, person_id: i64) -> bool {
        self.moderators.contains(&person_id)
    }

    /// What everybody may know: `{slow_ms, hold, show_members, pinned}`.
    #[must_use]
    pub fn to_json(&self, clock: &PlayClock) -> String {
        let pinned = self.pinned.as_ref().map_or("null".to_owned(), |message| message.to_json(clock));
        let Self { slow_ms, hold, show_members, .. } = self;
        format!(r#"{{"slow_ms":{slow_ms},"hold":{hold},"show_members":{show_members},"pinned":{pinned}}}"#)
    }

    /// Whether viewers see the same in both.
    pub(crate) fn looks_like(&self, other: &Self) -> bool {
        (self.slow_ms, self.hold, self.show_members, &self.pinned)
            == (other.slow_ms, other.hold, other.show_members, &other.pinned)
    }
}

/// What is to change in how a conversation is led; `None` leaves it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RulesChange {
    /// Slow mode, 0 to [`SLOW_LIMIT_MS`].
    pub slow_ms: Option<i64>,
    /// Whether messages wait for approval.
    pub hold: Option<bool>,
    /// Whether everybody may see who is connected.
    pub show_members: Option<bool>,
    /// Id of the message on top, or none.
    pub pinned: Option<Option<i64>>,
    /// Words that are not wanted.
    pub words: Option<WordList>,
}

/// Somebody who may not write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Sanction {
    /// Who.
    pub person_id: i64,
    /// Until when, in milliseconds since 1970 UTC; `None` for a ban, which does not end.
    pub until_ms: Option<i64>,
    /// Whether their messages, the newest thousand at most, are deleted too.
    #[serde(skip)]
    pub delete_messages: bool,
}

/// A message that waits for approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// By what it is approved or rejected.
    pub id: i64,
    /// The message, which has no number yet.
    pub message: Message,
}

/// One act of somebody who leads, as it was written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Act {
    /// Its number among all acts.
    pub id: i64,
    /// When, in milliseconds since 1970 UTC.
    #[serde(rename = "timestamp", serialize_with = "crate::times::rfc3339")]
    pub at_ms: i64,
    /// Who did it.
    pub by_id: i64,
    /// What: `delete`, `silence`, `ban`, `lift`, `slow`, `hold`, `show members`, `words`, `pin`, `moderator`, `no moderator`, `approve`,
    /// `reject`.
    pub act: String,
    /// The person or the message it was done to.
    pub subject: Option<i64>,
    /// More about it.
    pub detail: String,
}

/// Somebody who moderates a conversation, when and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acting {
    /// Where.
    pub live_id: i64,
    /// Who.
    pub by_id: i64,
    /// When, in milliseconds since 1970 UTC.
    pub now_ms: i64,
}

/// Somebody who writes or acts in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Speaker {
    /// Their id.
    pub id: i64,
    /// Whether they are the live's author or a moderator of the whole site. Moderators named for this live alone are
    /// known here.
    pub leads: bool,
}
