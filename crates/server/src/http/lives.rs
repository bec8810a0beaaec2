//! Lives: start, list, read, change, stop, delete.

use std::str::FromStr;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json as Answer, Router};
use ids::LiveId;
use lives::{Change, Filter, Live, NewLive, Visibility, policy};
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::{Id, Keys, changeable_live, readable_live};
use super::auth::Caller;
use super::links::Base;
use super::paging::Paging;
use super::problem::Problem;
use super::{Json, rfc3339};
use crate::app::{App, now_ms};
use crate::recorded::{self, Gap, Summary};

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/api/posts/live/start", post(start))
        .route("/api/posts/live", get(list))
        .route("/api/posts/live/{id}", get(read).patch(change).delete(delete))
        .route("/api/posts/live/{id}/stop", post(stop).put(stop))
}

#[derive(Deserialize)]
struct Beginning {
    title: Option<String>,
    description: Option<String>,
    content: Option<String>,
    visibility: Option<String>,
}

#[derive(Deserialize)]
struct ListQuery {
    state: Option<String>,
    q: Option<String>,
    mine: Option<String>,
}

async fn start(
    State(app): State<App>,
    base: Base,
    caller: Caller,
    Json(body): Json<Beginning>,
) -> Result<Response, Problem> {
    let author = caller.person()?.id;
    let new = NewLive {
        title: body.title.unwrap_or_default(),
        description: body.description.unwrap_or_default(),
        content: body.content.unwrap_or_default(),
        visibility: visibility(body.visibility)?.unwrap_or_default(),
    };
    let (live, stream_key) = app.lifecycle.start(author, new, now_ms()).await?;
    app.listeners.heard(&app, live.id).await;
    let answer = json!({
        "live_id": live.id,
        "post_id": live.id,
        "stream_key": stream_key,
        "upload_url": base.to(&format!("/api/posts/live/{}/upload/", live.id)),
        "rtmp_url": null,
        "whip_url": null,
        "hls_url": null,
        "watch_url": watch_url(&base, &live, true),
        "message": "Live démarré avec succès",
    });
    Ok((StatusCode::CREATED, Answer(answer)).into_response())
}

async fn list(
    State(app): State<App>,
    base: Base,
    caller: Caller,
    paging: Paging,
    Query(query): Query<ListQuery>,
) -> Result<Answer<Value>, Problem> {
    let running = match query.state.as_deref() {
        None | Some("") => None,
        Some("live") => Some(true),
        Some("ended") => Some(false),
        Some(_) => {
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "Le paramètre state vaut live ou ended.",
                "The parameter state is live or ended.",
            ));
        }
    };
    let of = match query.mine.as_deref() {
        Some("true" | "1") => Some(caller.person()?.id),
        _ => None,
    };
    let filter = Filter { running, words: query.q, members: matches!(caller, Caller::Person(_)), of };
    let page = app.lives.list(filter, paging.page, paging.page_size).await?;
    let mut results = Vec::with_capacity(page.lives.len());
    for (live, messages) in with_messages(&app, &page.lives).await {
        let summary = recorded::listed(&app, live).await;
        results.push(live_json(&app, &base, live, &summary, messages, &caller, &Keys::default()));
    }
    Ok(Answer(paging.envelope(&base, page.count, results)))
}

async fn read(
    State(app): State<App>,
    base: Base,
    caller: Caller,
    keys: Keys,
    Path(Id(id)): Path<Id>,
) -> Result<Answer<Value>, Problem> {
    let live = readable_live(&app, &caller, id, &keys).await?;
    Ok(Answer(one_json(&app, &base, &live, &caller, &keys).await))
}

async fn change(
    State(app): State<App>,
    base: Base,
    caller: Caller,
    Path(Id(id)): Path<Id>,
    Json(body): Json<Beginning>,
) -> Result<Answer<Value>, Problem> {
    changeable_live(&app, &caller, id).await?;
    let change = Change {
        title: body.title,
        description: body.description,
        content: body.content,
        visibility: visibility(body.visibility)?,
    };
    let live = app.lifecycle.change(id, change, now_ms()).await?;
    Ok(Answer(one_json(&app, &base, &live, &caller, &Keys::default()).await))
}

