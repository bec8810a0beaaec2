//! Reading the outboxes and sending, as long as the server runs.
//!
//! What is on its way is known in memory alone. A crash forgets it, and it is sent again: at least once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use ids::{DeliveryId, UnixMs, WebhookId};
use storage::Failure;
use tokio::task::JoinSet;

use crate::sender::Request;
use crate::service::new_message;
use crate::store::{Attempt, Due, NewDelivery};
use crate::{Happening, Source, State, Webhook, Webhooks, schedule};

/// How often outboxes are looked at, and what waits.
const LOOK: Duration = Duration::from_millis(300);
/// Events that wait for one webhook at most; what happens then stays in the outboxes.
const WAITING: u64 = 10_000;
/// Requests to one webhook at once.
const TO_ONE: usize = 4;
/// How many of each webhook stay that were taken, or set aside.
const KEPT: u32 = 1_000;

/// Tells webhooks what happens, for ever.
pub async fn run(webhooks: Webhooks, sources: Vec<Arc<dyn Source>>) {
    let mut courier =
        Courier { webhooks, sources, nobody: true, seen: HashMap::new(), on_their_way: HashMap::new() };
    let mut sending = JoinSet::new();
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                if let Err(error) = courier.gather().await {
                    tracing::warn!(%error, "what is to be told to webhooks cannot be read");
                }
            }
            Some(done) = sending.join_next() => courier.arrived(done),
        }
        if let Err(error) = courier.send(&mut sending).await {
            tracing::warn!(%error, "what waits for webhooks cannot be read");
        }
    }
}

struct Courier {
    webhooks: Webhooks,
    sources: Vec<Arc<dyn Source>>,
    /// There is no webhook: nothing is looked for.
    nobody: bool,
    /// How far each webhook has come in each outbox: further than is kept where nothing was for it.
    seen: HashMap<(WebhookId, String), i64>,
    on_their_way: HashMap<DeliveryId, WebhookId>,
}

impl Courier {
    /// Writes down what each webhook is to be told of what has happened.
    async fn gather(&mut self) -> Result<(), Failure> {
        let webhooks = self.webhooks.store().webhooks().await?;
        self.nobody = webhooks.is_empty();
        let there: HashSet<WebhookId> = webhooks.iter().map(|webhook| webhook.id).collect();
        self.seen.retain(|(id, _), _| there.contains(id));
        if webhooks.iter().any(|webhook| !self.seen.keys().any(|(id, _)| *id == webhook.id)) {
            for (id, source, position) in self.webhooks.store().positions().await? {
                self.seen.entry((id, source)).or_insert(position);
            }
        }
        for webhook in webhooks.iter().filter(|webhook| webhook.waiting < WAITING) {
            self.gather_for(webhook).await?;
        }
        Ok(())
    }

    async fn gather_for(&mut self, webhook: &Webhook) -> Result<(), Failure> {
        let (mut positions, mut found) = (Vec::new(), Vec::new());
        for source in &self.sources {
            let key = (webhook.id, source.name().to_owned());
            let entries = source.after(self.seen.get(&key).copied().unwrap_or(0)).await?;
            if let Some((newest, _)) = entries.last() {
                positions.push((source.name().to_owned(), *newest));
            }
            found.extend(entries.into_iter().filter_map(|(_, happening)| happening));
        }
        found.retain(|happening: &Happening| {
            webhook.events.is_empty() || webhook.events.contains(&happening.kind)
        });
        // Each outbox is in order; of what stands in several, the time decides.
        found.sort_by_key(|happening| happening.at);
        if !found.is_empty() {
            let events = found.iter().map(new_delivery).collect();
            self.webhooks.store().take(webhook.id, positions.clone(), events).await?;
        }
        self.seen.extend(positions.into_iter().map(|(source, at)| ((webhook.id, source), at)));
        Ok(())
    }

    /// Sends what is due, as much as may be on its way at once: a webhook that hangs takes nobody else's place.
    async fn send(&mut self, sending: &mut JoinSet<Sent>) -> Result<(), Failure> {
        if self.nobody {
            return Ok(());
        }
        // Those on their way are among them.
        let limit = u32::try_from(TO_ONE * 2).unwrap_or(u32::MAX);
        for due in self.webhooks.store().due(UnixMs::now(), limit).await? {
            let to_this = self.on_their_way.values().filter(|webhook| **webhook == due.webhook).count();
            if to_this >= TO_ONE || self.on_their_way.contains_key(&due.delivery.id) {
                continue;
            }
            self.on_their_way.insert(due.delivery.id, due.webhook);
            sending.spawn(deliver(self.webhooks.clone(), due));
        }
        Ok(())
    }

    fn arrived(&mut self, done: Result<Sent, tokio::task::JoinError>) {
        match done {
            Ok(Sent(delivery)) => drop(self.on_their_way.remove(&delivery)),
            Err(error) => {
                // A fault of ours. Which one it was is not known: what is on its way is sent once more at worst.
                tracing::error!(%error, "a request to a webhook panicked");
                self.on_their_way.clear();
            }
        }
    }
}

/// A delivery that was attempted.
struct Sent(DeliveryId);

fn new_delivery(happening: &Happening) -> NewDelivery {
    NewDelivery {
        message: new_message(),
        subject: happening.subject.to_string(),
        kind: happening.kind.name().to_owned(),
        body: happening.body(),
        happened: happening.at,
    }
}

/// Makes one attempt, and keeps what became of it.
async fn deliver(webhooks: Webhooks, due: Due) -> Sent {
    let Due { webhook, url, secret, allow_private, delivery } = due;
    let begun = UnixMs::now();
    let request = Request {
        url: &url,
        secret: &secret,
        allow_private,
        message: &delivery.message,
        body: &delivery.body,
    };
    let outcome = webhooks.sender().send(request).await;
    let now = UnixMs::now();
    let next = schedule::next(delivery.attempts + 1, delivery.first_tried.unwrap_or(begun), now);
    let (state, next) = match next {
        _ if outcome.is_taken() => (State::Delivered, now),
        Some(next) => (State::Waiting, next),
        None => (State::SetAside, now),
    };
    if state != State::Delivered {
        tracing::warn!(%webhook, delivery = %delivery.id, event = delivery.kind, outcome = outcome.said,
            set_aside = state == State::SetAside, "a webhook did not take an event");
    }
    if outcome.is_gone() {
        tracing::warn!(%webhook, "a webhook wants to hear no more: it is paused");
        if let Err(error) = webhooks.store().pause(webhook, Some(now)).await {
            tracing::warn!(%webhook, %error, "a webhook could not be paused");
        }
    }
    let attempt = Attempt { delivery: delivery.id, at: begun, state, next, outcome: outcome.said };
    if let Err(error) = webhooks.store().settle(attempt, KEPT).await {
        // It is sent once more: at least once.
        tracing::warn!(%webhook, %error, "what became of a request to a webhook could not be kept");
        tokio::time::sleep(LOOK).await;
    }
    Sent(delivery.id)
}
