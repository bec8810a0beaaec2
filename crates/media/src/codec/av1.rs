//! AV1: its open bitstream units, the sequence header, and the `av1C` record made from it.
//!
//! "AV1 Bitstream & Decoding Process Specification" 5.3 to 5.9; "AV1 Codec ISO Media File Format Binding" 2.3.

use std::borrow::Cow;
use std::ops::Range;

use super::bits::Bits;

const SEQUENCE_HEADER: u8 = 1;
const TEMPORAL_DELIMITER: u8 = 2;
const FRAME_HEADER: u8 = 3;
const FRAME: u8 = 6;

/// One open bitstream unit: its type, and where it and its payload lie.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Unit {
    kind: u8,
    whole: Range<usize>,
    payload: Range<usize>,
}

/// Walks the units of a temporal unit; ends before a unit that does not fit.
fn units(data: &[u8]) -> impl Iterator<Item = Unit> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let unit = unit(data, start)?;
        start = unit.whole.end;
        Some(unit)
    })
}

/// The unit at `start` (5.3.1, 5.3.2).
fn unit(data: &[u8], start: usize) -> Option<Unit> {
    let header = *data.get(start)?;
    if header & 0x80 != 0 {
        return None;
    }
    let mut at = start + 1 + usize::from(header >> 2 & 1);
    let size = if header & 2 != 0 {
        let (size, width) = leb128(data.get(at..)?)?;
        at += width;
        size
    } else {
        data.len().checked_sub(at)?
    };
    let end = at.checked_add(size).filter(|&end| end <= data.len())?;
    Some(Unit { kind: header >> 3 & 15, whole: start..end, payload: at..end })
}

/// A little-endian number in base 128 and its width (4.10.5).
fn leb128(data: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0_u64;
    for (index, byte) in data.iter().take(8).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let value = u32::try_from(value).ok()?;
            return Some((usize::try_from(value).ok()?, index + 1));
        }
    }
    None
}

/// The temporal unit without its temporal delimiters, as MP4 stores it (binding, 2.4); as it came where it has none.
#[must_use]
pub fn without_delimiters(data: &[u8]) -> Cow<'_, [u8]> {
    // By far the most common: one delimiter, in front.
    if let Some(rest) = data.strip_prefix(&[0x12, 0x00])
        && units(rest).all(|unit| unit.kind != TEMPORAL_DELIMITER)
    {
        return Cow::Borrowed(rest);
    }
    if units(data).all(|unit| unit.kind != TEMPORAL_DELIMITER) {
        return Cow::Borrowed(data);
    }
    let mut kept = Vec::with_capacity(data.len());
    let mut end = 0;
    for unit in units(data) {
        end = unit.whole.end;
        if unit.kind != TEMPORAL_DELIMITER {
            kept.extend_from_slice(&data[unit.whole]);
        }
    }
    kept.extend_from_slice(&data[end..]);
    Cow::Owned(kept)
}

/// The sequence header that a temporal unit carries, where it starts with a keyframe that is shown: a place where
/// decoding may start. `None` for every other temporal unit and for bytes that are none.
#[must_use]
pub fn keyframe(data: &[u8]) -> Option<Sequence> {
    let mut sequence = None;
    for unit in units(data) {
        match unit.kind {
            SEQUENCE_HEADER => sequence = Sequence::read(&data[unit.payload]),
            FRAME_HEADER | FRAME => {
                let sequence = sequence?;
                let mut bits = Bits::new(&data[unit.payload]);
                // show_existing_frame, frame_type of two bits (0: KEY_FRAME), show_frame (5.9.2)
                let shown_key = sequence.still || bits.take(4)? == 1;
                return shown_key.then_some(sequence);
            }
            _ => {}
        }
    }
    None
}

