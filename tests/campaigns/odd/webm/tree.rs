//! Elements of EBML as a tree that can be changed and written again (RFC 8794, 4 to 7).

/// Identifiers of elements (RFC 9559, 5.1).
pub(crate) mod id {
    macro_rules! ids {
        ($($name:ident = $value:expr;)*) => { $(pub(crate) const $name: u32 = $value;)* };
    }
    ids! {
        EBML = 0x1A45_DFA3; DOC_TYPE = 0x4282; VOID = 0xEC; CRC_32 = 0xBF;
        SEGMENT = 0x1853_8067; SEEK_HEAD = 0x114D_9B74; INFO = 0x1549_A966; TIMESTAMP_SCALE = 0x002A_D7B1;
        DURATION = 0x4489; TITLE = 0x7BA9; TRACKS = 0x1654_AE6B; TRACK_ENTRY = 0xAE; TRACK_NUMBER = 0xD7;
        TRACK_UID = 0x73C5; TRACK_TYPE = 0x83; FLAG_ENABLED = 0xB9; FLAG_DEFAULT = 0x88; FLAG_FORCED = 0x55AA;
        FLAG_LACING = 0x9C; DEFAULT_DURATION = 0x0023_E383; LANGUAGE = 0x0022_B59C; NAME = 0x536E; CODEC_ID = 0x86;
        CODEC_PRIVATE = 0x63A2; CODEC_NAME = 0x0025_8688; VIDEO = 0xE0; FLAG_INTERLACED = 0x9A;
        STEREO_MODE = 0x53B8; DISPLAY_WIDTH = 0x54B0; DISPLAY_HEIGHT = 0x54BA; PIXEL_WIDTH = 0xB0;
        PIXEL_HEIGHT = 0xBA; AUDIO = 0xE1; SAMPLING_FREQUENCY = 0xB5; BIT_DEPTH = 0x6264;
        CONTENT_ENCODINGS = 0x6D80; CONTENT_ENCODING = 0x6240; CONTENT_COMPRESSION = 0x5034;
        CONTENT_COMP_ALGO = 0x4254; CONTENT_COMP_SETTINGS = 0x4255; CLUSTER = 0x1F43_B675; TIMESTAMP = 0xE7;
        POSITION = 0xA7; PREV_SIZE = 0xAB; SIMPLE_BLOCK = 0xA3; BLOCK_GROUP = 0xA0; BLOCK = 0xA1;
        BLOCK_DURATION = 0x9B; REFERENCE_BLOCK = 0xFB; BLOCK_ADDITIONS = 0x75A1; BLOCK_MORE = 0xA6;
        BLOCK_ADD_ID = 0xEE; BLOCK_ADDITIONAL = 0xA5; CUES = 0x1C53_BB6B; TAGS = 0x1254_C367; TAG = 0x7373;
        SIMPLE_TAG = 0x67C8; TAG_NAME = 0x45A3; TAG_STRING = 0x4487; ATTACHMENTS = 0x1941_A469; CHAPTERS = 0x1043_A770;
    }
}

/// Elements whose payload is elements, as far as they are changed here.
const MASTERS: &[u32] = &[
    id::EBML,
    id::SEGMENT,
    id::INFO,
    id::TRACKS,
    id::TRACK_ENTRY,
    id::VIDEO,
    id::AUDIO,
    id::CLUSTER,
    id::BLOCK_GROUP,
];

/// An element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) id: u32,
    /// Bytes of its size field; more where the size needs them.
    pub(crate) width: usize,
    /// Whether its size is written, or all ones (RFC 8794, 6.2).
    pub(crate) is_sized: bool,
    pub(crate) body: Body,
}

/// What an element holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Body {
    Master(Vec<Element>),
    Data(Vec<u8>),
}

