//! From what a container holds of a track to access units as bodies hold them, and what must be remembered in between:
//! units that came without a picture, and parameter sets, from wherever they came.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::nal::{self, Syntax};
use super::picture::{self, Picture};
use super::start::{self, Start};
use super::{aac, av1, h264, hevc};
use crate::Codec;

/// Bytes of units without a picture that wait for the next one at most; what goes past it cannot be read.
const MOST_WAITING: usize = 256 << 10;
/// Parameter sets that are remembered at most; the oldest go.
const MOST_SETS: usize = 64;
/// Bytes of a parameter set at most, as configuration records hold them.
const MOST_SET: usize = u16::MAX as usize;

/// What a container's frame is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Access<'a> {
    /// A frame as bodies hold it: uncopied where nothing is to change.
    Frame(Cow<'a, [u8]>),
    /// No picture and no sound: delimiters, a configuration, units that go in front of the next frame.
    Nothing,
    /// Not what its codec says it is.
    Unreadable,
}

/// What is remembered of a track from frame to frame. Nothing for codecs whose frames stand alone.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// Units behind lengths of four bytes.
    waiting: Vec<u8>,
    /// Whether the last frame stood behind lengths.
    by_lengths: bool,
    /// The parameter sets that a decoder would know by now from what came in band.
    sets: Vec<Bytes>,
}

impl Memory {
    /// Reads what the container holds of a track at a time. `record` is the configuration record that it brought.
    pub(crate) fn read<'a>(&mut self, codec: Codec, record: &[u8], bytes: &'a [u8]) -> Access<'a> {
        let frame = match Syntax::of(codec) {
            Some(syntax) => return self.read_units(syntax, record, bytes),
            None if codec == Codec::Av1 => av1::without_delimiters(bytes),
            None if codec == Codec::Aac && aac::is_configuration(bytes, record) => return Access::Nothing,
            None => Cow::Borrowed(bytes),
        };
        if frame.is_empty() { Access::Nothing } else { Access::Frame(frame) }
    }

    fn read_units<'a>(&mut self, syntax: Syntax, record: &[u8], bytes: &'a [u8]) -> Access<'a> {
        let Some(frame) = self.as_kept(syntax, record, bytes) else { return Access::Unreadable };
        self.remember_sets(syntax, &frame);
        if syntax.holds_picture(&frame) {
            if self.waiting.is_empty() {
                return Access::Frame(frame);
            }
            let mut joined = std::mem::take(&mut self.waiting);
            joined.extend_from_slice(&frame);
            return Access::Frame(Cow::Owned(joined));
        }
        if self.waiting.len() + frame.len() > MOST_WAITING {
            return Access::Unreadable;
        }
        self.waiting.extend_from_slice(&frame);
        Access::Nothing
    }

    /// A frame in the form that bodies hold: read as what it is, and not as what the track says its frames are. Behind
    /// lengths where they add up, between start codes where it begins with one; `None` where it is neither. A length of
    /// 256 to 511 looks like a start code: then the record says what it is, or the frame before.
    fn as_kept<'a>(&mut self, syntax: Syntax, record: &[u8], bytes: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        let size = syntax.length_size(record);
        let lengths = syntax.from_length_prefixed(bytes, size.unwrap_or(4));
        let has_start_code = nal::begins_with_start_code(bytes);
        let trusted = size.is_some() || self.by_lengths;
        let lengths = lengths.filter(|frame| !has_start_code || trusted && nal::has_sane_headers(frame));
        self.by_lengths = lengths.is_some();
        lengths.or_else(|| has_start_code.then(|| Cow::Owned(syntax.from_annex_b(bytes))))
    }

    /// Whether units wait for a frame to go in front of.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Takes out the units that wait: the frame that they belong to was lost, or never comes.
    pub(crate) fn take_waiting(&mut self) -> Option<Bytes> {
        self.is_waiting().then(|| std::mem::take(&mut self.waiting).into())
    }

    /// Whether decoding may start at a frame as bodies hold it, and what it then says of the picture. `begun` is whether
    /// a decoder has begun before it: if not, places that are second best will do.
    pub(crate) fn look(
        &self,
        codec: Codec,
        record: &Bytes,
        frame: &[u8],
        begun: bool,
    ) -> (bool, Option<Picture>) {
        let Some(syntax) = Syntax::of(codec) else {
            let picture = picture::of_keyframe(codec, frame);
            return (codec.kind() == crate::Kind::Audio || picture.is_some(), picture);
        };
        match start::of(syntax, frame) {
            Start::No => return (false, None),
            Start::Late if begun => return (false, None),
            Start::Late | Start::Here => {}
        }
        let own = || match codec {
            Codec::H264 => h264::config_in_frame(frame),
            _ => hevc::config_in_frame(frame),
        };
        let brought = || syntax.length_size(record).map(|_| syntax.with_four_byte_lengths(record));
        let config = own().or_else(|| self.record(codec, record)).or_else(brought);
        (true, config.and_then(|config| picture::of_record(codec, config)))
    }

    /// The record of the parameter sets that came in band, where they are not those of the container's record.
    fn record(&self, codec: Codec, record: &[u8]) -> Option<Bytes> {
        let is_known = |set: &Bytes| memchr::memmem::find(record, set).is_some();
        if self.sets.iter().all(is_known) {
            return None;
        }
        let sets: Vec<&[u8]> = self.sets.iter().map(|set| &set[..]).collect();
        match codec {
            Codec::H264 => h264::config_from_units(&sets),
            _ => hevc::config_from_units(&sets),
        }
    }

    /// Keeps the parameter sets of a frame instead of those that they replace: of sequences all before, of pictures the
    /// one of the same identifier.
    fn remember_sets(&mut self, syntax: Syntax, frame: &[u8]) {
        let of_pictures = syntax.sets.1;
        let mut renewed = Vec::new();
        for unit in nal::split(frame, 4).flatten() {
            if !syntax.is_set(unit) || unit.len() > MOST_SET || self.sets.iter().any(|set| *set == unit) {
                continue;
            }
            let kind = syntax.type_of(unit);
            if kind == of_pictures {
                let id = picture_set_id(syntax, unit);
                self.sets.retain(|set| syntax.type_of(set) != kind || picture_set_id(syntax, set) != id);
            } else if !renewed.contains(&kind) {
                renewed.push(kind);
                self.sets.retain(|set| !matches!(syntax.type_of(set), known if known == kind));
            }
            if self.sets.len() == MOST_SETS {
                self.sets.remove(0);
            }
            self.sets.push(Bytes::copy_from_slice(unit));
        }
    }
}