async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(Id(id)): Path<Id>,
) -> Result<StatusCode, Problem> {
    changeable_live(&app, &caller, id).await?;
    app.lifecycle.begin_deletion(id, now_ms()).await?;
    // From here on it is gone for everybody; what is left to do is done without the caller, too.
    app.listeners.heard(&app, id).await;
    Ok(StatusCode::NO_CONTENT)
}

async fn stop(
    State(app): State<App>,
    base: Base,
    caller: Caller,
    Path(Id(id)): Path<Id>,
) -> Result<Answer<Value>, Problem> {
    changeable_live(&app, &caller, id).await?;
    let live = app.lifecycle.stop(id, now_ms()).await?;
    // What was received is durable and in the recording before the answer says so.
    app.listeners.heard(&app, id).await;
    let summary = recorded::summary(&app, id).await;
    let saved = summary.saved_ms > 0;
    let token = media_token(&app, &live);
    let (mp4, webm, audio) = replay_urls(&base, &live, &summary, token.as_deref());
    // Takes that differ fit in no one file: the page plays them one after the other.
    let page = saved.then(|| watch_url(&base, &live, true)).filter(|_| summary.has_picture);
    Ok(Answer(json!({
        "message": "Live arrêté avec succès",
        "video_saved": saved,
        "video_id": saved.then_some(id),
        "duration_ms": summary.duration_ms,
        "messages": messages(&app, &[id]).await.pop().unwrap_or(0),
        "gaps": summary.gaps.iter().map(gap_json).collect::<Vec<_>>(),
        "replay_url": mp4.or(webm).or(page).or(audio),
    })))
}

async fn one_json(app: &App, base: &Base, live: &Live, caller: &Caller, keys: &Keys) -> Value {
    let messages = messages(app, &[live.id]).await.pop().unwrap_or(0);
    let summary = recorded::summary(app, live.id).await;
    live_json(app, base, live, &summary, messages, caller, keys)
}

/// Lives, each with how many messages there are.
pub(crate) async fn with_messages<'a>(app: &App, lives: &'a [Live]) -> impl Iterator<Item = (&'a Live, i64)> {
    let ids: Vec<LiveId> = lives.iter().map(|live| live.id).collect();
    lives.iter().zip(messages(app, &ids).await)
}

/// A live as it is answered to this caller, who may see it.
pub(crate) fn live_json(
    app: &App,
    base: &Base,
    live: &Live,
    summary: &Summary,
    messages: i64,
    caller: &Caller,
    keys: &Keys,
) -> Value {
    let token = media_token(app, live);
    let (mp4, webm, audio) = replay_urls(base, live, summary, token.as_deref());
    let replay = (mp4.is_some() || webm.is_some() || audio.is_some())
        .then(|| json!({"mp4": mp4, "webm": webm, "audio": audio}));
    let poster = summary.poster.as_ref();
    let poster = poster.map(|version| media_url(base, live, "poster.jpg", version, token.as_deref()));
    // A media token is passed on more lightly than the key, so it does not give the key away.
    let knows_key = policy::may_moderate(live, caller.who()) || keys.key.as_ref() == Some(&live.watch_key);
    json!({
        "id": live.id,
        "title": live.title,
        "description": live.description,
        "content": live.content,
        "author": author_json(&live.author),
        "visibility": live.visibility.name(),
        "state": if live.is_running() { "live" } else { "ended" },
        "started_at": rfc3339(live.started_ms),
        "ended_at": live.ended_ms.map(rfc3339),
        "revision": summary.revision,
        "saved_ms": summary.saved_ms,
        "duration_ms": summary.duration_ms,
        "viewers": app.viewers.count(live.id),
        "messages": messages,
        "poster_url": poster,
        "watch_url": watch_url(base, live, knows_key),
        "tail_url": tail_url(base, live, token.as_deref()),
        "hls_url": null,
        "replay": replay,
    })
}

