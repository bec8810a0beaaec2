//! A keyframe as a JPEG: decoded, turned, made smaller and encoded. Runs in a process of its own: see `child`.

use std::io::Cursor;

use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPDecoder;
use image::imageops::FilterType;
use image::{DynamicImage, RgbImage};
use media::codec::{h264, vp8, vp9};
use media::rotation::quarter_turns;
use media::{Codec, Track};
use rusty_h264_decoder::Decoder;

use super::planes::Planes;
use super::webp;

/// Pixels of the largest keyframe that is decoded: 3840 by 2160.
const MAX_PIXELS: u32 = 3_840 * 2_160;
/// The longer side of the poster in pixels, and its quality of 100; a larger picture is made smaller.
const USUAL: (u32, u8) = (1_280, 80);
/// The same of one for slow networks.
const SMALL: (u32, u8) = (480, 60);
/// What stands behind a slice that is decoded a second time.
const BEHIND: [u8; 16] = [0xaa; 16];

/// `None` for what is no keyframe, too large, damaged so that it shows, or in a form that is not decoded here. `small`: for slow
/// networks.
pub(super) fn from_keyframe(track: &Track, frame: &[u8], small: bool) -> Option<Vec<u8>> {
    let (longer_side, quality) = if small { SMALL } else { USUAL };
    let picture = match track.codec {
        Codec::Vp8 => from_vp8(frame)?,
        Codec::Vp9 => from_vp9(frame)?,
        Codec::H264 => from_h264(&track.config, frame)?,
        _ => return None,
    };
    let picture = in_its_shape(DynamicImage::from(picture), track);
    let picture = match picture.width().max(picture.height()) > longer_side {
        true => picture.thumbnail(longer_side, longer_side),
        false => picture,
    };
    let picture = match track.matrix.as_ref().and_then(quarter_turns) {
        Some(1) => picture.rotate270(),
        Some(2) => picture.rotate180(),
        Some(3) => picture.rotate90(),
        _ => picture,
    };
    let mut out = Vec::new();
    JpegEncoder::new_with_quality(&mut out, quality).encode_image(&picture.into_rgb8()).ok()?;
    Some(out)
}

/// The picture with square pixels.
fn in_its_shape(picture: DynamicImage, track: &Track) -> DynamicImage {
    let size = (picture.width(), picture.height());
    let (width, height) = Track { width: size.0, height: size.1, ..track.clone() }.shown_size();
    match (width, height) == size || !is_small_enough((width, height)) {
        true => picture,
        false => picture.resize_exact(width, height, FilterType::Triangle),
    }
}

fn is_small_enough((width, height): (u32, u32)) -> bool {
    width.checked_mul(height).is_some_and(|pixels| pixels <= MAX_PIXELS)
}

fn from_vp8(frame: &[u8]) -> Option<RgbImage> {
    vp8::size(frame).filter(|size| is_small_enough(*size))?;
    let decoder = WebPDecoder::new(Cursor::new(webp(frame))).ok()?;
    Some(DynamicImage::from_decoder(decoder).ok()?.into_rgb8())
}

fn from_vp9(frame: &[u8]) -> Option<RgbImage> {
    let frame = vp9::first_of_superframe(frame);
    let head = vp9::keyframe(frame).filter(|head| is_small_enough((head.width, head.height)))?;
    if head.bit_depth != 8 {
        return None;
    }
    let decoded = oxideav_vp9::decode_intra_frame(frame).ok()?;
    let narrow = |plane: Vec<u16>| plane.into_iter().map(|sample| sample.min(255) as u8).collect();
    let planes = Planes {
        width: decoded.width,
        height: decoded.height,
        luma: narrow(decoded.y),
        chroma: [narrow(decoded.u), narrow(decoded.v)],
        halved: (decoded.subsampling_x, decoded.subsampling_y),
        matrix: head.matrix(),
        full_range: head.full_range,
    };
    planes.to_rgb()
}

fn from_h264(config: &Bytes, frame: &[u8]) -> Option<RgbImage> {
    let units = h264::units_to_decode(config, frame)?;
    let said: Vec<_> = units.iter().filter_map(|unit| h264::parse_sps(unit)).collect();
    if !said.iter().all(|sps| is_small_enough((sps.width, sps.height))) {
        return None;
    }
    let ((width, height), [luma, blue, red]) = decoded_h264(&units)?;
    let (width, height) = (u32::try_from(width).ok()?, u32::try_from(height).ok()?);
    // The newest of those that say this size; a window that the decoder does not cut out makes another size.
    let sps = said.iter().rfind(|sps| (sps.width, sps.height) == (width, height))?;
    let planes = Planes {
        width,
        height,
        luma,
        chroma: [blue, red],
        halved: (true, true),
        matrix: sps.matrix,
        full_range: sps.full_range,
    };
    planes.to_rgb()
}

/// Size and planes of a picture.
type Decoded = ((usize, usize), [Vec<u8>; 3]);

/// The picture of an access unit. A slice of CABAC does not say where it ends before it is decoded, and the decoder reads
/// zeros behind one that was cut: so it is decoded again with something else there, and must give the same picture.
fn decoded_h264(units: &[&[u8]]) -> Option<Decoded> {
    let decode = |behind: &[u8]| -> Option<Decoded> {
        let picture = Decoder::new().decode(&h264::to_annex_b(units, behind)).ok()??;
        Some(((picture.width, picture.height), [picture.y, picture.u, picture.v]))
    };
    let picture = decode(&[])?;
    let is_cabac = units.iter().filter_map(|unit| h264::is_cabac(unit)).all(|is_cabac| is_cabac);
    if is_cabac && decode(&BEHIND).as_ref() != Some(&picture) {
        return None;
    }
    Some(picture)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The head of a keyframe of VP8 of this size and nothing else.
    fn head(width: u16, height: u16) -> Vec<u8> {
        let [[w0, w1], [h0, h1]] = [width.to_le_bytes(), height.to_le_bytes()];
        vec![0x90, 0x63, 0x00, 0x9d, 0x01, 0x2a, w0, w1, h0, h1]
    }

    pub(in super::super) fn track(codec: Codec) -> Track {
        Track {
            codec,
            timescale: 1_000,
            width: 640,
            height: 360,
            sample_rate: 0,
            channels: 0,
            config: Bytes::new(),
            matrix: None,
            pixel_aspect: None,
        }
    }

    #[test]
    fn what_is_damaged_or_too_large_is_no_picture() {
        for codec in [Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1, Codec::Hevc] {
            for frame in [&[][..], &head(640, 360), &head(16_383, 16_383)] {
                assert_eq!(from_keyframe(&track(codec), frame, false), None);
            }
        }
    }

    #[test]
    fn a_recovery_point_of_h264_is_a_picture_as_an_idr_is() {
        use media::container::{Event, Reader};

        let mut reader = Reader::new();
        reader.push(include_bytes!("../../../media/tests/data/h264_open_groups.mkv"));
        reader.finish();
        let (mut track, mut pictures) = (None, 0);
        while let Some(event) = reader.next().unwrap() {
            match event {
                Event::Track(found) => track = Some(found),
                Event::Frame(frame) if frame.key => {
                    assert!(
                        from_keyframe(track.as_ref().unwrap(), &frame.data, false).is_some(),
                        "{}",
                        frame.pts
                    );
                    pictures += 1;
                }
                _ => {}
            }
        }
        assert_eq!(pictures, 4);
    }
}
