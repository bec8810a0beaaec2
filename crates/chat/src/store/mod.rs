//! What is kept of conversations, and where: [`Store`] says what this crate does with it, an engine is a module below.
//!
//! An engine knows people by their ids alone: messages leave it with unnamed authors and mentions.

mod sqlite;

use std::sync::Arc;

use async_trait::async_trait;
use ids::{ActId, Change, HeldId, LiveId, MessageId, PersonId, ReportId, Seq, UnixMs};
use storage::Failure;
use timeline::Position;

pub use sqlite::{MIGRATIONS, Sqlite};

use crate::compression::Packed;
use crate::mentions::Mention;
use crate::message::{Author, Draft, Message};
use crate::moderation::{Act, Acting, Ban, Held, NewReport, Report, Rules, RulesChange, Sanction};
use crate::rules::Gate;
use crate::search::Query;
use crate::window::{Stretch, Window};
use crate::{Error, Refusal};

/// One deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deletion {
    /// Which deletion of its live it is, from 1.
    pub change: Change,
    /// Number of the message that went.
    pub seq: Seq,
}

/// Where a conversation stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Number of the newest message, 0 without any: also how many were ever numbered.
    pub last_seq: Seq,
    /// How many deletions there were.
    pub change: Change,
    /// How many messages are still there to read.
    pub messages: i64,
}

/// Reactions of one second of a take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReactionCount {
    /// The second's start.
    pub position: Position,
    /// The emoji.
    pub emoji: String,
    /// How often it was sent.
    pub count: i64,
}

/// What became of a message that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// The message as it is kept.
    pub message: Message,
    /// False when it had been kept before under the same `client_id`.
    pub created: bool,
}

/// Who posts, where and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posting {
    /// Where.
    pub live_id: LiveId,
    /// Who.
    pub author_id: PersonId,
    /// Whether the live has ended.
    pub on_replay: bool,
    /// The time, in milliseconds since 1970 UTC.
    pub now_ms: UnixMs,
}

/// What is to be stored, checked as far as it can be without what is kept.
#[derive(Debug)]
pub struct Order {
    /// Who posts, where and when.
    pub posting: Posting,
    /// The same person by their name.
    pub author: Author,
    /// What they say.
    pub draft: Draft,
    /// Its content made small, which is done by whoever sends it: the writer is one for all.
    pub packed: Packed,
    /// Those it is to mention who exist, each once, by name. Who of them has a part in the conversation is looked up when it
    /// is stored.
    pub mentions: Vec<Mention>,
    /// What it must pass.
    pub gate: Gate,
}

/// What is to be deleted, and by whom.
#[derive(Debug, Clone, Copy)]
pub struct Deleting {
    /// Who, when and where.
    pub acting: Acting,
    /// Which message.
    pub message_id: MessageId,
    /// Whether they may delete what others wrote.
    pub moderates: bool,
}

/// A conversation as its fan-out begins.
#[derive(Debug)]
pub struct Standing {
    /// Where it stands.
    pub counters: Counters,
    /// Its newest messages, in order of their numbers.
    pub newest: Vec<Message>,
    /// How it is moderated.
    pub rules: Rules,
}

/// Something that happened in a conversation that others are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// Its number in the outbox; later ones are higher. The store gives it.
    pub number: i64,
    /// Where.
    pub live_id: LiveId,
    /// Whose message it is about.
    pub person_id: PersonId,
    /// When, in milliseconds since 1970 UTC.
    pub at_ms: UnixMs,
    /// What.
    pub kind: EventKind,
}

/// What can happen in a conversation that others are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// A message waits for approval.
    Held(HeldId),
    /// A message was reported.
    Reported(ReportId, MessageId),
}

/// Every emoji of a live and how often it was sent, the most frequent first; and the counts by take, second and emoji.
pub type ReactionCounts = (Vec<(String, i64)>, Vec<ReactionCount>);

