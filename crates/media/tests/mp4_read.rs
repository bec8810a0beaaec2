//! MP4 as browsers and programs write it, read whole, torn, damaged and hostile.

use media::container::Event;
use media::container::mp4::read::{Reader, box_header};
use media::{Codec, Error, Frame, Kind, Reason, Track};

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/../../testdata/{name}", env!("CARGO_MANIFEST_DIR"))).expect("a fixture")
}

fn read_with(mut reader: Reader, slices: &[&[u8]]) -> (Vec<Event>, Option<Error>) {
    let mut events = Vec::new();
    for index in 0..=slices.len() {
        match slices.get(index) {
            Some(slice) => reader.push(slice.to_vec().into()),
            None => reader.finish(),
        }
        loop {
            match reader.next() {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(reader.next(), Err(error.clone()), "a reader stays at its error");
                    return (events, Some(error));
                }
            }
        }
    }
    (events, None)
}

fn read(bytes: &[u8]) -> (Vec<Event>, Option<Error>) {
    let slices: Vec<_> = bytes.chunks(1 << 20).collect();
    read_with(Reader::default(), &slices)
}

fn events(bytes: &[u8]) -> Vec<Event> {
    let (events, error) = read(bytes);
    assert_eq!(error, None);
    events
}

fn frames(events: &[Event], kind: Kind) -> Vec<&Frame> {
    let all =
        events.iter().filter_map(|event| if let Event::Frame(frame) = event { Some(frame) } else { None });
    all.filter(|frame| frame.kind == kind).collect()
}

fn tracks(events: &[Event]) -> Vec<&Track> {
    events
        .iter()
        .filter_map(|event| if let Event::Track(track) = event { Some(track) } else { None })
        .collect()
}

fn takes(events: &[Event]) -> Vec<bool> {
    let take = |event: &Event| match event {
        Event::Take { after_hole } => Some(*after_hole),
        _ => None,
    };
    events.iter().filter_map(take).collect()
}

fn summary(frames: &[&Frame]) -> (usize, usize, i64, i64, usize) {
    let keys = frames.iter().filter(|frame| frame.key).count();
    let bytes = frames.iter().map(|frame| frame.data.len()).sum();
    (frames.len(), keys, frames[0].pts, frames[frames.len() - 1].pts, bytes)
}

/// Counts and times are those that ffprobe shows; of AV1 the temporal delimiters, two bytes a frame, are gone.
#[test]
fn recordings_of_chromium_give_all_their_frames() {
    let vp9 = events(&fixture("mp4_vp9_opus.mp4"));
    assert_eq!(summary(&frames(&vp9, Kind::Video)), (389, 35, 0, 398_361, 710240));
    assert_eq!(summary(&frames(&vp9, Kind::Audio)), (312, 312, 0, 954_240, 147091));
    let av1 = events(&fixture("mp4_av01_opus.mp4"));
    assert_eq!(summary(&frames(&av1, Kind::Video)), (398, 4, 0, 398_067, 680036));
    let h264 = events(&fixture("mp4_avc1_kf1s.mp4"));
    assert_eq!(summary(&frames(&h264, Kind::Video)), (160, 8, 0, 158_990, 200408));
    assert_eq!(frames(&h264, Kind::Audio).len(), 133);
    for events in [&vp9, &av1, &h264] {
        assert_eq!(takes(events), [false]);
        assert!(
            frames(events, Kind::Audio).iter().all(|frame| frame.duration == Some(2880)),
            "packets of 60 ms"
        );
        for kind in [Kind::Video, Kind::Audio] {
            assert!(frames(events, kind).windows(2).all(|pair| pair[0].dts < pair[1].dts));
        }
    }
}

#[test]
fn tracks_are_announced_as_players_need_them() {
    let all =
        ["mp4_vp9_opus.mp4", "mp4_av01_opus.mp4", "mp4_avc1_kf1s.mp4"].map(|name| events(&fixture(name)));
    let strings = all
        .each_ref()
        .map(|events| tracks(events).iter().map(|track| track.codec_string()).collect::<Vec<_>>());
    assert_eq!(strings[0], ["vp09.00.30.08", "opus"]);
    assert_eq!(strings[1], ["av01.0.04M.08", "opus"]);
    assert_eq!(strings[2], ["avc1.42c01f", "opus"]);
    for events in &all {
        let tracks = tracks(events);
        assert_eq!((tracks[0].width, tracks[0].height, tracks[0].timescale), (640, 480, 20_000));
        assert_eq!((tracks[1].sample_rate, tracks[1].channels, tracks[1].timescale), (48_000, 2, 48_000));
        assert_eq!(tracks[1].config[2..8], [0, 0, 0, 0, 0xbb, 0x80], "no pre-skip, 48,000 Hz");
    }
}

