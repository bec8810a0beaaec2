//! Publishes a recording through the real server, takes all that is then offered of it, and has each file judged: by the
//! checkers of [`isobmff`] and [`webm`], by ffprobe, ffmpeg and mkvtoolnix, and beside the recording itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::frames::{self, Frames};
use crate::tools::{self, Decoded, Probed};
use crate::{Api, Live, Person, Server, Upload, isobmff, webm};

/// Tools that run at once.
static TOOLS: Semaphore = Semaphore::const_new(3);

/// A recording that is published.
#[derive(Debug, Clone)]
pub struct Source {
    /// What it is called in failures.
    pub name: String,
    /// Its bytes, as the recorder delivered them: slice by slice.
    pub slices: Vec<Vec<u8>>,
    /// The ending of its file's name, for the tools to read it.
    pub extension: String,
    /// The number of takes that it makes.
    pub takes: usize,
    /// Whether ffmpeg reads the recording itself as it stands, so that what comes out can be held beside what it says.
    pub is_readable: bool,
}

impl Source {
    /// A recording that is sent in one piece and is one take.
    #[must_use]
    pub fn whole(name: &str, extension: &str, bytes: Vec<u8>) -> Self {
        let (name, extension) = (name.to_owned(), extension.to_owned());
        Self { name, slices: vec![bytes], extension, takes: 1, is_readable: true }
    }

    /// The same recording, of which it is known how many takes it makes.
    #[must_use]
    pub fn with_takes(self, takes: usize) -> Self {
        Self { takes, ..self }
    }
}

/// What an output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// Everything, as one file.
    Replay,
    /// One take, as one file.
    Take,
    /// A stretch.
    Cut,
    /// The sound.
    Sound,
    /// A tail of a take from its start; it does not say how long it is.
    Tail,
    /// A file on the server's disk.
    Body,
}

impl What {
    /// Whether the file has a head before its media.
    fn is_finished(self) -> bool {
        !matches!(self, Self::Tail | Self::Body)
    }

    /// Whether all its frames are decoded too, and not only looked at: once for each way of putting a file together,
    /// of everything where that is asked for.
    fn is_decoded(self) -> bool {
        matches!(self, Self::Replay | Self::Take | Self::Cut) || std::env::var_os("OUTPUTS").is_some()
    }
}

/// An output, fetched.
#[derive(Debug)]
struct Output {
    name: String,
    what: What,
    /// The take, where it is of one only.
    take: Option<usize>,
    path: PathBuf,
}

impl Output {
    /// Whether ffprobe is asked too. The tail of one track is a body's bytes behind another init, and of these there are
    /// many: they are left to the checkers, unless everything is asked for.
    fn is_probed(&self) -> bool {
        !self.name.contains("&track=") || is_everything()
    }
}

/// Whether the long form is wanted: every tool on every output.
fn is_everything() -> bool {
    std::env::var_os("OUTPUTS").is_some()
}

/// The recording itself, by the same tools.
struct Reference {
    delay_ms: f64,
    probed: Probed,
    decoded: Decoded,
    ours: Vec<Vec<Frames>>,
}

/// Publishes a recording, and judges everything that is then offered: what is wrong, a line each.
pub async fn judge(server: &Server, author: &Person, source: Source) -> Vec<String> {
    let name = source.name.clone();
    let folder = tempfile::tempdir().expect("a temporary directory");
    let live = author.start_live(serde_json::json!({"title": name})).await;
    let mut upload = Upload::create(&author.api, &live).await;
    for slice in &source.slices {
        upload.append(slice).await;
    }
    upload.complete().await;
    live.stop(&author.api).await;
    let timeline = live.timeline(&author.api).await;
    let takes: Vec<u64> = timeline["takes"]
        .as_array()
        .expect("takes")
        .iter()
        .map(|take| take["take"].as_u64().expect("a number"))
        .collect();
    if takes.len() != source.takes {
        return vec![format!("{name}: {} takes where {} are right: {timeline}", takes.len(), source.takes)];
    }
    let outputs = fetch(server, &author.api, &live, &takes, folder.path()).await;
    let reference = Arc::new(reference(&source, folder.path()).await);
    let judging: Vec<_> = outputs
        .into_iter()
        .map(|output| {
            let (reference, source) = (Arc::clone(&reference), source.clone());
            let label = format!("{name}: {}", output.name);
            (label, tokio::spawn(async move { judge_output(&output, &source, &reference).await }))
        })
        .collect();
    let mut complaints = Vec::new();
    for (label, judged) in judging {
        if let Err(error) = judged.await {
            complaints.push(format!("{label}: {}", reason(error)));
        }
    }
    complaints
}

