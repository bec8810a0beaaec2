//! Times that step in a cluster: one odd time is moved, a slice that was lost is found. What follows tells them apart.

use serde::{Deserialize, Serialize};

use crate::Kind;

/// Nanoseconds that the time of a track may go back in a cluster without a doubt.
const MOST_BACK: i64 = 5_000_000;
/// The same between clusters: less is moved without a doubt, more may be another clock.
const MOST_BACK_ACROSS: i64 = 1_000_000_000;
/// Nanoseconds that the time of a track may go ahead, and be ahead of the other track, without a doubt.
const MOST_AHEAD: i64 = 250_000_000;
/// Blocks of a track that stay behind where it was, after the first, before it is a loss.
const MOST_BEHIND: u8 = 2;
/// Blocks of the other track that go on from where it was: the step is of one track alone, so nothing was lost.
const ENOUGH_GOING_ON: u8 = 2;
/// Blocks that a doubt lasts at most; what is in doubt then is given out.
const MOST_DOUBTED: u8 = 16;

/// What the time of a block says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It follows those before it, as do those that were in doubt.
    Fine,
    /// Later blocks decide: it is held back.
    Open,
    /// The blocks of this track that are in doubt are late: they are moved up to the newest time of their track.
    Back(Kind),
    /// The first block in doubt went ahead alone: it belongs at this time.
    Ahead(i64),
    /// It and those in doubt belong to a cluster whose head was lost: times fell back and stayed behind.
    Lost,
}

/// The times of the blocks of a cluster, and of those before it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Times {
    /// Nanoseconds of the newest block of the video and of the audio.
    newest: [Option<i64>; 2],
    /// The same of the clusters before.
    before: [Option<i64>; 2],
    doubt: Option<Doubt>,
}

/// A block that stepped, and what came since.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Doubt {
    kind: Kind,
    /// The newest time of its track before it.
    before: i64,
    /// The time of the newest block of its track in doubt.
    last: i64,
    /// Whether it stepped ahead, and not back.
    is_ahead: bool,
    /// Whether it is the first of its track in its cluster: if those behind it stay behind, it is another clock.
    is_across: bool,
    behind: u8,
    going_on: u8,
    blocks: u8,
}

impl Times {
    /// Another cluster begins.
    pub(crate) fn begin_cluster(&mut self) {
        for (newest, before) in self.newest.iter_mut().zip(&mut self.before) {
            *before = newest.take().or(*before);
        }
    }

    /// The cluster has ended, which ends a doubt on a step back; on one ahead the next cluster decides.
    pub(crate) fn end_cluster(&mut self) -> Verdict {
        match &mut self.doubt {
            Some(doubt) if doubt.is_ahead => {
                doubt.is_across = true;
                Verdict::Open
            }
            _ => self.settle(),
        }
    }

    /// Ends a doubt: nothing more comes that could decide. What those in doubt are then.
    pub(crate) fn settle(&mut self) -> Verdict {
        let Some(doubt) = self.doubt.take() else { return Verdict::Fine };
        if doubt.is_across && !doubt.is_ahead {
            self.newest[doubt.kind.slot()] = Some(doubt.last);
        }
        doubt.undecided()
    }

    /// Whether blocks are held back until others decide.
    pub(crate) fn are_in_doubt(&self) -> bool {
        self.doubt.is_some()
    }

    /// Takes the time of the next block. `reorders`: its track may show frames in another order than they come.
    pub(crate) fn next(&mut self, kind: Kind, time: i64, reorders: bool) -> Verdict {
        let Some(mut doubt) = self.doubt.take() else { return self.begin(kind, time, reorders) };
        let own = self.newest[kind.slot()];
        let newest = own.or(self.before[kind.slot()].filter(|_| doubt.is_across));
        let most_back = if doubt.is_across && kind != doubt.kind { MOST_BACK_ACROSS } else { MOST_BACK };
        let falls_back = !reorders && newest.is_some_and(|newest| time < newest - most_back);
        let goes_on = newest.is_some_and(|newest| time >= newest);
        doubt.blocks += 1;
        let verdict = match doubt.judge(kind, time, falls_back, goes_on) {
            Verdict::Open if doubt.blocks >= MOST_DOUBTED => doubt.undecided(),
            verdict => verdict,
        };
        let is_other_clock = verdict == Verdict::Fine && doubt.is_across && !doubt.is_ahead;
        match verdict {
            Verdict::Open => self.doubt = Some(doubt),
            // A track that stays behind alone goes on from there.
            Verdict::Back(track) if kind != track => self.newest[track.slot()] = Some(doubt.last),
            _ if is_other_clock => self.newest[doubt.kind.slot()] = Some(doubt.last),
            _ => {}
        }
        let is_newest = is_other_clock || matches!(verdict, Verdict::Ahead(_));
        self.newest[kind.slot()] = Some(own.filter(|_| !is_newest).map_or(time, |own| own.max(time)));
        verdict
    }

