//! Room for the bytes of frames: many small ones in one allocation.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};

/// Bytes of one allocation: the most that a small frame keeps alive besides itself.
const ROOM: usize = 16 << 10;
/// A frame of more bytes has an allocation of its own.
const SMALL: usize = ROOM / 4;

/// Copies frames out of the input, one behind the other. Each track has one of its own, so that the frames of an
/// allocation go at about the same time.
#[derive(Debug, Default)]
pub(super) struct Pool {
    room: BytesMut,
    /// The room before it, whose frames are nearly always gone when this one is full.
    before: BytesMut,
}

/// Frames that were copied are no state: a copy begins with room of its own.
impl Clone for Pool {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Pool {
    /// A copy of a frame that is not the only one of its bytes.
    pub(super) fn keep(&mut self, frame: Cow<'_, [u8]>) -> Bytes {
        if frame.len() > SMALL {
            return frame.into_owned().into();
        }
        if self.room.capacity() < frame.len() {
            std::mem::swap(&mut self.room, &mut self.before);
            if !self.room.try_reclaim(ROOM) {
                self.room = BytesMut::with_capacity(ROOM);
            }
        }
        self.room.extend_from_slice(&frame);
        self.room.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_stay_what_they_were_while_others_come_and_go() {
        let mut pool = Pool::default();
        let mut kept = Vec::new();
        for number in 0..10_000_usize {
            let frame = vec![number as u8; number * 7 % (SMALL + 100)];
            kept.push((pool.keep((&frame[..]).into()), frame));
            if kept.len() > 20 {
                kept.remove(number % 20);
            }
            assert!(kept.iter().all(|(copy, frame)| copy == frame));
        }
    }

    #[test]
    fn rooms_are_taken_again_and_stay_as_large_as_they_were() {
        let mut pool = Pool::default();
        let mut places = std::collections::BTreeSet::new();
        for _ in 0..1_000 {
            let frame = pool.keep((&[7; 1_000][..]).into());
            assert!(pool.room.capacity() + frame.len() <= ROOM);
            places.insert(frame.as_ptr() as usize);
        }
        assert_eq!(places.len(), 2 * (ROOM / 1_000));
    }
}
