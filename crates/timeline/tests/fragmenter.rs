//! What happens in a recording, and where its bodies are cut for it.

#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use media::container::Event;
use media::{Codec, Frame, Kind, Track};
use timeline::fragmenter::{Fragmenter, Output};

fn picture() -> Track {
    Track {
        codec: Codec::Vp8,
        timescale: 1_000,
        width: 640,
        height: 480,
        sample_rate: 0,
        channels: 0,
        config: Bytes::new(),
        matrix: None,
        pixel_aspect: None,
    }
}

fn sound() -> Track {
    let (width, height) = (0, 0);
    Track {
        codec: Codec::Opus,
        timescale: 48_000,
        width,
        height,
        sample_rate: 48_000,
        channels: 1,
        ..picture()
    }
}

fn frame(kind: Kind, ticks: i64, key: bool) -> Event {
    let duration = (kind == Kind::Audio).then_some(960);
    let data = Bytes::from_static(&[7; 10]);
    Event::Frame(Frame { kind, dts: ticks, pts: ticks, duration, key, data })
}

fn video(ms: i64, key: bool) -> Event {
    frame(Kind::Video, ms, key)
}

fn audio(ms: i64) -> Event {
    frame(Kind::Audio, ms * 48, true)
}

/// A take with both tracks.
fn start() -> Vec<Event> {
    vec![Event::Take { after_hole: false }, Event::Track(picture()), Event::Track(sound())]
}

fn cut(events: impl IntoIterator<Item = Event>) -> Vec<Output> {
    let (mut fragmenter, mut out) = (Fragmenter::default(), Vec::new());
    events.into_iter().for_each(|event| fragmenter.push(event, &mut out));
    fragmenter.flush(&mut out);
    out
}

/// Where each fragment of a kind begins and ends, in milliseconds, by its times and durations, and its frames.
fn spans(outputs: &[Output], wanted: Kind) -> Vec<(i64, i64, usize)> {
    let span = |output: &Output| match output {
        Output::Fragment { track, frames, durations, .. } if track.kind() == wanted => {
            let begin = frames.first()?.dts;
            let length: i64 = durations.iter().map(|duration| i64::from(*duration)).sum();
            Some((track.to_ms(begin), track.to_ms(begin + length), frames.len()))
        }
        _ => None,
    };
    outputs.iter().filter_map(span).collect()
}

fn count(outputs: &[Output], kind: Kind) -> usize {
    spans(outputs, kind).iter().map(|span| span.2).sum()
}

/// The bases of the takes, and how far each is from the one before.
fn bases(outputs: &[Output]) -> Vec<(i64, Option<i64>)> {
    let base = |output: &Output| match output {
        Output::Take { base_ms, since_last_base_ms } => Some((*base_ms, *since_last_base_ms)),
        Output::Fragment { .. } => None,
    };
    outputs.iter().filter_map(base).collect()
}

#[test]
fn a_track_that_ends_does_not_hold_the_other_back() {
    let mut events = start();
    for at in 0..500 {
        events.push(video(at * 20, at == 0));
        if at < 50 {
            events.push(audio(at * 20));
        }
    }
    let (mut fragmenter, mut out) = (Fragmenter::default(), Vec::new());
    events.into_iter().for_each(|event| fragmenter.push(event, &mut out));
    assert!(spans(&out, Kind::Video).last().unwrap().1 > 9_700);
    assert!(spans(&out, Kind::Audio).last().unwrap().1 > 700);
    fragmenter.flush(&mut out);
    assert_eq!(spans(&out, Kind::Audio).last().unwrap().1, 1_000, "the last packet lasts what it says");
    assert_eq!(bases(&out), [(0, None)], "one take");
}

#[test]
fn one_picture_a_second_is_a_fragment_a_second() {
    let mut events = vec![Event::Take { after_hole: false }, Event::Track(picture())];
    events.extend((0..250).map(|second| video(second * 1_000, second % 100 == 0)));
    let spans = spans(&cut(events), Kind::Video);
    assert_eq!(spans.len(), 250);
    assert!(
        spans.windows(2).all(|pair| pair[0].1 == pair[1].0 && pair[0].2 == 1),
        "none waits for a keyframe"
    );
    assert_eq!(spans[249], (249_000, 250_000, 1), "the last lasts as long as the one before it");
}

#[test]
fn a_pause_stays_where_it_was_in_both_tracks() {
    let mut events = start();
    for at in (0..50).chain(350..400) {
        events.push(video(at * 20, at == 0));
        events.push(audio(at * 20));
    }
    let out = cut(events);
    for kind in [Kind::Video, Kind::Audio] {
        let spans = spans(&out, kind);
        assert!(spans.windows(2).all(|pair| pair[0].1 == pair[1].0), "{spans:?}");
        assert!(
            spans.iter().any(|span| span.0 == 7_000),
            "what comes after the pause is where it was: {spans:?}"
        );
    }
    assert_eq!(bases(&out), [(0, None)], "one take");
}

