//! Finds the fragments of our own WebM bodies again, for recovery and verification.

use bytes::Bytes;

use super::block::Block;
use super::ebml::{self, Child, id};
use super::write::track_number;
use super::{display, projection};
use crate::container::{Fragment, Sample};
use crate::rotation;
use crate::{Codec, Error, Kind, Reason, Track};

/// Reads the init at the front of a body: its track and how long the init is; `None` where it is torn.
///
/// # Errors
/// Bytes that [`super::write::init`] did not write for one VP8 track, the only codec whose bodies are WebM.
pub fn init(bytes: &[u8]) -> Result<Option<(Track, usize)>, Error> {
    let Some((_, mut at)) = whole(bytes, 0, id::EBML)? else { return Ok(None) };
    match ebml::read_head(&bytes[at..]).map_err(|reason| reason.at(at as u64))? {
        None => return Ok(None),
        Some(head) if head.id == id::SEGMENT && head.size.is_none() => at += head.len,
        Some(_) => return Err(not_ours(at)),
    }
    let Some((_, after_info)) = whole(bytes, at, id::INFO)? else { return Ok(None) };
    let Some((entries, end)) = whole(bytes, after_info, id::TRACKS)? else { return Ok(None) };
    let entry = ebml::children(entries.data, entries.payload)
        .next()
        .transpose()?
        .filter(|entry| entry.id == id::TRACK_ENTRY)
        .ok_or_else(|| not_ours(after_info))?;
    let Picture { width, height, turns, pixel_aspect } =
        picture(&entry)?.ok_or_else(|| not_ours(after_info))?;
    let track = Track {
        codec: Codec::Vp8,
        timescale: 1000,
        width,
        height,
        sample_rate: 0,
        channels: 0,
        config: Bytes::new(),
        matrix: rotation::matrix(turns, width, height),
        pixel_aspect,
    };
    Ok(Some((track, end)))
}

/// Reads the fragment at the front of `bytes`; `None` where it is torn. Bytes after it are not looked at.
///
/// # Errors
/// Bytes that [`super::write::fragment`] did not write. Offsets count from the first of `bytes`.
pub fn fragment(bytes: &[u8], track: &Track) -> Result<Option<Fragment>, Error> {
    let Some((cluster, end)) = whole(bytes, 0, id::CLUSTER)? else { return Ok(None) };
    let mut children = ebml::children(cluster.data, cluster.payload);
    let mut number = |wanted| -> Result<u64, Error> {
        let child = children.next().ok_or_else(|| not_ours(0))??;
        if child.id == wanted { child.uint() } else { Err(not_ours(0)) }
    };
    let base = number(id::TIMESTAMP)?;
    let sequence = number(id::VOID)?;
    let samples = children.map(|child| sample(&child?, track.kind())).collect::<Result<Vec<_>, _>>()?;
    if samples.is_empty() {
        return Err(not_ours(0));
    }
    Ok(Some(Fragment {
        kind: track.kind(),
        sequence: u32::try_from(sequence).map_err(|_| not_ours(0))?,
        base_dts: i64::try_from(base).map_err(|_| not_ours(0))?,
        len: u32::try_from(end).map_err(|_| not_ours(0))?,
        samples,
    }))
}

/// A whole element at the front of `bytes[at..]` and where it ends; `None` where it is torn.
fn whole(bytes: &[u8], at: usize, wanted: u32) -> Result<Option<(Child<'_>, usize)>, Error> {
    let Some(rest) = bytes.get(at..) else { return Ok(None) };
    let Some(head) = ebml::read_head(rest).map_err(|reason| reason.at(at as u64))? else { return Ok(None) };
    let size = head.size.filter(|_| head.id == wanted).ok_or_else(|| not_ours(at))?;
    let end =
        usize::try_from(size).ok().and_then(|size| head.len.checked_add(size)).ok_or_else(|| not_ours(at))?;
    let Some(data) = rest.get(head.len..end) else { return Ok(None) };
    let payload = (at + head.len) as u64;
    Ok(Some((Child { id: head.id, offset: at as u64, payload, data }, at + end)))
}

/// What an entry says of the picture.
struct Picture {
    width: u32,
    height: u32,
    /// Quarter turns against the clock.
    turns: u8,
    pixel_aspect: Option<(u32, u32)>,
}

/// The picture of a VP8 track; `None` for every other track.
fn picture(entry: &Child<'_>) -> Result<Option<Picture>, Error> {
    let (mut is_vp8, mut width, mut height, mut turns, mut pixel_aspect) = (false, 0, 0, 0, None);
    for child in ebml::children(entry.data, entry.payload) {
        let child = child?;
        match child.id {
            id::CODEC_ID => is_vp8 = child.data == b"V_VP8",
            id::VIDEO => {
                pixel_aspect = display::read(&child);
                for child in ebml::children(child.data, child.payload) {
                    let child = child?;
                    match child.id {
                        id::PIXEL_WIDTH => width = child.uint()?,
                        id::PIXEL_HEIGHT => height = child.uint()?,
                        id::PROJECTION => turns = projection::read(&child)?,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    let sides = u32::try_from(width).ok().zip(u32::try_from(height).ok());
    let sides = sides.filter(|sides| is_vp8 && sides.0 > 0 && sides.1 > 0);
    Ok(sides.map(|(width, height)| Picture { width, height, turns, pixel_aspect }))
}

/// The frame of a `BlockGroup`.
fn sample(group: &Child<'_>, kind: Kind) -> Result<Sample, Error> {
    let ours = || not_ours_at(group.offset);
    let mut frame = None;
    let (mut duration, mut key) = (None, true);
    let payload = group.payload;
    for child in ebml::children(group.data, payload).take_while(|_| group.id == id::BLOCK_GROUP) {
        let child = child?;
        match child.id {
            id::BLOCK => {
                let block = Block::read(child.data).map_err(|reason| reason.at(child.offset))?;
                frame = Some((child.payload + 4, block))
                    .filter(|(_, block)| block.track == u64::from(track_number(kind)));
            }
            id::BLOCK_DURATION => duration = Some(child.uint()?),
            id::REFERENCE_BLOCK => key = false,
            _ => return Err(ours()),
        }
    }
    let (offset, block) = frame.ok_or_else(ours)?;
    let [frame] = *block.frames.as_slice() else { return Err(ours()) };
    let duration = duration.and_then(|duration| u32::try_from(duration).ok()).ok_or_else(ours)?;
    let (offset, size) = u32::try_from(offset).ok().zip(u32::try_from(frame.len()).ok()).ok_or_else(ours)?;
    Ok(Sample { offset, size, duration, cts: 0, key })
}

fn not_ours(at: usize) -> Error {
    not_ours_at(at as u64)
}

fn not_ours_at(offset: u64) -> Error {
    Reason::Malformed("this is not a fragment of a WebM body written here").at(offset)
}
