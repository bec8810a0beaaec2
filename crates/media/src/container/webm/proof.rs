//! Whether an odd element is one, and costs itself alone: what follows it says so.

use super::ebml::{self, id};
use super::read::MOST_BLOCK;
use super::resync::{is_in_cluster, is_in_segment};

/// Unknown elements in a row at most.
const MOST_UNKNOWN: usize = 16;
/// Known elements in a row that prove the structure: what stands in a torn frame looks like one by chance, hardly like two.
const ENOUGH_KNOWN: usize = 2;

/// What the bytes behind an odd element say of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// The structure goes on there.
    Whole,
    /// It does not: the structure is torn.
    Torn,
    /// It takes more bytes to know.
    Short,
}

/// What may follow.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'a> {
    /// Whether this is in a segment; between documents otherwise.
    pub(crate) in_segment: bool,
    /// The numbers of the tracks.
    pub(crate) tracks: &'a [u64],
    /// Bytes from the start of the rest to where the element that all stand in ends, if it says.
    pub(crate) end: Option<u64>,
    /// Whether the rest is all that there will be.
    pub(crate) ended: bool,
}

/// Judges what begins `at` bytes into the rest of the input, behind an odd element.
pub(crate) fn of_what_follows(rest: &[u8], at: u64, expected: Expected<'_>) -> Proof {
    let short = if expected.ended { Proof::Torn } else { Proof::Short };
    let (mut place, mut known, mut unknown) = (at, 0, 0);
    loop {
        if expected.end == Some(place) || expected.ended && rest.len() as u64 == place {
            return Proof::Whole;
        }
        if place > at + MOST_BLOCK {
            return Proof::Torn;
        }
        let Some(element) = usize::try_from(place).ok().and_then(|place| rest.get(place..)) else {
            // A known element that the end of the input cuts off is proof enough.
            return if known > 0 && expected.ended { Proof::Whole } else { short };
        };
        let head = match ebml::read_head(element) {
            Err(_) => return Proof::Torn,
            Ok(None) if known > 0 && expected.ended => return Proof::Whole,
            Ok(None) => return short,
            Ok(Some(head)) => head,
        };
        match judge(head, element, expected) {
            Element::Certain => return Proof::Whole,
            Element::Known if known + 1 == ENOUGH_KNOWN => return Proof::Whole,
            Element::Known => known += 1,
            Element::Unknown if unknown < MOST_UNKNOWN => unknown += 1,
            Element::Unknown | Element::None => return Proof::Torn,
            Element::Short => return short,
        }
        let Some(size) = head.size else { return Proof::Torn };
        place = place.saturating_add(head.len as u64).saturating_add(size);
    }
}

/// Bytes that tell filling from the rest of a frame.
const ENOUGH_FILLING: usize = 16;

/// Whether what stands where an element should is of no recording: zeros or text, as a disk or a sender leaves them behind a
/// file. The block in front of it is whole then; in the middle of a frame there is neither. `None` where it takes more bytes.
pub(crate) fn is_filling(rest: &[u8], ended: bool) -> Option<bool> {
    let front = &rest[..rest.len().min(ENOUGH_FILLING)];
    let is_zeros = front.iter().all(|byte| *byte == 0);
    let is_text = front.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n'));
    match front.len() {
        ENOUGH_FILLING => Some(is_zeros || is_text),
        _ if !is_zeros && !is_text => Some(false),
        _ => ended.then_some(is_zeros),
    }
}

enum Element {
    /// Its identifier of four bytes leaves no doubt.
    Certain,
    Known,
    Unknown,
    None,
    Short,
}