#[test]
fn a_clock_that_jumps_by_hours_begins_another_take() {
    let mut events = start();
    let later = 24 * 3_600 * 1_000;
    events.extend((0..20).map(|at| video(at * 50, at == 0)));
    events.extend((0..20).map(|at| video(later + at * 50, at == 0)));
    let out = cut(events);
    assert_eq!(bases(&out), [(0, None), (later, None)], "no hours of nothing between them");
    assert_eq!(count(&out, Kind::Video), 40);
}

#[test]
fn a_hole_keeps_its_length_and_another_recorder_its_own_clock_and_tracks() {
    let mut events = start();
    events.extend((0..100).map(|at| video(at * 20, at == 0)));
    events.extend([Event::Take { after_hole: true }, Event::Track(picture())]);
    events.extend((0..100).map(|at| video(5_000 + at * 20, at == 0)));
    events.extend([Event::Take { after_hole: false }, Event::Track(sound())]);
    events.extend((0..100).map(|at| audio(at * 20)));
    let out = cut(events);
    assert_eq!(bases(&out), [(0, None), (5_000, Some(5_000)), (0, None)]);
    assert_eq!((count(&out, Kind::Video), count(&out, Kind::Audio)), (200, 100));
}

/// Each take: from when to when it has frames, in milliseconds.
fn lengths(outputs: &[Output]) -> Vec<i64> {
    let mut lengths: Vec<i64> = Vec::new();
    let mut base = 0;
    for output in outputs {
        match output {
            Output::Take { base_ms, .. } => {
                base = *base_ms;
                lengths.push(0);
            }
            Output::Fragment { track, frames, durations, .. } => {
                let ends = frames.iter().zip(durations).map(|(frame, lasts)| frame.pts + i64::from(*lasts));
                let length = track.to_ms(ends.max().unwrap()) - base;
                let last = lengths.last_mut().unwrap();
                *last = length.max(*last);
            }
        }
    }
    lengths
}

/// Chromium's MP4: of each group of pictures, of two seconds, first the sound and then the pictures. The picture changes
/// with the third group.
#[test]
fn sound_that_came_ahead_of_a_change_of_picture_is_in_the_take_in_which_it_sounds() {
    for is_sound_first in [true, false] {
        let mut events = start();
        for group in 0..4 {
            let from = group * 2_000;
            let sounds = (0..100).map(|at| audio(from + at * 20));
            let mut pictures: Vec<_> = (0..50).map(|at| video(from + at * 40, at == 0)).collect();
            if group == 2 {
                let turned = Track { width: 480, height: 640, ..picture() };
                pictures.splice(0..0, [Event::Take { after_hole: false }, Event::Track(turned)]);
            }
            let announced = (group == 2 && !is_sound_first).then(|| Event::Track(sound()));
            let late = (group == 3 && is_sound_first).then(|| Event::Track(sound()));
            if is_sound_first {
                events.extend(late.into_iter().chain(sounds).chain(pictures));
            } else {
                events.extend(pictures.into_iter().chain(announced).chain(sounds));
            }
        }
        let out = cut(events);
        assert_eq!(bases(&out), [(0, None), (4_000, Some(4_000))]);
        assert_eq!(lengths(&out), [4_000, 4_000]);
        assert_eq!((count(&out, Kind::Video), count(&out, Kind::Audio)), (200, 400));
    }
}

#[test]
fn sound_of_another_configuration_is_in_the_take_that_it_was_made_for() {
    let mut events = start();
    events.extend((0..50).map(|at| video(at * 40, at == 0)));
    events.extend((0..105).map(|at| audio(at * 20)));
    let turned = Track { width: 480, height: 640, ..picture() };
    let stereo = Track { channels: 2, ..sound() };
    events.extend([Event::Take { after_hole: false }, Event::Track(turned), Event::Track(stereo)]);
    events.extend((50..100).map(|at| video(at * 40, at == 50)));
    events.extend((100..200).map(|at| audio(at * 20)));
    let out = cut(events);
    assert_eq!(bases(&out).len(), 2);
    assert_eq!((count(&out, Kind::Video), count(&out, Kind::Audio)), (100, 205));
    let mono = |output: &Output| match output {
        Output::Fragment { track, frames, .. } if track.channels == 1 => frames.len(),
        _ => 0,
    };
    assert_eq!(out.iter().map(mono).sum::<usize>(), 105);
}