/// What a sequence header says (5.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    /// `seq_profile`: 0 main, 1 high, 2 professional.
    pub profile: u8,
    /// `seq_level_idx` of the first operating point: 8 is level 4.0.
    pub level: u8,
    /// Whether the first operating point is of the high tier.
    pub high_tier: bool,
    /// Bits for each sample: 8, 10 or 12.
    pub bit_depth: u8,
    /// Whether there is no chroma.
    pub monochrome: bool,
    /// Whether chroma is halved horizontally and vertically.
    pub subsampling: (bool, bool),
    /// `chroma_sample_position`.
    pub chroma_position: u8,
    /// Largest width in pixels.
    pub width: u32,
    /// Largest height in pixels.
    pub height: u32,
    /// `reduced_still_picture_header`: every frame is a keyframe, and its header does not say so.
    still: bool,
    /// The payload of the unit.
    payload: Vec<u8>,
}

impl Sequence {
    /// Reads the payload of a sequence header unit; `None` where it breaks off or contradicts itself.
    #[must_use]
    pub fn read(payload: &[u8]) -> Option<Self> {
        let mut bits = Bits::new(payload);
        let profile = bits.take(3)? as u8;
        bits.flag()?; // still_picture
        let still = bits.flag()?;
        let (level, high_tier) =
            if still { (bits.take(5)? as u8, false) } else { operating_points(&mut bits)? };
        let width_bits = bits.take(4)? + 1;
        let height_bits = bits.take(4)? + 1;
        let width = bits.take(width_bits)? + 1;
        let height = bits.take(height_bits)? + 1;
        skip_tools(&mut bits, still)?;
        let color = Color::read(&mut bits, profile)?;
        Some(Self {
            profile,
            level,
            high_tier,
            bit_depth: color.bit_depth,
            monochrome: color.monochrome,
            subsampling: color.subsampling,
            chroma_position: color.chroma_position,
            width,
            height,
            still,
            payload: payload.to_vec(),
        })
    }

    /// The payload of the `av1C` box, with the sequence header in it (binding, 2.3.3).
    #[must_use]
    pub fn config(&self) -> Vec<u8> {
        let flags = u8::from(self.high_tier) << 7
            | u8::from(self.bit_depth > 8) << 6
            | u8::from(self.bit_depth == 12) << 5
            | u8::from(self.monochrome) << 4
            | u8::from(self.subsampling.0) << 3
            | u8::from(self.subsampling.1) << 2
            | self.chroma_position;
        let mut out = vec![0x81, self.profile << 5 | self.level, flags, 0];
        out.push(SEQUENCE_HEADER << 3 | 2);
        let mut size = self.payload.len();
        while size > 0x7f {
            out.push(size as u8 | 0x80);
            size >>= 7;
        }
        out.push(size as u8);
        out.extend(&self.payload);
        out
    }
}

/// Timing and operating points (5.5.1); answers level and tier of the first.
fn operating_points(bits: &mut Bits<'_>) -> Option<(u8, bool)> {
    let mut delay_bits = None;
    if bits.flag()? {
        bits.take(32)?;
        bits.take(32)?;
        if bits.flag()? {
            bits.ue()?;
        }
        if bits.flag()? {
            delay_bits = Some(bits.take(5)? + 1);
            bits.take(32)?;
            bits.take(10)?;
        }
    }
    let display_delays = bits.flag()?;
    let count = bits.take(5)? + 1;
    let mut first = None;
    for _ in 0..count {
        bits.take(12)?;
        let level = bits.take(5)? as u8;
        let high_tier = level > 7 && bits.flag()?;
        first.get_or_insert((level, high_tier));
        if let Some(width) = delay_bits
            && bits.flag()?
        {
            bits.take(width)?;
            bits.take(width)?;
            bits.flag()?;
        }
        if display_delays && bits.flag()? {
            bits.take(4)?;
        }
    }
    first
}

/// The coding tools between the picture's size and its colours (5.5.1).
fn skip_tools(bits: &mut Bits<'_>, still: bool) -> Option<()> {
    if !still && bits.flag()? {
        bits.take(7)?;
    }
    bits.take(3)?;
    if !still {
        bits.take(4)?;
        let order_hint = bits.flag()?;
        if order_hint {
            bits.take(2)?;
        }
        let choose_screen_content = bits.flag()?;
        let screen_content = choose_screen_content || bits.flag()?;
        if screen_content {
            let choose_integer_motion = bits.flag()?;
            if !choose_integer_motion {
                bits.flag()?;
            }
        }
        if order_hint {
            bits.take(3)?;
        }
    }
    bits.take(3)?;
    Some(())
}