fn judge(head: ebml::Head, element: &[u8], expected: Expected<'_>) -> Element {
    const FOUR_BYTES: u32 = 0x1000_0000;
    if head.id >= FOUR_BYTES && is_in_segment(head.id) {
        return Element::Certain;
    }
    let is_void = matches!(head.id, id::VOID | id::CRC_32);
    let is_known = is_void || expected.in_segment && is_in_cluster(head.id);
    if !is_known {
        let fits = head.size.is_some_and(|size| size <= MOST_BLOCK) && is_identifier(head.id);
        return if fits { Element::Unknown } else { Element::None };
    }
    if head.size.is_none_or(|size| size > MOST_BLOCK) {
        return Element::None;
    }
    match head.id {
        id::SIMPLE_BLOCK => match ebml::read_number(&element[head.len..]) {
            Ok(Some((Some(track), _))) if expected.tracks.contains(&track) => Element::Known,
            // An empty one is as odd as the element before it, and no proof.
            Ok(_) if head.size == Some(0) => Element::Unknown,
            Ok(None) => Element::Short,
            _ => Element::None,
        },
        id::BLOCK_GROUP => match ebml::read_id(&element[head.len..]) {
            Ok(None) => Element::Short,
            Ok(Some(_)) => Element::Known,
            Err(_) => Element::None,
        },
        id::TIMESTAMP if head.size.is_some_and(|size| size > 8) => Element::None,
        _ => Element::Known,
    }
}

/// Whether an identifier is one that a document may use: in as few bytes as hold it, neither all ones nor all zeros
/// (RFC 8794, 5).
pub(crate) fn is_identifier(id: u32) -> bool {
    let width = (32 - id.leading_zeros()).div_ceil(8).max(1);
    let bits = 7 * width;
    let value = id & ((1_u32 << bits) - 1);
    let all = (1_u32 << bits) - 1;
    let least = if width == 1 { 1 } else { (1_u32 << (bits - 7)) - 1 };
    value != all && value >= least
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACKS: &[u64] = &[1, 2];

    fn proof(rest: &[u8], ended: bool) -> Proof {
        of_what_follows(rest, 0, Expected { in_segment: true, tracks: TRACKS, end: None, ended })
    }

    const BLOCK: &[u8] = &[0xa3, 0x85, 0x81, 0, 0, 0x80, 7];

    #[test]
    fn two_elements_of_a_cluster_or_one_of_the_segment_prove_it() {
        assert_eq!(proof(&[BLOCK, BLOCK].concat(), false), Proof::Whole);
        assert_eq!(proof(BLOCK, false), Proof::Short);
        assert_eq!(proof(BLOCK, true), Proof::Whole);
        assert_eq!(proof(&[0x1f, 0x43, 0xb6, 0x75, 0x01], false), Proof::Short);
        assert_eq!(proof(&[0x1f, 0x43, 0xb6, 0x75, 0xff], false), Proof::Whole);
        let unknown = [0x42, 0xfe, 0x82, 1, 2];
        assert_eq!(proof(&[&unknown, &unknown, BLOCK, BLOCK].concat(), false), Proof::Whole);
        assert_eq!(proof(&unknown.repeat(20), false), Proof::Torn);
    }

    #[test]
    fn a_block_of_no_track_and_what_is_no_element_prove_nothing() {
        let other = [0xa3, 0x85, 0x83, 0, 0, 0x80, 7];
        assert_eq!(proof(&[&other[..], BLOCK].concat(), false), Proof::Torn);
        assert_eq!(proof(&[BLOCK, &[0, 0, 0]].concat(), false), Proof::Torn);
        assert_eq!(proof(&[BLOCK, &[0xff, 0x81, 0]].concat(), false), Proof::Torn, "a reserved identifier");
    }

    #[test]
    fn zeros_and_text_are_of_no_recording() {
        assert_eq!(is_filling(&[0; 16], false), Some(true));
        assert_eq!(is_filling(b"\r\n--limite--\r\n..", false), Some(true));
        assert_eq!(is_filling(&[0; 15], false), None);
        assert_eq!((is_filling(&[0; 15], true), is_filling(b"\r\n", true)), (Some(true), Some(false)));
        assert_eq!(is_filling(&[&[0; 15][..], &[0xA3]].concat(), false), Some(false));
        assert_eq!(is_filling(&[0x9C, 0], false), Some(false));
    }

    #[test]
    fn identifiers_are_as_short_as_they_can_be() {
        let good = [0x81, 0xec, 0xfe, 0x407f, 0x42fe, 0x7ffe, 0x20_3fff, 0x1b53_8667, 0x101f_ffff];
        let bad = [0x80, 0xff, 0x4001, 0x407e, 0x7fff, 0x20_0001, 0x3f_ffff, 0x1000_0001, 0x1fff_ffff];
        assert_eq!(good.map(is_identifier), [true; 9]);
        assert_eq!(bad.map(is_identifier), [false; 9]);
    }
}
