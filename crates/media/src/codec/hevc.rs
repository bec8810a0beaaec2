//! HEVC (ISO/IEC 23008-2) as bodies hold it: NAL units behind lengths of four bytes, no access unit delimiters, and
//! an `hvcC` record (ISO/IEC 14496-15, 8.3.3).

use bytes::Bytes;

use super::bits::Bits;
use super::nal;

const VPS: u8 = 32;
const SPS: u8 = 33;
const PPS: u8 = 34;
const PREFIX_SEI: u8 = 39;

/// Its NAL units (ISO/IEC 23008-2, table 7-1): decoding may start at slices of an IRAP picture.
pub const SYNTAX: nal::Syntax = nal::Syntax {
    unit_type: |first| first >> 1 & 0x3f,
    delimiter: 35,
    key: (16, 23),
    slices: (0, 31),
    sets: (VPS, PPS),
    sei: PREFIX_SEI,
    header: 2,
    // Where the type of a slice stands depends on its parameter sets.
    is_intra: |_| false,
    sizes_at: 21,
};

/// Parameter sets of one kind that are taken into a record.
const MOST_SETS: usize = 64;

/// What a sequence parameter set says (ISO/IEC 23008-2, 7.3.2.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sps {
    /// The general part of `profile_tier_level` (7.3.3), 12 bytes: profile, compatibility, constraints, level.
    pub profile_tier_level: [u8; 12],
    /// Temporal layers, 1 to 7.
    pub temporal_layers: u8,
    /// `sps_temporal_id_nesting_flag`.
    pub temporal_nesting: bool,
    /// Width in pixels, cropped.
    pub width: u32,
    /// Height in pixels, cropped.
    pub height: u32,
    /// Frames that may come before one that is shown earlier, at most 16.
    pub reorder: u8,
    /// `chroma_format_idc`: 1 is 4:2:0.
    pub chroma_format: u8,
    /// Bits of a luma sample.
    pub luma_depth: u8,
    /// Bits of a chroma sample.
    pub chroma_depth: u8,
}

impl Sps {
    /// Whether a decoder goes on through a change from `other` to this in one track: same profile, size and samples.
    #[must_use]
    pub fn continues(&self, other: &Self) -> bool {
        let profile = |sps: &Self| sps.profile_tier_level[0] & 0x1f;
        (profile(self), self.width, self.height) == (profile(other), other.width, other.height)
            && (self.chroma_format, self.luma_depth, self.chroma_depth)
                == (other.chroma_format, other.luma_depth, other.chroma_depth)
    }
}

/// The first sequence parameter set of an `hvcC` record.
#[must_use]
pub fn sps_in_config(config: &[u8]) -> Option<Sps> {
    let mut rest = config.get(23..)?;
    for _ in 0..config[22] {
        let (&[kind, high, low], after) = rest.split_first_chunk::<3>()?;
        rest = after;
        for _ in 0..u16::from_be_bytes([high, low]) {
            let unit = nal::take_parameter_set(&mut rest)?;
            if kind & 0x3f == SPS {
                return parse_sps(unit);
            }
        }
    }
    None
}

/// The parameter sets of an `hvcC` record; `None` where it is damaged.
pub(super) fn sets_in_config(config: &[u8]) -> Option<Vec<&[u8]>> {
    let mut rest = config.get(23..)?;
    let mut sets = Vec::new();
    for _ in 0..config[22] {
        let (&[_, high, low], after) = rest.split_first_chunk::<3>()?;
        rest = after;
        for _ in 0..u16::from_be_bytes([high, low]) {
            sets.push(nal::take_parameter_set(&mut rest)?);
        }
    }
    Some(sets)
}

/// The `hvcC` payload for the parameter sets in a frame with lengths of four bytes; `None` without them.
#[must_use]
pub fn config_in_frame(frame: &[u8]) -> Option<Bytes> {
    config_from_units(&nal::split(frame, 4).collect::<Option<Vec<_>>>()?)
}

