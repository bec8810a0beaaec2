//! The state of an upload: everything that a checkpoint keeps.

mod earlier;

use bytes::Bytes;
use media::Reason;
use media::container::Reader;
use recorder::write::Progress;
use serde::{Deserialize, Serialize};

use super::Error;
pub(super) use earlier::Earlier;

/// Grows when the form of the state changes, that of a reader or of the fragmenter too. Older ones: [`earlier`].
const FORM: u8 = 3;

/// What a publisher says when an upload begins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Creation {
    /// When the request came, in milliseconds since 1970 UTC.
    pub now_ms: i64,
    /// How long before it the recorder started, in milliseconds.
    pub age_ms: i64,
    /// The length in bytes, if it is known yet.
    pub length: Option<u64>,
    /// `Upload-Metadata` as it was sent, to be sent back.
    pub metadata: Option<String>,
}

impl Creation {
    /// When the recorder started, in milliseconds since 1970 UTC.
    pub(super) fn started_at_ms(&self) -> i64 {
        self.now_ms.saturating_sub(self.age_ms)
    }
}

/// Where an upload stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Bytes that are durable here.
    pub offset: u64,
    /// The length, once it is known.
    pub length: Option<u64>,
    /// `Upload-Metadata` as it was sent.
    pub metadata: Option<String>,
}

/// How the bytes that come are read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Reading {
    /// As they come.
    Streaming {
        reader: Box<Reader>,
        /// All bytes so far, while no track is known: if the index stands at the end, they are staged.
        head: Option<Vec<u8>>,
    },
    /// The index stands at the end: bytes are staged until the file is whole.
    Staged,
    /// Not at all any more: the rest of a file whose last bytes are worth nothing, or all has come.
    Over,
}

/// Why bytes were refused, in a form that a checkpoint keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Refusal {
    pub(super) offset: u64,
    wrong: Wrong,
}

/// What was wrong, as far as it is told apart: a [`Reason`] that can be kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Wrong {
    Container,
    Codec(String),
    Encoded(String),
    Limit(u64),
    WithoutIndex,
    Damaged,
    NoFrames,
}

impl Refusal {
    pub(super) fn new(error: &media::Error) -> Self {
        let wrong = match &error.reason {
            Reason::UnknownContainer => Wrong::Container,
            Reason::UnsupportedCodec(name) => Wrong::Codec(name.clone()),
            Reason::Encoded(name) => Wrong::Encoded(name.clone()),
            Reason::OverLimit { limit, .. } => Wrong::Limit(*limit),
            Reason::IndexAtEnd => Wrong::WithoutIndex,
            Reason::NoFrames => Wrong::NoFrames,
            _ => Wrong::Damaged,
        };
        Self { offset: error.offset, wrong }
    }

    pub(super) fn error(&self) -> Error {
        let reason = match &self.wrong {
            Wrong::Container => Reason::UnknownContainer,
            Wrong::Codec(name) => Reason::UnsupportedCodec(name.clone()),
            Wrong::Encoded(name) => Reason::Encoded(name.clone()),
            Wrong::Limit(limit) => Reason::OverLimit { what: "a structure", limit: *limit },
            Wrong::WithoutIndex => Reason::IndexAtEnd,
            Wrong::NoFrames => Reason::NoFrames,
            Wrong::Damaged => Reason::Malformed("the bytes are damaged"),
        };
        Error::Refused { offset: self.offset, reason }
    }
}

/// What must survive of an upload beside the [`Progress`] of its writing.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) creation: Creation,
    pub(super) length: Option<u64>,
    pub(super) received: u64,
    pub(super) last_bytes_ms: i64,
    pub(super) reading: Reading,
    pub(super) refusal: Option<Refusal>,
    pub(super) is_terminated: bool,
}

/// A state as a checkpoint keeps it, in this order after its form; what is kept with `&` is read back without.
type Kept<Creation, Reading, Progress, Refusal> =
    (u8, Creation, Option<u64>, u64, i64, Reading, Progress, Refusal, bool);

impl State {
    pub(super) fn new(creation: Creation) -> Self {
        Self {
            length: creation.length,
            received: 0,
            last_bytes_ms: creation.now_ms,
            reading: Reading::Streaming { reader: Box::default(), head: Some(Vec::new()) },
            refusal: None,
            is_terminated: false,
            creation,
        }
    }

    /// An upload that ended when so much of it had come.
    pub(super) fn ended(creation: Creation, length: Option<u64>, received: u64) -> Self {
        Self { length, received, reading: Reading::Over, is_terminated: true, ..Self::new(creation) }
    }

    pub(super) fn status(&self) -> Status {
        Status { offset: self.received, length: self.length, metadata: self.creation.metadata.clone() }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.length == Some(self.received)
    }

    pub(super) fn to_bytes(&self, progress: &Progress) -> Bytes {
        let Self { creation, length, received, last_bytes_ms, reading, refusal, is_terminated } = self;
        let kept: Kept<_, _, _, _> =
            (FORM, creation, *length, *received, *last_bytes_ms, reading, progress, refusal, *is_terminated);
        postcard::to_stdvec(&kept).expect("plain data always serialises").into()
    }

    /// Reads a state; `Err` inside is one that an earlier version of the program left, and that cannot go on.
    ///
    /// # Errors
    /// What is no state of this version nor of an earlier one.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Result<(Self, Progress), Earlier>, recorder::Error> {
        let unreadable = || recorder::Error::Damaged("an upload's state cannot be read".into());
        match bytes.first() {
            Some(&FORM) => Ok(Ok(Self::from_kept(bytes).ok_or_else(unreadable)?)),
            Some(&earlier::FORM) => earlier::read(bytes).ok_or_else(unreadable),
            Some(form) => {
                Err(recorder::Error::Damaged(format!("an upload's state has the unknown form {form}")))
            }
            None => Err(unreadable()),
        }
    }

    fn from_kept(bytes: &[u8]) -> Option<(Self, Progress)> {
        let kept: Kept<Creation, Reading, Progress, Option<Refusal>> = postcard::from_bytes(bytes).ok()?;
        let (_, creation, length, received, last_bytes_ms, reading, progress, refusal, is_terminated) = kept;
        let state = Self { creation, length, received, last_bytes_ms, reading, refusal, is_terminated };
        Some((state, progress))
    }
}
