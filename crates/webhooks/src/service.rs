//! What is done with webhooks.

use std::sync::Arc;
use std::time::Duration;

use ids::{DeliveryId, UnixMs, WebhookId};
use serde_json::{Map, Value};
use storage::Failure;

use crate::event::body;
use crate::sender::{self, Outcome, Request, Sender};
use crate::store::{NewRow, Store};
use crate::{Added, Delivery, Error, Kind, NewWebhook, Secret, State, Webhook};

/// Webhooks at most.
const MOST: u32 = 100;
/// The `type` of a request that only tries a webhook out.
const TRY: &str = "webhook.try";

/// What came of a request that only tries a webhook out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// Whether it was taken: the answer was 2xx.
    pub taken: bool,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// What happened, in a sentence.
    pub said: String,
    /// How long it took.
    pub took: Duration,
}

/// All webhooks; clones share the same ones.
#[derive(Clone)]
pub struct Webhooks {
    store: Arc<dyn Store>,
    sender: Sender,
}

impl Webhooks {
    /// The webhooks kept in `store`.
    ///
    /// # Errors
    /// A sentence: no client of HTTP can be made.
    pub fn new(store: impl Store) -> Result<Self, String> {
        Ok(Self { store: Arc::new(store), sender: Sender::new()? })
    }

    /// Adds a webhook, which hears what happens from `positions` on: the newest number of each outbox by its name.
    ///
    /// # Errors
    /// [`Error::Bad`] for an address inside the operator's network, too, where that is not allowed; [`Error::TooMany`].
    pub async fn add(
        &self,
        new: NewWebhook,
        positions: Vec<(String, i64)>,
        now: UnixMs,
    ) -> Result<Added, Error> {
        let NewWebhook { url, secret, events, allow_private } = new;
        let url = sender::checked(url.trim(), allow_private).map_err(Error::Bad)?;
        let secret = match secret {
            Some(secret) => secret.trim().parse().map_err(Error::Bad)?,
            None => Secret::made(),
        };
        let kinds: Vec<Kind> =
            events.iter().map(|name| name.trim().parse()).collect::<Result<_, _>>().map_err(Error::Bad)?;
        let events = kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(" ");
        let row = NewRow { url: url.into(), secret: secret.clone(), events, allow_private, now, positions };
        Ok(Added { webhook: self.store.add(row, MOST).await?, secret })
    }

    /// All of them, the oldest first.
    pub async fn all(&self) -> Result<Vec<Webhook>, Failure> {
        self.store.webhooks().await
    }

    /// One of them.
    ///
    /// # Errors
    /// [`Error::NoSuchWebhook`].
    pub async fn get(&self, id: WebhookId) -> Result<Webhook, Error> {
        self.store.webhook(id).await
    }

    /// Sends nothing to it from now on. What happens meanwhile is sent when it is resumed.
    ///
    /// # Errors
    /// [`Error::NoSuchWebhook`].
    pub async fn pause(&self, id: WebhookId, now: UnixMs) -> Result<Webhook, Error> {
        self.store.pause(id, Some(now)).await
    }

    /// Sends to it again.
    ///
    /// # Errors
    /// [`Error::NoSuchWebhook`].
    pub async fn resume(&self, id: WebhookId) -> Result<Webhook, Error> {
        self.store.pause(id, None).await
    }

    /// Removes it, with all that waits for it.
    ///
    /// # Errors
    /// [`Error::NoSuchWebhook`].
    pub async fn remove(&self, id: WebhookId) -> Result<(), Error> {
        self.store.remove(id).await
    }

    /// Sends one request of the type `webhook.try` at once, also to one that is paused, and says what came of it.
    ///
    /// # Errors
    /// [`Error::NoSuchWebhook`].
    pub async fn try_out(&self, id: WebhookId) -> Result<Tried, Error> {
        let webhook = self.store.webhook(id).await?;
        let secret = self.store.secret(id).await?;
        let (message, body) = (new_message(), body(TRY, UnixMs::now(), Value::Null, &Map::new()));
        let Webhook { url, allow_private, .. } = webhook;
        let request = Request { url: &url, secret: &secret, allow_private, message: &message, body: &body };
        let outcome = self.sender.send(request).await;
        let taken = outcome.is_taken();
        let Outcome { status, said, took } = outcome;
        Ok(Tried { taken, status, said, took })
    }

    /// Sends what was set aside once more, or the one delivery that is named, whatever became of it; how many.
    ///
    /// # Errors
    /// [`Error::NoSuchWebhook`], [`Error::NoSuchDelivery`].
    pub async fn replay(
        &self,
        id: WebhookId,
        delivery: Option<DeliveryId>,
        now: UnixMs,
    ) -> Result<u64, Error> {
        self.store.replay(id, delivery, now).await
    }

    /// How many deliveries of a webhook stand so (in any way without a state), and those after the first `skip`, the newest
    /// first, `limit` at most.
    ///
    /// # Errors
    /// [`Error::NoSuchWebhook`].
    pub async fn deliveries(
        &self,
        id: WebhookId,
        state: Option<State>,
        skip: u64,
        limit: u32,
    ) -> Result<(u64, Vec<Delivery>), Error> {
        self.store.webhook(id).await?;
        Ok(self.store.deliveries(id, state, skip, limit).await?)
    }

    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    pub(crate) fn sender(&self) -> &Sender {
        &self.sender
    }
}

/// A `webhook-id` that there never was.
pub(crate) fn new_message() -> String {
    format!("msg_{:032x}", rand::random::<u128>())
}
