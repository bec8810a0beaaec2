//! Hostile WebM: every lie is refused with its place, or recorded up to it; quickly, in little memory, never a panic.

#![allow(clippy::unwrap_used)]

mod recording;

use std::time::{Duration, Instant};

use media::container::{Event, Reader};
use media::{Kind, Reason};
use recording::{fixture, frames, takes, whole};

/// An element with a size of eight bytes.
fn element(id: &[u8], payload: &[u8]) -> Vec<u8> {
    sized(id, payload.len() as u64, payload)
}

/// An element that says another size than it has.
fn sized(id: &[u8], size: u64, payload: &[u8]) -> Vec<u8> {
    [id, &(size | 1 << 56).to_be_bytes(), payload].concat()
}

/// The size that is unknown.
const UNKNOWN: u64 = (1 << 56) - 1;

const EBML: &[u8] = &[0x1a, 0x45, 0xdf, 0xa3];
const SEGMENT: &[u8] = &[0x18, 0x53, 0x80, 0x67];
const INFO: &[u8] = &[0x15, 0x49, 0xa9, 0x66];
const TRACKS: &[u8] = &[0x16, 0x54, 0xae, 0x6b];
const CLUSTER: &[u8] = &[0x1f, 0x43, 0xb6, 0x75];
const TAGS: &[u8] = &[0x12, 0x54, 0xc3, 0x67];
const VOID: &[u8] = &[0xec];
const TIMESTAMP: &[u8] = &[0xe7];
const SIMPLE_BLOCK: &[u8] = &[0xa3];
const BLOCK_GROUP: &[u8] = &[0xa0];

/// A VP8 keyframe of 640 by 480 pixels, as far as anybody looks here.
const KEYFRAME: &[u8] = &[0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01];

fn entry(codec: &[u8], private: &[u8]) -> Vec<u8> {
    let kind = if codec.starts_with(b"V") { 1 } else { 2 };
    let mut fields = [element(&[0xd7], &[kind]), element(&[0x83], &[kind]), element(&[0x86], codec)].concat();
    if !private.is_empty() {
        fields.extend(element(&[0x63, 0xa2], private));
    }
    element(&[0xae], &fields)
}

/// EBML header, open segment, and these tracks.
fn start(entries: &[u8]) -> Vec<u8> {
    let header = element(EBML, &element(&[0x42, 0x82], b"webm"));
    [header, sized(SEGMENT, UNKNOWN, &[]), element(TRACKS, entries)].concat()
}

fn vp8() -> Vec<u8> {
    start(&entry(b"V_VP8", &[]))
}

fn cluster(ms: u64, blocks: &[u8]) -> Vec<u8> {
    sized(CLUSTER, UNKNOWN, &[element(TIMESTAMP, &ms.to_be_bytes()), blocks.to_vec()].concat())
}

fn block(relative: i16, frame: &[u8]) -> Vec<u8> {
    element(SIMPLE_BLOCK, &[&[0x81][..], &relative.to_be_bytes(), &[0x80], frame].concat())
}

/// A recording of one keyframe, and then this.
fn after_a_frame(rest: &[u8]) -> Vec<u8> {
    [vp8(), cluster(0, &block(0, KEYFRAME)), rest.to_vec()].concat()
}

/// Where the heads of all elements of a file are.
fn heads(data: &[u8]) -> Vec<(usize, usize, usize)> {
    let masters: [&[u8]; 9] = [EBML, SEGMENT, INFO, TRACKS, CLUSTER, &[0xae], &[0xe0], &[0xe1], &[0xa0]];
    let mut heads = Vec::new();
    let mut at = 0;
    while at < data.len() {
        let id = data[at].leading_zeros() as usize + 1;
        let size = data[at + id].leading_zeros() as usize + 1;
        let value =
            data[at + id..at + id + size].iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        let value = value & ((1 << (7 * size)) - 1);
        heads.push((at, id, size));
        at += id + size;
        if !masters.contains(&&data[at - id - size..at - size]) {
            at += value as usize;
        }
    }
    heads
}

/// Reads hostile bytes and checks what must hold for all of them.
fn survive(what: &str, data: &[u8]) -> (Vec<Event>, Option<media::Error>) {
    let begin = Instant::now();
    let (events, error) = whole(data);
    // 100 ms with optimisation; tests run without, beside others.
    assert!(begin.elapsed() < Duration::from_secs(2), "{what}: {:?}", begin.elapsed());
    if let Some(error) = &error {
        assert!(error.offset <= data.len() as u64, "{what}: {error}");
        assert!(error.to_string().contains(&format!("at byte {}", error.offset)), "{what}: {error}");
    }
    (events, error)
}

