//! Repeatable randomness: every run of a test cuts at the same places.

/// A small generator (xorshift64*), good enough to choose where to cut.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A generator; the same seed gives the same numbers.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        low + (self.number() >> 16) as usize % (high - low + 1)
    }

    /// `bytes` cut into slices of `low` to `high` bytes.
    pub fn cut<'a>(&mut self, mut bytes: &'a [u8], low: usize, high: usize) -> Vec<&'a [u8]> {
        let mut slices = Vec::new();
        while !bytes.is_empty() {
            let (slice, rest) = bytes.split_at(self.between(low, high).min(bytes.len()));
            slices.push(slice);
            bytes = rest;
        }
        slices
    }
}
