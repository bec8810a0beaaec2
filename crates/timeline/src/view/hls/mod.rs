//! HLS (RFC 8216bis): which segments and parts there are, what the playlists say of them, and of which bytes they are.
//!
//! All of it follows from the index. Where a segment or a part ends depends on the frames after its beginning alone, and its
//! name says where it begins, so that a name always means the same bytes, whatever else the live becomes.
//!
//! * [`Layout`]: the segments of a live, take after take. It only grows, as a playlist must.
//! * [`media_playlist`] and [`multivariant`]: what is said of them.
//! * [`Name`] and [`chunk`]: the bytes of a segment or a part, by its name.
//!
//! Times are microseconds of one clock on which the takes follow one another.

mod chunk;
mod cut;
mod layout;
mod line;
mod name;
mod rates;
mod text;

pub use chunk::{Chunk, chunk, init};
pub use layout::Layout;
pub use name::{Name, NotAName, Which};
pub use text::{END_OF_URI, Playlist, Settled, media_playlist, multivariant};

/// A segment ends before the frame that would make it longer than this; what every playlist says from the first one on
/// (4.4.3.1).
pub const TARGET_US: i64 = 6_000_000;
/// A part ends before the frame that would make it longer than this (4.4.3.7), which never changes. Eight frames of 30 a
/// second, six of 25, five of 20, four of 15 and four packets of 60 ms are 85 to 96 % of it.
pub const PART_TARGET_US: i64 = 280_000;
/// A part ends as soon as it is as long as this: 85 % of its target, and a millisecond for who reckons with fractions.
const LEAST_PART_US: i64 = PART_TARGET_US * 85 / 100 + 1_000;
/// Parts are listed of this many of the newest whole segments, and of the one that grows.
const WITH_PARTS: usize = 2;
/// A segment of the picture ends at the first keyframe after this.
const LEAST_US: i64 = 2_000_000;
/// A segment of the sound ends after this.
const LEAST_OF_SOUND_US: i64 = 4_000_000;
/// What is missing is told as a gap (4.4.4.7) from this length on.
const LEAST_GAP_US: i64 = 500_000;
/// A track that is behind the other one by this does not come any more.
const QUIET_US: i64 = 3 * TARGET_US;
/// Frames of a segment, whatever their times.
const MOST_FRAMES: u32 = 10_000;
/// Frames of a part, whatever their times.
const MOST_FRAMES_OF_PART: u32 = 1_000;

/// Where a segment or a part begins in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Place {
    /// Number of the fragment, from 0.
    pub fragment: u32,
    /// Number of the frame in it, from 0.
    pub frame: u32,
}
