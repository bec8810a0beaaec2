//! Reactions on their way to the viewers: gathered for a moment, then sent as counts.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use timeline::{PlayClock, Position};
use wire::frames::ServerFrame;

use crate::frame::serialised;
use crate::message::place;

/// How long reactions are gathered before they are sent.
pub(crate) const BURST: Duration = Duration::from_millis(250);
/// Places of the timeline told apart in one burst (viewers may watch different moments). Reactions at further places
/// count at the last of them.
const PLACES: usize = 4;
/// Different emoji at one place of one burst. Further ones are stored, but not shown as they come.
const EMOJI: usize = 64;

/// Reactions of a live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reactions {
    /// Every emoji and how often it was sent, the most frequent first.
    pub totals: Vec<(String, i64)>,
    /// Counts by second of the timeline, in its order.
    pub seconds: Vec<(i64, BTreeMap<String, i64>)>,
}

/// Reactions gathered, by the second of their take.
#[derive(Debug, Default)]
pub(crate) struct Burst {
    places: BTreeMap<(u32, i64), BTreeMap<String, u64>>,
}

impl Burst {
    /// Counts one. True when it is the first of the burst.
    pub(crate) fn add(&mut self, position: Position, emoji: &str) -> bool {
        let first = self.places.is_empty();
        let mut key = (position.take, position.ms / 1_000);
        if !self.places.contains_key(&key) && self.places.len() >= PLACES {
            key = self.places.last_key_value().map_or(key, |(last, _)| *last);
        }
        let counts = self.places.entry(key).or_default();
        if let Some(count) = counts.get_mut(emoji) {
            *count += 1;
        } else if counts.len() < EMOJI {
            counts.insert(emoji.to_owned(), 1);
        }
        first
    }

    /// The wire's frames, one for each place.
    pub(crate) fn frames(self, clock: &PlayClock) -> Vec<Bytes> {
        let of_place = |((take, second), counts): ((u32, i64), BTreeMap<String, u64>)| {
            let position_ms = place(clock, Position { take, ms: second * 1_000 });
            serialised(&ServerFrame::Reactions { counts: &counts, position_ms })
        };
        self.places.into_iter().map(of_place).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_hearts_are_one_small_frame() {
        let mut burst = Burst::default();
        let firsts = (0..1_000).filter(|ms| burst.add(Position { take: 1, ms: *ms % 900 }, "❤️")).count();
        let frames = burst.frames(&PlayClock::default());
        assert_eq!((firsts, frames.len()), (1, 1));
        let frame: serde_json::Value = serde_json::from_slice(&frames[0]).unwrap();
        assert_eq!(
            (&frame["type"], &frame["counts"]["❤️"], &frame["position_ms"]),
            (&"reactions".into(), &1_000.into(), &0.into())
        );
    }

    #[test]
    fn a_burst_is_bounded_whatever_comes() {
        let mut burst = Burst::default();
        for ms in 0..1_000_i64 {
            burst.add(Position { take: 1, ms: ms * 1_000 }, &format!("{ms}"));
        }
        let frames = burst.frames(&PlayClock::default());
        assert_eq!(frames.len(), PLACES);
        assert!(frames.iter().all(|frame| frame.len() < EMOJI * 12 + 100));
    }
}
