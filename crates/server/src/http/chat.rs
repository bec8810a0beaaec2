//! The conversation: post, history, search, deletion, reactions.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chat::{Draft, Kind, Limit, Message, Posted, Sender, Speaker, Window, WindowCursor};
use ids::{LiveId, MessageId, PersonId, Seq};
use lives::{Live, policy};
use serde::Serialize;
use timeline::{PlayClock, Position};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::conversation::{History, HistoryQuery, MessagePath, NewMessage, ReactionSecond, Reactions};
use wire::lives::{KeyQuery, LivePath};
use wire::{Refusal, conversation};

use super::Json;
use super::access::{Id, Keys, readable_live};
use super::answers::caching;
use super::auth::Caller;
use super::chat_history::{array, parts_of_array};
use super::links::{Base, came_from};
use super::paging::Paging;
use super::problem::Problem;
use super::range::{Asked, asked, other_version};
use super::rates::place_of;
use crate::app::App;

/// Messages of a window by number unless `limit` says otherwise.
const USUAL: u32 = 50;
/// Messages of a window of the timeline at most: more than a minute of the busiest conversation.
const TIMELINE_LIMIT: usize = 10_000;
/// A header with the number of the newest deletion that an answer has heard of: where `since=` goes on.
pub(super) const CHANGE: HeaderName = HeaderName::from_static("chat-change");

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(history, send))
        .routes(routes!(messages))
        .routes(routes!(reactions))
        .routes(routes!(delete_message))
}

/// The message that is asked for, checked as far as it can be without the database.
fn draft(sent: &NewMessage, live: &Live, clock: &PlayClock) -> Result<Draft, chat::Refusal> {
    let kind = sent.kind.as_deref().map_or(Ok(Kind::Text), Kind::parse)?;
    let position = sent.position.map(checked).transpose()?;
    let reply_to = sent.reply_to.map(MessageId);
    let mentions: Vec<PersonId> = sent.mentions.iter().copied().map(PersonId).collect();
    Draft::new(kind, &sent.content, reply_to, sent.client_id.as_deref(), position, clock)?
        .mentioning(&mentions, live.author.id)
}

/// Whether a reaction is asked for.
fn is_reaction(sent: &NewMessage) -> bool {
    sent.kind.as_deref() == Some("reaction")
}

fn checked(sent: conversation::Position) -> Result<Position, chat::Refusal> {
    let take = u32::try_from(sent.take).map_err(|_| chat::Refusal::Position)?;
    Ok(Position { take, ms: sent.ms })
}

/// Who the caller is in the conversation of a live; 401 without a person.
pub(super) fn speaker(live: &Live, caller: &Caller) -> Result<Speaker, Problem> {
    let person = caller.person()?;
    Ok(Speaker { id: person.id, leads: policy::may_moderate(live, caller.who()) })
}

/// Stores a message of somebody who may write to this live.
pub(super) async fn keep(
    app: &App,
    live: &Live,
    speaker: Speaker,
    sent: &NewMessage,
) -> Result<(Posted, Arc<PlayClock>), Problem> {
    let limits = &app.chat_limits;
    let limit = if is_reaction(sent) { &limits.reactions } else { &limits.messages };
    admit(limit, Sender::Person(speaker.id))?;
    let clock = app.recordings.clock(live.id).await;
    let draft = draft(sent, live, &clock)?;
    let posted = app.chat.post(live.id, speaker, !live.is_running(), draft, Arc::clone(&clock)).await?;
    Ok((posted, clock))
}

fn admit(limit: &Limit, sender: Sender) -> Result<(), Problem> {
    limit.admit(sender).map_err(|wait| Problem::too_fast(wait.as_millis()))
}

/// Say something
#[utoipa::path(post, path = "/api/posts/live/{id}/chat", operation_id = "sendMessage", tag = "Conversation",
    security(("bearer" = [])), params(LivePath, KeyQuery), request_body = NewMessage,
    responses(
        (status = 200, description = "Already stored under this client_id.", body = conversation::Message),
        (status = 201, description = "Stored; then announced.", body = conversation::Message),
        (status = 202, description = "It waits for a moderator's approval.", body = conversation::Message),
        Refusal<403>, Refusal<404>, Refusal<422>, Refusal<429>, Refusal<507>))]
async fn send(
    State(app): State<App>,
    caller: Caller,
    keys: Keys,
    Path(Id(id)): Path<Id>,
    request: Request,
) -> Result<Response, Problem> {
    caller.person()?;
    let live = readable_live(&app, &caller, id, &keys).await?;
    let speaker = speaker(&live, &caller)?;
    let Json(sent) = Json::<NewMessage>::from_request(request, &()).await?;
    let (posted, clock) = keep(&app, &live, speaker, &sent).await?;
    let status = match (posted.message.held, posted.created) {
        (true, _) => StatusCode::ACCEPTED,
        (false, true) => StatusCode::CREATED,
        (false, false) => StatusCode::OK,
    };
    Ok((status, axum::Json(posted.message.on_wire(&clock))).into_response())
}

