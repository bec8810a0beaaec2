//! Leading the conversation: rules, moderators, silences and bans, approval, the acts that were done. An addition to the
//! contract:
//!
//! ```text
//! GET|PATCH  .../chat/rules/                    {slow_ms, hold, show_members, pinned: message}
//!                                               PATCH {slow_ms?, hold?, show_members?, pinned?: id|null, words?}
//! GET        .../chat/moderators/               ids; PUT|DELETE .../chat/moderators/{person_id}/   the live's author
//! GET        .../chat/sanctions/                PUT {seconds?, delete_messages?} | DELETE .../chat/sanctions/{person_id}/
//! GET        .../chat/held/                     POST | DELETE .../chat/held/{held_id}/             approve, reject
//! GET        .../chat/acts/?before=ID           newest first
//! ```
//!
//! `words` and everything but GET of the rules is for those who lead. Viewers hear of rules by the frame
//! `{"type": "rules", "rules"}`.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json as Answer, Router};
use chat::{Rules, RulesChange, Sanction, Speaker, WordList};
use ids::{PersonId, UnixMs};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use timeline::PlayClock;

use super::access::{Id, Keys, readable_live};
use super::auth::Caller;
use super::chat::{as_json, speaker};
use super::problem::Problem;
use super::{Json, rfc3339};
use crate::app::{App, now_ms};
use crate::recorded;

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/api/posts/live/{id}/chat/rules", get(rules).patch(change_rules))
        .route("/api/posts/live/{id}/chat/moderators", get(moderators))
        .route("/api/posts/live/{id}/chat/moderators/{person}", put(set_moderator).delete(set_moderator))
        .route("/api/posts/live/{id}/chat/sanctions", get(sanctions))
        .route("/api/posts/live/{id}/chat/sanctions/{person}", put(sanction).delete(lift))
        .route("/api/posts/live/{id}/chat/held", get(held))
        .route("/api/posts/live/{id}/chat/held/{held}", post(decide).delete(decide))
        .route("/api/posts/live/{id}/chat/acts", get(acts))
}

/// What every request here needs to know: who acts, in which conversation.
struct Act {
    live_id: i64,
    by: Speaker,
    clock: Arc<PlayClock>,
}

impl FromRequestParts<App> for Act {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, app).await?;
        caller.person()?;
        let Ok(keys) = Keys::from_request_parts(parts, app).await;
        let path = Path::<Live>::from_request_parts(parts, app).await;
        let Path(Live { id: Id(id) }) = path.map_err(|_| Problem::no_such_live())?;
        let live = readable_live(app, &caller, id, &keys).await?;
        Ok(Self { live_id: id.0, by: speaker(&live, &caller)?, clock: recorded::clock(app, id).await })
    }
}

/// The live in a path, whatever else is there.
#[derive(Deserialize)]
struct Live {
    id: Id,
}

/// The person in a path.
#[derive(Deserialize)]
struct Subject {
    person: Id<PersonId>,
}

/// The message that waits in a path.
#[derive(Deserialize)]
struct Waiting {
    held: Id<i64>,
}

async fn rules(
    State(app): State<App>,
    caller: Caller,
    keys: Keys,
    Path(Id(id)): Path<Id>,
) -> Result<Response, Problem> {
    let live = readable_live(&app, &caller, id, &keys).await?;
    let clock = recorded::clock(&app, id).await;
    let rules = app.chat.rules(id.0, &clock).await?;
    let leads = speaker(&live, &caller).is_ok_and(|speaker| speaker.leads || rules.names(speaker.id));
    Ok(shown(&rules, leads, &clock))
}

