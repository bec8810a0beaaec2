//! Lives in SQLite.

mod list;
mod outbox;
mod rows;

use async_trait::async_trait;
use database::{Database, Migration, MigrationSet};
use ids::{EventId, LiveId, PersonId, UnixMs};
use storage::Failure;

use super::{NewRow, Row, Store};
use crate::{Decision, Error, Event, Filter, Recorded};

/// The tables of this crate; they point to the `users` of the crate `accounts`.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    name: "lives",
    migrations: &[
        step(1, "lives", include_str!("../../../migrations/001_lives.sql")),
        step(2, "when a live was stopped", include_str!("../../../migrations/002_stopped_at.sql")),
        step(3, "outbox, counts, what is recorded", include_str!("../../../migrations/003_outbox.sql")),
        step(4, "epochs of rights, viewers", include_str!("../../../migrations/004_epoch_and_viewers.sql")),
        step(5, "sealed keys, keeping", include_str!("../../../migrations/005_sealed_keys_and_keeping.sql")),
        step(6, "when replays were complete", include_str!("../../../migrations/006_completed_at.sql")),
    ],
};

const fn step(number: u32, name: &'static str, sql: &'static str) -> Migration {
    Migration { number, name, sql, then: None }
}

/// Lives kept in a database that has [`MIGRATIONS`].
#[derive(Clone)]
pub struct Sqlite(Database);

impl Sqlite {
    /// The search index, whose words of what was deleted are to be taken out.
    pub const INDEX: &str = "lives_search";

    /// The lives in this database.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self(database)
    }

    /// What a database that is only looked at says of what is recorded of each live.
    pub fn recorded(look: &database::Look) -> Result<Vec<(LiveId, Recorded)>, Failure> {
        Ok(rows::recorded(look)?)
    }

    /// The lives that a database keeps which is only looked at, without those that are being deleted.
    pub fn kept(look: &database::Look) -> Result<Vec<LiveId>, Failure> {
        Ok(rows::kept(look)?)
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn start(&self, new: NewRow, limit: u32) -> Result<(Row, EventId), Error> {
        self.0.write(move |c| rows::start(c, &new, limit)).await
    }

    async fn decide(
        &self,
        id: LiveId,
        decision: Decision,
        now: UnixMs,
    ) -> Result<(Row, Option<EventId>), Error> {
        self.0.write(move |c| rows::decide(c, id, decision, now)).await
    }

    async fn live(&self, id: LiveId) -> Result<Row, Error> {
        self.0.read(move |c| rows::live(c, id)).await
    }

    async fn by_stream_key(&self, stream_key: [u8; 32]) -> Result<Row, Error> {
        self.0.read(move |c| rows::by_stream_key(c, &stream_key)).await
    }

    async fn list(&self, filter: Filter, skip: u64, limit: u32) -> Result<(u64, Vec<Row>), Failure> {
        Ok(self.0.read(move |c| list::list(c, &filter, skip, limit)).await?)
    }

    async fn of_author(&self, author: PersonId) -> Result<Vec<LiveId>, Failure> {
        Ok(self.0.read(move |c| rows::of_author(c, author)).await?)
    }

    async fn running(&self) -> Result<Vec<LiveId>, Failure> {
        Ok(self.0.read(rows::running).await?)
    }

    async fn incomplete(&self) -> Result<Vec<LiveId>, Failure> {
        Ok(self.0.read(rows::incomplete).await?)
    }

    async fn half_deleted(&self) -> Result<Vec<LiveId>, Failure> {
        Ok(self.0.read(rows::half_deleted).await?)
    }

    async fn overdue(
        &self,
        now: UnixMs,
        usually_ms: Option<i64>,
        limit: u32,
    ) -> Result<Vec<LiveId>, Failure> {
        Ok(self.0.read(move |c| rows::overdue(c, now, usually_ms, limit)).await?)
    }

    async fn plain_watch_keys(&self) -> Result<Vec<(LiveId, String)>, Failure> {
        Ok(self.0.read(rows::plain_watch_keys).await?)
    }

    async fn replace_watch_keys(&self, keys: Vec<(LiveId, String, String)>) -> Result<(), Failure> {
        Ok(self.0.write(move |c| rows::replace_watch_keys(c, &keys)).await?)
    }

    async fn keep_recorded(&self, recorded: Vec<(LiveId, Recorded)>) -> Result<(), Failure> {
        Ok(self.0.write(move |c| rows::keep_recorded(c, &recorded)).await?)
    }

    async fn keep_viewers(&self, viewers: Vec<(LiveId, i64)>) -> Result<(), Failure> {
        Ok(self.0.write(move |c| rows::keep_viewers(c, &viewers)).await?)
    }

    async fn purge(&self, id: LiveId) -> Result<(), Failure> {
        Ok(self.0.write(move |c| rows::purge(c, id)).await?)
    }

    async fn events(&self, after: EventId, limit: u32) -> Result<Vec<Event>, Failure> {
        Ok(self.0.read(move |c| outbox::events(c, after, limit)).await?)
    }

    async fn newest_event(&self) -> Result<EventId, Failure> {
        Ok(self.0.read(outbox::newest).await?)
    }
}

impl From<database::Error> for Error {
    fn from(error: database::Error) -> Self {
        Self::Storage(error.into())
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        database::Error::from(error).into()
    }
}
