//! What is written as WebM is read again as the same frames, by the reader and by the index.

#![allow(clippy::unwrap_used)]

mod recording;

use bytes::Bytes;
use media::container::webm::write::{self, BlockGroup, Cue, WriteError};
use media::container::webm::{index, read};
use media::container::{Event, Fragment};
use media::{Codec, Frame, Kind, Track};
use recording::{events, fixture, track};

fn recorded(name: &str) -> Vec<Event> {
    events(&fixture(name))
}

fn frames(events: &[Event], kind: Kind) -> Vec<Frame> {
    recording::frames(events, kind).into_iter().cloned().collect()
}

/// How long each frame lasts: to the next one; the last 20 ms.
fn durations(frames: &[Frame]) -> Vec<u32> {
    let mut durations: Vec<_> = frames.windows(2).map(|pair| (pair[1].dts - pair[0].dts) as u32).collect();
    durations.push(20);
    durations
}

/// The body of a VP8 track, in fragments of `count` frames.
fn body(track: &Track, frames: &[Frame], count: usize) -> (Vec<u8>, Vec<Fragment>) {
    let mut body = write::init(&[track]);
    let mut fragments = Vec::new();
    for (frames, durations) in frames.chunks(count).zip(durations(frames).chunks(count)) {
        let sequence = fragments.len() as u32 + 1;
        let (bytes, fragment) = write::fragment(track, sequence, frames, durations).unwrap();
        assert_eq!(bytes.len(), fragment.len as usize);
        body.extend(bytes);
        fragments.push(fragment);
    }
    (body, fragments)
}

#[test]
fn a_vp8_body_is_read_as_the_frames_that_were_written() {
    let recording = recorded("webm_vp8_opus.webm");
    let (track, written) = (track(&recording, Kind::Video), frames(&recording, Kind::Video));
    let (body, _) = body(&track, &written, 13);
    let read = events(&body);
    assert_eq!(read[..3], [Event::Take { after_hole: false }, Event::Interleaved, Event::Track(track)]);
    let expected: Vec<_> = written
        .iter()
        .zip(durations(&written))
        .map(|(frame, duration)| Frame { duration: Some(duration), ..frame.clone() })
        .collect();
    assert_eq!(frames(&read, Kind::Video), expected);
}

#[test]
fn the_index_finds_the_fragments_of_a_body_again() {
    let recording = recorded("webm_vp8_opus.webm");
    let (track, written) = (track(&recording, Kind::Video), frames(&recording, Kind::Video));
    let (body, fragments) = body(&track, &written, 13);
    let (found, mut at) = index::init(&body).unwrap().unwrap();
    assert_eq!(found, track);
    let mut left = written.iter();
    for fragment in fragments {
        assert_eq!(index::fragment(&body[at..], &track).unwrap().as_ref(), Some(&fragment));
        for sample in &fragment.samples {
            let start = at + sample.offset as usize;
            assert_eq!(body[start..start + sample.size as usize], left.next().unwrap().data);
        }
        at += fragment.len as usize;
    }
    assert_eq!((at, left.next()), (body.len(), None));
}

#[test]
fn a_torn_body_is_told_from_one_that_is_not_ours() {
    let recording = recorded("webm_vp8_opus.webm");
    let (track, written) = (track(&recording, Kind::Video), frames(&recording, Kind::Video));
    let init = write::init(&[&track]);
    for cut in 0..init.len() {
        assert_eq!(index::init(&init[..cut]).unwrap(), None, "{cut}");
    }
    let (bytes, _) = write::fragment(&track, 7, &written[..3], &[33, 33, 33]).unwrap();
    for cut in 0..bytes.len() {
        assert_eq!(index::fragment(&bytes[..cut], &track).unwrap(), None, "{cut}");
    }
    let recorded = fixture("webm_vp8_opus.webm");
    assert!(index::init(&recorded).is_err());
    assert!(index::fragment(&recorded, &track).is_err());
    assert!(index::fragment(&write::cluster_head(0, Some(0)), &track).is_err());
    assert!(index::fragment(&[0; 64], &track).is_err());
}

