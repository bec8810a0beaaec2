//! The poster of a live: a still picture, made without an encoder of video.
//!
//! What the publisher sent comes first. Else a keyframe of the recording: AV1 and VP8 are wrapped as AVIF and WebP for those
//! who take them; H.264, VP9 and, for the others, VP8 are decoded to a JPEG, by a process that cannot hurt this one. Nobody
//! waits for long: what is not decoded in time is there for whoever asks next.

mod avif;
mod child;
mod jpeg;
mod planes;
mod sandbox;
mod turns;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use media::{Codec, Kind, Track};
use recorder::{Error, Recording};
use timeline::Entry;
use tokio::sync::watch;
use tokio::time::Instant;

use child::{Decoder, Made};
use turns::Turns;

pub use child::{SUBCOMMAND, decode_standard_input};

/// A poster that a publisher sends may be this long.
pub const MAX_SENT: usize = 1 << 20;
/// A keyframe that is wrapped or decoded may be this long.
const MAX_KEYFRAME: u32 = 4 << 20;
/// A grey keyframe of VP8 of 16 by 16 pixels.
const GREY: &[u8] = &[
    0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x10, 0x00, 0x10, 0x00, 0x00, 0x47, 0x08, 0x85, 0x85, 0x88, 0x85,
    0x84, 0x88, 0x02, 0x02, 0x00, 0x0c, 0x0e, 0x60, 0x00, 0xfe, 0x68, 0x00,
];
/// The name of the file beside the bodies in which a poster lies that a publisher sent.
pub const NAME: &str = "poster";
/// Pictures that were decoded and are kept, those that could not be counted too.
const MADE: usize = 256;
/// Bytes of the pictures that are kept; the oldest go first.
const MADE_BYTES: usize = 16 << 20;
/// How long somebody waits for a keyframe to be decoded.
const PATIENCE: Duration = Duration::from_secs(3);
/// A keyframe that the machine did not get decoded is left alone for so long.
const AGAIN: Duration = Duration::from_secs(60);
/// Keyframes that may wait to be decoded; others have the neutral picture until there is room.
const WAITING: usize = 1_024;
/// Of these those of one person's lives.
const WAITING_OF_ONE: usize = 16;

/// A still picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poster {
    /// Its Content-Type.
    pub content_type: &'static str,
    /// Its bytes.
    pub bytes: Bytes,
}

/// The types of pictures that a viewer takes beside JPEG.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Accepts {
    /// `image/webp`.
    pub webp: bool,
    /// `image/avif`.
    pub avif: bool,
    /// A keyframe rather small, as a JPEG, than as it is.
    pub small: bool,
}

/// The type of a picture by its first bytes, of those that are taken: JPEG, WebP, PNG.
#[must_use]
pub fn picture_type(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xFF, 0xD8, 0xFF, ..] => Some("image/jpeg"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        [0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => Some("image/png"),
        _ => None,
    }
}

/// Keeps the picture that the publisher sent, durably. Blocks on the storage.
pub fn keep(recording: &Recording, bytes: &[u8]) -> Result<(), Error> {
    let path = recording.beside(NAME);
    if let Some(folder) = path.parent() {
        recording.disk().create_dir(folder)?;
    }
    Ok(recording.disk().replace(&path, bytes)?)
}

/// Whether a process of this program makes a picture of a keyframe on this machine: a small one that it brings along.
pub async fn can_decode() -> bool {
    let track = Track {
        codec: Codec::Vp8,
        timescale: 1_000,
        width: 16,
        height: 16,
        sample_rate: 0,
        channels: 0,
        config: Bytes::new(),
        matrix: None,
        pixel_aspect: None,
    };
    matches!(Decoder::default().decoded(&track, GREY, false).await, Made::Picture(_))
}

/// What there is to show of a live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// A picture.
    Poster(Poster),
    /// None, or only in a codec that is not decoded here.
    Nothing,
    /// None yet: another time there may be one.
    NotYet,
}

/// Makes posters, some at a time where it has to decode and one at a time of each person, and keeps those that it decoded.
#[derive(Debug, Default)]
pub struct Posters {
    decoder: Decoder,
    turns: Turns,
    made: Mutex<VecDeque<(Place, Kept)>>,
    /// Those that are decoded or wait for it: whose they are, and who is told when it is done.
    asked: Mutex<HashMap<Place, (i64, watch::Receiver<()>)>>,
}

/// Where a keyframe stands (live, take, offset in the body), and whether it is made small.
type Place = (i64, u32, u64, bool);

/// What became of a keyframe that was to be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kept {
    Picture(Bytes),
    Nothing,
    /// It is not tried again before this.
    Later(Instant),
}

/// A keyframe to be decoded.
#[derive(Debug)]
struct Keyframe {
    place: Place,
    /// Whose live it is.
    person: i64,
    recording: Arc<Recording>,
    track: Track,
    size: u32,
}

