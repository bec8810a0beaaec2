//! Edit lists: what of a track's media is shown, and when (ISO/IEC 14496-12, 8.6.6).

use serde::{Deserialize, Serialize};

use super::boxes::Body;
use super::movie::MAX_TIME;
use crate::{Error, Kind, Reason};

/// Edits of one track that are read; a film cut every second for 18 hours has fewer.
const MAX_EDITS: usize = 1 << 16;
/// Sound that an edit list leaves out at the very start is what the encoder primes its decoder with, if it is no longer than
/// this: it is no cut, and its packets are kept. AAC primes with up to 2,112 samples, Opus with 80 ms.
const LONGEST_PRIMING_MS: i64 = 100;

/// A stretch of a track's media that is shown, in ticks of the track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Part {
    /// The first media time that is shown.
    pub(super) from: i64,
    /// The media time from which on nothing of it is shown.
    pub(super) until: i64,
    /// Ticks from media time to presentation time.
    pub(super) shift: i64,
}

/// What of a track is shown: stretches in the order of the media, none overlapping another.
///
/// A list that shows stretches in another order, or one twice, is read as showing each of them once, in the order of the
/// media, one after the other: what no edit shows is never shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Edits {
    parts: Vec<Part>,
    /// Whether something other than priming is left out at the start.
    cuts_start: bool,
    /// Whether the list leaves out the beginning of the media, be it priming or a cut.
    pub(super) skips: bool,
}

impl Default for Edits {
    fn default() -> Self {
        let all = Part { from: i64::MIN, until: i64::MAX, shift: 0 };
        Self { parts: vec![all], cuts_start: false, skips: false }
    }
}

/// Of what the track with an edit list is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edited {
    pub(super) kind: Kind,
    /// Ticks per second of the track.
    pub(super) timescale: u32,
    /// Ticks per second of the list's durations.
    pub(super) movie_timescale: u32,
    /// Whether fragments follow: the list was written before its end was known, so the first edit is shown to the end.
    pub(super) is_fragmented: bool,
    /// The first media time at which a frame is shown, where the sample tables tell it: nothing is cut off before it.
    pub(super) begins: Option<i64>,
    /// Decoding time at which the media ends, where the tables tell it.
    pub(super) ends: Option<i64>,
    /// Decoding time at which the sound's packet begins that holds the first media time shown, where they tell it.
    pub(super) first_shown: Option<i64>,
}

impl Edits {
    /// Reads the content of an `elst` box.
    pub(super) fn read(mut elst: Body<'_>, track: Edited) -> Result<Self, Error> {
        let (version, _) = elst.version_and_flags()?;
        let count = elst.u32()? as usize;
        let mut parts: Vec<Part> = Vec::new();
        // Presentation time of the edit, in ticks of the movie.
        let mut at = 0_u64;
        for number in 0..count {
            let row = if version == 0 { 12 } else { 20 };
            if elst.rest.len() < row {
                break;
            }
            if number >= MAX_EDITS {
                let limit = MAX_EDITS as u64;
                return Err(Reason::OverLimit { what: "the edits of a track", limit }.at(elst.offset));
            }
            let begins_at = elst.offset;
            let duration = elst.wide(version)?;
            let from =
                if version == 0 { elst.u32()?.cast_signed().into() } else { elst.u64()?.cast_signed() };
            // The rate: all are shown at the speed at which they were recorded.
            elst.u32()?;
            let lasts = track.ticks(duration);
            if from.unsigned_abs().max(at) > MAX_TIME {
                return Err(Reason::OverLimit { what: "the time of an edit", limit: MAX_TIME }.at(begins_at));
            }
            let is_open = duration == 0 && number + 1 == count || track.is_fragmented;
            if from >= 0 && (lasts > 0 || is_open) {
                let until = if is_open { i64::MAX } else { from.saturating_add(lasts) };
                parts.push(Part { from, until, shift: track.ticks(at).saturating_sub(from) });
                if track.is_fragmented {
                    break;
                }
            }
            at = at.saturating_add(duration);
        }
        Ok(Self::of(parts, track))
    }

