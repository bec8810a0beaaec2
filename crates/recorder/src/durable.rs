//! The two steps on the way to viewers, as types: on the disk, and in a journal that is on the disk.

use crate::body::Appended;
use crate::unread::Kept;

/// Fragments whose bodies are durable, while no journal says so yet.
#[derive(Debug, Default)]
#[must_use = "what is on the disk is shown once the journal says so"]
pub struct Synced(pub(crate) New);

impl Synced {
    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.fragments.is_empty() && self.0.unread.is_empty()
    }

    /// They are in a journal that is durable.
    pub(crate) fn journalled(self) -> Durable {
        Durable(self.0)
    }
}

/// Fragments that a crash takes back no more: what [`Write::announce`](crate::write::Write::announce) may show. Only
/// [`Journal::sync`](crate::journal::Journal::sync) makes it.
#[derive(Debug)]
#[must_use = "what is durable is to be shown"]
pub struct Durable(New);

impl Durable {
    pub(crate) fn into_new(self) -> New {
        self.0
    }
}

/// What was written and is told together.
#[derive(Debug, Default)]
pub(crate) struct New {
    pub(crate) fragments: Vec<Appended>,
    pub(crate) unread: Vec<Kept>,
}