#[test]
fn frames_that_no_cluster_can_hold_are_refused() {
    let track = Track {
        codec: Codec::Vp8,
        timescale: 1000,
        width: 640,
        height: 480,
        sample_rate: 0,
        channels: 0,
        config: Bytes::new(),
        matrix: None,
        pixel_aspect: None,
    };
    let at = |pts| Frame {
        kind: Kind::Video,
        dts: pts,
        pts,
        duration: None,
        key: true,
        data: Bytes::from_static(&[0x10, 2, 0, 0x9d, 1, 0x2a, 1, 0, 1, 0]),
    };
    let refused =
        |frames: &[Frame], durations: &[u32]| write::fragment(&track, 1, frames, durations).unwrap_err();
    assert_eq!(refused(&[], &[]), WriteError::Counts);
    assert_eq!(refused(&[at(0)], &[]), WriteError::Counts);
    assert_eq!(refused(&[at(0), at(32_768)], &[1, 1]), WriteError::Span);
    assert_eq!(refused(&[at(5), at(4)], &[1, 1]), WriteError::Span);
    assert_eq!(refused(&[at(-1)], &[1]), WriteError::Span);
    assert!(write::fragment(&track, 1, &[at(0), at(32_767)], &[1, 1]).is_ok());
    let fine = Track { timescale: 90_000, ..track.clone() };
    assert_eq!(write::fragment(&fine, 1, &[at(0)], &[1]).unwrap_err(), WriteError::Timescale);
}

/// A whole file of two tracks: one cluster for each second, a cue for each keyframe.
fn replay(tracks: [&Track; 2], mut frames: Vec<Frame>) -> Vec<u8> {
    let ms = |frame: &Frame| tracks[usize::from(frame.kind == Kind::Audio)].to_ms(frame.pts) as u64;
    frames.sort_by_key(ms);
    let (mut clusters, mut cues) = (Vec::new(), Vec::new());
    for second in frames.chunk_by(|one, other| ms(one) / 1000 == ms(other) / 1000) {
        let start = ms(&second[0]);
        let mut blocks = Vec::new();
        for frame in second {
            let (time_ms, size) = (ms(frame), frame.data.len() as u32);
            if frame.key && frame.kind == Kind::Video {
                let position = (write::CLUSTER_HEAD - 12 + blocks.len()) as u64;
                cues.push(Cue {
                    time_ms,
                    cluster_offset: clusters.len() as u64,
                    relative_position: Some(position),
                });
            }
            blocks.extend(write::simple_block_head(frame.kind, (time_ms - start) as i16, frame.key, size));
            blocks.extend_from_slice(&frame.data);
        }
        clusters.extend(write::cluster_head(start, Some(blocks.len() as u64)));
        clusters.extend(blocks);
    }
    let mut file = write::head(&tracks, frames.last().map_or(0, ms) + 50, &cues, clusters.len() as u64);
    file.extend(clusters);
    file
}

#[test]
fn a_replay_with_cues_is_read_as_the_frames_that_were_written() {
    for name in ["webm_vp9_opus.webm", "webm_av1_opus.webm", "ff_webm_vp8_opus.webm", "mkv_avc1_opus.mkv"] {
        let recording = recorded(name);
        let (video, audio) = (track(&recording, Kind::Video), track(&recording, Kind::Audio));
        let all = [frames(&recording, Kind::Video), frames(&recording, Kind::Audio)].concat();
        let file = replay([&video, &audio], all);
        if let Some(folder) = std::env::var_os("KEEP_WRITTEN") {
            std::fs::write(std::path::Path::new(&folder).join(name), &file).unwrap();
        }
        let read = events(&file);
        assert_eq!(track(&read, Kind::Video), video, "{name}");
        assert_eq!(track(&read, Kind::Audio), audio, "{name}");
        assert_eq!(frames(&read, Kind::Video), frames(&recording, Kind::Video), "{name}");
        assert_eq!(frames(&read, Kind::Audio), frames(&recording, Kind::Audio), "{name}");
    }
}

#[test]
fn a_replay_whose_sizes_meet_the_reserved_ones_is_read() {
    let recording = recorded("webm_vp8_opus.webm");
    let (video, frames) = (track(&recording, Kind::Video), frames(&recording, Kind::Video));
    for size in [121, 122, 123, 124, 16_378, 16_379, 16_380] {
        let data = frames[0].data.iter().copied().cycle().take(size).collect::<Vec<_>>();
        let group =
            BlockGroup { kind: Kind::Video, relative_ms: 0, key: true, duration_ms: 40, size: size as u32 };
        let blocks = [group.head(), data.clone(), group.tail()].concat();
        let mut file = write::init(&[&video]);
        file.extend(write::cluster_head(0, None));
        file.extend(blocks);
        let mut reader = read::Reader::default();
        reader.push(file.clone().into());
        reader.finish();
        let last = std::iter::from_fn(|| reader.next().unwrap()).last();
        let Some(Event::Frame(frame)) = last else { panic!("{size}: {last:?}") };
        assert_eq!((frame.data, frame.duration), (data.into(), Some(40)));
    }
}
