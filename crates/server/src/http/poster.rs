//! The poster of a live.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use delivery::poster::{self, MAX_SENT, Poster};

use super::access::{Id, Keys, publishable_live, readable_live};
use super::auth::Caller;
use super::problem::Problem;
use super::upload::storage;
use crate::app::App;

/// What stands for a live that has no picture.
const NEUTRAL: &[u8] = include_bytes!("../../assets/poster.jpg");

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/api/posts/live/{id}/poster.jpg", get(show).put(send))
        .layer(DefaultBodyLimit::max(MAX_SENT))
}

/// The poster that the publisher sent, else one made of the recording, else a neutral picture.
async fn show(
    State(app): State<App>,
    Path(Id(id)): Path<Id>,
    caller: Caller,
    keys: Keys,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    readable_live(&app, &caller, id, &keys).await?;
    let recording = app.recorder.recording(id).await.map_err(|error| storage(&error))?;
    let takes_webp = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accepted| accepted.contains("image/webp"));
    let making = tokio::task::spawn_blocking(move || poster::poster(&recording, takes_webp));
    let made = making.await.map_err(|_| Problem::of(StatusCode::INTERNAL_SERVER_ERROR))?;
    let Poster { content_type, bytes } = made
        .map_err(|error| storage(&error))?
        .unwrap_or(Poster { content_type: "image/jpeg", bytes: Bytes::from_static(NEUTRAL) });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::VARY, HeaderValue::from_static("Accept")),
    ];
    Ok((headers, bytes).into_response())
}

/// The publisher sends a picture: JPEG, WebP or PNG.
async fn send(
    State(app): State<App>,
    Path(Id(id)): Path<Id>,
    caller: Caller,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<StatusCode, Problem> {
    publishable_live(&app, &caller, id).await?;
    let body = body.map_err(|_| Problem::of(StatusCode::PAYLOAD_TOO_LARGE))?;
    if poster::picture_type(&body).is_none() {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "L'image doit être au format JPEG, WebP ou PNG.",
            "The picture must be JPEG, WebP or PNG.",
        ));
    }
    let recording = app.recorder.recording(id).await.map_err(|error| storage(&error))?;
    let keeping = tokio::task::spawn_blocking(move || poster::keep(&recording, &body));
    let kept = keeping.await.map_err(|_| Problem::of(StatusCode::INTERNAL_SERVER_ERROR))?;
    kept.map_err(|error| storage(&error))?;
    Ok(StatusCode::NO_CONTENT)
}
