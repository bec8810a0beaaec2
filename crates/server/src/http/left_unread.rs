//! What was acknowledged of a live and stands in no take: its author has the bytes as they came, or lets them go.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, stream};
use ids::LiveId;
use recorder::Recording;
use recorder::unread::Stretch;
use tokio::task::spawn_blocking;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::Refusal;
use wire::lives::UnreadPath;
use wire::timeline::RangeHeaders;

use super::access::{Id, authored_live};
use super::auth::Caller;
use super::problem::Problem;
use super::range::{Asked, asked, other_version};
use super::upload::storage;
use crate::app::App;

/// What is read at once for whoever fetches a stretch.
const READ: u64 = 256 << 10;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(fetch, let_go))
}

/// The bytes of what could not be read
///
/// As they came.
#[utoipa::path(get, path = "/api/posts/live/{id}/unread/{unread}", operation_id = "fetchUnread", tag = "Lives",
    security(("bearer" = [])), params(UnreadPath, RangeHeaders),
    responses(
        (status = 200, description = "The bytes.", body = Vec<u8>, content_type = "application/octet-stream", headers(
            ("ETag" = String, description = "Strong: these bytes never change."),
            ("Accept-Ranges" = String, description = "bytes"),
            ("Content-Length" = u64, description = "Exact."))),
        (status = 206, description = "The range.", body = Vec<u8>, content_type = "application/octet-stream", headers(
            ("ETag" = String, description = "Strong: these bytes never change."),
            ("Accept-Ranges" = String, description = "bytes"),
            ("Content-Length" = u64, description = "Exact."),
            ("Content-Range" = String, description = "Which bytes of how many."))),
        (status = 304, description = "The asker has them.", headers(("ETag" = String, description = "Strong."))),
        Refusal<403>, Refusal<404>, Refusal<416>))]
async fn fetch(
    State(app): State<App>,
    Path((Id(id), Id(number))): Path<(Id, Id<i64>)>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (recording, stretch) = stretch(&app, &caller, id, number).await?;
    let etag = format!("\"unread-{id}-{}-{}\"", stretch.number, stretch.bytes);
    let (status, range) = match asked(&headers, &etag, stretch.bytes) {
        Asked::NotModified => return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response()),
        Asked::OtherVersion => return Err(other_version()),
        Asked::Whole => (StatusCode::OK, 0..stretch.bytes),
        Asked::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        Asked::Unsatisfiable => {
            let refused = Problem::of(StatusCode::RANGE_NOT_SATISFIABLE).into_response();
            return Ok(with(refused, header::CONTENT_RANGE, &format!("bytes */{}", stretch.bytes)));
        }
    };
    let said = format!("bytes {}-{}/{}", range.start, range.end.saturating_sub(1), stretch.bytes);
    let count = range.end - range.start;
    let body = Body::from_stream(pieces(recording, stretch.number, range.start, range.end));
    let mut answer = (status, body).into_response();
    if status == StatusCode::PARTIAL_CONTENT {
        answer = with(answer, header::CONTENT_RANGE, &said);
    }
    for (name, value) in [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::ACCEPT_RANGES, "bytes"),
        (header::CACHE_CONTROL, "private, no-cache"),
        (header::ETAG, &etag),
        (header::CONTENT_LENGTH, &count.to_string()),
        (header::CONTENT_DISPOSITION, &format!("attachment; filename=\"live-{id}-{}.bin\"", stretch.number)),
    ] {
        answer = with(answer, name, value);
    }
    Ok(answer)
}

/// Let what could not be read go
#[utoipa::path(delete, path = "/api/posts/live/{id}/unread/{unread}", operation_id = "letUnreadGo", tag = "Lives",
    security(("bearer" = [])), params(UnreadPath),
    responses((status = 204, description = "It is gone."), Refusal<403>, Refusal<404>))]
async fn let_go(
    State(app): State<App>,
    Path((Id(id), Id(number))): Path<(Id, Id<i64>)>,
    caller: Caller,
) -> Result<StatusCode, Problem> {
    let (recording, stretch) = stretch(&app, &caller, id, number).await?;
    let letting_go = spawn_blocking(move || recording.let_go(stretch.number));
    let done = letting_go.await.map_err(|_| Problem::of(StatusCode::INTERNAL_SERVER_ERROR))?;
    if done.map_err(|error| storage(&error))? { Ok(StatusCode::NO_CONTENT) } else { Err(no_such_stretch()) }
}

/// The stretch of this number, for the live's author.
async fn stretch(
    app: &App,
    caller: &Caller,
    id: LiveId,
    number: i64,
) -> Result<(Arc<Recording>, Stretch), Problem> {
    authored_live(app, caller, id).await?;
    let recording = app.recorder.recording(id.0).await.map_err(|error| storage(&error))?;
    let stretch = recording.unread().into_iter().find(|stretch| i64::from(stretch.number) == number);
    stretch.map(|stretch| (recording, stretch)).ok_or_else(no_such_stretch)
}

/// The bytes of a stretch, read as they are taken.
fn pieces(
    recording: Arc<Recording>,
    number: u32,
    from: u64,
    end: u64,
) -> impl Stream<Item = Result<Bytes, recorder::Error>> + Send + 'static {
    stream::unfold(from, move |at| {
        let recording = Arc::clone(&recording);
        async move {
            if at >= end {
                return None;
            }
            let reading = spawn_blocking(move || recording.read_unread(number, at, READ.min(end - at)));
            let gone = || recorder::Error::Damaged("the stretch was let go meanwhile".to_owned());
            let read = reading.await.unwrap_or_else(|error| Err(recorder::Error::Damaged(error.to_string())));
            let read = read.and_then(|bytes| bytes.filter(|bytes| !bytes.is_empty()).ok_or_else(gone));
            let next = read.as_ref().map_or(end, |bytes| at + bytes.len() as u64);
            Some((read, next))
        }
    })
}

fn no_such_stretch() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "Il n'y a pas, ou plus, d'octets non lus sous ce numéro.",
        "There are no unread bytes under this number, or no more.",
    )
}

fn with(mut response: Response, name: HeaderName, value: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
    response
}
