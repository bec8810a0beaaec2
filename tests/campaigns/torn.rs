//! Torn and damaged files: whatever a dying disk leaves of a live's files, opening it again never panics, never shows
//! a frame that was not sent where the bodies are whole, and keeps the longest good beginning; `verify` names each
//! flipped bit of a body and of a journal; a flipped bit of a journal costs no fragment.

use std::path::{Path, PathBuf};

use promises::random::Random;
use promises::{Live, Server, Upload, recorded};
use recorder::{LocalDisk, Recorder, verify};
use timeline::{Timeline, TrackIndex};

/// What is published: small, of every kind of body; how many bytes; whether the upload is completed.
const RECORDINGS: &[(&str, usize, bool)] = &[
    ("webm_vp9_opus.webm", 300_000, false),
    ("webm_vp8_opus.webm", 300_000, true),
    ("mp4_avc1_kf1s.mp4", 265_763, true),
    ("audio_webm_opus.webm", 160_053, false),
];
/// Only the end of a file is damaged: what was being written when the fault came.
const TAIL: usize = 64 << 10;
/// A block of a disk.
const BLOCK: usize = 4096;

/// What becomes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Damage {
    Truncate,
    ZeroFill,
    DuplicateBlock,
    SwapBlocks,
    FlipBit,
    Remove,
}

const DAMAGES: &[Damage] = &[
    Damage::Truncate,
    Damage::ZeroFill,
    Damage::DuplicateBlock,
    Damage::SwapBlocks,
    Damage::FlipBit,
    Damage::Remove,
];

/// Damages a live's files so many times; answers what was counted.
pub(crate) async fn run(count: u64, seed: u64) -> String {
    let mut random = Random::new(seed);
    let server = published().await;
    // Nothing here depends on what a disk does with what it is given: memory is quicker.
    let folder =
        tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a temporary directory");
    let mut originals = Vec::new();
    for number in 1..=RECORDINGS.len() {
        originals.push(Original::read(server.data(), number as i64).await);
    }
    let mut told = Told::default();
    for attempt in 0..count {
        let original = &originals[random.between(0, originals.len() - 1)];
        let data = folder.path().join(attempt.to_string());
        original.try_one(&data, &mut random, &mut told).await;
        std::fs::remove_dir_all(&data).expect("a copy can be removed");
    }
    format!(
        "{told:?}; no panic, no wrong frame from whole bodies, every flipped bit of a body or a journal named"
    )
}

/// A server that was left, with all the recordings in its directory.
async fn published() -> Server {
    let mut server = Server::start().await;
    for &(name, len, is_complete) in RECORDINGS {
        let (author, live): (_, Live) = server.live().await;
        let mut upload = Upload::create(&author.api, &live).await;
        let bytes = recorded(name);
        for slice in bytes[..len.min(bytes.len())].chunks(20_000) {
            upload.append(slice).await;
        }
        if is_complete {
            upload.complete().await;
            live.stop(&author.api).await;
        }
    }
    server.terminate().await;
    server
}

/// What was counted.
#[derive(Debug, Default)]
struct Told {
    bodies: u64,
    indexes: u64,
    journals: u64,
    journals_that_cost_nothing: u64,
    opened: u64,
    refused: u64,
    flips_named: u64,
}

/// A live as it was published.
#[derive(Debug)]
struct Original {
    live: i64,
    files: Vec<(PathBuf, Vec<u8>)>,
    timeline: Timeline,
}

impl Original {
    async fn read(data: &Path, live: i64) -> Self {
        let timeline = open(data, live).await.expect("a sound live opens");
        assert!(timeline.takes().iter().all(|take| take.tracks().all(|track| !track.is_empty())));
        let mut files = Vec::new();
        gather(&data.join("lives").join(live.to_string()), data, &mut files);
        Self { live, files, timeline }
    }

