//! What administrators see, by the API and by the command line: lives, reports, bans, invitations.

use accounts::{Accounts, Invitation};
use chat::Chat;
use ids::{LiveId, PersonId};
use lives::{Filter, Live, Lives, Visibility};
use storage::Failure;
use wire::Time;
use wire::admin::{self as answers, Owner};
use wire::timeline::LiveState;

/// How many lives there are that are wanted, and a page of them.
pub(crate) async fn lives(
    lives: &Lives,
    accounts: &Accounts,
    filter: Filter,
    page: u32,
    page_size: u32,
) -> Result<(u64, Vec<answers::OwnedLive>), Failure> {
    let found = lives.list(Filter { all: true, ..filter }, page, page_size).await?;
    let mut shown = Vec::with_capacity(found.lives.len());
    for live in &found.lives {
        shown.push(self::live(accounts, live).await);
    }
    Ok((found.count, shown))
}

/// One live.
pub(crate) async fn live(accounts: &Accounts, live: &Live) -> answers::OwnedLive {
    let recorded = live.recorded.clone().unwrap_or_default();
    answers::OwnedLive {
        id: live.id.0,
        title: live.title.clone(),
        owner: owner(accounts, live.author.id).await,
        visibility: match live.visibility {
            Visibility::Public => wire::lives::Visibility::Public,
            Visibility::Unlisted => wire::lives::Visibility::Unlisted,
            Visibility::Members => wire::lives::Visibility::Members,
        },
        state: if live.is_running() { LiveState::Live } else { LiveState::Ended },
        started_at: Time(live.started_ms.0),
        ended_at: live.ended_ms.map(|at| Time(at.0)),
        duration_ms: recorded.duration_ms,
        bytes: recorded.bytes,
        viewers_total: live.viewers,
    }
}

/// How many reports there are, and those after the first `skip`.
pub(crate) async fn reports(
    chat: &Chat,
    accounts: &Accounts,
    skip: u64,
    limit: u32,
) -> Result<(u64, Vec<answers::Report>), Failure> {
    let (count, found) = chat.reports(skip, limit).await?;
    let mut shown = Vec::with_capacity(found.len());
    for report in found {
        let message = report.message;
        let id = message.seq.map_or(0, |seq| chat::message_id(message.live_id, seq).0);
        shown.push(answers::Report {
            id: report.id.0,
            live_id: message.live_id.0,
            message_id: id,
            content: message.content,
            author: owner(accounts, message.author.id).await,
            reported_by: owner(accounts, report.by_id).await,
            reason: report.reason,
            created_at: Time(report.at_ms.0),
        });
    }
    Ok((count, shown))
}

/// How many people may not write, in one live or in each, and those after the first `skip`.
pub(crate) async fn bans(
    chat: &Chat,
    accounts: &Accounts,
    live: Option<LiveId>,
    skip: u64,
    limit: u32,
) -> Result<(u64, Vec<answers::Ban>), Failure> {
    let (count, found) = chat.bans(live, skip, limit).await?;
    let mut shown = Vec::with_capacity(found.len());
    for ban in found {
        let person = owner(accounts, ban.person_id).await;
        let until = ban.until_ms.map(|at| Time(at.0));
        shown.push(answers::Ban { live_id: ban.live_id.0, person, until });
    }
    Ok((count, shown))
}

/// An invitation as it is answered.
pub(crate) fn invitation(invitation: &Invitation) -> answers::Invitation {
    answers::Invitation { id: invitation.id.clone(), expires_at: Time(invitation.expires.0) }
}

/// Somebody, or what is left of them.
async fn owner(accounts: &Accounts, id: PersonId) -> Owner {
    match accounts.person(id).await {
        Ok(person) => Owner {
            id: id.0,
            email: person.email,
            first_name: person.first_name,
            last_name: person.last_name,
        },
        Err(_) => Owner { id: id.0, email: None, first_name: String::new(), last_name: String::new() },
    }
}
