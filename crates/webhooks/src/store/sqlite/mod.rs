//! Webhooks in SQLite.

mod deliveries;
mod webhooks;

use async_trait::async_trait;
use database::{Database, Migration, MigrationSet};
use ids::{DeliveryId, UnixMs, WebhookId};
use storage::Failure;

use super::{Attempt, Due, NewDelivery, NewRow, Store};
use crate::{Delivery, Error, Secret, State, Webhook};

/// The tables of this crate.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    name: "webhooks",
    migrations: &[Migration {
        number: 1,
        name: "webhooks",
        sql: include_str!("../../../migrations/001_webhooks.sql"),
        then: None,
    }],
};

/// What a job on the rows returns that refuses nothing.
type Kept<T> = Result<T, database::Error>;

/// Webhooks kept in a database that has [`MIGRATIONS`].
#[derive(Clone)]
pub struct Sqlite(Database);

impl Sqlite {
    /// The webhooks in this database.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self(database)
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn add(&self, new: NewRow, limit: u32) -> Result<Webhook, Error> {
        self.0.write(move |c| webhooks::add(c, &new, limit)).await
    }

    async fn webhooks(&self) -> Result<Vec<Webhook>, Failure> {
        Ok(self.0.read(webhooks::all).await?)
    }

    async fn webhook(&self, id: WebhookId) -> Result<Webhook, Error> {
        self.0.read(move |c| webhooks::get(c, id)).await
    }

    async fn secret(&self, id: WebhookId) -> Result<Secret, Error> {
        self.0.read(move |c| webhooks::secret(c, id)).await
    }

    async fn pause(&self, id: WebhookId, at: Option<UnixMs>) -> Result<Webhook, Error> {
        self.0.write(move |c| webhooks::pause(c, id, at)).await
    }

    async fn remove(&self, id: WebhookId) -> Result<(), Error> {
        self.0.write(move |c| webhooks::remove(c, id)).await
    }

    async fn positions(&self) -> Result<Vec<(WebhookId, String, i64)>, Failure> {
        Ok(self.0.read(webhooks::positions).await?)
    }

    async fn take(
        &self,
        id: WebhookId,
        positions: Vec<(String, i64)>,
        events: Vec<NewDelivery>,
    ) -> Result<(), Failure> {
        Ok(self.0.write(move |c| deliveries::take(c, id, &positions, &events)).await?)
    }

    async fn due(&self, now: UnixMs, limit: u32) -> Result<Vec<Due>, Failure> {
        Ok(self.0.read(move |c| deliveries::due(c, now, limit)).await?)
    }

    async fn settle(&self, attempt: Attempt, kept: u32) -> Result<(), Failure> {
        Ok(self.0.write(move |c| deliveries::settle(c, &attempt, kept)).await?)
    }

    async fn deliveries(
        &self,
        id: WebhookId,
        state: Option<State>,
        skip: u64,
        limit: u32,
    ) -> Result<(u64, Vec<Delivery>), Failure> {
        Ok(self.0.read(move |c| deliveries::list(c, id, state, skip, limit)).await?)
    }

    async fn replay(&self, id: WebhookId, delivery: Option<DeliveryId>, now: UnixMs) -> Result<u64, Error> {
        self.0.write(move |c| deliveries::replay(c, id, delivery, now)).await
    }
}

/// How a state stands in a row.
fn code(state: State) -> i64 {
    match state {
        State::Waiting => 0,
        State::Delivered => 1,
        State::SetAside => 2,
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
