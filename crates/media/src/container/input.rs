//! The bytes that came and were not understood yet.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Bytes pushed at the back and consumed at the front, each moved a bounded number of times.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Saved", into = "Saved")]
pub(crate) struct Input {
    bytes: Vec<u8>,
    /// How much of `bytes` is consumed.
    start: usize,
    /// Offset in the input of the first byte that is not consumed.
    position: u64,
}

impl Input {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 && self.start >= self.bytes.len() - self.start {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// What is not consumed.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// Offset in the input of the first byte that is not consumed.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Consumes `count` bytes of the rest, or all of it.
    pub(crate) fn consume(&mut self, count: usize) {
        let count = count.min(self.bytes.len() - self.start);
        self.start += count;
        self.position += count as u64;
    }
}

/// What of an [`Input`] is kept: not what was consumed.
#[derive(Serialize, Deserialize)]
struct Saved {
    position: u64,
    rest: Bytes,
}

impl From<Input> for Saved {
    fn from(mut input: Input) -> Self {
        input.bytes.drain(..input.start);
        Self { position: input.position, rest: input.bytes.into() }
    }
}

impl From<Saved> for Input {
    fn from(saved: Saved) -> Self {
        Self { bytes: saved.rest.into(), start: 0, position: saved.position }
    }
}
