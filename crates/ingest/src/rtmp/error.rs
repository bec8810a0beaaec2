use super::amf;

/// Why a connection cannot go on. What was published stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It does not begin as RTMP does.
    #[error("this is not RTMP, or another version of it")]
    Version,
    /// A chunk size of 0, or of 2^31 or more.
    #[error("a chunk size is between 1 and 2^31 - 1")]
    ChunkSize,
    /// It breaks the protocol.
    #[error("the protocol is broken: {0}")]
    Malformed(&'static str),
    /// Unfinished messages, or one of them, are larger than they may be.
    #[error("messages of more than {limit} bytes")]
    TooLarge {
        /// Bytes.
        limit: usize,
    },
    /// More chunk streams are used than may be.
    #[error("more than {limit} chunk streams")]
    TooManyStreams {
        /// How many there may be.
        limit: usize,
    },
    /// A command or data cannot be read.
    #[error("a command that cannot be read")]
    Command,
    /// A command has more values, or more of them in one another, than it may.
    #[error("a command with too many values, or too many in one another")]
    Deep,
    /// More commands than anybody needs.
    #[error("too many commands")]
    Commands,
    /// A codec that is not taken.
    #[error("the codec {0} is not taken")]
    Codec(String),
}

impl From<amf::Bad> for Error {
    fn from(bad: amf::Bad) -> Self {
        match bad {
            amf::Bad::Torn => Self::Command,
            amf::Bad::TooMuch => Self::Deep,
        }
    }
}
