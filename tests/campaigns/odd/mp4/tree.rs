//! Boxes as a tree that can be changed and written again (ISO/IEC 14496-12, 4.2).

pub(crate) type FourCc = [u8; 4];

/// A box.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) kind: FourCc,
    pub(crate) size: Size,
    pub(crate) parts: Vec<Part>,
}

/// How its size is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    Short,
    /// In 64 bits.
    Long,
    /// 0: the box goes on to the end of the file.
    ToEnd,
}

/// What a box is made of.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    Bytes(Vec<u8>),
    Child(Node),
    /// Media, by its number.
    Media(usize, Vec<u8>),
    /// The place of media in the file, in so many bytes; of a `moof` it counts from that box.
    Place {
        media: usize,
        width: usize,
        from: From,
    },
}

/// Where a place counts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    File,
    /// The box of the top that holds the place.
    Fragment,
    /// Other media, whose place is named elsewhere.
    Media(usize),
    /// The end of other media.
    After(usize),
}

/// A file as it was written, with where its media went.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) bytes: Vec<u8>,
    /// The number of each piece of media, and where it begins and ends.
    pub(crate) media: Vec<(usize, usize, usize)>,
    places: Vec<(usize, usize, usize, From, usize)>,
}

impl Node {
    pub(crate) fn new(kind: &FourCc, parts: Vec<Part>) -> Self {
        Self { kind: *kind, size: Size::Short, parts }
    }

    /// A box of bytes.
    pub(crate) fn of(kind: &FourCc, bytes: impl Into<Vec<u8>>) -> Self {
        Self::new(kind, vec![Part::Bytes(bytes.into())])
    }

    /// A box of boxes.
    pub(crate) fn holding(kind: &FourCc, children: Vec<Self>) -> Self {
        Self::new(kind, children.into_iter().map(Part::Child).collect())
    }

    /// A box with version and flags.
    pub(crate) fn full(kind: &FourCc, version: u8, flags: u32, fields: &[u8]) -> Self {
        let mut bytes = (u32::from(version) << 24 | flags).to_be_bytes().to_vec();
        bytes.extend(fields);
        Self::of(kind, bytes)
    }

    pub(crate) fn children_mut(&mut self) -> impl Iterator<Item = &mut Self> {
        self.parts.iter_mut().filter_map(|part| match part {
            Part::Child(child) => Some(child),
            _ => None,
        })
    }

    /// Calls for this box and every one in it, parents first.
    pub(crate) fn visit(&mut self, call: &mut impl FnMut(&mut Self)) {
        call(self);
        self.children_mut().for_each(|child| child.visit(call));
    }

    fn write(&self, written: &mut Written, top: usize) {
        let start = written.bytes.len();
        written.bytes.extend([0; 4]);
        written.bytes.extend(self.kind);
        if self.size == Size::Long {
            written.bytes.extend([0; 8]);
        }
        for part in &self.parts {
            match part {
                Part::Bytes(bytes) => written.bytes.extend(bytes),
                Part::Child(child) => child.write(written, top),
                Part::Media(number, bytes) => {
                    let start = written.bytes.len();
                    written.media.push((*number, start, start + bytes.len()));
                    written.bytes.extend(bytes);
                }
                Part::Place { media, width, from } => {
                    written.places.push((written.bytes.len(), *media, *width, *from, top));
                    written.bytes.extend(vec![0; *width]);
                }
            }
        }
        let len = written.bytes.len() - start;
        match self.size {
            Size::Short => written.bytes[start..start + 4].copy_from_slice(&(len as u32).to_be_bytes()),
            Size::Long => {
                written.bytes[start..start + 4].copy_from_slice(&1_u32.to_be_bytes());
                written.bytes[start + 8..start + 16].copy_from_slice(&(len as u64).to_be_bytes());
            }
            Size::ToEnd => {}
        }
    }
}

/// Writes the boxes of a file.
pub(crate) fn write(top: &[Node]) -> Written {
    let mut written = Written::default();
    for (index, node) in top.iter().enumerate() {
        // Only the last box may go on to the end.
        let last = index + 1 == top.len();
        let start = written.bytes.len();
        match node.size {
            Size::ToEnd if !last => Node { size: Size::Short, ..node.clone() }.write(&mut written, start),
            _ => node.write(&mut written, start),
        }
    }
    let range = |media: usize| {
        let found = written.media.iter().find(|(number, ..)| *number == media);
        found.map_or(0..0, |(_, start, end)| *start..*end)
    };
    let fields: Vec<_> = written
        .places
        .iter()
        .map(|&(field, media, width, from, top)| {
            let base = match from {
                From::File => 0,
                From::Fragment => top,
                From::Media(other) => range(other).start,
                From::After(other) => range(other).end,
            };
            (field, width, (range(media).start as i64 - base as i64).to_be_bytes())
        })
        .collect();
    for (field, width, bytes) in fields {
        written.bytes[field..field + width].copy_from_slice(&bytes[8 - width..]);
    }
    written
}

/// A box of a file that is read: its type and payload.
pub(crate) fn parse(mut bytes: &[u8]) -> Vec<(FourCc, &[u8])> {
    let mut found = Vec::new();
    while let Some((size, rest)) = bytes.split_first_chunk::<4>() {
        let Some((kind, _)) = rest.split_first_chunk::<4>() else { break };
        let (size, head) = match u32::from_be_bytes(*size) {
            0 => (bytes.len(), 8),
            1 => match rest[4..].first_chunk::<8>() {
                Some(long) => (u64::from_be_bytes(*long) as usize, 16),
                None => break,
            },
            size => (size as usize, 8),
        };
        if size < head || size > bytes.len() {
            break;
        }
        found.push((*kind, &bytes[head..size]));
        bytes = &bytes[size..];
    }
    found
}

/// The first box of a kind.
pub(crate) fn find<'a>(bytes: &'a [u8], path: &[&FourCc]) -> Option<&'a [u8]> {
    let (first, rest) = path.split_first()?;
    let (_, payload) = parse(bytes).into_iter().find(|(kind, _)| kind == *first)?;
    if rest.is_empty() { Some(payload) } else { find(payload, rest) }
}

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).map_or(0, |bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_be_bytes)
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes)
}
