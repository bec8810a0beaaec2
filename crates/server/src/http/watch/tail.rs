//! The tail: an answer that does not end before its take.

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use delivery::tail;
use futures_util::StreamExt;
use media::Kind;
use timeline::view::Format;
use wire::Refusal;
use wire::lives::{KeyQuery, LivePath, TokenQuery};
use wire::timeline::{TailQuery, TrackKind};

use super::Watched;
use super::problem::{bad_query, tail_problem};
use crate::app::App;
use crate::http::problem::Problem;
use crate::http::upload::upload_problem;

pub(super) type Question = Result<Query<TailQuery>, QueryRejection>;

/// The live as it comes, MP4
#[utoipa::path(get, path = "/api/posts/live/{id}/tail.mp4", operation_id = "watchTailMp4", tag = "Watching",
    security((), ("bearer" = [])), params(LivePath, TailQuery, KeyQuery, TokenQuery),
    responses(
        (status = 200, description = "Ends with its take.", content((Vec<u8> = "video/mp4"), (Vec<u8> = "audio/mp4")),
            headers(
                ("Live-Take" = u32, description = "Which take."),
                ("Live-Position-Ms" = i64, description = "Where on the timeline it begins."))),
        Refusal<404>, Refusal<406>))]
pub(super) async fn mp4(
    State(app): State<App>,
    watched: Watched,
    asked: Question,
) -> Result<Response, Problem> {
    answer(&app, watched, asked.map_err(bad_query)?.0, Format::Mp4).await
}

/// The live as it comes, WebM
#[utoipa::path(get, path = "/api/posts/live/{id}/tail.webm", operation_id = "watchTailWebm", tag = "Watching",
    security((), ("bearer" = [])), params(LivePath, TailQuery, KeyQuery, TokenQuery),
    responses(
        (status = 200, description = "Ends with its take.", content((Vec<u8> = "video/webm"), (Vec<u8> = "audio/webm")),
            headers(
                ("Live-Take" = u32, description = "Which take."),
                ("Live-Position-Ms" = i64, description = "Where on the timeline it begins."))),
        Refusal<404>, Refusal<406>))]
pub(super) async fn webm(
    State(app): State<App>,
    watched: Watched,
    asked: Question,
) -> Result<Response, Problem> {
    answer(&app, watched, asked.map_err(bad_query)?.0, Format::Webm).await
}

async fn answer(app: &App, watched: Watched, asked: TailQuery, format: Format) -> Result<Response, Problem> {
    let Watched { live, recording, right, caller } = watched;
    let person = caller.person().ok().map(|person| person.id);
    let TailQuery { from_ms, take, track, video } = asked;
    let track = track.map(kind);
    let request = tail::Request { format, track, take, from_ms, slides: video.is_some() };
    app.uploads.tell_ended(live.id.0).await.map_err(upload_problem)?;
    let opening = tail::open(recording, request);
    // Nobody waits for the first frame for longer than they may watch, or than there is a server.
    let tail = tokio::select! {
        tail = opening => tail.map_err(|error| tail_problem(error, format))?,
        () = right.clone().lost() => return Err(Problem::no_such_live()),
        () = app.leaving.cancelled() => return Err(Problem::of(StatusCode::SERVICE_UNAVAILABLE)),
    };
    let headers = [
        (header::CONTENT_TYPE.as_str(), HeaderValue::from_static(content_type(format, track))),
        (header::CACHE_CONTROL.as_str(), HeaderValue::from_static("no-store")),
        ("live-take", HeaderValue::from(tail.take)),
        ("live-position-ms", HeaderValue::from(tail.position_ms)),
    ];
    // A whole viewer is counted; a player that fetches each track by itself is counted by its conversation.
    let viewing = track.is_none().then(|| app.viewers.enter(live.id, person));
    let stream = tail.into_stream().inspect(move |_| {
        let _ = &viewing;
    });
    let stream = Box::pin(stream).take_until(app.leaving.clone().cancelled_owned());
    Ok((headers, Body::from_stream(right.limits(stream))).into_response())
}

pub(super) fn kind(asked: TrackKind) -> Kind {
    match asked {
        TrackKind::Video => Kind::Video,
        TrackKind::Audio => Kind::Audio,
    }
}

pub(super) fn content_type(format: Format, track: Option<Kind>) -> &'static str {
    match (format, track) {
        (Format::Mp4, Some(Kind::Audio)) => "audio/mp4",
        (Format::Mp4, _) => "video/mp4",
        (Format::Webm, Some(Kind::Audio)) => "audio/webm",
        (Format::Webm, _) => "video/webm",
    }
}
