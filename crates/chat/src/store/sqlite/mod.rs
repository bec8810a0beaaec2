//! Conversations in SQLite.

mod acts;
mod desk;
mod erasure;
mod gate;
mod messages;
mod migration;
mod moderation;
mod outbox;
mod reports;
mod verify;

use std::sync::Arc;

use async_trait::async_trait;
use database::{Database, Migration, MigrationSet};
use ids::{ActId, Change, HeldId, LiveId, MessageId, PersonId, ReportId, UnixMs};
use rusqlite::types::{FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql};
use storage::Failure;

use super::{Counters, Deleting, Deletion, Event, Order, Posted, ReactionCounts, Standing, Store};
use crate::compression::{self, Packed};
use crate::message::Message;
use crate::moderation::{Act, Acting, Ban, Held, NewReport, Report, Rules, RulesChange, Sanction};
use crate::search::Query;
use crate::window::{Stretch, Window};
use crate::{Error, Refusal};

/// The tables of the conversation.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    name: "chat",
    migrations: &[
        step(
            1,
            "messages, their search, reactions",
            include_str!("../../../migrations/V1__conversation.sql"),
        ),
        step(2, "moderation", include_str!("../../../migrations/V2__moderation.sql")),
        step(3, "search index written later", include_str!("../../../migrations/V3__search_later.sql")),
        step(4, "narrower rows", include_str!("../../../migrations/V4__narrower.sql")),
        step(5, "mentions, who is here", include_str!("../../../migrations/V5__mentions.sql")),
        Migration {
            then: Some(migration::pack_all),
            ..step(6, "packed text, narrower still", include_str!("../../../migrations/V6__packed.sql"))
        },
        step(7, "every script in the search index", include_str!("../../../migrations/V7__every_script.sql")),
        step(8, "reports, outbox", include_str!("../../../migrations/V8__reports.sql")),
    ],
};

const fn step(number: u32, name: &'static str, sql: &'static str) -> Migration {
    Migration { number, name, sql, then: None }
}

/// What a job on the rows returns that refuses nothing.
type Kept<T> = Result<T, database::Error>;

/// Conversations kept in a database that has [`MIGRATIONS`].
#[derive(Clone)]
pub struct Sqlite(Database);

impl Sqlite {
    /// The search index, whose words of what was deleted are to be taken out.
    pub const INDEX: &str = "messages_search";

