//! Recordings of browsers in WebM and Matroska come out frame by frame: counts, times and bytes as ffprobe counts them.

use media::container::{Event, Reader};
use media::{Frame, Kind};

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/../../testdata/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn events(data: &[u8]) -> Vec<Event> {
    let mut reader = Reader::new();
    let mut events = Vec::new();
    for slice in data.chunks(1 << 20) {
        reader.push(slice);
        while let Some(event) = reader.next().unwrap() {
            events.push(event);
        }
    }
    reader.finish();
    while let Some(event) = reader.next().unwrap() {
        events.push(event);
    }
    events
}

fn frames(events: &[Event], kind: Kind) -> Vec<&Frame> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Frame(frame) if frame.kind == kind => Some(frame),
            _ => None,
        })
        .collect()
}

/// Frames, keyframes, first and last time in the track's ticks, bytes of all frames.
type Sum = (usize, usize, i64, i64, usize);

fn sum(events: &[Event], kind: Kind) -> Option<Sum> {
    let frames = frames(events, kind);
    let keys = frames.iter().filter(|frame| frame.key).count();
    let bytes = frames.iter().map(|frame| frame.data.len()).sum();
    Some((frames.len(), keys, frames.first()?.pts, frames.last()?.pts, bytes))
}

#[test]
fn every_frame_of_a_browser_recording_is_there_with_its_time() {
    // ffprobe -show_entries packet=pts,size,flags; audio times x 48, and 312 samples later for Firefox, whose codec
    // delay ffprobe takes off. AV1 frames are two bytes shorter here: their temporal delimiters.
    let expected: [(&str, Option<Sum>, Option<Sum>); 8] = [
        ("webm_vp8_opus.webm", Some((367, 4, 8, 19_944, 841_168)), Some((332, 332, 0, 954_720, 156_677))),
        ("webm_vp9_opus.webm", Some((400, 36, 3, 19_953, 730_486)), Some((332, 332, 0, 954_720, 156_422))),
        ("webm_av1_opus.webm", Some((399, 4, 0, 19_899, 681_417)), Some((333, 333, 0, 956_160, 157_163))),
        ("mkv_avc1_opus.mkv", Some((388, 4, 0, 19_952, 486_331)), Some((311, 311, 144, 955_824, 146_604))),
        (
            "ff_webm_vp8_opus.webm",
            Some((601, 3, 0, 19_998, 531_489)),
            Some((1002, 1002, 288, 961_248, 161_482)),
        ),
        ("audio_webm_opus.webm", None, Some((333, 333, 0, 957_120, 157_265))),
        ("pause_vp8.webm", Some((79, 1, 0, 4_902, 183_460)), Some((80, 80, 0, 234_624, 34_794))),
        ("resize_webm_vp9.webm", Some((191, 4, 0, 7_773, 241_552)), Some((130, 130, 96, 371_712, 62_823))),
    ];
    for (name, video, audio) in expected {
        let events = events(&fixture(name));
        assert_eq!(events[0], Event::Take { after_hole: false }, "{name}");
        assert_eq!(sum(&events, Kind::Video), video, "{name}");
        assert_eq!(sum(&events, Kind::Audio), audio, "{name}");
        assert_eq!(events.iter().filter(|event| matches!(event, Event::Take { .. })).count(), 1, "{name}");
    }
}
