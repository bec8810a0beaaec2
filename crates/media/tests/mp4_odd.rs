//! MP4 as other people's programs were found to write it: one odd thing costs itself alone, and what the file says is shown
//! is what is shown.

#![allow(clippy::unwrap_used)]

mod recording;

use bytes::Bytes;
use media::container::mp4::read::box_header;
use media::container::mp4::whole;
use media::container::{Event, shown_from};
use media::{Frame, Kind, Reason, Why};
use recording::{events, fixture, frames, track, tracks, whole as read};

fn found(name: &str) -> Vec<u8> {
    fixture(&format!("found/{name}.mp4"))
}

/// The finished file of which most of the others were made: 150 pictures, 283 packets.
fn plain() -> Vec<Event> {
    as_the_server_reads(&found("moov_with_3_trailing_bytes"))
}

/// The place of the box at the end of a path of types, in the content of another.
fn find(bytes: &[u8], path: &[&[u8; 4]]) -> std::ops::Range<usize> {
    let (mut at, mut end) = (0, bytes.len());
    let mut found = 0..bytes.len();
    for kind in path {
        let mut here = at;
        found = loop {
            let header = box_header(&bytes[here..end]).expect("a box of this type");
            let next = here + header.size as usize;
            if header.kind == **kind {
                break here..next;
            }
            here = next;
        };
        (at, end) = (found.start + 8, found.end);
    }
    found
}

fn movie(bytes: &[u8]) -> Bytes {
    Bytes::copy_from_slice(&bytes[find(bytes, &[b"moov"])])
}

/// Read as it comes; a file that can only be read whole, by places.
fn as_the_server_reads(bytes: &[u8]) -> Vec<Event> {
    let (events, error) = read(bytes);
    match error.map(|error| error.reason) {
        None => events,
        Some(Reason::IndexAtEnd | Reason::OutOfOrder) => by_places(bytes),
        Some(error) => panic!("{error}"),
    }
}

fn by_places(bytes: &[u8]) -> Vec<Event> {
    let mut reader = whole::Reader::new(&movie(bytes), bytes.len() as u64).unwrap().expect("a finished file");
    let mut events = Vec::new();
    while let Some(place) = reader.wanted() {
        reader.give(&bytes[place.start as usize..place.end as usize]);
        events.extend(std::iter::from_fn(|| reader.next()));
    }
    events
}

fn data(frames: &[&Frame]) -> Vec<Bytes> {
    frames.iter().map(|frame| frame.data.clone()).collect()
}

/// What is kept of a kind, in order.
fn kept(events: &[Event], kind: Kind) -> Vec<Bytes> {
    data(&frames(events, kind))
}

/// When what is shown begins, in milliseconds of the frames' clock.
fn zero_ms(events: &[Event]) -> i64 {
    let from = |event: &Event| if let Event::ShownFrom { ms } = event { Some(*ms) } else { None };
    events.iter().find_map(from).unwrap_or(0)
}

/// The pictures that are shown, in the order in which they are: how many milliseconds after the start, and their bytes.
fn shown(events: &[Event]) -> Vec<(i64, Bytes)> {
    let track = track(events, Kind::Video);
    let frames = frames(events, Kind::Video);
    let ticks = track.to_ticks(zero_ms(events));
    let mut shown: Vec<_> = frames
        .iter()
        .enumerate()
        .filter(|(number, frame)| {
            let next = frames.get(number + 1).map_or(i64::MAX, |next| next.dts);
            frame.pts >= ticks && (next - frame.dts).saturating_mul(2_000) >= i64::from(track.timescale)
        })
        .map(|(_, frame)| (track.to_ms(frame.pts) - zero_ms(events), frame.data.clone()))
        .collect();
    shown.sort_by_key(|(ms, _)| *ms);
    shown
}

fn unread(events: &[Event]) -> Vec<(Option<Kind>, Why)> {
    let told = |event: &Event| match event {
        Event::Unread(unread) => Some((unread.kind, unread.reason)),
        _ => None,
    };
    events.iter().filter_map(told).collect()
}