impl Posters {
    /// The poster of a live of this person: what the publisher sent, else a good keyframe in a form that the viewer takes.
    pub async fn poster(
        self: &Arc<Self>,
        (live, person): (i64, i64),
        recording: Arc<Recording>,
        accepts: Accepts,
    ) -> Result<Shown, Error> {
        let looking = tokio::task::spawn_blocking(move || look((live, person), &recording, accepts));
        match looking.await.map_err(|error| Error::Damaged(error.to_string()))?? {
            Found::Poster(poster) => Ok(Shown::Poster(poster)),
            Found::Keyframe(keyframe) => Ok(self.decoded(keyframe).await),
            Found::Nothing => Ok(Shown::Nothing),
        }
    }

    async fn decoded(self: &Arc<Self>, keyframe: Keyframe) -> Shown {
        let place = keyframe.place;
        if let Some(known) = self.known(place) {
            return shown(known);
        }
        let Some(mut done) = self.ask(keyframe) else { return Shown::NotYet };
        // Whoever decodes says nothing and goes when it is done.
        let _ = tokio::time::timeout(PATIENCE, done.changed()).await;
        self.known(place).map_or(Shown::NotYet, shown)
    }

    /// Has a keyframe decoded, by a task that outlasts whoever asked; tells when it is done. `None` where too many wait.
    fn ask(self: &Arc<Self>, keyframe: Keyframe) -> Option<watch::Receiver<()>> {
        let mut asked = lock(&self.asked);
        if let Some((_, done)) = asked.get(&keyframe.place) {
            return Some(done.clone());
        }
        let own = asked.values().filter(|(person, _)| *person == keyframe.person).count();
        if asked.len() >= WAITING || own >= WAITING_OF_ONE {
            return None;
        }
        let (done, told) = watch::channel(());
        asked.insert(keyframe.place, (keyframe.person, told.clone()));
        let posters = Arc::clone(self);
        tokio::spawn(async move {
            let place = keyframe.place;
            let kept = posters.made_of(keyframe).await;
            posters.remember(place, kept);
            lock(&posters.asked).remove(&place);
            drop(done);
        });
        Some(told)
    }

    async fn made_of(&self, keyframe: Keyframe) -> Kept {
        let _turn = self.turns.take(keyframe.person).await;
        let Keyframe { place: place @ (live, take, offset, small), recording, track, size, .. } = keyframe;
        // It may have been made while this waited to be asked for.
        if let Some(known) = self.known(place) {
            return known;
        }
        let reading = move || recording.read(take, Kind::Video, offset, u64::from(size));
        let made = match tokio::task::spawn_blocking(reading).await {
            Ok(Ok(frame)) => self.decoder.decoded(&track, &frame, small).await,
            _ => Made::NotNow,
        };
        match made {
            Made::Picture(picture) => Kept::Picture(picture),
            Made::Nothing => {
                tracing::warn!(live, take, "a keyframe could not be made a poster");
                Kept::Nothing
            }
            Made::NotNow => {
                tracing::warn!(live, take, "a keyframe was not made a poster in time");
                Kept::Later(Instant::now() + AGAIN)
            }
        }
    }

    fn known(&self, place: Place) -> Option<Kept> {
        let made = lock(&self.made);
        let (_, kept) = made.iter().find(|(known, _)| *known == place)?;
        let is_over = matches!(kept, Kept::Later(again) if *again <= Instant::now());
        (!is_over).then(|| kept.clone())
    }

    fn remember(&self, place: Place, kept: Kept) {
        let mut made = lock(&self.made);
        made.retain(|(known, _)| *known != place);
        made.push_back((place, kept));
        let weight = |made: &VecDeque<(Place, Kept)>| -> usize {
            made.iter()
                .map(|(_, kept)| if let Kept::Picture(picture) = kept { picture.len() } else { 0 })
                .sum()
        };
        while made.len() > 1 && (made.len() > MADE || weight(&made) > MADE_BYTES) {
            made.pop_front();
        }
    }
}

