//! Recordings of browsers in WebM and Matroska come out frame by frame: counts, times and bytes as ffprobe counts them.

#![allow(clippy::unwrap_used)]

mod recording;

use media::container::Event;
use media::{Codec, Kind, Reason};
use recording::{events, fixture, frames, takes, tracks};

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
        assert_eq!(takes(&events), (1, 0), "{name}");
    }
}

#[test]
fn files_of_other_programs_are_read_too() {
    // Made by ffmpeg and mkvmerge: Cues and known sizes, B-frames, alpha, ten bits, laced audio, odd timestamp scales.
    let expected: [(&str, Option<Sum>, Option<Sum>); 7] = [
        ("h264_bframes_aac.mkv", Some((50, 2, 23, 1_983, 9_603)), Some((88, 88, 0, 89_082, 8_192))),
        ("hevc_opus.mkv", Some((50, 2, 7, 1_927, 5_720)), Some((101, 101, 0, 96_048, 7_468))),
        ("vp9_10bit_cues.webm", Some((50, 2, 7, 1_967, 13_688)), Some((101, 101, 0, 96_048, 7_468))),
        ("vp8_alpha.webm", Some((50, 2, 7, 1_967, 10_147)), Some((101, 101, 0, 96_048, 7_468))),
        ("av1_opus.webm", Some((50, 2, 7, 1_967, 9_941)), Some((101, 101, 0, 96_048, 7_468))),
        ("laced.mkv", None, Some((88, 88, 0, 89_062, 8_192))),
        ("laced_opus.mkv", Some((50, 2, 7, 1_927, 8_186)), Some((101, 101, 0, 96_048, 7_468))),
    ];
    for (name, video, audio) in expected {
        let events = events(&fixture(name));
        assert_eq!(sum(&events, Kind::Video), video, "{name}");
        assert_eq!(sum(&events, Kind::Audio), audio, "{name}");
        assert_eq!(takes(&events), (1, 0), "{name}");
    }
}

/// ffmpeg says the delay of AAC: its first frame is before time 0, and the picture begins at 0.
#[test]
fn sound_that_begins_before_the_picture_keeps_its_distance() {
    let events = events(&fixture("made/delay_avc1_aac.mkv"));
    let picture = frames(&events, Kind::Video).first().unwrap().pts;
    let sound: Vec<_> = frames(&events, Kind::Audio).iter().map(|frame| frame.pts).collect();
    // 1,024 samples of 44,100 a second are 23.2 ms; the times of Matroska are whole milliseconds.
    assert_eq!(picture, 24);
    assert!((picture * 441 / 10 - sound[0] - 1_024).abs() <= 44, "{picture} ms, {}", sound[0]);
    assert!(sound.windows(2).all(|pair| (pair[1] - pair[0] - 1_024).abs() <= 44), "{sound:?}");
}

#[test]
fn tracks_say_what_players_ask_for() {
    let expected = [
        ("webm_vp8_opus.webm", (640, 480), "vp8", "opus"),
        ("webm_vp9_opus.webm", (640, 480), "vp09.00.30.08", "opus"),
        ("webm_av1_opus.webm", (640, 480), "av01.0.04M.08", "opus"),
        ("mkv_avc1_opus.mkv", (640, 480), "avc1.42c01f", "opus"),
        ("vp9_10bit_cues.webm", (128, 96), "vp09.02.10.10", "opus"),
        ("h264_bframes_aac.mkv", (128, 96), "avc1.64000a", "mp4a.40.2"),
    ];
    for (name, size, video, audio) in expected {
        let events = events(&fixture(name));
        for track in tracks(&events) {
            match track.kind() {
                Kind::Video => {
                    assert_eq!((track.width, track.height, &*track.codec_string()), (size.0, size.1, video))
                }
                Kind::Audio => assert_eq!(track.codec_string(), audio),
            }
        }
    }
}

#[test]
fn firefox_opus_says_48_khz_and_keeps_its_pre_skip() {
    let events = events(&fixture("ff_webm_vp8_opus.webm"));
    let track = recording::track(&events, Kind::Audio);
    assert_eq!((track.codec, track.sample_rate, track.channels), (Codec::Opus, 48_000, 1));
    assert_eq!(*track.config, [0, 1, 1, 0x38, 0, 0, 0xbb, 0x80, 0, 0, 0]);
    assert!(frames(&events, Kind::Audio).iter().all(|frame| frame.key && frame.duration == Some(960)));
}

#[test]
fn a_rotated_h264_camera_is_a_take_for_each_shape() {
    let events = events(&fixture("resize_mkv_avc1.mkv"));
    assert_eq!(takes(&events), (3, 0));
    let shapes: Vec<_> = tracks(&events)
        .iter()
        .filter(|track| track.kind() == Kind::Video)
        .map(|track| (track.width, track.height))
        .collect();
    assert_eq!(shapes, [(640, 360), (360, 640), (320, 180)]);
    assert_eq!((frames(&events, Kind::Video).len(), frames(&events, Kind::Audio).len()), (218, 130));
    let mut announced = [false; 2];
    for event in &events {
        match event {
            Event::Take { .. } => announced = [false; 2],
            Event::Track(track) => announced[track.kind() as usize] = true,
            Event::Frame(frame) => assert!(announced[frame.kind as usize], "a frame comes before its track"),
            Event::Unread(_) | Event::ShownFrom { .. } | Event::Interleaved | Event::BeginsAt { .. } => {}
        }
    }
}

#[test]
fn a_resized_vp9_camera_stays_one_take() {
    let events = events(&fixture("resize_webm_vp9.webm"));
    assert_eq!((takes(&events), tracks(&events).len()), ((1, 0), 2));
}

#[test]
fn decoding_times_increase_and_are_never_after_showing() {
    for name in ["h264_bframes_aac.mkv", "hevc_opus.mkv", "laced_opus.mkv", "mkv_avc1_opus.mkv"] {
        let events = events(&fixture(name));
        let video = frames(&events, Kind::Video);
        assert!(video.windows(2).all(|pair| pair[0].dts < pair[1].dts), "{name}");
        assert!(video.iter().all(|frame| frame.dts <= frame.pts), "{name}");
        // No further ahead than eight frames of 40 ms.
        assert!(name.starts_with("mkv") || video.iter().all(|frame| frame.pts - frame.dts <= 320), "{name}");
    }
}

#[test]
fn h264_and_hevc_frames_are_nal_units_behind_lengths_of_four_bytes() {
    for name in ["h264_bframes_aac.mkv", "mkv_avc1_opus.mkv", "hevc_opus.mkv"] {
        for frame in frames(&events(&fixture(name)), Kind::Video) {
            let mut rest = &frame.data[..];
            while let Some((length, after)) = rest.split_first_chunk::<4>() {
                rest = &after[u32::from_be_bytes(*length) as usize..];
            }
            assert!(rest.is_empty(), "{name}");
        }
    }
}

#[test]
fn codecs_that_are_not_taken_are_refused_by_name() {
    for (name, codec) in [("vp8_vorbis.webm", "A_VORBIS"), ("vp8_pcm.mkv", "A_PCM/INT/LIT")] {
        let (found, error) = recording::whole(&fixture(name));
        let error = error.unwrap();
        assert_eq!((found, &error.reason), (Vec::new(), &Reason::UnsupportedCodec(codec.into())));
        assert!(error.offset > 0, "{name}");
    }
}
