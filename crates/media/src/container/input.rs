//! The bytes that came and were not understood yet.

use bytes::{Buf, Bytes};
use serde::{Deserialize, Serialize};

/// Bytes that are joined at least to what waits for more.
const LEAST_JOINED: usize = 4 << 10;
/// Bytes of room that are kept for what waits.
const MOST_KEPT: usize = 16 << 10;

/// Bytes pushed at the back and consumed at the front. What is understood as it came is not copied: only what is cut
/// in two by the end of a piece is joined.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Saved", into = "Saved")]
pub(crate) struct Input {
    /// What waits for more bytes, and behind it the first bytes of the piece.
    joined: Vec<u8>,
    /// How much of `joined` is consumed.
    start: usize,
    /// What was pushed last and is not consumed.
    piece: Bytes,
    /// How many of the first bytes of the piece are in `joined` too.
    shared: usize,
    /// Whether the rest is of the piece, and nobody has seen it since it was of what waited.
    is_unseen: bool,
    /// Offset in the input of the first byte that is not consumed.
    position: u64,
}

impl Input {
    pub(crate) fn push(&mut self, bytes: Bytes) {
        self.settle();
        if !self.joined.is_empty() && bytes.len() <= LEAST_JOINED {
            self.joined.extend_from_slice(&bytes);
        } else {
            self.piece = bytes;
        }
    }

    /// What is not consumed, or the front of it: [`more`](Input::more) makes it longer.
    pub(crate) fn rest(&self) -> &[u8] {
        if self.joined.is_empty() { &self.piece } else { &self.joined[self.start..] }
    }

    /// All that is not consumed.
    pub(crate) fn whole_rest(&self) -> Bytes {
        if self.joined.is_empty() {
            return self.piece.clone();
        }
        [&self.joined[self.start..], &self.piece[self.shared..]].concat().into()
    }

    /// Makes the rest longer, since what is there is too short to be understood; false where no more bytes have come.
    pub(crate) fn more(&mut self) -> bool {
        if std::mem::take(&mut self.is_unseen) && !self.piece.is_empty() {
            return true;
        }
        if self.joined.is_empty() || self.shared == self.piece.len() {
            self.settle();
            return false;
        }
        let count = (self.joined.len() - self.start).max(LEAST_JOINED).min(self.piece.len() - self.shared);
        self.joined.extend_from_slice(&self.piece[self.shared..self.shared + count]);
        self.shared += count;
        true
    }

    /// Offset in the input of the first byte that is not consumed.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Consumes `count` bytes of the rest, or all of it.
    pub(crate) fn consume(&mut self, count: usize) {
        let count = count.min(self.rest().len());
        self.position += count as u64;
        if self.joined.is_empty() {
            self.piece.advance(count);
            return;
        }
        self.start += count;
        let waited = self.joined.len() - self.shared;
        if self.start >= waited {
            self.piece.advance(self.start - waited);
            self.forget_joined();
            self.is_unseen = true;
        }
    }

    /// Lets go of the piece: all of the rest is joined.
    fn settle(&mut self) {
        self.joined.drain(..self.start);
        self.start = 0;
        self.joined.extend_from_slice(&self.piece[self.shared..]);
        self.shared = 0;
        self.piece = Bytes::new();
        self.is_unseen = false;
    }

    fn forget_joined(&mut self) {
        if self.joined.capacity() > MOST_KEPT {
            self.joined = Vec::new();
        }
        self.joined.clear();
        (self.start, self.shared) = (0, 0);
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
        input.settle();
        Self { position: input.position, rest: input.joined.into() }
    }
}

impl From<Saved> for Input {
    fn from(saved: Saved) -> Self {
        Self { joined: saved.rest.into(), position: saved.position, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Elements of one byte that says their length and of so many more, read as the readers read.
        #[test]
        fn elements_come_whole_and_in_order_however_the_pieces_are_cut(
            lengths in prop::collection::vec(0_u8..=255, 0..400),
            cuts in prop::collection::vec(1_usize..9_000, 0..60),
            saves in any::<bool>(),
        ) {
            let element = |length: u8| std::iter::once(length).chain((0..length).map(move |at| at ^ length));
            let bytes: Bytes = lengths.iter().flat_map(|length| element(*length)).collect();
            let mut input = Input::default();
            let mut found = Vec::new();
            let mut left = bytes.clone();
            for cut in cuts.into_iter().chain([bytes.len()]) {
                input.push(left.split_to(cut.min(left.len())));
                loop {
                    let length = input.rest().first().copied().unwrap_or(0);
                    if let Some(whole) = input.rest().get(..=usize::from(length)) {
                        prop_assert!(whole.iter().copied().eq(element(length)));
                        found.push(length);
                        input.consume(1 + usize::from(length));
                    } else if !input.more() {
                        break;
                    }
                }
                prop_assert!(input.joined.len() <= 256 && input.piece.is_empty());
                if saves {
                    input = Input::from(Saved::from(input));
                }
            }
            prop_assert_eq!(found, lengths);
            prop_assert_eq!(input.position(), bytes.len() as u64);
        }
    }

    #[test]
    fn what_is_passed_over_is_never_joined() {
        let mut input = Input::default();
        input.push(Bytes::from_static(&[1, 2, 3]));
        assert!(!input.more());
        input.push(Bytes::from(vec![4; 1 << 20]));
        input.consume(3);
        assert!(input.more(), "what came behind is still to be seen");
        assert_eq!(input.rest().len(), 1 << 20);
        input.consume(1 << 20);
        assert!(!input.more());
        assert_eq!((input.position(), input.joined.capacity() < 100), ((1 << 20) + 3, true));
    }
}
