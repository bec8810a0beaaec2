//! Watching: the timeline, the tail, the replay, the sound alone, the poster.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use delivery::replay::{self, Replays};
use delivery::tail;
use futures_util::StreamExt;
use lives::{Live, Visibility};
use media::Kind;
use recorder::Recording;
use serde::Deserialize;
use serde_json::{Value, json};
use timeline::view::{Format, Selection, Unavailable};
use timeline::{Take, TrackIndex, Version};

use super::access::{Id, Keys, readable_live};
use super::auth::Caller;
use super::links::Base;
use super::lives::gap_json;
use super::problem::Problem;
use super::range::{Asked, asked};
use super::rfc3339;
use super::upload::storage;
use crate::app::App;
use crate::recorded;

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/api/posts/live/{id}/timeline", get(timeline))
        .route("/api/posts/live/{id}/tail.mp4", get(tail_mp4))
        .route("/api/posts/live/{id}/tail.webm", get(tail_webm))
        .route("/api/posts/live/{id}/replay.mp4", get(replay_mp4))
        .route("/api/posts/live/{id}/replay.webm", get(replay_webm))
        .route("/api/posts/live/{id}/audio.m4a", get(audio_m4a))
        .route("/api/posts/live/{id}/audio.webm", get(audio_webm))
}

/// The recording of a live that the caller may watch.
async fn open(
    app: &App,
    caller: &Caller,
    id: i64,
    keys: &Keys,
) -> Result<(Arc<Live>, Arc<Recording>), Problem> {
    let live = readable_live(app, caller, id, keys).await?;
    let recording = app.recorder.recording(id).await.map_err(|error| storage(&error))?;
    recording.set_live(live.is_running());
    Ok((live, recording))
}

async fn timeline(
    State(app): State<App>,
    Path(Id(id)): Path<Id>,
    caller: Caller,
    keys: Keys,
) -> Result<axum::Json<Value>, Problem> {
    let (live, recording) = open(&app, &caller, id, &keys).await?;
    let timeline = recording.timeline();
    let clock = timeline.clock();
    let takes: Vec<Value> = timeline
        .in_play_order()
        .into_iter()
        .zip(clock.spans())
        .map(|(take, span)| {
            json!({
                "take": take.number,
                "offset_ms": span.offset_ms,
                "duration_ms": span.duration_ms,
                "started_at": rfc3339(take.started_at_ms),
                "tracks": tracks(take),
            })
        })
        .collect();
    let gaps: Vec<Value> = recorded::gaps(&timeline).iter().map(gap_json).collect();
    Ok(axum::Json(json!({
        "state": if live.is_running() { "live" } else { "ended" },
        "revision": timeline.revision,
        "saved_ms": timeline.duration_ms(),
        "duration_ms": timeline.duration_ms(),
        "takes": takes,
        "gaps": gaps,
    })))
}

fn tracks(take: &Take) -> Vec<Value> {
    let describe = |index: &TrackIndex| {
        let track = index.track();
        let some = |value: u32| (value > 0).then_some(value);
        json!({
            "kind": track.kind(),
            "codec": track.codec_string(),
            "width": some(track.width),
            "height": some(track.height),
            "sample_rate": some(track.sample_rate),
            "channels": some(track.channels.into()),
            "frames": index.frames(),
            "bytes": index.payload(),
        })
    };
    take.tracks().map(describe).collect()
}

/// What a tail is asked with.
#[derive(Debug, Deserialize)]
struct TailQuery {
    from_ms: Option<i64>,
    take: Option<u32>,
    track: Option<Kind>,
}

async fn tail_mp4(
    State(app): State<App>,
    Path(Id(id)): Path<Id>,
    caller: Caller,
    keys: Keys,
    query: Result<Query<TailQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    answer_tail(&app, id, &caller, &keys, query.map_err(bad_query)?.0, Format::Mp4).await
}

async fn tail_webm(
    State(app): State<App>,
    Path(Id(id)): Path<Id>,
    caller: Caller,
    keys: Keys,
    query: Result<Query<TailQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    answer_tail(&app, id, &caller, &keys, query.map_err(bad_query)?.0, Format::Webm).await
}

async fn answer_tail(
    app: &App,
    id: i64,
    caller: &Caller,
    keys: &Keys,
    query: TailQuery,
    format: Format,
) -> Result<Response, Problem> {
    let (_, recording) = open(app, caller, id, keys).await?;
    let request = tail::Request { format, track: query.track, take: query.take, from_ms: query.from_ms };
    let tail = tail::open(recording, request).await.map_err(|error| tail_problem(error, format))?;
    let headers = [
        (header::CONTENT_TYPE.as_str(), HeaderValue::from_static(content_type(format, query.track))),
        (header::CACHE_CONTROL.as_str(), HeaderValue::from_static("no-store")),
        ("live-take", HeaderValue::from(tail.take)),
        ("live-position-ms", HeaderValue::from(tail.position_ms)),
    ];
    // A whole viewer is counted; a player that fetches each track by itself is counted by its conversation.
    let viewing = query.track.is_none().then(|| app.viewers.enter(id));
    let leaving = app.leaving.clone();
    let stream = tail.into_stream().inspect(move |_| {
        let _ = &viewing;
    });
    let stream = Box::pin(stream).take_until(leaving.cancelled_owned());
    Ok((headers, Body::from_stream(stream)).into_response())
}