fn shown(kept: Kept) -> Shown {
    match kept {
        Kept::Picture(bytes) => Shown::Poster(Poster { content_type: "image/jpeg", bytes }),
        Kept::Nothing => Shown::Nothing,
        Kept::Later(_) => Shown::NotYet,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

enum Found {
    Poster(Poster),
    /// A keyframe that must be decoded.
    Keyframe(Keyframe),
    Nothing,
}

/// How a keyframe becomes a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Wrapped,
    Decoded,
}

/// What there is without decoding. Blocks on the storage.
fn look((live, person): (i64, i64), recording: &Arc<Recording>, accepts: Accepts) -> Result<Found, Error> {
    if let Some(sent) = sent(recording)? {
        return Ok(Found::Poster(sent));
    }
    for take in recording.timeline().in_play_order() {
        let Some(index) = &take.video else { continue };
        let track = index.track();
        let Some(way) = way(track, accepts) else { continue };
        let Some((offset, size)) = index.still(take.base_ms).and_then(keyframe) else { continue };
        if way == Way::Decoded {
            let place = (live, take.number, offset, accepts.small);
            let (recording, track) = (Arc::clone(recording), track.clone());
            return Ok(Found::Keyframe(Keyframe { place, person, recording, track, size }));
        }
        let frame = recording.read(take.number, Kind::Video, offset, u64::from(size))?;
        if let Some(poster) = wrapped(track, &frame) {
            return Ok(Found::Poster(poster));
        }
    }
    Ok(Found::Nothing)
}

/// How keyframes of this track become a picture that the viewer takes, if they do.
fn way(track: &Track, accepts: Accepts) -> Option<Way> {
    match track.codec {
        // A WebP file cannot say that its pixels are no squares.
        Codec::Vp8 if accepts.webp && !accepts.small && track.pixel_aspect.is_none() => Some(Way::Wrapped),
        Codec::Av1 if accepts.avif => Some(Way::Wrapped),
        Codec::Vp8 | Codec::Vp9 | Codec::H264 => Some(Way::Decoded),
        _ => None,
    }
}

/// A keyframe as a picture file around the very bytes of the recording.
fn wrapped(track: &Track, frame: &[u8]) -> Option<Poster> {
    if track.codec == Codec::Vp8 {
        return Some(Poster { content_type: "image/webp", bytes: webp(frame) });
    }
    let bytes = avif::from_av1(frame, track.matrix.as_ref())?;
    Some(Poster { content_type: "image/avif", bytes })
}

fn sent(recording: &Recording) -> Result<Option<Poster>, Error> {
    let Ok(file) = recording.disk().open(&recording.beside(NAME)) else { return Ok(None) };
    let len = usize::try_from(file.len()?).unwrap_or(usize::MAX);
    if len > MAX_SENT {
        return Ok(None);
    }
    let mut bytes = vec![0; len];
    file.read_at(0, &mut bytes)?;
    Ok(picture_type(&bytes).map(|content_type| Poster { content_type, bytes: bytes.into() }))
}

/// Where the keyframe stands that an entry begins with, and its size, unless it is too long.
fn keyframe(entry: &Entry) -> Option<(u64, u32)> {
    let samples = entry.samples();
    let first = samples.first().filter(|sample| sample.key && sample.size <= MAX_KEYFRAME)?;
    Some((entry.offset + u64::from(first.offset), first.size))
}

/// A VP8 keyframe as a WebP file (RFC 9649, 2.5: simple file format, lossy).
fn webp(frame: &[u8]) -> Bytes {
    let padding = frame.len() % 2;
    let chunk = u32::try_from(frame.len()).unwrap_or(u32::MAX);
    let riff = chunk.saturating_add(12).saturating_add(u32::from(padding == 1));
    let mut out = Vec::with_capacity(frame.len() + 21);
    out.extend_from_slice(b"RIFF");
    out.extend_from_slice(&riff.to_le_bytes());
    out.extend_from_slice(b"WEBPVP8 ");
    out.extend_from_slice(&chunk.to_le_bytes());
    out.extend_from_slice(frame);
    out.resize(out.len() + padding, 0);
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapped_keyframe_has_the_sizes_of_a_webp_file() {
        for len in [9_usize, 10] {
            let file = webp(&vec![7; len]);
            assert_eq!(picture_type(&file), Some("image/webp"));
            let riff = u32::from_le_bytes(file[4..8].try_into().unwrap());
            assert_eq!(riff as usize + 8, file.len());
            assert_eq!(file.len() % 2, 0);
        }
    }

    #[test]
    fn pictures_that_were_made_are_kept_up_to_a_limit() {
        let posters = Posters::default();
        let picture = Bytes::from(vec![0; 1 << 20]);
        for live in 0..40 {
            posters.remember((live, 1, 0, false), Kept::Picture(picture.clone()));
        }
        assert_eq!(posters.known((0, 1, 0, false)), None);
        assert_eq!(posters.known((39, 1, 0, false)), Some(Kept::Picture(picture)));
        assert_eq!(posters.made.lock().unwrap().len(), MADE_BYTES >> 20);
        for live in 0..1_000 {
            posters.remember((live, 2, 0, false), Kept::Nothing);
        }
        assert_eq!(posters.made.lock().unwrap().len(), MADE);
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_machine_did_not_get_done_is_left_alone_for_a_while() {
        let posters = Posters::default();
        let later = Kept::Later(Instant::now() + AGAIN);
        posters.remember((1, 1, 0, false), later.clone());
        assert_eq!(posters.known((1, 1, 0, false)), Some(later));
        tokio::time::advance(AGAIN).await;
        assert_eq!(posters.known((1, 1, 0, false)), None);
        posters.remember((1, 1, 0, false), Kept::Nothing);
        assert_eq!(posters.known((1, 1, 0, false)), Some(Kept::Nothing));
    }
}
