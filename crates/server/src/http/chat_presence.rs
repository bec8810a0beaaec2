//! Who is in the conversation of a live now.

use axum::Json as Answer;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::Refusal;
use wire::conversation::Present;
use wire::lives::{KeyQuery, LivePath};

use super::access::{Id, Keys, readable_live};
use super::auth::Caller;
use super::chat::speaker;
use super::problem::Problem;
use crate::app::App;

/// Names in one answer at most.
const NAMES: usize = 200;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(here))
}

/// Who is here
///
/// Counted for everybody; named, where they have signed in, if the rules show members, or to those who lead.
#[utoipa::path(get, path = "/api/posts/live/{id}/chat/here", operation_id = "whoIsHere", tag = "Conversation",
    security((), ("bearer" = [])), params(LivePath, KeyQuery),
    responses((status = 200, description = "How many are connected, each person once.", body = Present), Refusal<404>))]
async fn here(
    State(app): State<App>,
    caller: Caller,
    keys: Keys,
    Path(Id(id)): Path<Id>,
) -> Result<Response, Problem> {
    let live = readable_live(&app, &caller, id, &keys).await?;
    let rules = app.chat.rules(id, &app.recordings.clock(id).await).await?;
    let leads = speaker(&live, &caller).is_ok_and(|speaker| speaker.leads || rules.names(speaker.id));
    let shown = rules.show_members || leads;
    let (count, people) = app.here.of(id, NAMES);
    let members = if shown { app.chat.people(people).await? } else { Vec::new() };
    let members = members.iter().map(chat::Author::on_wire).collect();
    Ok(Answer(Present { count, shown, members }).into_response())
}
