//! MP4 that was made to hurt: it ends in an error with its place, in little time and memory.

use std::time::{Duration, Instant};

use bytes::Bytes;
use media::container::Event;
use media::container::mp4::read::Reader;
use media::container::mp4::write::{HeadChunk, HeadTrack, InitTrack, fragment, head, init};
use media::container::{self, Sample};
use media::{Codec, Error, Frame, Kind, Reason, Track};

/// The longest that any of these may take, many times over what it takes: the machine may be busy.
const LONGEST: Duration = Duration::from_secs(2);

fn read(bytes: &[u8]) -> (Vec<Event>, Option<Error>) {
    let begun = Instant::now();
    let mut reader = Reader::default();
    let mut events = Vec::new();
    let mut slices = bytes.chunks(1 << 20);
    let mut finished = false;
    let error = loop {
        match reader.next() {
            Ok(Some(event)) => events.push(event),
            Err(error) => break Some(error),
            Ok(None) if finished => break None,
            Ok(None) => match slices.next() {
                Some(slice) => reader.push(slice.to_vec().into()),
                None => {
                    finished = true;
                    reader.finish();
                }
            },
        }
    };
    assert!(begun.elapsed() < LONGEST);
    (events, error)
}

fn put(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    [&(content.len() as u32 + 8).to_be_bytes()[..], kind, content].concat()
}

fn opus() -> Track {
    Track {
        codec: Codec::Opus,
        timescale: 48_000,
        width: 0,
        height: 0,
        sample_rate: 48_000,
        channels: 2,
        config: Bytes::from_static(&[0, 2, 0, 0, 0, 0, 0xbb, 0x80, 0, 0, 0]),
        matrix: None,
        pixel_aspect: None,
    }
}

fn packets(count: i64) -> Vec<Frame> {
    let packet = |index| Frame {
        kind: Kind::Audio,
        dts: index * 960,
        pts: index * 960,
        duration: Some(960),
        key: true,
        data: Bytes::from_static(&[0xfc, 0xff, 0xfe]),
    };
    (0..count).map(packet).collect()
}

fn body(count: i64) -> Vec<u8> {
    let frames = packets(count);
    let (bytes, _) = fragment(&opus(), 1, &frames, &vec![960; frames.len()]).expect("a fragment");
    [init(&[InitTrack { track: &opus(), start: 0 }]), bytes].concat()
}

/// A finished file of packets of three bytes.
fn finished(count: u32) -> Vec<u8> {
    let samples = vec![Sample { offset: 0, size: 3, duration: 960, cts: 0, key: true }; count as usize];
    let chunks = [HeadChunk { track: 0, samples: count, bytes: u64::from(count) * 3 }];
    let track = opus();
    let head = head(&[HeadTrack { track: &track, samples: &samples, start: 0 }], &chunks);
    [head, [0xfc, 0xff, 0xfe].repeat(count as usize)].concat()
}

fn find(bytes: &[u8], kind: &[u8; 4]) -> usize {
    bytes.windows(4).position(|window| window == kind).expect("a box of this type")
}

fn with_u32(mut bytes: Vec<u8>, at: usize, value: u32) -> Vec<u8> {
    bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
    bytes
}

#[test]
fn boxes_in_boxes_without_end_are_refused() {
    let ftyp = put(b"ftyp", b"isom\0\0\0\0");
    for kind in [b"trak", b"mdia", b"moov"] {
        let nested = (0..10_000).fold(Vec::new(), |inner, _| put(kind, &inner));
        let (events, error) = read(&[&ftyp[..], &put(b"moov", &nested)].concat());
        assert!(events.is_empty());
        assert_eq!(error.expect("refused").offset / 24, 1);
    }
}

#[test]
fn a_million_boxes_are_passed_over_or_refused() {
    let ftyp = put(b"ftyp", b"isom\0\0\0\0");
    let free = put(b"free", &[]).repeat(1_000_000);
    let between = [&body(5)[..], &free, &body(5)].concat();
    let (events, error) = read(&between);
    assert_eq!((events.len(), error), (14, None));
    let (_, error) = read(&[&ftyp[..], &put(b"moov", &free)].concat());
    assert!(matches!(error.expect("refused").reason, Reason::Malformed(_)));
}

