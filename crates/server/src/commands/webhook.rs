//! `communiconnect webhook ...`: programs that are told what happens.

use std::process::ExitCode;

use clap::Subcommand;
use ids::{DeliveryId, WebhookId};
use serde::Serialize;
use webhooks::{NewWebhook, State};
use wire::webhooks::{Delivery, Webhook};

use super::desk::{AT_ONCE, Common, Desk, all, said};
use crate::clock::now_ms;
use crate::terminal::say;
use crate::{outboxes, webhook_answers};

/// Deliveries that were set aside that a list shows of each webhook, the newest.
const SHOWN: u32 = 20;

/// What is done with webhooks.
#[derive(Subcommand)]
pub(crate) enum WebhookCommand {
    /// Adds a webhook; prints its secret, this once
    Add {
        /// Where requests go
        url: String,
        /// What they are signed with: whsec_ and base64 [default: made]
        #[arg(long, env = "COMMUNICONNECT_WEBHOOK_SECRET", hide_env_values = true, value_name = "whsec_...")]
        secret: Option<String>,
        /// Lets it be inside the network: private, loopback and link-local addresses
        #[arg(long)]
        allow_private: bool,
        /// What it hears, with commas between: live.started,live.stopped [default: everything]
        #[arg(long, value_delimiter = ',', value_name = "EVENTS")]
        events: Vec<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Lists webhooks, with what was set aside
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Sends one request of the type webhook.try at once, and says what came of it; exit code 1 if it was not taken
    Try {
        /// Its number
        webhook_id: i64,
        #[command(flatten)]
        common: Common,
    },
    /// Sends nothing any more; what happens meanwhile is sent later
    Pause {
        /// Its number
        webhook_id: i64,
        #[command(flatten)]
        common: Common,
    },
    /// Sends again
    Resume {
        /// Its number
        webhook_id: i64,
        #[command(flatten)]
        common: Common,
    },
    /// Removes a webhook, with what waits for it
    Remove {
        /// Its number
        webhook_id: i64,
        #[command(flatten)]
        common: Common,
    },
    /// Sends once more what was set aside, or one delivery, whatever became of it
    Replay {
        /// The webhook's number
        webhook_id: i64,
        /// The delivery's number
        delivery_id: Option<i64>,
        #[command(flatten)]
        common: Common,
    },
    /// Lists what a webhook is sent, the newest first
    Deliveries {
        /// The webhook's number
        webhook_id: i64,
        #[command(flatten)]
        common: Common,
    },
}

/// A webhook in a list, with what was set aside.
#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    webhook: Webhook,
    set_aside_deliveries: Vec<Delivery>,
}

