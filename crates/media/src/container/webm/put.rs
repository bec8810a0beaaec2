//! EBML elements as bytes (RFC 8794, 5 to 7).

/// The size of an element that ends where the next begins.
pub(crate) const UNKNOWN_SIZE: [u8; 8] = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

/// The bytes of an identifier.
pub(crate) fn id(id: u32) -> impl Iterator<Item = u8> {
    id.to_be_bytes().into_iter().skip_while(|byte| *byte == 0)
}

/// A size in as few bytes as hold it; never the reserved one with all bits set.
pub(crate) fn size(size: u64) -> impl Iterator<Item = u8> {
    let width = (1..8).find(|width| size < (1 << (7 * width)) - 1).unwrap_or(8);
    let marked = size | 1 << (7 * width);
    marked.to_be_bytes().into_iter().skip(8 - width)
}

/// A size in eight bytes, at most 2^56 - 2.
pub(crate) fn size_in_eight(size: u64) -> [u8; 8] {
    (size.min((1 << 56) - 2) | 1 << 56).to_be_bytes()
}

/// An element and its payload.
pub(crate) fn element(out: &mut Vec<u8>, id: u32, payload: &[u8]) {
    out.extend(self::id(id));
    out.extend(size(payload.len() as u64));
    out.extend_from_slice(payload);
}

/// An element with an unsigned integer in as few bytes as hold it, at least one.
pub(crate) fn uint(out: &mut Vec<u8>, id: u32, value: u64) {
    let width = (8 - value.leading_zeros() as usize / 8).max(1);
    element(out, id, &value.to_be_bytes()[8 - width..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_never_the_unknown_one() {
        assert_eq!(size(126).collect::<Vec<_>>(), [0xfe]);
        assert_eq!(size(127).collect::<Vec<_>>(), [0x40, 0x7f]);
        assert_eq!(size(16_382).collect::<Vec<_>>(), [0x7f, 0xfe]);
        assert_eq!(size(16_383).collect::<Vec<_>>(), [0x20, 0x3f, 0xff]);
        assert_eq!(size_in_eight(5), [1, 0, 0, 0, 0, 0, 0, 5]);
        assert_ne!(size_in_eight(u64::MAX), UNKNOWN_SIZE);
    }

    #[test]
    fn an_integer_has_at_least_one_byte() {
        let mut out = Vec::new();
        uint(&mut out, 0xd7, 0);
        uint(&mut out, 0x2ad7b1, 1_000_000);
        assert_eq!(out, [0xd7, 0x81, 0, 0x2a, 0xd7, 0xb1, 0x83, 0x0f, 0x42, 0x40]);
    }
}
