//! Which frames a view holds, and when each is shown: the same for every container.

use media::container::{Sample, shown_from};
use media::{Kind, Track};

use super::{Format, Unavailable};
use crate::{Take, Timeline, TrackIndex};

/// Frames in one view: twelve hours of 60 frames of video and 50 packets of audio a second.
const MAX_FRAMES: usize = 5_000_000;

/// Frames at the front of a track among which the first one is that is seen: what leads to it is a group of pictures.
const MOST_LEADING: usize = 10_000;

/// What of a live a view holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Selection {
    /// One take only; positions then count from its start.
    pub take: Option<u32>,
    /// From the keyframe at or before this place of the timeline, in milliseconds.
    pub from_ms: Option<i64>,
    /// To this place of the timeline, in milliseconds.
    pub to_ms: Option<i64>,
    /// Without the picture.
    pub audio_only: bool,
    /// Of the picture the keyframes alone, one in [`SLIDE_MS`] at most, each shown until the next.
    pub slides: bool,
}

/// The least time between two slides, in milliseconds.
pub const SLIDE_MS: i64 = 5_000;

/// The frames of a view, track by track.
pub(super) struct Plan {
    pub(super) tracks: Vec<PlannedTrack>,
}

/// One track of a view, over all its takes, on one clock.
pub(super) struct PlannedTrack {
    pub(super) track: Track,
    pub(super) frames: Vec<PlannedFrame>,
}

/// A frame, where its bytes are and when it is shown, in ticks of the planned track.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlannedFrame {
    pub(super) take: u32,
    pub(super) offset: u64,
    pub(super) size: u32,
    pub(super) dts: i64,
    pub(super) cts: i32,
    pub(super) duration: u32,
    pub(super) key: bool,
}

/// A take with its place and the stretch of it that is wanted, in milliseconds of the source's clock.
struct Stretch<'a> {
    take: &'a Take,
    /// What is added to the source's clock to get the view's.
    shift_ms: i64,
    /// `None`: from its first frame.
    from_ms: Option<i64>,
    /// `None`: to its last frame.
    to_ms: Option<i64>,
}

/// What of a track goes into a view, stretch by stretch.
struct Part<'s, 'a> {
    track: Track,
    kind: Kind,
    stretches: Vec<&'s Stretch<'a>>,
}

pub(super) fn plan(timeline: &Timeline, selection: &Selection, format: Format) -> Result<Plan, Unavailable> {
    let stretches = stretches(timeline, selection);
    let mut tracks = Vec::new();
    for part in parts(&stretches, selection, format)? {
        let planned = plan_track(part.track, part.kind, &part.stretches, selection.slides)?;
        if !planned.frames.is_empty() {
            tracks.push(planned);
        }
    }
    if tracks.is_empty() {
        return Err(Unavailable::Empty);
    }
    from_zero(&mut tracks, selection);
    Ok(Plan { tracks })
}

/// Whether there is such a file, without planning it.
pub(super) fn check(timeline: &Timeline, selection: &Selection, format: Format) -> Result<(), Unavailable> {
    let stretches = stretches(timeline, selection);
    if parts(&stretches, selection, format)?.is_empty() { Err(Unavailable::Empty) } else { Ok(()) }
}

fn parts<'s, 'a>(
    stretches: &'s [Stretch<'a>],
    selection: &Selection,
    format: Format,
) -> Result<Vec<Part<'s, 'a>>, Unavailable> {
    let kinds: &[Kind] = if selection.audio_only { &[Kind::Audio] } else { &[Kind::Video, Kind::Audio] };
    let mut parts = Vec::new();
    for &kind in kinds {
        let with: Vec<_> = stretches.iter().filter(|stretch| present(stretch.take, kind).is_some()).collect();
        let Some(first) = with.first().and_then(|stretch| present(stretch.take, kind)) else { continue };
        if !with.iter().all(|stretch| present(stretch.take, kind).is_some_and(|other| agree(first, other))) {
            return Err(Unavailable::TakesDiffer(
                stretches.iter().map(|stretch| stretch.take.number).collect(),
            ));
        }
        check_container(first.track(), format)?;
        parts.push(Part { track: first.track().clone(), kind, stretches: with });
    }
    Ok(parts)
}

fn present(take: &Take, kind: Kind) -> Option<&TrackIndex> {
    take.track(kind).filter(|track| !track.is_empty())
}

fn check_container(track: &Track, format: Format) -> Result<(), Unavailable> {
    let fits = match format {
        Format::Mp4 => track.codec.in_mp4(),
        Format::Webm => track.codec.in_webm(),
    };
    if fits { Ok(()) } else { Err(Unavailable::WrongContainer) }
}