/// An author as everybody sees them.
pub(crate) fn author_json(author: &lives::Author) -> Value {
    json!({
        "id": author.id,
        "first_name": author.first_name,
        "last_name": author.last_name,
        "profile_picture": author.profile_picture,
    })
}

/// A gap as it is answered.
pub(crate) fn gap_json(gap: &Gap) -> Value {
    json!({
        "position_ms": gap.position_ms,
        "lost_ms": gap.lost_ms,
        "since": rfc3339(gap.since_ms),
        "until": rfc3339(gap.until_ms),
    })
}

/// The token that addresses of media of this live carry; public ones carry none.
pub(crate) fn media_token(app: &App, live: &Live) -> Option<String> {
    (live.visibility != Visibility::Public).then(|| app.media_tokens.make(live.id, now_ms()))
}

/// Where one WebSocket carries the tails of a live.
fn tail_url(base: &Base, live: &Live, token: Option<&str>) -> String {
    let token = token.map(|token| format!("?token={token}")).unwrap_or_default();
    let address = base.to(&format!("/api/posts/live/{}/tail/ws/{token}", live.id));
    // From http to ws, from https to wss.
    address.replacen("http", "ws", 1)
}

/// Deletes the bytes, then the conversation, then the row, which says until then that there is something left to delete.
/// What fails is tried again at the next start.
pub(crate) async fn finish_deletion(app: &App, id: LiveId) {
    if let Err(error) = recorded::delete(app, id).await {
        tracing::error!(live = %id, error, "could not delete a recording");
        return;
    }
    // A long conversation goes piece by piece, so that nobody else waits for it.
    if let Err(error) = app.chat.forget(id.0).await {
        tracing::error!(live = %id, %error, "could not delete a conversation");
        return;
    }
    if let Err(error) = app.lifecycle.purge(id).await {
        tracing::error!(live = %id, %error, "could not delete the row of a live");
    }
}

/// Messages of the conversation of each live, those deleted left out.
async fn messages(app: &App, lives: &[LiveId]) -> Vec<i64> {
    app.chat.message_counts(lives.iter().map(|live| live.0).collect()).await.unwrap_or_else(|error| {
        tracing::error!(%error, "could not count the messages of lives");
        vec![0; lives.len()]
    })
}

/// The address of the replay of a live as it is now, if anything of it is recorded.
pub(crate) async fn replay_url(app: &App, base: &Base, live: &Live) -> Option<String> {
    let summary = recorded::summary(app, live.id).await;
    let (mp4, webm, audio) = replay_urls(base, live, &summary, media_token(app, live).as_deref());
    mp4.or(webm).or(audio)
}

fn replay_urls(
    base: &Base,
    live: &Live,
    summary: &Summary,
    token: Option<&str>,
) -> (Option<String>, Option<String>, Option<String>) {
    let url = |file: &str, version: &String| media_url(base, live, file, version, token);
    let mp4 = summary.mp4.as_ref().map(|version| url("replay.mp4", version));
    let webm = summary.webm.as_ref().map(|version| url("replay.webm", version));
    let audio = summary.audio.as_ref().map(|(ext, version)| url(&format!("audio.{ext}"), version));
    (mp4, webm, audio)
}

fn media_url(base: &Base, live: &Live, file: &str, version: &str, token: Option<&str>) -> String {
    let token = token.map_or_else(String::new, |token| format!("&token={token}"));
    base.to(&format!("/api/posts/live/{}/{file}?v={version}{token}", live.id))
}

fn watch_url(base: &Base, live: &Live, knows_key: bool) -> String {
    let key = (live.visibility == Visibility::Unlisted && knows_key).then_some(&live.watch_key);
    let key = key.map_or_else(String::new, |key| format!("?key={key}"));
    base.to(&format!("/live/{}{key}", live.id))
}

fn visibility(written: Option<String>) -> Result<Option<Visibility>, Problem> {
    written.as_deref().map(Visibility::from_str).transpose().map_err(|_| {
        Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "La visibilité vaut public, unlisted ou members.",
            "The visibility is public, unlisted or members.",
        )
    })
}
