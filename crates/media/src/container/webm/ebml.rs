//! EBML (RFC 8794): element headers, their children, their values; and the identifiers of Matroska (RFC 9559).

use crate::{Error, Reason};

/// Identifiers, with their length marker, as RFC 9559 names them.
pub(crate) mod id {
    pub(crate) const EBML: u32 = 0x1a45_dfa3;
    pub(crate) const EBML_VERSION: u32 = 0x4286;
    pub(crate) const EBML_READ_VERSION: u32 = 0x42f7;
    pub(crate) const EBML_MAX_ID_LENGTH: u32 = 0x42f2;
    pub(crate) const EBML_MAX_SIZE_LENGTH: u32 = 0x42f3;
    pub(crate) const DOC_TYPE: u32 = 0x4282;
    pub(crate) const DOC_TYPE_VERSION: u32 = 0x4287;
    pub(crate) const DOC_TYPE_READ_VERSION: u32 = 0x4285;
    pub(crate) const VOID: u32 = 0xec;
    pub(crate) const CRC_32: u32 = 0xbf;

    pub(crate) const SEGMENT: u32 = 0x1853_8067;
    pub(crate) const SEEK_HEAD: u32 = 0x114d_9b74;
    pub(crate) const SEEK: u32 = 0x4dbb;
    pub(crate) const SEEK_ID: u32 = 0x53ab;
    pub(crate) const SEEK_POSITION: u32 = 0x53ac;
    pub(crate) const INFO: u32 = 0x1549_a966;
    pub(crate) const TIMESTAMP_SCALE: u32 = 0x2a_d7b1;
    pub(crate) const DURATION: u32 = 0x4489;
    pub(crate) const MUXING_APP: u32 = 0x4d80;
    pub(crate) const WRITING_APP: u32 = 0x5741;
    pub(crate) const CHAPTERS: u32 = 0x1043_a770;
    pub(crate) const TAGS: u32 = 0x1254_c367;
    pub(crate) const ATTACHMENTS: u32 = 0x1941_a469;

    pub(crate) const TRACKS: u32 = 0x1654_ae6b;
    pub(crate) const TRACK_ENTRY: u32 = 0xae;
    pub(crate) const TRACK_NUMBER: u32 = 0xd7;
    pub(crate) const TRACK_UID: u32 = 0x73c5;
    pub(crate) const TRACK_TYPE: u32 = 0x83;
    pub(crate) const FLAG_ENABLED: u32 = 0xb9;
    pub(crate) const FLAG_DEFAULT: u32 = 0x88;
    pub(crate) const FLAG_LACING: u32 = 0x9c;
    pub(crate) const DEFAULT_DURATION: u32 = 0x23_e383;
    pub(crate) const CODEC_ID: u32 = 0x86;
    pub(crate) const CODEC_PRIVATE: u32 = 0x63a2;
    pub(crate) const CODEC_DELAY: u32 = 0x56aa;
    pub(crate) const SEEK_PRE_ROLL: u32 = 0x56bb;
    pub(crate) const CONTENT_ENCODINGS: u32 = 0x6d80;
    pub(crate) const VIDEO: u32 = 0xe0;
    pub(crate) const PIXEL_WIDTH: u32 = 0xb0;
    pub(crate) const PIXEL_HEIGHT: u32 = 0xba;
    pub(crate) const PIXEL_CROP_BOTTOM: u32 = 0x54aa;
    pub(crate) const PIXEL_CROP_TOP: u32 = 0x54bb;
    pub(crate) const PIXEL_CROP_LEFT: u32 = 0x54cc;
    pub(crate) const PIXEL_CROP_RIGHT: u32 = 0x54dd;
    pub(crate) const DISPLAY_WIDTH: u32 = 0x54b0;
    pub(crate) const DISPLAY_HEIGHT: u32 = 0x54ba;
    pub(crate) const DISPLAY_UNIT: u32 = 0x54b2;
    pub(crate) const PROJECTION: u32 = 0x7670;
    pub(crate) const PROJECTION_TYPE: u32 = 0x7671;
    pub(crate) const PROJECTION_POSE_ROLL: u32 = 0x7675;
    pub(crate) const AUDIO: u32 = 0xe1;
    pub(crate) const SAMPLING_FREQUENCY: u32 = 0xb5;
    pub(crate) const CHANNELS: u32 = 0x9f;

