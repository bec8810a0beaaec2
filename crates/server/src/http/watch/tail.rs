//! The tail: an answer that does not end before its take.

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use delivery::tail;
use futures_util::StreamExt;
use media::Kind;
use serde::Deserialize;
use timeline::view::Format;

use super::Watched;
use super::problem::{bad_query, tail_problem};
use crate::app::App;
use crate::http::problem::Problem;

/// What a tail is asked with.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    pub(super) from_ms: Option<i64>,
    pub(super) take: Option<u32>,
    pub(super) track: Option<Kind>,
}

pub(super) type Question = Result<Query<Asked>, QueryRejection>;

pub(super) async fn mp4(
    State(app): State<App>,
    watched: Watched,
    asked: Question,
) -> Result<Response, Problem> {
    answer(&app, watched, asked.map_err(bad_query)?.0, Format::Mp4).await
}

pub(super) async fn webm(
    State(app): State<App>,
    watched: Watched,
    asked: Question,
) -> Result<Response, Problem> {
    answer(&app, watched, asked.map_err(bad_query)?.0, Format::Webm).await
}

async fn answer(app: &App, watched: Watched, asked: Asked, format: Format) -> Result<Response, Problem> {
    let Watched { live, recording } = watched;
    let Asked { from_ms, take, track } = asked;
    let request = tail::Request { format, track, take, from_ms };
    let tail = tail::open(recording, request).await.map_err(|error| tail_problem(error, format))?;
    let headers = [
        (header::CONTENT_TYPE.as_str(), HeaderValue::from_static(content_type(format, track))),
        (header::CACHE_CONTROL.as_str(), HeaderValue::from_static("no-store")),
        ("live-take", HeaderValue::from(tail.take)),
        ("live-position-ms", HeaderValue::from(tail.position_ms)),
    ];
    // A whole viewer is counted; a player that fetches each track by itself is counted by its conversation.
    let viewing = track.is_none().then(|| app.viewers.enter(live.id));
    let stream = tail.into_stream().inspect(move |_| {
        let _ = &viewing;
    });
    let stream = Box::pin(stream).take_until(app.leaving.clone().cancelled_owned());
    Ok((headers, Body::from_stream(stream)).into_response())
}

pub(super) fn content_type(format: Format, track: Option<Kind>) -> &'static str {
    match (format, track) {
        (Format::Mp4, Some(Kind::Audio)) => "audio/mp4",
        (Format::Mp4, _) => "video/mp4",
        (Format::Webm, Some(Kind::Audio)) => "audio/webm",
        (Format::Webm, _) => "video/webm",
    }
}