/// Delete a message
#[utoipa::path(delete, path = "/api/posts/live/{id}/chat/{message_id}", operation_id = "deleteMessage", tag = "Conversation",
    security(("bearer" = [])), params(LivePath, MessagePath, KeyQuery),
    responses(
        (status = 204, description = "It keeps its place and loses its content."),
        Refusal<403>, Refusal<404>, Refusal<507>))]
async fn delete_message(
    State(app): State<App>,
    caller: Caller,
    keys: Keys,
    Path((Id(id), Id(message_id))): Path<(Id, Id<MessageId>)>,
) -> Result<StatusCode, Problem> {
    caller.person()?;
    let live = readable_live(&app, &caller, id, &keys).await?;
    let speaker = speaker(&live, &caller)?;
    let clock = app.recordings.clock(id).await;
    app.chat.delete(id, message_id, speaker, &clock).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The history
#[utoipa::path(get, path = "/api/posts/live/{id}/chat", operation_id = "readConversation", tag = "Conversation",
    security((), ("bearer" = [])), params(LivePath, HistoryQuery, KeyQuery),
    responses(
        (status = 200, description = "The whole history, oldest first; with `page`, a page.", body = History, headers(
            ("Chat-Change" = i64, description = "Number of the newest deletion: where `since` of the WebSocket goes on."),
            ("ETag" = String, description = "Changes when anything in it does. Not on a long history, which is sent in parts."))),
        (status = 304, description = "You have it.", headers(("ETag" = String, description = "The same."))),
        Refusal<404>, Refusal<429>, Refusal<412>))]
async fn history(
    State(app): State<App>,
    caller: Caller,
    keys: Keys,
    Path(Id(id)): Path<Id>,
    Query(part): Query<HistoryQuery>,
    request: Request,
) -> Result<Response, Problem> {
    let live = readable_live(&app, &caller, id, &keys).await?;
    let (mut parts, _) = request.into_parts();
    let clock = app.recordings.clock(id).await;
    let counters = app.chat.counters(id).await?;
    let wanted = |message: &Message| part.on_replay.is_none_or(|on_replay| on_replay == message.on_replay);
    let mut response = if let Some(words) = &part.q {
        searching(&app, &caller, &parts.headers, &parts.extensions)?;
        let found = app.chat.search(id, words).await?;
        whole(&parts.headers, array(found.iter().filter(|message| wanted(message)), &clock))
    } else if part.after.is_some() || part.before.is_some() {
        let found = app.chat.window(id, window(&part), limit(&part)?).await?;
        whole(&parts.headers, array(found.iter().filter(|message| wanted(message)), &clock))
    } else if part.from_ms.is_some() || part.to_ms.is_some() {
        let found = on_timeline(&app, id, &clock, &part).await?;
        whole(&parts.headers, array(found.iter().filter(|message| wanted(message)), &clock))
    } else if part.page.is_some() || part.page_size.is_some() {
        let paging = Paging::from_request_parts(&mut parts, &app).await?;
        let base = Base::from_request_parts(&mut parts, &app).await?;
        let first = i64::from(paging.page - 1) * i64::from(paging.page_size);
        let found = app.chat.window(id, Window::After(Seq(first)), paging.page_size).await?;
        let results = found.iter().map(|message| message.on_wire(&clock)).collect();
        let count = u64::try_from(counters.last_seq.0).unwrap_or(0);
        whole(&parts.headers, written(&paging.envelope(&base, count, results)))
    } else {
        everything(&app, id, counters.last_seq, &clock, &parts.headers).await?
    };
    let headers = response.headers_mut();
    headers.insert(CHANGE, counters.change.0.into());
    headers.insert(header::CACHE_CONTROL, caching(&live));
    Ok(response)
}

/// The history
///
/// The same, at the address that the app asks.
#[utoipa::path(get, path = "/api/posts/live/{id}/chat/messages", operation_id = "readMessages", tag = "Conversation",
    security((), ("bearer" = [])), params(LivePath, HistoryQuery, KeyQuery),
    responses(
        (status = 200, description = "The whole history, oldest first; with `page`, a page.", body = History, headers(
            ("Chat-Change" = i64, description = "Number of the newest deletion: where `since` of the WebSocket goes on."),
            ("ETag" = String, description = "Changes when anything in it does. Not on a long history, which is sent in parts."))),
        (status = 304, description = "You have it.", headers(("ETag" = String, description = "The same."))),
        Refusal<404>, Refusal<429>, Refusal<412>))]
async fn messages(
    app: State<App>,
    caller: Caller,
    keys: Keys,
    id: Path<Id>,
    part: Query<HistoryQuery>,
    request: Request,
) -> Result<Response, Problem> {
    history(app, caller, keys, id, part, request).await
}

