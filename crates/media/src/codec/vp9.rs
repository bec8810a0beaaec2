//! VP9: its uncompressed header, and the `vpcC` record made from it.
//!
//! "VP9 Bitstream & Decoding Process Specification" 6.2 for the header, annex A for levels; "VP Codec ISO Media File
//! Format Binding" for `vpcC` and the codec string.

use super::bits::Bits;

/// What the header of a keyframe says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keyframe {
    /// Profile, 0 to 3.
    pub profile: u8,
    /// Bits for each sample: 8, 10 or 12.
    pub bit_depth: u8,
    /// `color_space` (7.2.2): 2 is BT.709, 7 is RGB.
    pub color_space: u8,
    /// Whether samples use the full range.
    pub full_range: bool,
    /// Whether chroma is halved horizontally and vertically.
    pub subsampling: (bool, bool),
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// Reads the header of a keyframe; `None` for every other frame (a shown existing frame and an intra-only frame too)
/// and for bytes that are no frame. Of a superframe the first frame counts: it stands first in the bytes.
#[must_use]
pub fn keyframe(frame: &[u8]) -> Option<Keyframe> {
    let mut bits = Bits::new(frame);
    if bits.take(2)? != 2 {
        return None;
    }
    let low = bits.take(1)? as u8;
    let profile = (bits.take(1)? as u8) << 1 | low;
    if profile == 3 && bits.flag()? {
        return None;
    }
    let show_existing = bits.flag()?;
    if show_existing || bits.flag()? {
        return None;
    }
    bits.take(2)?; // show_frame, error_resilient_mode
    if bits.take(24)? != 0x49_8342 {
        return None;
    }
    let bit_depth = match (profile >= 2, profile >= 2 && bits.flag()?) {
        (false, _) => 8,
        (true, false) => 10,
        (true, true) => 12,
    };
    let color_space = bits.take(3)? as u8;
    let odd_profile = profile & 1 == 1;
    let (full_range, subsampling) = if color_space == 7 {
        bits.take(u32::from(odd_profile))?;
        (true, (false, false))
    } else {
        let full_range = bits.flag()?;
        let subsampling = if odd_profile {
            let halves = (bits.flag()?, bits.flag()?);
            bits.flag()?;
            halves
        } else {
            (true, true)
        };
        (full_range, subsampling)
    };
    let width = bits.take(16)? + 1;
    let height = bits.take(16)? + 1;
    Some(Keyframe { profile, bit_depth, color_space, full_range, subsampling, width, height })
}

/// The first frame of a superframe, or the frame itself where it is none ("VP9 Bitstream" annex B).
#[must_use]
pub fn first_of_superframe(frame: &[u8]) -> &[u8] {
    first_by_index(frame).unwrap_or(frame)
}

fn first_by_index(frame: &[u8]) -> Option<&[u8]> {
    let marker = *frame.last()?;
    if marker & 0xe0 != 0xc0 {
        return None;
    }
    let (width, count) = (usize::from(marker >> 3 & 3) + 1, usize::from(marker & 7) + 1);
    let index = frame.get(frame.len().checked_sub(2 + width * count)?..)?;
    if index[0] != marker {
        return None;
    }
    let size = index[1..=width].iter().rev().fold(0, |size, byte| size << 8 | usize::from(*byte));
    frame.get(..size).filter(|first| !first.is_empty())
}

/// Level, largest picture in samples, largest samples a second, largest side (annex A).
const LEVELS: [(u8, u64, u64, u32); 11] = [
    (10, 36_864, 829_440, 512),
    (11, 73_728, 2_764_800, 768),
    (20, 122_880, 4_608_000, 960),
    (21, 245_760, 9_216_000, 1_344),
    (30, 552_960, 20_736_000, 2_048),
    (31, 983_040, 36_864_000, 2_752),
    (40, 2_228_224, 83_558_400, 4_160),
    (50, 8_912_896, 311_951_360, 8_384),
    (60, 35_651_584, 1_176_502_272, 16_832),
    (61, 35_651_584, 2_353_004_544, 16_832),
    (62, 35_651_584, 4_706_009_088, 16_832),
];

impl Keyframe {
    /// The lowest level that holds this picture 30 times a second. The stream does not say its level, and level 0 is
    /// refused by Chromium.
    #[must_use]
    pub fn level(&self) -> u8 {
        let picture = u64::from(self.width) * u64::from(self.height);
        let side = self.width.max(self.height);
        LEVELS
            .iter()
            .find(|&&(_, pictures, rate, sides)| picture <= pictures && picture * 30 <= rate && side <= sides)
            .map_or(62, |&(level, ..)| level)
    }

