//! Boxes (ISO/IEC 14496-12, 4.2), read from a slice and written into a vector.

use crate::{Error, Reason};

/// Four characters that name a box, a brand or a sample entry.
pub(super) type FourCc = [u8; 4];

/// Boxes directly inside one box that are looked at; no recorder writes more.
const MAX_CHILDREN: usize = 1 << 16;

/// The identity matrix (ISO/IEC 14496-12, 8.2.2): 16.16, in its last column 2.30.
pub(super) const IDENTITY: [i32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];

/// Writes a box around what `fill` writes.
pub(super) fn put_box(out: &mut Vec<u8>, kind: &FourCc, fill: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend([0; 4]);
    out.extend(kind);
    fill(out);
    let size = u32::try_from(out.len() - start).expect("boxes that are written whole stay under 4 GiB");
    out[start..start + 4].copy_from_slice(&size.to_be_bytes());
}

/// Writes a box with version and flags (4.2.2) around what `fill` writes.
pub(super) fn put_full_box(
    out: &mut Vec<u8>,
    kind: &FourCc,
    version: u8,
    flags: u32,
    fill: impl FnOnce(&mut Vec<u8>),
) {
    put_box(out, kind, |out| {
        out.extend((u32::from(version) << 24 | flags).to_be_bytes());
        fill(out);
    });
}

/// The header of a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Its type.
    pub kind: [u8; 4],
    /// Bytes of the whole box, header included; 0: to the end of the file. May be less than the header by mistake.
    pub size: u64,
    /// Bytes of the header, 8 or 16.
    pub len: u8,
}

/// The header at the front of `bytes` (ISO/IEC 14496-12, 4.2.2); `None` where they are too few for it.
#[must_use]
pub fn box_header(bytes: &[u8]) -> Option<Header> {
    let (size, rest) = bytes.split_first_chunk()?;
    let (kind, rest) = rest.split_first_chunk()?;
    match u32::from_be_bytes(*size) {
        1 => {
            let size = u64::from_be_bytes(*rest.first_chunk()?);
            Some(Header { kind: *kind, size, len: 16 })
        }
        size => Some(Header { kind: *kind, size: size.into(), len: 8 }),
    }
}

/// A box in memory, and what of it has not been read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Body<'a> {
    pub(super) kind: FourCc,
    /// Offset in the input of the next unread byte.
    pub(super) offset: u64,
    pub(super) rest: &'a [u8],
}

impl<'a> Body<'a> {
    /// Bytes at an offset of the input, read as the content of a box.
    pub(super) fn new(kind: FourCc, offset: u64, rest: &'a [u8]) -> Self {
        Self { kind, offset, rest }
    }

    /// The next `count` bytes.
    pub(super) fn bytes(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let (bytes, rest) = self.rest.split_at_checked(count).ok_or_else(|| self.ends_early())?;
        self.offset += count as u64;
        self.rest = rest;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (array, rest) = self.rest.split_first_chunk::<N>().ok_or_else(|| self.ends_early())?;
        self.offset += N as u64;
        self.rest = rest;
        Ok(*array)
    }

    fn ends_early(&self) -> Error {
        self.malformed("a box ends before its fields")
    }

    /// An error at the next unread byte.
    pub(super) fn malformed(&self, what: &'static str) -> Error {
        Reason::Malformed(what).at(self.offset)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Error> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn u16(&mut self) -> Result<u16, Error> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, Error> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64, Error> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    /// A number of 32 bits in version 0 and of 64 in later ones.
    pub(super) fn wide(&mut self, version: u8) -> Result<u64, Error> {
        if version == 0 { Ok(self.u32()?.into()) } else { self.u64() }
    }

    /// Version and flags of a full box (4.2.2).
    pub(super) fn version_and_flags(&mut self) -> Result<(u8, u32), Error> {
        let word = self.u32()?;
        Ok(((word >> 24) as u8, word & 0xff_ffff))
    }

    /// The next box inside, or `None` at the end. Zeros between boxes are passed over; what is too short for a box, or says
    /// a size that none has, ends the list, and a box that says more than there is has what is there: nothing of it
    /// costs the boxes in front.
    pub(super) fn child(&mut self) -> Option<Body<'a>> {
        self.pass_over_padding();
        let header = box_header(self.rest)?;
        let there = self.rest.len();
        let size = match header.size {
            0 => there,
            size => usize::try_from(size).unwrap_or(usize::MAX).min(there),
        };
        let content = self.rest.get(usize::from(header.len)..size)?;
        let offset = self.offset + u64::from(header.len);
        self.offset += size as u64;
        self.rest = &self.rest[size..];
        Some(Body::new(header.kind, offset, content))
    }

    /// Passes over zeros up to where a box may begin.
    fn pass_over_padding(&mut self) {
        if !self.rest.starts_with(&[0; 8]) {
            return;
        }
        // The size of a box that follows begins with up to three zeros.
        let zeros = self.rest.iter().take_while(|byte| **byte == 0).count();
        let begins = (zeros - 3..=zeros).rev().find(|at| {
            let there = (self.rest.len() - at) as u64;
            box_header(&self.rest[*at..]).is_some_and(|header| {
                (header.len.into()..=there).contains(&header.size)
                    && header.kind.iter().all(|byte| *byte >= b' ')
            })
        });
        let padding = begins.unwrap_or(self.rest.len());
        self.offset += padding as u64;
        self.rest = &self.rest[padding..];
    }

    /// The boxes inside, from here on: the first [`MAX_CHILDREN`].
    pub(super) fn children(mut self) -> impl Iterator<Item = Body<'a>> {
        std::iter::from_fn(move || self.child()).take(MAX_CHILDREN)
    }

    /// The first box of a kind among those inside, from here on.
    pub(super) fn find(self, kind: &FourCc) -> Option<Body<'a>> {
        self.children().find(|child| child.kind == *kind)
    }

    /// The first box of a kind among those inside, which must be there.
    pub(super) fn require(self, kind: &FourCc, missing: &'static str) -> Result<Body<'a>, Error> {
        self.find(kind).ok_or_else(|| self.malformed(missing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(content: &[u8]) -> Vec<FourCc> {
        Body::new(*b"moov", 0, content).children().map(|child| child.kind).collect()
    }

    fn boxed(kind: &FourCc, content: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        put_box(&mut out, kind, |out| out.extend(content));
        out
    }

    #[test]
    fn padding_trailing_bytes_and_empty_boxes_cost_nothing() {
        let (mvhd, trak) = (boxed(b"mvhd", &[7; 9]), boxed(b"trak", &[]));
        for padding in 0..20 {
            let padded = [&mvhd[..], &vec![0; padding], &trak, &vec![0; padding]].concat();
            let whole = kinds(&padded);
            assert!(padding < 8 || whole == [*b"mvhd", *b"trak"], "{padding}: {whole:?}");
            assert_eq!(whole[0], *b"mvhd");
        }
        for trailing in [&[0, 0, 0][..], &[1, 2, 3, 4, 5, 6, 7], &[0, 0, 0, 3, 1, 1, 1, 1]] {
            assert_eq!(kinds(&[&mvhd[..], &trak, trailing].concat()), [*b"mvhd", *b"trak"]);
        }
    }

    #[test]
    fn a_box_that_says_too_much_has_what_is_there() {
        let mut torn = boxed(b"trak", &[7; 9]);
        torn[3] = 200;
        let mut children = Body::new(*b"moov", 0, &torn).children();
        assert_eq!(children.next().map(|child| child.rest.len()), Some(9));
        assert!(children.next().is_none());
    }
}
