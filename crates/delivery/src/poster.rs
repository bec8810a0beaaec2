//! The poster of a live: a still picture, made without an encoder of video.
//!
//! What the publisher sent comes first. Else a keyframe of the recording: AV1 and VP8 are wrapped as AVIF and WebP for those
//! who take them; H.264, VP9 and, for the others, VP8 are decoded to a JPEG, by a process that cannot hurt this one.

mod avif;
mod child;
mod jpeg;
mod planes;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use media::{Codec, Kind, Track};
use recorder::{Error, Recording};
use timeline::Entry;
use tokio::sync::Semaphore;

use child::Made;
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
    let Ok(program) = std::env::current_exe() else { return false };
    matches!(child::decoded(&program, &track, GREY).await, Made::Picture(_))
}

/// Makes posters, one at a time where it has to decode, and keeps those that it decoded.
#[derive(Debug)]
pub struct Posters {
    /// This program as it was when it started, if the system tells.
    program: Option<PathBuf>,
    made: Mutex<VecDeque<(Place, Option<Bytes>)>>,
    decoding: Semaphore,
}

/// Where a keyframe stands (live, take, offset in the body), and whether it is made small.
type Place = (i64, u32, u64, bool);

impl Default for Posters {
    fn default() -> Self {
        let program = std::env::current_exe().ok();
        Self { program, made: Mutex::default(), decoding: Semaphore::new(1) }
    }
}

impl Posters {
    /// The poster of a live: what the publisher sent, else a good keyframe in a form that the viewer takes; `None` where
    /// there is none, or only in a codec that is not decoded here.
    pub async fn poster(
        &self,
        live: i64,
        recording: Arc<Recording>,
        accepts: Accepts,
    ) -> Result<Option<Poster>, Error> {
        let looking = tokio::task::spawn_blocking(move || look(&recording, accepts));
        match looking.await.map_err(|error| Error::Damaged(error.to_string()))?? {
            Found::Poster(poster) => Ok(Some(poster)),
            Found::Keyframe { take, offset, track, frame } => {
                let jpeg = self.decoded((live, take, offset, accepts.small), &track, &frame).await;
                Ok(jpeg.map(|bytes| Poster { content_type: "image/jpeg", bytes }))
            }
            Found::Nothing => Ok(None),
        }
    }

    async fn decoded(&self, place: Place, track: &Track, frame: &[u8]) -> Option<Bytes> {
        let _turn = self.decoding.acquire().await.ok()?;
        if let Some(known) = self.known(place) {
            return known;
        }
        let picture = match child::decoded(self.program.as_deref()?, track, frame, place.3).await {
            Made::Picture(picture) => Some(picture),
            Made::Nothing => {
                tracing::warn!(live = place.0, take = place.1, "a keyframe could not be made a poster");
                None
            }
            Made::NotNow => {
                tracing::warn!(live = place.0, take = place.1, "a keyframe was not made a poster in time");
                return None;
            }
        };
        self.remember(place, picture.clone());
        picture
    }

    fn known(&self, place: Place) -> Option<Option<Bytes>> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.iter().find(|(known, _)| *known == place).map(|(_, picture)| picture.clone())
    }

    fn remember(&self, place: Place, picture: Option<Bytes>) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.push_back((place, picture));
        let weight = |made: &VecDeque<(Place, Option<Bytes>)>| -> usize {
            made.iter().filter_map(|(_, picture)| picture.as_ref().map(Bytes::len)).sum()
        };
        while made.len() > 1 && (made.len() > MADE || weight(&made) > MADE_BYTES) {
            made.pop_front();
        }
    }
}

enum Found {
    Poster(Poster),
    /// A keyframe that must be decoded.
    Keyframe {
        take: u32,
        offset: u64,
        track: Track,
        frame: Bytes,
    },
    Nothing,
}

/// What there is without decoding. Blocks on the storage.
fn look(recording: &Recording, accepts: Accepts) -> Result<Found, Error> {
    if let Some(sent) = sent(recording)? {
        return Ok(Found::Poster(sent));
    }
    for take in recording.timeline().in_play_order() {
        let Some(index) = &take.video else { continue };
        let wanted = match index.track().codec {
            Codec::Vp8 | Codec::Vp9 | Codec::H264 => true,
            Codec::Av1 => accepts.avif,
            _ => false,
        };
        let Some(entry) = index.still(take.base_ms).filter(|_| wanted) else { continue };
        let Some(frame) = keyframe(recording, take.number, entry)? else { continue };
        let track = index.track();
        match wrapped(track, &frame, accepts) {
            Some(poster) => return Ok(Found::Poster(poster)),
            // No AV1 is decoded here.
            None if track.codec == Codec::Av1 => {}
            None => {
                let (take, offset, track) = (take.number, entry.offset, track.clone());
                return Ok(Found::Keyframe { take, offset, track, frame });
            }
        }
    }
    Ok(Found::Nothing)
}

/// A keyframe as a picture file around the very bytes of the recording.
fn wrapped(track: &Track, frame: &[u8], accepts: Accepts) -> Option<Poster> {
    match track.codec {
        // A WebP file cannot say that its pixels are no squares.
        Codec::Vp8 if accepts.webp && !accepts.small && track.pixel_aspect.is_none() => {
            Some(Poster { content_type: "image/webp", bytes: webp(frame) })
        }
        Codec::Av1 if accepts.avif => {
            let bytes = avif::from_av1(frame, track.matrix.as_ref())?;
            Some(Poster { content_type: "image/avif", bytes })
        }
        _ => None,
    }
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

fn keyframe(recording: &Recording, take: u32, entry: &Entry) -> Result<Option<Bytes>, Error> {
    let samples = entry.samples();
    let Some(first) = samples.first().filter(|sample| sample.key && sample.size <= MAX_KEYFRAME) else {
        return Ok(None);
    };
    let offset = entry.offset + u64::from(first.offset);
    recording.read(take, Kind::Video, offset, u64::from(first.size)).map(Some)
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
            posters.remember((live, 1, 0, false), Some(picture.clone()));
        }
        assert_eq!(posters.known((0, 1, 0, false)), None);
        assert_eq!(posters.known((39, 1, 0, false)), Some(Some(picture)));
        assert_eq!(posters.made.lock().unwrap().len(), MADE_BYTES >> 20);
        for live in 0..1_000 {
            posters.remember((live, 2, 0), None);
        }
        assert_eq!(posters.made.lock().unwrap().len(), MADE);
    }
}