    async fn try_one(&self, data: &Path, random: &mut Random, told: &mut Told) {
        let damaged: Vec<usize> =
            (0..self.files.len()).filter(|&at| kind_of(&self.files[at].0).is_some()).collect();
        let chosen = damaged[random.between(0, damaged.len() - 1)];
        let damage = DAMAGES[random.between(0, DAMAGES.len() - 1)];
        let (path, whole) = &self.files[chosen];
        let kind = kind_of(path).expect("only such files were chosen");
        let (bytes, first) = harm(whole, damage, random);
        let without_index = kind == Kind::Body && random.between(0, 1) == 1;
        for (at, (file, content)) in self.files.iter().enumerate() {
            let is_its_index = file.extension().is_some_and(|end| end == "idx")
                && file.with_extension("") == path.with_extension("");
            let gone = (at == chosen && damage == Damage::Remove) || (without_index && is_its_index);
            if !gone {
                let target = data.join(file);
                std::fs::create_dir_all(target.parent().expect("a file stands in a folder"))
                    .expect("a folder");
                std::fs::write(target, if at == chosen { &bytes } else { content })
                    .expect("a copy is written");
            }
        }
        let what = format!("{} {damage:?} from byte {first} of {}", path.display(), whole.len());
        let is_changed = damage == Damage::Remove || bytes != *whole;
        let report =
            verify::verify(&LocalDisk, data).unwrap_or_else(|error| panic!("{what}: verify: {error}"));
        if (kind == Kind::Journal || kind == Kind::Body && !without_index) && damage == Damage::FlipBit {
            assert!(!report.problems.is_empty(), "{what}: verify found nothing");
            told.flips_named += 1;
        }
        let opened = open(data, self.live).await;
        match &opened {
            Ok(_) => told.opened += 1,
            Err(error) => {
                assert!(!error.to_string().contains("panic"), "{what}: {error}");
                told.refused += 1;
            }
        }
        match kind {
            Kind::Body => told.bodies += 1,
            Kind::Index => told.indexes += 1,
            Kind::Journal => told.journals += 1,
        }
        match (kind, opened) {
            (Kind::Index, opened) => {
                let opened = opened.unwrap_or_else(|error| panic!("{what}: {error}"));
                assert!(opened == self.timeline, "{what}: an index is made again as it was");
                let again = open(data, self.live).await.expect("what was mended opens");
                assert!(again == self.timeline, "{what}: and is kept");
            }
            (Kind::Journal, opened) => {
                let opened = opened.unwrap_or_else(|error| panic!("{what}: {error}"));
                self.must_be_the_beginning(&opened, None, &what);
                // The medium takes nothing that the bodies prove, wherever it strikes the journal.
                let is_whole = opened == self.timeline;
                assert!(is_whole || damage != Damage::FlipBit, "{what}: fragments were given up");
                told.journals_that_cost_nothing += u64::from(is_whole);
            }
            // An init that cannot be read is no recording; verify says so.
            (Kind::Body, Err(_)) => assert!(is_changed && !report.problems.is_empty(), "{what}"),
            (Kind::Body, Ok(opened)) => self.must_be_the_beginning(&opened, Some((path, first)), &what),
        }
    }

    /// Every fragment is one of the original, in its order; of a damaged body all before the damage are there.
    fn must_be_the_beginning(&self, opened: &Timeline, damaged: Option<(&Path, usize)>, what: &str) {
        for take in self.timeline.takes() {
            let kept = opened.take(take.number);
            for track in take.tracks() {
                let kept = kept.and_then(|take| take.track(track.track().kind()));
                let name = format!("takes/{}/{:?}.", take.number, track.track().kind()).to_lowercase();
                let harmed = damaged
                    .filter(|(path, _)| path.to_string_lossy().contains(&name))
                    .map(|(_, first)| first);
                let good = match (damaged, harmed) {
                    (None, _) => 0,
                    (Some(_), None) => track.len(),
                    (Some(_), Some(first)) => whole_before(track, first),
                };
                let kept_len = kept.map_or(0, TrackIndex::len);
                assert!(kept_len >= good, "{what}: {kept_len} fragments of {name} are kept, {good} are good");
                let Some(kept) = kept else { continue };
                let must_match = if harmed.is_some() { good } else { kept_len };
                for at in 0..must_match {
                    assert!(kept.get(at) == track.get(at), "{what}: fragment {at} of {name}");
                }
            }
        }
    }
}

/// Fragments of a body that end before a byte.
fn whole_before(track: &TrackIndex, byte: usize) -> usize {
    if (byte as u64) < track.init_len() {
        return 0;
    }
    track.iter_from(0).take_while(|entry| entry.end() <= byte as u64).count()
}

async fn open(data: &Path, live: i64) -> Result<Timeline, recorder::Error> {
    let recording = Recorder::open(data, 0)?.recording(live).await?;
    Ok(recording.timeline().as_ref().clone())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Body,
    Index,
    Journal,
}

fn kind_of(path: &Path) -> Option<Kind> {
    match path.extension()?.to_str()? {
        "mp4" | "webm" => Some(Kind::Body),
        "idx" => Some(Kind::Index),
        "journal" => Some(Kind::Journal),
        _ => None,
    }
}

/// The damaged bytes, and the first that may differ.
fn harm(whole: &[u8], damage: Damage, random: &mut Random) -> (Vec<u8>, usize) {
    let mut bytes = whole.to_vec();
    let last = bytes.len().saturating_sub(1);
    let place = |random: &mut Random| random.between(last.saturating_sub(TAIL), last);
    let at = place(random);
    let first = match damage {
        Damage::Truncate => {
            bytes.truncate(at);
            at
        }
        Damage::ZeroFill => {
            let to = (at + random.between(1, 2 * BLOCK)).min(bytes.len());
            bytes[at..to].fill(0);
            at
        }
        Damage::DuplicateBlock => {
            let to = (at + BLOCK).min(bytes.len());
            let block = bytes[at..to].to_vec();
            bytes.splice(to..to, block);
            to
        }
        Damage::SwapBlocks => {
            let other = place(random);
            let (low, high) = (at.min(other), at.max(other));
            let len = BLOCK.min(high - low).min(bytes.len() - high);
            let (before, after) = bytes.split_at_mut(high);
            before[low..low + len].swap_with_slice(&mut after[..len]);
            low
        }
        Damage::FlipBit => {
            bytes[at] ^= 1 << random.between(0, 7);
            at
        }
        Damage::Remove => 0,
    };
    (bytes, first)
}

fn gather(folder: &Path, root: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).expect("a folder of a live").flatten() {
        let path = entry.path();
        if path.is_dir() {
            gather(&path, root, files);
        } else {
            let relative = path.strip_prefix(root).expect("a file of the data directory").to_path_buf();
            files.push((relative, std::fs::read(&path).expect("a file of a live")));
        }
    }
}
