//! Lives: start, list, read, change, stop, delete.

use std::str::FromStr;

use axum::Json as Answer;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use ids::{LiveId, PersonId};
use lives::{Change, Filter, Live, NewLive, RecordedTake, Visibility, policy};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::lives::{KeyQuery, LiveFields, LivePath, LivesQuery, Replay, StartedLive, StoppedLive, TakeReplay};
use wire::page::PageQuery;
use wire::{Page, Refusal, Time, lives as answers};

use super::Sent;
use super::access::{Id, Keys, changeable_live, readable_live};
use super::answers::{author_answer, gap_answer, state, unread_answer};
use super::auth::Caller;
use super::links::Base;
use super::paging::Paging;
use super::problem::Problem;
use crate::app::App;
use crate::clock::now_ms;
use crate::recorded::Summary;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(start))
        .routes(routes!(list))
        .routes(routes!(read, change, delete))
        .routes(routes!(stop, stop_again))
}

/// Start a live
#[utoipa::path(post, path = "/api/posts/live/start", operation_id = "startLive", tag = "Lives",
    security(("bearer" = [])), request_body = LiveFields,
    responses(
        (status = 201, description = "It runs.", body = StartedLive),
        Refusal<403>, Refusal<422>, Refusal<429>, Refusal<507>))]
async fn start(State(app): State<App>, base: Base, caller: Caller, sent: Sent) -> Result<Response, Problem> {
    let author = caller.person()?.id;
    let body: LiveFields = sent.json().await?;
    let new = NewLive {
        title: body.title.unwrap_or_default(),
        description: body.description.unwrap_or_default(),
        content: body.content.unwrap_or_default(),
        visibility: visibility(body.visibility)?.unwrap_or_default(),
    };
    let (live, stream_key) = app.lifecycle.start(author, new, now_ms()).await?;
    app.listeners.heard(live.id).await;
    let answer = StartedLive {
        live_id: live.id.0,
        post_id: live.id.0,
        stream_key,
        upload_url: base.to(&format!("/api/posts/live/{}/upload/", live.id)),
        rtmp_url: None,
        whip_url: None,
        hls_url: None,
        watch_url: watch_url(&base, &live, true),
        message: "Live démarré avec succès",
    };
    Ok((StatusCode::CREATED, Answer(answer)).into_response())
}

/// Lives, the newest first
#[utoipa::path(get, path = "/api/posts/live", operation_id = "listLives", tag = "Lives",
    security((), ("bearer" = [])), params(LivesQuery, PageQuery),
    responses((status = 200, description = "A page.", body = Page<answers::Live>), Refusal<403>))]
async fn list(
    State(app): State<App>,
    base: Base,
    caller: Caller,
    paging: Paging,
    Query(query): Query<LivesQuery>,
) -> Result<Response, Problem> {
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
    let of =
        if flag("mine", query.mine.as_deref())? == Some(true) { Some(caller.person()?.id) } else { None };
    let by = author(query.author.as_deref())?;
    let filter = Filter { running, words: query.q, members: matches!(caller, Caller::Person(_)), of, by };
    let page = app.lives.list(filter, paging.page, paging.page_size).await?;
    let mut results = Vec::with_capacity(page.lives.len());
    for (live, messages) in with_messages(&app, &page.lives).await {
        let summary = app.recordings.listed(live).await;
        results.push(live_answer(&app, &base, live, &summary, messages, &caller, &Keys::default()));
    }
    Ok(Answer(paging.envelope(&base, page.count, results)).into_response())
}

/// One live
#[utoipa::path(get, path = "/api/posts/live/{id}", operation_id = "readLive", tag = "Lives",
    security((), ("bearer" = [])), params(LivePath, KeyQuery),
    responses((status = 200, description = "The live.", body = answers::Live), Refusal<404>))]
async fn read(
    State(app): State<App>,
    base: Base,
    caller: Caller,
    keys: Keys,
    Path(Id(id)): Path<Id>,
) -> Result<Response, Problem> {
    let live = readable_live(&app, &caller, id, &keys).await?;
    Ok(Answer(one_answer(&app, &base, &live, &caller, &keys).await).into_response())
}

/// Change a live
#[utoipa::path(patch, path = "/api/posts/live/{id}", operation_id = "changeLive", tag = "Lives",
    security(("bearer" = [])), params(LivePath), request_body = LiveFields,
    responses(
        (status = 200, description = "The live, changed.", body = answers::Live),
        Refusal<403>, Refusal<404>, Refusal<422>))]
