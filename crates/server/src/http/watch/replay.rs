//! The replay and the sound alone: files of exact length.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lives::Live;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use recorder::Recording;
use timeline::Version;
use timeline::view::{Format, Selection, View};
use wire::Refusal;
use wire::lives::{KeyQuery, LivePath, TokenQuery};
use wire::timeline::{RangeHeaders, ReplayQuery};

use super::Watched;
use super::problem::{bad_query, bad_window, no_such_version, replay_problem, unsatisfiable};
use crate::app::App;
use crate::http::access::Right;
use crate::http::answers::caching;
use crate::http::lives::flag;
use crate::http::problem::Problem;
use crate::http::range::{Asked, asked, other_version};

/// What is not written as it stands (RFC 8187, section 3.2.1: `attr-char`, less the signs that some clients misread).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// A replay in one of its forms.
#[derive(Debug, Clone, Copy)]
struct Form {
    format: Format,
    audio_only: bool,
    name: &'static str,
}

/// A request for a replay, in whatever form.
pub(super) struct Request {
    watched: Watched,
    question: ReplayQuery,
    headers: HeaderMap,
}

impl FromRequestParts<App> for Request {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let watched = Watched::from_request_parts(parts, app).await?;
        let question: Result<_, QueryRejection> = Query::from_request_parts(parts, app).await;
        let Query(question) = question.map_err(bad_query)?;
        Ok(Self { watched, question, headers: parts.headers.clone() })
    }
}

/// The recording, MP4
#[utoipa::path(get, path = "/api/posts/live/{id}/replay.mp4", operation_id = "watchReplayMp4", tag = "Watching",
    security((), ("bearer" = [])), params(LivePath, ReplayQuery, RangeHeaders, KeyQuery, TokenQuery),
    responses(
        (status = 200, description = "The bytes.", content((Vec<u8> = "video/mp4"), (Vec<u8> = "audio/mp4")), headers(
            ("ETag" = String, description = "Strong: the bytes of one version never change."),
            ("Accept-Ranges" = String, description = "bytes"),
            ("Content-Length" = u64, description = "Exact."),
            ("Content-Disposition" = String, description = "The title as the file's name."),
            ("Content-Location" = String, description = "Without `v`: the address of this version."))),
        (status = 206, description = "The range.", content((Vec<u8> = "video/mp4"), (Vec<u8> = "audio/mp4")), headers(
            ("ETag" = String, description = "Strong: the bytes of one version never change."),
            ("Accept-Ranges" = String, description = "bytes"),
            ("Content-Length" = u64, description = "Exact."),
            ("Content-Disposition" = String, description = "The title as the file's name."),
            ("Content-Location" = String, description = "Without `v`: the address of this version."),
            ("Content-Range" = String, description = "Which bytes of how many."))),
        (status = 304, description = "You have it.", headers(("ETag" = String, description = "Strong."))),
        Refusal<412>,
        Refusal<404>, Refusal<406>, Refusal<416>, Refusal<422>))]
pub(super) async fn mp4(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    answer(&app, request, Form { format: Format::Mp4, audio_only: false, name: "replay.mp4" }).await
}

/// The recording, WebM
#[utoipa::path(get, path = "/api/posts/live/{id}/replay.webm", operation_id = "watchReplayWebm", tag = "Watching",
    security((), ("bearer" = [])), params(LivePath, ReplayQuery, RangeHeaders, KeyQuery, TokenQuery),
    responses(
        (status = 200, description = "The bytes.", content((Vec<u8> = "video/webm"), (Vec<u8> = "audio/webm")), headers(
            ("ETag" = String, description = "Strong: the bytes of one version never change."),
            ("Accept-Ranges" = String, description = "bytes"),
            ("Content-Length" = u64, description = "Exact."),
            ("Content-Disposition" = String, description = "The title as the file's name."),
            ("Content-Location" = String, description = "Without `v`: the address of this version."))),
        (status = 206, description = "The range.", content((Vec<u8> = "video/webm"), (Vec<u8> = "audio/webm")), headers(
            ("ETag" = String, description = "Strong: the bytes of one version never change."),
            ("Accept-Ranges" = String, description = "bytes"),
            ("Content-Length" = u64, description = "Exact."),
            ("Content-Disposition" = String, description = "The title as the file's name."),
            ("Content-Location" = String, description = "Without `v`: the address of this version."),
            ("Content-Range" = String, description = "Which bytes of how many."))),
        (status = 304, description = "You have it.", headers(("ETag" = String, description = "Strong."))),
        Refusal<412>,
        Refusal<404>, Refusal<406>, Refusal<416>, Refusal<422>))]