/// What a test that failed had to say.
fn reason(error: tokio::task::JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else { return "was cancelled".to_owned() };
    match (panic.downcast_ref::<String>(), panic.downcast_ref::<&str>()) {
        (Some(text), _) => text.clone(),
        (None, Some(text)) => (*text).to_owned(),
        (None, None) => "failed".to_owned(),
    }
}

async fn reference(source: &Source, folder: &Path) -> Reference {
    let bytes = source.slices.concat();
    let path = folder.join(format!("source.{}", source.extension));
    std::fs::write(&path, &bytes).expect("the recording is written down");
    let _turn = TOOLS.acquire().await.expect("tools are there");
    let probed = tools::probe_all(&path).await;
    let decoded = tools::decode_all(&path, false).await;
    Reference {
        delay_ms: codec_delay_ms(&bytes),
        probed,
        decoded,
        ours: frames::by_our_reader_take_by_take(&bytes),
    }
}

/// Fetches everything that is offered of a live, and its files on the server's disk.
async fn fetch(server: &Server, api: &Api, live: &Live, takes: &[u64], folder: &Path) -> Vec<Output> {
    let shown = live.shown(api).await;
    let middle = shown["duration_ms"].as_u64().expect("a duration") / 2;
    let mut wanted = Vec::new();
    for (container, sound) in [("mp4", "m4a"), ("webm", "webm")] {
        let whole = format!("replay.{container}");
        let is_whole = api.head(&live.path(&whole)).await.status == 200;
        assert_eq!(shown["replay"][container].is_string(), is_whole, "{whole} is told where it is: {shown}");
        if is_whole {
            wanted.push((whole.clone(), What::Replay, (takes.len() == 1).then_some(0)));
            let cut = format!("{whole}?from_ms={}&to_ms={}", middle - middle / 5, middle + middle / 5 + 1);
            wanted.push((cut, What::Cut, None));
        }
        for (index, take) in takes.iter().enumerate() {
            if takes.len() > 1 {
                wanted.push((format!("{whole}?take={take}"), What::Take, Some(index)));
            }
            wanted.push((format!("tail.{container}?take={take}"), What::Tail, Some(index)));
        }
        for track in ["video", "audio"] {
            let take = takes[0];
            wanted.push((format!("tail.{container}?take={take}&track={track}"), What::Tail, Some(0)));
        }
        let only = (takes.len() == 1).then_some(0);
        wanted.push((format!("audio.{sound}"), What::Sound, only));
    }
    let mut outputs = Vec::new();
    for (name, what, take) in wanted {
        let answer = api.get(&live.path(&name)).await;
        match answer.status {
            200 => {}
            // Not in this container, no such track, or takes that one file cannot hold: another promise's subject.
            404 | 406 if what != What::Replay => continue,
            _ => panic!("{}: {} {}", answer.what, answer.status, answer.text()),
        }
        let extension = name.split(['?', '.']).nth(1).expect("a name has an ending").to_owned();
        let path = folder.join(format!("{}.{extension}", outputs.len()));
        std::fs::write(&path, &answer.body).expect("the output is written down");
        outputs.push(Output { name, what, take, path });
    }
    assert!(outputs.iter().any(|output| output.what.is_finished()), "something is offered");
    for (index, take) in takes.iter().enumerate() {
        let bodies =
            server.data().join("lives").join(live.id.to_string()).join("takes").join(take.to_string());
        for name in ["video.mp4", "video.webm", "audio.mp4"] {
            if bodies.join(name).exists() {
                let path = folder.join(format!("body-{take}-{name}"));
                std::fs::copy(bodies.join(name), &path).expect("the body can be read");
                outputs.push(Output {
                    name: format!("body {name}"),
                    what: What::Body,
                    take: Some(index),
                    path,
                });
            }
        }
    }
    outputs
}

async fn judge_output(output: &Output, source: &Source, reference: &Reference) {
    let bytes = std::fs::read(&output.path).expect("the output was written down");
    let extension = output.path.extension().and_then(|ending| ending.to_str()).expect("an ending");
    let is_webm = extension == "webm";
    let turn = TOOLS.acquire().await.expect("tools are there");
    let probed = match output.is_probed() {
        true => Some(tools::probe_all(&output.path).await),
        false => None,
    };
    if let Some(probed) = &probed {
        assert!(probed.words.is_empty(), "ffprobe says: {:?}", probed.words);
    }
    if is_webm && output.what != What::Tail {
        let complaints = tools::matroska_complaints(&output.path).await;
        assert!(complaints.is_empty(), "mkvtoolnix says: {complaints:?}");
    }
    let decoded = match output.what.is_decoded() {
        true => Some(tools::decode_all(&output.path, true).await),
        false => None,
    };
    drop(turn);
    if let Some(decoded) = &decoded {
        assert!(decoded.words.is_empty(), "ffmpeg says: {:?}", decoded.words);
    }
    let ends_ms = match is_webm {
        true => check_webm(&bytes, output),
        false => check_mp4(&bytes, output),
    };
    if let Some(probed) = probed.as_ref().filter(|_| output.what.is_finished()) {
        check_duration(probed, ends_ms);
    }
    let ours = frames::by_our_reader(&bytes);
    match output.take {
        Some(take) => check_take(output, &ours, &reference.ours[take]),
        None => check_part(output, &ours, &reference.ours),
    }
    if let Some(probed) = probed.filter(|_| source.is_readable) {
        check_beside(output, source, &probed, decoded.as_ref(), reference);
        if output.what == What::Replay && source.takes == 1 {
            check_offset(
                &times(&probed, codec_delay_ms(&bytes)),
                &times(&reference.probed, reference.delay_ms),
            );
        }
    }
}

