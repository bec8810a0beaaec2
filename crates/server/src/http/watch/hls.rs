//! HLS: the playlists, and the segments and parts that they name (RFC 8216bis).
//!
//! An address of a segment or a part means the same bytes for ever, and a playlist that is asked for by what it must hold
//! (`_HLS_msn`) holds it for ever, so caches between may keep both. They do for a minute at most: a live may become private.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use delivery::hls::{Ask, Error, Text};
use lives::{Live, Visibility};
use media::Kind;
use recorder::Recording;
use serde::Deserialize;
use timeline::view::View;
use timeline::view::hls::Name;
use wire::Refusal;
use wire::lives::{KeyQuery, LivePath, TokenQuery};
use wire::timeline::{HlsPath, HlsQuery, RangeHeaders};

use super::Watched;
use super::problem::{bad_query, hls_problem, no_such_part};
use super::replay::{file, insert};
use crate::app::App;
use crate::http::access::{Keys, Right};
use crate::http::auth::Caller;
use crate::http::live_answer::media_token;
use crate::http::problem::Problem;
use crate::http::range::{Asked, asked, other_version};

/// The type of a playlist (RFC 8216bis, 4).
const PLAYLIST: &str = "application/vnd.apple.mpegurl";
/// What stands where nothing was recorded, for players that do not know gaps: a box that says nothing.
const NOTHING: &[u8] = b"\0\0\0\x08free";

/// Who watches by HLS, and how their addresses end.
pub(super) struct Viewer {
    live: Arc<Live>,
    recording: Arc<Recording>,
    right: Right,
    caller: Caller,
    keys: Keys,
    headers: HeaderMap,
}

impl FromRequestParts<App> for Viewer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Watched { live, recording, right, caller } = Watched::from_request_parts(parts, app).await?;
        let Ok(keys) = Keys::from_request_parts(parts, app).await;
        Ok(Self { live, recording, right, caller, keys, headers: parts.headers.clone() })
    }
}

impl Viewer {
    /// What comes, or why nothing does. Nobody waits for longer than they may watch, or than there is a server.
    async fn wait<T>(&self, app: &App, coming: impl Future<Output = Result<T, Error>>) -> Result<T, Problem> {
        tokio::select! {
            biased;
            () = self.right.clone().lost() => Err(Problem::no_such_live()),
            () = app.leaving.cancelled() => {
                Err(Problem::of(StatusCode::SERVICE_UNAVAILABLE).retry_after(1))
            }
            come = coming => come.map_err(|error| hls_problem(&error)),
        }
    }

    /// What the addresses in a playlist end with. Who came with a token only gets no newer one.
    fn end_of_uri(&self, app: &App) -> String {
        let own = self.keys.token.as_ref();
        let own = own.filter(|_| self.keys.key.is_none() && !matches!(self.caller, Caller::Person(_)));
        let token = match self.live.visibility {
            Visibility::Public => None,
            _ => own.cloned().or_else(|| media_token(app, &self.live, &self.caller, &self.keys)),
        };
        token.map(|token| format!("?token={token}")).unwrap_or_default()
    }
}

/// Which file of a track.
#[derive(Debug, Deserialize)]
pub(super) struct Which {
    track: String,
    take: String,
    file: String,
}

/// The playlist of playlists
///
/// HLS: the picture with its sound, and the sound alone. 406 where a codec has no HLS (VP8). The live's `hls_url`.
#[utoipa::path(get, path = "/api/posts/live/{id}/hls/index.m3u8", operation_id = "watchHls", tag = "Watching",
    security((), ("bearer" = [])), params(LivePath, KeyQuery, TokenQuery),
    responses(
        (status = 200, description = "The playlist.", body = String, content_type = "application/vnd.apple.mpegurl",
            headers(("Cache-Control" = String, description = "How long it may be kept, and by whom."))),
        Refusal<404>, Refusal<406>))]
pub(super) async fn index(State(app): State<App>, viewer: Viewer) -> Result<Response, Problem> {
    let text = app.hls.index(viewer.live.id.0, &viewer.recording);
    let text = viewer.wait(&app, text).await?;
    Ok(playlist(&app, &viewer, &text, "max-age=1"))
}