pub(super) async fn webm(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    answer(&app, request, Form { format: Format::Webm, audio_only: false, name: "replay.webm" }).await
}

/// The recording without the picture, MP4
#[utoipa::path(get, path = "/api/posts/live/{id}/audio.m4a", operation_id = "listenM4a", tag = "Watching",
    security((), ("bearer" = [])), params(LivePath, ReplayQuery, RangeHeaders, KeyQuery, TokenQuery),
    responses(
        (status = 200, description = "The bytes.", body = Vec<u8>, content_type = "audio/mp4", headers(
            ("ETag" = String, description = "Strong: the bytes of one version never change."),
            ("Accept-Ranges" = String, description = "bytes"),
            ("Content-Length" = u64, description = "Exact."),
            ("Content-Disposition" = String, description = "The title as the file's name."),
            ("Content-Location" = String, description = "Without `v`: the address of this version."))),
        (status = 206, description = "The range.", body = Vec<u8>, content_type = "audio/mp4", headers(
            ("ETag" = String, description = "Strong: the bytes of one version never change."),
            ("Accept-Ranges" = String, description = "bytes"),
            ("Content-Length" = u64, description = "Exact."),
            ("Content-Disposition" = String, description = "The title as the file's name."),
            ("Content-Location" = String, description = "Without `v`: the address of this version."),
            ("Content-Range" = String, description = "Which bytes of how many."))),
        (status = 304, description = "You have it.", headers(("ETag" = String, description = "Strong."))),
        Refusal<412>,
        Refusal<404>, Refusal<406>, Refusal<416>, Refusal<422>))]
pub(super) async fn m4a(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    answer(&app, request, Form { format: Format::Mp4, audio_only: true, name: "audio.m4a" }).await
}

/// The recording without the picture, WebM
#[utoipa::path(get, path = "/api/posts/live/{id}/audio.webm", operation_id = "listenWebm", tag = "Watching",
    security((), ("bearer" = [])), params(LivePath, ReplayQuery, RangeHeaders, KeyQuery, TokenQuery),
    responses(
        (status = 200, description = "The bytes.", body = Vec<u8>, content_type = "audio/webm", headers(
            ("ETag" = String, description = "Strong: the bytes of one version never change."),
            ("Accept-Ranges" = String, description = "bytes"),
            ("Content-Length" = u64, description = "Exact."),
            ("Content-Disposition" = String, description = "The title as the file's name."),
            ("Content-Location" = String, description = "Without `v`: the address of this version."))),
        (status = 206, description = "The range.", body = Vec<u8>, content_type = "audio/webm", headers(
            ("ETag" = String, description = "Strong: the bytes of one version never change."),
            ("Accept-Ranges" = String, description = "bytes"),
            ("Content-Length" = u64, description = "Exact."),
            ("Content-Disposition" = String, description = "The title as the file's name."),
            ("Content-Location" = String, description = "Without `v`: the address of this version."),
            ("Content-Range" = String, description = "Which bytes of how many."))),
        (status = 304, description = "You have it.", headers(("ETag" = String, description = "Strong."))),
        Refusal<412>,
        Refusal<404>, Refusal<406>, Refusal<416>, Refusal<422>))]
pub(super) async fn audio_webm(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    answer(&app, request, Form { format: Format::Webm, audio_only: true, name: "audio.webm" }).await
}

async fn answer(app: &App, request: Request, form: Form) -> Result<Response, Problem> {
    let Request { watched: Watched { live, recording, right, .. }, question, headers } = request;
    let timeline = recording.timeline();
    let version = match &question.v {
        Some(text) => text.parse::<Version>().map_err(|_| no_such_version())?,
        None => timeline.version(),
    };
    let selection = selection(&question, form)?;
    // `?download` alone says it too.
    let download =
        question.download.is_some() && flag("download", question.download.as_deref())? != Some(false);
    let etag = etag(live.id.0, &version, &selection, form);
    let view = app.replays.view(live.id.0, timeline, version.clone(), selection, form.format).await;
    let view = view.map_err(|error| replay_problem(error, form.format, form.audio_only))?;
    let wanted = asked(&headers, &etag, view.len());
    if wanted == Asked::OtherVersion {
        return Err(other_version());
    }
    let is_there = wanted != Asked::Unsatisfiable;
    let mut answer = file(app, wanted, (recording, right), &view);
    if !is_there {
        return Ok(answer);
    }
    insert(&mut answer, header::CONTENT_TYPE, view.content_type);
    insert(&mut answer, header::ACCEPT_RANGES, "bytes");
    insert(&mut answer, header::ETAG, &etag);
    insert(&mut answer, header::CONTENT_DISPOSITION, &disposition(&live, form, download));
    let kept = if question.v.is_some() { OF_A_VERSION } else { caching(&live) };
    answer.headers_mut().insert(header::CACHE_CONTROL, kept);
    if question.v.is_none() {
        let location = named(&question, form, live.id.0, &version);
        insert(&mut answer, header::CONTENT_LOCATION, &location);
    }
    Ok(answer)
}

