//! What is recorded of a live, for everything here that speaks of it.

use std::path::Path;
use std::sync::Arc;

use delivery::replay::Replays;
use ingest::reread::{self, Outcome};
use ingest::upload::Uploads;
use media::Kind;
use recorder::unread::Stretch;
use recorder::{Disk, ReadOnlyDisk, Recorder, Recording};
use timeline::view::{self, Format, Selection};
use timeline::{PlayClock, Position, Timeline};

/// What is recorded of a live now.
#[derive(Debug, Clone, Default)]
pub(crate) struct Summary {
    /// How much is durable, in milliseconds.
    pub(crate) saved_ms: u64,
    /// The end of the timeline, in milliseconds.
    pub(crate) duration_ms: u64,
    /// Grows when earlier positions or bytes change their place.
    pub(crate) revision: u64,
    /// Whether there is a picture in any take.
    pub(crate) has_picture: bool,
    /// What is missing between takes or in them.
    pub(crate) gaps: Vec<Gap>,
    /// What was acknowledged and stands in no take.
    pub(crate) unread: Vec<Unread>,
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

/// Bytes that were acknowledged and that no frame was made of. They are kept.
#[derive(Debug, Clone)]
pub(crate) struct Unread {
    /// Their number in the live.
    pub(crate) id: u32,
    /// The take in which they stand, where that is known.
    pub(crate) take: Option<u32>,
    /// The track that they are of, where that is known.
    pub(crate) track: Option<Kind>,
    /// Where they are on the timeline, in milliseconds, where that is known.
    pub(crate) position_ms: Option<u64>,
    /// How many they are.
    pub(crate) bytes: u64,
    /// Why, in a word.
    pub(crate) reason: &'static str,
}

/// The recordings of all lives, and what stands on them.
#[derive(Clone)]
pub(crate) struct Recordings {
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) uploads: Arc<Uploads>,
    pub(crate) replays: Arc<Replays>,
}

impl Recordings {
    /// What is recorded of this live.
    pub(crate) async fn summary(&self, live: i64) -> Summary {
        let Ok(recording) = self.recorder.watched(live).await.inspect_err(|error| unreadable(live, error))
        else {
            return Summary::default();
        };
        let timeline = recording.timeline();
        let duration_ms = unsigned(timeline.duration_ms());
        let version = timeline.version().to_string();
        let offered = |format, audio_only| {
            let selection = Selection { audio_only, ..Selection::default() };
            view::check(&timeline, &selection, format).is_ok().then(|| version.clone())
        };
        let audio = offered(Format::Mp4, true).map(|version| ("m4a", version));
        Summary {
            saved_ms: duration_ms,
            duration_ms,
            revision: timeline.revision,
            has_picture: timeline.takes().iter().any(|take| take.video.is_some()),
            gaps: gaps(&timeline),
            unread: unread(&recording),
            mp4: offered(Format::Mp4, false),
            webm: offered(Format::Webm, false),
            audio: audio.or_else(|| offered(Format::Webm, true).map(|version| ("webm", version))),
            poster: (duration_ms > 0).then(|| timeline.revision.to_string()),
        }
    }

    /// The play clock of a live, and its revision.
    pub(crate) async fn clock(&self, live: i64) -> Arc<PlayClock> {
        match self.recorder.watched(live).await {
            Ok(recording) => Arc::new(recording.timeline().clock()),
            Err(error) => {
                unreadable(live, &error);
                Arc::default()
            }
        }
    }

    /// The live was stopped or abandoned: returns once everything received is durable and part of the recording.
    pub(crate) async fn stop(&self, live: i64) {
        if let Err(error) = self.uploads.settle(live).await {
            tracing::error!(live, %error, "the last frames of a live could not be stored");
        }
        if let Ok(recording) = self.recorder.recording(live).await {
            recording.set_live(false);
        }
    }

    /// Deletes everything recorded of a live. Deleting again is no error.
    pub(crate) async fn delete(&self, live: i64) -> Result<(), String> {
        self.uploads.forget(live).await;
        self.replays.forget(live).await;
        self.recorder.delete(live).await.map_err(|error| error.to_string())
    }
}

