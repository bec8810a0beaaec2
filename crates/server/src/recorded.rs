//! What is recorded of a live, for everything here that speaks of it.

use std::path::Path;

use crate::app::App;

/// What is recorded of a live now.
#[derive(Debug, Clone, Default)]
pub(crate) struct Summary {
    /// How much is durable, in milliseconds.
    pub(crate) saved_ms: u64,
    /// The end of the timeline, in milliseconds.
    pub(crate) duration_ms: u64,
    /// Grows when earlier positions or bytes change their place.
    pub(crate) revision: u64,
    /// How many takes there are.
    pub(crate) takes: usize,
    /// What is missing between takes or in them.
    pub(crate) gaps: Vec<Gap>,
    /// Version of `replay.mp4`, where the codecs allow it.
    pub(crate) mp4: Option<String>,
    /// Version of `replay.webm`, where the codecs allow it.
    pub(crate) webm: Option<String>,
    /// Extension (`m4a` or `webm`) and version of the audio alone.
    pub(crate) audio: Option<(&'static str, String)>,
    /// Version of the poster, if there is one.
    pub(crate) poster: Option<String>,
}

/// A stretch of time of which nothing is recorded. It takes no play time.
#[derive(Debug, Clone)]
pub(crate) struct Gap {
    /// Where it is on the timeline, in milliseconds.
    pub(crate) position_ms: u64,
    /// How long it lasted, in milliseconds.
    pub(crate) lost_ms: u64,
    /// From when, in milliseconds of Unix time.
    pub(crate) since_ms: i64,
    /// Until when, in milliseconds of Unix time.
    pub(crate) until_ms: i64,
}

/// What is recorded of this live.
pub(crate) async fn summary(_app: &App, _live: i64) -> Summary {
    Summary::default()
}

/// The live was stopped: returns once everything received is durable.
pub(crate) async fn stop(_app: &App, _live: i64) {}

/// Deletes everything recorded of a live. Deleting again is no error.
pub(crate) async fn delete(_app: &App, _live: i64) -> Result<(), String> {
    Ok(())
}

/// What is wrong with the recordings in a data directory, one sentence each.
pub(crate) fn verify(_data_dir: &Path) -> Vec<String> {
    Vec::new()
}

/// Writes a live into one file.
pub(crate) fn export(_data_dir: &Path, live: i64, _output: &Path) -> Result<(), String> {
    Err(format!("nothing is recorded of live {live}"))
}
