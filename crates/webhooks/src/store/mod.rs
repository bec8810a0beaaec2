//! What is kept of webhooks, and where: [`Store`] says what this crate does with it, an engine is a module below.

mod sqlite;

use async_trait::async_trait;
use ids::{DeliveryId, UnixMs, WebhookId};
use storage::Failure;

pub use sqlite::{MIGRATIONS, Sqlite};

use crate::{Delivery, Error, Secret, State, Webhook};

/// A webhook to be kept.
#[derive(Debug, Clone)]
pub struct NewRow {
    /// Where requests go.
    pub url: String,
    /// What they are signed with.
    pub secret: Secret,
    /// Names of events, a blank between them; empty for all.
    pub events: String,
    /// Whether it may be inside the operator's network.
    pub allow_private: bool,
    /// When.
    pub now: UnixMs,
    /// From where on it hears, by the names of the outboxes.
    pub positions: Vec<(String, i64)>,
}

/// An event to be told.
#[derive(Debug, Clone)]
pub struct NewDelivery {
    /// The `webhook-id`.
    pub message: String,
    /// What it is about.
    pub subject: String,
    /// What happened.
    pub kind: String,
    /// What is sent.
    pub body: String,
    /// When it happened.
    pub happened: UnixMs,
}

/// What is to be sent now, and to whom.
#[derive(Debug, Clone)]
pub struct Due {
    /// To whom.
    pub webhook: WebhookId,
    /// Where.
    pub url: String,
    /// Signed with what.
    pub secret: Secret,
    /// Whether that may be inside the operator's network.
    pub allow_private: bool,
    /// What.
    pub delivery: Delivery,
}

/// What became of an attempt.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Of which delivery.
    pub delivery: DeliveryId,
    /// When it began.
    pub at: UnixMs,
    /// Where the delivery stands now.
    pub state: State,
    /// When it is tried again, while it waits.
    pub next: UnixMs,
    /// What it said.
    pub outcome: String,
}

/// What is kept of webhooks.
///
/// Each operation is whole: it is done and durable when it answers, or nothing of it is.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Adds a webhook, unless there are `limit` of them; [`Error::TooMany`].
    async fn add(&self, new: NewRow, limit: u32) -> Result<Webhook, Error>;

    /// All of them, the oldest first.
    async fn webhooks(&self) -> Result<Vec<Webhook>, Failure>;

    /// One of them; [`Error::NoSuchWebhook`].
    async fn webhook(&self, id: WebhookId) -> Result<Webhook, Error>;

    /// What its requests are signed with; [`Error::NoSuchWebhook`].
    async fn secret(&self, id: WebhookId) -> Result<Secret, Error>;

    /// Sends nothing from then on; `None` goes on. [`Error::NoSuchWebhook`].
    async fn pause(&self, id: WebhookId, at: Option<UnixMs>) -> Result<Webhook, Error>;

    /// Removes one, with all that waits for it; [`Error::NoSuchWebhook`].
    async fn remove(&self, id: WebhookId) -> Result<(), Error>;

    /// How far each has come in each outbox.
    async fn positions(&self) -> Result<Vec<(WebhookId, String, i64)>, Failure>;

    /// Writes down what is to be told to a webhook, and that it has come so far; nothing of it if the webhook is gone.
    async fn take(
        &self,
        id: WebhookId,
        positions: Vec<(String, i64)>,
        events: Vec<NewDelivery>,
    ) -> Result<(), Failure>;

    /// What is to be sent now: of each subject of each webhook that is not paused the oldest event, if its time has come; for
    /// each webhook `limit` at most, those whose time came first.
    async fn due(&self, now: UnixMs, limit: u32) -> Result<Vec<Due>, Failure>;

    /// Keeps what became of an attempt. Of what was taken the newest `kept` of the webhook stay.
    async fn settle(&self, attempt: Attempt, kept: u32) -> Result<(), Failure>;

    /// How many deliveries of a webhook stand so (in any way without a state), and those after the first `skip`, the newest
    /// first, `limit` at most.
    async fn deliveries(
        &self,
        id: WebhookId,
        state: Option<State>,
        skip: u64,
        limit: u32,
    ) -> Result<(u64, Vec<Delivery>), Failure>;

    /// Lets what was set aside wait again, or the one delivery that is named, whatever became of it; how many.
    /// [`Error::NoSuchWebhook`], [`Error::NoSuchDelivery`].
    async fn replay(&self, id: WebhookId, delivery: Option<DeliveryId>, now: UnixMs) -> Result<u64, Error>;
}
