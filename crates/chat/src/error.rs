//! What can go wrong, apart from each other: what the sender did, and what we could not do.

use ids::UnixMs;
use thiserror::Error as ThisError;

/// Why a message or a request about messages is not taken. Nothing was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ThisError)]
pub enum Refusal {
    /// Nothing visible in the content.
    #[error("the message is empty")]
    Empty,
    /// More than [`crate::CONTENT_LIMIT`] characters.
    #[error("the message is longer than 2000 characters")]
    TooLong,
    /// The kind is none of `text`, `emoji`, `reaction`.
    #[error("the type of a message is text, emoji or reaction")]
    UnknownKind,
    /// A message of the kind `emoji` with something else in it, or with too many.
    #[error("an emoji message holds 1 to 12 emoji and nothing else")]
    NotEmoji,
    /// A reaction that is not one emoji.
    #[error("a reaction is exactly one emoji")]
    NotOneEmoji,
    /// `client_id` is not a UUID.
    #[error("client_id is not a UUID")]
    ClientId,
    /// `reply_to` names no message of this live.
    #[error("reply_to names no message of this live")]
    ReplyTo,
    /// The position's take does not exist or its milliseconds are out of bounds.
    #[error("the position is in no take of this live, or not within 0 and 24 h")]
    Position,
    /// More than [`crate::MENTIONS_LIMIT`] people mentioned.
    #[error("a message mentions at most 10 people")]
    Mentions,
    /// The conversation holds [`crate::SEQ_LIMIT`] messages.
    #[error("this conversation is full")]
    Full,
    /// No such message in this live.
    #[error("no such message")]
    NoMessage,
    /// The person may not write in this live for now.
    #[error("you may not write in this live until {}", wire::Time(.until_ms.0))]
    Silenced {
        /// When they may again, in milliseconds since 1970 UTC.
        until_ms: UnixMs,
    },
    /// The person may not write in this live.
    #[error("you may not write in this live")]
    Banned,
    /// The live is in slow mode.
    #[error("slow mode: wait before the next message")]
    TooSoon {
        /// How long, in milliseconds.
        wait_ms: i64,
    },
    /// The message holds a word that is not wanted in this live.
    #[error("the message holds a word that is not wanted here")]
    UnwantedWord,
    /// Only those who lead the conversation may do this.
    #[error("only moderators may do this")]
    NotModerator,
    /// Nobody has this id.
    #[error("no such person")]
    NoPerson,
    /// The reason of a report is longer than [`crate::REASON_LIMIT`] characters.
    #[error("the reason is longer than 500 characters")]
    Reason,
    /// Rules or times out of bounds.
    #[error("slow mode is 0 to 3600000 ms, a silence ends within a year")]
    Rules,
    /// The message is somebody else's, and the caller is no moderator.
    #[error("only its author or a moderator may delete a message")]
    NotYours,
}

/// A failure of the conversation.
#[derive(Debug, Clone, ThisError)]
pub enum Error {
    /// The sender's fault.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// What is kept could not be read or written.
    #[error(transparent)]
    Storage(#[from] storage::Failure),
}
