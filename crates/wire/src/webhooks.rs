//! Webhooks, for administrators, and what they are sent.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Time;

/// A program that is told what happens.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Webhook {
    /// Never another one's.
    pub id: i64,
    /// Where requests go.
    #[schema(format = "uri")]
    pub url: String,
    /// What it hears: `live.started`, `live.resumed`, `live.ended`, `live.stopped`, `replay.complete`, `message.held`,
    /// `message.reported`, `person.disabled`; empty for everything.
    pub events: Vec<&'static str>,
    /// Whether it may be inside the operator's network.
    pub allow_private: bool,
    /// Since when nothing is sent to it; null while it is.
    #[schema(required = true)]
    pub paused_at: Option<Time>,
    /// Since when it hears.
    pub created_at: Time,
    /// How many events wait to be sent.
    pub waiting: u64,
    /// How many were tried for a day and set aside.
    pub set_aside: u64,
    /// What its requests are signed with. It is told once, when it is added.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub secret: Option<String>,
}

/// A webhook to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// Where requests go: https or http.
    pub url: String,
    /// What they are signed with: `whsec_` and the base64 of 24 to 64 bytes. One is made without.
    pub secret: Option<String>,
    /// What it hears; everything without.
    #[serde(default)]
    pub events: Vec<String>,
    /// Whether it may be inside the operator's network.
    #[serde(default)]
    pub allow_private: bool,
}

/// The webhook in a path.
#[derive(Debug, Clone, Copy, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct WebhookPath {
    /// Its id.
    pub id: i64,
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It waits to be sent, or to be sent again.
    Waiting,
    /// It was taken.
    Delivered,
    /// It was tried for a day, and is tried no more.
    SetAside,
}

/// Which deliveries are asked for.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeliveriesQuery {
    /// Only those that stand so.
    #[param(inline)]
    pub state: Option<DeliveryState>,
}

/// An event on its way to a webhook.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Delivery {
    /// Its number.
    pub id: i64,
    /// The `webhook-id` under which it is sent, each time the same.
    pub webhook_id: String,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: String,
    /// When.
    pub timestamp: Time,
    /// What is sent.
    pub body: serde_json::Value,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was tried last.
    #[schema(required = true)]
    pub last_tried_at: Option<Time>,
    /// When it is tried next, while it waits for that.
    #[schema(required = true)]
    pub next_at: Option<Time>,
    /// What the last attempt said.
    #[schema(required = true)]
    pub outcome: Option<String>,
}

/// Which delivery is to be sent once more.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookReplay {
    /// The number of one; all that were set aside without.
    pub delivery_id: Option<i64>,
}

/// How many deliveries are sent once more.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct Replayed {
    /// How many.
    pub replayed: u64,
}

/// What came of a request that only tries a webhook out.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TriedWebhook {
    /// Whether it was taken: the answer was 2xx.
    pub taken: bool,
    /// The status of the answer; null without one.
    #[schema(required = true)]
    pub status: Option<u16>,
    /// What happened, in a sentence.
    pub said: String,
    /// How long it took.
    pub took_ms: u64,
}