/// Whether one sample entry describes both: codecs that repeat their headers at keyframes may
/// change the size.
fn agree(one: &TrackIndex, other: &TrackIndex) -> bool {
    use media::Codec::{Av1, Opus, Vp8, Vp9};
    let (one, other) = (one.track(), other.track());
    one.codec == other.codec
        && (one.matrix, one.pixel_aspect) == (other.matrix, other.pixel_aspect)
        && match one.codec {
            Vp8 | Vp9 | Av1 => one.is_continued_by(other),
            Opus => one.channels == other.channels,
            _ => one.config == other.config && one.sample_rate == other.sample_rate,
        }
}

/// The takes that the selection touches, in play order, each with the stretch of it that is wanted.
fn stretches<'a>(timeline: &'a Timeline, selection: &Selection) -> Vec<Stretch<'a>> {
    let mut stretches = Vec::new();
    let mut start_ms = 0;
    for take in timeline.in_play_order() {
        let (offset_ms, end_ms) = (start_ms, start_ms + take.duration_ms());
        start_ms = end_ms;
        if selection.take.is_some_and(|number| number != take.number) {
            continue;
        }
        let to_source = take.base_ms - offset_ms;
        let from_ms = selection.from_ms.filter(|&from| from > offset_ms);
        let to_ms = selection.to_ms.filter(|&to| to < end_ms);
        if from_ms.is_some_and(|from| from >= end_ms) || to_ms.is_some_and(|to| to <= offset_ms) {
            continue;
        }
        let zero_ms = if selection.take.is_some() { offset_ms } else { 0 };
        stretches.push(Stretch {
            take,
            shift_ms: -to_source - zero_ms,
            from_ms: from_ms.map(|from| keyframe_before(take, from + to_source, selection)),
            to_ms: to_ms.map(|to| to + to_source),
        });
    }
    stretches
}

/// The time of the keyframe of video at or before a time of the source's clock; the time itself where only sound is
/// wanted or there.
fn keyframe_before(take: &Take, ms: i64, selection: &Selection) -> i64 {
    let video = present(take, Kind::Video).filter(|_| !selection.audio_only);
    let key = video.and_then(|video| {
        let entry = video.get(video.seek(ms)?)?;
        Some(ms_rounded_down(video.track(), entry.base_dts))
    });
    key.map_or(ms, |key| key.min(ms))
}

/// Milliseconds that are not after these ticks, so that what begins there is not before them.
fn ms_rounded_down(track: &Track, ticks: i64) -> i64 {
    let ms = track.to_ms(ticks);
    if track.to_ticks(ms) > ticks { ms - 1 } else { ms }
}

