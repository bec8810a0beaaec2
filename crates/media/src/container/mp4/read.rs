//! Reads fragmented and finished MP4 in any slices.

pub use super::boxes::{Header, box_header};

/// Bytes of the largest `moov` that is read.
pub const MAX_INDEX: u64 = 64 << 20;
