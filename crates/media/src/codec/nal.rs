//! NAL units, the packets of H.264 and HEVC: between start codes (Annex B) or behind lengths
//! (ISO/IEC 14496-15, 5.3.4.2).

use bytes::{BufMut, Bytes, BytesMut};

/// Whether a frame is in Annex B: begins with a start code, and makes no sense as NAL units behind lengths of four
/// bytes (a length of 1 or of 256 to 511 looks like a start code).
pub(crate) fn is_annex_b(frame: &[u8]) -> bool {
    let starts = frame.starts_with(&[0, 0, 1]) || frame.starts_with(&[0, 0, 0, 1]);
    starts && !is_length_prefixed(frame)
}

fn is_length_prefixed(frame: &[u8]) -> bool {
    split(frame, 4)
        .is_some_and(|units| units.iter().all(|unit| unit.first().is_some_and(|byte| byte & 0x80 == 0)))
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

/// The NAL units behind lengths of `length_size` bytes (1, 2 or 4); `None` where a length goes past the end. Units
/// of no bytes are left out.
pub(crate) fn split(frame: &[u8], length_size: u8) -> Option<Vec<&[u8]>> {
    let width = usize::from(length_size);
    let mut units = Vec::new();
    let mut rest = frame;
    while !rest.is_empty() {
        let (length, after) = rest.split_at_checked(width)?;
        let length = length.iter().fold(0_usize, |value, byte| value << 8 | usize::from(*byte));
        let (unit, after) = after.split_at_checked(length)?;
        if !unit.is_empty() {
            units.push(unit);
        }
        rest = after;
    }
    Some(units)
}

/// The units behind lengths of four bytes, those that `keep` refuses left out.
pub(crate) fn join<'a>(units: &[&'a [u8]], keep: impl Fn(&'a [u8]) -> bool) -> Bytes {
    let size = units.iter().map(|unit| unit.len() + 4).sum();
    let mut frame = BytesMut::with_capacity(size);
    for unit in units.iter().filter(|unit| keep(unit)) {
        // A unit is a part of a frame, and no frame reaches 4 GiB.
        frame.put_u32(u32::try_from(unit.len()).unwrap_or(u32::MAX));
        frame.put_slice(unit);
    }
    frame.freeze()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annex_b_is_split_at_start_codes_of_three_and_four_bytes() {
        let frame = [0, 0, 0, 1, 9, 0x10, 0, 0, 1, 0x65, 1, 2, 0, 0, 0, 1, 0x65, 0, 0, 3, 1, 0, 0];
        let units = units_of_annex_b(&frame);
        assert_eq!(units, [&[9, 0x10][..], &[0x65, 1, 2], &[0x65, 0, 0, 3, 1]]);
    }

    #[test]
    fn a_length_that_looks_like_a_start_code_is_a_length() {
        let mut frame = vec![0, 0, 1, 4];
        frame.resize(4 + 0x104, 0x41);
        assert!(!is_annex_b(&frame));
        assert!(!is_annex_b(&[0, 0, 0, 1, 0x41]));
        assert!(is_annex_b(&[0, 0, 0, 1, 0x67, 0x64, 0, 0x1f]));
        assert!(is_annex_b(&[0, 0, 1, 0x67, 0x64, 0, 0x1f]));
    }

    #[test]
    fn a_length_past_the_end_is_refused() {
        assert_eq!(split(&[0, 0, 0, 2, 1], 4), None);
        assert_eq!(split(&[0, 0, 1], 4), None);
        assert_eq!(split(&[2, 7, 8, 0, 1, 9], 1), Some(vec![&[7, 8][..], &[9]]));
    }

    #[test]
    fn emulation_prevention_is_undone() {
        assert_eq!(unescape(&[1, 0, 0, 3, 1, 0, 0, 3, 0, 0, 3]), [1, 0, 0, 1, 0, 0, 0, 0]);
    }
}
