//! Where a decoder may start in H.264: recovery points with open groups, intra refresh, no IDR at all; and parameter sets
//! from wherever they came.

#![allow(clippy::unwrap_used)]

mod recording;

use media::container::Event;
use media::{Frame, Kind, Why};
use recording::{events, fixture, frames, takes, track, whole};

fn keys(events: &[Event]) -> Vec<usize> {
    let video = frames(events, Kind::Video);
    (0..video.len()).filter(|&at| video[at].key).collect()
}

/// Where the first clusters of a file begin, and its frames of video.
fn blocks(data: &[u8]) -> Vec<(usize, usize)> {
    let (mut at, mut blocks) = (0, Vec::new());
    while at < data.len() {
        let id = data[at].leading_zeros() as usize + 1;
        let width = data[at + id].leading_zeros() as usize + 1;
        let size =
            data[at + id..at + id + width].iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        let begin = at + id + width;
        let end = begin + (size & ((1 << (7 * width)) - 1)) as usize;
        if data[at] == 0xa3 {
            blocks.push((at, end));
        }
        let is_master = matches!(data[at..at + id], [0x18, 0x53, 0x80, 0x67] | [0x1f, 0x43, 0xb6, 0x75]);
        at = if is_master { begin } else { end };
    }
    blocks
}

/// The recording without its first blocks, which become `Void`.
fn joined_late(name: &str, blocks_left_out: usize) -> Vec<u8> {
    let mut data = fixture(name);
    for (at, _) in blocks(&data.clone()).into_iter().take(blocks_left_out) {
        data[at] = 0xec;
    }
    data
}

fn payloads<'a>(frames: &[&'a Frame]) -> Vec<&'a [u8]> {
    frames.iter().map(|frame| &frame.data[..]).collect()
}

#[test]
fn recovery_points_of_open_groups_are_places_to_start_at() {
    let all = events(&fixture("h264_open_groups.mkv"));
    let at = keys(&all);
    assert_eq!((frames(&all, Kind::Video).len(), at.len(), at[0]), (100, 4, 0), "{at:?}");
}

#[test]
fn intra_refresh_has_one_place_to_start_at_and_is_whole() {
    let all = events(&fixture("h264_intra_refresh.mkv"));
    assert_eq!((frames(&all, Kind::Video).len(), keys(&all), takes(&all)), (100, vec![0], (1, 0)));
}

#[test]
fn a_stream_without_any_idr_begins_at_its_first_recovery_point() {
    for name in ["h264_open_groups.mkv", "h264_intra_refresh.mkv"] {
        let all = events(&fixture(name));
        let (found, error) = whole(&joined_late(name, 7));
        assert_eq!((error, takes(&found)), (None, (1, 0)), "{name}");
        let video = frames(&found, Kind::Video);
        assert!(video[0].key && video.len() >= 70, "{name}: {}", video.len());
        let payloads_of_all = payloads(&frames(&all, Kind::Video));
        assert!(payloads_of_all.ends_with(&payloads(&video)), "{name}");
        let told = found
            .iter()
            .filter(|event| matches!(event, Event::Unread(piece) if piece.reason == Why::BeforeKeyframe));
        assert_eq!(told.count() + video.len(), 93, "{name}: the rest is told");
    }
}

#[test]
fn parameter_sets_are_remembered_from_wherever_they_came() {
    // The record goes, and stands in band: in front of the first frame, or in a block of its own.
    let data = fixture("h264_open_groups.mkv");
    let all = events(&data);
    let config = track(&all, Kind::Video).config;
    let mut nameless = data.clone();
    let record = data.windows(config.len()).position(|bytes| *bytes == config[..]).unwrap();
    // CodecPrivate becomes Void: its identifier of two bytes and its size of one or two before the record.
    let private = data[..record].windows(2).rposition(|bytes| bytes == [0x63, 0xa2]).unwrap();
    let void = u8::try_from(record + config.len() - private - 2).unwrap();
    nameless[private..private + 2].copy_from_slice(&[0xec, 0x80 | void]);
    let (_, error) = whole(&nameless);
    assert_eq!(error, None);
    let sets = [&[0, 0, 0, 1][..], sets_of(&config).0, &[0, 0, 0, 1], sets_of(&config).1].concat();
    let first = blocks(&nameless)[0].0;
    let header = &nameless[blocks(&nameless)[0].1 - frames(&all, Kind::Video)[0].data.len() - 4..][..4];
    let block =
        [&[0xa3, 0x40 | ((sets.len() + 4) >> 8) as u8, (sets.len() + 4) as u8][..], header, &sets].concat();
    let changed = [&nameless[..first], &block, &nameless[first..]].concat();
    let (found, error) = whole(&changed);
    assert_eq!((error, frames(&found, Kind::Video).len(), takes(&found)), (None, 100, (1, 0)));
    assert_eq!(keys(&found), keys(&all));
}

/// The first sequence and the first picture parameter set of a record.
fn sets_of(config: &[u8]) -> (&[u8], &[u8]) {
    let sps = usize::from(u16::from_be_bytes([config[6], config[7]]));
    let pps = usize::from(u16::from_be_bytes([config[9 + sps], config[10 + sps]]));
    (&config[8..8 + sps], &config[11 + sps..11 + sps + pps])
}
