//! Blocks: frames of one track with a time relative to their cluster (RFC 9559, 10).

use serde::{Deserialize, Serialize};

use super::ebml::{self, id};
use crate::{Error, Reason};

/// The frames of a block: nearly always one, which takes no list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Frames<T> {
    One(T),
    Laced(Vec<T>),
}

impl<T> Frames<T> {
    pub(crate) fn as_slice(&self) -> &[T] {
        match self {
            Self::One(frame) => std::slice::from_ref(frame),
            Self::Laced(frames) => frames,
        }
    }

    /// The frames in another form.
    pub(crate) fn map<U>(&self, mut form: impl FnMut(&T) -> U) -> Frames<U> {
        match self {
            Self::One(frame) => Frames::One(form(frame)),
            Self::Laced(frames) => Frames::Laced(frames.iter().map(form).collect()),
        }
    }
}

/// A `SimpleBlock`, or a `Block` with what its group says of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block<'a> {
    /// `TrackNumber`.
    pub(crate) track: u64,
    /// Segment ticks from the cluster's timestamp.
    pub(crate) relative: i16,
    /// `BlockDuration` in segment ticks, where there is one.
    pub(crate) duration: Option<u64>,
    /// The frames: one, or several where the block is laced (RFC 9559, 10.3); none of them empty.
    pub(crate) frames: Frames<&'a [u8]>,
}

impl<'a> Block<'a> {
    /// Reads the payload of a `SimpleBlock` or `Block`.
    pub(crate) fn read(data: &'a [u8]) -> Result<Self, Reason> {
        const SHORT: Reason = Reason::Malformed("a block is shorter than its header");
        let (track, width) = ebml::read_number(data)?.ok_or(SHORT)?;
        let track = track.filter(|&track| track > 0).ok_or(Reason::Malformed("a block is of no track"))?;
        let &[t0, t1, flags] = data[width..].first_chunk().ok_or(SHORT)?;
        let payload = &data[width + 3..];
        let mut frames = match flags >> 1 & 3 {
            0 if payload.is_empty() => Frames::Laced(Vec::new()),
            0 => Frames::One(payload),
            1 => Frames::Laced(laced(payload, xiph_sizes)?),
            2 => Frames::Laced(fixed_lace(payload)?),
            _ => Frames::Laced(laced(payload, ebml_sizes)?),
        };
        if let Frames::Laced(frames) = &mut frames {
            frames.retain(|frame| !frame.is_empty());
        }
        Ok(Self { track, relative: i16::from_be_bytes([t0, t1]), duration: None, frames })
    }

    /// Reads the payload of a `BlockGroup` that stands at `offset`. Its `BlockAdditions` (alpha) are left out, and
    /// whether the frame is a keyframe is left to its codec. What cannot be read beside the block costs itself alone.
    pub(crate) fn read_group(data: &'a [u8], offset: u64) -> Result<Self, Error> {
        let mut block = None;
        let mut duration = None;
        for child in ebml::readable(data, offset) {
            match child.id {
                id::BLOCK => block = Some(Self::read(child.data).map_err(|reason| reason.at(child.offset))?),
                id::BLOCK_DURATION => duration = child.uint().ok(),
                _ => {}
            }
        }
        let block = block.ok_or_else(|| Reason::Malformed("a group of blocks holds no block").at(offset))?;
        Ok(Self { duration, ..block })
    }
}

const LACE: Reason = Reason::Malformed("the sizes in a laced block do not fit in it");

/// Splits a lace by the sizes of all frames but the last.
fn laced(
    payload: &[u8],
    sizes: impl Fn(&[u8], usize) -> Result<(Vec<usize>, usize), Reason>,
) -> Result<Vec<&[u8]>, Reason> {
    let (&count, rest) = payload.split_first().ok_or(LACE)?;
    let (sizes, used) = sizes(rest, usize::from(count))?;
    let mut rest = &rest[used..];
    let mut frames = Vec::with_capacity(sizes.len() + 1);
    for size in sizes {
        let (frame, after) = rest.split_at_checked(size).ok_or(LACE)?;
        frames.push(frame);
        rest = after;
    }
    frames.push(rest);
    Ok(frames)
}

