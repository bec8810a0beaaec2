//! The first bytes of a recording: what says which tracks there are, before any frame.

use super::EBML;
use super::mp4::read::box_header;
use super::webm::ebml::{id, read_head};

/// How many of the first bytes of a recording come before its first cluster (RFC 9559, 5.1.3), or before its media and its
/// first fragment (ISO/IEC 14496-12, 8.1.1 and 8.8.4). Where none is among these bytes: all of them. With them in front, a
/// part of the same recording can be read by itself.
#[must_use]
pub fn head_len(bytes: &[u8]) -> usize {
    if bytes.starts_with(&EBML) { webm(bytes) } else { mp4(bytes) }
}

fn webm(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(Ok(Some(head))) = bytes.get(at..).map(read_head) {
        let len = match (head.id, head.size) {
            (id::CLUSTER, _) => return at,
            (id::SEGMENT, _) => head.len,
            (_, Some(size)) => usize::try_from(size).unwrap_or(usize::MAX).saturating_add(head.len),
            (_, None) => break,
        };
        at = at.saturating_add(len);
    }
    bytes.len()
}

fn mp4(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(header) = bytes.get(at..).and_then(box_header) {
        if matches!(&header.kind, b"moof" | b"mdat") {
            return at;
        }
        let size = usize::try_from(header.size).unwrap_or(usize::MAX);
        if size < header.len.into() {
            break;
        }
        at = at.saturating_add(size);
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_where_the_media_begins() {
        let webm = [
            0x1A, 0x45, 0xDF, 0xA3, 0x81, 0, 0x18, 0x53, 0x80, 0x67, 0xFF, 0xEC, 0x81, 0, 0x1F, 0x43, 0xB6,
            0x75, 0xFF,
        ];
        assert_eq!(head_len(&webm), 14);
        assert_eq!(head_len(&webm[..13]), 13);
        let mp4 = b"\0\0\0\x08ftyp\0\0\0\x09moov.\0\0\0\x08moof";
        assert_eq!(head_len(mp4), 17);
        assert_eq!(head_len(&mp4[..12]), 12);
        assert_eq!(head_len(b""), 0);
    }
}