    /// The conversations in this database.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self(database)
    }

    /// Looks the conversations in a database over: what is wrong, one sentence each; empty when all is well.
    ///
    /// # Errors
    /// The tables cannot be read.
    pub fn verify(look: &database::Look) -> Result<Vec<String>, Failure> {
        Ok(verify::verify(look)?)
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn post(&self, batch: Arc<Vec<Order>>) -> Result<Vec<Result<Posted, Refusal>>, Failure> {
        Ok(self.0.write(move |conn| store_all(conn, &batch)).await?)
    }

    async fn delete(&self, deleting: Deleting) -> Result<(Option<Deletion>, Rules), Error> {
        let job = move |conn: &Connection| {
            let deletion = messages::delete(conn, deleting)?;
            Ok((deletion, moderation::rules(conn, deleting.acting.live_id)?))
        };
        self.0.write(job).await
    }

    async fn index(&self, live_id: LiveId) -> Result<(), Failure> {
        while self.0.write(move |conn| messages::index(conn, live_id)).await? > 0 {}
        Ok(())
    }

    async fn forget(&self, live_id: LiveId) -> Result<(), Failure> {
        while self.0.write(move |conn| messages::forget_some(conn, live_id)).await? {}
        Ok(self.0.write(move |conn| messages::forget(conn, live_id)).await?)
    }

    async fn erase_some(
        &self,
        person_id: PersonId,
        after: MessageId,
        now_ms: UnixMs,
        limit: u32,
    ) -> Result<Vec<(LiveId, Deletion)>, Failure> {
        Ok(self.0.write(move |conn| erasure::erase_some(conn, person_id, after, now_ms, limit)).await?)
    }

    async fn counters(&self, lives: Vec<LiveId>) -> Result<Vec<Counters>, Failure> {
        let job = move |conn: &Connection| {
            lives.into_iter().map(|live_id| messages::counters(conn, live_id)).collect::<Kept<_>>()
        };
        Ok(self.0.read(job).await?)
    }

    async fn standing(&self, live_id: LiveId, newest: u32) -> Result<Standing, Failure> {
        let job = move |conn: &Connection| {
            let counters = messages::counters(conn, live_id)?;
            let newest = messages::before(conn, live_id, counters.last_seq.plus(1), newest)?;
            Kept::Ok(Standing { counters, newest, rules: moderation::rules(conn, live_id)? })
        };
        Ok(self.0.read(job).await?)
    }

    async fn window(&self, live_id: LiveId, window: Window, limit: u32) -> Result<Vec<Message>, Failure> {
        Ok(self.0.read(move |conn| messages::window(conn, live_id, window, limit)).await?)
    }

    async fn stretch(&self, live_id: LiveId, stretch: Stretch, limit: u32) -> Result<Vec<Message>, Failure> {
        Ok(self.0.read(move |conn| messages::stretch(conn, live_id, stretch, limit)).await?)
    }

    async fn search(&self, live_id: LiveId, query: Query, limit: u32) -> Result<Vec<Message>, Failure> {
        if self.0.read(move |conn| messages::unindexed(conn, live_id)).await? > 0 {
            self.index(live_id).await?;
        }
        Ok(self.0.read(move |conn| messages::search(conn, live_id, &query, limit)).await?)
    }

    async fn search_everywhere(
        &self,
        query: Query,
        before: MessageId,
        limit: u32,
    ) -> Result<Vec<Message>, Failure> {
        for live_id in self.0.read(messages::with_unindexed).await? {
            self.index(live_id).await?;
        }
        Ok(self.0.read(move |conn| messages::search_everywhere(conn, &query, before, limit)).await?)
    }

    async fn deletions(&self, live_id: LiveId, since: Change, limit: u32) -> Result<Vec<Deletion>, Failure> {
        Ok(self.0.read(move |conn| messages::deletions(conn, live_id, since, limit)).await?)
    }

    async fn reactions(&self, live_id: LiveId, limit: u32) -> Result<ReactionCounts, Failure> {
        let job = move |conn: &Connection| {
            let totals = messages::reaction_totals(conn, live_id)?;
            Kept::Ok((totals, messages::reactions(conn, live_id, limit)?))
        };
        Ok(self.0.read(job).await?)
    }

    async fn change_rules(&self, acting: Acting, change: RulesChange) -> Result<Rules, Error> {
        self.0.write(move |conn| moderation::change_rules(conn, acting, &change)).await
    }

    async fn set_moderator(
        &self,
        acting: Acting,
        person_id: PersonId,
        named: bool,
    ) -> Result<Rules, Failure> {
        Ok(self.0.write(move |conn| moderation::set_moderator(conn, acting, person_id, named)).await?)
    }

    async fn sanction(&self, acting: Acting, sanction: Sanction) -> Result<(Vec<Deletion>, Rules), Failure> {
        let job = move |conn: &Connection| {
            let deletions = moderation::sanction(conn, acting, sanction)?;
            Kept::Ok((deletions, moderation::rules(conn, acting.live_id)?))
        };
        Ok(self.0.write(job).await?)
    }

    async fn lift(&self, acting: Acting, person_id: PersonId) -> Result<(), Failure> {
        Ok(self.0.write(move |conn| moderation::lift(conn, acting, person_id)).await?)
    }

    async fn sanctions(&self, live_id: LiveId, now_ms: UnixMs) -> Result<Vec<Sanction>, Failure> {
        Ok(self.0.read(move |conn| moderation::sanctions(conn, live_id, now_ms)).await?)
    }

    async fn held(&self, live_id: LiveId, limit: u32) -> Result<Vec<Held>, Failure> {
        Ok(self.0.read(move |conn| moderation::held(conn, live_id, limit)).await?)
    }

    async fn decide(
        &self,
        acting: Acting,
        held_id: HeldId,
        approved: bool,
    ) -> Result<Option<Message>, Error> {
        self.0.write(move |conn| moderation::decide(conn, acting, held_id, approved)).await
    }

    async fn acts(&self, live_id: LiveId, before: ActId, limit: u32) -> Result<Vec<Act>, Failure> {
        Ok(self.0.read(move |conn| acts::acts(conn, live_id, before, limit)).await?)
    }

    async fn report(&self, new: NewReport) -> Result<ReportId, Error> {
        self.0.write(move |conn| reports::report(conn, &new)).await
    }

    async fn reports(&self, skip: u64, limit: u32) -> Result<(u64, Vec<Report>), Failure> {
        Ok(self.0.read(move |conn| reports::list(conn, skip, limit)).await?)
    }

    async fn dismiss(&self, id: ReportId) -> Result<bool, Failure> {
        Ok(self.0.write(move |conn| reports::dismiss(conn, id)).await?)
    }

    async fn said(&self, person_id: PersonId, after: MessageId, limit: u32) -> Result<Vec<Message>, Failure> {
        Ok(self.0.read(move |conn| messages::of_author(conn, person_id, after, limit)).await?)
    }

    async fn waiting_of(&self, person_id: PersonId) -> Result<Vec<Message>, Failure> {
        Ok(self.0.read(move |conn| moderation::held_of(conn, person_id)).await?)
    }

    async fn reported_by(&self, person_id: PersonId) -> Result<Vec<(MessageId, UnixMs, String)>, Failure> {
        Ok(self.0.read(move |conn| reports::by(conn, person_id)).await?)
    }

    async fn bans(
        &self,
        live_id: Option<LiveId>,
        now_ms: UnixMs,
        skip: u64,
        limit: u32,
    ) -> Result<(u64, Vec<Ban>), Failure> {
        Ok(self.0.read(move |conn| reports::bans(conn, live_id, now_ms, skip, limit)).await?)
    }

    async fn events(&self, after: i64, limit: u32) -> Result<Vec<Event>, Failure> {
        Ok(self.0.read(move |conn| outbox::events(conn, after, limit)).await?)
    }

    async fn newest_event(&self) -> Result<i64, Failure> {
        Ok(self.0.read(outbox::newest).await?)
    }
}

/// Stores messages in one transaction: what is refused has changed nothing, what fails undoes them all.
fn store_all(conn: &Connection, orders: &[Order]) -> Kept<Vec<Result<Posted, Refusal>>> {
    let mut desk = desk::Desk::new(conn);
    let mut outcomes = Vec::with_capacity(orders.len());
    for order in orders {
        outcomes.push(match desk.post(order) {
            Ok(posted) => Ok(posted),
            Err(Error::Refused(refusal)) => Err(refusal),
            Err(Error::Storage(failure)) => return Err(database::Error::Failed(failure.to_string())),
        });
    }
    desk.close()?;
    Ok(outcomes)
}

impl ToSql for Packed {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Text(text) => text.as_str().into(),
            Self::Blob(bytes) => bytes.as_slice().into(),
        })
    }
}

/// The text that a column holds, packed or not.
fn unpack(value: ValueRef<'_>) -> FromSqlResult<String> {
    match value {
        ValueRef::Blob(blob) => compression::unpack(blob).ok_or(FromSqlError::InvalidType),
        other => other.as_str().map(str::to_owned),
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
