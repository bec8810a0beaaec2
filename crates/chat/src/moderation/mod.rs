//! Moderation of a conversation: slow mode, unwanted words, approval, silence and ban, a pinned message, named moderators.
//! Every act is written down.

mod actions;
mod reports;
mod words;

use std::collections::BTreeSet;

use ids::{ActId, HeldId, LiveId, MessageId, PersonId, ReportId, UnixMs};
use timeline::PlayClock;
use wire::Time;
use wire::moderation::{ChatRules, ModerationAct};

pub use words::{WORD_LIMIT, WORDS_LIMIT, WordList};

use crate::message::Message;

/// Longest slow mode, one hour in milliseconds.
pub const SLOW_LIMIT_MS: i64 = 3_600_000;
/// Longest silence, one year in milliseconds. Whoever is to be silent longer is banned.
pub const SILENCE_LIMIT_MS: i64 = 365 * 24 * 3_600_000;

/// How a conversation is led.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// The newest act: of two, the newer has the higher one.
    pub version: ActId,
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
    pub moderators: BTreeSet<PersonId>,
}

impl Rules {
    /// Whether somebody leads this conversation who is neither the live's author nor a moderator of the whole site.
    #[must_use]
    pub fn names(&self, person_id: PersonId) -> bool {
        self.moderators.contains(&person_id)
    }

    /// As the wire has them: what everybody may know, and the words too for those who lead.
    #[must_use]
    pub fn on_wire(&self, leads: bool, clock: &PlayClock) -> ChatRules<'_> {
        ChatRules {
            slow_ms: self.slow_ms,
            hold: self.hold,
            show_members: self.show_members,
            pinned: self.pinned.as_ref().map(|message| message.on_wire(clock)),
            words: leads.then(|| self.words.words()),
        }
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
    pub pinned: Option<Option<MessageId>>,
    /// Words that are not wanted.
    pub words: Option<WordList>,
}

/// Somebody who may not write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sanction {
    /// Who.
    pub person_id: PersonId,
    /// Until when, in milliseconds since 1970 UTC; `None` for a ban, which does not end.
    pub until_ms: Option<UnixMs>,
    /// Whether their messages, the newest thousand at most, are deleted too.
    pub delete_messages: bool,
}

/// A message that waits for approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// By what it is approved or rejected.
    pub id: HeldId,
    /// The message, which has no number yet.
    pub message: Message,
}

/// One act of somebody who leads, as it was written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// Its number among all acts.
    pub id: ActId,
    /// When, in milliseconds since 1970 UTC.
    pub at_ms: UnixMs,
    /// Who did it.
    pub by_id: PersonId,
    /// What: `delete`, `silence`, `ban`, `lift`, `slow`, `hold`, `show members`, `words`, `pin`, `moderator`, `no moderator`, `approve`,
    /// `reject`.
    pub act: String,
    /// The person or the message it was done to.
    pub subject: Option<i64>,
    /// More about it.
    pub detail: String,
}

/// Longest reason of a report, in characters.
pub const REASON_LIMIT: usize = 500;

/// A report to be kept.
#[derive(Debug, Clone)]
pub struct NewReport {
    /// Who reports, where and when.
    pub acting: Acting,
    /// Which message.
    pub message_id: MessageId,
    /// Why, at most [`REASON_LIMIT`] characters; may be empty.
    pub reason: String,
}

/// A message that somebody reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its number among those of all lives.
    pub id: ReportId,
    /// The message.
    pub message: Message,
    /// Who reported it.
    pub by_id: PersonId,
    /// When, in milliseconds since 1970 UTC.
    pub at_ms: UnixMs,
    /// Why; may be empty.
    pub reason: String,
}

/// Somebody who may not write in a live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ban {
    /// Where.
    pub live_id: LiveId,
    /// Who.
    pub person_id: PersonId,
    /// Until when, in milliseconds since 1970 UTC; `None` for as long as the live is there.
    pub until_ms: Option<UnixMs>,
}

/// Somebody who moderates a conversation, when and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acting {
    /// Where.
    pub live_id: LiveId,
    /// Who.
    pub by_id: PersonId,
    /// When, in milliseconds since 1970 UTC.
    pub now_ms: UnixMs,
}

impl Act {
    /// As the wire has it.
    #[must_use]
    pub fn on_wire(&self) -> ModerationAct<'_> {
        ModerationAct {
            id: self.id.0,
            timestamp: Time(self.at_ms.0),
            by_id: self.by_id.0,
            act: &self.act,
            subject: self.subject,
            detail: &self.detail,
        }
    }
}

/// Somebody who writes or acts in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Speaker {
    /// Their id.
    pub id: PersonId,
    /// Whether they are the live's author or a moderator of the whole site. Moderators named for this live alone are
    /// known here.
    pub leads: bool,
}
