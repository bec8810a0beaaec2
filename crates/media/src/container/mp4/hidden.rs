//! Frames that an edit list does not show and that a shown one is decoded from: kept, and shown to nobody.

use serde::{Deserialize, Serialize};

use super::take::Timed;

/// Bytes of frames that are held until it is known whether they are needed. Beyond it they are let go, and the picture
/// begins at the next keyframe.
const MAX_HELD: usize = 16 << 20;
/// Ticks in front of what is shown that are kept free for frames that are needed after its first one.
const MARGIN: i64 = 16;

/// Frames of video since the last keyframe that are not shown.
///
/// Those that lead to a shown frame are given out with it, in a time that nobody sees: one tick after the other just before
/// it, so that players that know no edit list do not show them either. All others are dropped.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Hidden {
    frames: Vec<Timed>,
    bytes: usize,
    /// How many were given out after the first shown frame of the stretch.
    inside: i64,
    /// Ticks that the frames of the stretch are decoded earlier, since those of behind it take no time among them: what is
    /// shown before lasts no longer for these.
    #[serde(skip)]
    earlier: i64,
}

impl Hidden {
    /// Keeps a frame that is not shown, if a decoder can come to it: `is_decoding`, or since a keyframe that is held.
    pub(super) fn hold(&mut self, frame: Timed, key: bool, is_decoding: bool) {
        if key {
            self.clear();
        } else if self.frames.is_empty() && !is_decoding {
            return;
        }
        self.bytes += frame.data.len();
        self.frames.push(frame);
        if self.bytes > MAX_HELD {
            self.clear();
        }
    }

    /// Begins another stretch.
    pub(super) fn begin_stretch(&mut self) {
        (self.inside, self.earlier) = (0, 0);
    }

    /// When a frame of the stretch is decoded.
    pub(super) fn decoded(&self, dts: i64) -> i64 {
        dts.saturating_sub(self.earlier)
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        (self.frames, self.bytes) = (Vec::new(), 0);
    }

    /// The frames that a shown one needs, with their times. `begins`: it is the first of a stretch that is shown from
    /// `start` on; `until` is where it ends, and where something follows it, `end` is where that begins. They are decoded one
    /// tick after the other: just before the shown one, or where they are of behind the stretch, from when the first one of them
    /// was, with the shown one behind them.
    pub(super) fn reveal(
        &mut self,
        shown: &mut Timed,
        key: bool,
        begins: bool,
        start: i64,
        (until, end): (i64, i64),
    ) -> Vec<Timed> {
        let mut frames = std::mem::take(&mut self.frames);
        self.bytes = 0;
        let count = frames.len() as i64;
        if !begins && !key && count > 0 && frames.iter().all(|frame| frame.pts >= until) {
            let behind = self.decoded(frames[0].dts).saturating_add(count);
            self.earlier = self.earlier.max(shown.dts.saturating_sub(behind));
        }
        shown.dts = self.decoded(shown.dts);
        if key || count == 0 {
            return Vec::new();
        }
        let first_dts = shown.dts.saturating_sub(count);
        for (frame, dts) in frames.iter_mut().zip(first_dts..) {
            (frame.dts, frame.duration) = (dts, None);
        }
        if begins {
            lead(&mut frames, start);
        } else {
            self.squeeze(&mut frames, start, end);
        }
        frames
    }

    /// Frames that are coded after the first shown one: those of before it are shown just before it, those of after the
    /// stretch behind it.
    fn squeeze(&mut self, frames: &mut [Timed], start: i64, end: i64) {
        for frame in frames {
            let inside = self.inside.min(MARGIN - 1);
            if frame.pts < start {
                frame.pts = start.saturating_sub(MARGIN).saturating_add(inside);
            } else if end != i64::MAX {
                frame.pts = end.saturating_add(inside);
            }
            self.inside += 1;
        }
    }
}

/// Shows frames in their order just before `start`.
fn lead(frames: &mut [Timed], start: i64) {
    let mut order: Vec<usize> = (0..frames.len()).collect();
    order.sort_by_key(|&at| frames[at].pts);
    let first = start.saturating_sub(MARGIN).saturating_sub(frames.len() as i64);
    for (at, pts) in order.into_iter().zip(first..) {
        frames[at].pts = pts;
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn frame(dts: i64, pts: i64) -> Timed {
        Timed { offset: 0, dts, pts, duration: Some(100), data: Bytes::from_static(&[1]) }
    }

    #[test]
    fn what_is_shown_before_frames_of_behind_the_end_lasts_no_longer_for_them() {
        let mut hidden = Hidden::default();
        // Shown until 500: a picture of 700 and one of 600 come before the one of 400.
        hidden.hold(frame(300, 700), false, true);
        hidden.hold(frame(400, 600), false, true);
        let mut shown = frame(500, 400);
        let needed = hidden.reveal(&mut shown, false, false, 0, (500, i64::MAX));
        assert_eq!(needed.iter().map(|frame| frame.dts).collect::<Vec<_>>(), [300, 301]);
        assert_eq!((shown.dts, hidden.decoded(600)), (302, 402));
        hidden.begin_stretch();
        assert_eq!(hidden.decoded(600), 600);
    }
}