/// `HEVCDecoderConfigurationRecord` (ISO/IEC 14496-15, 8.3.3.1.2), lengths of four bytes. What it may leave unsaid
/// (segmentation, parallelism, frame rate) it leaves unsaid.
pub(super) fn config_from_units(units: &[&[u8]]) -> Option<Bytes> {
    // A set that cannot be read would be taken for the stream's by whoever reads the record.
    let good = |unit: &&&[u8]| SYNTAX.type_of(unit) != SPS || parse_sps(unit).is_some();
    let sps = units.iter().filter(|unit| SYNTAX.type_of(unit) == SPS).find_map(|unit| parse_sps(unit))?;
    let mut record = vec![1];
    record.extend(sps.profile_tier_level);
    record.extend([0xf0, 0, 0xfc]);
    record.extend([
        0xfc | sps.chroma_format,
        0xf8 | (sps.luma_depth - 8),
        0xf8 | (sps.chroma_depth - 8),
        0,
        0,
    ]);
    record.push(sps.temporal_layers << 3 | u8::from(sps.temporal_nesting) << 2 | 3);
    record.push(3);
    for kind in [VPS, SPS, PPS] {
        let sets: Vec<_> = units.iter().filter(|unit| SYNTAX.type_of(unit) == kind).filter(good).collect();
        if sets.is_empty() || sets.len() > MOST_SETS {
            return None;
        }
        record.extend([0x80 | kind, 0, sets.len() as u8]);
        for set in sets {
            nal::put_parameter_set(&mut record, set)?;
        }
    }
    Some(record.into())
}

/// The RFC 6381 string of an `hvcC` record (ISO/IEC 14496-15, annex E.3): `hvc1.1.6.L93.B0`.
#[must_use]
pub fn string(config: &[u8]) -> String {
    let Some(general) = config.get(1..13) else { return "hvc1".into() };
    let space = ["", "A", "B", "C"][usize::from(general[0] >> 6)];
    let profile = general[0] & 0x1f;
    let compatibility = u32::from_be_bytes([general[1], general[2], general[3], general[4]]).reverse_bits();
    let tier = if general[0] & 0x20 == 0 { 'L' } else { 'H' };
    let mut text = format!("hvc1.{space}{profile}.{compatibility:X}.{tier}{}", general[11]);
    let constraints = &general[5..11];
    let used = constraints.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    for byte in &constraints[..used] {
        text.push_str(&format!(".{byte:X}"));
    }
    text
}

/// Reads a sequence parameter set NAL unit (ISO/IEC 23008-2, 7.3.2.2.1) as far as its reordering; `None` where it is
/// damaged or describes a picture of no or of absurd size.
#[must_use]
pub fn parse_sps(unit: &[u8]) -> Option<Sps> {
    if SYNTAX.type_of(unit) != SPS {
        return None;
    }
    let payload = nal::unescape(unit.get(2..)?);
    let mut bits = Bits::new(&payload);
    bits.skip(4);
    let more_layers = bits.take(3).filter(|more| *more < 7)?;
    let temporal_nesting = bits.flag()?;
    let mut profile_tier_level = [0; 12];
    for byte in &mut profile_tier_level {
        *byte = bits.take(8)? as u8;
    }
    skip_sub_layers(&mut bits, more_layers)?;
    bits.ue()?;
    let chroma_format = bits.ue().filter(|format| *format <= 3)? as u8;
    let separate_planes = chroma_format == 3 && bits.flag()?;
    let (width, height) = parse_size(&mut bits, if separate_planes { 0 } else { chroma_format })?;
    let luma_depth = 8 + bits.ue().filter(|more| *more <= 7)? as u8;
    let chroma_depth = 8 + bits.ue().filter(|more| *more <= 7)? as u8;
    bits.ue()?;
    let each_layer = bits.flag()?;
    let mut reorder = 0;
    for _ in if each_layer { 0 } else { more_layers }..=more_layers {
        bits.ue()?;
        reorder = bits.ue()?.min(16) as u8;
        bits.ue()?;
    }
    Some(Sps {
        profile_tier_level,
        temporal_layers: more_layers as u8 + 1,
        temporal_nesting,
        width,
        height,
        reorder,
        chroma_format,
        luma_depth,
        chroma_depth,
    })
}