    pub(crate) const CLUSTER: u32 = 0x1f43_b675;
    pub(crate) const TIMESTAMP: u32 = 0xe7;
    pub(crate) const SILENT_TRACKS: u32 = 0x5854;
    pub(crate) const POSITION: u32 = 0xa7;
    pub(crate) const PREV_SIZE: u32 = 0xab;
    pub(crate) const SIMPLE_BLOCK: u32 = 0xa3;
    pub(crate) const ENCRYPTED_BLOCK: u32 = 0xaf;
    pub(crate) const BLOCK_GROUP: u32 = 0xa0;
    pub(crate) const BLOCK: u32 = 0xa1;
    pub(crate) const BLOCK_DURATION: u32 = 0x9b;
    pub(crate) const REFERENCE_BLOCK: u32 = 0xfb;

    pub(crate) const CUES: u32 = 0x1c53_bb6b;
    pub(crate) const CUE_POINT: u32 = 0xbb;
    pub(crate) const CUE_TIME: u32 = 0xb3;
    pub(crate) const CUE_TRACK_POSITIONS: u32 = 0xb7;
    pub(crate) const CUE_TRACK: u32 = 0xf7;
    pub(crate) const CUE_CLUSTER_POSITION: u32 = 0xf1;
    pub(crate) const CUE_RELATIVE_POSITION: u32 = 0xf0;
}

/// The head of an element: its identifier, its size where it is known, and the bytes of the head itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) id: u32,
    /// `None`: unknown, the element ends where another that cannot be in it begins (RFC 8794, 6.2).
    pub(crate) size: Option<u64>,
    pub(crate) len: usize,
}

/// The identifier at the start of `data` and its width; `None` while it is incomplete.
pub(crate) fn read_id(data: &[u8]) -> Result<Option<(u32, usize)>, Reason> {
    let Some(first) = data.first() else { return Ok(None) };
    let width = first.leading_zeros() as usize + 1;
    if width > 4 {
        return Err(Reason::Malformed("an element has no identifier"));
    }
    if let Some(four) = data.first_chunk() {
        return Ok(Some((u32::from_be_bytes(*four) >> (32 - 8 * width), width)));
    }
    Ok(data.get(..width).map(|bytes| (bytes.iter().fold(0, |id, &byte| id << 8 | u32::from(byte)), width)))
}

/// A variable-size number without its marker and its width; `None` while it is incomplete. The value is `None` where
/// all its bits are set: the reserved, unknown one.
pub(crate) fn read_number(data: &[u8]) -> Result<Option<(Option<u64>, usize)>, Reason> {
    let Some(first) = data.first() else { return Ok(None) };
    let width = first.leading_zeros() as usize + 1;
    if width > 8 {
        return Err(Reason::Malformed("a number is longer than eight bytes"));
    }
    let value = match (data.first_chunk(), data.get(..width)) {
        (Some(eight), _) => u64::from_be_bytes(*eight) >> (64 - 8 * width),
        (None, Some(bytes)) => bytes.iter().fold(0, |value, &byte| value << 8 | u64::from(byte)),
        (None, None) => return Ok(None),
    };
    let all = (1_u64 << (7 * width)) - 1;
    Ok(Some((Some(value & all).filter(|value| *value != all), width)))
}

