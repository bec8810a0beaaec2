//! How much of a take is acknowledged.

use media::Kind;
use serde::{Deserialize, Serialize};

/// How long the bodies of a take are: what is past it is not acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeMark {
    /// Number of the take.
    pub number: u32,
    /// When its recorder started, in milliseconds since 1970 UTC.
    pub started_at_ms: i64,
    /// The time on the source's clock, in milliseconds, that is 0 in the take.
    pub base_ms: i64,
    /// Bytes of the video's body.
    pub video: u64,
    /// Bytes of the audio's body.
    pub audio: u64,
}

impl TakeMark {
    /// Bytes of a body.
    #[must_use]
    pub fn len(&self, kind: Kind) -> u64 {
        match kind {
            Kind::Video => self.video,
            Kind::Audio => self.audio,
        }
    }

    /// Whether nothing of the take is acknowledged.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.video == 0 && self.audio == 0
    }

    pub(crate) fn set(&mut self, kind: Kind, len: u64) {
        match kind {
            Kind::Video => self.video = len,
            Kind::Audio => self.audio = len,
        }
    }
}