    fn of(mut parts: Vec<Part>, track: Edited) -> Self {
        if parts.is_empty() {
            return Self::default();
        }
        if !parts.is_sorted_by(|one, next| one.until <= next.from) {
            put_in_order(&mut parts);
        }
        let skips = parts[0].from > 0;
        let mut edits = Self { parts, cuts_start: false, skips };
        let priming = i64::from(track.timescale) * LONGEST_PRIMING_MS / 1_000;
        if track.kind == Kind::Audio && track.ends.is_some() {
            edits.show_to_the_end(track);
        }
        let first = &mut edits.parts[0];
        match track.kind {
            Kind::Audio if first.from <= priming => first.from = i64::MIN,
            // Pictures that are coded in another order begin later than their media.
            Kind::Video => edits.cuts_start = first.from > track.begins.unwrap_or(priming),
            Kind::Audio => edits.cuts_start = skips,
        }
        edits
    }

    /// A list that shows the sound as far as its packets last cuts none of them off, the last one neither, which other
    /// programs write without a duration of its own.
    fn show_to_the_end(&mut self, track: Edited) {
        let (slack, last) = (i64::from(track.timescale) / 1_000, self.parts.last_mut());
        if let (Some(last), Some(ends)) = (last, track.ends)
            && last.until.saturating_add(slack) >= ends
        {
            last.until = i64::MAX;
        }
    }

    /// The number of the stretch that shows a frame of video, or any of a packet of sound that lasts `duration`.
    pub(super) fn shows(&self, kind: Kind, pts: i64, duration: i64) -> Option<usize> {
        let last = match kind {
            Kind::Video => pts,
            Kind::Audio => pts.saturating_add(duration.max(1) - 1),
        };
        let number = self.parts.partition_point(|part| part.until <= pts);
        self.parts.get(number).filter(|part| part.from <= last).map(|_| number)
    }

    /// Shows everything so many ticks later.
    pub(super) fn delay(&mut self, ticks: i64) {
        for part in &mut self.parts {
            part.shift = part.shift.saturating_add(ticks);
        }
    }

    /// A stretch by its number.
    pub(super) fn part(&self, number: usize) -> Option<&Part> {
        self.parts.get(number)
    }

    /// Whether it is the last stretch.
    pub(super) fn is_last(&self, number: usize) -> bool {
        number + 1 >= self.parts.len()
    }

    /// Whether frames may be needed that are not shown: something was cut off at the start or out of the middle.
    pub(super) fn hides(&self) -> bool {
        self.cuts_start || self.parts.len() > 1
    }

    /// Presentation time, in ticks, at which the media would begin: before 0 by what is left out there. Of a cut, by the
    /// part of the first packet that is left out.
    pub(super) fn earliest(&self, track: Edited) -> i64 {
        let Some(first) = self.parts.first() else { return 0 };
        if !self.cuts_start {
            // Composition times may lie before 0 (8.6.1.3, version 1).
            return first.shift.saturating_add(track.begins.unwrap_or(0).min(0));
        }
        match (track.kind, track.first_shown) {
            (Kind::Audio, Some(begins)) => begins.saturating_add(first.shift),
            _ => first.from.saturating_add(first.shift),
        }
    }

    /// Presentation time, in ticks, of the first picture, where nothing is cut off and the tables tell it.
    pub(super) fn first_picture(&self, track: Edited) -> Option<i64> {
        let first = self.parts.first().filter(|_| !self.cuts_start)?;
        Some(first.shift.saturating_add(track.begins?))
    }

    /// The media time at which the first stretch begins.
    pub(super) fn first_from(&self) -> Option<i64> {
        self.parts.first().map(|first| first.from).filter(|_| self.cuts_start)
    }
}