/// The playlist of the picture
///
/// EVENT with low latency while the live runs (blocking reload, updates, parts), VOD from the stop on.
#[utoipa::path(get, path = "/api/posts/live/{id}/hls/video.m3u8", operation_id = "watchHlsVideo", tag = "Watching",
    security((), ("bearer" = [])), params(LivePath, HlsQuery, KeyQuery, TokenQuery),
    responses(
        (status = 200, description = "The playlist.", body = String, content_type = "application/vnd.apple.mpegurl",
            headers(("Cache-Control" = String, description = "How long it may be kept, and by whom."))),
        Refusal<404>, Refusal<406>))]
pub(super) async fn video(
    State(app): State<App>,
    viewer: Viewer,
    question: Result<Query<HlsQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    media_playlist(&app, viewer, Kind::Video, question).await
}

/// The playlist of the sound
///
/// EVENT with low latency while the live runs (blocking reload, updates, parts), VOD from the stop on.
#[utoipa::path(get, path = "/api/posts/live/{id}/hls/audio.m3u8", operation_id = "watchHlsAudio", tag = "Watching",
    security((), ("bearer" = [])), params(LivePath, HlsQuery, KeyQuery, TokenQuery),
    responses(
        (status = 200, description = "The playlist.", body = String, content_type = "application/vnd.apple.mpegurl",
            headers(("Cache-Control" = String, description = "How long it may be kept, and by whom."))),
        Refusal<404>, Refusal<406>))]
pub(super) async fn audio(
    State(app): State<App>,
    viewer: Viewer,
    question: Result<Query<HlsQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    media_playlist(&app, viewer, Kind::Audio, question).await
}

/// What a playlist names where nothing was recorded
///
/// A box that says nothing, for players that do not know gaps.
#[utoipa::path(get, path = "/api/posts/live/{id}/hls/gap.m4s", operation_id = "watchHlsGap", tag = "Watching",
    security((), ("bearer" = [])), params(LivePath, KeyQuery, TokenQuery),
    responses(
        (status = 200, description = "The bytes.", body = Vec<u8>, content_type = "video/mp4"),
        Refusal<404>))]
pub(super) async fn gap(viewer: Viewer) -> Response {
    let mut answer = Body::from(NOTHING).into_response();
    insert(&mut answer, header::CONTENT_TYPE, "video/mp4");
    insert(&mut answer, header::CACHE_CONTROL, of_bytes(&viewer.live));
    answer
}

/// A segment, a part, or what stands before them
///
/// As the playlists name them; the bytes of an address never change. One that has begun is waited for.
#[utoipa::path(get, path = "/api/posts/live/{id}/hls/{track}/{take}/{file}", operation_id = "watchHlsPart",
    tag = "Watching", security((), ("bearer" = [])),
    params(HlsPath, RangeHeaders, KeyQuery, TokenQuery),
    responses(
        (status = 200, description = "The bytes.", content((Vec<u8> = "video/mp4"), (Vec<u8> = "audio/mp4")), headers(
            ("ETag" = String, description = "Strong."),
            ("Accept-Ranges" = String, description = "bytes"),
            ("Content-Length" = u64, description = "Exact."))),
        (status = 206, description = "The range.", content((Vec<u8> = "video/mp4"), (Vec<u8> = "audio/mp4")), headers(
            ("ETag" = String, description = "Strong."),
            ("Accept-Ranges" = String, description = "bytes"),
            ("Content-Length" = u64, description = "Exact."),
            ("Content-Range" = String, description = "Which bytes of how many."))),
        (status = 304, description = "You have it.", headers(("ETag" = String, description = "Strong."))),
        Refusal<404>, Refusal<406>, Refusal<412>, Refusal<416>))]
