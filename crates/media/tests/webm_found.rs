//! Odd recordings that other people's programs were reported to make (`testdata/found`) come out whole.

#![allow(clippy::unwrap_used)]

mod recording;

use media::container::Event;
use media::{Kind, Unread, Why};
use recording::{events, fixture, frames, read, takes, track, tracks};

/// The pictures and the packets of sound, how many takes, how many of them after a hole.
fn counts(events: &[Event]) -> (usize, usize, (usize, usize)) {
    (frames(events, Kind::Video).len(), frames(events, Kind::Audio).len(), takes(events))
}

fn found(name: &str) -> Vec<Event> {
    let data = fixture(&format!("found/{name}"));
    let events = events(&data);
    assert!(read(data.chunks(1)).0 == events, "{name} in slices of a byte");
    events
}

fn unread(events: &[Event]) -> Vec<&Unread> {
    events
        .iter()
        .filter_map(|event| if let Event::Unread(piece) = event { Some(piece) } else { None })
        .collect()
}

const ALL: (usize, usize, (usize, usize)) = (100, 201, (1, 0));

#[test]
fn an_element_that_nobody_knows_is_skipped_by_its_size() {
    for name in ["unknown_element_in_cluster.webm", "unknown_element_in_segment.webm"] {
        let events = found(name);
        assert_eq!((counts(&events), unread(&events).len()), (ALL, 0), "{name}");
    }
}

#[test]
fn an_empty_block_and_a_block_of_no_track_cost_themselves_alone() {
    let empty = found("empty_simple_block.webm");
    assert_eq!((counts(&empty), unread(&empty).len()), (ALL, 0));
    let unannounced = found("block_of_an_unannounced_track.webm");
    assert_eq!(counts(&unannounced), ALL);
    let [piece] = unread(&unannounced)[..] else { panic!("one block is told") };
    assert_eq!((piece.reason, piece.kind), (Why::Unreadable, None));
}

#[test]
fn a_segment_of_size_0_and_a_block_before_its_timestamp_are_read() {
    for name in ["segment_size_zero.webm", "cluster_timestamp_second.webm"] {
        let events = found(name);
        assert_eq!((counts(&events), unread(&events).len()), (ALL, 0), "{name}");
        let times: Vec<_> = frames(&events, Kind::Video).iter().map(|frame| frame.pts).collect();
        assert!(times.windows(2).all(|pair| (38..=42).contains(&(pair[1] - pair[0]))), "{name}: {times:?}");
    }
}

#[test]
fn a_single_step_back_of_the_sound_is_moved_and_nothing_is_lost() {
    for (name, all) in [
        ("audio_45ms_back_once.webm", ALL),
        ("chromium_audio_10ms_back_every_20th_packet.webm", (101, 94, (1, 0))),
    ] {
        let events = found(name);
        assert_eq!((counts(&events), unread(&events).len()), (all, 0), "{name}");
    }
}

#[test]
fn clusters_that_count_from_1970_begin_at_0() {
    let events = found("first_cluster_at_unix_epoch.webm");
    assert_eq!(counts(&events), ALL);
    assert!(frames(&events, Kind::Video)[0].pts < 1_000);
}

#[test]
fn times_before_0_keep_their_distances() {
    let events = found("negative_first_timestamps.webm");
    assert_eq!(counts(&events), ALL);
    // The first cluster lies half a second earlier than it was recorded, so that 540 ms lie before the second.
    for (kind, step, gap) in [(Kind::Video, 38..=42, 540), (Kind::Audio, 900..=1_020, 48 * 520)] {
        let times: Vec<_> = frames(&events, kind).iter().map(|frame| frame.pts).collect();
        let gaps: Vec<_> =
            times.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| !step.contains(gap)).collect();
        let [only] = gaps[..] else { panic!("{times:?}") };
        assert!((only - gap).abs() <= gap / 10, "{only}");
    }
}

#[test]
fn a_block_with_only_a_delimiter_is_passed_over() {
    let events = found("h264_block_with_only_a_delimiter.mkv");
    assert_eq!((frames(&events, Kind::Video).len(), takes(&events), unread(&events).len()), (150, (1, 0), 0));
}

#[test]
fn a_frame_between_start_codes_in_a_track_of_lengths_is_read_as_what_it_is() {
    let events = found("h264_one_frame_with_start_code.mkv");
    assert_eq!((frames(&events, Kind::Video).len(), takes(&events), unread(&events).len()), (150, (1, 0), 0));
}

#[test]
fn parameter_sets_in_a_block_of_their_own_give_a_picture() {
    let events = found("h264_parameter_sets_in_a_block_of_their_own.mkv");
    assert_eq!((frames(&events, Kind::Video).len(), takes(&events), unread(&events).len()), (150, (1, 0), 0));
    assert!(!track(&events, Kind::Video).config.is_empty());
}

#[test]
fn the_shape_of_pixels_is_that_of_the_display_size() {
    let events = found("anamorphic_display_size_vp9.webm");
    assert_eq!(track(&events, Kind::Video).pixel_aspect, Some((427, 320)));
    assert_eq!(tracks(&events).len(), 2);
}

#[test]
fn a_pyramid_of_pictures_is_whole() {
    let events = found("h264_8_bframes_pyramid.mkv");
    let video = frames(&events, Kind::Video);
    assert_eq!((video.len(), takes(&events)), (100, (1, 0)));
    assert!(video.iter().all(|frame| frame.dts <= frame.pts));
}
