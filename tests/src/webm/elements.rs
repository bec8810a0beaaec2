//! Elements of EBML (RFC 8794, 4 to 7).

use std::ops::Range;

/// Identifiers of elements.
pub(super) mod id {
    macro_rules! ids {
        ($($name:ident = $value:expr;)*) => { $(pub(in super::super) const $name: u32 = $value;)* };
    }
    ids! {
        EBML = 0x1A45_DFA3; EBML_READ_VERSION = 0x42F7; EBML_MAX_ID_LENGTH = 0x42F2; EBML_MAX_SIZE_LENGTH = 0x42F3;
        DOC_TYPE = 0x4282; DOC_TYPE_VERSION = 0x4287; DOC_TYPE_READ_VERSION = 0x4285; VOID = 0xEC;
        SEGMENT = 0x1853_8067; SEEK_HEAD = 0x114D_9B74; SEEK_ID = 0x53AB; SEEK_POSITION = 0x53AC;
        INFO = 0x1549_A966; TIMESTAMP_SCALE = 0x002A_D7B1; DURATION = 0x4489; MUXING_APP = 0x4D80; WRITING_APP = 0x5741;
        TRACKS = 0x1654_AE6B; TRACK_ENTRY = 0xAE; TRACK_NUMBER = 0xD7; TRACK_UID = 0x73C5; TRACK_TYPE = 0x83;
        FLAG_LACING = 0x9C; DEFAULT_DURATION = 0x0023_E383; CODEC_ID = 0x86; CODEC_PRIVATE = 0x63A2;
        CODEC_DELAY = 0x56AA; SEEK_PRE_ROLL = 0x56BB; VIDEO = 0xE0; PIXEL_WIDTH = 0xB0; PIXEL_HEIGHT = 0xBA;
        ALPHA_MODE = 0x53C0; AUDIO = 0xE1; SAMPLING_FREQUENCY = 0xB5; CHANNELS = 0x9F;
        CLUSTER = 0x1F43_B675; TIMESTAMP = 0xE7; SIMPLE_BLOCK = 0xA3; BLOCK_GROUP = 0xA0; BLOCK = 0xA1;
        BLOCK_DURATION = 0x9B; REFERENCE_BLOCK = 0xFB;
        CUES = 0x1C53_BB6B; CUE_TIME = 0xB3; CUE_TRACK_POSITIONS = 0xB7; CUE_TRACK = 0xF7;
        CUE_CLUSTER_POSITION = 0xF1;
    }
}

/// An element and where it lies.
#[derive(Debug, Clone)]
pub(super) struct Element<'a> {
    pub(super) id: u32,
    /// Identifier, size and payload.
    pub(super) whole: Range<usize>,
    pub(super) payload: Range<usize>,
    /// Whether its size is known.
    pub(super) is_sized: bool,
    file: &'a [u8],
}

/// The elements that fill a part of a file.
pub(super) fn all(file: &[u8], within: Range<usize>) -> Vec<Element<'_>> {
    let mut found = Vec::new();
    let mut at = within.start;
    while at < within.end {
        let next = read(file, at, within.end);
        at = next.whole.end;
        found.push(next);
    }
    assert_eq!(at, within.end, "elements fill what they are in");
    found
}

fn read(file: &[u8], start: usize, end: usize) -> Element<'_> {
    let id_len = file[start].leading_zeros() as usize + 1;
    assert!(id_len <= 4, "no identifier at {start}");
    let id = file[start..start + id_len].iter().fold(0, |id, byte| id << 8 | u32::from(*byte));
    let at = start + id_len;
    let size_len = file[at].leading_zeros() as usize + 1;
    assert!(size_len <= 8, "no size at {at}");
    let digits = &file[at + 1..at + size_len];
    let first = u64::from(file[at]) & ((1 << (8 - size_len)) - 1);
    let size = digits.iter().fold(first, |size, byte| size << 8 | u64::from(*byte));
    let is_sized = size != (1 << (7 * size_len)) - 1;
    let payload = at + size_len;
    let until = match is_sized {
        true => payload + usize::try_from(size).expect("a size in memory"),
        false => end_of_unsized(file, id, payload, end),
    };
    assert!(until <= end, "element {id:x} at {start} reaches past {end}");
    Element { id, whole: start..until, payload: payload..until, is_sized, file }
}

/// A segment goes on to the end, a cluster to the next one.
fn end_of_unsized(file: &[u8], id: u32, payload: usize, end: usize) -> usize {
    assert!(matches!(id, id::SEGMENT | id::CLUSTER), "element {id:x} has no size");
    if id == id::SEGMENT {
        return end;
    }
    let mut at = payload;
    while at < end && !file[at..].starts_with(&id::CLUSTER.to_be_bytes()) {
        at = read(file, at, end).whole.end;
    }
    at
}

impl<'a> Element<'a> {
    pub(super) fn data(&self) -> &'a [u8] {
        &self.file[self.payload.clone()]
    }

    pub(super) fn children(&self) -> Vec<Element<'a>> {
        all(self.file, self.payload.clone())
    }

    /// The only child of a type.
    pub(super) fn one(&self, id: u32) -> Element<'a> {
        self.maybe(id).unwrap_or_else(|| panic!("no {id:x} in {:x}", self.id))
    }

    /// The only child of a type, where there is one.
    pub(super) fn maybe(&self, id: u32) -> Option<Element<'a>> {
        let mut found: Vec<_> = self.children().into_iter().filter(|child| child.id == id).collect();
        assert!(found.len() <= 1, "{} times {id:x} in {:x}", found.len(), self.id);
        found.pop()
    }

    pub(super) fn uint(&self) -> u64 {
        assert!((1..=8).contains(&self.data().len()), "an integer of {} bytes", self.data().len());
        self.data().iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
    }

    pub(super) fn float(&self) -> f64 {
        match self.data().len() {
            4 => f32::from_be_bytes(self.data().try_into().expect("four bytes")).into(),
            _ => f64::from_be_bytes(self.data().try_into().expect("eight bytes")),
        }
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8(self.data().to_vec()).expect("text")
    }
}