/// Where the last frame begins and where the last one ends, in milliseconds.
fn check_mp4(bytes: &[u8], output: &Output) -> (f64, f64) {
    let movie = match output.what.is_finished() {
        true => isobmff::check(bytes),
        false => isobmff::check_fragmented(bytes),
    };
    let shown = movie.tracks.iter().flat_map(isobmff::Track::shown);
    let ends = shown.fold((0.0, 0.0), |(start, end): (f64, f64), (from, to)| (start.max(from), end.max(to)));
    if output.what.is_finished() {
        assert!((movie.duration_ms - ends.1).abs() <= 1.0, "{} ms, {ends:?}", movie.duration_ms);
        let zero = movie.tracks.iter().flat_map(isobmff::Track::shown).map(|(from, _)| from);
        assert!(zero.fold(f64::INFINITY, f64::min) >= 0.0, "nothing is shown before 0");
    }
    ends
}

fn check_webm(bytes: &[u8], output: &Output) -> (f64, f64) {
    let found = match output.what.is_finished() {
        true => webm::check(bytes),
        false => webm::check_growing(bytes),
    };
    let last = found.blocks.last().expect("blocks").ms as f64;
    (last, found.duration_ms.unwrap_or(last))
}

/// The duration is the last frame's end, to a frame.
fn check_duration(probed: &Probed, (starts, ends): (f64, f64)) {
    let duration = probed.duration_ms().expect("a finished file says how long it is");
    assert!((duration - ends).abs() <= 8.0, "{duration} ms, and the last frame ends at {ends} ms");
    let beyond = duration - starts;
    assert!((0.0..=1_200.0).contains(&beyond), "{duration} ms, and the last frame begins at {starts} ms");
}

/// An output of a whole take: all the frames of the recording, of the tracks that it has, at their times.
fn check_take(output: &Output, ours: &[Frames], take: &[Frames]) {
    let kinds: Vec<_> = ours.iter().map(|track| track.kind).collect();
    let mut wanted: Vec<Frames> = take.iter().filter(|track| kinds.contains(&track.kind)).cloned().collect();
    let is_all =
        matches!(output.what, What::Replay | What::Take) || (output.what == What::Tail && kinds.len() > 1);
    assert!(!is_all || wanted.len() == take.len(), "{kinds:?} of {} tracks", take.len());
    let mut got = ours.to_vec();
    if wanted.len() < take.len() {
        // A track alone counts from its own first frame, or from that of the take.
        [&mut wanted, &mut got].into_iter().for_each(|tracks| from_own_start(tracks));
    }
    // Both sides are rounded to the millisecond, and WebM counts no finer. The reader takes the edit of a tail of Opus
    // for one that names the samples to skip, as that of a finished file does: 312 of 48,000.
    frames::must_equal(&wanted, &got, if output.what == What::Tail { 7 } else { 1 });
}

fn from_own_start(tracks: &mut [Frames]) {
    for track in tracks {
        let first = track.frames.first().map_or(0, |frame| frame.ms);
        track.frames.iter_mut().for_each(|frame| frame.ms -= first);
    }
}

/// An output of several takes, or of a stretch: the frames of the recording, in order, without a hole.
fn check_part(output: &Output, ours: &[Frames], takes: &[Vec<Frames>]) {
    for track in ours {
        let all: Vec<_> = takes
            .iter()
            .flatten()
            .filter(|take| take.kind == track.kind)
            .flat_map(|take| &take.frames)
            .map(|frame| (frame.key, &frame.units))
            .collect();
        let got: Vec<_> = track.frames.iter().map(|frame| (frame.key, &frame.units)).collect();
        assert!(got.first().is_some_and(|(key, _)| *key), "{:?} begins with a key", track.kind);
        match output.what {
            What::Cut => {
                assert!(all.windows(got.len()).any(|part| part == got), "{:?}: a stretch", track.kind)
            }
            _ => assert!(all == got, "{:?}: {} frames of {}", track.kind, got.len(), all.len()),
        }
    }
}

