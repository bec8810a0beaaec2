//! H.264 (ISO/IEC 14496-10) as bodies hold it: NAL units behind lengths of four bytes, no access unit delimiters,
//! parameter sets in band where their encoder put them, and in an `avcC` record (ISO/IEC 14496-15, 5.3.3).

use bytes::Bytes;

use super::bits::Bits;
use super::nal;

const SLICE: u8 = 1;
const IDR: u8 = 5;
const SEI: u8 = 6;
const SPS: u8 = 7;
const PPS: u8 = 8;

/// Its NAL units (ISO/IEC 14496-10, table 7-1): decoding may start at slices of an IDR picture.
pub const SYNTAX: nal::Syntax = nal::Syntax {
    unit_type: |first| first & 0x1f,
    delimiter: 9,
    key: (IDR, IDR),
    slices: (SLICE, IDR),
    sets: (SPS, PPS),
    sei: SEI,
    header: 1,
    is_intra,
    sizes_at: 4,
};

/// Sequence parameter sets that a record can hold (five bits).
const MOST_SPS: usize = 31;
/// Picture parameter sets that a record can hold (eight bits).
const MOST_PPS: usize = 255;
/// Frames that reordering may hold back at most (ISO/IEC 14496-10, A.3.1: `MaxDpbFrames`).
const MOST_REORDERED: u8 = 16;

/// What a sequence parameter set says (ISO/IEC 14496-10, 7.3.2.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sps {
    /// `profile_idc`: 66 baseline, 77 main, 100 high.
    pub profile: u8,
    /// The `constraint_set` flags, first flag in the highest bit.
    pub constraints: u8,
    /// `level_idc`: 31 is level 3.1.
    pub level: u8,
    /// Width in pixels, cropped.
    pub width: u32,
    /// Height in pixels, cropped.
    pub height: u32,
    /// Frames that may come before one that is shown earlier: 0 without B-frames, at most 16.
    pub reorder: u8,
    /// `chroma_format_idc`: 1 is 4:2:0.
    pub chroma_format: u8,
    /// Bits of a luma sample.
    pub luma_depth: u8,
    /// Bits of a chroma sample.
    pub chroma_depth: u8,
    /// `video_full_range_flag`: whether samples use the full range.
    pub full_range: bool,
    /// `matrix_coefficients` (ISO/IEC 23091-2, 8.3): 1 is BT.709, 2 is that the stream does not say.
    pub matrix: u8,
}

/// `matrix_coefficients` of a stream that does not say them.
const UNSAID_MATRIX: u8 = 2;

impl Sps {
    /// Whether a decoder goes on through a change from `other` to this in one track: same profile, size and samples.
    #[must_use]
    pub fn continues(&self, other: &Self) -> bool {
        (self.profile, self.width, self.height) == (other.profile, other.width, other.height)
            && (self.chroma_format, self.luma_depth, self.chroma_depth)
                == (other.chroma_format, other.luma_depth, other.chroma_depth)
    }
}

/// The first sequence parameter set of an `avcC` record.
#[must_use]
pub fn sps_in_config(config: &[u8]) -> Option<Sps> {
    let mut rest = config.get(6..)?;
    if config[5] & 0x1f == 0 {
        return None;
    }
    parse_sps(nal::take_parameter_set(&mut rest)?)
}

/// The `avcC` payload for the parameter sets in a frame with lengths of four bytes; `None` without them.
#[must_use]
pub fn config_in_frame(frame: &[u8]) -> Option<Bytes> {
    config_from_units(&nal::split(frame, 4).collect::<Option<Vec<_>>>()?)
}

/// `AVCDecoderConfigurationRecord` (ISO/IEC 14496-15, 5.3.3.1.2), lengths of four bytes.
pub(super) fn config_from_units(units: &[&[u8]]) -> Option<Bytes> {
    let of_type = |wanted| {
        let mut sets: Vec<&[u8]> = Vec::new();
        for unit in units.iter().filter(|unit| SYNTAX.type_of(unit) == wanted) {
            if !sets.contains(unit) {
                sets.push(unit);
            }
        }
        sets
    };
    let (sps, pps) = (of_type(SPS), of_type(PPS));
    let first = parse_sps(sps.first()?)?;
    if pps.is_empty() || sps.len() > MOST_SPS || pps.len() > MOST_PPS {
        return None;
    }
    let mut record = vec![1, first.profile, first.constraints, first.level, 0xff, 0xe0 | sps.len() as u8];
    for set in sps {
        nal::put_parameter_set(&mut record, set)?;
    }
    record.push(pps.len() as u8);
    for set in pps {
        nal::put_parameter_set(&mut record, set)?;
    }
    if matches!(first.profile, 100 | 110 | 122 | 144) {
        record.extend([
            0xfc | first.chroma_format,
            0xf8 | (first.luma_depth - 8),
            0xf8 | (first.chroma_depth - 8),
            0,
        ]);
    }
    Some(record.into())
}