/// The sub-layers of `profile_tier_level` (ISO/IEC 23008-2, 7.3.3).
fn skip_sub_layers(bits: &mut Bits<'_>, layers: u32) -> Option<()> {
    if layers == 0 {
        return Some(());
    }
    let mut bits_of_layers = 0;
    for _ in 0..layers {
        bits_of_layers += if bits.flag()? { 88 } else { 0 };
        bits_of_layers += if bits.flag()? { 8 } else { 0 };
    }
    bits.skip(2 * (8 - layers as usize) + bits_of_layers);
    Some(())
}

/// The picture's size within its conformance window (ISO/IEC 23008-2, 7.4.3.2.1).
fn parse_size(bits: &mut Bits<'_>, chroma_format: u8) -> Option<(u32, u32)> {
    let size = (bits.ue()?, bits.ue()?);
    nal::cropped(bits, size, nal::chroma_units(chroma_format))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parameter sets of x265 for 322x182.
    const VPS_UNIT: &[u8] = &[
        0x40, 0x01, 0x0c, 0x01, 0xff, 0xff, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00,
        0x00, 0x03, 0x00, 0x3c, 0x95, 0x98, 0x09,
    ];
    const SPS_UNIT: &[u8] = &[
        0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00,
        0x3c, 0xa0, 0x0a, 0x48, 0x0b, 0x9c, 0x95, 0x96, 0x56, 0x69, 0x24, 0xca, 0xf0, 0x16, 0x80, 0x80, 0x00,
        0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x0c, 0x84,
    ];
    const PPS_UNIT: &[u8] = &[0x44, 0x01, 0xc1, 0x72, 0xb4, 0x62, 0x40];

    #[test]
    fn the_parameter_sets_of_x265_are_read_and_make_a_record() {
        let sps = parse_sps(SPS_UNIT).unwrap();
        assert_eq!((sps.width, sps.height, sps.chroma_format, sps.luma_depth), (322, 182, 1, 8));
        assert_eq!(sps.reorder, 2);
        let annex_b = [&[0, 0, 0, 1, 70, 1, 0x50][..], &[0, 0, 0, 1], VPS_UNIT, &[0, 0, 0, 1], SPS_UNIT]
            .into_iter()
            .chain([&[0, 0, 0, 1][..], PPS_UNIT, &[0, 0, 1, 0x26, 1, 0xaf]])
            .collect::<Vec<_>>()
            .concat();
        let frame = SYNTAX.from_annex_b(&annex_b);
        assert!(SYNTAX.is_key(&frame));
        assert_eq!(frame[4], VPS_UNIT[0], "the delimiter is gone");
        let config = config_in_frame(&frame).unwrap();
        assert_eq!(sps_in_config(&config), Some(sps));
        assert_eq!(SYNTAX.length_size(&config), Some(4));
        assert_eq!(string(&config), "hvc1.1.6.L60.90");
    }

    #[test]
    fn a_record_holds_no_parameter_set_that_cannot_be_read() {
        let units = [VPS_UNIT, &SPS_UNIT[..4], SPS_UNIT, PPS_UNIT];
        let config = config_from_units(&units).unwrap();
        assert_eq!(sps_in_config(&config), parse_sps(SPS_UNIT));
    }

    #[test]
    fn every_cut_of_a_parameter_set_is_a_value() {
        for end in 0..SPS_UNIT.len() {
            let _ = parse_sps(&SPS_UNIT[..end]);
        }
    }
}
