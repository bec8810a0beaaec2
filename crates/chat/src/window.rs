//! Parts of a conversation that are asked for.

use std::sync::Arc;

use ids::{LiveId, MessageId, Seq};
use timeline::PlayClock;

/// A window by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// From the number after this one on.
    After(Seq),
    /// Up to the number before this one.
    Before(Seq),
    /// After the first number and before the second, from the first on.
    Between(Seq, Seq),
}

/// A stretch of a take, the place to go on from in it, and how much of it to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Of which take.
    pub take: u32,
    /// From where in it, in milliseconds.
    pub from_ms: i64,
    /// Up to where, in milliseconds; that itself is left out.
    pub to_ms: i64,
    /// The `ms` and `id` of the last message read.
    pub last: Option<(i64, MessageId)>,
}

/// Where the reading of a window of the timeline has come to.
#[derive(Debug, Clone)]
pub struct WindowCursor {
    pub(crate) live_id: LiveId,
    pub(crate) clock: Arc<PlayClock>,
    /// What is still to be read, the next one last.
    pub(crate) stretches: Vec<Stretch>,
}

impl WindowCursor {
    /// A cursor over the messages at `from_ms..to_ms` of the timeline, in its order.
    #[must_use]
    pub fn new(live_id: LiveId, clock: Arc<PlayClock>, from_ms: i64, to_ms: i64) -> Self {
        let stretch = |(take, from_ms, to_ms)| Stretch { take, from_ms, to_ms, last: None };
        let stretches = clock.window(from_ms, to_ms).into_iter().rev().map(stretch).collect();
        Self { live_id, clock, stretches }
    }

    /// The clock by which the window was laid.
    #[must_use]
    pub fn clock(&self) -> &PlayClock {
        &self.clock
    }
}
