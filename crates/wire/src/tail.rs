//! The text frames of the WebSocket that carries the tails of a live.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::timeline::TrackKind;

/// What the server says beside the bytes.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum TailFrame {
    /// The bytes of this take follow.
    Take {
        /// Its number in the live.
        take: u32,
        /// Where it begins on the timeline. Milliseconds.
        offset_ms: i64,
        /// What comes of it.
        tracks: Vec<TailTrack>,
    },
    /// There is no more to come.
    Ended,
}

/// One track of a take as it is carried.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TailTrack {
    /// Picture or sound.
    pub kind: TrackKind,
    /// As `MediaSource.isTypeSupported` takes it.
    pub mime: String,
    /// Where on the timeline its bytes begin; null if they were not asked for. Milliseconds.
    #[schema(required = true)]
    pub position_ms: Option<i64>,
}

/// What a client says.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum TailClientFrame {
    /// So many bytes of binary frames are used, all since the opening.
    Taken {
        /// No more than were sent, no fewer than were said before.
        bytes: u64,
    },
}
