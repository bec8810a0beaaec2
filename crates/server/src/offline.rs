//! The recordings of a data directory, for commands, which have no server around them.

use std::path::Path;
use std::sync::Arc;

use ids::LiveId;
use ingest::reread::{self, Outcome};
use recorder::{Disk, ReadOnlyDisk, Recorder, Recording};
use tokio::runtime::{Builder, Runtime};

/// Opens recordings, one after the other.
pub(crate) struct Offline {
    runtime: Runtime,
    recorder: Recorder,
}

impl Offline {
    /// Opens them to be read alone, also beside a server.
    ///
    /// # Errors
    /// A sentence: the directory cannot be read.
    pub(crate) fn to_read(data_dir: &Path) -> Result<Self, String> {
        Self::with(Recorder::on(Arc::new(ReadOnlyDisk), data_dir, 0))
    }

    /// Opens them to be written. Nobody else may use the directory meanwhile.
    ///
    /// # Errors
    /// A sentence: the directory cannot be read.
    pub(crate) fn to_write(data_dir: &Path) -> Result<Self, String> {
        Self::with(Recorder::open(data_dir, 0))
    }

    /// The recording of a live.
    ///
    /// # Errors
    /// A sentence: it cannot be read.
    pub(crate) fn recording(&self, live: LiveId) -> Result<Arc<Recording>, String> {
        self.runtime.block_on(self.recorder.recording(live.0)).map_err(|error| error.to_string())
    }

    fn with(recorder: Result<Recorder, recorder::Error>) -> Result<Self, String> {
        let runtime = Builder::new_current_thread().build().map_err(|error| error.to_string())?;
        Ok(Self { runtime, recorder: recorder.map_err(|error| error.to_string())? })
    }
}

/// Reads again what a live has kept unread; says what came of it. Nobody else may use the directory meanwhile.
///
/// # Errors
/// A sentence: it cannot be read or written.
pub(crate) fn reread(data_dir: &Path, live: LiveId) -> Result<String, String> {
    let recording = Offline::to_write(data_dir)?.recording(live)?;
    let Outcome { understood, takes, frames, left, left_bytes } =
        reread::reread(&recording).map_err(|error| error.to_string())?;
    Ok(format!(
        "live {live}: {understood} stretches understood, {takes} takes with {frames} frames added; {left} stretches of \
         {left_bytes} bytes are still unread"
    ))
}

/// The lives of a data directory that nobody serves of which more is recorded than their rows say, a sentence each.
///
/// # Errors
/// A sentence: a row or a recording cannot be read.
pub(crate) fn grown(data_dir: &Path) -> Result<Vec<String>, String> {
    let offline = Offline::to_read(data_dir)?;
    let mut sentences = Vec::new();
    for (live, kept) in crate::engines::recorded_of(data_dir)? {
        let recorded = u64::try_from(offline.recording(live)?.timeline().duration_ms()).unwrap_or(0);
        let more = recorded.saturating_sub(kept.saved_ms);
        if more > 0 {
            sentences.push(format!(
                "live {live}: {more} ms more than its rows say, which came while it was copied"
            ));
        }
    }
    Ok(sentences)
}

/// The lives of a data directory of which something is recorded.
///
/// # Errors
/// A sentence: the directory cannot be read.
pub(crate) fn lives(data_dir: &Path) -> Result<Vec<LiveId>, String> {
    let names = ReadOnlyDisk.list(&data_dir.join("lives")).map_err(|error| error.to_string())?;
    let mut lives: Vec<LiveId> = names.iter().filter_map(|name| name.parse().ok()).collect();
    lives.sort_unstable();
    Ok(lives)
}