/// The element head at the start of `data`; `None` while it is incomplete.
pub(crate) fn read_head(data: &[u8]) -> Result<Option<Head>, Reason> {
    let Some((id, id_width)) = read_id(data)? else { return Ok(None) };
    let Some((size, size_width)) = read_number(&data[id_width..])? else { return Ok(None) };
    Ok(Some(Head { id, size, len: id_width + size_width }))
}

/// A child of an element that is wholly in memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Child<'a> {
    pub(crate) id: u32,
    /// Offset of the child's head in the input.
    pub(crate) offset: u64,
    /// Offset of its payload in the input.
    pub(crate) payload: u64,
    pub(crate) data: &'a [u8],
}

impl<'a> Child<'a> {
    /// The value of a string, up to the zeros that may end it (RFC 8794, 7.4 and 13): GStreamer writes one.
    pub(crate) fn text(&self) -> &'a [u8] {
        let end = self.data.iter().position(|&byte| byte == 0).unwrap_or(self.data.len());
        self.data[..end].trim_ascii_end()
    }

    /// The value of an unsigned integer (RFC 8794, 7.2).
    pub(crate) fn uint(&self) -> Result<u64, Error> {
        uint(self.data)
            .ok_or_else(|| Reason::Malformed("an integer is longer than eight bytes").at(self.offset))
    }

    /// The value of a float (RFC 8794, 7.3): 0, 4 or 8 bytes.
    pub(crate) fn float(&self) -> Result<f64, Error> {
        match self.data.len() {
            0 => Ok(0.0),
            4 => Ok(self.data.first_chunk().map_or(0.0, |bytes| f64::from(f32::from_be_bytes(*bytes)))),
            8 => Ok(self.data.first_chunk().map_or(0.0, |bytes| f64::from_be_bytes(*bytes))),
            _ => Err(Reason::Malformed("a float has neither four nor eight bytes").at(self.offset)),
        }
    }
}

/// The value of an unsigned integer of at most eight bytes.
pub(crate) fn uint(data: &[u8]) -> Option<u64> {
    (data.len() <= 8).then(|| data.iter().fold(0, |value, &byte| value << 8 | u64::from(byte)))
}

/// The children of an element whose payload is `data`, at `offset` of the input. Ends at the first error.
pub(crate) fn children(data: &[u8], offset: u64) -> impl Iterator<Item = Result<Child<'_>, Error>> {
    let mut at = 0;
    let mut failed = false;
    std::iter::from_fn(move || {
        if failed || at >= data.len() {
            return None;
        }
        let child = child(&data[at..], offset + at as u64);
        match &child {
            Ok((_, len)) => at += len,
            Err(_) => failed = true,
        }
        Some(child.map(|(child, _)| child))
    })
}

/// Those children of an element that can be read. What is between them and begins no identifier (RFC 8794, 5: one of the
/// first four bits is set) is passed over; with a child that is torn they end.
pub(crate) fn readable(data: &[u8], offset: u64) -> impl Iterator<Item = Child<'_>> {
    const LEAST_FIRST: u8 = 0x10;
    let mut at = 0;
    std::iter::from_fn(move || {
        at += data.get(at..)?.iter().take_while(|byte| **byte < LEAST_FIRST).count();
        let (child, len) = child(data.get(at..)?, offset + at as u64).ok()?;
        at += len;
        Some(child)
    })
}

fn child(data: &[u8], offset: u64) -> Result<(Child<'_>, usize), Error> {
    let torn = || Reason::Malformed("an element is longer than the one it stands in").at(offset);
    let head = read_head(data).map_err(|reason| reason.at(offset))?.ok_or_else(torn)?;
    let unknown = || Reason::Malformed("an element that must have a size has none").at(offset);
    let size = usize::try_from(head.size.ok_or_else(unknown)?).map_err(|_| torn())?;
    let end = head.len.checked_add(size).ok_or_else(torn)?;
    let data = data.get(head.len..end).ok_or_else(torn)?;
    Ok((Child { id: head.id, offset, payload: offset + head.len as u64, data }, end))
}
