//! `communiconnect live ...`: everybody's lives.

use clap::Subcommand;
use ids::LiveId;
use lives::Filter;
use wire::admin::OwnedLive;
use wire::timeline::LiveState;

use super::desk::{AT_ONCE, Common, Desk, Whom, all, said};
use crate::administered;
use crate::clock::now_ms;

/// What is done with lives.
#[derive(Subcommand)]
pub(crate) enum LiveCommand {
    /// Lists lives, the newest first
    List {
        /// Only those whose title or description has these words
        #[arg(short, long)]
        query: Option<String>,
        /// Only those that run (live) or have ended (ended)
        #[arg(long, value_parser = ["live", "ended"])]
        state: Option<String>,
        /// Only those of this person
        #[arg(long, value_name = "ID|EMAIL")]
        owner: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Shows a live
    Show {
        /// Its number
        live_id: i64,
        #[command(flatten)]
        common: Common,
    },
    /// Deletes a live, with its recording and its conversation
    Delete {
        /// Its number
        live_id: i64,
        #[command(flatten)]
        common: Common,
    },
}

/// Does what the command says.
pub(super) async fn done(command: LiveCommand) -> Result<(), String> {
    match command {
        LiveCommand::List { query, state, owner, common } => {
            let desk = Desk::open(common).await?;
            let of = match owner {
                Some(who) => Some(desk.person(&Whom { who }).await?.id),
                None => None,
            };
            let running = state.map(|state| state == "live");
            let filter = Filter { running, words: query, of, ..Filter::default() };
            let lives = all(async |skip: u64| {
                let page = u32::try_from(skip / u64::from(AT_ONCE) + 1).unwrap_or(u32::MAX);
                let found = administered::lives(&desk.lives, &desk.accounts, filter.clone(), page, AT_ONCE);
                found.await.map(|(_, lives)| lives)
            })
            .await?;
            desk.tell_all(&lives, described).await
        }
        LiveCommand::Show { live_id, common } => {
            let (desk, live) = with(common, live_id).await?;
            desk.tell(&live, &described(&live)).await
        }
        LiveCommand::Delete { live_id, common } => {
            let (desk, live) = with(common, live_id).await?;
            desk.asked(&format!(
                "{}\nIts recording and its conversation will be deleted. There is no way back.",
                described(&live)
            ))?;
            desk.lifecycle().await?.begin_deletion(LiveId(live_id), now_ms()).await.map_err(said)?;
            desk.log("delete-live", None, [("live", live_id.into())]);
            let is_served = desk.is_served();
            let when = if is_served {
                "is being deleted by the running server"
            } else {
                "is found by nobody any more; the rest of it goes when a server starts"
            };
            let answer = serde_json::json!({"id": live_id, "deleted": is_served});
            desk.tell(&answer, &format!("live {live_id} {when}")).await
        }
    }
}

async fn with(common: Common, live_id: i64) -> Result<(Desk, OwnedLive), String> {
    let desk = Desk::open(common).await?;
    let live = desk.lives.get(LiveId(live_id)).await.map_err(|error| format!("{live_id}: {error}"))?;
    let live = administered::live(&desk.accounts, &live).await;
    Ok((desk, live))
}

/// What a live is, in a line.
fn described(live: &OwnedLive) -> String {
    let state = match live.state {
        LiveState::Live => "live".to_owned(),
        LiveState::Ended => "ended".to_owned(),
    };
    let owner = live.owner.email.clone().unwrap_or_else(|| format!("person {}", live.owner.id));
    let title = if live.title.is_empty() { "without a title" } else { &live.title };
    format!(
        "live {}: {title}, of {owner}, {state}, began {}, {} s, {} bytes",
        live.id,
        live.started_at,
        live.duration_ms / 1_000,
        live.bytes
    )
}
