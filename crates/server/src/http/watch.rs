//! Watching: what is recorded, and the doors to it.

mod problem;
mod replay;
mod socket;
mod tail;

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::routing::get;
use ids::UnixMs;
use lives::Live;
use recorder::Recording;
use serde_json::{Value, json};
use timeline::{Take, TrackIndex};

use super::access::{Id, Keys, readable_live};
use super::auth::Caller;
use super::lives::gap_json;
use super::problem::Problem;
use super::rfc3339;
use super::upload::storage;
use crate::app::App;
use crate::recorded;

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/api/posts/live/{id}/timeline", get(timeline))
        .route("/api/posts/live/{id}/tail.mp4", get(tail::mp4))
        .route("/api/posts/live/{id}/tail.webm", get(tail::webm))
        .route("/api/posts/live/{id}/tail/ws", get(socket::upgrade))
        .route("/api/posts/live/{id}/replay.mp4", get(replay::mp4))
        .route("/api/posts/live/{id}/replay.webm", get(replay::webm))
        .route("/api/posts/live/{id}/audio.m4a", get(replay::m4a))
        .route("/api/posts/live/{id}/audio.webm", get(replay::audio_webm))
}

/// The live in the path and its recording, for a caller who may watch it.
struct Watched {
    live: Arc<Live>,
    recording: Arc<Recording>,
}

impl FromRequestParts<App> for Watched {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let Ok(keys) = Keys::from_request_parts(parts, app).await;
        let id = Path::<Id>::from_request_parts(parts, app).await;
        let Path(Id(id)) = id.map_err(|_| Problem::no_such_live())?;
        let live = readable_live(app, &caller, id, &keys).await?;
        let recording = recorded::open(app, id).await.map_err(|error| storage(&error))?;
        Ok(Self { live, recording })
    }
}

async fn timeline(Watched { live, recording }: Watched) -> Result<axum::Json<Value>, Problem> {
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
                "started_at": rfc3339(UnixMs(take.started_at_ms)),
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