fn content_type(format: Format, track: Option<Kind>) -> &'static str {
    match (format, track) {
        (Format::Mp4, Some(Kind::Audio)) => "audio/mp4",
        (Format::Mp4, _) => "video/mp4",
        (Format::Webm, Some(Kind::Audio)) => "audio/webm",
        (Format::Webm, _) => "video/webm",
    }
}

/// What a replay is asked with.
#[derive(Debug, Deserialize)]
struct ReplayQuery {
    v: Option<String>,
    take: Option<u32>,
    from_ms: Option<i64>,
    to_ms: Option<i64>,
    download: Option<String>,
}

/// A replay in one of its forms.
#[derive(Clone, Copy)]
struct Form {
    format: Format,
    audio_only: bool,
    name: &'static str,
}

macro_rules! replay_handler {
    ($name:ident, $format:expr, $audio_only:expr, $file:literal) => {
        async fn $name(
            State(app): State<App>,
            Path(Id(id)): Path<Id>,
            caller: Caller,
            keys: Keys,
            query: Result<Query<ReplayQuery>, axum::extract::rejection::QueryRejection>,
            base: Base,
            headers: HeaderMap,
        ) -> Result<Response, Problem> {
            let query = query.map_err(bad_query)?.0;
            let form = Form { format: $format, audio_only: $audio_only, name: $file };
            answer_replay(&app, id, &caller, &keys, query, form, &base, &headers).await
        }
    };
}

replay_handler!(replay_mp4, Format::Mp4, false, "replay.mp4");
replay_handler!(replay_webm, Format::Webm, false, "replay.webm");
replay_handler!(audio_m4a, Format::Mp4, true, "audio.m4a");
replay_handler!(audio_webm, Format::Webm, true, "audio.webm");

#[allow(clippy::too_many_arguments)]
async fn answer_replay(
    app: &App,
    id: i64,
    caller: &Caller,
    keys: &Keys,
    query: ReplayQuery,
    form: Form,
    base: &Base,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let (live, recording) = open(app, caller, id, keys).await?;
    let timeline = recording.timeline();
    let version = match &query.v {
        Some(text) => text.parse::<Version>().map_err(|_| no_such_version())?,
        None => timeline.version(),
    };
    let selection = Selection {
        take: query.take,
        from_ms: query.from_ms,
        to_ms: query.to_ms,
        audio_only: form.audio_only,
    };
    check_selection(&selection)?;
    let etag = etag(id, &version, &selection, form);
    let view = Replays::view(&app.replays, id, timeline, version.clone(), selection, form.format)
        .await
        .map_err(|error| replay_problem(error, form))?;
    let mut answer = match asked(headers, &etag, view.len()) {
        Asked::NotModified => StatusCode::NOT_MODIFIED.into_response(),
        Asked::Unsatisfiable => {
            let mut refused = unsatisfiable().into_response();
            insert(&mut refused, header::CONTENT_RANGE, &format!("bytes */{}", view.len()));
            return Ok(refused);
        }
        Asked::Whole => {
            let body = Body::from_stream(replay::bytes(recording, Arc::clone(&view), 0..view.len()));
            let mut whole = body.into_response();
            insert(&mut whole, header::CONTENT_LENGTH, &view.len().to_string());
            whole
        }
        Asked::Part(range) => {
            let said = format!("bytes {}-{}/{}", range.start, range.end - 1, view.len());
            let len = range.end - range.start;
            let body = Body::from_stream(replay::bytes(recording, Arc::clone(&view), range));
            let mut part = (StatusCode::PARTIAL_CONTENT, body).into_response();
            insert(&mut part, header::CONTENT_RANGE, &said);
            insert(&mut part, header::CONTENT_LENGTH, &len.to_string());
            part
        }
    };
    insert(&mut answer, header::CONTENT_TYPE, view.content_type);
    insert(&mut answer, header::ACCEPT_RANGES, "bytes");
    insert(&mut answer, header::ETAG, &etag);
    insert(&mut answer, header::CONTENT_DISPOSITION, &disposition(&live, form, query.download.is_some()));
    insert(&mut answer, header::CACHE_CONTROL, caching(&live, query.v.is_some()));
    if query.v.is_none() {
        let location = named(&query, form, id, &version);
        insert(&mut answer, header::CONTENT_LOCATION, &base.to(&location));
    }
    Ok(answer)
}

fn check_selection(selection: &Selection) -> Result<(), Problem> {
    let from = selection.from_ms.unwrap_or(0);
    let is_good = from >= 0 && selection.to_ms.is_none_or(|to| to > from);
    if is_good {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "from_ms doit être positif et plus petit que to_ms.",
        "from_ms must not be negative and must be less than to_ms.",
    ))
}

