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

/// The recording, whose clusters are of unknown size, with other times of its clusters.
fn with_cluster_times(data: &[u8], mut time: impl FnMut(u64) -> u64) -> Vec<u8> {
    const CLUSTER: [u8; 4] = [0x1f, 0x43, 0xb6, 0x75];
    let (mut out, mut rest) = (Vec::new(), data);
    while let Some(at) = rest.windows(4).position(|id| id == CLUSTER) {
        let size = rest[at + 4].leading_zeros() as usize + 1;
        let stamp = at + 4 + size;
        assert_eq!(rest[stamp], 0xe7, "a cluster begins with its time");
        let len = usize::from(rest[stamp + 1] & 0x7f);
        let value =
            rest[stamp + 2..stamp + 2 + len].iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
        out.extend_from_slice(&rest[..stamp]);
        out.extend([0xe7, 0x88]);
        out.extend(time(value).to_be_bytes());
        rest = &rest[stamp + 2 + len..];
    }
    out.extend_from_slice(rest);
    out
}

fn span_of(events: &[Event], kind: Kind) -> i64 {
    let frames = frames(events, kind);
    frames.last().unwrap().pts - frames[0].pts
}

#[test]
fn a_clock_of_32_bits_that_begins_again_goes_on() {
    let data = fixture("webm_vp9_opus.webm");
    let (all, _) = whole(&data);
    for before in [1_500, 3_000] {
        let wrapped = with_cluster_times(&data, |ms| ((1 << 32) - before + ms) % (1 << 32));
        let (found, error) = whole(&wrapped);
        assert_eq!((error, takes(&found)), (None, (1, 0)));
        assert!(is_whole(&found, &all));
        for kind in [Kind::Video, Kind::Audio] {
            assert_eq!(span_of(&found, kind), span_of(&all, kind));
        }
    }
}

#[test]
fn a_cluster_whose_time_is_later_than_its_blocks_is_not_late() {
    let data = fixture("webm_vp9_opus.webm");
    let (all, _) = whole(&data);
    let (mut later, mut places) = (with_cluster_times(&data, |ms| ms + 2_000), Vec::new());
    places.extend(times_of_blocks(&later, 1));
    places.extend(times_of_blocks(&later, 2));
    for place in places {
        later = moved(&later, place, -2_000);
    }
    let (found, error) = whole(&later);
    assert_eq!((error, takes(&found)), (None, (1, 0)));
    assert!(is_whole(&found, &all));
}
