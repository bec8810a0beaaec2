//! What is recorded of a live, for everything here that speaks of it.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use delivery::hls::Hls;
use delivery::replay::Replays;
use ids::{LiveId, UnixMs};
use ingest::Publishers;
use ingest::upload::Uploads;
use lives::{Live, Recorded, RecordedTake, Ways};
use media::Kind;
use moka::future::Cache;
use recorder::unread::Stretch;
use recorder::{ReadOnlyDisk, Recorder, Recording};
use timeline::view::{self, Format, Selection};
use timeline::{PlayClock, Position, Timeline, Version};

/// Versions of lives of which it is known what they cost.
const WAYS: u64 = 4_096;
/// About what a container says of each frame, in bytes.
const SAID_OF_A_FRAME: u64 = 8;
/// About what it says once.
const HEAD: u64 = 1_200;

/// What is recorded of a live now.
#[derive(Debug, Clone, Default)]
pub(crate) struct Summary {
    /// How much is durable, in milliseconds.
    pub(crate) saved_ms: u64,
    /// The end of the timeline, in milliseconds.
    pub(crate) duration_ms: u64,
    /// Grows when earlier positions or bytes change their place.
    pub(crate) revision: u64,
    /// What is missing between takes or in them.
    pub(crate) gaps: Vec<Gap>,
    /// What was acknowledged and stands in no take.
    pub(crate) unread: Vec<Unread>,
    /// Version of `replay.mp4`, where the codecs allow it.
    pub(crate) mp4: Option<String>,
    /// Version of `replay.webm`, where the codecs allow it.
    pub(crate) webm: Option<String>,
    /// Extension (`m4a` or `webm`) and version of the audio alone.
    pub(crate) audio: Option<(String, String)>,
    /// Whether playlists can name all of it.
    pub(crate) hls: bool,
    /// What each take can be had as, where no one file holds them all.
    pub(crate) takes: Vec<RecordedTake>,
    /// The version of which all this is said.
    pub(crate) version: String,
    /// Version of the poster, if there is one.
    pub(crate) poster: Option<String>,
    /// What it costs to follow all of it.
    pub(crate) ways: Ways,
}

/// A stretch of time of which nothing is recorded. It takes no play time.
#[derive(Debug, Clone)]
pub(crate) struct Gap {
    /// Where it is on the timeline, in milliseconds.
    pub(crate) position_ms: u64,
    /// How long it lasted, in milliseconds.
    pub(crate) lost_ms: u64,
    /// From when, in milliseconds of Unix time.
    pub(crate) since_ms: UnixMs,
    /// Until when, in milliseconds of Unix time.
    pub(crate) until_ms: UnixMs,
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

/// The recordings of all lives, and what stands on them; clones share it.
#[derive(Clone)]
pub(crate) struct Recordings {
    recorder: Arc<Recorder>,
    uploads: Arc<Uploads>,
    publishers: Arc<Publishers>,
    made: Made,
    ways: Cache<(LiveId, Version), Ways>,
    /// Those of which the rows may be behind. As many as lives were looked at within a second.
    touched: Arc<Mutex<HashSet<LiveId>>>,
}

/// What was made of recordings for their viewers, and is remembered.
#[derive(Clone)]
pub(crate) struct Made {
    pub(crate) replays: Arc<Replays>,
    pub(crate) hls: Arc<Hls>,
}

impl Recordings {
    pub(crate) fn new(
        recorder: Arc<Recorder>,
        uploads: Arc<Uploads>,
        publishers: Arc<Publishers>,
        made: Made,
    ) -> Self {
        Self { recorder, uploads, publishers, made, ways: Cache::new(WAYS), touched: Arc::default() }
    }

    /// What is recorded of this live now.
    pub(crate) async fn summary(&self, live: LiveId) -> Summary {
        let Some(recording) = self.watched(live).await else { return Summary::default() };
        let timeline = recording.timeline();
        let gaps = gaps(&timeline);
        let recorded = self.recorded(live, &recording, &timeline, &gaps).await;
        Summary { gaps, unread: unread(&recording), ..Summary::of(&recorded) }
    }

    /// What a list shows of a live: what stands in its row. A live of which that is not known yet, from a version that did
    /// not keep it, is opened, and its row gets what is missing: a page of them at most for each list.
    pub(crate) async fn listed(&self, live: &Live) -> Summary {
        match &live.recorded {
            Some(recorded) if recorded.ways.is_some() => Summary::of(recorded),
            _ => {
                self.touch(live.id);
                self.summary(live.id).await
            }
        }
    }