/// `color_config` (5.5.2).
struct Color {
    bit_depth: u8,
    monochrome: bool,
    subsampling: (bool, bool),
    chroma_position: u8,
}

impl Color {
    fn read(bits: &mut Bits<'_>, profile: u8) -> Option<Self> {
        let high = bits.flag()?;
        let twelve = profile == 2 && high && bits.flag()?;
        let bit_depth = match (high, twelve) {
            (false, _) => 8,
            (true, false) => 10,
            (true, true) => 12,
        };
        let monochrome = profile != 1 && bits.flag()?;
        let description = if bits.flag()? { bits.take(24)? } else { 0x02_0202 };
        if monochrome {
            bits.flag()?;
            return Some(Self { bit_depth, monochrome, subsampling: (true, true), chroma_position: 0 });
        }
        // BT.709 primaries, sRGB transfer, identity matrix: RGB.
        if description == 0x01_0d00 {
            return Some(Self { bit_depth, monochrome, subsampling: (false, false), chroma_position: 0 });
        }
        bits.flag()?;
        let subsampling = match (profile, bit_depth) {
            (0, _) => (true, true),
            (1, _) => (false, false),
            (_, 12) => {
                let horizontal = bits.flag()?;
                (horizontal, horizontal && bits.flag()?)
            }
            _ => (true, false),
        };
        let chroma_position = if subsampling == (true, true) { bits.take(2)? as u8 } else { 0 };
        Some(Self { bit_depth, monochrome, subsampling, chroma_position })
    }
}

/// The RFC 6381 string for the payload of an `av1C` box: `av01.0.04M.08`.
#[must_use]
pub fn string(config: &[u8]) -> String {
    let Some(&[_, profile_level, flags]) = config.first_chunk() else {
        return "av01.0.04M.08".into();
    };
    let tier = if flags & 0x80 != 0 { 'H' } else { 'M' };
    let bit_depth = match (flags & 0x40 != 0, flags & 0x20 != 0) {
        (false, _) => 8,
        (true, false) => 10,
        (true, true) => 12,
    };
    format!("av01.{}.{:02}{tier}.{bit_depth:02}", profile_level >> 5, profile_level & 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The start of a Chromium recording: delimiter, sequence header, the first bytes of a frame.
    const KEY: [u8; 21] = [
        0x12, 0x00, 0x0a, 0x0d, 0x00, 0x00, 0x00, 0x24, 0xc4, 0xff, 0xdf, 0x00, 0x68, 0x83, 0x03, 0x03, 0x02,
        0x32, 0x02, 0x10, 0x00,
    ];

    #[test]
    fn a_chromium_keyframe_gives_size_and_config() {
        let sequence = keyframe(&KEY).unwrap();
        assert_eq!((sequence.width, sequence.height, sequence.profile, sequence.bit_depth), (640, 480, 0, 8));
        let config = sequence.config();
        assert_eq!(config[..4], [0x81, sequence.level, 0x0c | sequence.chroma_position, 0]);
        assert_eq!(config[4..], KEY[2..17]);
        assert!(string(&config).starts_with("av01.0."));
    }

    #[test]
    fn temporal_delimiters_are_taken_out_and_nothing_else() {
        assert_eq!(*without_delimiters(&KEY), KEY[2..]);
        assert_eq!(*without_delimiters(&KEY[2..]), KEY[2..]);
        let twice = [&KEY[..], &KEY[..]].concat();
        assert_eq!(*without_delimiters(&twice), [&KEY[2..], &KEY[2..]].concat());
        assert_eq!(*without_delimiters(&[0x12, 0x00, 0x32, 0x7f, 1]), [0x32, 0x7f, 1]);
    }

    #[test]
    fn other_frames_and_torn_units_are_no_keyframes() {
        assert_eq!(keyframe(&[0x12, 0x00, 0x32, 0x02, 0x30, 0x00]), None);
        for end in 0..KEY.len() - 3 {
            assert_eq!(keyframe(&KEY[..end]), None);
        }
    }
}
