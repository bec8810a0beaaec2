//! Watching: what is recorded, and the doors to it.

mod hls;
mod problem;
mod replay;
mod socket;
mod tail;

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use lives::Live;
use recorder::Recording;
use serde::Deserialize;
use timeline::TrackIndex;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::lives::{KeyQuery, LivePath};
use wire::timeline::{Take, TakeTrack, Timeline, TrackKind};
use wire::{Refusal, Time};

use super::access::{Id, Keys, Right, readable_live, watchable_live};
use super::answers::{gap_answer, state, unread_answer};
use super::auth::Caller;
use super::problem::Problem;
use super::upload::storage;
use crate::app::App;
use crate::recorded;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(timeline))
        .routes(routes!(tail::mp4))
        .routes(routes!(tail::webm))
        .routes(routes!(socket::upgrade))
        .routes(routes!(replay::mp4))
        .routes(routes!(replay::webm))
        .routes(routes!(replay::m4a))
        .routes(routes!(replay::audio_webm))
        .routes(routes!(hls::index))
        .routes(routes!(hls::video))
        .routes(routes!(hls::audio))
        .routes(routes!(hls::gap))
        .routes(routes!(hls::part))
}

/// The live in the path and its recording, for a caller who may watch it.
struct Watched {
    live: Arc<Live>,
    recording: Arc<Recording>,
    /// Theirs to watch it, for as long as they do.
    right: Right,
    /// Who they are.
    caller: Caller,
}

/// The live in a path, whatever else is.
#[derive(Deserialize)]
struct Named {
    id: Id,
}

impl FromRequestParts<App> for Watched {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let Ok(keys) = Keys::from_request_parts(parts, app).await;
        let named = Path::<Named>::from_request_parts(parts, app).await;
        let Path(Named { id: Id(id) }) = named.map_err(|_| Problem::no_such_live())?;
        let live = watchable_live(app, &caller, id, &keys).await?;
        let recording = app.recordings.open(id).await.map_err(|error| storage(&error))?;
        let right = Right::of(app, id, parts, keys)?;
        Ok(Self { live, recording, right, caller })
    }
}

/// Takes and gaps
#[utoipa::path(get, path = "/api/posts/live/{id}/timeline", operation_id = "readTimeline", tag = "Lives",
    security((), ("bearer" = [])), params(LivePath, KeyQuery),
    responses((status = 200, description = "The timeline.", body = Timeline), Refusal<404>))]
async fn timeline(
    State(app): State<App>,
    caller: Caller,
    keys: Keys,
    Path(Id(id)): Path<Id>,
) -> Result<Answer<Timeline>, Problem> {
    let live = readable_live(&app, &caller, id, &keys).await?;
    let recording = app.recordings.open(id).await.map_err(|error| storage(&error))?;
    let timeline = recording.timeline();
    let clock = timeline.clock();
    let take = |(take, span): (&Arc<timeline::Take>, &timeline::Span)| Take {
        take: take.number,
        offset_ms: span.offset_ms,
        duration_ms: span.duration_ms,
        started_at: Time(take.started_at_ms),
        tracks: take.tracks().map(track).collect(),
    };
    Ok(Answer(Timeline {
        state: state(&live),
        revision: timeline.revision,
        saved_ms: timeline.duration_ms(),
        duration_ms: timeline.duration_ms(),
        takes: timeline.in_play_order().into_iter().zip(clock.spans()).map(take).collect(),
        gaps: recorded::gaps(&timeline).iter().map(gap_answer).collect(),
        unread: recorded::unread(&recording).iter().map(unread_answer).collect(),
    }))
}

fn track(index: &TrackIndex) -> TakeTrack {
    let track = index.track();
    let some = |value: u32| (value > 0).then_some(value);
    let (width, height) = track.shown_size();
    TakeTrack {
        kind: match track.kind() {
            media::Kind::Video => TrackKind::Video,
            media::Kind::Audio => TrackKind::Audio,
        },
        codec: track.codec_string(),
        width: some(width),
        height: some(height),
        sample_rate: some(track.sample_rate),
        channels: some(track.channels.into()),
        frames: index.frames(),
        bytes: index.payload(),
    }
}