/// The output beside the recording, as ffmpeg reads both: pictures, sound, and when each is shown.
fn check_beside(
    output: &Output,
    source: &Source,
    probed: &Probed,
    decoded: Option<&Decoded>,
    reference: &Reference,
) {
    let is_whole = output.what == What::Replay;
    // A stretch may begin where the picture has another size.
    if source.takes == 1 && output.what != What::Cut {
        check_streams(probed, &reference.probed);
    }
    if let Some(decoded) = decoded.filter(|_| is_whole) {
        assert!(
            decoded.pictures == reference.decoded.pictures,
            "the pictures are the recording's: {} and {}",
            decoded.pictures.len(),
            reference.decoded.pictures.len()
        );
    }
    if !is_whole || source.takes > 1 {
        return;
    }
    for kind in ["video", "audio"] {
        let Some(stream) = probed.stream(kind) else { continue };
        let before: Vec<_> = reference.probed.of(kind).collect();
        let after: Vec<_> = probed.of(kind).collect();
        assert_eq!(before.len(), after.len(), "packets of {kind}");
        let is_same = matches!(stream["codec_name"].as_str(), Some("vp8" | "vp9" | "opus" | "aac"));
        let changed = before.iter().zip(&after).position(|(before, after)| before.md5 != after.md5);
        assert!(!is_same || changed.is_none(), "packet {changed:?} of {kind} is another");
    }
}

/// What a player is told of each track before the first frame is what the recording said.
fn check_streams(probed: &Probed, reference: &Probed) {
    for kind in ["video", "audio"] {
        let (Some(after), Some(before)) = (probed.stream(kind), reference.stream(kind)) else { continue };
        for field in ["codec_name", "profile", "width", "height", "pix_fmt", "sample_rate", "channels"] {
            // VP9 and AV1 with alpha are kept without it.
            let is_same = after[field] == before[field] || before[field] == "yuva420p";
            assert!(is_same, "{kind}: {field} is {}, was {}", after[field], before[field]);
        }
        let turned =
            |stream: &serde_json::Value| stream["side_data_list"][0]["rotation"].as_i64().unwrap_or(0);
        assert_eq!(turned(after), turned(before), "the picture is turned as it was");
    }
}

/// Each packet's time from the first picture's (or from the first packet of sound) is that of the recording, to the
/// millisecond.
fn check_offset(after: &[(&str, f64)], before: &[(&str, f64)]) {
    for (index, (before, after)) in before.iter().zip(after).enumerate() {
        assert_eq!(before.0, after.0, "packet {index} is of the same track");
        let drift = after.1 - before.1;
        assert!(drift.abs() <= 1.0, "{} {index}: at {} ms, was at {} ms", before.0, after.1, before.1);
    }
}

/// The times of all packets, in order and by track, from the first packet of the first track on. ffmpeg takes the delay
/// of Opus off the times of WebM, and off those of MP4 it does not: `delay_ms` is given back.
fn times(probed: &Probed, delay_ms: f64) -> Vec<(&'static str, f64)> {
    let mut all = Vec::new();
    for (kind, delay_ms) in [("video", 0.0), ("audio", delay_ms)] {
        let mut own: Vec<f64> = probed.of(kind).map(|packet| packet.pts_ms).collect();
        own.sort_by(f64::total_cmp);
        // An edit list says the delay of a finished MP4.
        let edited = own.first().map_or(0.0, |first| -first.min(0.0));
        let is_opus = probed.stream(kind).is_some_and(|stream| stream["codec_name"] == "opus");
        // What AAC is late by is in its times everywhere: its first frame is before the picture.
        let delay_ms = match is_opus {
            true if delay_ms == 0.0 => edited,
            true => delay_ms,
            false => 0.0,
        };
        own.iter_mut().for_each(|ms| *ms += delay_ms);
        all.extend(own.into_iter().map(|ms| (kind, ms)));
    }
    let zero = all.first().map_or(0.0, |(_, ms)| *ms);
    all.iter_mut().for_each(|(_, ms)| *ms -= zero);
    all
}

/// The `CodecDelay` (RFC 9559, 5.1.4.1.25) of the sound of a WebM or Matroska file, 0 of any other.
fn codec_delay_ms(file: &[u8]) -> f64 {
    let header = &file[..file.len().min(16_384)];
    if !header.starts_with(&[0x1A, 0x45, 0xDF, 0xA3]) {
        return 0.0;
    }
    let at =
        header.windows(3).position(|bytes| bytes[..2] == [0x56, 0xAA] && (0x81..=0x88).contains(&bytes[2]));
    let value = at.map(|at| &header[at + 3..at + 3 + usize::from(header[at + 2] & 0x7F)]);
    let ns = value.unwrap_or_default().iter().fold(0_u64, |ns, byte| ns << 8 | u64::from(*byte));
    ns as f64 / 1e6
}
