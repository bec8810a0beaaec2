//! A changed file, with what the campaign knows of it: which frames stand where.

use std::ops::Range;

/// What kind of frames a track holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Stream {
    H264,
    Hevc,
    Av1,
    /// A picture whose frames are one piece.
    Video,
    Sound,
}

impl Stream {
    pub(crate) fn is_video(self) -> bool {
        self != Self::Sound
    }
}

/// A frame and where it lies.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) stream: Stream,
    /// Where the block begins that holds it, or its own bytes.
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) key: bool,
    /// Its track, and which of its frames it is: the order in which they are decoded, wherever they lie.
    pub(crate) order: (usize, usize),
    /// Whether the file shows it.
    pub(crate) is_shown: bool,
    /// The frame as it is in the file.
    pub(crate) data: Vec<u8>,
}

/// A file to publish.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) bytes: Vec<u8>,
    /// Its frames in the file's order, at their places before any harm.
    pub(crate) places: Vec<Place>,
    /// Where its clusters or fragments begin, before any harm.
    pub(crate) groups: Vec<usize>,
    /// Where its media begins: before it stands what describes the tracks.
    pub(crate) body: usize,
    /// Which bytes of the sound file are not there, or not as they were.
    pub(crate) harm: Vec<Range<usize>>,
}
