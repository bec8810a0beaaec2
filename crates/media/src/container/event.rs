use serde::{Deserialize, Serialize};

use crate::{Frame, Track, Unread};

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
    /// Bytes that stand in no frame: told, so that they are kept.
    Unread(Unread),
    /// Comes after [`Take`](Event::Take) where the source says when it begins: what is shown before this is only there to
    /// decode what follows, and is never to be seen.
    ShownFrom {
        /// Milliseconds on the clock of the frames.
        ms: i64,
    },
    /// Comes after [`Take`](Event::Take) where the reader knows when the earliest of its tracks begins, though another may come
    /// first.
    BeginsAt {
        /// Milliseconds on the clock of the frames.
        ms: i64,
    },
    /// Comes after [`Take`](Event::Take) where the container has the frames of all tracks in the order of their times: one
    /// track does not run ahead of the other but where that one is silent.
    Interleaved,
}