    /// The colours in the numbers of ISO/IEC 23091-2: primaries, transfer, matrix; 2 each where the stream does not say.
    fn colours(&self) -> (u8, u8, u8) {
        match (self.color_space, self.bit_depth) {
            (1, _) => (5, 6, 5),
            (2, _) => (1, 1, 1),
            (3, _) => (6, 6, 6),
            (4, _) => (7, 7, 7),
            (5, 12) => (9, 15, 9),
            (5, _) => (9, 14, 9),
            (7, _) => (1, 13, 0),
            _ => (2, 2, 2),
        }
    }

    /// `matrix_coefficients` (ISO/IEC 23091-2, 8.3): 1 is BT.709, 2 is that the stream does not say.
    #[must_use]
    pub fn matrix(&self) -> u8 {
        self.colours().2
    }

    /// The payload of the `vpcC` box.
    #[must_use]
    pub fn config(&self) -> Vec<u8> {
        let chroma = match self.subsampling {
            (true, true) => 1,
            (true, false) => 2,
            _ => 3,
        };
        let (primaries, transfer, matrix) = self.colours();
        let depth = self.bit_depth << 4 | chroma << 1 | u8::from(self.full_range);
        vec![1, 0, 0, 0, self.profile, self.level(), depth, primaries, transfer, matrix, 0, 0]
    }
}

/// The RFC 6381 string for the payload of a `vpcC` box: `vp09.00.30.08`. The optional fields follow where the picture
/// is not 4:2:0 (all of them or none, says the binding).
#[must_use]
pub fn string(config: &[u8]) -> String {
    let Some(&[_, _, _, _, profile, level, depth, primaries, transfer, matrix]) = config.first_chunk() else {
        return "vp09.00.10.08".into();
    };
    let short = format!("vp09.{profile:02}.{level:02}.{:02}", depth >> 4);
    let chroma = depth >> 1 & 7;
    if chroma <= 1 {
        return short;
    }
    format!("{short}.{chroma:02}.{primaries:02}.{transfer:02}.{matrix:02}.{:02}", depth & 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_superframe_begins_with_its_first_frame() {
        let index = [0xc9, 3, 0, 2, 0, 0xc9];
        let frame = [&[1, 2, 3, 4, 5][..], &index].concat();
        assert_eq!(first_of_superframe(&frame), [1, 2, 3]);
        for other in [&[][..], &[1, 2, 3], &index[1..], &[0xc9], &[7, 0xc9, 9, 0, 2, 0, 0xc9]] {
            assert_eq!(first_of_superframe(other), other);
        }
    }

    #[test]
    fn a_chromium_keyframe_gives_a_real_level() {
        let key = keyframe(&[0x82, 0x49, 0x83, 0x42, 0x60, 0x27, 0xf0, 0x1d, 0xf6, 0x44]).unwrap();
        assert_eq!((key.width, key.height, key.profile, key.bit_depth), (640, 480, 0, 8));
        assert_eq!(string(&key.config()), "vp09.00.30.08");
    }

    #[test]
    fn other_frames_and_torn_headers_are_no_keyframes() {
        assert_eq!(keyframe(&[0x86, 0x00, 0x40, 0x92, 0x73, 0xf1, 0x74, 0x04, 0x00, 0x40]), None);
        assert_eq!(keyframe(&[0x88]), None);
        assert_eq!(keyframe(&[0x82, 0x49, 0x83, 0x42, 0x60, 0x27, 0xf0]), None);
        assert_eq!(keyframe(&[]), None);
    }

    #[test]
    fn levels_grow_with_the_picture() {
        let at = |width, height| {
            Keyframe {
                profile: 0,
                bit_depth: 8,
                color_space: 0,
                full_range: false,
                subsampling: (true, true),
                width,
                height,
            }
            .level()
        };
        assert_eq!([at(160, 120), at(640, 360), at(1280, 720), at(720, 1280)], [10, 21, 31, 31]);
        assert_eq!([at(1920, 1080), at(3840, 2160), at(65_536, 65_536)], [40, 50, 62]);
    }

    #[test]
    fn a_picture_that_is_not_4_2_0_says_so_in_its_string() {
        let key = Keyframe {
            profile: 1,
            bit_depth: 8,
            color_space: 2,
            full_range: false,
            subsampling: (false, false),
            width: 640,
            height: 480,
        };
        assert_eq!(string(&key.config()), "vp09.01.30.08.03.01.01.01.00");
    }
}