#[test]
fn an_end_anywhere_is_no_error() {
    let bytes = fixture("mp4_avc1_kf1s.mp4");
    let whole = events(&bytes);
    let cuts = (0..4096).chain((4096..bytes.len()).step_by(997));
    for end in cuts {
        let (events, error) = read(&bytes[..end]);
        assert_eq!(error, None, "cut at {end}");
        assert!(whole.starts_with(&events), "cut at {end}");
    }
}

/// Where the top boxes of a kind stand.
fn boxes(bytes: &[u8], kind: &[u8; 4]) -> Vec<std::ops::Range<usize>> {
    let (mut at, mut found) = (0, Vec::new());
    while let Some(header) = box_header(&bytes[at..]) {
        let end = at + header.size as usize;
        if header.kind == *kind {
            found.push(at..end);
        }
        at = end;
    }
    found
}

#[test]
fn a_second_file_in_the_same_bytes_is_a_second_take() {
    let one = fixture("mp4_vp9_opus.mp4");
    let other = fixture("mp4_avc1_kf1s.mp4");
    let events = events(&[&one[..], &other].concat());
    assert_eq!(takes(&events), [false, false]);
    let codecs: Vec<_> = tracks(&events).iter().map(|track| track.codec).collect();
    assert_eq!(codecs, [Codec::Vp9, Codec::Opus, Codec::H264, Codec::Opus]);
    assert_eq!(frames(&events, Kind::Video).len(), 389 + 160);
}

#[test]
fn bytes_lost_inside_a_fragment_are_a_hole_and_the_next_fragment_goes_on() {
    let bytes = fixture("mp4_vp9_opus.mp4");
    let moofs = boxes(&bytes, b"moof");
    let lost = moofs[3].start + 30..moofs[3].start + 4000;
    let damaged = [&bytes[..lost.start], &bytes[lost.end..]].concat();
    let events = events(&damaged);
    assert_eq!(takes(&events), [false, true]);
    let announced: Vec<_> = tracks(&events).iter().map(|track| track.kind()).collect();
    assert_eq!(announced, [Kind::Video, Kind::Audio, Kind::Video, Kind::Audio]);
    assert!(frames(&events, Kind::Video).len() > 350);
}

#[test]
fn bytes_lost_inside_the_media_are_a_hole() {
    let bytes = fixture("mp4_vp9_opus.mp4");
    let media = boxes(&bytes, b"mdat");
    let lost = media[3].start + 1000..media[3].start + 1777;
    let damaged = [&bytes[..lost.start], &bytes[lost.end..]].concat();
    assert_eq!(takes(&events(&damaged)), [false, true]);
}

#[test]
fn whole_fragments_that_are_missing_are_a_hole() {
    let bytes = fixture("mp4_vp9_opus.mp4");
    let moofs = boxes(&bytes, b"moof");
    let damaged = [&bytes[..moofs[3].start], &bytes[moofs[5].start..]].concat();
    let events = events(&damaged);
    assert_eq!(takes(&events), [false, true]);
    let times: Vec<_> = frames(&events, Kind::Video).iter().map(|frame| frame.dts).collect();
    assert!(times.windows(2).any(|pair| pair[1] - pair[0] > 10_000), "the time that was lost is still there");
}

