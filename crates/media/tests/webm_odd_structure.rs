//! One odd element costs itself alone, wherever it stands in a recording.

#![allow(clippy::unwrap_used)]

mod recording;

use std::ops::Range;

use media::container::Event;
use media::{Frame, Kind};
use recording::{fixture, frames, takes, whole};

const MASTERS: [u32; 8] = [0x1853_8067, 0x1549_a966, 0x1654_ae6b, 0x1f43_b675, 0xae, 0xe0, 0xe1, 0x1a45_dfa3];
const CLUSTER: u32 = 0x1f43_b675;
const SEGMENT: u32 = 0x1853_8067;

/// An element of a file: where it stands, and what it stands in, from the outside in.
struct Element {
    id: u32,
    head: Range<usize>,
    end: usize,
    parents: Vec<usize>,
}

/// The elements of a recording, parents before their children.
fn elements(data: &[u8]) -> Vec<Element> {
    let mut found: Vec<Element> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut at = 0;
    while at < data.len() {
        let id_width = data[at].leading_zeros() as usize + 1;
        let size_at = at + id_width;
        let width = data[size_at].leading_zeros() as usize + 1;
        let number = |bytes: &[u8]| bytes.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        let id = number(&data[at..size_at]) as u32;
        let all = (1 << (7 * width)) - 1;
        let size = number(&data[size_at..size_at + width]) & all;
        let begin = size_at + width;
        let is_top = id == SEGMENT || id == 0x1a45_dfa3;
        open.retain(|&parent| {
            let parent = &found[parent];
            at < parent.end && !is_top && !(id == CLUSTER && parent.id == CLUSTER)
        });
        let end = if size == all { data.len() } else { begin + size as usize };
        found.push(Element { id, head: at..begin, end, parents: open.clone() });
        if MASTERS.contains(&id) {
            open.push(found.len() - 1);
            at = begin;
        } else {
            at = end;
        }
    }
    found
}

/// The recording with an element in front of another, its parents as much longer.
fn with_element(data: &[u8], elements: &[Element], before: usize, odd: &[u8]) -> Vec<u8> {
    let mut out = data.to_vec();
    let place = elements[before].head.start;
    // From the inside out, so that what stands in front stays where it is; sizes that are unknown stay so.
    out.splice(place..place, odd.iter().copied());
    for &parent in elements[before].parents.iter().rev() {
        let Element { id, head, end, .. } = &elements[parent];
        let id_width = 4 - id.leading_zeros() as usize / 8;
        let width = head.len() - id_width;
        let all = (1_u64 << (7 * width)) - 1;
        let bytes = &mut out[head.start + id_width..head.end];
        let size = bytes.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte)) & all;
        let longer = size + odd.len() as u64;
        if size != all {
            assert_eq!(head.end as u64 + size, *end as u64);
            let marked = (longer | 1 << (7 * width)).to_be_bytes();
            bytes.copy_from_slice(&marked[8 - width..]);
            if longer >= all {
                return Vec::new();
            }
        }
    }
    out
}

fn all_frames(events: &[Event]) -> Vec<&Frame> {
    [Kind::Video, Kind::Audio].into_iter().flat_map(|kind| frames(events, kind)).collect()
}

const UNKNOWN: &[u8] = &[0x42, 0xfe, 0x84, 0xa3, 0x82, 0x81, 0x00];
const LONG_UNKNOWN: &[u8] = &[0x1b, 0x53, 0x86, 0x67, 0x40, 0x03, 1, 2, 3];
const VOID: &[u8] = &[0xec, 0x82, 0, 0];
const CHECKSUM: &[u8] = &[0xbf, 0x84, 1, 2, 3, 4];
const EMPTY_BLOCK: &[u8] = &[0xa3, 0x80];
const EMPTY_GROUP: &[u8] = &[0xa0, 0x80];
const STRANGE_BLOCK: &[u8] = &[0xa3, 0x86, 0x87, 0, 0, 0x80, 1, 2];
const TORN_LACE: &[u8] = &[0xa3, 0x86, 0x81, 0, 0, 0x02, 9, 255];

const RECORDINGS: [&str; 3] = ["webm_vp9_opus.webm", "vp9_10bit_cues.webm", "vp8_alpha.webm"];

/// Tries an element in front of each element for which `wanted` holds, or of some of them in a long recording.
fn try_everywhere(odd: &[u8], wanted: impl Fn(&Element) -> bool) {
    for name in RECORDINGS {
        let data = fixture(name);
        let (events, error) = whole(&data);
        assert_eq!(error, None);
        let elements = elements(&data);
        let places: Vec<_> = (0..elements.len()).filter(|&at| wanted(&elements[at])).collect();
        let step = (places.len() / 80).max(1);
        let mut tried = 0;
        for place in places.into_iter().step_by(step) {
            let changed = with_element(&data, &elements, place, odd);
            if changed.is_empty() {
                continue;
            }
            let (found, error) = whole(&changed);
            let what = format!("{name}: {odd:x?} at {}", elements[place].head.start);
            assert_eq!((error, takes(&found)), (None, takes(&events)), "{what}");
            assert!(all_frames(&found) == all_frames(&events), "{what}");
            tried += 1;
        }
        assert!(tried > 3, "{name}: {tried}");
    }
}

