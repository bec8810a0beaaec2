//! A fragment of a body, as both containers write it and find it again.

use serde::{Deserialize, Serialize};

use crate::{Kind, Track};

/// Where one frame lies in its fragment, and when it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Bytes from the fragment's first byte to the frame's.
    pub offset: u32,
    /// Bytes of the frame.
    pub size: u32,
    /// Ticks to the next frame's decoding time.
    pub duration: u32,
    /// Ticks from decoding time to presentation time.
    pub cts: i32,
    /// Whether decoding may start here.
    pub key: bool,
}

impl Sample {
    /// Whether anybody sees it: a picture of less than half a millisecond is there for others to be decoded from, and is
    /// hidden where the container can. All sound is heard.
    #[must_use]
    pub fn is_seen(&self, track: &Track) -> bool {
        track.shows(self.duration)
    }
}

/// Ticks from the first decoding time to the first presentation time that is to be seen. Pictures in front that lead to it,
/// and those that a stream begun in its middle cannot decode, are shown before it.
#[must_use]
pub fn shown_from(samples: &[Sample], track: &Track) -> i64 {
    let Some(first) = samples.first() else { return 0 };
    if first.is_seen(track) {
        return first.cts.into();
    }
    let mut dts = 0;
    let mut seen = samples.iter().filter_map(|sample| {
        let pts = dts + i64::from(sample.cts);
        dts += i64::from(sample.duration);
        sample.is_seen(track).then_some(pts)
    });
    let Some(first) = seen.next() else { return first.cts.into() };
    seen.take(MOST_REORDERED).fold(first, i64::min)
}

/// Frames of which one may be shown before one that is coded before it.
const MOST_REORDERED: usize = 32;

/// A fragment: some frames of one track, in the bytes of `moof`+`mdat` or of one known-size cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fragment {
    /// The track's kind.
    pub kind: Kind,
    /// Counts the fragments of a take's track from 1.
    pub sequence: u32,
    /// Decoding time of the first frame in ticks of the track.
    pub base_dts: i64,
    /// Bytes of the whole fragment.
    pub len: u32,
    /// Its frames; never empty.
    pub samples: Vec<Sample>,
}

impl Fragment {
    /// Ticks from the first frame's decoding time to the end of the last.
    #[must_use]
    pub fn duration(&self) -> i64 {
        self.samples.iter().map(|sample| i64::from(sample.duration)).sum()
    }
}

/// Frames that cannot be written as one fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// There are no frames, or not one duration for each.
    #[error("a fragment needs frames and a duration for each")]
    Counts,
    /// The track of a WebM body does not count milliseconds.
    #[error("a WebM body counts milliseconds")]
    Timescale,
    /// A frame is before time 0, or its times are further from each other or from the first frame's than the container
    /// can say.
    #[error("the times of a fragment's frames are not those that its container can hold")]
    Span,
    /// The fragment would be larger than 4 GiB.
    #[error("a fragment is at most 4 GiB")]
    Size,
}