/// Does what the command says.
pub(super) async fn done(command: WebhookCommand) -> Result<ExitCode, String> {
    match command {
        WebhookCommand::Add { url, secret, allow_private, events, common } => {
            let desk = Desk::open(common).await?;
            let new = NewWebhook { url, secret, events, allow_private };
            let ends = outboxes::ends(&desk.engines).await.map_err(said)?;
            let added = desk.webhooks()?.add(new, ends, now_ms()).await.map_err(said)?;
            let answer = webhook_answers::added(&added);
            let sentence =
                format!("{}\nsecret, told this once: {}", described(&answer), added.secret.written());
            desk.tell(&answer, &sentence).await?;
        }
        WebhookCommand::List { common } => list(Desk::open(common).await?).await?,
        WebhookCommand::Try { webhook_id, common } => {
            let desk = Desk::open(common).await?;
            let tried = desk.webhooks()?.try_out(WebhookId(webhook_id)).await.map_err(said)?;
            let answer = webhook_answers::tried(tried);
            let taken = answer.taken;
            desk.tell(&answer, &format!("{} ({} ms)", answer.said, answer.took_ms)).await?;
            return Ok(if taken { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        WebhookCommand::Pause { webhook_id, common } => {
            let desk = Desk::open(common).await?;
            let webhook = desk.webhooks()?.pause(WebhookId(webhook_id), now_ms()).await.map_err(said)?;
            tell(desk, &webhook).await?;
        }
        WebhookCommand::Resume { webhook_id, common } => {
            let desk = Desk::open(common).await?;
            let webhook = desk.webhooks()?.resume(WebhookId(webhook_id)).await.map_err(said)?;
            tell(desk, &webhook).await?;
        }
        WebhookCommand::Remove { webhook_id, common } => {
            let desk = Desk::open(common).await?;
            let webhooks = desk.webhooks()?;
            let webhook = webhooks.get(WebhookId(webhook_id)).await.map_err(said)?;
            let shown = described(&webhook_answers::webhook(&webhook));
            desk.asked(&format!("{shown}\nIt and what waits for it will be removed."))?;
            webhooks.remove(webhook.id).await.map_err(said)?;
            let answer = serde_json::json!({"id": webhook_id});
            desk.tell(&answer, &format!("webhook {webhook_id} removed")).await?;
        }
        WebhookCommand::Replay { webhook_id, delivery_id, common } => {
            let desk = Desk::open(common).await?;
            let delivery = delivery_id.map(DeliveryId);
            let webhooks = desk.webhooks()?;
            let replayed = webhooks.replay(WebhookId(webhook_id), delivery, now_ms()).await.map_err(said)?;
            let answer = wire::webhooks::Replayed { replayed };
            desk.tell(&answer, &format!("{replayed} sent once more")).await?;
        }
        WebhookCommand::Deliveries { webhook_id, common } => {
            let desk = Desk::open(common).await?;
            let webhooks = desk.webhooks()?;
            let found = all(async |skip| {
                let found = webhooks.deliveries(WebhookId(webhook_id), None, skip, AT_ONCE);
                found.await.map(|(_, found)| found)
            })
            .await?;
            let shown: Vec<Delivery> = found.iter().map(webhook_answers::delivery).collect();
            desk.tell_all(&shown, line).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(desk: Desk) -> Result<(), String> {
    let webhooks = desk.webhooks()?;
    let mut listed = Vec::new();
    for webhook in webhooks.all().await.map_err(said)? {
        let set_aside = webhooks.deliveries(webhook.id, Some(State::SetAside), 0, SHOWN);
        let (_, set_aside) = set_aside.await.map_err(said)?;
        listed.push(Listed {
            webhook: webhook_answers::webhook(&webhook),
            set_aside_deliveries: set_aside.iter().map(webhook_answers::delivery).collect(),
        });
    }
    if desk.json() {
        return desk.tell(&listed, "").await;
    }
    for Listed { webhook, set_aside_deliveries } in &listed {
        say(&described(webhook));
        set_aside_deliveries.iter().for_each(|delivery| say(&format!("  {}", line(delivery))));
    }
    desk.close().await
}

async fn tell(desk: Desk, webhook: &webhooks::Webhook) -> Result<(), String> {
    let answer = webhook_answers::webhook(webhook);
    desk.tell(&answer, &described(&answer)).await
}

/// What a webhook is, in a line.
fn described(webhook: &Webhook) -> String {
    let events = if webhook.events.is_empty() { "everything".to_owned() } else { webhook.events.join(", ") };
    let private = if webhook.allow_private { ", private addresses allowed" } else { "" };
    let paused = webhook.paused_at.map_or_else(String::new, |at| format!(", paused since {at}"));
    format!(
        "webhook {}: {} hears {events}{private}{paused}; {} wait, {} set aside",
        webhook.id, webhook.url, webhook.waiting, webhook.set_aside
    )
}

/// What a delivery is, in a line.
fn line(delivery: &Delivery) -> String {
    let state = match delivery.state {
        wire::webhooks::DeliveryState::Waiting => "waits",
        wire::webhooks::DeliveryState::Delivered => "taken",
        wire::webhooks::DeliveryState::SetAside => "set aside",
    };
    let outcome = delivery.outcome.as_ref().map_or_else(String::new, |said| format!(": {said}"));
    format!(
        "delivery {} of {}: {} {state} after {} attempts{outcome}",
        delivery.id, delivery.timestamp, delivery.kind, delivery.attempts
    )
}
