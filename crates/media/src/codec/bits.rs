//! Bits read from the most significant on, as every codec's headers are written.

/// A cursor over the bits of a header. Every read is `None` past the end.
#[derive(Debug, Clone)]
pub(crate) struct Bits<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Bits<'a> {
    /// A cursor at the first bit.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// The next bit.
    pub(crate) fn flag(&mut self) -> Option<bool> {
        let byte = self.bytes.get(self.position / 8)?;
        let bit = byte >> (7 - self.position % 8) & 1;
        self.position += 1;
        Some(bit == 1)
    }

    /// The next `count` bits, at most 32, as a number.
    pub(crate) fn take(&mut self, count: u32) -> Option<u32> {
        let mut value = 0_u32;
        for _ in 0..count {
            value = value << 1 | u32::from(self.flag()?);
        }
        Some(value)
    }

    /// An unsigned Exp-Golomb number (`ue(v)` of H.264, `uvlc()` of AV1) of at most 32 bits.
    pub(crate) fn ue(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        let rest = self.take(zeros)?;
        Some((1_u32 << zeros) - 1 + rest)
    }

    /// A signed Exp-Golomb number (`se(v)`, ISO/IEC 14496-10, 9.1.1).
    pub(crate) fn se(&mut self) -> Option<i32> {
        let code = i64::from(self.ue()?);
        let half = (code + 1) / 2;
        i32::try_from(if code % 2 == 1 { half } else { -half }).ok()
    }

    /// Passes over `count` bits, which may lie past the end: the next read is then `None`.
    pub(crate) fn skip(&mut self, count: usize) {
        self.position = self.position.saturating_add(count);
    }
}

#[cfg(test)]
mod tests {
    use super::Bits;

    #[test]
    fn exp_golomb_numbers_are_read_as_the_standard_lists_them() {
        // 1 | 010 | 011 | 00100 | 00101, the codes of 0 to 4.
        let bytes = [0b1010_0110, 0b0100_0010, 0b1000_0000];
        let mut unsigned = Bits::new(&bytes);
        let codes = (0..5).map(|_| unsigned.ue()).collect::<Option<Vec<_>>>();
        assert_eq!(codes, Some(vec![0, 1, 2, 3, 4]));
        let mut signed = Bits::new(&bytes);
        let codes = (0..5).map(|_| signed.se()).collect::<Option<Vec<_>>>();
        assert_eq!(codes, Some(vec![0, 1, -1, 2, -2]));
    }

    #[test]
    fn bits_past_the_end_are_none() {
        assert_eq!(Bits::new(&[0]).ue(), None);
        let mut bits = Bits::new(&[0xff]);
        bits.skip(usize::MAX);
        assert_eq!(bits.flag(), None);
    }
}
