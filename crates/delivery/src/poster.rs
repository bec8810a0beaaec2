//! The poster of a live: a still picture, made without an encoder.

use bytes::Bytes;
use media::{Codec, Kind};
use recorder::{Error, Recording};
use timeline::Entry;

/// A poster that a publisher sends may be this long.
pub const MAX_SENT: usize = 1 << 20;
/// A keyframe that is wrapped may be this long.
const MAX_KEYFRAME: u32 = 4 << 20;
/// The name of the file beside the bodies.
const NAME: &str = "poster";

/// A still picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poster {
    /// Its Content-Type.
    pub content_type: &'static str,
    /// Its bytes.
    pub bytes: Bytes,
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
///
/// # Errors
/// Those of the storage.
pub fn keep(recording: &Recording, bytes: &[u8]) -> Result<(), Error> {
    let path = recording.beside(NAME);
    if let Some(folder) = path.parent() {
        recording.disk().create_dir(folder)?;
    }
    Ok(recording.disk().replace(&path, bytes)?)
}

/// The poster: what the publisher sent, else the first keyframe where wrapping it makes a picture that the viewer takes
/// (VP8 as WebP). Blocks on the storage.
///
/// # Errors
/// Those of the storage.
pub fn poster(recording: &Recording, takes_webp: bool) -> Result<Option<Poster>, Error> {
    if let Some(sent) = sent(recording)? {
        return Ok(Some(sent));
    }
    if !takes_webp {
        return Ok(None);
    }
    let timeline = recording.timeline();
    for take in timeline.in_play_order() {
        let Some(index) = take.video.as_ref().filter(|index| index.track().codec == Codec::Vp8) else {
            continue;
        };
        let Some(entry) = index.still() else { continue };
        if let Some(frame) = keyframe(recording, take.number, entry)? {
            return Ok(Some(Poster { content_type: "image/webp", bytes: webp(&frame) }));
        }
    }
    Ok(None)
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
}