    /// The recording of a live. What its row says of it is looked at again soon.
    pub(crate) async fn open(&self, live: LiveId) -> Result<Arc<Recording>, recorder::Error> {
        let recording = self.recorder.watched(live.0).await?;
        self.touch(live);
        Ok(recording)
    }

    /// What lists show of a live, as it is now; `None` when it cannot be read.
    pub(crate) async fn now(&self, live: LiveId) -> Option<Recorded> {
        let recording = self.watched(live).await?;
        let timeline = recording.timeline();
        Some(self.recorded(live, &recording, &timeline, &gaps(&timeline)).await)
    }

    async fn recorded(
        &self,
        live: LiveId,
        recording: &Recording,
        timeline: &Arc<Timeline>,
        gaps: &[Gap],
    ) -> Recorded {
        let recorded = recorded(timeline, gaps);
        let key = (live, timeline.version());
        let ways = match self.ways.get(&key).await {
            Some(ways) => ways,
            None => {
                let ways = self.measured(live, recording, timeline, &recorded).await;
                self.ways.insert(key, ways).await;
                ways
            }
        };
        Recorded { ways: Some(ways), ..recorded }
    }

    /// The bytes of each way of following a live: those of its files once it has ended, about as many while it grows.
    async fn measured(
        &self,
        live: LiveId,
        recording: &Recording,
        timeline: &Arc<Timeline>,
        recorded: &Recorded,
    ) -> Ways {
        let about = about(timeline);
        if recording.is_live() {
            return about;
        }
        let format = if recorded.mp4 { Format::Mp4 } else { Format::Webm };
        let sound = match recorded.audio.as_deref() {
            Some("m4a") => Format::Mp4,
            _ => Format::Webm,
        };
        let len = async |selection, format, about: Option<u64>| {
            let about = about?;
            let version = timeline.version();
            let view = self.made.replays.view(live.0, Arc::clone(timeline), version, selection, format).await;
            // Where no one file can be given a player follows take by take, for about as much.
            Some(view.map_or(about, |view| view.len()))
        };
        let slides = Selection { slides: true, ..Selection::default() };
        let audio_only = Selection { audio_only: true, ..Selection::default() };
        Ways {
            video: len(Selection::default(), format, about.video).await,
            slides: len(slides, format, about.slides).await,
            audio: len(audio_only, sound, about.audio).await,
        }
    }

    async fn watched(&self, live: LiveId) -> Option<Arc<Recording>> {
        self.recorder.watched(live.0).await.inspect_err(|error| unreadable(live, error)).ok()
    }

    /// The play clock of a live, and its revision.
    pub(crate) async fn clock(&self, live: LiveId) -> Arc<PlayClock> {
        match self.open(live).await {
            Ok(recording) => Arc::new(recording.timeline().clock()),
            Err(error) => {
                unreadable(live, &error);
                Arc::default()
            }
        }
    }

    /// The live runs: its tails wait for more.
    pub(crate) async fn run(&self, live: LiveId) {
        self.recorder.set_running(live.0, true).await;
    }

    /// The live was stopped or abandoned: returns once everything received is durable and part of the recording. Only then
    /// do its tails end, so that those who watch see the last frames.
    pub(crate) async fn stop(&self, live: LiveId) {
        if let Err(error) = self.uploads.settle(live.0).await {
            tracing::error!(%live, %error, "the last frames of a live could not be stored");
        }
        if let Err(error) = self.publishers.end(live.0).await {
            tracing::error!(%live, %error, "the last frames of a publisher could not be stored");
        }
        self.recorder.set_running(live.0, false).await;
    }

    /// Deletes everything recorded of a live. Deleting again is no error.
    pub(crate) async fn delete(&self, live: LiveId) -> Result<(), String> {
        self.uploads.forget(live.0).await;
        if let Err(error) = self.publishers.end(live.0).await {
            tracing::debug!(%live, %error, "the last frames of a publisher are deleted unstored");
        }
        self.made.replays.forget(live.0).await;
        self.made.hls.forget(live.0).await;
        self.recorder.delete(live.0).await.map_err(|error| error.to_string())
    }

    /// This recording was opened, or grew: its row is looked at soon.
    pub(crate) fn touch(&self, live: LiveId) {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner).insert(live);
    }

