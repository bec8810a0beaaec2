//! The state of uploads that an earlier version of the program left open.
//!
//! What it kept of a stream that it was reading cannot be read any more: the readers' own state is another since. Such
//! an upload ends, and all that its journal holds is kept unread. What needs no reader goes on: a file that is staged, an
//! upload of which nothing was understood yet, one that is over.

use bytes::Bytes;
use media::container::Reader;
use media::{Codec, Frame};
use recorder::TakeMark;
use recorder::write::Progress;
use serde::Deserialize;

use super::{Creation, Reading, Refusal, State};

/// The one earlier form that is known.
pub(super) const FORM: u8 = 2;

/// An upload that an earlier version was reading, and that ends.
#[derive(Debug)]
pub(in crate::upload) struct Earlier {
    /// How it began.
    pub(in crate::upload) creation: Creation,
    /// Its length, if it was known.
    pub(in crate::upload) length: Option<u64>,
    /// Bytes that had come at its checkpoint.
    pub(in crate::upload) received: u64,
}

#[derive(Debug, Deserialize)]
struct Front {
    _form: u8,
    creation: Creation,
    length: Option<u64>,
    received: u64,
    last_bytes_ms: i64,
}

/// How bytes were read, as far as it can be told: the number of each variant, and what it held.
const STREAMING: u8 = 0;
const STAGED: u8 = 1;
const OVER: u8 = 2;
/// The variant of a stream's reader that does not know its container yet.
const UNKNOWN: u8 = 0;

#[derive(Debug, Deserialize)]
struct Back {
    fragmenter: Fragmenter,
    takes: Vec<TakeMark>,
    _next_take: Option<(i64, i64)>,
    end_ms: i64,
    refusal: Option<Refusal>,
    is_terminated: bool,
}

#[derive(Debug, Deserialize)]
struct Fragmenter {
    pending: [Option<Pending>; 2],
    _base_ms: Option<i64>,
    _end_ms: i64,
    _before: Option<(i64, i64)>,
}

#[derive(Debug, Deserialize)]
struct Pending {
    _track: Track,
    _sequence: u32,
    frames: Vec<Frame>,
    _bytes: usize,
    _last_dts: Option<i64>,
    _last_duration: Option<u32>,
}

#[derive(Debug, Deserialize)]
struct Track {
    _codec: Codec,
    _timescale: u32,
    _width: u32,
    _height: u32,
    _sample_rate: u32,
    _channels: u8,
    _config: Bytes,
    _matrix: Option<[i32; 9]>,
}

/// Reads a state of the earlier form; `None` where it is none.
pub(super) fn read(bytes: &[u8]) -> Option<Result<(State, Progress), Earlier>> {
    let (front, rest) = postcard::take_from_bytes::<Front>(bytes).ok()?;
    Some(going_on(&front, rest).ok_or_else(|| {
        let Front { creation, length, received, .. } = front;
        Earlier { creation, length, received }
    }))
}

fn going_on(front: &Front, rest: &[u8]) -> Option<(State, Progress)> {
    let (reading, back) = match rest {
        [STREAMING, UNKNOWN, rest @ ..] => {
            let ((sniffed, is_finished, _head), back) =
                postcard::take_from_bytes::<(Vec<u8>, bool, Option<Vec<u8>>)>(rest).ok()?;
            if is_finished {
                return None;
            }
            let mut reader = Reader::new();
            reader.push(&sniffed);
            (Reading::Streaming { reader: Box::new(reader), head: Some(sniffed) }, back)
        }
        [STAGED, rest @ ..] => (Reading::Staged, rest),
        [OVER, rest @ ..] => (Reading::Over, rest),
        _ => return None,
    };
    let back: Back = postcard::from_bytes(back).ok()?;
    if back.fragmenter.pending.iter().flatten().any(|pending| !pending.frames.is_empty()) {
        return None;
    }
    let state = State {
        creation: front.creation.clone(),
        length: front.length,
        received: front.received,
        last_bytes_ms: front.last_bytes_ms,
        reading,
        refusal: back.refusal,
        is_terminated: back.is_terminated,
    };
    Some((state, Progress::after(back.takes, back.end_ms)))
}
