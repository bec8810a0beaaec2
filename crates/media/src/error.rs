//! Why bytes were refused, and where.

/// Bytes that cannot be read any further: what was wrong and at which byte of the input.
///
/// What came before the error stays good: a reader that returned frames and then an error stands by
/// those frames.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason} (at byte {offset})")]
pub struct Error {
    /// Offset, in bytes from the start of the input, of the element that was refused.
    pub offset: u64,
    /// What was wrong with it.
    pub reason: Reason,
}

/// What was wrong with the bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The first bytes are of no container that is read here.
    #[error("this is neither WebM/Matroska nor MP4")]
    UnknownContainer,
    /// A codec that is not taken, by the name its container gives it.
    #[error("the codec {0} is not supported")]
    UnsupportedCodec(String),
    /// Frames that are compressed or encrypted by their container (Matroska's `ContentEncodings`), by the codec's name there.
    #[error("frames of {0} that are compressed or encrypted are not supported")]
    Encoded(String),
    /// A structure larger, deeper or more numerous than the reader's limit.
    #[error("{what} is over the limit of {limit}")]
    OverLimit {
        /// What was counted or measured.
        what: &'static str,
        /// The limit it went over.
        limit: u64,
    },
    /// A structure that contradicts its specification.
    #[error("{0}")]
    Malformed(&'static str),
    /// A container that is read, and not one frame in it.
    #[error("there is no picture and no sound in it that can be read")]
    NoFrames,
    /// A finished MP4 whose `moov` stands after its media: it can be read only when it is whole.
    #[error("the index of this file stands at its end; it can be read only when it is whole")]
    IndexAtEnd,
    /// A finished MP4 whose samples lie in another order than their times: it can be read only when it is whole.
    #[error("the media of this file lie in no order; it can be read only when it is whole")]
    OutOfOrder,
}

impl Reason {
    /// The same reason with its place.
    #[must_use]
    pub fn at(self, offset: u64) -> Error {
        Error { offset, reason: self }
    }
}
