//! Boxes and their fields.

/// The type of a box.
pub type FourCc = [u8; 4];

/// A box of a file.
#[derive(Debug, Clone, Copy)]
pub struct Box<'a> {
    /// Its type.
    pub kind: FourCc,
    /// Where it begins in the file.
    pub offset: u64,
    /// Its whole size.
    pub size: u64,
    /// Bytes of its header.
    pub header: u64,
    /// What is there of its payload.
    data: &'a [u8],
}

/// The payload of a box with version and flags.
#[derive(Debug, Clone, Copy)]
pub(super) struct Full<'a> {
    pub(super) version: u8,
    pub(super) flags: u32,
    pub(super) fields: &'a [u8],
}

/// The boxes of a file of which the first bytes are at hand. Only the last of them may reach past these.
pub(super) fn top(start: &[u8], len: u64) -> Vec<Box<'_>> {
    let mut found = Vec::new();
    let mut at = 0_u64;
    while at < len {
        let rest = usize::try_from(at).ok().and_then(|at| start.get(at..)).unwrap_or_default();
        let next = read(rest, at, len);
        at += next.size;
        found.push(next);
    }
    assert_eq!(at, len, "the boxes of the file end where the file ends");
    found
}

/// The box at the start of `bytes`, which stand at `offset`; nothing reaches past `end`.
fn read(bytes: &[u8], offset: u64, end: u64) -> Box<'_> {
    assert!(bytes.len() >= 8, "a box's header is cut off at {offset}");
    let kind: FourCc = bytes[4..8].try_into().expect("four bytes");
    let name = String::from_utf8_lossy(&kind).into_owned();
    let (size, header) = match u64::from(u32_at(bytes, 0)) {
        1 => (u64_at(bytes, 8), 16),
        size => (size, 8),
    };
    assert!(size >= header, "{name} at {offset} is smaller than its header");
    assert!(offset + size <= end, "{name} at {offset} reaches past {end}");
    if header == 16 {
        assert!(size > u64::from(u32::MAX), "{name} at {offset}: a long size for {size} bytes");
    }
    let there = usize::try_from(size).unwrap_or(usize::MAX).min(bytes.len());
    Box { kind, offset, size, header, data: &bytes[header as usize..there] }
}

impl<'a> Box<'a> {
    pub(super) fn payload(&self) -> &'a [u8] {
        assert_eq!(self.data.len() as u64, self.size - self.header, "{self:?} is at hand");
        self.data
    }

    /// Its boxes, which fill it, after `skip` bytes of its own.
    pub(super) fn children(&self, skip: usize) -> Vec<Box<'a>> {
        let end = self.offset + self.size;
        let mut at = self.offset + self.header + skip as u64;
        let mut rest = &self.payload()[skip..];
        let mut found = Vec::new();
        while !rest.is_empty() {
            let next = read(rest, at, end);
            rest = &rest[next.size as usize..];
            at += next.size;
            found.push(next);
        }
        found
    }

    pub(super) fn all(&self, kind: &FourCc) -> Vec<Box<'a>> {
        self.children(0).into_iter().filter(|child| child.kind == *kind).collect()
    }

    /// The only box of a type.
    pub(super) fn one(&self, kind: &FourCc) -> Box<'a> {
        self.maybe(kind).unwrap_or_else(|| panic!("no {}", String::from_utf8_lossy(kind)))
    }

    /// The only box of a type, where there is one.
    pub(super) fn maybe(&self, kind: &FourCc) -> Option<Box<'a>> {
        let mut all = self.all(kind);
        assert!(all.len() <= 1, "{} times {}", all.len(), String::from_utf8_lossy(kind));
        all.pop()
    }

    pub(super) fn full(&self) -> Full<'a> {
        let payload = self.payload();
        Full { version: payload[0], flags: u32_at(payload, 0) & 0xFF_FFFF, fields: &payload[4..] }
    }
}

impl<'a> Full<'a> {
    pub(super) fn u32(&self, at: usize) -> u32 {
        u32_at(self.fields, at)
    }

    pub(super) fn last_u32(&self) -> u32 {
        self.u32(self.fields.len() - 4)
    }

    /// Timescale and duration of `mvhd` and `mdhd`; of `tkhd` the track number and the duration.
    pub(super) fn times(&self, is_tkhd: bool) -> (u32, u64) {
        let gap = if is_tkhd { 4 } else { 0 };
        match self.version {
            0 => (self.u32(8), u64::from(self.u32(12 + gap))),
            1 => (self.u32(16), u64_at(self.fields, 20 + gap)),
            other => panic!("version {other}"),
        }
    }

    /// Rows of `width` fields of 32 bits, as many as the field before them says, filling the box.
    pub(super) fn rows(&self, at: usize, width: usize) -> Vec<&'a [u8]> {
        let rows: Vec<_> = self.fields[at + 4..].chunks(4 * width).collect();
        assert_eq!(rows.len(), self.u32(at) as usize, "as many rows as are said");
        assert!(rows.last().is_none_or(|row| row.len() == 4 * width), "whole rows");
        rows
    }
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes(bytes[at..at + 2].try_into().expect("two bytes"))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}
