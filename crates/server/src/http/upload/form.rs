//! A finished recording as the field `video` of a form.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::multipart::{Field, MultipartRejection};
use axum::extract::{Multipart, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use ingest::upload::{Creation, Upload};
use lives::Live;
use tokio::sync::mpsc;
use wire::Refusal;
use wire::lives::LivePath;
use wire::publishing::{UploadedVideo, VideoForm};

use super::problem::{encoded, no_video, two_videos, upload_problem};
use super::tus::is_plain;
use super::{nothing, tell};
use crate::app::App;
use crate::clock::now_ms;
use crate::http::access::{Id, publishable_live};
use crate::http::auth::Caller;
use crate::http::links::Base;
use crate::http::live_answer::replay_url;
use crate::http::problem::Problem;
use crate::publishing::{Cut, room, within};
use crate::quota::Room;

/// Pieces of a form that are in flight between its reader and the upload.
const IN_FLIGHT: usize = 4;

/// A finished recording in one request
#[utoipa::path(post, path = "/api/posts/live/{id}/upload-video", operation_id = "uploadVideo", tag = "Publishing",
    security(("bearer" = [])), params(LivePath),
    request_body(content = VideoForm, content_type = "multipart/form-data"),
    responses(
        (status = 201, description = "Recorded.", body = UploadedVideo),
        Refusal<403>, Refusal<404>, Refusal<409>, Refusal<413>, Refusal<415>, Refusal<422>, Refusal<507>))]
pub(super) async fn upload_video(
    State(app): State<App>,
    Path(Id(id)): Path<Id>,
    caller: Caller,
    base: Base,
    headers: HeaderMap,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Response, Problem> {
    let live = publishable_live(&app, &caller, id).await?;
    drop(room(&app, &live, 0).await?);
    if !is_plain(&headers) {
        return Err(encoded());
    }
    let mut form = form.map_err(|_| no_video())?;
    let mut sent: Option<(Arc<Upload>, u64)> = None;
    while let Some(field) = form.next_field().await.map_err(|_| no_video())? {
        if field.name() != Some("video") {
            continue;
        }
        if let Some((upload, _)) = &sent {
            upload.terminate().await.map_err(upload_problem)?;
            return Err(two_videos());
        }
        let creation = Creation { now_ms: now_ms().0, ..Creation::default() };
        let upload = app.uploads.create(id.0, creation).await.map_err(upload_problem)?;
        let room = room(&app, &live, 0).await?;
        let offset = append_field(&app, &live, &upload, room, field).await?;
        sent = Some((upload, offset));
    }
    let Some((upload, offset)) = sent else { return Err(no_video()) };
    if offset == 0 {
        upload.terminate().await.map_err(upload_problem)?;
        return Err(no_video());
    }
    upload.append(offset, Some(offset), None, nothing()).await.map_err(upload_problem)?;
    let answer = UploadedVideo {
        message: "Vidéo enregistrée avec succès",
        media_id: id.0,
        file_url: replay_url(&app, &base, &live, &caller).await,
    };
    Ok((StatusCode::CREATED, axum::Json(answer)).into_response())
}

/// Appends a field of a form. The field borrows the request, so its bytes are handed over piece by piece.
async fn append_field(
    app: &App,
    live: &Arc<Live>,
    upload: &Arc<Upload>,
    room: Room,
    mut field: Field<'_>,
) -> Result<u64, Problem> {
    let (sender, receiver) = mpsc::channel::<Result<Bytes, axum::Error>>(IN_FLIGHT);
    let pieces = unfold(receiver, |mut receiver| async {
        let piece = receiver.recv().await?;
        Some((piece, receiver))
    });
    let cut = Cut::default();
    let pieces = Box::pin(tell(app, live, within(app, live, room, &cut, pieces)));
    let upload = Arc::clone(upload);
    let appending = tokio::spawn(async move { upload.append(0, None, None, pieces).await });
    loop {
        let piece = match field.chunk().await {
            Ok(Some(piece)) => Ok(piece),
            Ok(None) => break,
            Err(error) => Err(axum::Error::new(error)),
        };
        let is_last = piece.is_err();
        if sender.send(piece).await.is_err() || is_last {
            break;
        }
    }
    drop(sender);
    let appended = appending.await;
    // What came until then is kept; the upload stays, as one that was cut.
    cut.check()?;
    match appended {
        Ok(appended) => appended.map_err(upload_problem),
        Err(_) => Err(Problem::of(StatusCode::INTERNAL_SERVER_ERROR)),
    }
}
