//! Who the people are that acts, silences and bans name by their number. An addition to the contract:
//!
//! ```text
//! GET  .../chat/people/?ids=3,7     [person, ...] by their names, for those who lead; at most 200, unknown ones left out
//! ```

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json as Answer, Router};
use chat::Author;
use serde::Deserialize;

use super::access::{Id, Keys, readable_live};
use super::auth::Caller;
use super::chat::speaker;
use super::problem::Problem;
use crate::app::App;
use crate::recorded;

/// People named in one answer.
const MOST: usize = 200;

pub(crate) fn router() -> Router<App> {
    Router::new().route("/api/posts/live/{id}/chat/people", get(people))
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    ids: String,
}

async fn people(
    State(app): State<App>,
    caller: Caller,
    keys: Keys,
    Path(Id(id)): Path<Id>,
    Query(Wanted { ids }): Query<Wanted>,
) -> Result<Answer<Vec<Author>>, Problem> {
    caller.person()?;
    let live = readable_live(&app, &caller, id, &keys).await?;
    let speaker = speaker(&live, &caller)?;
    let rules = app.chat.rules(id.0, &recorded::clock(&app, id).await).await?;
    if !speaker.leads && !rules.names(speaker.id) {
        return Err(chat::Refusal::NotModerator.into());
    }
    let ids = ids.split(',').filter(|one| !one.is_empty()).map(str::parse);
    let ids: Vec<i64> = ids.collect::<Result<_, _>>().map_err(|_| not_numbers())?;
    Ok(Answer(app.chat.people(ids.into_iter().take(MOST).collect()).await?))
}

fn not_numbers() -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "Le paramètre ids est une liste de numéros séparés par des virgules.",
        "The parameter ids is a list of numbers separated by commas.",
    )
}
