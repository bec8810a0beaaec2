//! A frame: one access unit of one track, exactly as its encoder made it.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::Kind;

/// One coded frame.
///
/// `data` holds the frame in the form that its body stores: H.264 and HEVC with lengths of four bytes before each
/// NAL unit, without access unit delimiters; AV1 without temporal delimiters; everything else as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// The track it belongs to: a take has at most one of each kind.
    pub kind: Kind,
    /// Decoding time in ticks of the track's timescale; strictly increasing in its track.
    pub dts: i64,
    /// Presentation time in ticks of the track's timescale.
    pub pts: i64,
    /// How long it lasts in ticks, where the container or the codec says so and can be trusted; the next frame's
    /// time decides where there is a next frame.
    pub duration: Option<u32>,
    /// Whether decoding may start here; true for all audio.
    pub key: bool,
    /// The coded bytes.
    pub data: Bytes,
}