pub(super) async fn part(
    State(app): State<App>,
    viewer: Viewer,
    which: Path<Which>,
) -> Result<Response, Problem> {
    let Path(Which { track, take, file: name }) = which;
    let kind = match track.as_str() {
        "video" => Kind::Video,
        "audio" => Kind::Audio,
        _ => return Err(no_such_part()),
    };
    let take = take.parse().map_err(|_| no_such_part())?;
    let view = if name == "init.mp4" {
        let init = app.hls.init(&viewer.recording, take, kind).map_err(|error| hls_problem(&error))?;
        View::of_bytes(init, if kind == Kind::Video { "video/mp4" } else { "audio/mp4" })
    } else {
        let named: Name = name.parse().map_err(|_| no_such_part())?;
        viewer.wait(&app, app.hls.chunk(&viewer.recording, take, kind, named)).await?
    };
    bytes(&app, viewer, Arc::new(view), &format!("\"{track}-{take}-{name}\""))
}

async fn media_playlist(
    app: &App,
    viewer: Viewer,
    kind: Kind,
    question: Result<Query<HlsQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let ask = ask(question.map_err(bad_query)?.0)?;
    let text = app.hls.playlist(viewer.live.id.0, &viewer.recording, kind, ask);
    let text = viewer.wait(app, text).await?;
    // A live that is deleted ends, and with it the waiting.
    if ask.segment.is_some() && !viewer.right.holds().await {
        return Err(Problem::no_such_live());
    }
    // A playlist that was asked for by what it must hold goes on holding it.
    let lasting = if ask.segment.is_some() { "max-age=36" } else { "max-age=1" };
    Ok(playlist(app, &viewer, &text, lasting))
}

fn ask(question: HlsQuery) -> Result<Ask, Problem> {
    let number = |text: Option<String>| {
        // Clients keep numbers in 64 bits with a sign.
        let number =
            text.map(|text| text.parse::<u64>().ok().filter(|number| i64::try_from(*number).is_ok()));
        number.map(|number| number.ok_or_else(bad_number)).transpose()
    };
    let (segment, part) = (number(question.segment)?, number(question.part)?);
    if part.is_some() && segment.is_none() {
        return Err(bad_number());
    }
    match question.skip.as_deref() {
        None | Some("YES" | "v2") => Ok(Ask { segment, part, skip: question.skip.is_some() }),
        Some(_) => {
            Err(Problem::new(StatusCode::BAD_REQUEST, "_HLS_skip vaut YES ou v2.", "_HLS_skip is YES or v2."))
        }
    }
}

fn bad_number() -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "_HLS_msn et _HLS_part sont des nombres entiers positifs, et _HLS_part ne va pas sans _HLS_msn.",
        "_HLS_msn and _HLS_part are whole numbers that are not negative, and _HLS_part needs _HLS_msn.",
    )
}

fn playlist(app: &App, viewer: &Viewer, text: &Text, lasting: &str) -> Response {
    let mut answer = Body::from(text.bytes(&viewer.end_of_uri(app))).into_response();
    insert(&mut answer, header::CONTENT_TYPE, PLAYLIST);
    let caching = match viewer.live.visibility {
        Visibility::Public => format!("public, {lasting}"),
        _ => "private, no-cache".to_owned(),
    };
    insert(&mut answer, header::CACHE_CONTROL, &caching);
    answer
}

fn bytes(app: &App, viewer: Viewer, view: Arc<View>, etag: &str) -> Result<Response, Problem> {
    let wanted = asked(&viewer.headers, etag, view.len());
    if wanted == Asked::OtherVersion {
        return Err(other_version());
    }
    let is_there = wanted != Asked::Unsatisfiable;
    let mut answer = file(app, wanted, (viewer.recording, viewer.right), &view);
    if is_there {
        insert(&mut answer, header::CONTENT_TYPE, view.content_type);
        insert(&mut answer, header::ETAG, etag);
        insert(&mut answer, header::CACHE_CONTROL, of_bytes(&viewer.live));
        answer.headers_mut().insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    }
    Ok(answer)
}

/// The bytes never change, the right to them may: caches that others share keep them for a minute.
fn of_bytes(live: &Live) -> &'static str {
    match live.visibility {
        Visibility::Public => "public, max-age=31536000, s-maxage=60, immutable",
        _ => "private, max-age=31536000, immutable",
    }
}
