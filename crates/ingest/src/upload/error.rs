//! Why an upload was refused.

use media::Reason;

/// Why an upload, or a part of it, was refused. What was acknowledged before stays.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No such upload.
    #[error("there is no such upload")]
    NotFound,
    /// It was ended by its publisher.
    #[error("this upload has ended")]
    Gone,
    /// The request starts elsewhere than where the upload stands.
    #[error("the upload stands at byte {offset}")]
    OffsetMismatch {
        /// Where it stands.
        offset: u64,
    },
    /// The length was declared before, as another, or is below what has come.
    #[error("the declared length contradicts the upload")]
    LengthMismatch,
    /// Longer than [`MAX_LENGTH`](super::MAX_LENGTH), or a checked request longer than [`MAX_CHECKED`](super::MAX_CHECKED).
    #[error("too large: the limit is {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// The live has as many uploads as it may have; those that have begun go on.
    #[error("too many uploads: a live has {limit} at most")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// More bytes than were declared; those up to the declared length are kept.
    #[error("more bytes came than the declared length of {length}")]
    BeyondLength {
        /// The declared length.
        length: u64,
    },
    /// The bytes are not those of the checksum; none was kept.
    #[error("the checksum does not match")]
    ChecksumMismatch,
    /// The bytes are not a recording that is read here, from this byte on.
    #[error("refused at byte {offset}: {reason}")]
    Refused {
        /// The byte of the upload at which it went wrong.
        offset: u64,
        /// What was wrong.
        reason: Reason,
    },
    /// The request ended before its body did; what had come is kept.
    #[error("the request was cut short; the upload stands at byte {offset}")]
    Interrupted {
        /// Where the upload stands.
        offset: u64,
    },
    /// A newer request of the same upload has taken its turn; what had come is kept.
    #[error("a newer request has taken over; the upload stands at byte {offset}")]
    Overtaken {
        /// Where the upload stands.
        offset: u64,
    },
    /// The server leaves; what had come is kept.
    #[error("the server is leaving")]
    Leaving,
    /// An older request does not let go.
    #[error("an older request of this upload is still being worked on")]
    Busy,
    /// It could not be stored.
    #[error(transparent)]
    Storage(#[from] recorder::Error),
}
