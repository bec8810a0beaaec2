//! Webhooks on the wire and on the command line.

use serde_json::Value;
use webhooks::{Added, Delivery, State, Tried, Webhook};
use wire::Time;
use wire::webhooks as answers;

/// A webhook as it is answered.
pub(crate) fn webhook(webhook: &Webhook) -> answers::Webhook {
    answers::Webhook {
        id: webhook.id.0,
        url: webhook.url.clone(),
        events: webhook.events.iter().map(|kind| kind.name()).collect(),
        allow_private: webhook.allow_private,
        paused_at: webhook.paused.map(|at| Time(at.0)),
        created_at: Time(webhook.created.0),
        waiting: webhook.waiting,
        set_aside: webhook.set_aside,
        secret: None,
    }
}

/// One that was added, with its secret.
pub(crate) fn added(added: &Added) -> answers::Webhook {
    answers::Webhook { secret: Some(added.secret.written()), ..webhook(&added.webhook) }
}

/// A delivery as it is answered.
pub(crate) fn delivery(delivery: &Delivery) -> answers::Delivery {
    let waits_again = delivery.state == State::Waiting && delivery.attempts > 0;
    answers::Delivery {
        id: delivery.id.0,
        webhook_id: delivery.message.clone(),
        kind: delivery.kind.clone(),
        timestamp: Time(delivery.happened.0),
        // Written by this program, as JSON.
        body: serde_json::from_str(&delivery.body).unwrap_or(Value::Null),
        state: match delivery.state {
            State::Waiting => answers::DeliveryState::Waiting,
            State::Delivered => answers::DeliveryState::Delivered,
            State::SetAside => answers::DeliveryState::SetAside,
        },
        attempts: delivery.attempts,
        last_tried_at: delivery.last_tried.map(|at| Time(at.0)),
        next_at: waits_again.then_some(Time(delivery.next.0)),
        outcome: delivery.outcome.clone(),
    }
}

/// What came of trying one out.
pub(crate) fn tried(tried: Tried) -> answers::TriedWebhook {
    let took_ms = u64::try_from(tried.took.as_millis()).unwrap_or(u64::MAX);
    answers::TriedWebhook { taken: tried.taken, status: tried.status, said: tried.said, took_ms }
}
