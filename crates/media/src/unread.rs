//! Bytes that came and stand in no frame: kept as they came, so that nothing is dropped without a word.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::Kind;

/// A piece of the input that no frame was made of.
///
/// Pieces come in the order of the input. Pieces of the same track and reason belong together, whether they touch
/// (a stretch that was searched) or not (the frames of a track that cannot begin).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// Where it begins, in bytes from the start of the input.
    pub offset: u64,
    /// The bytes as they came: of a frame its payload, else whatever stood there.
    pub bytes: Bytes,
    /// The track that they are of, where that is known.
    pub kind: Option<Kind>,
    /// Why no frame was made of them.
    pub reason: Why,
}

/// Why no frame was made of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The structure is torn, and was searched for the next place to go on from.
    Damaged,
    /// An element, box or frame of its own cannot be read; what is around it was kept.
    Unreadable,
    /// Frames before the first that a decoder can start at.
    BeforeKeyframe,
    /// A track that was announced and never began.
    NeverBegan,
    /// Bytes after the point at which reading ended.
    AfterEnd,
    /// What an earlier version of the program kept of an upload in a form of its own.
    EarlierForm,
}

impl Why {
    /// Its name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
            Self::Unreadable => "unreadable",
            Self::BeforeKeyframe => "before_keyframe",
            Self::NeverBegan => "never_began",
            Self::AfterEnd => "after_end",
            Self::EarlierForm => "earlier_form",
        }
    }
}