/// Sound of the source's own clock in each take, by its channels.
fn channels(outputs: &[Output]) -> Vec<(u8, usize)> {
    let mut found: Vec<(u8, usize)> = Vec::new();
    for output in outputs {
        let Output::Fragment { track, frames, .. } = output else { continue };
        if track.kind() == Kind::Audio {
            match found.last_mut().filter(|(channels, _)| *channels == track.channels) {
                Some((_, count)) => *count += frames.len(),
                None => found.push((track.channels, frames.len())),
            }
        }
    }
    found
}

/// The sound of a take comes ahead of its picture, and the source says only later that it is another one.
#[test]
fn sound_that_is_announced_late_as_another_costs_no_picture() {
    for after in [51, 80] {
        let mut events = start();
        events.extend((0..50).map(|at| video(at * 40, at == 0)));
        events.extend((0..105).map(|at| audio(at * 20)));
        events.extend([Event::Take { after_hole: false }, Event::Track(Track { width: 480, ..picture() })]);
        events.extend((50..after).map(|at| video(at * 40, at == 50)));
        events.push(Event::Track(Track { channels: 2, ..sound() }));
        events.extend((105..200).map(|at| audio(at * 20)));
        events.extend((after..100).map(|at| video(at * 40, false)));
        let out = cut(events);
        assert_eq!((count(&out, Kind::Video), count(&out, Kind::Audio)), (100, 200), "after {after}");
        assert_eq!(channels(&out), [(1, 105), (2, 95)], "after {after}");
        let is_later = after == 80;
        assert_eq!(bases(&out).len(), if is_later { 3 } else { 2 }, "after {after}");
        let sequence = |output: &Output| match output {
            Output::Fragment { track, sequence, .. } if track.channels == 1 => Some(*sequence),
            _ => None,
        };
        let mono: Vec<u32> = out.iter().filter_map(sequence).collect();
        assert!(is_later || mono.iter().copied().eq(1..=mono.len() as u32), "the fragments go on: {mono:?}");
    }
}

#[test]
fn a_track_that_begins_before_0_behind_one_at_0_keeps_its_distance() {
    let mut events = start();
    events.push(video(0, true));
    events.extend((-3..100).map(|at| audio(at * 20)));
    events.extend((1..50).map(|at| video(at * 40, false)));
    let out = cut(events);
    let begins = |kind| spans(&out, kind)[0].0;
    assert_eq!((begins(Kind::Video) - begins(Kind::Audio), bases(&out)), (60, vec![(0, None)]));
    assert_eq!((count(&out, Kind::Video), count(&out, Kind::Audio)), (50, 103));
    // One odd time moves nothing else.
    let odd = cut([start(), vec![video(0, true), audio(-30_000), audio(20), video(40, false)]].concat());
    assert_eq!((spans(&odd, Kind::Video)[0].0, spans(&odd, Kind::Audio)[0].0), (0, 0));
}

#[test]
fn nothing_is_before_its_take() {
    let mut events = vec![Event::Take { after_hole: false }, Event::Track(picture())];
    events.extend((0..20).map(|at| video(5_000 + at * 40, at == 0)));
    events.push(Event::Track(sound()));
    events.extend((0..50).map(|at| audio(4_993 + at * 20)));
    let out = cut(events);
    assert_eq!(bases(&out), [(5_000, None)]);
    assert_eq!(spans(&out, Kind::Audio)[0].0, 5_000);
    assert_eq!(count(&out, Kind::Audio), 50);
}

#[test]
fn a_duration_that_cannot_be_is_not_believed() {
    let three_days = 3 * 24 * 3_600 * 1_000;
    let last = Frame {
        kind: Kind::Video,
        dts: 80,
        pts: 80,
        duration: Some(three_days),
        key: false,
        data: Bytes::from_static(&[7; 10]),
    };
    let out = cut([start(), vec![video(0, true), video(40, false), Event::Frame(last)]].concat());
    assert_eq!(lengths(&out), [120]);
}

#[test]
fn pictures_of_one_time_say_nothing_of_how_long_the_last_is_shown() {
    let out = cut([start(), vec![video(0, true), video(0, false)]].concat());
    assert_eq!(lengths(&out), [34]);
}

