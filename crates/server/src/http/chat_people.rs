//! Who the people are that acts, silences and bans name by their number. An addition to the contract:
//!
//! ```text
//! GET  .../chat/people/?ids=3,7     [person, ...] by their names, for those who lead; at most 200, unknown ones left out
//! ```

use axum::Json as Answer;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chat::Author;
use ids::PersonId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::conversation::PeopleQuery;
use wire::lives::{KeyQuery, LivePath};
use wire::{Person, Refusal};

use super::access::{Id, Keys, readable_live};
use super::auth::Caller;
use super::chat::speaker;
use super::problem::Problem;
use crate::app::App;

/// People named in one answer.
const MOST: usize = 200;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(people))
}

/// Who somebody is, for those who lead
///
/// What acts, silences and bans name by number. At most 200 at once; whom nobody knows is left out.
#[utoipa::path(get, path = "/api/posts/live/{id}/chat/people", operation_id = "readPeople", tag = "Conversation",
    security(("bearer" = [])), params(LivePath, PeopleQuery, KeyQuery),
    responses((status = 200, description = "People.", body = Vec<Person>), Refusal<403>, Refusal<404>))]
async fn people(
    State(app): State<App>,
    caller: Caller,
    keys: Keys,
    Path(Id(id)): Path<Id>,
    Query(PeopleQuery { ids }): Query<PeopleQuery>,
) -> Result<Response, Problem> {
    caller.person()?;
    let live = readable_live(&app, &caller, id, &keys).await?;
    let speaker = speaker(&live, &caller)?;
    let rules = app.chat.rules(id, &app.recordings.clock(id).await).await?;
    if !speaker.leads && !rules.names(speaker.id) {
        return Err(chat::Refusal::NotModerator.into());
    }
    let ids = ids.split(',').filter(|one| !one.is_empty()).map(str::parse);
    let ids: Vec<PersonId> = ids.collect::<Result<_, _>>().map_err(|_| not_numbers())?;
    let people = app.chat.people(ids.into_iter().take(MOST).collect()).await?;
    let people: Vec<Person<'_>> = people.iter().map(Author::on_wire).collect();
    Ok(Answer(people).into_response())
}

fn not_numbers() -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "Le paramètre ids est une liste de numéros séparés par des virgules.",
        "The parameter ids is a list of numbers separated by commas.",
    )
}
