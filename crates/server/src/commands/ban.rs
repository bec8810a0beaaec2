//! `communiconnect ban ...`: who may not write in which live.

use clap::Subcommand;
use ids::{LiveId, PersonId};
use wire::admin::Ban;

use super::desk::{AT_ONCE, Common, Desk, Whom, all, said};
use crate::administered;
use crate::clock::now_ms;

/// By whom it is done, in the list of acts: by nobody who has an account.
const OPERATOR: PersonId = PersonId(0);
/// Seconds of a silence at most: a year.
const LONGEST: i64 = chat::SILENCE_LIMIT_MS / 1_000;

/// What is done with bans.
#[derive(Subcommand)]
pub(crate) enum BanCommand {
    /// Lists who may not write in which live
    List {
        /// Only in this live
        #[arg(long, value_name = "LIVE_ID")]
        live: Option<i64>,
        #[command(flatten)]
        common: Common,
    },
    /// Keeps somebody from writing in a live
    Add {
        #[command(flatten)]
        who: Whom,
        /// In which live
        #[arg(long, value_name = "LIVE_ID")]
        live: i64,
        /// For how long, a year at most [default: as long as the live is there]
        #[arg(long, value_parser = clap::value_parser!(i64).range(1..=LONGEST))]
        seconds: Option<i64>,
        #[command(flatten)]
        common: Common,
    },
    /// Lets somebody write again in a live
    Remove {
        #[command(flatten)]
        who: Whom,
        /// In which live
        #[arg(long, value_name = "LIVE_ID")]
        live: i64,
        #[command(flatten)]
        common: Common,
    },
}

/// Does what the command says.
pub(super) async fn done(command: BanCommand) -> Result<(), String> {
    match command {
        BanCommand::List { live, common } => {
            let desk = Desk::open(common).await?;
            let bans = bans(&desk, live.map(LiveId)).await?;
            desk.tell_all(&bans, described).await
        }
        BanCommand::Add { who, live, seconds, common } => {
            let (desk, person) = Desk::with(common, &who).await?;
            let live = desk.lives.get(LiveId(live)).await.map_err(|error| format!("{live}: {error}"))?;
            let until = seconds.map(|seconds| now_ms().plus_ms(seconds * 1_000));
            desk.chat.ban(live.id, OPERATOR, person.id, until).await.map_err(said)?;
            desk.log("ban", Some(person.id), [("live", live.id.0.into())]);
            let all = bans(&desk, Some(live.id)).await?;
            let ban = all.into_iter().find(|ban| ban.person.id == person.id.0);
            let ban = ban.ok_or("the ban was lifted meanwhile")?;
            desk.tell(&ban, &described(&ban)).await
        }
        BanCommand::Remove { who, live, common } => {
            let (desk, person) = Desk::with(common, &who).await?;
            desk.chat.unban(LiveId(live), OPERATOR, person.id).await.map_err(said)?;
            desk.log("lift", Some(person.id), [("live", live.into())]);
            let answer = serde_json::json!({"live_id": live, "person_id": person.id});
            desk.tell(&answer, &format!("person {} may write in live {live}", person.id)).await
        }
    }
}

async fn bans(desk: &Desk, live: Option<LiveId>) -> Result<Vec<Ban>, String> {
    all(async |skip| {
        let found = administered::bans(&desk.chat, &desk.accounts, live, skip, AT_ONCE);
        found.await.map(|(_, bans)| bans)
    })
    .await
}

/// What a ban is, in a line.
fn described(ban: &Ban) -> String {
    let who = ban.person.email.as_ref().map(|email| format!(" ({email})")).unwrap_or_default();
    let until = ban.until.map_or_else(String::new, |until| format!(" until {until}"));
    format!("person {}{who} may not write in live {}{until}", ban.person.id, ban.live_id)
}
