//! Decoding times: Matroska stores when a frame is shown, in the order in which it is decoded.

use serde::{Deserialize, Serialize};

/// The most frames that decoding runs ahead of showing (H.264 and HEVC: the size of the picture buffer).
const MOST_REORDERED: usize = 16;

/// Gives the frames of one track strictly increasing decoding times.
///
/// A codec without reordering decodes at the time it shows, moved by a tick where two frames would fall together.
/// With reordering by `depth` frames, the decoding time of a frame is the time shown `depth` frames earlier in showing
/// order, so that it is never after its own showing; the first `depth` frames decode one tick apart just before the
/// first is shown, but not before time 0. A stream that reorders more than it said deepens this by one each time.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Clock {
    last: Option<i64>,
    depth: usize,
    /// Times that no frame was decoded at yet, ascending; at most `depth`.
    shown: Vec<i64>,
}

impl Clock {
    /// A clock for a stream that reorders by `depth` frames. The most that a stream may do stands for "unknown": the
    /// depth is then found.
    pub(crate) fn reordering(depth: usize) -> Self {
        Self { depth: if depth < MOST_REORDERED { depth } else { 0 }, ..Self::default() }
    }

    /// The decoding time of the last frame.
    pub(crate) fn last(&self) -> Option<i64> {
        self.last
    }

    /// The time of the next frame of a codec without reordering.
    pub(crate) fn in_order(&mut self, time: i64) -> i64 {
        let time = self.last.map_or(time, |last| time.max(last.saturating_add(1)));
        self.last = Some(time);
        time
    }

    /// The decoding time of the next frame of a codec that may reorder.
    pub(crate) fn reordered(&mut self, pts: i64) -> i64 {
        let at = self.shown.partition_point(|&shown| shown <= pts);
        self.shown.insert(at, pts);
        let due = if self.shown.len() > self.depth {
            Some(self.shown.remove(0))
        } else if self.last.is_none() {
            Some(pts.saturating_sub(self.depth as i64).max(pts.min(0)))
        } else {
            None
        };
        let dts = self.in_order(due.or(self.last).unwrap_or(pts));
        if dts > pts && self.depth < MOST_REORDERED {
            self.depth += 1;
        }
        dts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_fall_together_move_by_a_tick() {
        let mut clock = Clock::default();
        assert_eq!([0, 33, 33, 20, 66].map(|time| clock.in_order(time)), [0, 33, 34, 35, 66]);
    }

    #[test]
    fn a_known_reordering_never_decodes_after_showing() {
        let mut clock = Clock::reordering(1);
        let shown = [10, 110, 43, 76, 210, 143, 176];
        assert_eq!(shown.map(|pts| clock.reordered(pts)), [9, 10, 43, 76, 110, 143, 176]);
    }

    #[test]
    fn a_stream_that_starts_at_0_decodes_from_0_on() {
        let mut clock = Clock::reordering(2);
        let shown = [0, 133, 66, 33, 100];
        assert_eq!(shown.map(|pts| clock.reordered(pts)), [0, 1, 2, 33, 66]);
    }

    #[test]
    fn an_unknown_reordering_is_found_and_times_still_increase() {
        let mut clock = Clock::default();
        let mut last = i64::MIN;
        let mut late = 0;
        for gop in 0..20 {
            for pts in [0, 133, 66, 33, 100].map(|pts| gop * 166 + pts) {
                let dts = clock.reordered(pts);
                assert!(dts > last);
                late += usize::from(dts > pts);
                last = dts;
            }
        }
        assert!(late <= 3, "{late}");
    }
}
