//! A webhook, and what it is told.

use ids::{DeliveryId, UnixMs, WebhookId};

use crate::{Kind, Secret};

/// Somebody who is told what happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Never used again.
    pub id: WebhookId,
    /// Where requests go.
    pub url: String,
    /// What it hears; empty for everything.
    pub events: Vec<Kind>,
    /// Whether it may be inside the operator's network.
    pub allow_private: bool,
    /// Since when nothing is sent; what happens meanwhile is sent afterwards.
    pub paused: Option<UnixMs>,
    /// Since when it hears.
    pub created: UnixMs,
    /// How many events wait to be told.
    pub waiting: u64,
    /// How many were set aside.
    pub set_aside: u64,
}

/// A webhook that was added, with what it is told this once.
#[derive(Debug, Clone)]
pub struct Added {
    /// The webhook.
    pub webhook: Webhook,
    /// What its requests are signed with.
    pub secret: Secret,
}

/// A webhook to be added.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// Where requests go: http or https.
    pub url: String,
    /// What they are signed with; one is made without.
    pub secret: Option<String>,
    /// The names of what it hears; empty for everything.
    pub events: Vec<String>,
    /// Whether it may be inside the operator's network.
    pub allow_private: bool,
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It waits to be sent, or to be sent again.
    Waiting,
    /// It was taken: the answer was 2xx.
    Delivered,
    /// It was tried for a day, and is tried no more.
    SetAside,
}

/// An event on its way to a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its number; later ones are higher.
    pub id: DeliveryId,
    /// The `webhook-id` under which it is sent.
    pub message: String,
    /// What it is about.
    pub subject: String,
    /// What happened.
    pub kind: String,
    /// What is sent.
    pub body: String,
    /// When it happened.
    pub happened: UnixMs,
    /// Where it stands.
    pub state: State,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was tried first.
    pub first_tried: Option<UnixMs>,
    /// When it was tried last.
    pub last_tried: Option<UnixMs>,
    /// Not before then, while it waits.
    pub next: UnixMs,
    /// What the last attempt said.
    pub outcome: Option<String>,
}