/// Whether a slice is one of intra macroblocks alone: its `slice_type` (ISO/IEC 14496-10, 7.3.3 and table 7-6).
fn is_intra(unit: &[u8]) -> bool {
    // Two numbers stand before anything else, and no emulation prevention is in numbers this short.
    let mut bits = Bits::new(unit.get(1..).unwrap_or_default());
    let kind = bits.ue().and_then(|_first_macroblock| bits.ue());
    kind.is_some_and(|kind| matches!(kind % 5, 2 | 4))
}

/// What a decoder must be given for a keyframe with lengths of four bytes: the parameter sets of its record, then its own
/// and the slices of its picture, in order: those of an IDR picture, or of a recovery point. `None` where a length goes past
/// the end.
#[must_use]
pub fn units_to_decode<'a>(config: &'a [u8], frame: &'a [u8]) -> Option<Vec<&'a [u8]>> {
    let mut units = sets_in_config(config)?;
    for unit in nal::split(frame, 4) {
        let unit = unit?;
        if matches!(SYNTAX.type_of(unit), SPS | PPS | IDR | SLICE) {
            units.push(unit);
        }
    }
    Some(units)
}

/// The parameter sets of an `avcC` record; none of an empty one. `None` where it is damaged.
pub(super) fn sets_in_config(config: &[u8]) -> Option<Vec<&[u8]>> {
    if config.is_empty() {
        return Some(Vec::new());
    }
    let (head, mut rest) = config.split_at_checked(6)?;
    let mut sets = Vec::new();
    for _ in 0..head[5] & 0x1f {
        sets.push(nal::take_parameter_set(&mut rest)?);
    }
    let (count, mut rest) = rest.split_first()?;
    for _ in 0..*count {
        sets.push(nal::take_parameter_set(&mut rest)?);
    }
    Some(sets)
}

/// Units between start codes (ISO/IEC 14496-10, annex B), each slice followed by `behind`.
#[must_use]
pub fn to_annex_b(units: &[&[u8]], behind: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(units.iter().map(|unit| unit.len() + behind.len() + 4).sum());
    for unit in units {
        out.extend([0, 0, 0, 1]);
        out.extend_from_slice(unit);
        if matches!(SYNTAX.type_of(unit), IDR | SLICE) {
            out.extend_from_slice(behind);
        }
    }
    out
}

/// `entropy_coding_mode_flag` of a picture parameter set (ISO/IEC 14496-10, 7.3.2.2): whether slices are coded by CABAC.
/// `None` for every other unit.
#[must_use]
pub fn is_cabac(unit: &[u8]) -> Option<bool> {
    if SYNTAX.type_of(unit) != PPS {
        return None;
    }
    let payload = nal::unescape(unit.get(1..)?);
    let mut bits = Bits::new(&payload);
    bits.ue()?;
    bits.ue()?;
    bits.flag()
}

/// The RFC 6381 string of an `avcC` record: `avc1.64001f`.
#[must_use]
pub fn string(config: &[u8]) -> String {
    match config {
        [_, profile, constraints, level, ..] => format!("avc1.{profile:02x}{constraints:02x}{level:02x}"),
        _ => "avc1".into(),
    }
}

/// Reads a sequence parameter set NAL unit (ISO/IEC 14496-10, 7.3.2.1.1); `None` where it is damaged or describes
/// a picture of no or of absurd size.
#[must_use]
pub fn parse_sps(unit: &[u8]) -> Option<Sps> {
    if SYNTAX.type_of(unit) != SPS {
        return None;
    }
    let payload = nal::unescape(unit.get(1..)?);
    let mut bits = Bits::new(&payload);
    let profile = bits.take(8)? as u8;
    let constraints = bits.take(8)? as u8;
    let level = bits.take(8)? as u8;
    bits.ue()?;
    let chroma = parse_chroma(&mut bits, profile)?;
    bits.ue()?;
    let order_type = parse_picture_order(&mut bits)?;
    let most_references = bits.ue()?;
    bits.flag()?;
    let (width, height) = parse_size(&mut bits, chroma)?;
    let mut vui = Vui { full_range: false, matrix: UNSAID_MATRIX, reorder: None };
    if bits.flag()? {
        // What stands before its torn end counts.
        let _ = vui.parse(&mut bits);
    }
    let unrestricted =
        if order_type == 2 || profile == 66 || most_references == 0 { 0 } else { MOST_REORDERED };
    Some(Sps {
        profile,
        constraints,
        level,
        width,
        height,
        reorder: vui.reorder.map_or(unrestricted, |frames| frames.min(u32::from(MOST_REORDERED)) as u8),
        chroma_format: chroma.format,
        luma_depth: chroma.luma_depth,
        chroma_depth: chroma.chroma_depth,
        full_range: vui.full_range,
        matrix: vui.matrix,
    })
}

