//! A VP8 keyframe as a JPEG, decoded and encoded again within limits.

use std::io::Cursor;

use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPDecoder;
use image::{DynamicImage, ImageDecoder, Limits};
use media::codec::vp8;

use super::webp;

/// Pixels of the largest keyframe that is decoded: 2560 by 1600, 12 MB when it is. This bounds the time too.
const MAX_PIXELS: u32 = 2_560 * 1_600;
/// Memory for decoding, in bytes.
const MAX_MEMORY: u64 = 64 << 20;
/// The longer side of the poster in pixels; a larger picture is made smaller.
const LONGER_SIDE: u32 = 1_280;
/// Of 100.
const QUALITY: u8 = 80;

/// `None` for what is no keyframe, too large, or damaged.
pub(super) fn from_vp8(frame: &[u8]) -> Option<Bytes> {
    let (width, height) = vp8::size(frame)?;
    if width.checked_mul(height)? > MAX_PIXELS {
        return None;
    }
    let mut decoder = WebPDecoder::new(Cursor::new(webp(frame))).ok()?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_MEMORY);
    decoder.set_limits(limits).ok()?;
    let picture = DynamicImage::from_decoder(decoder).ok()?;
    let picture = match width.max(height) > LONGER_SIDE {
        true => picture.thumbnail(LONGER_SIDE, LONGER_SIDE),
        false => picture,
    };
    let mut out = Vec::new();
    JpegEncoder::new_with_quality(&mut out, QUALITY).encode_image(&picture.into_rgb8()).ok()?;
    Some(out.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The head of a keyframe of this size and nothing else.
    fn head(width: u16, height: u16) -> Vec<u8> {
        let [[w0, w1], [h0, h1]] = [width.to_le_bytes(), height.to_le_bytes()];
        vec![0x90, 0x63, 0x00, 0x9d, 0x01, 0x2a, w0, w1, h0, h1]
    }

    #[test]
    fn what_is_damaged_or_too_large_is_no_picture() {
        assert_eq!(from_vp8(&[]), None);
        assert_eq!(from_vp8(&head(640, 360)), None);
        assert_eq!(from_vp8(&head(16_383, 16_383)), None);
        let noise: Vec<u8> = (0..4_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        // Noise may be a picture; it must not take the process down.
        let _ = from_vp8(&[head(640, 360), noise].concat());
    }
}