fn etag(id: i64, version: &Version, selection: &Selection, form: Form) -> String {
    let Selection { take, from_ms, to_ms, .. } = selection;
    let part =
        |name: char, value: Option<i64>| value.map_or(String::new(), |value| format!("-{name}{value}"));
    format!(
        "\"{id}-{version}-{}{}{}{}\"",
        form.name,
        part('k', take.map(i64::from)),
        part('f', *from_ms),
        part('t', *to_ms)
    )
}

/// The address that names the version.
fn named(query: &ReplayQuery, form: Form, id: i64, version: &Version) -> String {
    let mut address = format!("/api/posts/live/{id}/{}?v={version}", form.name);
    for (name, value) in
        [("take", query.take.map(i64::from)), ("from_ms", query.from_ms), ("to_ms", query.to_ms)]
    {
        if let Some(value) = value {
            address.push_str(&format!("&{name}={value}"));
        }
    }
    address
}

fn caching(live: &Live, is_named: bool) -> &'static str {
    match (is_named, live.visibility) {
        (false, _) => "no-cache",
        (true, Visibility::Public) => "public, max-age=31536000, immutable",
        (true, _) => "private, max-age=31536000, immutable",
    }
}

/// `Content-Disposition` (RFC 6266): the title as the file's name, encoded as RFC 8187 says.
fn disposition(live: &Live, form: Form, download: bool) -> String {
    let kind = if download { "attachment" } else { "inline" };
    let ending = form.name.rsplit('.').next().unwrap_or("mp4");
    let title: String =
        live.title.chars().filter(|c| !c.is_control() && !"/\\:*?\"<>|".contains(*c)).take(100).collect();
    let title = if title.trim().is_empty() { format!("live-{}", live.id) } else { title.trim().to_owned() };
    let encoded: String = title
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect();
    format!("{kind}; filename=\"live-{}.{ending}\"; filename*=UTF-8''{encoded}.{ending}", live.id)
}

fn insert(response: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

#[allow(clippy::needless_pass_by_value)]
fn bad_query(_: axum::extract::rejection::QueryRejection) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "Les paramètres de l'adresse ne sont pas valables.",
        "The parameters of the address are not valid.",
    )
}

fn no_such_version() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "Cette version n'existe pas.", "There is no such version.")
}

fn unsatisfiable() -> Problem {
    Problem::new(
        StatusCode::RANGE_NOT_SATISFIABLE,
        "L'intervalle demandé est hors du fichier.",
        "The range that was asked for is outside the file.",
    )
}

fn tail_problem(error: tail::Error, format: Format) -> Problem {
    match error {
        tail::Error::NothingYet => {
            Problem::new(StatusCode::NOT_FOUND, "Rien n'est encore arrivé.", "Nothing has come yet.")
        }
        tail::Error::WrongContainer => {
            let other = if format == Format::Mp4 { "tail.webm" } else { "tail.mp4" };
            not_in_container(other)
        }
        _ => Problem::new(
            StatusCode::NOT_FOUND,
            "Cette prise ou cette piste n'existe pas.",
            "There is no such take or track.",
        ),
    }
}

fn replay_problem(error: replay::Error, form: Form) -> Problem {
    match error {
        replay::Error::NoSuchVersion => no_such_version(),
        replay::Error::Storage(error) => storage(&error),
        replay::Error::Unavailable(Unavailable::WrongContainer) => {
            not_in_container(match (form.format, form.audio_only) {
                (Format::Mp4, false) => "replay.webm",
                (Format::Webm, false) => "replay.mp4",
                (Format::Mp4, true) => "audio.webm",
                (Format::Webm, true) => "audio.m4a",
            })
        }
        replay::Error::Unavailable(Unavailable::TakesDiffer(takes)) => {
            let takes: Vec<String> = takes.iter().map(|take| format!("?take={take}")).collect();
            let takes = takes.join(", ");
            Problem::new(
                StatusCode::NOT_ACCEPTABLE,
                format!(
                    "Les prises de ce live diffèrent : un seul fichier ne peut les contenir. Demandez-les une à une : {takes}."
                ),
                format!(
                    "The takes of this live differ: one file cannot hold them. Ask for them one by one: {takes}."
                ),
            )
        }
        replay::Error::Unavailable(Unavailable::TooLong(_)) => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Ce fichier serait trop long ; demandez-en une partie avec from_ms et to_ms.",
            "This file would be too long; ask for a part of it with from_ms and to_ms.",
        ),
        _ => Problem::new(StatusCode::NOT_FOUND, "Rien n'est enregistré là.", "Nothing is recorded there."),
    }
}

fn not_in_container(other: &str) -> Problem {
    Problem::new(
        StatusCode::NOT_ACCEPTABLE,
        format!("Les codecs de ce live ne vont pas dans ce format ; demandez {other}."),
        format!("The codecs of this live cannot stand in this container; ask for {other}."),
    )
}
