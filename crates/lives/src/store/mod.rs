//! What is kept of lives, and where: [`Store`] says what this crate does with it, an engine is a module below.

mod sqlite;

use async_trait::async_trait;
use ids::{EventId, LiveId, PersonId, UnixMs};
use storage::Failure;

pub use sqlite::{MIGRATIONS, Sqlite};

pub use crate::row::{NewRow, Row};
use crate::{Decision, Error, Event, Filter, Recorded};

/// What is kept of lives.
///
/// Each operation is whole: it is done and durable when it answers, or nothing of it is. A live that is being deleted is
/// found by [`Store::half_deleted`] and by nothing else.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Adds a live, unless `limit` of its author's run already ([`Error::TooManyRunning`]), and the event that it started.
    async fn start(&self, new: NewRow, limit: u32) -> Result<(Row, EventId), Error>;

    /// Asks [`crate::decide`] what becomes of a live, and keeps that, with the event if there is one, in the transaction in
    /// which the row was read; [`Error::NoSuchLive`].
    async fn decide(
        &self,
        id: LiveId,
        decision: Decision,
        now: UnixMs,
    ) -> Result<(Row, Option<EventId>), Error>;

    /// One live; [`Error::NoSuchLive`].
    async fn live(&self, id: LiveId) -> Result<Row, Error>;

    /// The live with this hash of a stream key; [`Error::NoSuchLive`].
    async fn by_stream_key(&self, stream_key: [u8; 32]) -> Result<Row, Error>;

    /// How many lives a list has, and those after the first `skip`, the newest first, `limit` at most. Counts no rows:
    /// what it costs does not grow with the lives there are. Of a search, a thousand at most are counted.
    async fn list(&self, filter: Filter, skip: u64, limit: u32) -> Result<(u64, Vec<Row>), Failure>;

    /// The lives of a person, those being deleted too.
    async fn of_author(&self, author: PersonId) -> Result<Vec<LiveId>, Failure>;

    /// Lives that run.
    async fn running(&self) -> Result<Vec<LiveId>, Failure>;

    /// Lives that were stopped and are not yet complete.
    async fn incomplete(&self) -> Result<Vec<LiveId>, Failure>;

    /// Lives whose deletion was begun and not finished.
    async fn half_deleted(&self) -> Result<Vec<LiveId>, Failure>;

    /// Lives that were kept after their end for longer than they are to be, those that ended first before others, `limit` at
    /// most: by their own rule, or without one longer than `usually_ms`, which is for ever if `None`.
    async fn overdue(&self, now: UnixMs, usually_ms: Option<i64>, limit: u32)
    -> Result<Vec<LiveId>, Failure>;

    /// The watch keys that are not kept sealed.
    async fn plain_watch_keys(&self) -> Result<Vec<(LiveId, String)>, Failure>;

    /// Keeps the third in the place of the second, where that is still the watch key of the live.
    async fn replace_watch_keys(&self, keys: Vec<(LiveId, String, String)>) -> Result<(), Failure>;

    /// Keeps what lists show of what is recorded of these lives.
    async fn keep_recorded(&self, recorded: Vec<(LiveId, Recorded)>) -> Result<(), Failure>;

    /// Counts viewers of lives that are there, each once for a live whatever they are known by is kept with it.
    async fn keep_viewers(&self, viewers: Vec<(LiveId, i64)>) -> Result<(), Failure>;

    /// Deletes the row of a live whose deletion was begun.
    async fn purge(&self, id: LiveId) -> Result<(), Failure>;

    /// The oldest events after this one, in their order, `limit` at most. No event ever appears before one that was
    /// answered.
    async fn events(&self, after: EventId, limit: u32) -> Result<Vec<Event>, Failure>;

    /// The newest event there ever was; 0 without any.
    async fn newest_event(&self) -> Result<EventId, Failure>;
}
