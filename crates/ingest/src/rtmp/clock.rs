//! From the times of messages, 32 bits that wrap and jump, to those of frames.

use media::Kind;

/// The time of the first frame of a connection, in milliseconds: what comes later and was earlier still has a time, and
/// the play clock begins at the first frame.
const FIRST_MS: i64 = 70_000;
/// A step ahead that is this much longer than the time that went by is a jump of the encoder's clock and no pause.
const MOST_AHEAD_MS: i64 = 2_000;
/// A step back over this is a jump; a smaller one is disorder.
const MOST_BACK_MS: i64 = 1_000;
/// How long a frame lasts where no other says it, and at most, where its clock goes on after a jump.
const USUAL_STEP_MS: i64 = 20;
const MOST_STEP_MS: i64 = 1_000;

/// The clock of a publisher. A jump takes no play time: the frames after it follow those before it.
#[derive(Debug, Default)]
pub(super) struct Clock {
    tracks: [Option<Hand>; 2],
    /// What is added to times since the newest jump.
    shift: i64,
}

/// Where the clock of a track stands.
#[derive(Debug, Clone, Copy)]
struct Hand {
    raw: u32,
    /// The same without its wraps.
    source: i64,
    shift: i64,
    /// The time that was given out, and how long after the one before it.
    last: i64,
    step: i64,
    /// When it came.
    came_ms: i64,
}

impl Clock {
    /// The time of a frame whose message has the time `raw` and came at `now_ms`, both in milliseconds.
    pub(super) fn time(&mut self, kind: Kind, raw: u32, now_ms: i64) -> i64 {
        let other = self.tracks[1 - kind.slot()];
        let hand = match self.tracks[kind.slot()] {
            Some(hand) => self.go_on(hand, other, raw, now_ms),
            None => {
                let source = other.map_or(raw.into(), |other| unwrapped(&other, raw));
                if other.is_none() {
                    self.shift = FIRST_MS - source;
                }
                let last = source + self.shift;
                Hand { raw, source, shift: self.shift, last, step: USUAL_STEP_MS, came_ms: now_ms }
            }
        };
        self.tracks[kind.slot()] = Some(hand);
        hand.last
    }

    fn go_on(&mut self, mut hand: Hand, other: Option<Hand>, raw: u32, now_ms: i64) -> Hand {
        let source = unwrapped(&hand, raw);
        let step = source - hand.source;
        let waited = (now_ms - hand.came_ms).max(0);
        let is_with_other =
            || other.is_some_and(|other| (source + hand.shift - other.last).abs() <= MOST_AHEAD_MS);
        let jumps = step < -MOST_BACK_MS || (step > waited + MOST_AHEAD_MS && !is_with_other());
        if jumps {
            let next = hand.last + hand.step;
            // The other track may have made the jump before.
            let by_other = source + self.shift;
            if hand.shift == self.shift || (by_other - next).abs() > MOST_AHEAD_MS {
                self.shift = next - source;
            }
            hand.shift = self.shift;
        } else if step > 0 {
            hand.step = step.min(MOST_STEP_MS);
        }
        let last = source + hand.shift;
        Hand { raw, source, last, came_ms: now_ms, ..hand }
    }
}

/// A time without its wraps: the nearest to that of the hand.
fn unwrapped(hand: &Hand, raw: u32) -> i64 {
    hand.source + i64::from(raw.wrapping_sub(hand.raw).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The times given out of frames of both tracks: kind, time, when it came.
    fn times(frames: &[(Kind, u32, i64)]) -> Vec<i64> {
        let mut clock = Clock::default();
        let given = frames.iter().map(|&(kind, raw, now)| clock.time(kind, raw, now) - FIRST_MS);
        given.collect()
    }

    fn video(raw: u32) -> (Kind, u32, i64) {
        (Kind::Video, raw, 0)
    }

    fn audio(raw: u32) -> (Kind, u32, i64) {
        (Kind::Audio, raw, 0)
    }

    #[test]
    fn a_wrap_is_no_step() {
        let begin = u32::MAX - 4_999;
        let frames: Vec<_> = (0..300).map(|number| video(begin.wrapping_add(number * 40))).collect();
        assert_eq!(times(&frames), (0..300).map(|number| number * 40).collect::<Vec<_>>());
        assert_eq!(times(&[video(u32::MAX - 9), audio(0), video(30)]), [0, 10, 40]);
    }

    #[test]
    fn a_jump_takes_no_time_and_both_tracks_make_it_together() {
        for jump in [5_000, 3_600_000, 0x7fff_0000, 0u32.wrapping_sub(9_000)] {
            let later = |raw: u32| raw.wrapping_add(10_000).wrapping_add(jump);
            let frames = [
                video(10_000),
                audio(10_005),
                video(10_040),
                audio(10_026),
                video(later(80)),
                audio(10_047),
                audio(later(68)),
                video(later(120)),
                audio(later(89)),
            ];
            assert_eq!(times(&frames), [0, 5, 40, 26, 80, 47, 68, 120, 89], "{jump}");
        }
    }

    #[test]
    fn a_pause_is_no_jump_where_the_time_went_by() {
        assert_eq!(times(&[(Kind::Video, 0, 0), (Kind::Video, 20_000, 19_500)]), [0, 20_000]);
        assert_eq!(times(&[(Kind::Video, 0, 0), (Kind::Video, 20_000, 500)]), [0, USUAL_STEP_MS]);
    }

    #[test]
    fn a_slow_picture_beside_sound_keeps_its_times_however_fast_they_come() {
        let mut frames = vec![video(0)];
        frames.extend((0..500).map(|number| audio(number * 20)));
        frames.push(video(10_000));
        assert_eq!(times(&frames).last(), Some(&10_000));
    }

    #[test]
    fn tracks_that_count_from_elsewhere_each_go_on() {
        let frames = [video(100), audio(900_000), video(140), audio(900_021), video(180), audio(900_042)];
        assert_eq!(times(&frames), [0, 899_900, 40, 899_921, 80, 899_942]);
    }
}