#[test]
fn a_giant_box_is_passed_over_without_being_held() {
    let mut reader = Reader::default();
    reader.push(body(5).into());
    reader.push(vec![0, 0, 0, 1, b'f', b'r', b'e', b'e', 0, 0, 1, 0, 0, 0, 0, 0].into());
    let mut events = 0;
    for _ in 0..64 {
        reader.push(vec![0; 1 << 20].into());
        while reader.next().expect("no error").is_some() {
            events += 1;
        }
        assert!(postcard::to_stdvec(&reader).expect("plain data").len() < 4096);
    }
    assert_eq!(events, 7);
}

#[test]
fn counts_that_lie_are_refused_or_end_the_track() {
    let good = finished(50);
    assert_eq!(read(&good).0.len(), 52);
    // Tables that say they hold more rows than they have room for have those that are there.
    for table in [b"stts", b"stsc", b"stco"] {
        let lying = with_u32(good.clone(), find(&good, table) + 8, u32::MAX);
        assert_eq!(read(&lying), read(&good));
    }
    // More samples than there are times for, all of one size.
    let (events, error) = read(&with_u32(good.clone(), find(&good, b"stsz") + 12, u32::MAX));
    assert_eq!((events.len(), error), (52, None));
    // Samples of 4 GiB, and a first chunk before the media.
    let (events, _) = read(&with_u32(good.clone(), find(&good, b"stsz") + 8, u32::MAX));
    assert!(events.is_empty());
    let (events, _) = read(&with_u32(good.clone(), find(&good, b"stco") + 12, 0));
    assert!(events.is_empty());
}

#[test]
fn samples_that_are_announced_and_never_come_are_refused() {
    let good = body(5);
    let moof = find(&good, b"moof") - 4;
    let mut empty = good[moof..find(&good, b"mdat") - 4].to_vec();
    // A run of so many samples, all of the size that the header of the track says: it takes no more bytes for many.
    let trun = find(&empty, b"trun");
    empty[trun + 4..trun + 8].copy_from_slice(&[0; 4]);
    let empty = with_u32(empty, trun + 8, 1 << 18);
    let mut many = good.clone();
    let trex = find(&many, b"trex");
    many = with_u32(many, trex + 20, 1);
    for _ in 0..10_000 {
        many.extend(&empty);
    }
    let (events, error) = read(&many);
    assert!(events.len() < 100);
    assert!(matches!(error.expect("refused").reason, Reason::OverLimit { .. }));
}

#[test]
fn a_sample_over_the_limit_is_refused_before_it_is_held() {
    let sample = Sample { offset: 0, size: 100 << 20, duration: 960, cts: 0, key: true };
    let track = opus();
    let chunks = [HeadChunk { track: 0, samples: 1, bytes: 100 << 20 }];
    let mut bytes = head(&[HeadTrack { track: &track, samples: &[sample], start: 0 }], &chunks);
    bytes.extend([0; 100]);
    let limit = Reason::OverLimit { what: "a sample", limit: 16 << 20 };
    assert_eq!(read(&bytes).1.expect("refused").reason, limit);
}

#[test]
fn media_of_wide_and_of_no_size_are_read() {
    let good = finished(50);
    let at = find(&good, b"mdat") - 4;
    let open = with_u32(good.clone(), at, 0);
    assert_eq!(read(&open), read(&good));
    // The header grows by eight bytes: the chunk moves.
    let wide = [&[0, 0, 0, 1][..], b"mdat", &(16 + 150_u64).to_be_bytes()].concat();
    let moved = [&good[..at], &wide, &good[at + 8..]].concat();
    let stco = find(&moved, b"stco") + 12;
    assert_eq!(read(&with_u32(moved, stco, at as u32 + 16)), read(&good));
}