fn selection(question: &ReplayQuery, form: Form) -> Result<Selection, Problem> {
    let ReplayQuery { take, from_ms, to_ms, .. } = *question;
    let from = from_ms.unwrap_or(0);
    if from < 0 || to_ms.is_some_and(|to| to <= from) {
        return Err(bad_window());
    }
    // Of the sound alone there is no picture to choose from.
    let slides = question.video.is_some() && !form.audio_only;
    Ok(Selection { take, from_ms, to_ms, audio_only: form.audio_only, slides })
}

/// What of the file is wanted, with the headers that say which part it is.
pub(super) fn file(app: &App, wanted: Asked, from: (Arc<Recording>, Right), view: &Arc<View>) -> Response {
    let len = view.len();
    let (status, range) = match wanted {
        Asked::NotModified => return StatusCode::NOT_MODIFIED.into_response(),
        Asked::Unsatisfiable | Asked::OtherVersion => {
            let mut refused = unsatisfiable().into_response();
            insert(&mut refused, header::CONTENT_RANGE, &format!("bytes */{len}"));
            return refused;
        }
        Asked::Whole => (StatusCode::OK, 0..len),
        Asked::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
    };
    let said = format!("bytes {}-{}/{len}", range.start, range.end - 1);
    let count = range.end - range.start;
    let (recording, right) = from;
    let body = Body::from_stream(right.cuts(app.replays.bytes(recording, Arc::clone(view), range)));
    let mut answer = (status, body).into_response();
    insert(&mut answer, header::CONTENT_LENGTH, &count.to_string());
    if status == StatusCode::PARTIAL_CONTENT {
        insert(&mut answer, header::CONTENT_RANGE, &said);
    }
    answer
}

fn etag(id: i64, version: &Version, selection: &Selection, form: Form) -> String {
    let Selection { take, from_ms, to_ms, .. } = selection;
    let part =
        |name: char, value: Option<i64>| value.map_or(String::new(), |value| format!("-{name}{value}"));
    format!(
        "\"{id}-{version}-{}{}{}{}{}\"",
        form.name,
        if selection.slides { "-s" } else { "" },
        part('k', take.map(i64::from)),
        part('f', *from_ms),
        part('t', *to_ms)
    )
}

/// The address that names the version.
fn named(question: &ReplayQuery, form: Form, id: i64, version: &Version) -> String {
    let mut address = format!("/api/posts/live/{id}/{}?v={version}", form.name);
    for (name, value) in
        [("take", question.take.map(i64::from)), ("from_ms", question.from_ms), ("to_ms", question.to_ms)]
    {
        if let Some(value) = value {
            address.push_str(&format!("&{name}={value}"));
        }
    }
    if question.video.is_some() {
        address.push_str("&video=slides");
    }
    address
}

/// The bytes of a version never change, the right to them may: only the reader's own browser keeps them.
const OF_A_VERSION: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");

/// `Content-Disposition` (RFC 6266): the title as the file's name, encoded as RFC 8187 says.
fn disposition(live: &Live, form: Form, download: bool) -> String {
    let kind = if download { "attachment" } else { "inline" };
    let ending = form.name.rsplit('.').next().unwrap_or("mp4");
    let title: String =
        live.title.chars().filter(|c| !c.is_control() && !"/\\:*?\"<>|".contains(*c)).take(100).collect();
    let title = if title.trim().is_empty() { format!("live-{}", live.id) } else { title.trim().to_owned() };
    let encoded = utf8_percent_encode(&title, ENCODED);
    format!("{kind}; filename=\"live-{}.{ending}\"; filename*=UTF-8''{encoded}.{ending}", live.id)
}

pub(super) fn insert(response: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