#[test]
fn every_size_of_a_file_may_lie() {
    for name in ["vp9_10bit_cues.webm", "vp8_alpha.webm", "hevc_opus.mkv"] {
        let data = fixture(name);
        let good = frames(&whole(&data).0, Kind::Audio).len();
        for (at, id, size) in heads(&data) {
            for lie in [0, 1, 2, 126, 127, 16_383, 1 << 24, 1 << 32, UNKNOWN - 1, UNKNOWN] {
                let new_size = (lie | 1_u64 << 56).to_be_bytes();
                let bytes = [&data[..at + id], &new_size, &data[at + id + size..]].concat();
                let (events, _) = survive(&format!("{name}: size {lie} at {at}"), &bytes);
                assert!(frames(&events, Kind::Audio).len() <= good);
            }
        }
    }
}

#[test]
fn every_byte_of_the_first_kilobytes_may_be_another() {
    let data = fixture("vp8_alpha.webm");
    for at in 0..2048 {
        for value in [0x00, 0xff, data[at] ^ 0x80, data[at] ^ 0x01] {
            let mut bytes = data.clone();
            bytes[at] = value;
            survive(&format!("{value} at {at}"), &bytes);
        }
    }
}

#[test]
fn other_files_are_refused_at_their_first_byte() {
    let others: [&[u8]; 9] = [
        b"",
        b"<",
        b"<!DOCTYPE html><html></html>",
        b"{\"error\": \"not found\"}",
        b"OggS\0\x02\0\0\0\0\0\0\0\0",
        b"RIFF\x24\0\0\0WAVEfmt ",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b"\x1a\x45\xdf\xa4\x01\0\0\0\0\0\0\x1f",
        &[0; 4096],
    ];
    for other in others {
        let (events, error) = survive("another file", other);
        assert_eq!((events, error), (Vec::new(), Some(Reason::UnknownContainer.at(0))));
    }
    let (_, error) = survive("another document", &element(EBML, &element(&[0x42, 0x82], b"html")));
    assert_eq!(error.unwrap().reason, Reason::UnknownContainer);
}

#[test]
fn junk_instead_of_a_first_cluster_is_refused_where_it_begins() {
    let start = vp8();
    for junk in [&[0_u8; 1000][..], &[0xff; 1000], b"junk and more junk", &[0xa3, 0x85, 1, 2, 3, 4, 5]] {
        let (events, error) = survive("junk", &[&start, junk].concat());
        assert_eq!((events.len(), error.unwrap().offset), (0, start.len() as u64));
    }
}

#[test]
fn headers_over_their_limits_are_refused() {
    let big = vec![0_u8; (1 << 20) + 1];
    let many = entry(b"V_VP8", &[]).repeat(65);
    let over_limit = [
        start(&entry(b"V_VP8", &big)),
        start(&many),
        sized(EBML, 1 << 40, &[]),
        [start(&[]), sized(INFO, UNKNOWN - 1, &[])].concat(),
    ];
    for data in &over_limit[..3] {
        let (events, error) = survive("over a limit", data);
        assert!(matches!(error.unwrap().reason, Reason::OverLimit { .. }));
        assert!(events.is_empty());
    }
    assert!(survive("no tracks", &over_limit[3]).1.is_some());
}

#[test]
fn blocks_over_their_limit_are_damage() {
    let huge = sized(SIMPLE_BLOCK, (16 << 20) + 1, &[0x81, 0, 0, 0x80]);
    let (_, error) = survive("a first block", &[vp8(), cluster(0, &huge)].concat());
    assert!(matches!(error.unwrap().reason, Reason::OverLimit { what: "a block", .. }));
    let data = after_a_frame(&[huge, cluster(1000, &block(0, KEYFRAME))].concat());
    let (events, error) = survive("a later block", &data);
    assert_eq!((takes(&events), error), ((2, 1), None));
}