#[test]
fn clocks_that_are_far_apart_are_brought_together() {
    let hour = 3_600_000;
    for (video_at, audio_at) in [(2 * hour, 0), (0, 2 * hour), (0, 1_700_000_000_000), (90 * hour, 30 * hour)]
    {
        for in_turn in [true, false] {
            let mut events = start();
            let pictures = (0..150).map(|at| video(video_at + at * 40, at % 50 == 0));
            let sounds = (0..300).map(|at| audio(audio_at + at * 20));
            if in_turn {
                let (pictures, mut sounds) = (pictures.collect::<Vec<_>>(), sounds);
                for picture in pictures {
                    events.push(picture);
                    events.extend(sounds.by_ref().take(2));
                }
            } else {
                events.extend(pictures.chain(sounds));
            }
            let out = cut(events);
            assert_eq!(lengths(&out), [6_000], "{video_at} and {audio_at}");
            assert_eq!((count(&out, Kind::Video), count(&out, Kind::Audio)), (150, 300));
        }
    }
}

#[test]
fn a_track_that_begins_late_stays_late() {
    let mut events = start();
    events.extend((0..200).map(|at| audio(at * 20)));
    events.extend((0..100).map(|at| video(50_000 + at * 40, at == 0)));
    let out = cut(events);
    assert_eq!(lengths(&out), [54_000]);
}

#[test]
fn what_leads_to_the_first_picture_is_before_the_take() {
    let mut events = vec![Event::Take { after_hole: false }, Event::ShownFrom { ms: 1_000 }];
    events.push(Event::Track(picture()));
    events.extend([video(998, true), video(999, false)]);
    events.extend((0..50).map(|at| video(1_000 + at * 40, false)));
    let out = cut(events);
    assert_eq!(bases(&out), [(1_000, None)]);
    assert_eq!(lengths(&out), [2_000]);
}

#[test]
fn a_picture_that_stands_still_does_not_hold_the_sound_back() {
    let mut events = start();
    events.push(video(0, true));
    events.extend((0..1_000).map(|at| audio(at * 20)));
    let (mut fragmenter, mut out) = (Fragmenter::default(), Vec::new());
    events.into_iter().for_each(|event| fragmenter.push(event, &mut out));
    assert!(spans(&out, Kind::Audio).last().unwrap().1 > 19_000);
}

#[test]
fn sound_waits_for_a_silent_camera_no_longer_than_its_container_lets_it_run_ahead() {
    for (is_interleaved, most_ms) in [(true, 1_000), (false, 6_000)] {
        let mut events = start();
        if is_interleaved {
            events.insert(1, Event::Interleaved);
        }
        events.push(video(0, true));
        let (mut fragmenter, mut out) = (Fragmenter::default(), Vec::new());
        events.into_iter().for_each(|event| fragmenter.push(event, &mut out));
        // So long after a split too: the source is the same.
        for begin in [0, 20_000] {
            let heard_at = (0..1_000).map(|at| begin + at * 20).find(|ms| {
                fragmenter.push(audio(*ms), &mut out);
                spans(&out, Kind::Audio).last().is_some_and(|span| span.1 > begin)
            });
            let waited_ms = heard_at.expect("it is heard") - begin;
            assert!((most_ms..most_ms + 500).contains(&waited_ms), "{waited_ms} ms of {most_ms}");
            fragmenter.split(&mut out);
            fragmenter.push(video(20_000, true), &mut out);
        }
    }
}

#[test]
fn frames_too_close_or_too_large_never_make_a_fragment_without_end() {
    let mut events = start();
    events.extend((0..5_000).map(|tick| frame(Kind::Audio, tick, true)));
    let data = Bytes::from(vec![0; 3 << 20]);
    for at in 0..12 {
        let (kind, key, data) = (Kind::Video, at == 0, data.clone());
        events.push(Event::Frame(Frame { kind, dts: at, pts: at, duration: None, key, data }));
    }
    let out = cut(events);
    assert!(spans(&out, Kind::Audio).iter().all(|span| span.2 <= 1_000));
    assert!(spans(&out, Kind::Video).iter().all(|span| span.2 <= 2), "at most 8 MiB");
    assert_eq!((count(&out, Kind::Video), count(&out, Kind::Audio)), (12, 5_000));
}

#[test]
fn a_fragmenter_that_was_put_away_cuts_as_if_it_had_not_been() {
    let mut events = start();
    for at in 0..300 {
        events.push(video(at * 33, at % 40 == 0));
        events.push(audio(at * 20));
    }
    events.extend([Event::Take { after_hole: true }, Event::Track(picture())]);
    events.extend((0..50).map(|at| video(12_000 + at * 33, at == 0)));
    let whole = cut(events.clone());
    let (mut fragmenter, mut out) = (Fragmenter::default(), Vec::new());
    for event in events {
        let kept = postcard::to_stdvec(&fragmenter).unwrap();
        fragmenter = postcard::from_bytes(&kept).unwrap();
        fragmenter.push(event, &mut out);
    }
    fragmenter.flush(&mut out);
    assert_eq!(out, whole);
}
