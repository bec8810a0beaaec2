//! A chunk of a recorder that never came leaves a hole, not a recording that ends or lies.

#![allow(clippy::unwrap_used)]

mod recording;

use std::ops::Range;

use media::container::{Event, Reader};
use media::{Frame, Kind};
use recording::{events, fixture, takes};

fn frames(events: &[Event]) -> Vec<&Frame> {
    events
        .iter()
        .filter_map(|event| if let Event::Frame(frame) = event { Some(frame) } else { None })
        .collect()
}

/// The recording, and where its chunks begin and end.
fn chunks(name: &str) -> (Vec<u8>, Vec<Range<usize>>) {
    let about = fixture(&format!("{}.json", name.split_once('.').unwrap().0));
    let about: serde_json::Value = serde_json::from_slice(&about).unwrap();
    let mut end = 0;
    let chunks = about["chunk_bytes"].as_array().unwrap().iter().map(|bytes| {
        let start = end;
        end += bytes.as_u64().unwrap() as usize;
        start..end
    });
    let chunks = chunks.collect();
    (fixture(name), chunks)
}

const RECORDINGS: [&str; 6] = [
    "webm_vp8_opus.webm",
    "webm_vp9_opus.webm",
    "webm_av1_opus.webm",
    "mkv_avc1_opus.mkv",
    "ff_webm_vp8_opus.webm",
    "audio_webm_opus.webm",
];

fn without(data: &[u8], lost: Range<usize>) -> Vec<u8> {
    [&data[..lost.start], &data[lost.end.min(data.len())..]].concat()
}

#[test]
fn a_loss_in_the_middle_of_blocks_is_a_hole_up_to_the_next_cluster() {
    for name in RECORDINGS {
        let (data, chunks) = chunks(name);
        let all = events(&data);
        let all = frames(&all);
        // The last chunks hold no further cluster to go on from.
        for lost in &chunks[1..chunks.len() - 4] {
            let events = events(&without(&data, lost.start + 811..lost.end + 1399));
            assert_eq!(takes(&events), (2, 1), "{name} without {lost:?}");
            let found = frames(&events);
            // The frame that the loss cut is given out only if what follows it looks like an element by chance.
            let invented = found.iter().filter(|frame| !all.contains(frame)).count();
            assert!(invented <= 1, "{name} without {lost:?}: {invented} frames that nobody recorded");
            assert!(
                found.len() * 10 > all.len() * 7,
                "{name} without {lost:?}: {} of {}",
                found.len(),
                all.len()
            );
        }
    }
}

/// Chromium and Firefox cut slices a byte into a block: where a slice is lost, the structure goes on. Only where the
/// blocks behind it look like the next of the cluster that was cut, and the cluster after that is not late, is there no
/// trace of it.
#[test]
fn a_lost_slice_is_a_hole_though_the_structure_goes_on() {
    for name in RECORDINGS {
        let mut unseen = 0;
        let (data, chunks) = chunks(name);
        let all = events(&data);
        let all = frames(&all);
        for lost in &chunks[1..chunks.len() - 2] {
            let events = events(&without(&data, lost.clone()));
            match takes(&events) {
                (2, 1) => {}
                (1, 0) => unseen += 1,
                other => panic!("{name} without {lost:?}: {other:?}"),
            }
            let found = frames(&events);
            let is_recorded = |frame: &&Frame| all.iter().any(|known| known.data == frame.data);
            assert!(found.iter().all(is_recorded), "{name} without {lost:?}");
        }
        assert!(unseen <= 3, "{name}: {unseen} lost slices are not seen");
    }
}

#[test]
fn a_picture_that_comes_once_a_second_is_no_row_of_holes() {
    for name in ["made/slow_chromium_vp8.webm", "made/slow_vp8.webm", "made/slow_vp9.webm"] {
        assert_eq!(takes(&events(&fixture(name))), (1, 0), "{name}");
    }
}

#[test]
fn after_a_hole_each_track_is_announced_again_and_the_picture_waits_for_a_keyframe() {
    let (data, chunks) = chunks("webm_vp8_opus.webm");
    let events = events(&without(&data, chunks[5].start + 777..chunks[5].end + 1333));
    let hole = events.iter().position(|event| *event == Event::Take { after_hole: true }).unwrap();
    let first = |wanted: fn(&Event) -> bool| hole + events[hole..].iter().position(wanted).unwrap();
    let video = first(|event| matches!(event, Event::Track(track) if track.kind() == Kind::Video));
    let picture = first(|event| matches!(event, Event::Frame(frame) if frame.kind == Kind::Video));
    let audio = first(|event| matches!(event, Event::Track(track) if track.kind() == Kind::Audio));
    let sound = first(|event| matches!(event, Event::Frame(frame) if frame.kind == Kind::Audio));
    assert_eq!((video + 1, audio + 1), (picture, sound));
    assert!(matches!(&events[picture], Event::Frame(frame) if frame.key));
}

#[test]
fn a_lost_chunk_never_ends_the_recording_nor_breaks_its_order() {
    for name in RECORDINGS {
        let (data, chunks) = chunks(name);
        for lost in &chunks[1..] {
            let mut last = [i64::MIN; 2];
            for event in events(&without(&data, lost.clone())) {
                match event {
                    Event::Take { .. } => last = [i64::MIN; 2],
                    Event::Track(_)
                    | Event::Unread(_)
                    | Event::ShownFrom { .. }
                    | Event::Interleaved
                    | Event::BeginsAt { .. } => {}
                    Event::Frame(frame) => {
                        let last = &mut last[frame.kind as usize];
                        assert!(frame.dts > *last, "{name} without {lost:?}");
                        *last = frame.dts;
                    }
                }
            }
        }
    }
}

#[test]
fn a_second_recording_behind_damage_is_found_by_its_header() {
    let (first, _) = chunks("webm_vp9_opus.webm");
    let (second, _) = chunks("mkv_avc1_opus.mkv");
    let alone = events(&second);
    let both = events(&[&first[..100_000], &second].concat());
    assert_eq!(takes(&both), (2, 1));
    assert!(both.ends_with(&alone[1..]));
}

#[test]
fn damage_without_an_end_is_an_error_where_it_began() {
    let (mut data, _) = chunks("audio_webm_opus.webm");
    data.truncate(50_000);
    let good = data.len();
    data.extend(std::iter::repeat_n(0_u8, 9 << 20));
    let mut reader = Reader::new();
    let mut error = None;
    for slice in data.chunks(1 << 20) {
        reader.push(slice);
        while error.is_none() {
            match reader.next() {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(found) => error = Some(found),
            }
        }
    }
    let error = error.unwrap();
    assert!((good as u64..good as u64 + 1000).contains(&error.offset), "{error}");
    assert_eq!(reader.next(), Err(error));
}

#[test]
fn a_recording_in_the_other_container_may_follow() {
    for (first, second) in
        [("webm_vp9_opus.webm", "mp4_vp9_opus.mp4"), ("mp4_av01_opus.mp4", "ff_webm_vp8_opus.webm")]
    {
        let (first, second) = (fixture(first), fixture(second));
        let apart = [events(&first), events(&second)].concat();
        let together = [first.clone(), second].concat();
        assert!(events(&together) == apart);
        assert!(recording::read(together.chunks(1)).0 == apart);
    }
}
