//! Lives: start, list, read, change, stop, delete, new keys.

use std::str::FromStr;

use axum::Json as Answer;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use ids::PersonId;
use lives::{Change, Filter, NewLive, Visibility};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::keeping::{KeepDays, KeepDaysAsked, LONGEST};
use wire::lives::{
    KeyQuery, LiveFields, LivePath, LivesQuery, NewStreamKey, NewWatchKey, Replay, StartedLive, StoppedLive,
};
use wire::page::PageQuery;
use wire::{Page, Refusal, lives as answers};

use super::Sent;
use super::access::{Id, Keys, authored_live, changeable_live, readable_live, stoppable_live};
use super::answers::{gap_answer, unread_answer};
use super::auth::Caller;
use super::links::Base;
use super::live_answer::{list_answers, media_token, message_counts, one_answer, replay_urls, watch_url};
use super::paging::Paging;
use super::problem::Problem;
use super::trail::Trail;
use crate::app::App;
use crate::clock::now_ms;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(start))
        .routes(routes!(list))
        .routes(routes!(read, change, delete))
        .routes(routes!(stop, stop_again))
        .routes(routes!(renew_stream_key))
        .routes(routes!(renew_watch_key))
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
        keep_ms: keep_ms(&app, &caller, body.keep_days)?.flatten(),
    };
    let (live, stream_key) = app.lifecycle.start(author, new, now_ms()).await?;
    app.listeners.heard(live.id).await;
    let answer = StartedLive {
        live_id: live.id.0,
        post_id: live.id.0,
        stream_key,
        upload_url: base.to(&format!("/api/posts/live/{}/upload/", live.id)),
        rtmp_url: app.rtmp.0.and_then(|(scheme, port)| base.beside(scheme, port, "/live")),
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
    let filter =
        Filter { running, words: query.q, members: matches!(caller, Caller::Person(_)), of, by, all: false };
    let page = app.lives.list(filter, paging.page, paging.page_size).await?;
    let results = list_answers(&app, &base, &caller, page.lives.iter()).await;
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
    trail: Trail,
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
        keep_ms: keep_ms(&app, &caller, body.keep_days)?,
    };
    if let Some(keep_ms) = change.keep_ms {
        trail.with("keep_ms", keep_ms);
    }
    if let Some(visibility) = change.visibility {
        trail.with("visibility", visibility.name());
    }
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
    app.quota.forget();
    Ok(StatusCode::NO_CONTENT)
}

/// Stop a live
#[utoipa::path(post, path = "/api/posts/live/{id}/stop", operation_id = "stopLive", tag = "Lives",
    security(("bearer" = [])), params(LivePath),
    responses(
        (status = 200, description = "What is kept. Stopping again changes nothing.", body = StoppedLive),
        Refusal<403>, Refusal<404>, Refusal<429>))]
async fn stop(
    State(app): State<App>,
    base: Base,
    caller: Caller,
    Path(Id(id)): Path<Id>,
) -> Result<Answer<StoppedLive>, Problem> {
    stoppable_live(&app, &caller, id).await?;
    let live = app.lifecycle.stop(id, now_ms()).await?;
    // What was received is durable and in the recording before the answer says so.
    app.listeners.heard(id).await;
    let summary = app.recordings.summary(id).await;
    let saved = summary.saved_ms > 0;
    let token = media_token(&app, &live, &caller, &Keys::default());
    let Replay { mp4, webm, audio } = replay_urls(&base, &live, &summary, token.as_deref());
    Ok(Answer(StoppedLive {
        message: "Live arrêté avec succès",
        video_saved: saved,
        video_id: saved.then_some(id.0),
        duration_ms: summary.duration_ms,
        messages: message_counts(&app, &[id]).await.pop().unwrap_or(0),
        gaps: summary.gaps.iter().map(gap_answer).collect(),
        unread: summary.unread.iter().map(unread_answer).collect(),
        replay_url: mp4.or(webm).or(audio),
    }))
}

/// Give it another stream key
#[utoipa::path(post, path = "/api/posts/live/{id}/stream-key", operation_id = "renewStreamKey", tag = "Publishing",
    security(("bearer" = [])), params(LivePath),
    responses(
        (status = 200, description = "The new one. The one before opens nothing any more.", body = NewStreamKey),
        Refusal<403>, Refusal<404>))]
async fn renew_stream_key(
    State(app): State<App>,
    caller: Caller,
    Path(Id(id)): Path<Id>,
) -> Result<Answer<NewStreamKey>, Problem> {
    authored_live(&app, &caller, id).await?;
    let stream_key = app.lifecycle.renew_stream_key(id, now_ms()).await?;
    Ok(Answer(NewStreamKey { stream_key }))
}

/// Give its address another key
#[utoipa::path(post, path = "/api/posts/live/{id}/watch-key", operation_id = "renewWatchKey", tag = "Lives",
    security(("bearer" = [])), params(LivePath),
    responses(
        (status = 200, description = "The new one. The one before opens nothing any more.", body = NewWatchKey),
        Refusal<403>, Refusal<404>))]
async fn renew_watch_key(
    State(app): State<App>,
    base: Base,
    caller: Caller,
    Path(Id(id)): Path<Id>,
) -> Result<Answer<NewWatchKey>, Problem> {
    authored_live(&app, &caller, id).await?;
    let live = app.lifecycle.renew_watch_key(id, now_ms()).await?;
    Ok(Answer(NewWatchKey { watch_url: watch_url(&base, &live, true), watch_key: live.watch_key }))
}

/// Stop a live
///
/// The same, for clients that put.
#[utoipa::path(put, path = "/api/posts/live/{id}/stop", operation_id = "stopLiveAgain", tag = "Lives",
    security(("bearer" = [])), params(LivePath),
    responses(
        (status = 200, description = "What is kept. Stopping again changes nothing.", body = StoppedLive),
        Refusal<403>, Refusal<404>, Refusal<429>))]
async fn stop_again(
    app: State<App>,
    base: Base,
    caller: Caller,
    id: Path<Id>,
) -> Result<Answer<StoppedLive>, Problem> {
    stop(app, base, caller, id).await
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

/// How long a live is to be kept, if that is said: its author may ask for what the operator lets them, who moderates for anything.
fn keep_ms(
    app: &App,
    caller: &Caller,
    asked: Option<Option<KeepDaysAsked>>,
) -> Result<Option<Option<i64>>, Problem> {
    let Some(Some(asked)) = asked else { return Ok(asked.map(|_| None)) };
    let Some(KeepDays(ms)) = asked.meant() else {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("keep_days est un nombre de jours de 0 à {LONGEST}, ou forever."),
            format!("keep_days is a number of days from 0 to {LONGEST}, or forever."),
        ));
    };
    let may_do_anything = caller.person()?.is_moderator();
    match app.config.kept_at_most {
        Some(most) if !may_do_anything && (ms == 0 || ms as u128 > most.as_millis()) => {
            let days = most.as_secs_f64() / 86_400.0;
            Err(Problem::new(
                StatusCode::FORBIDDEN,
                format!(
                    "Sur ce serveur, un live est gardé {days} jours au plus ; un modérateur peut en décider autrement."
                ),
                format!(
                    "On this server a live is kept for {days} days at most; a moderator may decide otherwise."
                ),
            ))
        }
        _ => Ok(Some(Some(ms))),
    }
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