/// Where something lies in the written file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) id: u32,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Element {
    pub(crate) fn master(id: u32, children: Vec<Self>) -> Self {
        Self { id, width: 1, is_sized: true, body: Body::Master(children) }
    }

    pub(crate) fn data(id: u32, data: impl Into<Vec<u8>>) -> Self {
        Self { id, width: 1, is_sized: true, body: Body::Data(data.into()) }
    }

    pub(crate) fn uint(id: u32, value: u64) -> Self {
        let bytes = value.to_be_bytes();
        let from = bytes.iter().position(|byte| *byte != 0).unwrap_or(7);
        Self::data(id, &bytes[from..])
    }

    pub(crate) fn children(&self) -> &[Self] {
        match &self.body {
            Body::Master(children) => children,
            Body::Data(_) => &[],
        }
    }

    /// The children of a master.
    pub(crate) fn children_mut(&mut self) -> &mut Vec<Self> {
        match &mut self.body {
            Body::Master(children) => children,
            Body::Data(_) => panic!("element {:x} is no master", self.id),
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.body {
            Body::Data(data) => data,
            Body::Master(_) => &[],
        }
    }

    /// The value of a string, up to the zeros that may end it (RFC 8794, 7.4): GStreamer writes one.
    pub(crate) fn text(&self) -> &[u8] {
        let bytes = self.bytes();
        &bytes[..bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len())]
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut Vec<u8> {
        match &mut self.body {
            Body::Data(data) => data,
            Body::Master(_) => panic!("element {:x} is a master", self.id),
        }
    }

    pub(crate) fn number(&self) -> u64 {
        self.bytes().iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
    }

    pub(crate) fn find(&self, id: u32) -> Option<&Self> {
        self.children().iter().find(|child| child.id == id)
    }

    pub(crate) fn find_mut(&mut self, id: u32) -> Option<&mut Self> {
        self.children_mut().iter_mut().find(|child| child.id == id)
    }

    /// The number of a child, or what its absence means.
    pub(crate) fn number_of(&self, id: u32, default: u64) -> u64 {
        self.find(id).map_or(default, Self::number)
    }

    /// Puts a child in the place of the one of its kind, or at the end.
    pub(crate) fn set(&mut self, child: Self) {
        match self.find_mut(child.id) {
            Some(known) => *known = child,
            None => self.children_mut().push(child),
        }
    }

    /// Calls for this element and every one below it, parents first.
    pub(crate) fn visit(&mut self, call: &mut impl FnMut(&mut Self)) {
        call(self);
        if let Body::Master(children) = &mut self.body {
            children.iter_mut().for_each(|child| child.visit(call));
        }
    }

    /// Writes it; `marks` says where clusters and blocks went.
    pub(crate) fn write(&self, out: &mut Vec<u8>, marks: &mut Vec<Mark>) {
        let start = out.len();
        let id = self.id.to_be_bytes();
        out.extend(&id[self.id.leading_zeros() as usize / 8..]);
        let size = self.payload_len();
        if self.is_sized {
            put_size(out, size, self.width);
        } else {
            let width = self.width.clamp(1, 8);
            let ones = (1_u64 << (7 * width + 1)) - 1;
            out.extend(&ones.to_be_bytes()[8 - width..]);
        }
        let mark = marks.len();
        let is_marked = matches!(self.id, id::CLUSTER | id::SIMPLE_BLOCK | id::BLOCK_GROUP);
        if is_marked {
            marks.push(Mark { id: self.id, start, end: 0 });
        }
        match &self.body {
            Body::Data(data) => out.extend(data),
            Body::Master(children) => children.iter().for_each(|child| child.write(out, marks)),
        }
        if is_marked {
            marks[mark].end = out.len();
        }
    }

    fn payload_len(&self) -> usize {
        match &self.body {
            Body::Data(data) => data.len(),
            Body::Master(children) => children.iter().map(Self::len).sum(),
        }
    }

    fn len(&self) -> usize {
        let payload = self.payload_len();
        let id = 4 - self.id.leading_zeros() as usize / 8;
        let width = if self.is_sized { size_width(payload, self.width) } else { self.width.clamp(1, 8) };
        id + width + payload
    }
}

/// The elements of a whole file.
pub(crate) fn parse(bytes: &[u8]) -> Vec<Element> {
    parse_list(bytes, 0)
}

/// A variable-length number with its marker taken off, and its length (RFC 8794, 4).
pub(crate) fn vint(bytes: &[u8]) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    let len = first.leading_zeros() as usize + 1;
    let rest = bytes.get(1..len).filter(|_| len <= 8)?;
    let head = u64::from(first) & ((1 << (8 - len)) - 1);
    Some((rest.iter().fold(head, |value, byte| value << 8 | u64::from(*byte)), len))
}

/// Writes a variable-length number in at least `width` bytes.
pub(crate) fn put_size(out: &mut Vec<u8>, size: usize, width: usize) {
    let width = size_width(size, width);
    let value = size as u64 | 1 << (7 * width);
    out.extend(&value.to_be_bytes()[8 - width..]);
}

fn size_width(size: usize, width: usize) -> usize {
    let needed = (1..=8).find(|width| (size as u64) < (1 << (7 * width)) - 1).unwrap_or(8);
    needed.max(width.min(8))
}

fn parse_list(mut bytes: &[u8], parent: u32) -> Vec<Element> {
    let mut found = Vec::new();
    while let Some((element, len)) = parse_one(bytes, parent) {
        found.push(element);
        bytes = &bytes[len..];
    }
    found
}

fn parse_one(bytes: &[u8], parent: u32) -> Option<(Element, usize)> {
    let id_len = bytes.first()?.leading_zeros() as usize + 1;
    let id =
        bytes.get(..id_len).filter(|_| id_len <= 4)?.iter().fold(0, |id, byte| id << 8 | u32::from(*byte));
    let (size, width) = vint(&bytes[id_len..])?;
    let head = id_len + width;
    let is_sized = size != (1 << (7 * width)) - 1;
    let rest = &bytes[head..];
    let len = match (is_sized, id) {
        // Some recorders leave the size of a segment at 0 when they are killed.
        (true, id::SEGMENT) if size == 0 => rest.len(),
        (true, _) => usize::try_from(size).ok()?.min(rest.len()),
        (false, id::CLUSTER) => unsized_len(rest),
        (false, _) => rest.len(),
    };
    let payload = &rest[..len];
    let body = match MASTERS.contains(&id) && parent != id {
        true => Body::Master(parse_list(payload, id)),
        false => Body::Data(payload.to_vec()),
    };
    Some((Element { id, width, is_sized, body }, head + len))
}

/// A cluster of unknown size goes on to the next element of the segment.
fn unsized_len(bytes: &[u8]) -> usize {
    let level_1 = [id::CLUSTER, id::CUES, id::TAGS, id::INFO, id::TRACKS, id::SEEK_HEAD];
    let mut at = 0;
    while at < bytes.len() && !level_1.iter().any(|id| bytes[at..].starts_with(&id.to_be_bytes())) {
        let Some((_, len)) = parse_one(&bytes[at..], id::CLUSTER) else { return bytes.len() };
        at += len;
    }
    at
}
