use std::str::FromStr;

use ids::{EventId, LiveId, UnixMs};

/// Something that happened to a live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// Later events have higher ids.
    pub id: EventId,
    /// Which live.
    pub live: LiveId,
    /// What.
    pub kind: EventKind,
    /// When it was decided.
    pub at: UnixMs,
}

/// What can happen to a live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// It began.
    Started,
    /// Bytes came for one that was abandoned: it runs again.
    Resumed,
    /// Nothing came for longer than the server waits: it ended, and may run again.
    Abandoned,
    /// Somebody stopped it, for good.
    Stopped,
    /// All that had come when it was stopped is part of its replay.
    Completed,
    /// What is said about it changed, or who may see it.
    Changed,
    /// It is nobody's to see any more; its bytes and rows go next.
    Deleted,
}

impl EventKind {
    /// Its name in the outbox.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Resumed => "resumed",
            Self::Abandoned => "abandoned",
            Self::Stopped => "stopped",
            Self::Completed => "completed",
            Self::Changed => "changed",
            Self::Deleted => "deleted",
        }
    }
}

impl FromStr for EventKind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let all = [
            Self::Started,
            Self::Resumed,
            Self::Abandoned,
            Self::Stopped,
            Self::Completed,
            Self::Changed,
            Self::Deleted,
        ];
        let found = all.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| format!("\"{name}\" is no event of a live"))
    }
}