#[test]
fn files_that_say_the_same_otherwise_give_the_same_frames() {
    let plain = plain();
    assert_eq!((frames(&plain, Kind::Video).len(), frames(&plain, Kind::Audio).len()), (150, 283));
    for name in ["compact_sample_sizes_stz2", "one_chunk_out_of_order_moov_last", "video_timescale_400MHz"] {
        let events = as_the_server_reads(&found(name));
        for kind in [Kind::Video, Kind::Audio] {
            assert_eq!(kept(&events, kind), kept(&plain, kind), "{name}");
        }
        let times: Vec<_> = shown(&events).iter().map(|(ms, _)| *ms).collect();
        let first = times[0];
        assert!(times.iter().zip(0..).all(|(ms, number)| (ms - first - number * 40).abs() <= 1), "{name}");
        assert!(unread(&events).is_empty(), "{name}");
    }
    let moved = by_places(&found("moov_with_3_trailing_bytes"));
    for kind in [Kind::Video, Kind::Audio] {
        assert_eq!(frames(&moved, kind), frames(&plain, kind), "by places and as it comes");
    }
}

/// A box of the file made another, as long as it was or longer, with the sizes around it and every chunk's place put right.
fn with_box(bytes: &[u8], path: &[&[u8; 4]], new: &[u8]) -> Vec<u8> {
    let place = find(bytes, path);
    let grown = new.len() as i64 - place.len() as i64;
    let mut out = [&bytes[..place.start], new, &bytes[place.end..]].concat();
    for depth in 1..path.len() {
        let at = find(bytes, &path[..depth]).start;
        let size = u32::from_be_bytes(out[at..at + 4].try_into().unwrap());
        out[at..at + 4].copy_from_slice(&(i64::from(size) + grown).to_be_bytes()[4..]);
    }
    let tables: Vec<_> =
        out.windows(4).enumerate().filter(|(_, kind)| *kind == b"stco").map(|(at, _)| at).collect();
    for at in tables {
        let count = u32::from_be_bytes(out[at + 8..at + 12].try_into().unwrap()) as usize;
        for row in (0..count).map(|row| at + 12 + 4 * row) {
            let offset = i64::from(u32::from_be_bytes(out[row..row + 4].try_into().unwrap()));
            if offset > place.start as i64 {
                out[row..row + 4].copy_from_slice(&(offset + grown).to_be_bytes()[4..]);
            }
        }
    }
    out
}

fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    [&(content.len() as u32 + 8).to_be_bytes()[..], kind, content].concat()
}

const STBL: [&[u8; 4]; 5] = [b"moov", b"trak", b"mdia", b"minf", b"stbl"];

fn in_table(kind: &[u8; 4]) -> Vec<&[u8; 4]> {
    STBL.iter().copied().chain([kind]).collect()
}