impl Edited {
    /// A time of the movie in ticks of the track.
    fn ticks(self, time: u64) -> i64 {
        let scale = u128::from(self.movie_timescale.max(1));
        let ticks = (u128::from(time) * u128::from(self.timescale) + scale / 2) / scale;
        i64::try_from(ticks.min(u128::from(MAX_TIME))).unwrap_or(i64::MAX)
    }
}

/// Stretches in the order of the media, shown one after the other, what is shown twice once.
fn put_in_order(parts: &mut Vec<Part>) {
    parts.sort_by_key(|part| part.from);
    let mut at = parts.iter().map(|part| part.from.saturating_add(part.shift)).min().unwrap_or(0);
    let mut shown_until = i64::MIN;
    parts.retain_mut(|part| {
        part.from = part.from.max(shown_until);
        if part.from >= part.until {
            return false;
        }
        part.shift = at.saturating_sub(part.from);
        at = at.saturating_add(part.until.saturating_sub(part.from));
        shown_until = part.until;
        true
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edits(rows: &[(u32, i32)], kind: Kind, is_fragmented: bool) -> Edits {
        let mut bytes = vec![0; 4];
        bytes.extend((rows.len() as u32).to_be_bytes());
        for (duration, from) in rows {
            bytes.extend(duration.to_be_bytes());
            bytes.extend(from.to_be_bytes());
            bytes.extend([0, 1, 0, 0]);
        }
        let track = Edited {
            kind,
            timescale: 10_000,
            movie_timescale: 1_000,
            is_fragmented,
            ends: None,
            begins: None,
            first_shown: None,
        };
        Edits::read(Body::new(*b"elst", 0, &bytes), track).expect("a list")
    }

    fn parts(edits: &Edits) -> Vec<(i64, i64, i64)> {
        edits.parts.iter().map(|part| (part.from, part.until, part.shift)).collect()
    }

    #[test]
    fn an_edit_says_from_where_to_where_and_when() {
        let cut = edits(&[(500, -1), (2_000, 30_000)], Kind::Video, false);
        assert_eq!(parts(&cut), [(30_000, 50_000, 5_000 - 30_000)]);
        assert!(cut.hides());
        assert_eq!(
            [29_999, 30_000, 49_999, 50_000].map(|pts| cut.shows(Kind::Video, pts, 400)),
            [None, Some(0), Some(0), None]
        );
        assert_eq!(cut.shows(Kind::Audio, 29_999, 400), Some(0), "a part of the packet is heard");
    }

    #[test]
    fn what_stands_between_two_edits_is_not_shown() {
        let cut = edits(&[(1_000, 0), (1_000, 50_000)], Kind::Video, false);
        assert_eq!(parts(&cut), [(0, 10_000, 0), (50_000, 60_000, -40_000)]);
        assert_eq!(cut.shows(Kind::Video, 20_000, 400), None);
    }

    #[test]
    fn stretches_out_of_order_are_each_shown_once() {
        let cut = edits(&[(1_000, 50_000), (1_000, 0), (500, 2_000)], Kind::Video, false);
        assert_eq!(parts(&cut), [(0, 10_000, 0), (50_000, 60_000, -40_000)]);
    }

    #[test]
    fn a_list_in_front_of_fragments_has_no_end() {
        assert_eq!(parts(&edits(&[(2_000, 800)], Kind::Video, true)), [(800, i64::MAX, -800)]);
        assert_eq!(parts(&edits(&[(0, 800)], Kind::Video, false)), [(800, i64::MAX, -800)]);
    }

    #[test]
    fn priming_is_no_cut() {
        let primed = edits(&[(2_000, 1_000)], Kind::Audio, false);
        assert!(!primed.hides() && primed.skips);
        assert_eq!(primed.shows(Kind::Audio, 0, 400), Some(0));
        assert!(edits(&[(2_000, 1_001)], Kind::Audio, false).hides());
    }
}