/// What is kept of conversations.
///
/// Each operation is whole: it is done and durable when it answers, or nothing of it is. A number is given to a message by
/// the store alone, one after the other in its live, and whoever reads up to a number reads all before it.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Stores messages together, each under the next number of its live, or counts a reaction. What is refused has changed
    /// nothing. The same `client_id` of the same author in the same live finds what was kept the first time. A failure
    /// undoes them all.
    async fn post(&self, batch: Arc<Vec<Order>>) -> Result<Vec<Result<Posted, Refusal>>, Failure>;

    /// Takes a message's content away, everywhere it is kept; its number stays. No deletion when it was gone already; the
    /// rules as they are then, for a pin goes with its message. [`Refusal::NoMessage`], [`Refusal::NotYours`].
    async fn delete(&self, deleting: Deleting) -> Result<(Option<Deletion>, Rules), Error>;

    /// Makes what was said ready to be searched; a search does what could not be done here.
    async fn index(&self, live_id: LiveId) -> Result<(), Failure>;

    /// Removes everything that was said in a live, some of it at a time: others are served meanwhile, and what is left
    /// in between is a sound conversation.
    async fn forget(&self, live_id: LiveId) -> Result<(), Failure>;

    /// Takes away, everywhere it is kept, the content of at most so many messages of somebody, those after `after`; tells which,
    /// in the order of their ids. None: nothing of theirs is left, neither messages that wait, nor names in lists of moderators
    /// and sanctions, nor their words in acts.
    async fn erase_some(
        &self,
        person_id: PersonId,
        after: MessageId,
        now_ms: UnixMs,
        limit: u32,
    ) -> Result<Vec<(LiveId, Deletion)>, Failure>;

    /// Where these conversations stand, in their order.
    async fn counters(&self, lives: Vec<LiveId>) -> Result<Vec<Counters>, Failure>;

    /// A conversation as its fan-out begins, at one moment, with the `newest` messages.
    async fn standing(&self, live_id: LiveId, newest: u32) -> Result<Standing, Failure>;

    /// At most `limit` messages of a window by number, oldest first.
    async fn window(&self, live_id: LiveId, window: Window, limit: u32) -> Result<Vec<Message>, Failure>;

    /// At most `limit` messages whose positions lie in a stretch, by position, then by number.
    async fn stretch(&self, live_id: LiveId, stretch: Stretch, limit: u32) -> Result<Vec<Message>, Failure>;

    /// At most `limit` messages that fit a query, newest first, among all that was posted before.
    async fn search(&self, live_id: LiveId, query: Query, limit: u32) -> Result<Vec<Message>, Failure>;

    /// At most `limit` messages of all lives that fit a query and whose ids are lower than `before`, the highest first, among
    /// all that was posted before.
    async fn search_everywhere(
        &self,
        query: Query,
        before: MessageId,
        limit: u32,
    ) -> Result<Vec<Message>, Failure>;

    /// At most `limit` deletions after the one numbered `since`, in their order.
    async fn deletions(&self, live_id: LiveId, since: Change, limit: u32) -> Result<Vec<Deletion>, Failure>;

    /// The reactions of a live; `limit` seconds and emoji are counted apart at most.
    async fn reactions(&self, live_id: LiveId, limit: u32) -> Result<ReactionCounts, Failure>;

    /// Changes the rules of a conversation; [`Refusal::NoMessage`] for the pinned one.
    async fn change_rules(&self, acting: Acting, change: RulesChange) -> Result<Rules, Error>;

    /// Makes somebody moderator of a live, or no longer.
    async fn set_moderator(&self, acting: Acting, person_id: PersonId, named: bool)
    -> Result<Rules, Failure>;

    /// Keeps somebody from writing, and takes their messages away if asked.
    async fn sanction(&self, acting: Acting, sanction: Sanction) -> Result<(Vec<Deletion>, Rules), Failure>;

    /// Lets somebody write again.
    async fn lift(&self, acting: Acting, person_id: PersonId) -> Result<(), Failure>;

    /// Who may not write in a live now, a thousand at most.
    async fn sanctions(&self, live_id: LiveId, now_ms: UnixMs) -> Result<Vec<Sanction>, Failure>;

    /// The oldest messages that wait for approval.
    async fn held(&self, live_id: LiveId, limit: u32) -> Result<Vec<Held>, Failure>;

    /// Takes a message out of those that wait: stores it when it is approved; [`Refusal::NoMessage`].
    async fn decide(&self, acting: Acting, held_id: HeldId, approved: bool)
    -> Result<Option<Message>, Error>;

    /// The acts before the one with this id, newest first.
    async fn acts(&self, live_id: LiveId, before: ActId, limit: u32) -> Result<Vec<Act>, Failure>;

    /// Keeps a report of a message, with an event; the same message again by the same person is the report that there is.
    /// [`Refusal::NoMessage`].
    async fn report(&self, new: NewReport) -> Result<ReportId, Error>;

    /// How many reports there are in all lives, and those after the first `skip`, the newest first, `limit` at most.
    async fn reports(&self, skip: u64, limit: u32) -> Result<(u64, Vec<Report>), Failure>;

    /// Lets go of a report; whether there was one.
    async fn dismiss(&self, id: ReportId) -> Result<bool, Failure>;

    /// At most `limit` messages of somebody that are there to be read, in all lives, those with ids after this one, by their
    /// ids.
    async fn said(&self, person_id: PersonId, after: MessageId, limit: u32) -> Result<Vec<Message>, Failure>;

    /// What somebody wrote that waits for approval, in all lives.
    async fn waiting_of(&self, person_id: PersonId) -> Result<Vec<Message>, Failure>;

    /// What somebody reported: of which message, when, and why.
    async fn reported_by(&self, person_id: PersonId) -> Result<Vec<(MessageId, UnixMs, String)>, Failure>;

    /// How many people may not write now, in one live or in each, and those after the first `skip`, `limit` at most.
    async fn bans(
        &self,
        live_id: Option<LiveId>,
        now_ms: UnixMs,
        skip: u64,
        limit: u32,
    ) -> Result<(u64, Vec<Ban>), Failure>;

    /// The oldest events after this number, in their order, `limit` at most. An event is written in the transaction in which
    /// it happened.
    async fn events(&self, after: i64, limit: u32) -> Result<Vec<Event>, Failure>;

    /// The number of the newest event there ever was; 0 without any.
    async fn newest_event(&self) -> Result<i64, Failure>;
}
