//! NAL units, the packets of H.264 and HEVC: between start codes (Annex B) or behind lengths
//! (ISO/IEC 14496-15, 5.3.4.2).

use std::borrow::Cow;

use bytes::Bytes;

use super::bits::Bits;
use super::start::{self, Start};

/// Width or height past which a parameter set is not believed.
const LARGEST_SIDE: u32 = 16_384;

/// What a codec's NAL units and its configuration records differ in.
#[derive(Debug, Clone, Copy)]
pub struct Syntax {
    /// The type of a unit by its first byte.
    pub(super) unit_type: fn(u8) -> u8,
    /// The type of access unit delimiters.
    pub(super) delimiter: u8,
    /// First and last type of the slices that decoding may start at.
    pub(super) key: (u8, u8),
    /// First and last type of slices.
    pub(super) slices: (u8, u8),
    /// First and last type of parameter sets; the last is that of picture parameter sets.
    pub(super) sets: (u8, u8),
    /// The type of supplemental enhancement information before slices.
    pub(super) sei: u8,
    /// Bytes of a unit before its payload.
    pub(super) header: usize,
    /// Whether a slice refers to no other picture, where its head alone says so.
    pub(super) is_intra: fn(&[u8]) -> bool,
    /// Where in a record the size of the lengths stands.
    pub(super) sizes_at: usize,
}

impl Syntax {
    /// A frame in Annex B as bodies hold it: start codes become lengths of four bytes, access unit delimiters go. Empty
    /// where there is no start code.
    #[must_use]
    pub fn from_annex_b(self, frame: &[u8]) -> Vec<u8> {
        self.join(units_of_annex_b(frame).into_iter())
    }

    /// A frame with lengths of `length_size` bytes as bodies hold it; the same bytes, uncopied, where nothing is to
    /// change. `None` where a length goes past the end of the frame.
    #[must_use]
    pub fn from_length_prefixed(self, frame: &[u8], length_size: u8) -> Option<Cow<'_, [u8]>> {
        let mut is_as_kept = length_size == 4;
        for unit in split(frame, length_size) {
            is_as_kept &= self.type_of(unit?) != self.delimiter;
        }
        let units = split(frame, length_size).flatten();
        Some(if is_as_kept { frame.into() } else { self.join(units).into() })
    }

    /// The units behind lengths of four bytes, without delimiters and units of no bytes.
    fn join<'a>(self, units: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
        let mut frame = Vec::new();
        for unit in units.filter(|unit| !unit.is_empty() && self.type_of(unit) != self.delimiter) {
            // A unit is a part of a frame, and no frame reaches 4 GiB.
            frame.extend(u32::try_from(unit.len()).unwrap_or(u32::MAX).to_be_bytes());
            frame.extend_from_slice(unit);
        }
        frame
    }

    /// Whether decoding may start at a frame (lengths of four bytes).
    #[must_use]
    pub fn is_key(self, frame: &[u8]) -> bool {
        start::of(self, frame) == Start::Here
    }

    /// Whether a frame (lengths of four bytes) holds a slice, and so a picture.
    #[must_use]
    pub(super) fn holds_picture(self, frame: &[u8]) -> bool {
        split(frame, 4).flatten().any(|unit| within(self.slices, self.type_of(unit)))
    }

    /// Bytes of the lengths that a record announces: 1, 2 or 4.
    #[must_use]
    pub fn length_size(self, record: &[u8]) -> Option<u8> {
        let sizes = record.get(self.sizes_at).filter(|_| record[0] == 1)?;
        Some((sizes & 3) + 1).filter(|size| *size != 3)
    }

    /// The record for frames whose lengths have become four bytes.
    #[must_use]
    pub fn with_four_byte_lengths(self, record: &Bytes) -> Bytes {
        if matches!(self.length_size(record), None | Some(4)) {
            return record.clone();
        }
        let mut record = record.to_vec();
        record[self.sizes_at] |= 3;
        record.into()
    }

    /// Whether a unit is a parameter set.
    pub(super) fn is_set(self, unit: &[u8]) -> bool {
        within(self.sets, self.type_of(unit))
    }

    /// The type of a unit; 0 for one without bytes.
    pub(super) fn type_of(self, unit: &[u8]) -> u8 {
        unit.first().map_or(0, |byte| (self.unit_type)(*byte))
    }
}

/// Whether a type is one of those from the first to the last.
pub(super) fn within((first, last): (u8, u8), kind: u8) -> bool {
    (first..=last).contains(&kind)
}

/// Whether a frame begins with a start code, zero bytes before it included (ISO/IEC 14496-10, annex B.1).
pub(super) fn begins_with_start_code(frame: &[u8]) -> bool {
    let zeros = frame.iter().take_while(|byte| **byte == 0).count();
    zeros >= 2 && frame.get(zeros) == Some(&1)
}

/// Whether the first bit of each unit (lengths of four bytes) is the zero that it must be in both codecs.
pub(super) fn has_sane_headers(frame: &[u8]) -> bool {
    split(frame, 4).all(|unit| unit.is_some_and(|unit| unit.first().is_none_or(|byte| *byte < 0x80)))
}

/// The NAL units between start codes, without them and without the zero bytes that may trail a unit
/// (ISO/IEC 14496-10, annex B.1).
pub(crate) fn units_of_annex_b(frame: &[u8]) -> Vec<&[u8]> {
    let mut units = Vec::new();
    let mut begin = None;
    let mut at = 0;
    while let Some(code) = find_start_code(frame, at) {
        if let Some(begin) = begin {
            push_trimmed(&mut units, &frame[begin..code]);
        }
        begin = Some(code + 3);
        at = code + 3;
    }
    if let Some(begin) = begin {
        push_trimmed(&mut units, &frame[begin..]);
    }
    units
}

