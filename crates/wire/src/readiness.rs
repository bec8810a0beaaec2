//! Whether a server takes what is published.

use serde::Serialize;
use utoipa::ToSchema;

/// How one engine stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EngineState {
    /// It works.
    Ok,
    /// It works, and has no room for more.
    Full,
    /// It does not answer.
    Failed,
}

/// Whether publishing is taken now, by engine.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Readiness {
    /// People, lives and conversations.
    pub database: EngineState,
    /// The recordings.
    pub recordings: EngineState,
    /// The server is shutting down.
    pub shutting_down: bool,
}

impl Readiness {
    /// Whether publishing is taken.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let works = [self.database, self.recordings].iter().all(|state| *state == EngineState::Ok);
        works && !self.shutting_down
    }
}