/// What was not recorded of a live.
pub(crate) fn gaps(timeline: &Timeline) -> Vec<Gap> {
    let gap = |gap: timeline::Gap| Gap {
        position_ms: unsigned(gap.position_ms),
        lost_ms: unsigned(gap.lost_ms),
        since_ms: gap.since_ms,
        until_ms: gap.until_ms,
    };
    timeline.gaps().into_iter().map(gap).collect()
}

/// What of a live could not be read and is kept.
pub(crate) fn unread(recording: &Recording) -> Vec<Unread> {
    let clock = recording.timeline().clock();
    let told = |stretch: Stretch| {
        let place = stretch.take.filter(|(take, _)| clock.has_take(*take));
        Unread {
            id: stretch.number,
            take: place.map(|(take, _)| take),
            track: stretch.kind,
            position_ms: place.map(|(take, ms)| unsigned(clock.position_ms(Position { take, ms }))),
            bytes: stretch.bytes,
            reason: stretch.reason.name(),
        }
    };
    recording.unread().into_iter().map(told).collect()
}

/// What is wrong with the recordings in a data directory, one sentence each. Changes nothing, also beside a server.
pub(crate) fn verify(data_dir: &Path) -> Vec<String> {
    match recorder::verify::verify(&ReadOnlyDisk, data_dir) {
        Ok(report) => {
            let recorder::verify::Report { bodies, fragments, journals, unread, .. } = report;
            tracing::info!(bodies, fragments, journals, unread, "recordings checked");
            report.problems
        }
        Err(error) => vec![error.to_string()],
    }
}

/// Writes a live into one file, as far as it is durable. Changes nothing else, also beside a server.
pub(crate) fn export(data_dir: &Path, live: i64, output: &Path) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|error| error.to_string())?;
    let recorder = Recorder::on(Arc::new(ReadOnlyDisk), data_dir, 0).map_err(|error| error.to_string())?;
    let recording = runtime.block_on(recorder.recording(live)).map_err(|error| error.to_string())?;
    write_export(&recording, output)
}

/// Reads again what a live has kept unread; says what came of it. Nobody else may use the directory meanwhile.
pub(crate) fn reread(data_dir: &Path, live: i64) -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|error| error.to_string())?;
    let recorder = Recorder::open(data_dir, 0).map_err(|error| error.to_string())?;
    let recording = runtime.block_on(recorder.recording(live)).map_err(|error| error.to_string())?;
    let Outcome { understood, takes, frames, left, left_bytes } =
        reread::reread(&recording).map_err(|error| error.to_string())?;
    Ok(format!(
        "live {live}: {understood} stretches understood, {takes} takes with {frames} frames added; {left} stretches of \
         {left_bytes} bytes are still unread"
    ))
}

/// The lives of a data directory of which something is recorded.
pub(crate) fn lives(data_dir: &Path) -> Result<Vec<i64>, String> {
    let names = ReadOnlyDisk.list(&data_dir.join("lives")).map_err(|error| error.to_string())?;
    let mut lives: Vec<i64> = names.iter().filter_map(|name| name.parse().ok()).collect();
    lives.sort_unstable();
    Ok(lives)
}

fn write_export(recording: &Recording, output: &Path) -> Result<(), String> {
    let timeline = recording.timeline();
    let formats = match output.extension().and_then(|extension| extension.to_str()) {
        Some("webm") => [Format::Webm, Format::Mp4],
        _ => [Format::Mp4, Format::Webm],
    };
    let selection = Selection::default();
    let format = formats.into_iter().find(|&format| view::check(&timeline, &selection, format).is_ok());
    let cut =
        view::cut(&timeline, &selection, format.unwrap_or(formats[0])).map_err(|error| error.to_string())?;
    let mut file = std::fs::File::create(output).map_err(|error| error.to_string())?;
    let mut at = 0;
    while at < cut.len() {
        let to = cut.len().min(at + (1 << 20));
        let bytes = delivery::replay::read(recording, &cut, at..to).map_err(|error| error.to_string())?;
        std::io::Write::write_all(&mut file, &bytes).map_err(|error| error.to_string())?;
        at = to;
    }
    file.sync_all().map_err(|error| error.to_string())
}

fn unreadable(live: i64, error: &recorder::Error) {
    tracing::error!(live, %error, "a recording cannot be read");
}

fn unsigned(ms: i64) -> u64 {
    u64::try_from(ms).unwrap_or(0)
}
