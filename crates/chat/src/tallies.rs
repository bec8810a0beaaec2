use std::sync::atomic::AtomicU64;

use storage::Stopwatch;

/// What was done since the start, counted for whoever runs the server.
#[derive(Debug, Default)]
pub struct Tallies {
    /// Messages and reactions stored.
    pub posted: AtomicU64,
    /// Frames for viewers and pages made of the newest messages, which are kept in memory.
    pub from_memory: AtomicU64,
    /// Frames, pages and the newest messages themselves read from the database.
    pub from_database: AtomicU64,
    /// How long a message takes from its commit to a viewer who waits for it, each time that one gets it.
    pub fan_out: Stopwatch,
}
