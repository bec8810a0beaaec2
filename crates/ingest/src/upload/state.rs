//! The state of an upload: everything that a checkpoint keeps.

use bytes::Bytes;
use media::Reason;
use media::container::Reader;
use recorder::TakeMark;
use serde::{Deserialize, Serialize};
use timeline::fragmenter::Fragmenter;

use super::Error;

/// Grows when the form of the state changes.
const FORM: u8 = 2;

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
}

impl Refusal {
    pub(super) fn new(error: &media::Error) -> Self {
        let wrong = match &error.reason {
            Reason::UnknownContainer => Wrong::Container,
            Reason::UnsupportedCodec(name) => Wrong::Codec(name.clone()),
            Reason::Encoded(name) => Wrong::Encoded(name.clone()),
            Reason::OverLimit { limit, .. } => Wrong::Limit(*limit),
            Reason::IndexAtEnd => Wrong::WithoutIndex,
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
            Wrong::Damaged => Reason::Malformed("the bytes are damaged"),
        };
        Error::Refused { offset: self.offset, reason }
    }
}

/// Everything about an upload that must survive.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct State {
    form: u8,
    pub(super) creation: Creation,
    pub(super) length: Option<u64>,
    pub(super) received: u64,
    pub(super) last_bytes_ms: i64,
    pub(super) reading: Reading,
    pub(super) fragmenter: Fragmenter,
    pub(super) takes: Vec<TakeMark>,
    /// Base and start of the take whose first fragment has not come yet.
    pub(super) next_take: Option<(i64, i64)>,
    /// End of the newest take, in milliseconds since 1970 UTC, by its recorder's clock.
    pub(super) end_ms: i64,
    pub(super) refusal: Option<Refusal>,
    pub(super) is_terminated: bool,
}

impl State {
    pub(super) fn new(creation: Creation) -> Self {
        Self {
            form: FORM,
            length: creation.length,
            received: 0,
            last_bytes_ms: creation.now_ms,
            reading: Reading::Streaming { reader: Box::default(), head: Some(Vec::new()) },
            fragmenter: Fragmenter::default(),
            takes: Vec::new(),
            next_take: None,
            end_ms: creation.now_ms.saturating_sub(creation.age_ms),
            refusal: None,
            is_terminated: false,
            creation,
        }
    }

    pub(super) fn status(&self) -> Status {
        Status { offset: self.received, length: self.length, metadata: self.creation.metadata.clone() }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.length == Some(self.received)
    }

    /// Whether a frame was found in what has come.
    pub(super) fn has_frames(&self) -> bool {
        !self.takes.is_empty() || self.fragmenter.is_waiting()
    }

    pub(super) fn to_bytes(&self) -> Bytes {
        postcard::to_stdvec(self).expect("plain data always serialises").into()
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, recorder::Error> {
        let state: Self = postcard::from_bytes(bytes)
            .map_err(|_| recorder::Error::Damaged("an upload's state cannot be read".into()))?;
        match state.form {
            FORM => Ok(state),
            form => Err(recorder::Error::Damaged(format!("an upload's state has the unknown form {form}"))),
        }
    }
}
