//! Both tracks of a tail in one WebM, frame by frame.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use media::container::webm::write::{cluster_head, simple_block_head};
use media::{Frame, Kind, Track};

/// A track that is this far behind the other has stopped, and is not waited for.
const STOPPED_MS: i64 = 1_500;
/// A cluster without keyframes ends after this: block times are 16 bits.
const LONGEST_CLUSTER_MS: i64 = 30_000;

/// Interleaves two tracks in the order of their times, in clusters of unknown size that start at keyframes.
///
/// Chromium wants the times of a cluster's blocks not to go back, and Firefox each cluster to start with a keyframe.
#[derive(Debug)]
pub(super) struct Muxer {
    zero_ms: i64,
    queues: [VecDeque<(i64, Frame)>; 2],
    /// Up to where each track has come, in milliseconds.
    ends_ms: [i64; 2],
    cluster_ms: Option<i64>,
    last_ms: i64,
}

impl Muxer {
    /// A muxer whose time 0 is this time of the source's clock.
    pub(super) fn new(zero_ms: i64) -> Self {
        Self { zero_ms, queues: Default::default(), ends_ms: [0; 2], cluster_ms: None, last_ms: 0 }
    }

    /// Takes frames of a track.
    pub(super) fn push(&mut self, track: &Track, frames: &[Frame]) {
        let slot = track.kind().slot();
        for frame in frames {
            let ms = track.to_ms(frame.pts) - self.zero_ms;
            self.ends_ms[slot] = self.ends_ms[slot].max(ms);
            if ms >= 0 {
                self.queues[slot].push_back((ms, frame.clone()));
            }
        }
    }

    /// The blocks that no later frame can come before; at the end of the take, all.
    pub(super) fn take(&mut self, is_over: bool) -> Bytes {
        let newest = self.ends_ms.into_iter().max().unwrap_or(0);
        let oldest = self.ends_ms.into_iter().min().unwrap_or(0).max(newest - STOPPED_MS);
        let until = if is_over { i64::MAX } else { oldest };
        let mut out = BytesMut::new();
        while let Some((ms, frame)) = self.pop(until) {
            self.write(ms, &frame, &mut out);
        }
        out.freeze()
    }

    fn pop(&mut self, until: i64) -> Option<(i64, Frame)> {
        let next = |slot: usize| self.queues[slot].front().map(|(ms, _)| (*ms, slot));
        let (ms, slot) = [next(0), next(1)].into_iter().flatten().min()?;
        if ms > until { None } else { self.queues[slot].pop_front() }
    }

    fn write(&mut self, ms: i64, frame: &Frame, out: &mut BytesMut) {
        let ms = ms.max(self.last_ms);
        self.last_ms = ms;
        let starts = frame.kind == Kind::Video && frame.key;
        let cluster_ms = match self.cluster_ms {
            Some(start) if !starts && ms - start < LONGEST_CLUSTER_MS => start,
            _ => {
                out.extend_from_slice(&cluster_head(u64::try_from(ms).unwrap_or(0), None));
                self.cluster_ms = Some(ms);
                ms
            }
        };
        let relative = i16::try_from(ms - cluster_ms).unwrap_or(i16::MAX);
        let size = u32::try_from(frame.data.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&simple_block_head(frame.kind, relative, frame.key, size));
        out.extend_from_slice(&frame.data);
    }
}