#[test]
fn giant_elements_that_nobody_needs_are_passed_over_without_being_kept() {
    for size in [1 << 24, 1 << 40, UNKNOWN - 1] {
        let mut reader = Reader::new();
        reader.push(&after_a_frame(&sized(TAGS, size, &[])));
        let mut events = Vec::new();
        for _ in 0..16 {
            reader.push(&[0x55; 1 << 20]);
            assert_eq!(recording::drain(&mut reader, &mut events), None);
            assert!(postcard::to_stdvec(&reader).unwrap().len() < 4096);
        }
        assert_eq!(frames(&events, Kind::Video).len(), 1);
    }
}

#[test]
fn a_million_tiny_elements_are_passed_over() {
    let data = after_a_frame(&[0xec, 0x80].repeat(1_000_000));
    let begin = Instant::now();
    let (events, error) = whole(&data);
    assert_eq!((frames(&events, Kind::Video).len(), error), (1, None));
    assert!(begin.elapsed() < Duration::from_secs(5));
    let data = [vp8(), cluster(0, &block(0, &[]).repeat(200_000))].concat();
    assert_eq!(whole(&data), (Vec::new(), None));
}

#[test]
fn elements_nested_without_end_are_one_element() {
    let mut nested = Vec::new();
    for _ in 0..10_000 {
        nested = element(if nested.len() < 1 << 17 { BLOCK_GROUP } else { VOID }, &nested);
        nested.truncate(1 << 18);
    }
    survive("nested groups", &[vp8(), cluster(0, &nested)].concat());
    survive("nested entries", &start(&[0xae, 0x87].repeat(10_000)));
    survive("nested segments", &[vp8(), sized(SEGMENT, UNKNOWN, &[]).repeat(10_000)].concat());
    survive("nested clusters", &[vp8(), sized(CLUSTER, UNKNOWN, &[]).repeat(10_000)].concat());
    survive("nested headers", &element(EBML, &element(&[0x42, 0x82], b"webm")).repeat(10_000));
}

#[test]
fn times_that_go_back_or_away_give_increasing_frames() {
    let times: [(u64, i16); 8] =
        [(0, -5), (100, 0), (100, 0), (90, 3), (5_000, i16::MIN), (5_000, i16::MAX), (1 << 40, 0), (7, 0)];
    let clusters: Vec<_> =
        times.iter().flat_map(|&(ms, relative)| cluster(ms, &block(relative, KEYFRAME))).collect();
    let (events, error) = survive("times", &[vp8(), clusters].concat());
    assert_eq!(error, None);
    assert_eq!(frames(&events, Kind::Video).len(), times.len());
    let mut last = -1;
    for event in events {
        match event {
            Event::Take { .. } => last = -1,
            Event::Track(_)
            | Event::Unread(_)
            | Event::ShownFrom { .. }
            | Event::Interleaved
            | Event::BeginsAt { .. } => {}
            Event::Frame(frame) => {
                assert!(frame.dts > last, "{} after {last}", frame.dts);
                last = frame.dts;
            }
        }
    }
    // Another clock, and not an error: each begins a take.
    let decades = [cluster(1 << 50, &block(0, KEYFRAME)), cluster(u64::MAX, &block(0, KEYFRAME))].concat();
    let (events, error) = survive("decades", &[vp8(), decades].concat());
    assert_eq!((takes(&events), error), ((2, 0), None));
    assert!(frames(&events, Kind::Video).iter().all(|frame| frame.pts == 0));
}

#[test]
fn an_odd_scale_is_refused_or_kept() {
    for scale in [0, UNKNOWN, 2_000_000_000] {
        let info = element(INFO, &element(&[0x2a, 0xd7, 0xb1], &u64::to_be_bytes(scale)));
        let header = element(EBML, &element(&[0x42, 0x82], b"webm"));
        let (_, error) = survive("scale", &[header, sized(SEGMENT, UNKNOWN, &[]), info].concat());
        assert!(matches!(error.unwrap().reason, Reason::Malformed(_)));
    }
}

#[test]
fn a_cut_off_recording_and_a_new_one_in_the_same_bytes_are_two_takes() {
    let first = fixture("webm_vp8_opus.webm");
    let second = fixture("ff_webm_vp8_opus.webm");
    let alone = recording::events(&second);
    for end in [first.len(), 200_000, 200_001, 200_002, 200_500, 203_000] {
        let (events, error) = whole(&[&first[..end], &second].concat());
        assert_eq!(error, None);
        assert_eq!(takes(&events).0, 2, "cut at {end}");
        assert!(events.ends_with(&alone[1..]), "cut at {end}");
    }
}
