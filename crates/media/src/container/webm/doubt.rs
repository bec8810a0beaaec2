//! Times that step in a cluster: one odd time is moved, a slice that was lost is found. What follows tells them apart.

use serde::{Deserialize, Serialize};

use crate::Kind;

/// Nanoseconds that the time of a track may go back in a cluster without a doubt.
const MOST_BACK: i64 = 5_000_000;
/// Nanoseconds that the time of a track may go ahead in a cluster, and be ahead of the other track, without a doubt.
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

/// The times of the blocks of a cluster.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Times {
    /// Nanoseconds of the newest block of the video and of the audio.
    newest: [Option<i64>; 2],
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
    behind: u8,
    going_on: u8,
    blocks: u8,
}

impl Times {
    /// Another cluster begins.
    pub(crate) fn begin_cluster(&mut self) {
        self.newest = [None; 2];
    }

    /// Ends a doubt: nothing more comes that could decide. What those in doubt are then.
    pub(crate) fn settle(&mut self) -> Verdict {
        self.doubt.take().map_or(Verdict::Fine, |doubt| doubt.undecided())
    }

    /// Whether blocks are held back until others decide.
    pub(crate) fn are_in_doubt(&self) -> bool {
        self.doubt.is_some()
    }

    /// Takes the time of the next block. `reorders`: its track may show frames in another order than they come.
    pub(crate) fn next(&mut self, kind: Kind, time: i64, reorders: bool) -> Verdict {
        let newest = self.newest[kind.slot()];
        let falls_back = !reorders && newest.is_some_and(|newest| time < newest - MOST_BACK);
        let Some(mut doubt) = self.doubt.take() else { return self.begin(kind, time, reorders, falls_back) };
        doubt.blocks += 1;
        let goes_on = newest.is_some_and(|newest| time >= newest);
        let verdict = match doubt.judge(kind, time, falls_back, goes_on) {
            Verdict::Open if doubt.blocks >= MOST_DOUBTED => doubt.undecided(),
            verdict => verdict,
        };
        let at_least = Some(newest.map_or(time, |newest| newest.max(time)));
        match verdict {
            Verdict::Open => self.doubt = Some(doubt),
            // A track that stays behind alone goes on from there.
            Verdict::Back(track) if kind != track => self.newest[track.slot()] = Some(doubt.last),
            _ => {}
        }
        self.newest[kind.slot()] = if matches!(verdict, Verdict::Ahead(_)) { Some(time) } else { at_least };
        verdict
    }

    /// Takes the time of a block where none is in doubt.
    fn begin(&mut self, kind: Kind, time: i64, reorders: bool, is_back: bool) -> Verdict {
        let before = self.newest[kind.slot()];
        self.newest[kind.slot()] = Some(before.map_or(time, |before| before.max(time)));
        let Some(before) = before.filter(|_| !reorders) else { return Verdict::Fine };
        let other = self.newest[1 - kind.slot()];
        let is_ahead = time > before + MOST_AHEAD && other.is_some_and(|other| time > other + MOST_AHEAD);
        if !is_back && !is_ahead {
            return Verdict::Fine;
        }
        let doubt = Doubt { kind, before, last: time, is_ahead, behind: 0, going_on: 0, blocks: 1 };
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
            true => {
                (self.last, self.behind) = (time, self.behind + 1);
                if self.behind > MOST_BEHIND { Verdict::Lost } else { Verdict::Open }
            }
            false if falls_back => Verdict::Lost,
            false => {
                self.going_on += u8::from(goes_on);
                if self.going_on >= ENOUGH_GOING_ON { Verdict::Back(self.kind) } else { Verdict::Open }
            }
        }
    }

    fn undecided(&self) -> Verdict {
        if self.is_ahead { Verdict::Fine } else { Verdict::Back(self.kind) }
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
    fn a_block_that_is_ahead_alone_is_moved_between_its_neighbours() {
        let blocks = [('v', 0), ('a', 0), ('a', 660), ('v', 50), ('a', 120), ('a', 180)];
        assert_eq!(verdicts(&blocks), [FINE, FINE, OPEN, OPEN, Verdict::Ahead(60_000_000), FINE]);
        let gap = [('v', 0), ('a', 0), ('a', 660), ('v', 650)];
        assert_eq!(verdicts(&gap), [FINE, FINE, OPEN, FINE], "a gap in the capture");
        assert_eq!(verdicts(&[('v', 0), ('v', 1_000)]), [FINE, FINE], "a slow picture alone");
    }
}
