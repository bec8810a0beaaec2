//! What is written as MP4 is found again as it was.

use bytes::Bytes;
use media::container::mp4::index;
use media::container::mp4::write::{HeadChunk, HeadTrack, InitTrack, fragment, head, init};
use media::container::{Fragment, Sample};
use media::{Codec, Frame, Kind, Track};

/// The record of Chromium's recorder (OpenH264, 640x480).
const AVC: &[u8] = &[
    0x01, 0x42, 0xc0, 0x1f, 0xff, 0xe1, 0x00, 0x12, 0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x8d, 0x40, 0x50, 0x1e,
    0xd3, 0x50, 0x60, 0x60, 0x60, 0x78, 0x44, 0x23, 0x50, 0x01, 0x00, 0x04, 0x68, 0xce, 0x3c, 0x80,
];

fn video() -> Track {
    Track {
        codec: Codec::H264,
        timescale: 90_000,
        width: 640,
        height: 480,
        sample_rate: 0,
        channels: 0,
        config: Bytes::from_static(AVC),
        matrix: Some([0, 0x1_0000, 0, -0x1_0000, 0, 0, 480 << 16, 0, 0x4000_0000]),
        pixel_aspect: None,
    }
}

fn aac() -> Track {
    Track {
        codec: Codec::Aac,
        timescale: 44_100,
        width: 0,
        height: 0,
        sample_rate: 44_100,
        channels: 2,
        config: Bytes::from_static(&[0x12, 0x10]),
        matrix: None,
        pixel_aspect: None,
    }
}

fn opus() -> Track {
    Track {
        codec: Codec::Opus,
        timescale: 48_000,
        sample_rate: 48_000,
        config: Bytes::from_static(&[0, 2, 1, 0x38, 0, 0, 0xbb, 0x80, 0, 0, 0]),
        ..aac()
    }
}

fn frames(times: &[(i64, i64)]) -> Vec<Frame> {
    let frame = |(index, &(dts, pts)): (usize, &(i64, i64))| Frame {
        kind: Kind::Video,
        dts,
        pts,
        duration: None,
        key: index == 0,
        data: Bytes::from(vec![index as u8; index * 7]),
    };
    times.iter().enumerate().map(frame).collect()
}

#[test]
fn the_track_of_a_body_is_found_again() {
    for track in [video(), aac(), opus()] {
        let bytes = init(&[InitTrack { track: &track, start: 0 }]);
        assert_eq!(index::init(&bytes).unwrap(), Some((track, bytes.len())));
        for end in 0..bytes.len() {
            assert_eq!(index::init(&bytes[..end]).unwrap(), None);
        }
    }
}

#[test]
fn a_fragment_is_found_again_as_it_was_written() {
    let base = 0x1_2345_6789;
    let in_order: Vec<_> = (0..5).map(|index| (base + index * 3000, base + index * 3000)).collect();
    let reordered = [(base, base + 3000), (base + 3000, base + 9000), (base + 6000, base + 5000)];
    for times in [&in_order[..], &reordered] {
        let frames = frames(times);
        let durations: Vec<_> = (0..frames.len() as u32).map(|index| 3000 + index).collect();
        let (bytes, written) = fragment(&video(), 7, &frames, &durations).unwrap();
        assert_eq!(written.len as usize, bytes.len());
        assert_eq!(written.base_dts, base);
        for (sample, frame) in written.samples.iter().zip(&frames) {
            assert_eq!(bytes[sample.offset as usize..][..sample.size as usize], frame.data);
            assert_eq!(i64::from(sample.cts), frame.pts - frame.dts);
        }
        let head_len = written.samples[0].offset as usize;
        for end in 0..=bytes.len() {
            let expected = (end >= head_len).then(|| written.clone());
            assert_eq!(index::fragment(&bytes[..end]).unwrap(), expected, "cut at {end}");
        }
    }
}

#[test]
fn frames_that_no_fragment_holds_are_refused() {
    assert!(fragment(&video(), 1, &[], &[]).is_err());
    assert!(fragment(&video(), 1, &frames(&[(0, 0)]), &[]).is_err());
    assert!(fragment(&video(), 1, &frames(&[(-1, 0)]), &[3000]).is_err());
    assert!(fragment(&video(), 1, &frames(&[(0, i64::MAX)]), &[3000]).is_err());
}

#[test]
fn bytes_that_are_no_body_are_refused_with_their_place() {
    let bytes = init(&[InitTrack { track: &video(), start: 0 }]);
    assert_eq!(index::fragment(&bytes).unwrap_err().offset, 0);
    let ftyp = u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize;
    let mut damaged = bytes.clone();
    damaged[ftyp + 4] = b'x';
    assert_eq!(index::init(&damaged).unwrap_err().offset, ftyp as u64);
}

#[test]
fn a_million_samples_get_their_head_at_once() {
    let samples: Vec<_> = (0..1_000_000)
        .map(|index| Sample {
            offset: 0,
            size: 1000 + index % 77,
            duration: 1500,
            cts: 0,
            key: index % 120 == 0,
        })
        .collect();
    let chunk = |samples: &[Sample]| HeadChunk {
        track: 0,
        samples: samples.len() as u32,
        bytes: samples.iter().map(|sample| u64::from(sample.size)).sum(),
    };
    let chunks: Vec<_> = samples.chunks(60).map(chunk).collect();
    let track = video();
    let bytes = head(&[HeadTrack { track: &track, samples: &samples, start: 0 }], &chunks);
    assert!(bytes.len() < 4_500_000, "{}", bytes.len());
}

#[test]
fn a_head_over_four_gibibytes_uses_wide_sizes_and_offsets() {
    let samples: Vec<_> =
        (0..600).map(|_| Sample { offset: 0, size: 10_000_000, duration: 1500, cts: 0, key: true }).collect();
    let chunks = [HeadChunk { track: 0, samples: 600, bytes: 6_000_000_000 }];
    let track = video();
    let bytes = head(&[HeadTrack { track: &track, samples: &samples, start: 0 }], &chunks);
    assert!(bytes.windows(4).any(|kind| kind == b"co64"));
    assert_eq!(bytes[bytes.len() - 16..bytes.len() - 8], [0, 0, 0, 1, b'm', b'd', b'a', b't']);
    assert_eq!(bytes[bytes.len() - 8..], 6_000_000_016_u64.to_be_bytes());
}

#[test]
fn fragment_knows_how_long_it_lasts() {
    let (_, written): (_, Fragment) =
        fragment(&video(), 1, &frames(&[(0, 0), (3000, 3000)]), &[3000, 2900]).unwrap();
    assert_eq!(written.duration(), 5900);
}
