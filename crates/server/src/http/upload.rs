//! Publishing over HTTP: resumable uploads (tus 1.0) and a whole recording in one request.

mod form;
mod problem;
mod spool;
mod tus;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use futures_util::stream::{Empty, empty};
use futures_util::{Stream, StreamExt};
use ids::LiveId;
use ingest::upload::{Checksum, Error, Status, Upload};
use lives::Live;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;
use wire::Refusal;
use wire::lives::LivePath;
use wire::publishing::{AppendHeaders, ChecksumHeaders, CreationHeaders, TusHeaders, UploadPath};

use super::access::{Id, publishable_live};
use super::auth::Caller;
use super::links::Base;
use super::problem::Problem;
pub(super) use super::problem::storage;
use crate::app::App;
use crate::publishing::{Cut, check_length, hear, room, within};
use crate::quota::Room;

pub(super) use problem::upload_problem;
use tus::{checksum, creation, expires, insert, is_plain, is_upload, number};

/// How often bytes of one request are told to the live.
const HEARD_EVERY: Duration = Duration::from_secs(1);

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(tus::discover, create))
        .routes(routes!(tus::discover_one, append, status, terminate))
        .layer(from_fn(tus::speak))
        .routes(routes!(form::upload_video).layer(DefaultBodyLimit::disable()))
}

/// Begin an upload (tus 1.0)
#[utoipa::path(post, path = "/api/posts/live/{id}/upload", operation_id = "createUpload", tag = "Publishing",
    security(("bearer" = [])), params(LivePath, TusHeaders, CreationHeaders, ChecksumHeaders),
    request_body(content = Option<Vec<u8>>, content_type = "application/offset+octet-stream",
        description = "With its first bytes, or without (creation-with-upload)."),
    responses(
        (status = 201, description = "Begun. Cut short, it holds what came.", headers(
            ("Location" = String, description = "Where its bytes go."),
            ("Upload-Expires" = String, description = "Until when (RFC 9110, section 5.6.7)."),
            ("Upload-Offset" = u64, description = "With a body: what of it is durable."),
            ("Tus-Resumable" = String, description = "1.0.0"))),
        Refusal<403>, Refusal<404>, Refusal<409>, Refusal<410>, Refusal<412>, Refusal<413>, Refusal<415>,
        Refusal<422>, Refusal<460>, Refusal<507>))]
async fn create(
    State(app): State<App>,
    Path(Id(id)): Path<Id>,
    caller: Caller,
    base: Base,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let live = publishable_live(&app, &caller, id).await?;
    let creation = creation(&headers)?;
    if !is_plain(&headers) {
        return Err(problem::encoded());
    }
    let announced = if is_upload(&headers) { body.size_hint().lower() } else { 0 };
    let room = room(&app, &live, announced).await?;
    if let Some(length) = creation.length {
        check_length(&app, &live, length.saturating_sub(announced))?;
    }
    let is_empty = creation.length == Some(0);
    let upload = app.uploads.create(id.0, creation).await.map_err(upload_problem)?;
    hear(&app, &live).await;
    let mut response = StatusCode::CREATED.into_response();
    let location = base.to(&format!("/api/posts/live/{id}/upload/{}", upload.id()));
    insert(&mut response, header::LOCATION.as_str(), &location);
    insert(&mut response, "upload-expires", &expires(&live));
    if is_upload(&headers) {
        let asked = Appending { offset: 0, length: None, checksum: checksum(&headers)?, room };
        let appended = append_body(&app, &live, &upload, asked, body).await?;
        let offset = match appended {
            // Cut short, the upload is there all the same and holds what came: the publisher goes on from its offset.
            Ok(offset) | Err(Error::Interrupted { offset } | Error::Overtaken { offset }) => offset,
            Err(error) => return Err(upload_problem(error)),
        };
        insert(&mut response, "upload-offset", &offset.to_string());
    } else if is_empty {
        upload.append(0, None, None, nothing()).await.map_err(upload_problem)?;
    }
    Ok(response)
}

/// Append bytes
#[utoipa::path(patch, path = "/api/posts/live/{id}/upload/{upload}", operation_id = "appendToUpload", tag = "Publishing",
    security(("bearer" = [])), params(LivePath, UploadPath, TusHeaders, AppendHeaders, ChecksumHeaders),
    request_body(content = Vec<u8>, content_type = "application/offset+octet-stream"),
    responses(
        (status = 204, description = "Received and durable.", headers(
            ("Upload-Offset" = u64, description = "Everything received so far; durable."),
            ("Upload-Expires" = String, description = "Until when (RFC 9110, section 5.6.7)."),
            ("Tus-Resumable" = String, description = "1.0.0"))),
        Refusal<403>, Refusal<404>, Refusal<409>, Refusal<410>, Refusal<412>, Refusal<413>, Refusal<415>,
        Refusal<422>, Refusal<460>, Refusal<507>))]
async fn append(
    State(app): State<App>,
    Path((Id(id), upload)): Path<(Id, String)>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let began = Instant::now();
    let request = check_append(&app, &caller, id, &upload, &headers).await?;
    let Request { live, upload, offset, length, checksum } = request;
    let room = room(&app, &live, body.size_hint().lower()).await?;
    let asked = Appending { offset, length, checksum, room };
    let offset = append_body(&app, &live, &upload, asked, body).await?.map_err(upload_problem)?;
    app.metrics.patches.observe(began.elapsed().as_secs_f64());
    let mut response = StatusCode::NO_CONTENT.into_response();
    insert(&mut response, "upload-offset", &offset.to_string());
    insert(&mut response, "upload-expires", &expires(&live));
    Ok(response)
}