/// `pic_parameter_set_id`, the first number of a picture parameter set in both codecs.
fn picture_set_id(syntax: Syntax, unit: &[u8]) -> Option<u32> {
    super::bits::Bits::new(unit.get(syntax.header..)?).ue()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLICE: &[u8] = &[0x41, 0x9a, 7];

    fn frame(access: Access<'_>) -> Vec<u8> {
        if let Access::Frame(frame) = access { frame.into_owned() } else { panic!("{access:?}") }
    }

    fn behind_length(unit: &[u8]) -> Vec<u8> {
        [&(unit.len() as u32).to_be_bytes(), unit].concat()
    }

    #[test]
    fn units_without_a_picture_go_in_front_of_the_next_frame() {
        let mut memory = Memory::default();
        let mut read = |bytes: &[u8]| match memory.read(Codec::H264, &[], bytes) {
            Access::Frame(frame) => Some(frame.into_owned()),
            _ => None,
        };
        assert_eq!(read(&[0, 0, 0, 1, 9, 0xf0]), None);
        assert_eq!(read(&[0, 0, 0, 1, 6, 5, 1]), None);
        let whole = [behind_length(&[6, 5, 1]), behind_length(SLICE)].concat();
        assert_eq!(read(&[&[0, 0, 0, 1], SLICE].concat()), Some(whole));
        assert_eq!(read(&[&[0, 0, 1], SLICE].concat()), Some(behind_length(SLICE)));
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut memory = Memory::default();
        let unit = behind_length(&[6; 1 << 16]);
        let waits = (0..10).filter(|_| memory.read(Codec::H264, &[], &unit) == Access::Nothing);
        assert_eq!(waits.count(), 3);
    }

    #[test]
    fn a_length_that_looks_like_a_start_code_is_what_the_frames_before_it_were() {
        let long = behind_length(&[&[0x41][..], &[7; 299]].concat());
        let mut memory = Memory::default();
        assert_eq!(frame(memory.read(Codec::H264, &[], &behind_length(SLICE))), behind_length(SLICE));
        assert_eq!(frame(memory.read(Codec::H264, &[], &long)), long);
        // As long as its first bytes would say if they were a length.
        let between = [&[0, 0, 1, 0x41, 0x9a][..], &[7; 320]].concat();
        assert_eq!(between.len(), 4 + 0x141);
        let mut memory = Memory::default();
        assert_eq!(frame(memory.read(Codec::H264, &[], &between)), behind_length(&between[3..]));
        assert_eq!(memory.read(Codec::H264, &[], &[1, 2, 3, 4, 5]), Access::Unreadable);
    }

    #[test]
    fn a_configuration_is_no_frame_of_sound() {
        let mut memory = Memory::default();
        assert_eq!(memory.read(Codec::Aac, &[0x12, 0x10], &[0x12, 0x10]), Access::Nothing);
        assert_eq!(frame(memory.read(Codec::Aac, &[0x12, 0x10], &[0x21, 0x10, 4])), [0x21, 0x10, 4]);
    }
}
