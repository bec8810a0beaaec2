//! The frames of a take's track on the clock of the playlists.

use media::{Kind, Track};

use super::Place;
use crate::{Take, Timeline, TrackIndex};

/// Where on the clock of the media the first take begins: pictures that are decoded before they are shown, and the first
/// packets of AAC, are before it, and decoding times are not negative (ISO/IEC 14496-12, 8.8.12).
const ZERO_MS: i64 = 10_000;

/// Ticks a second of the picture on the clock of the media: the same for all takes, since some players read it once.
const SCALE_OF_PICTURE: u32 = 1_000_000;

/// Ticks a second of a track on the clock of the media.
pub(super) fn scale(track: &Track) -> u32 {
    match track.kind() {
        Kind::Video => SCALE_OF_PICTURE,
        Kind::Audio => track.sample_rate.max(1),
    }
}

/// A take's track at its place on the clock.
#[derive(Debug)]
pub(super) struct Line<'a> {
    index: &'a TrackIndex,
    offset_ms: i64,
    /// The take's 0 in ticks of the track.
    base: i64,
    /// From a frame's decoding time to when it is shown, as the first frame has it.
    delay: i64,
}

/// A frame of a line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) place: Place,
    /// On the clock of the playlists.
    pub(super) at: i64,
    /// When it ends, if it lasts as long as its fragment says.
    pub(super) end: i64,
    pub(super) dts: i64,
    pub(super) cts: i32,
    /// As its fragment has it, in ticks.
    pub(super) duration: u32,
    pub(super) size: u32,
    pub(super) key: bool,
    /// Of the body.
    pub(super) offset: u64,
}

impl<'a> Line<'a> {
    /// The track of a take that begins at this place on the clock; `None` where the take has no such track.
    pub(super) fn new(take: &'a Take, kind: Kind, offset_ms: i64) -> Option<Self> {
        let index = take.track(kind).filter(|index| !index.is_empty())?;
        let first = index.get(0)?;
        Some(Self {
            index,
            offset_ms,
            base: index.track().to_ticks(take.base_ms),
            delay: first.first_pts().saturating_sub(first.base_dts).max(0),
        })
    }

    /// Whether a take has the track.
    pub(super) fn is_there(timeline: &Timeline, take: u32, kind: Kind) -> bool {
        let track = timeline.take(take).and_then(|take| take.track(kind));
        track.is_some_and(|track| !track.is_empty())
    }

    pub(super) fn track(&self) -> &'a Track {
        self.index.track()
    }

    /// Its frames from a place on.
    pub(super) fn frames(&self, from: Place) -> impl Iterator<Item = Frame> + '_ {
        let entries = self.index.iter_from(from.fragment as usize).zip(from.fragment..);
        entries.flat_map(move |(entry, fragment)| {
            let skip = if fragment == from.fragment { from.frame as usize } else { 0 };
            let mut next = entry.base_dts;
            let frames = entry.samples().into_iter().zip(0..).map(move |(sample, frame)| {
                let dts = next;
                next = next.saturating_add(sample.duration.into());
                Frame {
                    place: Place { fragment, frame },
                    at: self.at(dts),
                    end: self.at(next),
                    dts,
                    cts: sample.cts,
                    duration: sample.duration,
                    size: sample.size,
                    key: sample.key,
                    offset: entry.offset + u64::from(sample.offset),
                }
            });
            frames.skip(skip)
        })
    }

    /// When a frame that is decoded at these ticks is shown, on the clock of the playlists.
    fn at(&self, dts: i64) -> i64 {
        let ticks = dts.saturating_add(self.delay).saturating_sub(self.base);
        self.offset_ms.saturating_mul(1_000).saturating_add(self.us(ticks))
    }

    /// A time of the track on the clock of the media, in its ticks.
    pub(super) fn on_clock(&self, ticks: i64) -> i64 {
        let scale = i128::from(scale(self.track()));
        let zero = i128::from(self.offset_ms.saturating_add(ZERO_MS)) * scale / 1_000;
        let own = i128::from(self.track().timescale.max(1));
        let since = i128::from(ticks.saturating_sub(self.base)) * scale;
        i64::try_from(zero + (since + own / 2).div_euclid(own)).unwrap_or(i64::MAX)
    }

    fn us(&self, ticks: i64) -> i64 {
        let us = i128::from(ticks) * 1_000_000 / i128::from(self.track().timescale.max(1));
        i64::try_from(us).unwrap_or(i64::MAX)
    }
}
