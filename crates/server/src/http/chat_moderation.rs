//! Moderation: rules, moderators, silences and bans, approval, the acts that were done. An addition to the contract.
//!
//! `words` and everything but GET of the rules is for those who lead. Viewers hear of rules by a frame of the WebSocket.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use chat::{RulesChange, Speaker, WordList};
use ids::{ActId, HeldId, LiveId, MessageId, PersonId};
use serde::Deserialize;
use timeline::PlayClock;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::conversation::Message;
use wire::lives::{KeyQuery, LivePath};
use wire::moderation::{
    ActsQuery, ChatRules, ChatRulesChange, HeldMessage, HeldPath, ModerationAct, NewSanction, Sanction,
    SubjectPath,
};
use wire::{Refusal, Time};

use super::Sent;
use super::access::{Id, Keys, readable_live};
use super::auth::Caller;
use super::chat::speaker;
use super::problem::Problem;
use super::trail::Trail;
use crate::app::App;
use crate::clock::now_ms;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(rules, change_rules))
        .routes(routes!(moderators))
        .routes(routes!(name_moderator, unname_moderator))
        .routes(routes!(sanctions))
        .routes(routes!(sanction, lift))
        .routes(routes!(held))
        .routes(routes!(approve, reject))
        .routes(routes!(acts))
}

/// What every request here needs to know: who acts, in which conversation.
struct Act {
    live_id: LiveId,
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
        Ok(Self { live_id: id, by: speaker(&live, &caller)?, clock: app.recordings.clock(id).await })
    }
}

impl Act {
    /// Refuses whoever does not moderate, before the body is read; the act itself looks again, in its transaction.
    async fn must_moderate(&self, app: &App) -> Result<(), Problem> {
        let rules = app.chat.rules(self.live_id, &self.clock).await?;
        if self.by.leads || rules.names(self.by.id) {
            Ok(())
        } else {
            Err(chat::Error::from(chat::Refusal::NotModerator).into())
        }
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
    person_id: Id<PersonId>,
}

/// The message that waits in a path.
#[derive(Deserialize)]
struct Waiting {
    held_id: Id<HeldId>,
}

/// How the conversation is led
#[utoipa::path(get, path = "/api/posts/live/{id}/chat/rules", operation_id = "readRules", tag = "Conversation",
    security((), ("bearer" = [])), params(LivePath, KeyQuery),
    responses((status = 200, description = "The rules.", body = ChatRules), Refusal<404>))]
async fn rules(
    State(app): State<App>,
    caller: Caller,
    keys: Keys,
    Path(Id(id)): Path<Id>,
) -> Result<Response, Problem> {
    let live = readable_live(&app, &caller, id, &keys).await?;
    let clock = app.recordings.clock(id).await;
    let rules = app.chat.rules(id, &clock).await?;
    let leads = speaker(&live, &caller).is_ok_and(|speaker| speaker.leads || rules.names(speaker.id));
    Ok(Answer(rules.on_wire(leads, &clock)).into_response())
}

/// Change how it is led
#[utoipa::path(patch, path = "/api/posts/live/{id}/chat/rules", operation_id = "changeRules", tag = "Conversation",
    security(("bearer" = [])), params(LivePath, KeyQuery), request_body = ChatRulesChange,
    responses(
        (status = 200, description = "The rules as they are now.", body = ChatRules),
        Refusal<403>, Refusal<404>, Refusal<422>, Refusal<507>))]
async fn change_rules(
    State(app): State<App>,
    act: Act,
    trail: Trail,
    sent: Sent,
) -> Result<Response, Problem> {
    act.must_moderate(&app).await?;
    let change: ChatRulesChange = sent.json().await?;
    leave_trail(&trail, &change);
    let words = change.words.map(|words| WordList::new(words).ok_or_else(too_many_words)).transpose()?;
    let ChatRulesChange { slow_ms, hold, show_members, pinned, .. } = change;
    let pinned = pinned.map(|message| message.map(MessageId));
    let change = RulesChange { slow_ms, hold, show_members, pinned, words };
    let rules = app.chat.change_rules(act.live_id, act.by, change, &act.clock).await?;
    Ok(Answer(rules.on_wire(true, &act.clock)).into_response())
}