    /// Takes the time of a block where none is in doubt.
    fn begin(&mut self, kind: Kind, time: i64, reorders: bool) -> Verdict {
        let (slot, other) = (kind.slot(), 1 - kind.slot());
        let own = self.newest[slot];
        self.newest[slot] = Some(own.map_or(time, |own| own.max(time)));
        let before = own.or(self.before[slot]).filter(|_| !reorders);
        let Some(before) = before else { return Verdict::Fine };
        let is_across = own.is_none();
        let is_back = time < before - if is_across { MOST_BACK_ACROSS } else { MOST_BACK };
        let other = self.newest[other].or(self.before[other]);
        let is_ahead = time > before + MOST_AHEAD && other.is_some_and(|other| time > other + MOST_AHEAD);
        if !is_back && !is_ahead {
            return Verdict::Fine;
        }
        if is_back {
            self.newest[slot] = Some(before);
        }
        let doubt =
            Doubt { kind, before, last: time, is_ahead, is_across, behind: 0, going_on: 0, blocks: 1 };
        self.doubt = Some(doubt);
        Verdict::Open
    }
}

impl Doubt {
    /// Judges the next block: whether it falls back behind the newest of its own track, or goes on from it.
    fn judge(&mut self, kind: Kind, time: i64, falls_back: bool, goes_on: bool) -> Verdict {
        let is_of_track = kind == self.kind;
        if self.is_ahead {
            return match is_of_track {
                true if falls_back => Verdict::Ahead(self.before + (time - self.before).max(0) / 2),
                true => Verdict::Fine,
                // The other track came along.
                false if time > self.last - MOST_AHEAD => Verdict::Fine,
                false => Verdict::Open,
            };
        }
        match is_of_track {
            true if !falls_back => Verdict::Back(self.kind),
            true if self.is_across => {
                self.last = time;
                Verdict::Fine
            }
            true => {
                (self.last, self.behind) = (time, self.behind + 1);
                if self.behind > MOST_BEHIND { Verdict::Lost } else { Verdict::Open }
            }
            false if falls_back && self.is_across => Verdict::Fine,
            false if falls_back => Verdict::Lost,
            false => {
                self.going_on += u8::from(goes_on);
                if self.going_on >= ENOUGH_GOING_ON { Verdict::Back(self.kind) } else { Verdict::Open }
            }
        }
    }

    fn undecided(&self) -> Verdict {
        if self.is_ahead || self.is_across { Verdict::Fine } else { Verdict::Back(self.kind) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The verdicts on blocks of the video (v) and of the audio (a) at these milliseconds.
    fn verdicts(blocks: &[(char, i64)]) -> Vec<Verdict> {
        let mut times = Times::default();
        let kind = |track| if track == 'v' { Kind::Video } else { Kind::Audio };
        blocks.iter().map(|&(track, ms)| times.next(kind(track), ms * 1_000_000, false)).collect()
    }

    const FINE: Verdict = Verdict::Fine;
    const OPEN: Verdict = Verdict::Open;
    const BACK: Verdict = Verdict::Back(Kind::Audio);

    #[test]
    fn a_step_that_later_blocks_do_not_follow_is_odd() {
        assert_eq!(verdicts(&[('a', 0), ('a', 60), ('a', 15), ('a', 120)]), [FINE, FINE, OPEN, BACK]);
        assert_eq!(verdicts(&[('a', 900), ('a', 0), ('a', 1_020)]), [FINE, OPEN, BACK]);
        assert_eq!(verdicts(&[('a', 0), ('a', 60), ('a', 57), ('a', 120)]), [FINE; 4], "a few milliseconds");
    }

    #[test]
    fn a_step_of_both_tracks_that_stay_behind_is_a_loss() {
        assert_eq!(verdicts(&[('v', 900), ('a', 920), ('a', 200), ('v', 210)])[3], Verdict::Lost);
        assert_eq!(verdicts(&[('a', 920), ('a', 200), ('a', 260), ('a', 320), ('a', 380)])[4], Verdict::Lost);
    }

    #[test]
    fn a_track_that_stays_behind_alone_goes_on_from_there() {
        let blocks = [
            ('v', 900),
            ('a', 920),
            ('a', 400),
            ('v', 950),
            ('a', 460),
            ('v', 1_000),
            ('a', 520),
            ('a', 580),
        ];
        assert_eq!(verdicts(&blocks), [FINE, FINE, OPEN, OPEN, OPEN, BACK, FINE, FINE]);
    }

    #[test]
    fn the_first_block_of_a_cluster_may_be_odd_or_of_another_clock() {
        let second = 1_000_000_000;
        let mut times = Times::default();
        times.next(Kind::Audio, 5 * second, false);
        times.begin_cluster();
        assert_eq!(times.next(Kind::Audio, second, false), OPEN);
        assert_eq!(times.next(Kind::Audio, 5 * second + 60_000_000, false), BACK);
        times.begin_cluster();
        assert_eq!([0, 1, 2].map(|at| times.next(Kind::Audio, at * 60_000_000, false)), [OPEN, FINE, FINE]);
        times.begin_cluster();
        assert_eq!(
            times.next(Kind::Audio, 180_000_000, false),
            FINE,
            "the clock is that of the cluster before"
        );
    }

    #[test]
    fn a_block_that_is_ahead_alone_is_moved_between_its_neighbours() {
        let blocks = [('v', 0), ('a', 0), ('a', 660), ('v', 50), ('a', 120), ('a', 180)];
        assert_eq!(verdicts(&blocks), [FINE, FINE, OPEN, OPEN, Verdict::Ahead(60_000_000), FINE]);
        let gap = [('v', 0), ('a', 0), ('a', 660), ('v', 650)];
        assert_eq!(verdicts(&gap), [FINE, FINE, OPEN, FINE], "a gap in the capture");
        assert_eq!(verdicts(&[('v', 0), ('v', 1_000)]), [FINE, FINE], "a slow picture alone");
    }
}
