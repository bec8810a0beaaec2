//! The handshake (RTMP 1.0, 5.2): a version, a packet of 1,536 bytes each way, and each side's packet sent back to it.

use super::Error;

/// Bytes of a packet of the handshake.
const PACKET: usize = 1_536;
/// The version of the protocol (5.2.2).
const VERSION: u8 = 3;

/// What has come of the handshake. Nothing is held but the client's packet, until it is sent back.
#[derive(Debug)]
pub(super) struct Handshake {
    /// The version and the packet of the client.
    first: Vec<u8>,
    /// Bytes that have come of our packet sent back; what stands in them does not matter.
    echoed: usize,
}

impl Handshake {
    pub(super) fn new() -> Self {
        Self { first: Vec::new(), echoed: 0 }
    }

    /// Takes bytes off the front of the input: whether it is done. What is to be sent is appended to `out`.
    pub(super) fn take(&mut self, input: &mut &[u8], out: &mut Vec<u8>) -> Result<bool, Error> {
        if self.first.len() < 1 + PACKET {
            let count = input.len().min(1 + PACKET - self.first.len());
            let (came, rest) = input.split_at(count);
            self.first.extend_from_slice(came);
            *input = rest;
            if self.first.first().is_some_and(|version| *version != VERSION) {
                return Err(Error::Version);
            }
            if self.first.len() < 1 + PACKET {
                return Ok(false);
            }
            out.push(VERSION);
            out.extend(own_packet());
            out.extend_from_slice(&self.first[1..]);
        }
        let count = input.len().min(PACKET - self.echoed);
        *input = &input[count..];
        self.echoed += count;
        let is_done = self.echoed == PACKET;
        if is_done {
            self.first = Vec::new();
        }
        Ok(is_done)
    }
}

/// A time of 0, four bytes of 0 (no digest is asked for), and bytes that no client reads anything from (5.2.3).
fn own_packet() -> impl Iterator<Item = u8> {
    (0..PACKET).map(|at| if at < 8 { 0 } else { at as u8 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_gets_its_packet_back_in_whatever_pieces_it_comes() {
        let client: Vec<u8> = (0..PACKET).map(|at| (at * 7) as u8).collect();
        let sent = [&[VERSION][..], &client, &vec![0; PACKET], b"rest"].concat();
        for size in [1, 2, 1_000, 1_536, 1_537, 5_000] {
            let (mut handshake, mut out, mut done, mut left) =
                (Handshake::new(), Vec::new(), false, Vec::new());
            for mut piece in sent.chunks(size) {
                done = done || handshake.take(&mut piece, &mut out).unwrap();
                left.extend_from_slice(piece);
            }
            assert!(done, "{size}");
            assert_eq!(left, b"rest");
            assert_eq!(out.len(), 1 + 2 * PACKET);
            assert_eq!(out[1 + PACKET..], client);
        }
    }

    #[test]
    fn another_protocol_is_refused_at_its_first_byte() {
        let mut out = Vec::new();
        for mut first in [&b"G"[..], &[6], &[0x16]] {
            assert_eq!(Handshake::new().take(&mut first, &mut out), Err(Error::Version));
        }
        assert!(out.is_empty());
    }
}