    /// Those that were touched since this was last asked.
    pub(crate) fn touched(&self) -> HashSet<LiveId> {
        std::mem::take(&mut self.touched.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn recorded(timeline: &Timeline, gaps: &[Gap]) -> Recorded {
    let duration_ms = unsigned(timeline.duration_ms());
    let whole = files(timeline, None);
    let no_one_file = !timeline.takes().is_empty() && !whole.mp4 && !whole.webm;
    let takes = if no_one_file {
        timeline.in_play_order().into_iter().map(|take| files(timeline, Some(take.number))).collect()
    } else {
        Vec::new()
    };
    let mut codecs: Vec<String> = Vec::new();
    let mut bytes = 0;
    for index in timeline.takes().iter().flat_map(|take| take.tracks()) {
        let codec = index.track().codec_string();
        if !codecs.contains(&codec) {
            codecs.push(codec);
        }
        bytes += index.payload();
    }
    Recorded {
        saved_ms: duration_ms,
        duration_ms,
        bytes,
        revision: timeline.revision,
        version: timeline.version().to_string(),
        codecs,
        gaps: u32::try_from(gaps.len()).unwrap_or(u32::MAX),
        lost_ms: gaps.iter().map(|gap| gap.lost_ms).sum(),
        picture: timeline.takes().iter().any(|take| take.video.is_some()),
        ways: None,
        mp4: whole.mp4,
        webm: whole.webm,
        audio: whole.audio,
        takes,
    }
}

/// About the bytes of each way of following a live: those of its frames, and what a container says of each.
fn about(timeline: &Timeline) -> Ways {
    let (mut frames, mut bytes) = ([0; 2], [0; 2]);
    for index in timeline.takes().iter().flat_map(|take| take.tracks()) {
        let slot = index.track().kind().slot();
        frames[slot] += index.frames();
        bytes[slot] += index.payload();
    }
    let [picture, sound] = [Kind::Video, Kind::Audio].map(|kind| {
        let slot = kind.slot();
        (frames[slot] > 0).then(|| bytes[slot] + frames[slot] * SAID_OF_A_FRAME)
    });
    let head = |bytes: u64| bytes + HEAD;
    Ways {
        video: picture.map(|picture| head(picture + sound.unwrap_or(0))),
        slides: picture.map(|_| head(view::slides_payload(timeline) + sound.unwrap_or(0))),
        audio: sound.map(head),
    }
}

/// As what files a live can be had, or one take of it.
fn files(timeline: &Timeline, take: Option<u32>) -> RecordedTake {
    let offered = |format, audio_only| {
        view::check(timeline, &Selection { take, audio_only, ..Selection::default() }, format).is_ok()
    };
    let audio = [(Format::Mp4, "m4a"), (Format::Webm, "webm")];
    let audio = audio.into_iter().find(|(format, _)| offered(*format, true));
    RecordedTake {
        take: take.unwrap_or_default(),
        mp4: offered(Format::Mp4, false),
        webm: offered(Format::Webm, false),
        audio: audio.map(|(_, extension)| extension.to_owned()),
    }
}

impl Summary {
    /// All but the gaps themselves and what could not be read, which are in no list.
    fn of(recorded: &Recorded) -> Self {
        let version = || recorded.version.clone();
        Self {
            saved_ms: recorded.saved_ms,
            duration_ms: recorded.duration_ms,
            revision: recorded.revision,
            gaps: Vec::new(),
            unread: Vec::new(),
            mp4: recorded.mp4.then(version),
            webm: recorded.webm.then(version),
            audio: recorded.audio.as_ref().map(|extension| (extension.clone(), version())),
            hls: recorded.duration_ms > 0 && !recorded.codecs.iter().any(|codec| codec == "vp8"),
            takes: recorded.takes.clone(),
            version: version(),
            poster: (recorded.duration_ms > 0).then(|| recorded.revision.to_string()),
            ways: recorded.ways.unwrap_or_default(),
        }
    }
}

/// What was not recorded of a live.
pub(crate) fn gaps(timeline: &Timeline) -> Vec<Gap> {
    let gap = |gap: timeline::Gap| Gap {
        position_ms: unsigned(gap.position_ms),
        lost_ms: unsigned(gap.lost_ms),
        since_ms: UnixMs(gap.since_ms),
        until_ms: UnixMs(gap.until_ms),
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

fn unreadable(live: LiveId, error: &recorder::Error) {
    tracing::error!(%live, %error, "a recording cannot be read");
}

fn unsigned(ms: i64) -> u64 {
    u64::try_from(ms).unwrap_or(0)
}
