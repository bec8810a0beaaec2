//! The play clock: the ordered takes of a live seen as one timeline.

use serde::{Deserialize, Serialize};

/// A place in a live that never moves: a take and the milliseconds in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Position {
    /// Number of the take, from 1 in the order in which takes were begun on the server.
    pub take: u32,
    /// Milliseconds from the take's start.
    pub ms: i64,
}

/// One take's stretch of the play clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Number of the take.
    pub take: u32,
    /// Where it starts on the play clock, in milliseconds.
    pub offset_ms: i64,
    /// How long it plays, in milliseconds.
    pub duration_ms: i64,
    /// When its recorder started, in milliseconds since 1970 UTC.
    pub started_at_ms: i64,
}

/// The takes of a live in play order: by when their recorders started, each after the other, gaps taking no time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlayClock {
    spans: Vec<Span>,
}

impl PlayClock {
    /// Orders takes given as `(take, started_at_ms, duration_ms)` by when they started, then by number.
    #[must_use]
    pub fn new(takes: impl IntoIterator<Item = (u32, i64, i64)>) -> Self {
        let mut takes: Vec<_> = takes.into_iter().collect();
        takes.sort_by_key(|&(take, started_at_ms, _)| (started_at_ms, take));
        let mut offset_ms = 0;
        let spans = takes
            .into_iter()
            .map(|(take, started_at_ms, duration_ms)| {
                let span = Span { take, offset_ms, duration_ms, started_at_ms };
                offset_ms += duration_ms;
                span
            })
            .collect();
        Self { spans }
    }

    /// The takes in play order.
    #[must_use]
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Length of the whole timeline in milliseconds.
    #[must_use]
    pub fn duration_ms(&self) -> i64 {
        self.spans.last().map_or(0, |last| last.offset_ms + last.duration_ms)
    }

    /// Whether the live has this take.
    #[must_use]
    pub fn has_take(&self, take: u32) -> bool {
        self.spans.iter().any(|span| span.take == take)
    }

    /// The growing end: the end of the take that started last. Before the first take, take 1 at 0.
    #[must_use]
    pub fn tail(&self) -> Position {
        self.spans
            .last()
            .map_or(Position { take: 1, ms: 0 }, |last| Position { take: last.take, ms: last.duration_ms })
    }

    /// Where a position lies on the timeline now. A position past its take's end stays inside the take unless that
    /// take is the last, whose picture may still be on its way; one in an unknown take lies at 0.
    #[must_use]
    pub fn position_ms(&self, position: Position) -> i64 {
        let Some(index) = self.spans.iter().position(|span| span.take == position.take) else { return 0 };
        let span = &self.spans[index];
        let last = index + 1 == self.spans.len();
        let ms = if last { position.ms } else { position.ms.min(span.duration_ms) };
        span.offset_ms + ms.max(0)
    }

    /// The position at a place on the timeline; past the end, in the last take.
    #[must_use]
    pub fn position_at(&self, position_ms: i64) -> Position {
        self.spans.iter().rev().find(|span| span.offset_ms <= position_ms).or(self.spans.first()).map_or(
            Position { take: 1, ms: position_ms.max(0) },
            |span| Position { take: span.take, ms: (position_ms - span.offset_ms).max(0) },
        )
    }

    /// The stretches `(take, from_ms, to_ms)` whose positions lie in `from_ms..to_ms` of the timeline, in play order;
    /// `to_ms` of a stretch is `i64::MAX` where everything after its start belongs to it.
    #[must_use]
    pub fn window(&self, from_ms: i64, to_ms: i64) -> Vec<(u32, i64, i64)> {
        if self.spans.is_empty() {
            return vec![(1, from_ms.max(0), to_ms)];
        }
        let last = self.spans.len() - 1;
        let mut stretches = Vec::new();
        for (index, span) in self.spans.iter().enumerate() {
            let end = span.offset_ms + span.duration_ms;
            let clamped = index < last && to_ms > end;
            let from = (from_ms - span.offset_ms).max(0);
            let to = if clamped { i64::MAX } else { to_ms - span.offset_ms };
            if to > from && (index == last || from_ms <= end) {
                stretches.push((span.take, from, to));
            }
        }
        stretches
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock() -> PlayClock {
        PlayClock::new([(1, 1_000, 5_000), (3, 20_000, 2_000), (2, 10_000, 3_000)])
    }

    #[test]
    fn takes_stand_in_the_order_of_their_recorders_starts() {
        let order: Vec<_> = clock().spans().iter().map(|span| (span.take, span.offset_ms)).collect();
        assert_eq!(order, [(1, 0), (2, 5_000), (3, 8_000)]);
        assert_eq!(clock().duration_ms(), 10_000);
        assert_eq!(clock().tail(), Position { take: 3, ms: 2_000 });
    }

    #[test]
    fn a_position_keeps_its_place_in_its_take() {
        assert_eq!(clock().position_ms(Position { take: 2, ms: 500 }), 5_500);
        assert_eq!(clock().position_ms(Position { take: 2, ms: 9_000 }), 8_000);
        assert_eq!(clock().position_ms(Position { take: 3, ms: 9_000 }), 17_000);
        assert_eq!(clock().position_at(8_100), Position { take: 3, ms: 100 });
    }

    #[test]
    fn a_window_of_the_timeline_is_stretches_of_takes() {
        assert_eq!(clock().window(4_000, 6_000), [(1, 4_000, i64::MAX), (2, 0, 1_000)]);
        assert_eq!(clock().window(8_500, 9_000), [(3, 500, 1_000)]);
        assert_eq!(PlayClock::default().window(0, 10), [(1, 0, 10)]);
    }
}