#[test]
fn unknown_boxes_and_padding_stand_anywhere() {
    let (file, plain) = (found("video_timescale_400MHz"), plain());
    let paths: [&[&[u8; 4]]; 7] = [
        &[b"moov", b"mvhd"],
        &[b"moov", b"trak", b"tkhd"],
        &[b"moov", b"trak", b"mdia", b"mdhd"],
        &[b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"],
        &[b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stts"],
        &[b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stco"],
        &[b"moov", b"trak", b"mdia", b"minf"],
    ];
    let additions =
        [boxed(b"abcd", &[7; 33]), boxed(b"free", &[]), vec![0; 24], boxed(&[0xa9, b'n', b'a', b'm'], &[1])];
    for path in paths {
        let old = file[find(&file, path)].to_vec();
        for addition in &additions {
            for new in [[addition, &old[..]].concat(), [&old[..], addition].concat()] {
                let events = as_the_server_reads(&with_box(&file, path, &new));
                for kind in [Kind::Video, Kind::Audio] {
                    assert_eq!(kept(&events, kind), kept(&plain, kind), "{path:?}");
                }
            }
        }
    }
}

/// The sizes of the picture's samples.
fn sizes(file: &[u8]) -> Vec<u32> {
    let table = &file[find(file, &in_table(b"stsz"))][20..];
    table.chunks(4).map(|row| u32::from_be_bytes(row.try_into().unwrap())).collect()
}

#[test]
fn compact_sizes_of_16_bits_are_read() {
    let file = found("moov_with_3_trailing_bytes");
    let mut stz2 = vec![0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 150];
    stz2.extend(sizes(&file).iter().flat_map(|size| (*size as u16).to_be_bytes()));
    let events = as_the_server_reads(&with_box(&file, &in_table(b"stsz"), &boxed(b"stz2", &stz2)));
    assert_eq!(kept(&events, Kind::Video), kept(&plain(), Kind::Video));
}

#[test]
fn a_chunk_out_of_order_is_read_wherever_the_index_stands() {
    let last = found("one_chunk_out_of_order_moov_last");
    // The movie box in front: everything else moves by its length.
    let place = find(&last, &[b"moov"]);
    let ftyp = find(&last, &[b"ftyp"]);
    let moov = last[place.clone()].to_vec();
    let media = [&last[ftyp.end..place.start], &last[place.end..]].concat();
    let mut first = [&last[ftyp.clone()], &moov, &media].concat();
    let tables: Vec<_> =
        first.windows(4).enumerate().filter(|(_, kind)| *kind == b"stco").map(|(at, _)| at).collect();
    for at in tables {
        let count = u32::from_be_bytes(first[at + 8..at + 12].try_into().unwrap()) as usize;
        for row in (0..count).map(|row| at + 12 + 4 * row) {
            let offset = u32::from_be_bytes(first[row..row + 4].try_into().unwrap()) + moov.len() as u32;
            first[row..row + 4].copy_from_slice(&offset.to_be_bytes());
        }
    }
    assert_eq!(read(&first).1.unwrap().reason, Reason::OutOfOrder);
    for kind in [Kind::Video, Kind::Audio] {
        assert_eq!(kept(&as_the_server_reads(&first), kind), kept(&plain(), kind));
        assert_eq!(kept(&as_the_server_reads(&last), kind), kept(&plain(), kind));
    }
}

/// The file with an edit list of the picture (12,800 ticks a second) and no list of the sound.
fn edited(rows: &[(u32, i32)]) -> Vec<u8> {
    let mut elst = vec![0; 4];
    elst.extend((rows.len() as u32).to_be_bytes());
    for (duration, from) in rows {
        elst.extend(duration.to_be_bytes());
        elst.extend(from.to_be_bytes());
        elst.extend([0, 1, 0, 0]);
    }
    let file = found("moov_with_3_trailing_bytes");
    with_box(&file, &[b"moov", b"trak", b"edts"], &boxed(b"edts", &boxed(b"elst", &elst)))
}

/// The pictures of the plain file that begin in these ticks, as ffmpeg shows them, at so many milliseconds.
fn pictures(from: i64, until: i64, at_ms: i64) -> Vec<(i64, Bytes)> {
    let plain = plain();
    let all = shown(&plain);
    let first = all[0].0;
    // The first picture lies at 1,024 ticks of the media.
    let ticks = |ms: i64| (ms - first) * 128 / 10 + 1_024;
    all.into_iter()
        .filter(|(ms, _)| (from..until).contains(&ticks(*ms)))
        .map(|(ms, data)| ((ticks(ms) - from) * 10 / 128 + at_ms, data))
        .collect()
}

#[test]
fn what_the_edit_list_shows_is_what_is_shown() {
    // Starts at keyframes and between them, ends at both, a delay, parts of the middle cut out.
    let lists: [&[(u32, i32)]; 8] = [
        &[(2_000, 26_624)],
        &[(2_000, 1_024)],
        &[(2_160, 16_384)],
        &[(1_320, 17_920)],
        &[(1_480, 1_024), (1_000, 51_200)],
        &[(500, -1), (1_480, 9_728)],
        &[(1_000, 5_120), (1_000, 30_720), (800, 60_416)],
        &[(0, 40_448)],
    ];
    for list in lists {
        let events = as_the_server_reads(&edited(list));
        let mut at = 0;
        let mut expected = Vec::new();
        for &(duration, from) in list {
            let until =
                if duration == 0 { i64::MAX } else { i64::from(from) + i64::from(duration) * 128 / 10 };
            if from >= 0 {
                expected.extend(pictures(from.into(), until, at));
            }
            at += i64::from(duration);
        }
        let bytes =
            |pictures: &[(i64, Bytes)]| pictures.iter().map(|(_, data)| data.clone()).collect::<Vec<_>>();
        let found = shown(&events);
        let kept = kept(&events, Kind::Video);
        if list.iter().filter(|(_, from)| *from >= 0).count() == 1 {
            assert!(bytes(&found) == bytes(&expected), "{list:?}: {} of {}", found.len(), expected.len());
        }
        assert!(bytes(&expected).iter().all(|data| kept.contains(data)), "{list:?}");
        // The sound primes for 1,024 samples, which are heard: what is shown begins with them.
        const PRIMING_MS: i64 = 22;
        for (ms, data) in &expected {
            let Some((found, _)) = found.iter().find(|(_, known)| known == data) else { continue };
            assert!((found - PRIMING_MS - ms).abs() <= 1, "{list:?}: {found} for {ms}");
        }
        assert!(unread(&events).is_empty(), "what is cut is nobody's loss");
    }
}

#[test]
fn what_was_cut_is_in_no_frame_but_what_the_first_picture_needs() {
    let plain = plain();
    let all = kept(&plain, Kind::Video);
    let events = as_the_server_reads(&edited(&[(1_320, 17_920)]));
    let kept = kept(&events, Kind::Video);
    assert!(kept.iter().all(|data| all.contains(data)));
    // From the keyframe before it to where it ends, and the few that its last pictures are coded from.
    assert!(kept.len() <= 33 + 33 + 4, "{}", kept.len());
    let first_key = frames(&events, Kind::Video)[0];
    assert!(first_key.key && first_key.data == all[0]);
    let sound = found("edit_list_shows_2s_of_6s");
    let events = as_the_server_reads(&sound);
    assert_eq!(frames(&events, Kind::Video).len(), 50);
    assert!((94..=96).contains(&frames(&events, Kind::Audio).len()), "two seconds of sound");
}

#[test]
fn frames_that_are_not_shown_take_no_time() {
    let events = as_the_server_reads(&found("cut_by_stream_copy"));
    let video = track(&events, Kind::Video);
    let pictures = frames(&events, Kind::Video);
    assert_eq!(pictures.len(), 82 - 30 + 30);
    let zero = video.to_ticks(zero_ms(&events));
    let hidden: Vec<_> = pictures.iter().filter(|frame| frame.pts < zero).collect();
    assert_eq!(hidden.len(), 30);
    assert!(hidden.iter().all(|frame| zero - frame.pts < i64::from(video.timescale) / 1_000));
    assert!(pictures.windows(2).all(|pair| pair[0].dts < pair[1].dts && pair[0].dts >= 0));
    assert_eq!(shown(&events).len(), 52);
}

#[test]
fn a_sample_that_is_the_configuration_is_no_sound() {
    let events = as_the_server_reads(&found("aac_config_as_first_sample"));
    assert_eq!(kept(&events, Kind::Audio), kept(&plain(), Kind::Audio)[1..]);
    assert!(unread(&events).is_empty());
}

#[test]
fn the_sound_that_is_switched_on_is_taken() {
    let file = found("second_sound_is_the_default");
    let events = as_the_server_reads(&file);
    let second = find(&file, &[b"mdat"]).start;
    assert!(second > 0 && frames(&events, Kind::Audio).len() == 142);
    let first = file[8919..8919 + 100].to_vec();
    assert_eq!(frames(&events, Kind::Audio)[0].data[..100], first, "that of track 3");
}

#[test]
fn of_two_descriptions_every_keyframe_has_its_own_sets() {
    let events = as_the_server_reads(&found("two_sample_descriptions"));
    // The second is of another profile, which no decoder goes on with: another take.
    assert_eq!((frames(&events, Kind::Video).len(), tracks(&events).len()), (100, 2));
    let keys: Vec<_> = frames(&events, Kind::Video).into_iter().filter(|frame| frame.key).collect();
    assert_eq!(keys.len(), 2);
    for key in keys {
        assert_eq!(key.data[4] & 0x1f, 7, "its sequence parameter set stands in front");
    }
}

#[test]
fn a_timescale_of_any_size_is_read() {
    let file = found("video_timescale_400MHz");
    for (factor, timescale) in [(1_u64, u32::MAX), (3, 2_000_000_000)] {
        let place = find(&file, &[b"moov", b"trak", b"mdia", b"mdhd"]);
        let mut mdhd = file[place].to_vec();
        mdhd[20..24].copy_from_slice(&timescale.to_be_bytes());
        let events = as_the_server_reads(&with_box(&file, &[b"moov", b"trak", b"mdia", b"mdhd"], &mdhd));
        assert_eq!(frames(&events, Kind::Video).len(), 150);
        assert!(factor > 0 && track(&events, Kind::Video).timescale <= 1_000_000);
    }
}

#[test]
fn pixels_that_are_no_squares_are_told_and_written() {
    let file = found("moov_with_3_trailing_bytes");
    let mut wide = file.clone();
    let at = wide.windows(4).position(|kind| kind == b"pasp").unwrap();
    wide[at + 4..at + 12].copy_from_slice(&[0, 0, 0, 8, 0, 0, 0, 6]);
    let events = as_the_server_reads(&wide);
    let video = track(&events, Kind::Video);
    assert_eq!((video.pixel_aspect, video.shown_size()), (Some((4, 3)), (427, 180)));
    let init = media::container::mp4::write::init(&[media::container::mp4::write::InitTrack {
        track: &video,
        start: 0,
    }]);
    let (again, _) = media::container::mp4::index::init(&init).unwrap().unwrap();
    assert_eq!(again, video);
    // Without the box, the size at which the track is shown says it.
    let mut by_header = file;
    by_header[at..at + 4].copy_from_slice(b"free");
    let tkhd = find(&by_header, &[b"moov", b"trak", b"tkhd"]);
    by_header[tkhd.end - 8..tkhd.end - 4].copy_from_slice(&(427_u32 << 16).to_be_bytes());
    assert_eq!(track(&as_the_server_reads(&by_header), Kind::Video).shown_size(), (427, 180));
}

#[test]
fn zeros_between_boxes_are_no_loss() {
    let file = fixture("mp4_vp9_opus.mp4");
    let whole = events(&file);
    let second = file.windows(4).enumerate().filter(|(_, kind)| *kind == b"moof").nth(2).unwrap().0 - 4;
    for zeros in [8, 9, 11, 64, 100_000] {
        let padded = [&file[..second], &vec![0; zeros], &file[second..]].concat();
        for slice in [1 << 20, 4_099] {
            let (events, error) = recording::read(padded.chunks(slice));
            assert!(error.is_none() && events == whole, "{zeros} zeros");
        }
    }
}

#[test]
fn a_box_whose_type_is_no_name_is_passed_over_by_its_size() {
    let file = fixture("mp4_vp9_opus.mp4");
    let whole = events(&file);
    let second = file.windows(4).enumerate().filter(|(_, kind)| *kind == b"moof").nth(2).unwrap().0 - 4;
    for size in [0, 1, 33, 60_000] {
        let odd = boxed(&[0, 0, 0, 1], &vec![7; size]);
        let file = [&file[..second], &odd, &file[second..]].concat();
        for slice in [1 << 20, 4_099] {
            let (events, error) = recording::read(file.chunks(slice));
            assert!(error.is_none() && events == whole, "{size} bytes");
        }
    }
}

#[test]
fn what_a_search_passes_over_is_told_to_the_byte() {
    let file = fixture("mp4_vp9_opus.mp4");
    let third = file.windows(4).enumerate().filter(|(_, kind)| *kind == b"moof").nth(3).unwrap().0 - 4;
    let junk: Vec<u8> = (0..5_000_u32).map(|at| (at * 7 % 251 + 1) as u8).collect();
    let torn = [&file[..third], &junk, &file[third..]].concat();
    let events = events(&torn);
    let pieces: Vec<_> = events
        .iter()
        .filter_map(|event| if let Event::Unread(unread) = event { Some(unread.clone()) } else { None })
        .collect();
    assert_eq!(pieces[0].offset, third as u64);
    assert_eq!(pieces.iter().flat_map(|piece| piece.bytes.to_vec()).collect::<Vec<_>>(), junk);
    assert!(pieces.iter().all(|piece| piece.reason == Why::Damaged));
    assert_eq!(frames(&events, Kind::Video).len(), frames(&recording::events(&file), Kind::Video).len());
}

#[test]
fn a_damaged_sample_costs_itself_alone_and_is_told() {
    let mut file = found("moov_with_3_trailing_bytes");
    let sizes = sizes(&file);
    // The third picture stands alone in the second chunk.
    let stco = find(&file, &in_table(b"stco")).start;
    let chunk = u32::from_be_bytes(file[stco + 20..stco + 24].try_into().unwrap()) as usize;
    file[chunk..chunk + 4].copy_from_slice(&[0xff; 4]);
    let events = as_the_server_reads(&file);
    assert_eq!(frames(&events, Kind::Video).len(), 149);
    let told: Vec<_> = events
        .iter()
        .filter_map(|event| if let Event::Unread(unread) = event { Some(unread.clone()) } else { None })
        .collect();
    assert_eq!((told.len(), told[0].bytes.len() as u32), (1, sizes[2]));
    assert_eq!(unread(&events), [(Some(Kind::Video), Why::Unreadable)]);
}

#[test]
fn the_start_of_what_is_shown_is_found_behind_what_leads_to_it() {
    let track = track(&plain(), Kind::Video);
    let sample = |duration, cts| media::container::Sample { offset: 0, size: 1, duration, cts, key: false };
    assert_eq!(
        shown_from(&[sample(512, 1_024), sample(512, 0)], &track),
        1_024,
        "leading pictures are hidden"
    );
    assert_eq!(shown_from(&[sample(1, 0), sample(1, 0), sample(512, 1_024), sample(512, -100)], &track), 414);
}