#[derive(Clone, Copy)]
struct Chroma {
    format: u8,
    separate_planes: bool,
    luma_depth: u8,
    chroma_depth: u8,
}

fn parse_chroma(bits: &mut Bits<'_>, profile: u8) -> Option<Chroma> {
    let mut chroma = Chroma { format: 1, separate_planes: false, luma_depth: 8, chroma_depth: 8 };
    if !matches!(profile, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135) {
        return Some(chroma);
    }
    chroma.format = at_most(bits.ue()?, 3)?;
    if chroma.format == 3 {
        chroma.separate_planes = bits.flag()?;
    }
    chroma.luma_depth = 8 + at_most(bits.ue()?, 6)?;
    chroma.chroma_depth = 8 + at_most(bits.ue()?, 6)?;
    bits.flag()?;
    if bits.flag()? {
        let lists = if chroma.format == 3 { 12 } else { 8 };
        for list in 0..lists {
            if bits.flag()? {
                skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Some(chroma)
}

fn at_most(value: u32, limit: u8) -> Option<u8> {
    u8::try_from(value).ok().filter(|value| *value <= limit)
}

/// `scaling_list` (ISO/IEC 14496-10, 7.3.2.1.1.1).
fn skip_scaling_list(bits: &mut Bits<'_>, size: u32) -> Option<()> {
    let (mut last, mut next) = (8_i32, 8_i32);
    for _ in 0..size {
        if next != 0 {
            next = last.wrapping_add(bits.se()?) & 0xff;
        }
        if next != 0 {
            last = next;
        }
    }
    Some(())
}

/// Passes over the picture order count's fields; answers its type, 0 to 2.
fn parse_picture_order(bits: &mut Bits<'_>) -> Option<u32> {
    let order_type = bits.ue()?;
    match order_type {
        0 => {
            bits.ue()?;
        }
        1 => {
            bits.flag()?;
            bits.se()?;
            bits.se()?;
            for _ in 0..at_most(bits.ue()?, 255)? {
                bits.se()?;
            }
        }
        2 => {}
        _ => return None,
    }
    Some(order_type)
}

/// The picture's size with its cropping (ISO/IEC 14496-10, 7.4.2.1.1, equations 7-19 to 7-22).
fn parse_size(bits: &mut Bits<'_>, chroma: Chroma) -> Option<(u32, u32)> {
    let width = bits.ue()?.checked_add(1)?.checked_mul(16)?;
    let map_units = bits.ue()?.checked_add(1)?;
    let frame_only = bits.flag()?;
    let height = map_units.checked_mul(if frame_only { 16 } else { 32 })?;
    if !frame_only {
        bits.flag()?;
    }
    bits.flag()?;
    let (across, down) = nal::chroma_units(if chroma.separate_planes { 0 } else { chroma.format });
    nal::cropped(bits, (width, height), (across, if frame_only { down } else { 2 * down }))
}

/// The usability information of a parameter set (ISO/IEC 14496-10, E.1.1).
struct Vui {
    full_range: bool,
    matrix: u8,
    /// `max_num_reorder_frames`, where it is there.
    reorder: Option<u32>,
}

impl Vui {
    fn parse(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        const EXTENDED_SAR: u32 = 255;
        if bits.flag()? && bits.take(8)? == EXTENDED_SAR {
            bits.skip(32);
        }
        if bits.flag()? {
            bits.skip(1);
        }
        if bits.flag()? {
            bits.skip(3);
            self.full_range = bits.flag()?;
            if bits.flag()? {
                bits.skip(16);
                self.matrix = bits.take(8)? as u8;
            }
        }
        if bits.flag()? {
            bits.ue()?;
            bits.ue()?;
        }
        if bits.flag()? {
            bits.skip(65);
        }
        self.reorder = parse_reorder(bits);
        Some(())
    }
}

/// `max_num_reorder_frames`, from the buffering parameters on.
fn parse_reorder(bits: &mut Bits<'_>) -> Option<u32> {
    let nal_hrd = bits.flag()?;
    if nal_hrd {
        skip_hrd(bits)?;
    }
    let vcl_hrd = bits.flag()?;
    if vcl_hrd {
        skip_hrd(bits)?;
    }
    if nal_hrd || vcl_hrd {
        bits.skip(1);
    }
    bits.skip(1);
    if !bits.flag()? {
        return None;
    }
    bits.skip(1);
    for _ in 0..4 {
        bits.ue()?;
    }
    bits.ue()
}

/// `hrd_parameters` (ISO/IEC 14496-10, E.1.2).
fn skip_hrd(bits: &mut Bits<'_>) -> Option<()> {
    let schedules = at_most(bits.ue()?, 31)?;
    bits.skip(8);
    for _ in 0..=schedules {
        bits.ue()?;
        bits.ue()?;
        bits.skip(1);
    }
    bits.skip(20);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The record of Chromium's recorder (OpenH264, 640x480).
    const CHROMIUM: &[u8] = &[
        0x01, 0x42, 0xc0, 0x1f, 0xff, 0xe1, 0x00, 0x12, 0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x8d, 0x40, 0x50, 0x1e,
        0xd3, 0x50, 0x60, 0x60, 0x60, 0x78, 0x44, 0x23, 0x50, 0x01, 0x00, 0x04, 0x68, 0xce, 0x3c, 0x80,
    ];

    fn parameter_sets() -> (&'static [u8], &'static [u8]) {
        (&CHROMIUM[8..26], &CHROMIUM[29..33])
    }

    #[test]
    fn the_parameter_set_of_chromium_is_read() {
        let sps = sps_in_config(CHROMIUM).unwrap();
        assert_eq!((sps.width, sps.height, sps.profile, sps.level, sps.reorder), (640, 480, 66, 31, 0));
        assert_eq!(string(CHROMIUM), "avc1.42c01f");
        assert_eq!(SYNTAX.length_size(CHROMIUM), Some(4));
    }

    #[test]
    fn annex_b_becomes_lengths_without_delimiters_and_gives_the_same_record() {
        let (sps, pps) = parameter_sets();
        let annex_b =
            [&[0, 0, 0, 1, 9, 0xf0, 0, 0, 0, 1][..], sps, &[0, 0, 0, 1], pps, &[0, 0, 1, 0x65, 7]].concat();
        let frame = SYNTAX.from_annex_b(&annex_b);
        let expected = [&[0, 0, 0, 18][..], sps, &[0, 0, 0, 4], pps, &[0, 0, 0, 2, 0x65, 7]].concat();
        assert_eq!(frame, expected);
        assert!(SYNTAX.is_key(&frame));
        assert!(!SYNTAX.is_key(&[0, 0, 0, 2, 0x41, 7]));
        assert_eq!(config_in_frame(&frame).unwrap(), CHROMIUM);
    }

    #[test]
    fn short_lengths_become_four_bytes() {
        let frame = [0, 2, 9, 0x10, 0, 3, 0x65, 1, 2];
        assert_eq!(SYNTAX.from_length_prefixed(&frame, 2).unwrap(), &[0, 0, 0, 3, 0x65, 1, 2][..]);
        let mut config = CHROMIUM.to_vec();
        config[4] = 0xfd;
        assert_eq!(SYNTAX.length_size(&config), Some(2));
        assert_eq!(SYNTAX.with_four_byte_lengths(&config.into()), CHROMIUM);
    }

    #[test]
    fn a_decoder_is_given_the_sets_of_the_record_then_the_picture() {
        let (sps, pps) = parameter_sets();
        let frame = [0, 0, 0, 2, 6, 1, 0, 0, 0, 3, 0x65, 7, 8];
        let units = units_to_decode(CHROMIUM, &frame).unwrap();
        assert_eq!(units, [sps, pps, &[0x65, 7, 8]]);
        let annex_b = to_annex_b(&units, &[9, 9]);
        assert_eq!(annex_b[annex_b.len() - 9..], [0, 0, 0, 1, 0x65, 7, 8, 9, 9]);
        assert_eq!(annex_b[..4 + sps.len()], [&[0, 0, 0, 1], sps].concat());
        assert_eq!(units_to_decode(&[], &frame).unwrap().len(), 1);
        assert_eq!(units_to_decode(CHROMIUM, &frame[..12]), None);
        assert_eq!(units_to_decode(&CHROMIUM[..20], &frame), None);
    }

    #[test]
    fn a_picture_parameter_set_says_how_slices_are_coded() {
        let (sps, pps) = parameter_sets();
        assert_eq!(is_cabac(pps), Some(false));
        assert_eq!(is_cabac(&[0x68, 0xee, 0x3c, 0x80]), Some(true));
        assert_eq!((is_cabac(sps), is_cabac(&[0x68])), (None, None));
    }

    #[test]
    fn every_cut_and_every_flipped_byte_of_a_parameter_set_is_a_value() {
        let (sps, _) = parameter_sets();
        for end in 0..sps.len() {
            let _ = parse_sps(&sps[..end]);
        }
        for at in 0..sps.len() {
            for value in 0..=255 {
                let mut damaged = sps.to_vec();
                damaged[at] = value;
                let _ = parse_sps(&damaged);
            }
        }
    }
}
