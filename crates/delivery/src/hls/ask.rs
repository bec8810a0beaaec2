//! Which state of a playlist is asked for (RFC 8216bis, 6.2.5.2).

use std::cmp::Ordering;

use timeline::view::hls::PART_TARGET_US;

/// Segments after the last whole one that may be asked for.
const SEGMENTS_AHEAD: u64 = 2;
/// Parts after the last one that may be asked for: three seconds of them.
const PARTS_AHEAD: u64 = 3_000_000_u64.div_ceil(PART_TARGET_US as u64);

/// What the playlist that is asked for must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ask {
    /// The segment of this number, or a part of it (`_HLS_msn`).
    pub segment: Option<u64>,
    /// The part of this number, from 0 (`_HLS_part`).
    pub part: Option<u64>,
    /// Whether what the player has already may be left out (`_HLS_skip`).
    pub skip: bool,
}

/// When it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Now,
    Later,
    Never,
}

impl Ask {
    /// When a playlist answers it in which this segment grows and has so many parts; `before`: those of the one before it.
    pub(super) fn of(self, growing: u64, parts: u32, before: u32) -> Answer {
        let Some(mut segment) = self.segment else {
            // Players that know no parts can do nothing with a playlist that has no segment.
            return if growing > 0 { Answer::Now } else { Answer::Later };
        };
        // Whole segments end before the growing one, so it is the first of those ahead.
        if segment >= growing.saturating_add(SEGMENTS_AHEAD) {
            return Answer::Never;
        }
        let Some(mut part) = self.part else {
            return if segment < growing { Answer::Now } else { Answer::Later };
        };
        // A part past the last of its segment is the first of the next one.
        if segment.saturating_add(1) == growing && part >= before.into() {
            (segment, part) = (growing, 0);
        }
        let parts = u64::from(parts);
        match segment.cmp(&growing) {
            Ordering::Less => Answer::Now,
            Ordering::Equal if part < parts => Answer::Now,
            Ordering::Equal if part < parts.saturating_add(PARTS_AHEAD) => Answer::Later,
            Ordering::Greater if part < PARTS_AHEAD => Answer::Later,
            _ => Answer::Never,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(segment: impl Into<Option<u64>>, part: impl Into<Option<u64>>) -> Answer {
        let ask = Ask { segment: segment.into(), part: part.into(), skip: false };
        // Segments 0 to 6 are whole, the last of them has five parts; three of the one that grows are there.
        ask.of(7, 3, 5)
    }

    #[test]
    fn what_is_there_is_answered_at_once() {
        for (segment, part) in [(0, 0), (5, 99), (6, 4), (7, 0), (7, 2), (6, 5)] {
            assert_eq!(answer(segment, part), Answer::Now, "{segment}.{part}");
        }
        assert_eq!(answer(None, None), Answer::Now);
        assert_eq!(answer(6, None), Answer::Now);
    }

    #[test]
    fn what_comes_next_is_waited_for() {
        for (segment, part) in [(7, 3), (7, 2 + PARTS_AHEAD), (8, 0), (8, PARTS_AHEAD - 1)] {
            assert_eq!(answer(segment, part), Answer::Later, "{segment}.{part}");
        }
        assert_eq!(answer(7, None), Answer::Later);
        assert_eq!(answer(8, None), Answer::Later);
    }

    #[test]
    fn what_is_far_ahead_is_refused() {
        for (segment, part) in
            [(7, 3 + PARTS_AHEAD), (8, PARTS_AHEAD), (9, 0), (u64::MAX, u64::MAX), (7, u64::MAX)]
        {
            assert_eq!(answer(segment, part), Answer::Never, "{segment}.{part}");
        }
        assert_eq!(answer(9, None), Answer::Never);
    }

    #[test]
    fn a_part_past_the_last_of_a_whole_segment_is_the_first_of_the_next() {
        let ask = Ask { segment: Some(6), part: Some(5), skip: false };
        assert_eq!(ask.of(7, 0, 5), Answer::Later);
        assert_eq!(ask.of(7, 1, 5), Answer::Now);
    }

    #[test]
    fn who_knows_no_parts_waits_for_the_first_segment() {
        assert_eq!(Ask::default().of(0, 4, 0), Answer::Later);
        assert_eq!(Ask { segment: Some(0), part: Some(0), skip: false }.of(0, 1, 0), Answer::Now);
    }
}