#[test]
fn an_element_that_nobody_knows_changes_nothing_anywhere() {
    let is_below_the_document = |element: &Element| !element.parents.is_empty();
    for odd in [UNKNOWN, LONG_UNKNOWN, VOID, CHECKSUM] {
        try_everywhere(odd, is_below_the_document);
    }
}

/// What stands in the headers: of EBML, of `Info`, of `Tracks` and its entries.
const HEADERS: [u32; 17] = [
    0x4286, 0x42f7, 0x42f2, 0x42f3, 0x4282, 0x4287, 0x4285, 0x2a_d7b1, 0x4d80, 0x5741, 0xae, 0xd7, 0x73c5,
    0x83, 0x86, 0xe0, 0xe1,
];

#[test]
fn what_begins_no_element_between_the_children_of_a_header_changes_nothing() {
    for odd in [&[0][..], &[0, 0, 0, 0, 0], &[1, 2, 3]] {
        try_everywhere(odd, |element| HEADERS.contains(&element.id));
    }
}

#[test]
fn units_that_wait_for_a_picture_when_the_recording_ends_are_told() {
    let data = fixture("found/h264_parameter_sets_in_a_block_of_their_own.mkv");
    let pictures = |len: usize| frames(&whole(&data[..len]).0, Kind::Video).len();
    // The longest beginning in which no picture is whole.
    let (mut without, mut with) = (0, data.len());
    while with - without > 1 {
        let middle = usize::midpoint(without, with);
        if pictures(middle) == 0 { without = middle } else { with = middle }
    }
    let told = |event: &Event| match event {
        Event::Unread(unread) if unread.kind == Some(Kind::Video) => Some(unread.bytes.clone()),
        _ => None,
    };
    let told: Vec<_> = whole(&data[..without]).0.iter().filter_map(told).collect();
    // A sequence parameter set (ISO/IEC 14496-10, 7.4.1), behind its length.
    let has_set = |bytes: &[u8]| bytes.get(4).is_some_and(|header| header & 0x1f == 7);
    assert!(told.iter().any(|bytes| has_set(bytes)), "{told:?}");
    assert!(!whole(&data).0.iter().any(|event| matches!(event, Event::Unread(_))), "its picture comes");
}

#[test]
fn a_block_that_cannot_be_read_costs_itself_alone() {
    let is_block = |element: &Element| matches!(element.id, 0xa3 | 0xa0);
    for odd in [EMPTY_BLOCK, EMPTY_GROUP, STRANGE_BLOCK, TORN_LACE] {
        try_everywhere(odd, is_block);
    }
}

#[test]
fn a_cluster_or_segment_whose_size_is_wrong_is_what_its_children_say() {
    let data = fixture("vp9_10bit_cues.webm");
    let (events, _) = whole(&data);
    let elements = elements(&data);
    let masters = elements.iter().filter(|element| matches!(element.id, CLUSTER | SEGMENT));
    for Element { id, head, end, .. } in masters {
        let width = head.len() - 4;
        let size = (end - head.end) as u64;
        for wrong in [1, size / 3, size / 2, size - 1, size + 1, size + 500] {
            let mut changed = data.clone();
            let marked = (wrong | 1 << (7 * width)).to_be_bytes();
            changed[head.start + 4..head.end].copy_from_slice(&marked[8 - width..]);
            let (found, error) = whole(&changed);
            assert_eq!((error, takes(&found)), (None, (1, 0)), "{id:x} of {size} says {wrong}");
            assert!(all_frames(&found) == all_frames(&events), "{id:x} of {size} says {wrong}");
        }
    }
}

#[test]
fn what_is_searched_is_told_byte_for_byte() {
    let data = fixture("webm_vp9_opus.webm");
    let clusters: Vec<_> = elements(&data)
        .into_iter()
        .filter(|element| element.id == CLUSTER)
        .map(|element| element.head.start)
        .collect();
    let junk: Vec<u8> = (0..40_000_u32).map(|at| (at * 7 % 251) as u8 & 0x0f).collect();
    let changed = [&data[..clusters[3]], &junk, &data[clusters[3]..]].concat();
    let (events, error) = whole(&changed);
    assert_eq!((error, takes(&events)), (None, (2, 1)));
    let pieces = events.iter().filter_map(|event| match event {
        Event::Unread(piece) if piece.reason == media::Why::Damaged && piece.kind.is_none() => Some(piece),
        _ => None,
    });
    let (mut at, mut told) = (clusters[3] as u64, Vec::new());
    for piece in pieces {
        assert_eq!(piece.offset, at);
        at += piece.bytes.len() as u64;
        told.extend_from_slice(&piece.bytes);
    }
    assert!(told == junk);
}