/// What the head of a `PATCH` says.
struct Request {
    live: Arc<Live>,
    upload: Arc<Upload>,
    offset: u64,
    length: Option<u64>,
    checksum: Option<Checksum>,
}

async fn check_append(
    app: &App,
    caller: &Caller,
    id: LiveId,
    upload: &str,
    headers: &HeaderMap,
) -> Result<Request, Problem> {
    let (live, upload) = open(app, caller, id, upload).await?;
    if !is_upload(headers) {
        return Err(problem::wrong_type());
    }
    if !is_plain(headers) {
        return Err(problem::encoded());
    }
    let offset = number(headers, "upload-offset")?.ok_or_else(|| problem::bad_header("Upload-Offset"))?;
    let length = number(headers, "upload-length")?;
    Ok(Request { live, upload, offset, length, checksum: checksum(headers)? })
}

/// How much is there
#[utoipa::path(head, path = "/api/posts/live/{id}/upload/{upload}", operation_id = "uploadStatus", tag = "Publishing",
    security(("bearer" = [])), params(LivePath, UploadPath, TusHeaders),
    responses(
        (status = 200, description = "How far it has come.", headers(
            ("Upload-Offset" = u64, description = "Durable."),
            ("Upload-Length" = u64, description = "Once it is known."),
            ("Upload-Defer-Length" = u64, description = "1 while the length is not known."),
            ("Upload-Metadata" = String, description = "As it was sent."),
            ("Upload-Expires" = String, description = "Until when (RFC 9110, section 5.6.7)."),
            ("Cache-Control" = String, description = "no-store"),
            ("Tus-Resumable" = String, description = "1.0.0"))),
        Refusal<403>, Refusal<404>, Refusal<410>, Refusal<412>, Refusal<415>, Refusal<422>, Refusal<507>))]
async fn status(
    State(app): State<App>,
    Path((Id(id), upload)): Path<(Id, String)>,
    caller: Caller,
) -> Result<Response, Problem> {
    let (live, upload) = open(&app, &caller, id, &upload).await?;
    let Status { offset, length, metadata } = upload.status().await.map_err(upload_problem)?;
    let mut response = StatusCode::OK.into_response();
    insert(&mut response, "upload-offset", &offset.to_string());
    match length {
        Some(length) => insert(&mut response, "upload-length", &length.to_string()),
        None => insert(&mut response, "upload-defer-length", "1"),
    }
    if let Some(metadata) = metadata {
        insert(&mut response, "upload-metadata", &metadata);
    }
    insert(&mut response, "upload-expires", &expires(&live));
    insert(&mut response, header::CACHE_CONTROL.as_str(), "no-store");
    Ok(response)
}

/// End an upload; what is durable stays
#[utoipa::path(delete, path = "/api/posts/live/{id}/upload/{upload}", operation_id = "terminateUpload", tag = "Publishing",
    security(("bearer" = [])), params(LivePath, UploadPath, TusHeaders),
    responses(
        (status = 204, description = "Ended.", headers(("Tus-Resumable" = String, description = "1.0.0"))),
        Refusal<403>, Refusal<404>, Refusal<410>, Refusal<412>, Refusal<415>, Refusal<422>, Refusal<507>))]
async fn terminate(
    State(app): State<App>,
    Path((Id(id), upload)): Path<(Id, String)>,
    caller: Caller,
) -> Result<StatusCode, Problem> {
    let (_, upload) = open(&app, &caller, id, &upload).await?;
    upload.terminate().await.map_err(upload_problem)?;
    Ok(StatusCode::NO_CONTENT)
}

/// An upload that the caller may go on with; 410 a day after the stop of its live.
async fn open(
    app: &App,
    caller: &Caller,
    id: LiveId,
    upload: &str,
) -> Result<(Arc<Live>, Arc<Upload>), Problem> {
    let live = publishable_live(app, caller, id).await.map_err(|refused| match refused.status() {
        StatusCode::CONFLICT => upload_problem(Error::Gone),
        _ => refused,
    })?;
    let upload = app.uploads.get(id.0, upload).await.map_err(upload_problem)?;
    Ok((live, upload))
}

/// What is to be appended, and where.
struct Appending {
    offset: u64,
    length: Option<u64>,
    checksum: Option<Checksum>,
    room: Room,
}

/// Appends a body. The outer error is that of the quota: what came before it is kept.
async fn append_body(
    app: &App,
    live: &Arc<Live>,
    upload: &Arc<Upload>,
    asked: Appending,
    body: Body,
) -> Result<Result<u64, Error>, Problem> {
    hear(app, live).await;
    let Appending { offset, length, checksum, room } = asked;
    let cut = Cut::default();
    let pieces = Box::pin(tell(app, live, within(app, live, room, &cut, body.into_data_stream())));
    let appended = upload.append(offset, length, checksum, pieces).await;
    app.recordings.touch(live.id);
    cut.check()?;
    Ok(appended)
}

/// The body of a request that brings nothing but its head.
fn nothing() -> Empty<Result<Bytes, axum::Error>> {
    empty()
}

/// Tells the live, every now and then, that bytes come: a request may be as long as the live.
fn tell<E: 'static>(
    app: &App,
    live: &Arc<Live>,
    pieces: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
) -> impl Stream<Item = Result<Bytes, E>> + Send + 'static {
    let (app, live, last) = (app.clone(), Arc::clone(live), Mutex::new(Instant::now()));
    pieces.inspect(move |piece| {
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if piece.is_ok() && last.elapsed() > HEARD_EVERY {
            *last = Instant::now();
            let (app, live) = (app.clone(), Arc::clone(&live));
            app.tasks.clone().spawn(async move { hear(&app, &live).await });
        }
    })
}
