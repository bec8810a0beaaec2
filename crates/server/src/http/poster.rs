//! The poster of a live.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use delivery::poster::{self, Accepts, MAX_SENT, Poster};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::Refusal;
use wire::lives::{KeyQuery, LivePath, PosterQuery, TokenQuery};

use super::Sent;
use super::access::{Id, Keys, publishable_live, watchable_live};
use super::answers::caching;
use super::auth::Caller;
use super::problem::Problem;
use super::range::{Asked, asked, other_version};
use super::upload::storage;
use crate::app::App;
use crate::publishing::count;

/// What stands for a live that has no picture.
const NEUTRAL: &[u8] = include_bytes!("../../assets/poster.jpg");

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show, send))
}

/// A picture of the live
///
/// The poster that the publisher sent, else one made of the recording, else a neutral picture.
#[utoipa::path(get, path = "/api/posts/live/{id}/poster.jpg", operation_id = "showPoster", tag = "Watching",
    security((), ("bearer" = [])), params(LivePath, PosterQuery, KeyQuery, TokenQuery,
        ("Accept" = Option<String>, Header, description = "WebP and AVIF only where they are named.")),
    responses(
        (status = 200, description = "The picture.",
            content((Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png"), (Vec<u8> = "image/webp"), (Vec<u8> = "image/avif")),
            headers(("ETag" = String, description = "Of this picture."), ("Vary" = String, description = "Accept"))),
        (status = 304, description = "The asker has it.", headers(("ETag" = String, description = "Of this picture."))),
        Refusal<404>, Refusal<507>, Refusal<412>))]
async fn show(
    State(app): State<App>,
    Path(Id(id)): Path<Id>,
    caller: Caller,
    keys: Keys,
    Query(PosterQuery { size }): Query<PosterQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let live = watchable_live(&app, &caller, id, &keys).await?;
    let recording = app.recordings.open(id).await.map_err(|error| storage(&error))?;
    let accepts = Accepts {
        webp: takes(&headers, "image/webp"),
        avif: takes(&headers, "image/avif"),
        small: size.is_some(),
    };
    let made = app.posters.poster(id.0, recording, accepts).await;
    let poster = made
        .map_err(|error| storage(&error))?
        .unwrap_or(Poster { content_type: "image/jpeg", bytes: Bytes::from_static(NEUTRAL) });
    let etag = etag(&poster);
    let wanted = asked(&headers, &etag, poster.bytes.len() as u64);
    if wanted == Asked::OtherVersion {
        return Err(other_version());
    }
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(poster.content_type)),
        (header::CACHE_CONTROL, caching(&live)),
        (header::VARY, HeaderValue::from_static("Accept")),
        (header::ETAG, HeaderValue::try_from(etag).unwrap_or(HeaderValue::from_static("\"\""))),
    ];
    if wanted == Asked::NotModified {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    Ok((headers, poster.bytes).into_response())
}

/// Whether a type is named among those that are taken, and not as one that is refused.
fn takes(headers: &HeaderMap, wanted: &str) -> bool {
    let lists = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|taken| {
        let mut parts = taken.split(';').map(str::trim);
        let is_it = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case(wanted));
        is_it && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

fn etag(poster: &Poster) -> String {
    let mut hasher = DefaultHasher::new();
    poster.content_type.hash(&mut hasher);
    poster.bytes.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}

/// Send a picture of the live
///
/// Its publisher's: JPEG, WebP or PNG of at most 1 MiB.
#[utoipa::path(put, path = "/api/posts/live/{id}/poster.jpg", operation_id = "sendPoster", tag = "Publishing",
    security(("bearer" = [])), params(LivePath),
    request_body(content((Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png"), (Vec<u8> = "image/webp"))),
    responses(
        (status = 204, description = "It is shown from now on."),
        Refusal<403>, Refusal<404>, Refusal<409>, Refusal<413>, Refusal<415>, Refusal<507>))]
async fn send(
    State(app): State<App>,
    Path(Id(id)): Path<Id>,
    caller: Caller,
    sent: Sent,
) -> Result<StatusCode, Problem> {
    let live = publishable_live(&app, &caller, id).await?;
    let body = sent.bytes(MAX_SENT).await?;
    if poster::picture_type(&body).is_none() {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "L'image doit être au format JPEG, WebP ou PNG.",
            "The picture must be JPEG, WebP or PNG.",
        ));
    }
    count(&app, &live, body.len() as u64).await?;
    let recording = app.recorder.recording(id.0).await.map_err(|error| storage(&error))?;
    let keeping = tokio::task::spawn_blocking(move || poster::keep(&recording, &body));
    let kept = keeping.await.map_err(|_| Problem::of(StatusCode::INTERNAL_SERVER_ERROR))?;
    kept.map_err(|error| storage(&error))?;
    Ok(StatusCode::NO_CONTENT)
}
