//! A time that is odd is moved; nothing is lost for it, and no take begins.

#![allow(clippy::unwrap_used)]

mod recording;

use media::container::Event;
use media::{Kind, Why};
use recording::{fixture, frames, takes, whole};

/// Where the relative times of the simple blocks of a track stand.
fn times_of_blocks(data: &[u8], track: u8) -> Vec<usize> {
    const MASTERS: [&[u8]; 2] = [&[0x18, 0x53, 0x80, 0x67], &[0x1f, 0x43, 0xb6, 0x75]];
    let (mut at, mut places) = (0, Vec::new());
    while at < data.len() {
        let id = data[at].leading_zeros() as usize + 1;
        let width = data[at + id].leading_zeros() as usize + 1;
        let size =
            data[at + id..at + id + width].iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        let begin = at + id + width;
        if data[at] == 0xa3 && data[begin] == 0x80 | track {
            places.push(begin + 1);
        }
        let is_master = MASTERS.contains(&&data[at..at + id]);
        at = if is_master { begin } else { begin + (size & ((1 << (7 * width)) - 1)) as usize };
    }
    places
}

fn moved(data: &[u8], place: usize, ms: i16) -> Vec<u8> {
    let mut data = data.to_vec();
    let time = i16::from_be_bytes([data[place], data[place + 1]]).saturating_add(ms);
    data[place..place + 2].copy_from_slice(&time.to_be_bytes());
    data
}

/// Whether the frames are those of the recording, in order, but for their times.
fn is_whole(found: &[Event], all: &[Event]) -> bool {
    [Kind::Video, Kind::Audio].into_iter().all(|kind| {
        let data = |events| frames(events, kind).into_iter().map(|frame| &frame.data).collect::<Vec<_>>();
        data(found) == data(all)
    })
}

#[test]
fn one_time_that_steps_by_anything_is_moved_alone() {
    for name in ["webm_vp9_opus.webm", "audio_webm_opus.webm", "ff_webm_vp8_opus.webm"] {
        let data = fixture(name);
        let (all, _) = whole(&data);
        let sound = if name.starts_with("ff") { 2 } else { data_track(&all) };
        let places = [times_of_blocks(&data, 1), times_of_blocks(&data, 2)];
        assert!(places[usize::from(sound) - 1].len() > 300, "{name}");
        let places = places[usize::from(sound) - 1].iter().skip(1).step_by(29);
        for (&place, ms) in places.zip([-7, -45, -61, -200, -450, -900, -1_500, -4_000].into_iter().cycle()) {
            let (found, error) = whole(&moved(&data, place, ms));
            assert_eq!((error, takes(&found)), (None, (1, 0)), "{name}: {ms} ms at {place}");
            assert!(is_whole(&found, &all), "{name}: {ms} ms at {place}");
        }
    }
}

/// The number of the track of the sound: Chromium gives 1 to whichever comes first.
fn data_track(events: &[Event]) -> u8 {
    let first = events
        .iter()
        .find_map(|event| if let Event::Track(track) = event { Some(track.kind()) } else { None });
    if first == Some(Kind::Audio) { 1 } else { 2 }
}

#[test]
fn every_twentieth_time_may_step_back() {
    let data = fixture("webm_vp9_opus.webm");
    let (all, _) = whole(&data);
    let places = times_of_blocks(&data, data_track(&all));
    let changed = places.iter().skip(7).step_by(20).fold(data, |data, &place| moved(&data, place, -70));
    let (found, error) = whole(&changed);
    assert_eq!((error, takes(&found)), (None, (1, 0)));
    assert!(is_whole(&found, &all));
}

#[test]
fn a_time_that_is_ahead_alone_goes_back_between_its_neighbours() {
    let data = fixture("webm_vp9_opus.webm");
    let (all, _) = whole(&data);
    let places = times_of_blocks(&data, data_track(&all));
    for (&place, ms) in places.iter().skip(3).step_by(31).zip([400, 900, 3_000].into_iter().cycle()) {
        let (found, error) = whole(&moved(&data, place, ms));
        assert_eq!((error, takes(&found)), (None, (1, 0)), "{ms} ms at {place}");
        assert!(is_whole(&found, &all), "{ms} ms at {place}");
        let last = |events| frames(events, Kind::Audio).last().unwrap().pts;
        assert!(last(&found) <= last(&all) + 48 * 70, "{ms} ms at {place}");
    }
}

#[test]
fn pictures_before_the_first_keyframe_are_told() {
    let data = fixture("webm_vp8_opus.webm");
    let (all, _) = whole(&data);
    let begin = data.windows(4).position(|bytes| bytes == [0x1f, 0x43, 0xb6, 0x75]).unwrap();
    let second =
        begin + 4 + data[begin + 4..].windows(4).position(|bytes| bytes == [0x1f, 0x43, 0xb6, 0x75]).unwrap();
    let (found, error) = whole(&[&data[..begin], &data[second..]].concat());
    assert_eq!(error, None);
    let told = |event: &&Event| {
        matches!(event, Event::Unread(piece)
            if piece.reason == Why::BeforeKeyframe && piece.kind == Some(Kind::Video))
    };
    let told = found.iter().filter(told).count();
    assert!(told > 0);
    assert!(told + frames(&found, Kind::Video).len() <= frames(&all, Kind::Video).len());
}