async fn change(
    State(app): State<App>,
    base: Base,
    caller: Caller,
    Path(Id(id)): Path<Id>,
    sent: Sent,
) -> Result<Response, Problem> {
    changeable_live(&app, &caller, id).await?;
    let body: LiveFields = sent.json().await?;
    let change = Change {
        title: body.title,
        description: body.description,
        content: body.content,
        visibility: visibility(body.visibility)?,
    };
    let live = app.lifecycle.change(id, change, now_ms()).await?;
    Ok(Answer(one_answer(&app, &base, &live, &caller, &Keys::default()).await).into_response())
}

/// Delete a live
#[utoipa::path(delete, path = "/api/posts/live/{id}", operation_id = "deleteLive", tag = "Lives",
    security(("bearer" = [])), params(LivePath),
    responses(
        (status = 204, description = "Gone, with its recording and its conversation."),
        Refusal<403>, Refusal<404>))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(Id(id)): Path<Id>,
) -> Result<StatusCode, Problem> {
    changeable_live(&app, &caller, id).await?;
    app.lifecycle.begin_deletion(id, now_ms()).await?;
    // From here on it is gone for everybody; what is left to do is done without the caller, too.
    app.listeners.heard(id).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Stop a live
#[utoipa::path(post, path = "/api/posts/live/{id}/stop", operation_id = "stopLive", tag = "Lives",
    security(("bearer" = [])), params(LivePath),
    responses(
        (status = 200, description = "What is kept. Stopping again changes nothing.", body = StoppedLive),
        Refusal<403>, Refusal<404>))]
async fn stop(
    State(app): State<App>,
    base: Base,
    caller: Caller,
    Path(Id(id)): Path<Id>,
) -> Result<Answer<StoppedLive>, Problem> {
    changeable_live(&app, &caller, id).await?;
    let live = app.lifecycle.stop(id, now_ms()).await?;
    // What was received is durable and in the recording before the answer says so.
    app.listeners.heard(id).await;
    let summary = app.recordings.summary(id).await;
    let saved = summary.saved_ms > 0;
    let token = media_token(&app, &live);
    let Replay { mp4, webm, audio } = replay_urls(&base, &live, &summary, token.as_deref());
    Ok(Answer(StoppedLive {
        message: "Live arrêté avec succès",
        video_saved: saved,
        video_id: saved.then_some(id.0),
        duration_ms: summary.duration_ms,
        messages: messages(&app, &[id]).await.pop().unwrap_or(0),
        gaps: summary.gaps.iter().map(gap_answer).collect(),
        unread: summary.unread.iter().map(unread_answer).collect(),
        replay_url: mp4.or(webm).or(audio),
    }))
}

/// Stop a live
///
/// The same, for clients that put.
#[utoipa::path(put, path = "/api/posts/live/{id}/stop", operation_id = "stopLiveAgain", tag = "Lives",
    security(("bearer" = [])), params(LivePath),
    responses(
        (status = 200, description = "What is kept. Stopping again changes nothing.", body = StoppedLive),
        Refusal<403>, Refusal<404>))]
async fn stop_again(
    app: State<App>,
    base: Base,
    caller: Caller,
    id: Path<Id>,
) -> Result<Answer<StoppedLive>, Problem> {
    stop(app, base, caller, id).await
}

pub(crate) async fn one_answer<'a>(
    app: &App,
    base: &Base,
    live: &'a Live,
    caller: &Caller,
    keys: &Keys,
) -> answers::Live<'a> {
    let messages = messages(app, &[live.id]).await.pop().unwrap_or(0);
    let summary = app.recordings.summary(live.id).await;
    live_answer(app, base, live, &summary, messages, caller, keys)
}

/// A parameter that is true or false, if it is there.
pub(crate) fn flag(name: &str, value: Option<&str>) -> Result<Option<bool>, Problem> {
    match value.map(str::to_ascii_lowercase).as_deref() {
        None | Some("") => Ok(None),
        Some("true" | "1") => Ok(Some(true)),
        Some("false" | "0") => Ok(Some(false)),
        Some(_) => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            format!("Le paramètre {name} vaut true ou false."),
            format!("The parameter {name} is true or false."),
        )),
    }
}

/// Whose lives are asked for, by the parameter `author`.
pub(crate) fn author(value: Option<&str>) -> Result<Option<PersonId>, Problem> {
    let Some(value) = value.map(str::trim).filter(|value| !value.is_empty()) else { return Ok(None) };
    let id = value.parse().ok().filter(|id: &PersonId| id.0 > 0);
    id.map(Some).ok_or_else(|| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "Le paramètre author est le numéro d'une personne.",
            "The parameter author is a person's number.",
        )
    })
}