/// Sizes as runs of 255 (RFC 9559, 10.3.2).
fn xiph_sizes(data: &[u8], count: usize) -> Result<(Vec<usize>, usize), Reason> {
    let mut sizes = Vec::with_capacity(count);
    let mut at = 0;
    for _ in 0..count {
        let mut size = 0;
        loop {
            let byte = *data.get(at).ok_or(LACE)?;
            at += 1;
            size += usize::from(byte);
            if byte != 255 {
                break;
            }
        }
        sizes.push(size);
    }
    Ok((sizes, at))
}

/// The first size, then differences, as EBML numbers (RFC 9559, 10.3.3).
fn ebml_sizes(data: &[u8], count: usize) -> Result<(Vec<usize>, usize), Reason> {
    let mut sizes = Vec::with_capacity(count);
    let mut at = 0;
    let mut size = 0_i64;
    for index in 0..count {
        let (value, width) = ebml::read_number(&data[at..])?.ok_or(LACE)?;
        let value = i64::try_from(value.ok_or(LACE)?).map_err(|_| LACE)?;
        at += width;
        let bias = if index == 0 { 0 } else { (1_i64 << (7 * width - 1)) - 1 };
        size = size.checked_add(value - bias).ok_or(LACE)?;
        sizes.push(usize::try_from(size).map_err(|_| LACE)?);
    }
    Ok((sizes, at))
}

/// Frames of one size (RFC 9559, 10.3.4).
fn fixed_lace(payload: &[u8]) -> Result<Vec<&[u8]>, Reason> {
    let (&count, rest) = payload.split_first().ok_or(LACE)?;
    let count = usize::from(count) + 1;
    if rest.len() % count != 0 {
        return Err(LACE);
    }
    Ok(rest.chunks_exact((rest.len() / count).max(1)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_without_lacing_holds_one_frame() {
        let block = Block::read(&[0x82, 0xff, 0xfe, 0x80, 7, 8]).unwrap();
        assert_eq!((block.track, block.relative, block.frames), (2, -2, Frames::One(&[7, 8][..])));
    }

    #[test]
    fn the_three_lacings_split_their_frames() {
        let xiph = Block::read(&[0x81, 0, 0, 0x02, 2, 1, 2, 10, 20, 21, 30]).unwrap();
        assert_eq!(xiph.frames.as_slice(), [&[10][..], &[20, 21], &[30]]);
        let ebml = Block::read(&[0x81, 0, 0, 0x06, 2, 0x81, 0xc0, 10, 20, 21, 30]).unwrap();
        assert_eq!(ebml.frames.as_slice(), [&[10][..], &[20, 21], &[30]]);
        let fixed = Block::read(&[0x81, 0, 0, 0x04, 1, 10, 11, 20, 21]).unwrap();
        assert_eq!(fixed.frames.as_slice(), [&[10, 11][..], &[20, 21]]);
    }

    #[test]
    fn lacing_that_lies_is_refused() {
        let lies: [&[u8]; 7] = [
            &[0x81, 0, 0, 0x02],
            &[0x81, 0, 0, 0x02, 255, 255, 255],
            &[0x81, 0, 0, 0x02, 1, 9, 1],
            &[0x81, 0, 0, 0x06, 1, 0xff, 1],
            &[0x81, 0, 0, 0x06, 2, 0x81, 0x80, 10, 20],
            &[0x81, 0, 0, 0x06, 1, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe],
            &[0x81, 0, 0, 0x04, 1, 10, 11, 12],
        ];
        for lie in lies {
            assert!(Block::read(lie).is_err(), "{lie:?}");
        }
    }

    #[test]
    fn an_empty_frame_is_no_frame() {
        assert!(Block::read(&[0x81, 0, 0, 0x80]).unwrap().frames.as_slice().is_empty());
        assert!(Block::read(&[0x81, 0, 0, 0x84, 3]).unwrap().frames.as_slice().is_empty());
        assert!(Block::read(&[0x81, 0, 0]).is_err());
        assert!(Block::read(&[0x80, 0, 0, 0x80, 1]).is_err());
    }

    #[test]
    fn a_group_without_a_block_is_refused_where_it_stands() {
        let error = Block::read_group(&[0x9b, 0x81, 20], 77).unwrap_err();
        assert_eq!(error.offset, 77);
        let group =
            Block::read_group(&[0xa1, 0x85, 0x81, 0, 0, 0, 9, 0x9b, 0x81, 20, 0x75, 0xa1, 0x80], 0).unwrap();
        assert_eq!((group.duration, group.frames), (Some(20), Frames::One(&[9][..])));
    }
}
