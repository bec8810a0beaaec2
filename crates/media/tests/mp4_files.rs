//! Files of other programs (ffmpeg), finished and fragmented, and what is written read again.

use media::container::mp4::index;
use media::container::mp4::read::{Reader, box_header};
use media::container::mp4::write::{HeadChunk, HeadTrack, InitTrack, fragment, head, init};
use media::container::{Event, Sample};
use media::{Codec, Error, Frame, Kind, Reason, Track, Why};

fn file(name: &str) -> Vec<u8> {
    let folder = if name.starts_with("mp4_") { "../../testdata" } else { "tests/data" };
    std::fs::read(format!("{}/{folder}/{name}", env!("CARGO_MANIFEST_DIR"))).expect("a fixture")
}

fn read_with(mut reader: Reader, bytes: &[u8], slice: usize) -> Result<Vec<Event>, Error> {
    let mut events = Vec::new();
    for piece in bytes.chunks(slice) {
        reader.push(piece.to_vec().into());
        while let Some(event) = reader.next()? {
            events.push(event);
        }
    }
    reader.finish();
    while let Some(event) = reader.next()? {
        events.push(event);
    }
    Ok(events)
}

fn read(bytes: &[u8]) -> Vec<Event> {
    read_with(Reader::default(), bytes, 1 << 20).expect("a file that is read")
}

/// A track with all its frames; there is one take.
fn of_kind(events: &[Event], kind: Kind) -> (Track, Vec<Frame>) {
    let mut track = None;
    let mut frames = Vec::new();
    for event in events {
        match event {
            Event::Track(known) if known.kind() == kind => {
                assert!(track.replace(known.clone()).is_none(), "one take");
            }
            Event::Frame(frame) if frame.kind == kind => frames.push(frame.clone()),
            _ => {}
        }
    }
    (track.expect("a track of this kind"), frames)
}

/// What ffprobe shows of a track: frames, keyframes, bytes, and from the first to the last one's time in ticks.
fn probe(events: &[Event], kind: Kind) -> (usize, usize, usize, i64) {
    let (_, frames) = of_kind(events, kind);
    let keys = frames.iter().filter(|frame| frame.key).count();
    let bytes = frames.iter().map(|frame| frame.data.len()).sum();
    (frames.len(), keys, bytes, frames[frames.len() - 1].pts - frames[0].pts)
}

/// Microseconds from the first sound to the first picture.
fn offset_us(events: &[Event]) -> i64 {
    let first = |kind| {
        let (track, frames) = of_kind(events, kind);
        frames[0].pts * 1_000_000 / i64::from(track.timescale)
    };
    first(Kind::Video) - first(Kind::Audio)
}

#[test]
fn finished_and_fragmented_files_give_the_same_frames_in_step() {
    // The first packet of AAC primes the decoder: it lies 1,024 ticks before the picture.
    let primed = 1024 * 1_000_000 / 44_100;
    for name in ["h264_aac_moov_first.mp4", "h264_aac_fragmented.mp4"] {
        let events = read(&file(name));
        assert_eq!(probe(&events, Kind::Video), (30, 2, 3437, 14_336), "{name}");
        assert_eq!(probe(&events, Kind::Audio), (53, 53, 3575, 53_248), "{name}");
        assert!((offset_us(&events) - primed).abs() < 100, "{name}: {}", offset_us(&events));
    }
    // Without an edit list, times are the media's own: ffprobe shows 1,024 of 12,800 and 0.
    let hybrid = read(&file("h264_aac_hybrid.mp4"));
    assert_eq!(probe(&hybrid, Kind::Video), (30, 2, 3437, 14_336));
    assert_eq!(offset_us(&hybrid), 80_000);
}

#[test]
fn frames_that_are_shown_out_of_order_keep_their_times() {
    let (track, frames) = of_kind(&read(&file("h264_aac_moov_first.mp4")), Kind::Video);
    assert_eq!(track.codec_string(), "avc1.64000a");
    assert!(frames.windows(2).all(|pair| pair[0].dts + 512 == pair[1].dts));
    assert!(frames.iter().all(|frame| frame.pts >= frame.dts));
    let mut shown: Vec<_> = frames.iter().map(|frame| frame.pts).collect();
    assert!(!shown.is_sorted());
    shown.sort_unstable();
    assert!(shown.windows(2).all(|pair| pair[0] + 512 == pair[1]));
}

#[test]
fn a_track_that_starts_late_stays_late() {
    let events = read(&file("h264_late_aac.mp4"));
    let primed = 1024 * 1_000_000 / 44_100;
    assert!((offset_us(&events) - 350_000 - primed).abs() < 100, "{}", offset_us(&events));
}