/// What of the rules changes; of the words only that they do.
fn leave_trail(trail: &Trail, change: &ChatRulesChange) {
    if let Some(slow_ms) = change.slow_ms {
        trail.with("slow_ms", slow_ms);
    }
    for (name, value) in [("hold", change.hold), ("show_members", change.show_members)] {
        if let Some(value) = value {
            trail.with(name, value);
        }
    }
    if let Some(pinned) = change.pinned {
        trail.with("pinned", pinned);
    }
    if change.words.is_some() {
        trail.with("words", true);
    }
}

fn too_many_words() -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        format!("{} mots au plus, de {} caractères au plus.", chat::WORDS_LIMIT, chat::WORD_LIMIT),
        format!("At most {} words, of at most {} characters.", chat::WORDS_LIMIT, chat::WORD_LIMIT),
    )
}

/// Whom its author named moderators
#[utoipa::path(get, path = "/api/posts/live/{id}/chat/moderators", operation_id = "listModerators", tag = "Conversation",
    security((), ("bearer" = [])), params(LivePath, KeyQuery),
    responses((status = 200, description = "Their ids.", body = Vec<i64>), Refusal<404>))]
async fn moderators(
    State(app): State<App>,
    caller: Caller,
    keys: Keys,
    Path(Id(id)): Path<Id>,
) -> Result<Answer<Vec<i64>>, Problem> {
    readable_live(&app, &caller, id, &keys).await?;
    let rules = app.chat.rules(id, &app.recordings.clock(id).await).await?;
    Ok(Answer(rules.moderators.iter().map(|person| person.0).collect()))
}

/// Name a moderator of this live
#[utoipa::path(put, path = "/api/posts/live/{id}/chat/moderators/{person_id}", operation_id = "nameModerator",
    tag = "Conversation", security(("bearer" = [])), params(LivePath, SubjectPath, KeyQuery),
    responses(
        (status = 204, description = "They lead it from now on."),
        Refusal<403>, Refusal<404>, Refusal<507>))]
async fn name_moderator(
    State(app): State<App>,
    act: Act,
    Path(Subject { person_id: Id(person) }): Path<Subject>,
) -> Result<StatusCode, Problem> {
    app.chat.set_moderator(act.live_id, act.by, person, true, &act.clock).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take the name back
#[utoipa::path(delete, path = "/api/posts/live/{id}/chat/moderators/{person_id}", operation_id = "unnameModerator",
    tag = "Conversation", security(("bearer" = [])), params(LivePath, SubjectPath, KeyQuery),
    responses(
        (status = 204, description = "They lead it no more."),
        Refusal<403>, Refusal<404>, Refusal<507>))]
async fn unname_moderator(
    State(app): State<App>,
    act: Act,
    Path(Subject { person_id: Id(person) }): Path<Subject>,
) -> Result<StatusCode, Problem> {
    app.chat.set_moderator(act.live_id, act.by, person, false, &act.clock).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who may not write now
#[utoipa::path(get, path = "/api/posts/live/{id}/chat/sanctions", operation_id = "listSanctions", tag = "Conversation",
    security(("bearer" = [])), params(LivePath, KeyQuery),
    responses((status = 200, description = "Silences and bans.", body = Vec<Sanction>), Refusal<403>, Refusal<404>))]
async fn sanctions(State(app): State<App>, act: Act) -> Result<Answer<Vec<Sanction>>, Problem> {
    let sanctions = app.chat.sanctions(act.live_id, act.by, &act.clock).await?;
    let one = |one: chat::Sanction| {
        let until = one.until_ms.map(|until| Time(until.0));
        Sanction { person_id: one.person_id.0, until }
    };
    Ok(Answer(sanctions.into_iter().map(one).collect()))
}

/// Silence or ban somebody
#[utoipa::path(put, path = "/api/posts/live/{id}/chat/sanctions/{person_id}", operation_id = "sanctionPerson",
    tag = "Conversation", security(("bearer" = [])), params(LivePath, SubjectPath, KeyQuery), request_body = NewSanction,
    responses(
        (status = 204, description = "They may not write."),
        Refusal<403>, Refusal<404>, Refusal<422>, Refusal<507>))]