#[test]
fn times_near_the_end_of_all_numbers_are_refused_or_kept() {
    let good = body(5);
    let tfdt = find(&good, b"tfdt") + 8;
    let most = (1_u64 << 63) - (1 << 52);
    for time in [u64::MAX, 1 << 63, most + 1] {
        let mut late = good.clone();
        late[tfdt..tfdt + 8].copy_from_slice(&time.to_be_bytes());
        let limit = Reason::OverLimit { what: "the time of a fragment", limit: most };
        assert_eq!(read(&late).1.expect("refused"), limit.at(tfdt as u64));
    }
    let mut late = good;
    late[tfdt..tfdt + 8].copy_from_slice(&most.to_be_bytes());
    assert_eq!(read(&late).0.len(), 7);
}

#[test]
fn a_clock_that_steps_back_begins_a_take_and_overlap_is_moved_forward() {
    let (all, durations) = (packets(200), [960; 100]);
    let piece = |number, from: usize| {
        fragment(&opus(), number, &all[from..from + 100], &durations).expect("a fragment").0
    };
    let start = init(&[InitTrack { track: &opus(), start: 0 }]);
    let takes = |events: &[Event]| events.iter().filter(|event| matches!(event, Event::Take { .. })).count();
    let (restarted, _) = read(&[&start[..], &piece(1, 100), &piece(2, 0)].concat());
    assert_eq!(takes(&restarted), 2);
    let (overlapping, _) = read(&[&start[..], &piece(1, 0), &piece(2, 60)].concat());
    assert_eq!(takes(&overlapping), 1);
    let times: Vec<_> = overlapping
        .iter()
        .filter_map(|event| if let Event::Frame(frame) = event { Some(frame.dts) } else { None })
        .collect();
    assert_eq!(times.len(), 200);
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]));
}

/// The two pictures of a phone that was turned, as one encoder wrote them: parameter sets at each keyframe.
#[test]
fn another_picture_in_the_same_track_begins_a_take() {
    let path = format!("{}/../../testdata/resize_mkv_avc1.mkv", env!("CARGO_MANIFEST_DIR"));
    let bytes = std::fs::read(path).unwrap();
    let mut reader = container::Reader::new();
    let mut source = Vec::new();
    for slice in bytes.chunks(1 << 20) {
        reader.push(slice);
        while let Some(event) = reader.next().unwrap() {
            source.push(event);
        }
    }
    let of_video = |event: &Event| match event {
        Event::Track(track) => track.kind() == Kind::Video,
        Event::Frame(frame) => frame.kind == Kind::Video,
        Event::Take { .. }
        | Event::Unread(_)
        | Event::ShownFrom { .. }
        | Event::Interleaved
        | Event::BeginsAt { .. } => true,
    };
    source.retain(of_video);
    let tracks: Vec<_> = source
        .iter()
        .filter_map(|event| if let Event::Track(track) = event { Some(track.clone()) } else { None })
        .collect();
    assert!(tracks.len() > 1);
    assert_ne!((tracks[0].width, tracks[0].height), (tracks[1].width, tracks[1].height));
    let mut frames: Vec<_> = source
        .into_iter()
        .filter_map(|event| if let Event::Frame(frame) = event { Some(frame) } else { None })
        .collect();
    frames.iter_mut().for_each(|frame| (frame.dts, frame.pts) = (frame.pts, frame.pts));
    let durations = vec![33; frames.len()];
    let (media, _) = fragment(&tracks[0], 1, &frames, &durations).unwrap();
    let (events, error) = read(&[init(&[InitTrack { track: &tracks[0], start: 0 }]), media].concat());
    assert_eq!(error, None);
    let sizes: Vec<_> = events
        .iter()
        .filter_map(
            |event| if let Event::Track(track) = event { Some((track.width, track.height)) } else { None },
        )
        .collect();
    assert_eq!(sizes, tracks.iter().map(|track| (track.width, track.height)).collect::<Vec<_>>());
    let takes = events.iter().filter(|event| **event == Event::Take { after_hole: false }).count();
    assert_eq!(takes, tracks.len());
}
