//! VP8 (RFC 6386): what its frame header says in clear.

/// Whether a frame is a keyframe: the first bit of the frame tag (RFC 6386, 9.1).
#[must_use]
pub fn is_key(frame: &[u8]) -> bool {
    size(frame).is_some()
}

/// Width and height in pixels of a keyframe; `None` for every other frame and for bytes that are no frame
/// (RFC 6386, 9.1: start code `9d 01 2a`, two 14-bit sizes with the scaling in their upper bits).
#[must_use]
pub fn size(frame: &[u8]) -> Option<(u32, u32)> {
    let header: &[u8; 10] = frame.first_chunk()?;
    let [tag, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1] = *header else {
        return None;
    };
    let width = u32::from(u16::from_le_bytes([w0, w1]) & 0x3fff);
    let height = u32::from(u16::from_le_bytes([h0, h1]) & 0x3fff);
    (tag & 1 == 0 && width > 0 && height > 0).then_some((width, height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyframe_tells_its_size_and_other_frames_do_not() {
        let key = [0x90, 0x63, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01];
        assert_eq!(size(&key), Some((640, 480)));
        assert!(is_key(&key));
        assert!(!is_key(&[0xf1, 0x1c, 0x00, 0x2c, 0x11, 0xc0, 0x00, 0x1e, 0xae, 0x46]));
    }

    #[test]
    fn a_torn_or_empty_frame_is_no_keyframe() {
        assert!(!is_key(&[]));
        assert!(!is_key(&[0x90, 0x63, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0]));
        assert!(!is_key(&[0x90, 0x63, 0x00, 0x9d, 0x01, 0x2a, 0x00, 0x00, 0xe0, 0x01]));
    }
}