#[test]
fn hevc_is_read_with_its_rotation_and_opus_with_its_packets() {
    let events = read(&file("hevc_opus_rotated.mp4"));
    let (video, frames) = of_kind(&events, Kind::Video);
    assert_eq!((video.codec, video.width, video.height), (Codec::Hevc, 64, 48));
    assert_eq!(video.codec_string(), "hvc1.1.6.L30.90");
    assert_eq!(video.matrix.unwrap()[..4], [0, -0x1_0000, 0, 0x1_0000]);
    assert_eq!((frames.len(), frames.iter().filter(|frame| frame.key).count()), (30, 2));
    let (audio, packets) = of_kind(&events, Kind::Audio);
    assert_eq!((audio.codec, packets.len()), (Codec::Opus, 61));
    assert!(packets.iter().all(|packet| packet.duration == Some(960)));
    assert_eq!(offset_us(&events), 0, "the 312 samples that the record still names are in the times");
}

#[test]
fn quicktime_is_read_like_mp4() {
    let mp4 = read(&file("h264_aac_moov_first.mp4"));
    let quicktime = read(&file("h264_aac_quicktime.mov"));
    for kind in [Kind::Video, Kind::Audio] {
        assert_eq!(of_kind(&quicktime, kind), of_kind(&mp4, kind));
    }
}

#[test]
fn video_waits_for_its_first_keyframe_and_sound_does_not() {
    let source = read(&file("mp4_avc1_kf1s.mp4"));
    let (track, frames) = of_kind(&source, Kind::Video);
    let (sound, packets) = of_kind(&source, Kind::Audio);
    let tracks = [(&track, &frames[5..]), (&sound, &packets[..])];
    let mut bytes = init(&tracks.map(|(track, _)| InitTrack { track, start: 0 }));
    for (number, (track, frames)) in (1..).zip(tracks) {
        bytes.extend(fragment(track, number, frames, &durations(frames)).unwrap().0);
    }
    let mut events = read(&bytes);
    let before =
        |event: &Event| matches!(event, Event::Unread(unread) if unread.reason == Why::BeforeKeyframe);
    let count = events.len();
    events.retain(|event| !before(event));
    assert!(count > events.len(), "what no decoder can begin with is told");
    assert!(matches!(&events[..2], [Event::Take { .. }, Event::Track(first)] if first.kind() == Kind::Video));
    let (_, read_frames) = of_kind(&events, Kind::Video);
    let next_key = 5 + frames[5..].iter().position(|frame| frame.key).unwrap();
    assert_eq!(without_durations(read_frames), without_durations(frames[next_key..].to_vec()));
    assert_eq!(of_kind(&events, Kind::Audio).1.len(), packets.len());
}

fn index_of(bytes: &[u8]) -> &[u8] {
    let mut at = 0;
    loop {
        let header = box_header(&bytes[at..]).expect("a movie box");
        let end = at + header.size as usize;
        if &header.kind == b"moov" {
            return &bytes[at..end];
        }
        at = end;
    }
}

#[test]
fn a_file_with_its_index_at_the_end_is_read_when_the_index_is_given() {
    let bytes = file("h264_aac_moov_last.mp4");
    let error = read_with(Reader::default(), &bytes, 1 << 20).unwrap_err();
    assert_eq!(error.reason, Reason::IndexAtEnd);
    assert!(error.offset < 100);
    for slice in [1, 1000, 1 << 20] {
        let events = read_with(Reader::with_index(index_of(&bytes)).unwrap(), &bytes, slice).unwrap();
        assert_eq!(events, read(&file("h264_aac_moov_first.mp4")));
    }
}

#[test]
fn slices_and_breaks_change_nothing() {
    for name in
        ["h264_aac_moov_first.mp4", "h264_aac_fragmented.mp4", "h264_aac_hybrid.mp4", "hevc_opus_rotated.mp4"]
    {
        let bytes = file(name);
        let whole = read(&bytes);
        assert_eq!(read_with(Reader::default(), &bytes, 1).unwrap(), whole);
        let mut reader = Reader::default();
        let mut events = Vec::new();
        for slice in bytes.chunks(613) {
            reader.push(slice.to_vec().into());
            reader = postcard::from_bytes(&postcard::to_stdvec(&reader).unwrap()).unwrap();
            while let Some(event) = reader.next().unwrap() {
                events.push(event);
                reader = postcard::from_bytes(&postcard::to_stdvec(&reader).unwrap()).unwrap();
            }
        }
        assert_eq!(events, whole, "{name}");
    }
}

#[test]
fn every_cut_of_a_finished_file_gives_what_came_before_it() {
    let bytes = file("h264_aac_moov_first.mp4");
    let whole = read(&bytes);
    for end in 0..bytes.len() {
        assert!(whole.starts_with(&read(&bytes[..end])), "cut at {end}");
    }
}

#[test]
fn every_flipped_byte_of_the_tables_ends_in_a_value() {
    let bytes = file("h264_aac_moov_first.mp4");
    for at in 0..2500 {
        for value in [0x00, 0x01, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] = value;
            if let Ok(events) = read_with(Reader::default(), &damaged, 1 << 20) {
                assert!(events.len() < 1000);
            }
        }
    }
}

const ALL: [&str; 7] = [
    "mp4_vp9_opus.mp4",
    "mp4_av01_opus.mp4",
    "mp4_avc1_kf1s.mp4",
    "h264_aac_moov_first.mp4",
    "h264_aac_fragmented.mp4",
    "h264_late_aac.mp4",
    "hevc_opus_rotated.mp4",
];