/// The rules, with the words for those who lead.
fn shown(rules: &Rules, leads: bool, clock: &PlayClock) -> Response {
    let mut text = rules.to_json(clock);
    if leads {
        let words = Value::from(rules.words.words());
        text.truncate(text.len() - 1);
        text.push_str(&format!(r#","words":{words}}}"#));
    }
    as_json(text)
}

#[derive(Deserialize)]
struct Change {
    slow_ms: Option<i64>,
    hold: Option<bool>,
    show_members: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    pinned: Option<Option<i64>>,
    words: Option<Vec<String>>,
}

/// Tells `null`, which takes the pin away, from nothing, which leaves it.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<i64>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

async fn change_rules(
    State(app): State<App>,
    act: Act,
    Json(change): Json<Change>,
) -> Result<Response, Problem> {
    let words = change.words.map(|words| WordList::new(words).ok_or_else(too_many_words)).transpose()?;
    let Change { slow_ms, hold, show_members, pinned, .. } = change;
    let change = RulesChange { slow_ms, hold, show_members, pinned, words };
    let rules = app.chat.change_rules(act.live_id, act.by, change, &act.clock).await?;
    Ok(shown(&rules, true, &act.clock))
}

fn too_many_words() -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        format!("{} mots au plus, de {} caractères au plus.", chat::WORDS_LIMIT, chat::WORD_LIMIT),
        format!("At most {} words, of at most {} characters.", chat::WORDS_LIMIT, chat::WORD_LIMIT),
    )
}

async fn moderators(
    State(app): State<App>,
    caller: Caller,
    keys: Keys,
    Path(Id(id)): Path<Id>,
) -> Result<Answer<Value>, Problem> {
    readable_live(&app, &caller, id, &keys).await?;
    let rules = app.chat.rules(id.0, &recorded::clock(&app, id).await).await?;
    Ok(Answer(json!(rules.moderators)))
}

/// PUT names somebody, DELETE takes the name back.
async fn set_moderator(
    State(app): State<App>,
    act: Act,
    Path(Subject { person: Id(person) }): Path<Subject>,
    method: Method,
) -> Result<StatusCode, Problem> {
    app.chat.set_moderator(act.live_id, act.by, person.0, method == Method::PUT, &act.clock).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn sanctions(State(app): State<App>, act: Act) -> Result<Answer<Value>, Problem> {
    let sanctions = app.chat.sanctions(act.live_id, act.by, &act.clock).await?;
    let one =
        |one: Sanction| json!({"person_id": one.person_id, "until": one.until_ms.map(UnixMs).map(rfc3339)});
    Ok(Answer(sanctions.into_iter().map(one).collect()))
}

#[derive(Deserialize)]
struct Wanted {
    /// How long; without it, for good.
    seconds: Option<u32>,
    #[serde(default)]
    delete_messages: bool,
}

async fn sanction(
    State(app): State<App>,
    act: Act,
    Path(Subject { person: Id(person_id) }): Path<Subject>,
    Json(wanted): Json<Wanted>,
) -> Result<StatusCode, Problem> {
    let until_ms = wanted.seconds.map(|seconds| now_ms().plus_ms(i64::from(seconds) * 1_000).0);
    let sanction = Sanction { person_id: person_id.0, until_ms, delete_messages: wanted.delete_messages };
    app.chat.sanction(act.live_id, act.by, sanction, &act.clock).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn lift(
    State(app): State<App>,
    act: Act,
    Path(Subject { person: Id(person) }): Path<Subject>,
) -> Result<StatusCode, Problem> {
    app.chat.lift(act.live_id, act.by, person.0, &act.clock).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn held(State(app): State<App>, act: Act) -> Result<Answer<Value>, Problem> {
    let held = app.chat.held(act.live_id, act.by, &act.clock).await?;
    let one = |one: &chat::Held| json!({"held_id": one.id, "message": one.message.to_value(&act.clock)});
    Ok(Answer(held.iter().map(one).collect()))
}

/// POST approves and answers the message, DELETE rejects.
async fn decide(
    State(app): State<App>,
    act: Act,
    Path(Waiting { held: Id(held) }): Path<Waiting>,
    method: Method,
) -> Result<Response, Problem> {
    let approved = method == Method::POST;
    let kept = app.chat.decide(act.live_id, act.by, held, approved, Arc::clone(&act.clock)).await?;
    Ok(match kept {
        Some(message) => Answer(message.to_value(&act.clock)).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

#[derive(Deserialize)]
struct Before {
    before: Option<i64>,
}

async fn acts(
    State(app): State<App>,
    act: Act,
    Query(Before { before }): Query<Before>,
) -> Result<Answer<Value>, Problem> {
    let acts = app.chat.acts(act.live_id, act.by, before.unwrap_or(i64::MAX), &act.clock).await?;
    Ok(Answer(json!(acts)))
}
