//! Who is in the conversation of a live now.

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json as Answer, Router};
use serde_json::{Value, json};

use super::access::{Id, Keys, readable_live};
use super::auth::Caller;
use super::chat::speaker;
use super::problem::Problem;
use crate::app::App;
use crate::recorded;

/// Names in one answer at most.
const NAMES: usize = 200;

pub(crate) fn router() -> Router<App> {
    Router::new().route("/api/posts/live/{id}/chat/here", get(here))
}

/// How many are here, and the names of those who have signed in where the rules show them, or to those who lead.
async fn here(
    State(app): State<App>,
    caller: Caller,
    keys: Keys,
    Path(Id(id)): Path<Id>,
) -> Result<Answer<Value>, Problem> {
    let live = readable_live(&app, &caller, id, &keys).await?;
    let rules = app.chat.rules(id.0, &recorded::clock(&app, id).await).await?;
    let leads = speaker(&live, &caller).is_ok_and(|speaker| speaker.leads || rules.names(speaker.id));
    let shown = rules.show_members || leads;
    let (count, people) = app.here.of(id, NAMES);
    let members =
        if shown { app.chat.people(people.into_iter().map(|id| id.0).collect()).await? } else { Vec::new() };
    Ok(Answer(json!({"count": count, "shown": shown, "members": members})))
}