#[test]
fn damage_without_a_next_fragment_is_told_and_ends() {
    let bytes = fixture("mp4_vp9_opus.mp4");
    let moofs = boxes(&bytes, b"moof");
    let mut damaged = bytes[..moofs[1].start].to_vec();
    damaged.extend([7; 100]);
    let (events, error) = read(&damaged);
    assert_eq!(error, None);
    let told = |event: &Event| match event {
        Event::Unread(unread) => Some((unread.offset, unread.bytes.len(), unread.reason)),
        _ => None,
    };
    let told: Vec<_> = events.iter().filter_map(told).collect();
    assert_eq!(told[0].0, moofs[1].start as u64);
    assert_eq!(told.iter().map(|piece| piece.1).sum::<usize>(), 100);
    // An endless stream of nothing ends too.
    damaged.extend(vec![7; 65 << 20]);
    assert_eq!(read(&damaged).1.expect("refused").offset, moofs[1].start as u64);
}

fn with_u32(mut bytes: Vec<u8>, at: usize, value: u32) -> Vec<u8> {
    bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
    bytes
}

/// Where the next box type of this name begins.
fn find(bytes: &[u8], kind: &[u8; 4]) -> usize {
    bytes.windows(4).position(|window| window == kind).expect("a box of this type")
}

#[test]
fn hostile_boxes_are_refused_with_their_place() {
    let bytes = fixture("mp4_avc1_kf1s.mp4");
    let (moov, moof) = (boxes(&bytes, b"moov")[0].clone(), boxes(&bytes, b"moof")[0].clone());
    let refused = |bytes: Vec<u8>| read(&bytes).1.expect("this is refused");

    let fragment_first = [&bytes[..moov.start], &bytes[moov.end..]].concat();
    assert_eq!(refused(fragment_first).offset, moov.start as u64);
    for size in [1, 2, 7] {
        let error = refused(with_u32(bytes.clone(), moov.start, size));
        assert_eq!(error.offset, moov.start as u64, "a size of {size}");
    }
    let error = refused(with_u32(bytes.clone(), moov.start, 0));
    assert!(matches!(error.reason, Reason::OverLimit { .. }), "{error}");
    let trun = find(&bytes, b"trun");
    let error = refused(with_u32(bytes.clone(), trun + 8, u32::MAX));
    assert_eq!(
        error,
        Reason::OverLimit { what: "the samples of a fragment", limit: 1 << 18 }.at(trun as u64 + 8)
    );
    let mdhd = find(&bytes, b"mdhd");
    assert_eq!(refused(with_u32(bytes.clone(), mdhd + 24, 0)).offset, mdhd as u64 + 24);
    let mut huge = bytes[..moov.start].to_vec();
    huge.extend([0, 0, 0, 1, b'm', b'o', b'o', b'v', 0x80, 0, 0, 0, 0, 0, 0, 0]);
    assert!(matches!(refused(huge).reason, Reason::OverLimit { .. }));
    let truncated_inside = with_u32(bytes.clone(), find(&bytes, b"stbl") - 4, 20);
    assert!(matches!(refused(truncated_inside).reason, Reason::Malformed(_)));
    let sampleless = with_u32(bytes[..moof.end].to_vec(), moof.start + 8, 0xffff_ffff);
    assert!(matches!(refused(sampleless).reason, Reason::Malformed(_)));
}

#[test]
fn codecs_that_are_not_taken_are_refused_by_name() {
    let bytes = fixture("mp4_avc1_kf1s.mp4");
    for name in ["encv", "mp4v", "s263"] {
        let mut renamed = bytes.clone();
        let at = 534;
        assert_eq!(&renamed[at..at + 4], b"avc1");
        renamed[at..at + 4].copy_from_slice(name.as_bytes());
        assert_eq!(read(&renamed).1.unwrap().reason, Reason::UnsupportedCodec(name.into()));
    }
}

#[test]
fn other_bytes_are_no_mp4() {
    let text = b"hello world, this is no recording at all";
    assert_eq!(read(text).1, Some(Reason::UnknownContainer.at(0)));
    assert_eq!(read(&[0; 64]).1, Some(Reason::UnknownContainer.at(0)));
}

#[test]
fn every_flipped_byte_of_the_boxes_ends_in_a_value() {
    let bytes = fixture("mp4_avc1_kf1s.mp4");
    let bytes = &bytes[..40_000];
    for at in (0..1800).chain(33_078..33_400) {
        for value in [0x00, 0x01, 0x7f, 0xff] {
            let mut damaged = bytes.to_vec();
            damaged[at] = value;
            let (events, _) = read(&damaged);
            assert!(events.len() < 1000);
        }
    }
}