/// Searches cost more than other readings, so the anonymous make them at a limited rate too.
pub(super) fn searching(
    app: &App,
    caller: &Caller,
    headers: &HeaderMap,
    extensions: &axum::http::Extensions,
) -> Result<(), Problem> {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>();
    let sender = match (caller, peer) {
        (Caller::Person(person), _) => Sender::Person(person.id),
        (_, Some(ConnectInfo(peer))) => Sender::Address(place_of(came_from(&app.config, headers, *peer))),
        (_, None) => return Ok(()),
    };
    admit(&app.chat_limits.searches, sender)
}

fn window(part: &HistoryQuery) -> Window {
    match (part.after.map(Seq), part.before.map(Seq)) {
        (Some(after), Some(before)) => Window::Between(after, before),
        (Some(after), None) => Window::After(after),
        (None, before) => Window::Before(before.unwrap_or(Seq(i64::MAX))),
    }
}

/// How many messages are asked for; more than can be had at once are as many as can.
fn limit(part: &HistoryQuery) -> Result<u32, Problem> {
    match part.limit {
        // Up to what clients keep in 32 bits with a sign.
        Some(limit) if i32::try_from(limit).is_err() || limit == 0 => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "Le paramètre limit est un nombre à partir de 1.",
            "The parameter limit is a number from 1.",
        )),
        Some(limit) => Ok(limit),
        None => Ok(USUAL),
    }
}

/// The messages of a window of the timeline by number; of more than the limit, those that come first on it.
async fn on_timeline(
    app: &App,
    id: LiveId,
    clock: &Arc<PlayClock>,
    part: &HistoryQuery,
) -> Result<Vec<Message>, Problem> {
    let (from_ms, to_ms) = (part.from_ms.unwrap_or(0), part.to_ms.unwrap_or(i64::MAX));
    let most = part.limit.map_or(TIMELINE_LIMIT, |_| limit(part).map_or(0, |limit| limit as usize));
    limit(part)?;
    let mut cursor = WindowCursor::new(id, Arc::clone(clock), from_ms, to_ms);
    let mut found = Vec::new();
    loop {
        let messages = app.chat.on_timeline(&mut cursor).await?;
        let done = messages.is_empty();
        found.extend(messages.into_iter().map(|(_, message)| message));
        if done || found.len() >= most {
            break;
        }
    }
    found.truncate(most.min(TIMELINE_LIMIT));
    found.sort_by_key(|message| message.seq);
    Ok(found)
}

/// The whole history: at once while it is short, in parts as the reader takes them when it is long.
async fn everything(
    app: &App,
    id: LiveId,
    upto: Seq,
    clock: &Arc<PlayClock>,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    if upto.0 <= i64::from(chat::PAGE_LIMIT) {
        let messages = app.chat.range(id, Seq(0), upto).await?;
        return Ok(whole(headers, array(messages.iter(), clock)));
    }
    Ok(as_json(Body::from_stream(parts_of_array(app.chat.clone(), id, upto, Arc::clone(clock)))))
}

/// Reactions, counted
#[utoipa::path(get, path = "/api/posts/live/{id}/chat/reactions", operation_id = "readReactions", tag = "Conversation",
    security((), ("bearer" = [])), params(LivePath, KeyQuery),
    responses(
        (status = 200, description = "Totals and seconds.", body = Reactions,
            headers(("ETag" = String, description = "Changes when they do."))),
        (status = 304, description = "You have it.", headers(("ETag" = String, description = "The same."))),
        Refusal<404>, Refusal<412>, Refusal<429>))]
async fn reactions(
    State(app): State<App>,
    caller: Caller,
    keys: Keys,
    Path(Id(id)): Path<Id>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let live = readable_live(&app, &caller, id, &keys).await?;
    let clock = app.recordings.clock(id).await;
    let reactions = app.chat.reactions(id, &clock).await?;
    let second = |(position_ms, counts)| ReactionSecond { position_ms, counts };
    let counted = Reactions {
        totals: reactions.totals.into_iter().collect(),
        seconds: reactions.seconds.into_iter().map(second).collect(),
    };
    let mut response = whole(&headers, written(&counted));
    response.headers_mut().insert(header::CACHE_CONTROL, caching(&live));
    Ok(response)
}

/// JSON with an ETag of its bytes, or 304 for whoever has them already, 412 for whoever wants others only (RFC 9110, 13.1).
fn whole(headers: &HeaderMap, json: String) -> Response {
    let mut hasher = DefaultHasher::new();
    json.hash(&mut hasher);
    let tag = format!("\"{:016x}\"", hasher.finish());
    let mut response = match asked(headers, &tag, json.len() as u64) {
        Asked::NotModified => StatusCode::NOT_MODIFIED.into_response(),
        Asked::OtherVersion => return other_version().into_response(),
        _ => as_json(json),
    };
    if let Ok(value) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, value);
    }
    response
}

/// What is serialised for its bytes: strings and numbers, which are always written.
fn written(answer: &impl Serialize) -> String {
    serde_json::to_string(answer).unwrap_or_default()
}

pub(super) fn as_json(body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
