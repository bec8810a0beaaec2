//! A finished recording as the field `video` of a form.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::multipart::{Field, MultipartRejection};
use axum::extract::{Multipart, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use ingest::upload::{Creation, Error};
use lives::Live;
use wire::Refusal;
use wire::lives::LivePath;
use wire::publishing::{UploadedVideo, VideoForm};

use super::problem::{encoded, no_video, two_videos, upload_problem};
use super::spool::Spool;
use super::tus::is_plain;
use super::{HEARD_EVERY, hear, tell};
use crate::app::App;
use crate::clock::now_ms;
use crate::http::access::{Id, publishable_live};
use crate::http::auth::Caller;
use crate::http::links::Base;
use crate::http::live_answer::replay_url;
use crate::http::problem::Problem;
use crate::publishing::{room, take};

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
    let mut video: Option<Spool> = None;
    while let Some(field) = form.next_field().await.map_err(|_| no_video())? {
        if field.name() != Some("video") {
            continue;
        }
        // Which of two is meant nobody knows: neither is recorded.
        if video.is_some() {
            return Err(two_videos());
        }
        video = Some(spooled(&app, &live, field).await?);
    }
    let (length, pieces) = video.ok_or_else(no_video)?.read().await.map_err(upload_problem)?;
    if length == 0 {
        return Err(no_video());
    }
    let creation = Creation { now_ms: now_ms().0, ..Creation::default() };
    let upload = app.uploads.create(id.0, creation).await.map_err(upload_problem)?;
    let pieces = Box::pin(tell(&app, &live, pieces));
    upload.append(0, Some(length), None, pieces).await.map_err(upload_problem)?;
    let answer = UploadedVideo {
        message: "Vidéo enregistrée avec succès",
        media_id: id.0,
        file_url: replay_url(&app, &base, &live, &caller).await,
    };
    Ok((StatusCode::CREATED, axum::Json(answer)).into_response())
}

/// A field of a form, kept until the form has come to its end.
async fn spooled(app: &App, live: &Arc<Live>, mut field: Field<'_>) -> Result<Spool, Problem> {
    let mut spool = Spool::create(&app.recorder, live.id).await.map_err(upload_problem)?;
    let mut heard = Instant::now();
    let mut room = room(app, live, 0).await?;
    loop {
        match field.chunk().await {
            Ok(Some(piece)) => {
                take(app, live, &mut room, piece.len() as u64).await?;
                spool.add(&piece).await.map_err(upload_problem)?;
                if heard.elapsed() > HEARD_EVERY {
                    heard = Instant::now();
                    hear(app, live).await;
                }
            }
            Ok(None) => return Ok(spool),
            // Nothing of it is kept: a form is sent again as a whole.
            Err(_) => return Err(upload_problem(Error::Interrupted { offset: 0 })),
        }
    }
}
