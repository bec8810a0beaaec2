//! A stretch of the input that is passed over, told in pieces.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{Unread, Why};

/// Bytes of a piece; the last of a stretch may be shorter. Where pieces begin depends on the bytes alone.
const PIECE: usize = 16 << 10;

/// Bytes that are passed over while the structure is searched.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Stretch {
    /// Where the bytes that wait begin in the input.
    offset: u64,
    bytes: Vec<u8>,
}

impl Stretch {
    /// Adds bytes that stand at `offset` of the input, behind those that wait; gives each piece that is full to `tell`.
    pub(crate) fn pass(&mut self, mut offset: u64, mut bytes: &[u8], mut tell: impl FnMut(Unread)) {
        while !bytes.is_empty() {
            if self.bytes.is_empty() {
                self.offset = offset;
            }
            let count = bytes.len().min(PIECE - self.bytes.len());
            self.bytes.extend_from_slice(&bytes[..count]);
            (offset, bytes) = (offset + count as u64, &bytes[count..]);
            if self.bytes.len() == PIECE {
                self.end().into_iter().for_each(&mut tell);
            }
        }
    }

    /// The last piece of the stretch.
    pub(crate) fn end(&mut self) -> Option<Unread> {
        let bytes = Bytes::from(std::mem::take(&mut self.bytes));
        let piece = Unread { offset: self.offset, bytes, kind: None, reason: Why::Damaged };
        (!piece.bytes.is_empty()).then_some(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_the_same_however_the_bytes_come() {
        let bytes: Vec<u8> = (0..50_000_u32).map(|at| at as u8).collect();
        let told = |size: usize| {
            let (mut stretch, mut told, mut at) = (Stretch::default(), Vec::new(), 7);
            for slice in bytes.chunks(size) {
                stretch.pass(at, slice, |piece| told.push(piece));
                at += slice.len() as u64;
            }
            told.extend(stretch.end());
            told
        };
        let whole = told(bytes.len());
        assert_eq!(whole.iter().map(|piece| piece.offset).collect::<Vec<_>>(), [7, 16_391, 32_775, 49_159]);
        let joined: Vec<u8> = whole.iter().flat_map(|piece| piece.bytes.to_vec()).collect();
        assert_eq!(joined, bytes);
        assert!(told(1) == whole && told(10_000) == whole);
    }
}
