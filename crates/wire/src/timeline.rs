//! What is recorded of a live: takes, tracks, gaps; and how its media are asked for.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Time;

/// Whether a live runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LiveState {
    /// It runs.
    Live,
    /// It has ended.
    Ended,
}

/// What is recorded of a live, on one play clock.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Timeline {
    /// Whether the live runs.
    pub state: LiveState,
    /// Grows when earlier positions or bytes change their place.
    pub revision: u64,
    /// How much is durable now. Milliseconds.
    pub saved_ms: i64,
    /// The end of the timeline. Milliseconds.
    pub duration_ms: i64,
    /// In the order in which they play.
    pub takes: Vec<Take>,
    /// What was not recorded.
    pub gaps: Vec<Gap>,
    /// What was acknowledged and stands in no take.
    pub unread: Vec<Unread>,
}

/// A stretch of a live with one clock and one configuration.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Take {
    /// Its number in the live, from 1.
    pub take: u32,
    /// Where it begins on the timeline. Milliseconds.
    pub offset_ms: i64,
    /// Its length. Milliseconds.
    pub duration_ms: i64,
    /// When its recorder started.
    pub started_at: Time,
    /// What it holds.
    pub tracks: Vec<TakeTrack>,
}

/// Whether it is picture or sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TrackKind {
    /// Picture.
    Video,
    /// Sound.
    Audio,
}

/// One track of a take.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TakeTrack {
    /// Picture or sound.
    pub kind: TrackKind,
    /// The RFC 6381 string, as `MediaSource.isTypeSupported` takes it.
    pub codec: String,
    /// Of the picture, in pixels.
    #[schema(required = true)]
    pub width: Option<u32>,
    /// Of the picture, in pixels.
    #[schema(required = true)]
    pub height: Option<u32>,
    /// Of the sound, in samples a second.
    #[schema(required = true)]
    pub sample_rate: Option<u32>,
    /// Of the sound.
    #[schema(required = true)]
    pub channels: Option<u32>,
    /// How many.
    pub frames: u64,
    /// Of all its frames.
    pub bytes: u64,
}

/// A stretch of time of which nothing is recorded. It takes no play time.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Gap {
    /// Where it is on the timeline. Milliseconds.
    pub position_ms: u64,
    /// How long it lasted. Milliseconds.
    pub lost_ms: u64,
    /// From when.
    pub since: Time,
    /// Until when.
    pub until: Time,
}

/// Bytes that were acknowledged and stand in no take. They are kept as they came.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Unread {
    /// Their number in the live.
    pub id: u32,
    /// The take in which they stand, where that is known.
    #[schema(required = true)]
    pub take: Option<u32>,
    /// The track that they are of, where that is known.
    #[schema(required = true)]
    pub track: Option<TrackKind>,
    /// Where they are on the timeline, where that is known. Milliseconds.
    #[schema(required = true)]
    pub position_ms: Option<u64>,
    /// How many they are.
    pub bytes: u64,
    /// Why no frame was made of them: `damaged`, `unreadable`, `before_keyframe`, `never_began`, `after_end`, `earlier_form`.
    pub reason: &'static str,
}

/// What a tail is asked with.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TailQuery {
    /// From this position on; without it from the newest keyframe.
    pub from_ms: Option<i64>,
    /// One take only.
    pub take: Option<u32>,
    /// One track only.
    #[param(inline)]
    pub track: Option<TrackKind>,
    /// `slides`: of the picture the keyframes alone, one in 5 s at most, with the whole sound.
    #[param(inline)]
    pub video: Option<VideoWay>,
}

/// How much of the picture is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum VideoWay {
    /// Keyframes alone, one in 5 s at most, each shown until the next.
    Slides,
}

/// What a replay is asked with.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ReplayQuery {
    /// A version: its bytes and its ETag never change. Without it, the newest.
    pub v: Option<String>,
    /// One take only.
    pub take: Option<u32>,
    /// From this position on.
    #[param(minimum = 0)]
    pub from_ms: Option<i64>,
    /// Up to this position.
    #[param(minimum = 1)]
    pub to_ms: Option<i64>,
    /// `slides`: of the picture the keyframes alone, one in 5 s at most, each shown until the next, with the whole sound.
    #[param(inline)]
    pub video: Option<VideoWay>,
    /// True (or 1): answers with `Content-Disposition: attachment`.
    #[param(value_type = Option<bool>)]
    pub download: Option<String>,
}

/// Which bytes of a file are asked for (RFC 9110, sections 13 and 14).
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct RangeHeaders {
    /// One range of bytes; several are answered with the whole.
    #[param(rename = "Range")]
    pub range: Option<String>,
    /// The range only if the file still has this ETag, else the whole.
    #[param(rename = "If-Range")]
    pub if_range: Option<String>,
    /// Nothing if the file still has one of these ETags.
    #[param(rename = "If-None-Match")]
    pub if_none_match: Option<String>,
}

/// What of a playlist may be left out (RFC 8216bis, section 6.2.5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub enum HlsSkip {
    /// Segments that the player has already.
    #[serde(rename = "YES")]
    Segments,
    /// Those, and date ranges, of which there are none here.
    #[serde(rename = "v2")]
    SegmentsAndDates,
}

/// Which state of a playlist is asked for (RFC 8216bis, section 6.2.5).
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct HlsQuery {
    /// Answer when the segment of this number is in it.
    #[serde(rename = "_HLS_msn")]
    #[param(rename = "_HLS_msn", value_type = Option<u64>)]
    pub segment: Option<String>,
    /// Answer when this part of the segment is in it, from 0.
    #[serde(rename = "_HLS_part")]
    #[param(rename = "_HLS_part", value_type = Option<u64>)]
    pub part: Option<String>,
    /// YES: what the player has already may be left out.
    #[serde(rename = "_HLS_skip")]
    #[param(rename = "_HLS_skip", value_type = Option<HlsSkip>, inline)]
    pub skip: Option<String>,
}

/// A file of HLS.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct HlsPath {
    /// The live.
    pub id: i64,
    /// `video` or `audio`.
    pub track: String,
    /// The take.
    pub take: u32,
    /// As the playlist names it.
    pub file: String,
}
