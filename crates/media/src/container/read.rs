//! One reader for whatever a publisher sends.

use serde::{Deserialize, Serialize};

use crate::{Error, Frame, Track};

/// What a reader found in the bytes, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A new take begins: the first, or after a second header, a changed configuration, a hole. Tracks follow anew.
    /// Frames after it that belong to a track announced before it need their track again first.
    Take {
        /// Bytes were lost just before it: the time between the takes was not recorded.
        after_hole: bool,
    },
    /// A track of the take is known; comes before the first frame of that track.
    Track(Track),
    /// The next frame of a track, in the order of the input.
    Frame(Frame),
}

/// Reads WebM, Matroska, fragmented MP4 and MP4 with its `moov` first, pushed in any slices.
///
/// The container is recognised by its first bytes. The events depend on the bytes only, never on how they were
/// sliced. The whole state, bytes not yet understood included, can be serialised and taken up again later: that is
/// how a recording survives a restart. Order of calls: [`push`](Reader::push) and [`next`](Reader::next) until
/// `Ok(None)`, again and again; [`finish`](Reader::finish) once, then `next` until `None`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Reader {}

impl Reader {
    /// A reader at the start of its input.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes more of the input. Keeps no more than a stated limit: the caller takes all events out
    /// before it pushes again, at most 1 MiB at a time.
    pub fn push(&mut self, _bytes: &[u8]) {}

    /// The next event, or `None` until more bytes come. After an error the reader stays at it.
    ///
    /// # Errors
    /// Bytes that are not of a container or codec that is read here, over a limit, or damaged beyond resynchronising.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Event>, Error> {
        Ok(None)
    }

    /// Says that no more bytes come: what was held back (a frame waiting for its successor) can be taken with `next`.
    pub fn finish(&mut self) {}
}