fn plan_track(
    track: Track,
    kind: Kind,
    stretches: &[&Stretch<'_>],
    slides: bool,
) -> Result<PlannedTrack, Unavailable> {
    let mut frames: Vec<PlannedFrame> = Vec::new();
    for stretch in stretches {
        let Some(index) = present(stretch.take, kind) else { continue };
        let source = index.track();
        let from = stretch.from_ms.map_or(i64::MIN, |ms| source.to_ticks(ms));
        let to = stretch.to_ms.map_or(i64::MAX, |ms| source.to_ticks(ms));
        let first = stretch.from_ms.and_then(|ms| index.seek(ms)).unwrap_or(0);
        for entry in index.iter_from(first).take_while(|entry| entry.base_dts < to) {
            let mut dts = entry.base_dts;
            for Sample { offset, size, duration, cts, key } in entry.samples() {
                if dts >= from && dts < to {
                    // A picture may last over a gap of the capture, past where it is cut; a packet of sound is what it is.
                    let shown = match kind {
                        Kind::Video => i64::from(duration).min(to.saturating_sub(dts)),
                        Kind::Audio => i64::from(duration),
                    };
                    let shifted = rescale(dts, source, &track) + track.to_ticks(stretch.shift_ms);
                    let dts = frames.last().map_or(shifted, |last| shifted.max(last.dts + 1));
                    let cts = i32::try_from(rescale(i64::from(cts), source, &track)).unwrap_or(0);
                    let duration = rescale(shown, source, &track);
                    let duration = u32::try_from(duration).unwrap_or(u32::MAX);
                    let offset = entry.offset + u64::from(offset);
                    frames.push(PlannedFrame {
                        take: stretch.take.number,
                        offset,
                        size,
                        dts,
                        cts,
                        duration,
                        key,
                    });
                }
                dts = dts.saturating_add(i64::from(duration));
            }
            if frames.len() > MAX_FRAMES {
                return Err(Unavailable::TooLong(MAX_FRAMES));
            }
        }
    }
    if slides && kind == Kind::Video {
        keep_slides(&mut frames, &track);
    }
    bridge(&mut frames);
    Ok(PlannedTrack { track, frames })
}

/// Leaves the first keyframe, and then the first at least [`SLIDE_MS`] after the last that was left. Nothing is coded out of
/// its order any more, so that each is decoded when it is shown; the last stays to the end of the picture.
fn keep_slides(frames: &mut Vec<PlannedFrame>, track: &Track) {
    let end = frames.iter().map(|frame| frame.dts + i64::from(frame.duration)).max().unwrap_or(0);
    let mut next = i64::MIN;
    frames.retain_mut(|frame| {
        let shown = frame.dts + i64::from(frame.cts);
        let is_slide = frame.key && shown >= next;
        if is_slide {
            next = shown + track.to_ticks(SLIDE_MS);
            (frame.dts, frame.cts) = (shown, 0);
        }
        is_slide
    });
    if let Some(last) = frames.last_mut() {
        let stays = u32::try_from(end - last.dts).unwrap_or(last.duration);
        last.duration = stays.max(1);
    }
}

/// About the bytes of all slides of a timeline, without looking at each frame.
pub fn slides_payload(timeline: &Timeline) -> u64 {
    let mut bytes = 0;
    for index in timeline.takes().iter().filter_map(|take| present(take, Kind::Video)) {
        let apart = index.track().to_ticks(SLIDE_MS);
        let mut next = i64::MIN;
        for entry in index.iter_from(0).filter(|entry| entry.key) {
            if entry.base_dts >= next {
                next = entry.base_dts + apart;
                bytes += entry.samples().first().map_or(0, |sample| u64::from(sample.size));
            }
        }
    }
    bytes
}

/// Makes each frame last to the next: across capture gaps and from the last frame of a take to the next take.
fn bridge(frames: &mut [PlannedFrame]) {
    for index in 1..frames.len() {
        let until = frames[index].dts - frames[index - 1].dts;
        frames[index - 1].duration = u32::try_from(until).unwrap_or(u32::MAX);
    }
}

/// Lets a clip start at its first picture (or sound) that is shown, to the tick: what it was cut at is its 0.
fn from_zero(tracks: &mut [PlannedTrack], selection: &Selection) {
    let Some(first) = tracks.first() else { return };
    let clip = selection.from_ms.filter(|&from| from > 0);
    let cut = clip.map(|_| (first.track.clone(), first.start()));
    // The base of a take is a whole millisecond: its first frame may be a part of one before it.
    let starts = |planned: &PlannedTrack| ms_rounded_down(&planned.track, planned.start());
    let zero_ms = tracks.iter().map(starts).min().unwrap_or(0).min(0);
    for planned in tracks {
        let zero = match &cut {
            Some((track, start)) => rescale(*start, track, &planned.track),
            None => planned.track.to_ticks(zero_ms),
        };
        for frame in &mut planned.frames {
            frame.dts -= zero;
        }
        // Pictures may be decoded before it; sound is cut at the packet.
        if planned.track.kind() == Kind::Audio {
            planned.frames.retain(|frame| frame.dts >= 0);
        }
    }
}

fn rescale(ticks: i64, from: &Track, to: &Track) -> i64 {
    if from.timescale == to.timescale {
        return ticks;
    }
    let scale = i128::from(from.timescale);
    let rescaled = (i128::from(ticks) * i128::from(to.timescale) + scale / 2).div_euclid(scale);
    i64::try_from(rescaled).unwrap_or(i64::MAX)
}

impl PlannedTrack {
    /// When the first of its frames that is to be seen is shown, in ticks.
    pub(super) fn start(&self) -> i64 {
        let first = self.frames.first().map_or(0, |frame| frame.dts);
        first + shown_from(&self.samples(MOST_LEADING), &self.track)
    }

    /// Its first frames, as a head lists them.
    pub(super) fn samples(&self, most: usize) -> Vec<Sample> {
        let sample = |frame: &PlannedFrame| Sample {
            offset: 0,
            size: frame.size,
            duration: frame.duration,
            cts: frame.cts,
            key: frame.key,
        };
        self.frames.iter().take(most).map(sample).collect()
    }

    /// Decoding time of a frame in milliseconds.
    pub(super) fn ms(&self, frame: usize) -> Option<i64> {
        self.frames.get(frame).map(|frame| self.track.to_ms(frame.dts))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use media::Codec;
    use media::container::Fragment;

    use super::*;
    use crate::Entry;

    fn track(codec: Codec, timescale: u32, config: &'static [u8]) -> Track {
        Track {
            codec,
            timescale,
            width: 640,
            height: 360,
            sample_rate: 48_000,
            channels: 2,
            config: Bytes::from_static(config),
            matrix: None,
            pixel_aspect: None,
        }
    }

    /// A take of one fragment of these samples.
    fn take(number: u32, base_ms: i64, track: Track, base_dts: i64, samples: Vec<Sample>) -> Take {
        let kind = track.kind();
        let mut index = TrackIndex::new(track, 0);
        let fragment = Fragment { kind, sequence: 1, base_dts, len: 20, samples };
        index.push(Entry::new(0, 0, &fragment));
        let mut take = Take::new(number, 0, base_ms);
        *take.track_mut(kind) = Some(index);
        take
    }

    #[test]
    fn a_clip_begins_with_its_keyframe_whatever_the_ticks() {
        let track = track(Codec::Vp9, 20_000, &[]);
        let mut index = TrackIndex::new(track, 0);
        // Keyframes at 0 s and at 3.0695 s: no whole number of milliseconds.
        for (sequence, base_dts, key) in [(1, 0, true), (2, 30_000, false), (3, 61_390, true)] {
            let sample = Sample { offset: 0, size: 10, duration: 1_000, cts: 0, key };
            let samples = vec![sample, Sample { offset: 10, key: false, ..sample }];
            let fragment = Fragment { kind: Kind::Video, sequence, base_dts, len: 20, samples };
            index.push(Entry::new(u64::from(sequence) * 20, 0, &fragment));
        }
        let mut take = Take::new(1, 0, 0);
        take.video = Some(index);
        let timeline = Timeline::new(0, vec![take]);
        let selection = Selection { from_ms: Some(3_100), ..Selection::default() };
        let Ok(plan) = plan(&timeline, &selection, Format::Mp4) else { panic!("there is such a clip") };
        let frames: Vec<_> = plan.tracks[0].frames.iter().map(|frame| (frame.dts, frame.key)).collect();
        assert_eq!(frames, [(0, true), (1_000, false)]);
    }

    #[test]
    fn a_cut_in_a_gap_of_the_capture_ends_where_it_was_asked_to() {
        let track = track(Codec::Vp9, 1_000, &[]);
        let samples = vec![Sample { offset: 0, size: 10, duration: 4_000, cts: 0, key: true }];
        let timeline = Timeline::new(0, vec![take(1, 0, track, 0, samples)]);
        let selection = Selection { to_ms: Some(1_500), ..Selection::default() };
        let Ok(plan) = plan(&timeline, &selection, Format::Mp4) else { panic!("there is such a clip") };
        assert_eq!(plan.tracks[0].frames[0].duration, 1_500);
    }

    #[test]
    fn a_picture_decoded_before_the_clock_begins_lasts_as_long_as_it_lasts() {
        let samples = vec![Sample { offset: 0, size: 10, duration: 40, cts: 100, key: true }];
        let timeline = Timeline::new(0, vec![take(1, 0, track(Codec::H264, 1_000, &[]), -80, samples)]);
        let Ok(plan) = plan(&timeline, &Selection::default(), Format::Mp4) else {
            panic!("there is a replay")
        };
        assert_eq!(plan.tracks[0].frames[0].duration, 40);
    }

    #[test]
    fn a_first_frame_a_part_of_a_millisecond_before_its_take_is_kept() {
        let track = track(Codec::Opus, 48_000, &[]);
        // Joined at 1,978.67 ms, which are 1,979.
        let sample = Sample { offset: 0, size: 10, duration: 1_024, cts: 0, key: true };
        let samples = vec![sample, Sample { offset: 10, ..sample }];
        let timeline = Timeline::new(0, vec![take(1, 1_979, track, 94_976, samples)]);
        let Ok(plan) = plan(&timeline, &Selection::default(), Format::Mp4) else {
            panic!("there is a replay")
        };
        let times: Vec<_> = plan.tracks[0].frames.iter().map(|frame| frame.dts).collect();
        assert_eq!(times.len(), 2);
        assert!((0..48).contains(&times[0]), "{times:?}");
    }

    #[test]
    fn takes_of_another_depth_are_no_one_file() {
        // Profile and depth stand in the bytes 4 and 6 of `vpcC`.
        let eight: &[u8] = &[1, 0, 0, 0, 0, 10, 0x82, 1, 1, 1, 0, 0];
        let ten: &[u8] = &[1, 0, 0, 0, 2, 10, 0xa2, 1, 1, 1, 0, 0];
        let of = |number: u32, config: &'static [u8]| {
            let samples = vec![Sample { offset: 0, size: 10, duration: 40, cts: 0, key: true }];
            take(number, 0, track(Codec::Vp9, 1_000, config), 0, samples)
        };
        let whole = |configs: [&'static [u8]; 2]| {
            let timeline = Timeline::new(0, vec![of(1, configs[0]), of(2, configs[1])]);
            check(&timeline, &Selection::default(), Format::Mp4)
        };
        assert!(whole([ten, ten]).is_ok());
        assert!(matches!(whole([eight, ten]), Err(Unavailable::TakesDiffer(takes)) if takes == [1, 2]));
    }
}
