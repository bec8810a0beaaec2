use serde::{Deserialize, Serialize};

/// What lists show of what is recorded of a live: kept in its row, so that a list opens no recording.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Recorded {
    /// How much is durable, in milliseconds.
    pub saved_ms: u64,
    /// The end of the timeline, in milliseconds.
    pub duration_ms: u64,
    /// Bytes that its bodies take.
    pub bytes: u64,
    /// Grows when earlier positions or bytes change their place.
    pub revision: u64,
    /// The set of fragments that all this is said of; a replay of this version never changes.
    pub version: String,
    /// The codecs of its tracks (RFC 6381), each once.
    pub codecs: Vec<String>,
    /// Stretches of time of which nothing is recorded: how many.
    pub gaps: u32,
    /// How long they lasted together, in milliseconds.
    pub lost_ms: u64,
    /// Whether there is a picture in any take.
    pub picture: bool,
    /// Whether the codecs allow a replay in MP4.
    pub mp4: bool,
    /// Whether they allow one in WebM.
    pub webm: bool,
    /// The extension (`m4a` or `webm`) of the sound alone, if there is any.
    pub audio: Option<String>,
    /// What each take can be had as, where no one file holds them all; else empty.
    pub takes: Vec<RecordedTake>,
    /// What it costs to follow all of it; `None` for one of which that is not known yet.
    pub ways: Option<Ways>,
}

/// Bytes of the whole replay in each way of following it; `None` where there is no such way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ways {
    /// Picture and sound.
    pub video: Option<u64>,
    /// A keyframe in five seconds at most, and the sound.
    pub slides: Option<u64>,
    /// The sound alone.
    pub audio: Option<u64>,
}

/// As what files one take can be had.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RecordedTake {
    /// Its number.
    pub take: u32,
    /// Whether its codecs allow MP4.
    pub mp4: bool,
    /// Whether they allow WebM.
    pub webm: bool,
    /// The extension (`m4a` or `webm`) of its sound alone, if there is any.
    pub audio: Option<String>,
}