async fn sanction(
    State(app): State<App>,
    act: Act,
    trail: Trail,
    Path(Subject { person_id: Id(person_id) }): Path<Subject>,
    sent: Sent,
) -> Result<StatusCode, Problem> {
    act.must_moderate(&app).await?;
    let wanted: NewSanction = sent.json().await?;
    trail.is(if wanted.seconds.is_some() { "silence" } else { "ban" });
    trail.with("seconds", wanted.seconds);
    trail.with("delete_messages", wanted.delete_messages);
    let until_ms = wanted.seconds.map(|seconds| now_ms().plus_ms(i64::from(seconds) * 1_000));
    let sanction = chat::Sanction { person_id, until_ms, delete_messages: wanted.delete_messages };
    app.chat.sanction(act.live_id, act.by, sanction, &act.clock).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Let somebody write again
#[utoipa::path(delete, path = "/api/posts/live/{id}/chat/sanctions/{person_id}", operation_id = "liftSanction",
    tag = "Conversation", security(("bearer" = [])), params(LivePath, SubjectPath, KeyQuery),
    responses((status = 204, description = "They may write."), Refusal<403>, Refusal<404>, Refusal<507>))]
async fn lift(
    State(app): State<App>,
    act: Act,
    Path(Subject { person_id: Id(person) }): Path<Subject>,
) -> Result<StatusCode, Problem> {
    app.chat.lift(act.live_id, act.by, person, &act.clock).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Messages that wait for approval
#[utoipa::path(get, path = "/api/posts/live/{id}/chat/held", operation_id = "listHeld", tag = "Conversation",
    security(("bearer" = [])), params(LivePath, KeyQuery),
    responses(
        (status = 200, description = "The oldest two hundred.", body = Vec<HeldMessage>),
        Refusal<403>, Refusal<404>))]
async fn held(State(app): State<App>, act: Act) -> Result<Response, Problem> {
    let held = app.chat.held(act.live_id, act.by, &act.clock).await?;
    let waiting =
        held.iter().map(|one| HeldMessage { held_id: one.id.0, message: one.message.on_wire(&act.clock) });
    let held: Vec<HeldMessage<'_>> = waiting.collect();
    Ok(Answer(held).into_response())
}

/// Approve a message
#[utoipa::path(post, path = "/api/posts/live/{id}/chat/held/{held_id}", operation_id = "approveMessage", tag = "Conversation",
    security(("bearer" = [])), params(LivePath, HeldPath, KeyQuery),
    responses(
        (status = 200, description = "The message, numbered and announced.", body = Message),
        (status = 204, description = "Somebody else has rejected it meanwhile."),
        Refusal<403>, Refusal<404>, Refusal<507>))]
async fn approve(
    State(app): State<App>,
    act: Act,
    Path(Waiting { held_id: Id(held) }): Path<Waiting>,
) -> Result<Response, Problem> {
    decide(&app, &act, held, true).await
}

/// Reject a message
#[utoipa::path(delete, path = "/api/posts/live/{id}/chat/held/{held_id}", operation_id = "rejectMessage", tag = "Conversation",
    security(("bearer" = [])), params(LivePath, HeldPath, KeyQuery),
    responses((status = 204, description = "Nobody will see it."), Refusal<403>, Refusal<404>, Refusal<507>))]
async fn reject(
    State(app): State<App>,
    act: Act,
    Path(Waiting { held_id: Id(held) }): Path<Waiting>,
) -> Result<Response, Problem> {
    decide(&app, &act, held, false).await
}

async fn decide(app: &App, act: &Act, held: HeldId, approved: bool) -> Result<Response, Problem> {
    let kept = app.chat.decide(act.live_id, act.by, held, approved, Arc::clone(&act.clock)).await?;
    Ok(match kept {
        Some(message) => Answer(message.on_wire(&act.clock)).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

/// What those who lead have done
#[utoipa::path(get, path = "/api/posts/live/{id}/chat/acts", operation_id = "listActs", tag = "Conversation",
    security(("bearer" = [])), params(LivePath, ActsQuery, KeyQuery),
    responses(
        (status = 200, description = "The newest two hundred acts, newest first.", body = Vec<ModerationAct>),
        Refusal<403>, Refusal<404>))]
async fn acts(
    State(app): State<App>,
    act: Act,
    Query(ActsQuery { before }): Query<ActsQuery>,
) -> Result<Response, Problem> {
    let acts = app.chat.acts(act.live_id, act.by, ActId(before.unwrap_or(i64::MAX)), &act.clock).await?;
    let acts: Vec<ModerationAct<'_>> = acts.iter().map(chat::Act::on_wire).collect();
    Ok(Answer(acts).into_response())
}