/// Ticks to the next frame's decoding time.
fn durations(frames: &[Frame]) -> Vec<u32> {
    let next = |index: usize| frames.get(index + 1).map(|next| (next.dts - frames[index].dts) as u32);
    (0..frames.len()).map(|index| next(index).or(frames[index].duration).unwrap_or(1)).collect()
}

/// Without what the container says of durations: of video it is what the frames' times say.
fn without_durations(mut frames: Vec<Frame>) -> Vec<Frame> {
    frames.iter_mut().for_each(|frame| frame.duration = None);
    frames
}

#[test]
fn bodies_are_read_as_the_frames_that_were_written() {
    for name in ALL {
        let source = read(&file(name));
        for kind in [Kind::Video, Kind::Audio] {
            let (track, frames) = of_kind(&source, kind);
            let mut body = init(&[InitTrack { track: &track, start: 0 }]);
            assert_eq!(index::init(&body).unwrap(), Some((track.clone(), body.len())), "{name}");
            let durations = durations(&frames);
            for (number, piece) in (1..).zip((0..frames.len()).collect::<Vec<_>>().chunks(25)) {
                let range = piece[0]..piece[piece.len() - 1] + 1;
                let (bytes, written) =
                    fragment(&track, number, &frames[range.clone()], &durations[range]).unwrap();
                assert_eq!(index::fragment(&bytes).unwrap(), Some(written));
                body.extend(bytes);
            }
            let (read_track, read_frames) = of_kind(&read(&body), kind);
            assert_eq!(read_track, track, "{name}");
            assert_eq!(without_durations(read_frames), without_durations(frames), "{name}");
        }
    }
}

/// A replay: a head, and half seconds of each track in turn.
fn replay(tracks: &[(Track, Vec<Frame>)]) -> Vec<u8> {
    let (mut chunks, mut media) = (Vec::new(), Vec::new());
    for half in 0..100 {
        for (index, (track, frames)) in tracks.iter().enumerate() {
            let from = half * i64::from(track.timescale) / 2;
            let until = (half + 1) * i64::from(track.timescale) / 2;
            let chunk: Vec<_> = frames.iter().filter(|frame| (from..until).contains(&frame.dts)).collect();
            if !chunk.is_empty() {
                let before = media.len();
                chunk.iter().for_each(|frame| media.extend_from_slice(&frame.data));
                let bytes = (media.len() - before) as u64;
                chunks.push(HeadChunk { track: index, samples: chunk.len() as u32, bytes });
            }
        }
    }
    let samples: Vec<Vec<_>> = tracks
        .iter()
        .map(|(_, frames)| {
            let sample = |(frame, duration): (&Frame, u32)| Sample {
                offset: 0,
                size: frame.data.len() as u32,
                duration,
                cts: (frame.pts - frame.dts) as i32,
                key: frame.key,
            };
            frames.iter().zip(durations(frames)).map(sample).collect()
        })
        .collect();
    let heads: Vec<_> = tracks
        .iter()
        .zip(&samples)
        .map(|((track, frames), samples)| HeadTrack { track, samples, start: frames[0].pts })
        .collect();
    [head(&heads, &chunks), media].concat()
}

#[test]
fn replays_are_read_as_the_frames_that_were_written() {
    for name in ALL {
        let source = read(&file(name));
        let tracks = [Kind::Video, Kind::Audio].map(|kind| of_kind(&source, kind));
        let again = read(&replay(&tracks));
        for (track, frames) in &tracks {
            let (read_track, read_frames) = of_kind(&again, track.kind());
            assert_eq!(&read_track, track, "{name}");
            assert_eq!(read_frames.len(), frames.len(), "{name}");
            // Starts are rounded to the millisecond; from there on all is as it was.
            let moved = read_frames[0].dts - frames[0].dts;
            for (read, written) in read_frames.iter().zip(frames) {
                assert_eq!((read.dts - written.dts, read.pts - written.pts), (moved, moved), "{name}");
                assert_eq!((read.key, &read.data), (written.key, &written.data), "{name}");
            }
        }
        assert!((offset_us(&again) - offset_us(&source)).abs() <= 1000, "{name}");
    }
}

#[test]
fn a_tail_that_is_joined_late_begins_at_zero() {
    let source = read(&file("mp4_avc1_kf1s.mp4"));
    let (track, frames) = of_kind(&source, Kind::Video);
    let key = frames.iter().rposition(|frame| frame.key).unwrap();
    let mut tail = init(&[InitTrack { track: &track, start: frames[key].dts }]);
    let edit = tail.windows(4).position(|kind| kind == b"elst").unwrap();
    assert_eq!(tail[edit + 16..edit + 20], (frames[key].dts as u32).to_be_bytes());
    tail.extend(fragment(&track, 9, &frames[key..], &durations(&frames[key..])).unwrap().0);
    assert_eq!(of_kind(&read(&tail), Kind::Video).1.len(), frames.len() - key);
}