/// Where the next `00 00 01` begins, from `from` on.
fn find_start_code(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    // Looks at each third byte: only a byte of 0 or 1 can belong to a start code that ends there.
    while let Some(&third) = bytes.get(at + 2) {
        match third {
            1 if bytes[at] == 0 && bytes[at + 1] == 0 => return Some(at),
            0 => at += 1,
            _ => at += 3,
        }
    }
    None
}

fn push_trimmed<'a>(units: &mut Vec<&'a [u8]>, unit: &'a [u8]) {
    let end = unit.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    if end > 0 {
        units.push(&unit[..end]);
    }
}

/// The NAL units behind lengths of `length_size` bytes (1, 2 or 4); `None` for the last where its length goes past the
/// end.
pub(crate) fn split(frame: &[u8], length_size: u8) -> impl Iterator<Item = Option<&[u8]>> {
    let mut rest = Some(frame);
    std::iter::from_fn(move || {
        let frame = rest.filter(|rest| !rest.is_empty())?;
        let unit = first_unit(frame, length_size.into());
        rest = unit.map(|(_, rest)| rest);
        Some(unit.map(|(unit, _)| unit))
    })
}

fn first_unit(frame: &[u8], width: usize) -> Option<(&[u8], &[u8])> {
    let (length, after) = frame.split_at_checked(width)?;
    after.split_at_checked(length.iter().fold(0, |value, byte| value << 8 | usize::from(*byte)))
}

/// A unit's payload without the emulation prevention bytes: `00 00 03` becomes `00 00`
/// (ISO/IEC 14496-10, 7.4.1.1).
pub(crate) fn unescape(unit: &[u8]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(unit.len());
    let mut zeros = 0;
    for &byte in unit {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        payload.push(byte);
    }
    payload
}

/// Adds a parameter set behind a length of two bytes, as configuration records hold them.
pub(crate) fn put_parameter_set(record: &mut Vec<u8>, unit: &[u8]) -> Option<()> {
    record.extend_from_slice(&u16::try_from(unit.len()).ok()?.to_be_bytes());
    record.extend_from_slice(unit);
    Some(())
}

/// Takes a parameter set behind a length of two bytes off the front of `rest`.
pub(crate) fn take_parameter_set<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk::<2>()?;
    let (unit, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    *rest = after;
    Some(unit)
}

/// Reads the window that a picture is cropped to, and the size that is left of it; `units` are the samples that the
/// window counts in (ISO/IEC 14496-10, 7.4.2.1.1; ISO/IEC 23008-2, 7.4.3.2.1). `None` where no picture or an absurd one
/// is left.
pub(crate) fn cropped(bits: &mut Bits<'_>, size: (u32, u32), units: (u32, u32)) -> Option<(u32, u32)> {
    let mut crop = [0_u32; 4];
    if bits.flag()? {
        for edge in &mut crop {
            *edge = bits.ue()?;
        }
    }
    let [left, right, top, bottom] = crop;
    let width = size.0.checked_sub(left.checked_add(right)?.checked_mul(units.0)?)?;
    let height = size.1.checked_sub(top.checked_add(bottom)?.checked_mul(units.1)?)?;
    let fits = (1..=LARGEST_SIDE).contains(&width) && (1..=LARGEST_SIDE).contains(&height);
    fits.then_some((width, height))
}

/// The luma samples across and down for one of chroma, by `chroma_format_idc`.
pub(crate) fn chroma_units(format: u8) -> (u32, u32) {
    (if matches!(format, 1 | 2) { 2 } else { 1 }, if format == 1 { 2 } else { 1 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Codec;

    #[test]
    fn annex_b_is_split_at_start_codes_of_three_and_four_bytes() {
        let frame = [0, 0, 0, 1, 9, 0x10, 0, 0, 1, 0x65, 1, 2, 0, 0, 0, 1, 0x65, 0, 0, 3, 1, 0, 0];
        let units = units_of_annex_b(&frame);
        assert_eq!(units, [&[9, 0x10][..], &[0x65, 1, 2], &[0x65, 0, 0, 3, 1]]);
    }

    #[test]
    fn a_length_past_the_end_is_refused() {
        let units = |frame, size| split(frame, size).collect::<Option<Vec<_>>>();
        assert_eq!(units(&[0, 0, 0, 2, 1], 4), None);
        assert_eq!(units(&[0, 0, 1], 4), None);
        assert_eq!(units(&[2, 7, 8, 0, 1, 9], 1), Some(vec![&[7, 8][..], &[], &[9]]));
    }

    #[test]
    fn a_frame_is_changed_only_where_bodies_hold_it_otherwise() {
        let syntax = Syntax::of(Codec::H264).unwrap();
        let kept = [0, 0, 0, 2, 0x65, 1, 0, 0, 0, 0, 0, 0, 0, 1, 6];
        assert!(matches!(syntax.from_length_prefixed(&kept, 4), Some(Cow::Borrowed(frame)) if frame == kept));
        let delimited = [0, 0, 0, 2, 9, 0x10, 0, 0, 0, 1, 0x65];
        assert_eq!(syntax.from_length_prefixed(&delimited, 4).unwrap(), &[0, 0, 0, 1, 0x65][..]);
        assert_eq!(syntax.from_length_prefixed(&[0, 0, 0, 3, 9, 0x10], 4), None);
        assert!(!syntax.is_key(&[0, 0, 0, 1, 0x65, 0, 0, 0, 9, 1]), "not where a unit is torn");
    }

    #[test]
    fn emulation_prevention_is_undone() {
        assert_eq!(unescape(&[1, 0, 0, 3, 1, 0, 0, 3, 0, 0, 3]), [1, 0, 0, 1, 0, 0, 0, 0]);
    }
}
