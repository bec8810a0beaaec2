//! The shape of a picture's pixels: `DisplayWidth`, `DisplayHeight` and `DisplayUnit` of Matroska
//! (RFC 9559, 5.1.4.1.28.13 to 5.1.4.1.28.15), `pasp` of MP4.

use super::ebml::{self, Child, id};
use super::put;
use crate::Track;

/// `DisplayUnit`: pixels, and the last of those that say a shape (centimetres, inches, an aspect ratio).
const PIXELS: u64 = 0;
const ASPECT_RATIO: u64 = 3;
/// The longest side, in pixels or whatever the unit is, that is believed.
const LONGEST: u64 = 1 << 20;

/// Reads a `Video` element: width and height of a pixel in units of each other, where it is no square. Not where what is
/// said is absurd.
pub(crate) fn read(video: &Child<'_>) -> Option<(u32, u32)> {
    let (mut size, mut shown, mut crop, mut unit) = ([0_u64; 2], [None; 2], [0_u64; 2], PIXELS);
    for child in ebml::readable(video.data, video.payload) {
        let Ok(value) = child.uint() else { continue };
        match child.id {
            id::PIXEL_WIDTH => size[0] = value,
            id::PIXEL_HEIGHT => size[1] = value,
            id::PIXEL_CROP_LEFT | id::PIXEL_CROP_RIGHT => crop[0] = value.saturating_add(crop[0]),
            id::PIXEL_CROP_TOP | id::PIXEL_CROP_BOTTOM => crop[1] = value.saturating_add(crop[1]),
            id::DISPLAY_WIDTH => shown[0] = Some(value),
            id::DISPLAY_HEIGHT => shown[1] = Some(value),
            id::DISPLAY_UNIT => unit = value,
            _ => {}
        }
    }
    let kept = [size[0].checked_sub(crop[0])?, size[1].checked_sub(crop[1])?];
    // A side that is not said is that of the picture, but only in pixels.
    let side = |at: usize| shown[at].or((unit == PIXELS).then_some(kept[at]));
    let (shown, fits) = ([side(0)?, side(1)?], |side: &u64| (1..=LONGEST).contains(side));
    if unit > ASPECT_RATIO || !shown.iter().chain(&kept).all(fits) {
        return None;
    }
    let (width, height) = (shown[0] * kept[1], shown[1] * kept[0]);
    let divisor = greatest_divisor(width, height);
    let aspect = (u32::try_from(width / divisor).ok()?, u32::try_from(height / divisor).ok()?);
    (aspect.0 != aspect.1).then_some(aspect)
}

/// Writes how large the picture of a track is shown, where its pixels are no squares: in pixels where they are whole,
/// else as an aspect ratio.
pub(crate) fn write(out: &mut Vec<u8>, track: &Track) {
    let Some((across, down)) = track.pixel_aspect.filter(|(across, down)| *across > 0 && *down > 0) else {
        return;
    };
    let (width, height) =
        (u64::from(track.width) * u64::from(across), u64::from(track.height) * u64::from(down));
    if width % u64::from(down) == 0 {
        put::uint(out, id::DISPLAY_WIDTH, width / u64::from(down));
        put::uint(out, id::DISPLAY_HEIGHT, track.height.into());
        return;
    }
    let divisor = greatest_divisor(width, height);
    put::uint(out, id::DISPLAY_WIDTH, width / divisor);
    put::uint(out, id::DISPLAY_HEIGHT, height / divisor);
    put::uint(out, id::DISPLAY_UNIT, ASPECT_RATIO);
}

/// The greatest common divisor, at least 1.
fn greatest_divisor(mut a: u64, mut b: u64) -> u64 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::Codec;

    fn aspect(fields: &[(u32, u64)]) -> Option<(u32, u32)> {
        let mut data = Vec::new();
        for &(id, value) in fields {
            put::uint(&mut data, id, value);
        }
        read(&Child { id: id::VIDEO, offset: 0, payload: 0, data: &data })
    }

    const SIZE: [(u32, u64); 2] = [(id::PIXEL_WIDTH, 320), (id::PIXEL_HEIGHT, 180)];

    #[test]
    fn the_shape_of_a_pixel_is_read_in_every_unit() {
        let with = |more: &[(u32, u64)]| aspect(&[&SIZE, more].concat());
        assert_eq!(with(&[]), None);
        assert_eq!(with(&[(id::DISPLAY_WIDTH, 427)]), Some((427, 320)));
        assert_eq!(with(&[(id::DISPLAY_WIDTH, 320), (id::DISPLAY_HEIGHT, 180)]), None);
        let unit = |unit| [(id::DISPLAY_WIDTH, 64), (id::DISPLAY_HEIGHT, 27), (id::DISPLAY_UNIT, unit)];
        assert_eq!(
            [1, 2, 3, 4].map(|kind| with(&unit(kind))),
            [Some((4, 3)), Some((4, 3)), Some((4, 3)), None]
        );
        assert_eq!(with(&[(id::DISPLAY_WIDTH, 16), (id::DISPLAY_HEIGHT, 9), (id::DISPLAY_UNIT, 3)]), None);
        let cropped = [(id::PIXEL_CROP_LEFT, 20), (id::PIXEL_CROP_RIGHT, 20), (id::DISPLAY_WIDTH, 560)];
        assert_eq!(with(&cropped), Some((2, 1)));
        for absurd in [(id::DISPLAY_WIDTH, 0), (id::DISPLAY_WIDTH, u64::MAX), (id::PIXEL_CROP_LEFT, 320)] {
            assert_eq!(with(&[absurd]), None, "{absurd:?}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for pixel_aspect in [None, Some((427, 320)), Some((4, 3)), Some((3, 4)), Some((1, 7)), Some((64, 45))]
        {
            let track = Track {
                codec: Codec::Vp8,
                timescale: 1_000,
                width: 320,
                height: 180,
                sample_rate: 0,
                channels: 0,
                config: Bytes::new(),
                matrix: None,
                pixel_aspect,
            };
            let mut data = Vec::new();
            SIZE.iter().for_each(|&(id, value)| put::uint(&mut data, id, value));
            write(&mut data, &track);
            let video = Child { id: id::VIDEO, offset: 0, payload: 0, data: &data };
            assert_eq!(read(&video), pixel_aspect);
        }
    }
}
