use ids::{LiveId, PersonId, UnixMs};

use crate::{Recorded, Visibility};

/// A live as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Never used again.
    pub id: LiveId,
    /// Whose it is.
    pub author: PersonId,
    /// May be empty.
    pub title: String,
    /// May be empty.
    pub description: String,
    /// May be empty.
    pub content: String,
    /// Who may see it.
    pub visibility: Visibility,
    /// When it began.
    pub started: UnixMs,
    /// When it ended; `None` while it runs. Whether a live runs is kept here and nowhere else.
    pub ended: Option<UnixMs>,
    /// When somebody stopped it.
    pub stopped: Option<UnixMs>,
    /// When all that had come until then was part of its replay.
    pub completed: Option<UnixMs>,
    /// When its deletion began.
    pub deleted: Option<UnixMs>,
    /// What an unlisted live's address holds, sealed.
    pub watch_key: String,
    /// SHA-256 of the stream key.
    pub stream_key: [u8; 32],
    /// Grows when who may watch changes: tokens for media of an earlier epoch open nothing.
    pub epoch: u32,
    /// How long it is kept after its end, in milliseconds, 0 for ever; `None` where the server's rule holds.
    pub keep_ms: Option<i64>,
    /// How many have watched it for ten seconds or more.
    pub viewers: u64,
    /// What lists show of what is recorded; `None` until it is known.
    pub recorded: Option<Recorded>,
}

/// A live to be kept.
#[derive(Debug, Clone)]
pub struct NewRow {
    /// Whose it is.
    pub author: PersonId,
    /// May be empty.
    pub title: String,
    /// May be empty.
    pub description: String,
    /// May be empty.
    pub content: String,
    /// Who may see it.
    pub visibility: Visibility,
    /// When it begins.
    pub started: UnixMs,
    /// What an unlisted live's address holds, sealed.
    pub watch_key: String,
    /// SHA-256 of the stream key.
    pub stream_key: [u8; 32],
    /// How long it is kept after its end, in milliseconds, 0 for ever; `None` where the server's rule holds.
    pub keep_ms: Option<i64>,
}