/// Lives, each with how many messages there are.
pub(crate) async fn with_messages<'a>(app: &App, lives: &'a [Live]) -> impl Iterator<Item = (&'a Live, i64)> {
    let ids: Vec<LiveId> = lives.iter().map(|live| live.id).collect();
    lives.iter().zip(messages(app, &ids).await)
}

/// A live as it is answered to this caller, who may see it.
pub(crate) fn live_answer<'a>(
    app: &App,
    base: &Base,
    live: &'a Live,
    summary: &Summary,
    messages: i64,
    caller: &Caller,
    keys: &Keys,
) -> answers::Live<'a> {
    let token = media_token(app, live);
    let replay = replay_urls(base, live, summary, token.as_deref());
    let replay = Some(replay).filter(|_| summary.saved_ms > 0);
    let takes = summary.takes.iter().map(|take| take_files(base, live, summary, take, token.as_deref()));
    let poster = summary.poster.as_ref();
    let poster = poster.map(|version| media_url(base, live, "poster.jpg", version, token.as_deref()));
    // A media token is passed on more lightly than the key, so it does not give the key away.
    let knows_key = policy::may_moderate(live, caller.who()) || keys.key.as_ref() == Some(&live.watch_key);
    answers::Live {
        id: live.id.0,
        title: &live.title,
        description: &live.description,
        content: &live.content,
        author: author_answer(&live.author),
        visibility: match live.visibility {
            Visibility::Public => answers::Visibility::Public,
            Visibility::Unlisted => answers::Visibility::Unlisted,
            Visibility::Members => answers::Visibility::Members,
        },
        state: state(live),
        started_at: Time(live.started_ms.0),
        ended_at: live.ended_ms.map(|at| Time(at.0)),
        revision: summary.revision,
        saved_ms: summary.saved_ms,
        duration_ms: summary.duration_ms,
        viewers: app.viewers.count(live.id) as u64,
        messages,
        poster_url: poster,
        watch_url: watch_url(base, live, knows_key),
        tail_url: tail_url(base, live, token.as_deref()),
        hls_url: summary.hls.then(|| hls_url(base, live, token.as_deref())),
        replay,
        takes: takes.collect(),
    }
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

/// Where the playlists of a live are.
fn hls_url(base: &Base, live: &Live, token: Option<&str>) -> String {
    let token = token.map(|token| format!("?token={token}")).unwrap_or_default();
    base.to(&format!("/api/posts/live/{}/hls/index.m3u8{token}", live.id))
}

/// Messages of the conversation of each live, those deleted left out.
async fn messages(app: &App, lives: &[LiveId]) -> Vec<i64> {
    app.chat.message_counts(lives.to_vec()).await.unwrap_or_else(|error| {
        tracing::error!(%error, "could not count the messages of lives");
        vec![0; lives.len()]
    })
}

/// The address of the replay of a live as it is now, if anything of it is recorded.
pub(crate) async fn replay_url(app: &App, base: &Base, live: &Live) -> Option<String> {
    let summary = app.recordings.summary(live.id).await;
    let Replay { mp4, webm, audio } = replay_urls(base, live, &summary, media_token(app, live).as_deref());
    mp4.or(webm).or(audio)
}

fn replay_urls(base: &Base, live: &Live, summary: &Summary, token: Option<&str>) -> Replay {
    let url = |file: &str, version: &String| media_url(base, live, file, version, token);
    let mp4 = summary.mp4.as_ref().map(|version| url("replay.mp4", version));
    let webm = summary.webm.as_ref().map(|version| url("replay.webm", version));
    let audio = summary.audio.as_ref().map(|(ext, version)| url(&format!("audio.{ext}"), version));
    Replay { mp4, webm, audio }
}

/// One take as files.
fn take_files(
    base: &Base,
    live: &Live,
    summary: &Summary,
    files: &RecordedTake,
    token: Option<&str>,
) -> TakeReplay {
    let url = |file: &str| {
        let address = media_url(base, live, file, &summary.version, token);
        format!("{address}&take={}", files.take)
    };
    TakeReplay {
        take: files.take,
        replay: Replay {
            mp4: files.mp4.then(|| url("replay.mp4")),
            webm: files.webm.then(|| url("replay.webm")),
            audio: files.audio.as_ref().map(|extension| url(&format!("audio.{extension}"))),
        },
    }
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
