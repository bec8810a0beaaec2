//! Where a decoder may start in H.264 and HEVC: at an IDR or IRAP picture, and at a recovery point
//! (ISO/IEC 14496-10, D.1.8 and D.2.8; ISO/IEC 23008-2, D.2.8 and D.3.8).

use super::bits::Bits;
use super::nal::{self, Syntax, within};

/// Whether decoding may start at a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// It refers to frames before it.
    No,
    /// Where nothing better ever comes: a picture of intra slices that nobody promised to be a place to start at, or
    /// the first of several after which the picture is whole (intra refresh).
    Late,
    /// It, and all that is shown after it, is right. Pictures that lead it may be shown before it and be wrong: open
    /// groups of pictures.
    Here,
}

/// `payloadType` of a recovery point.
const RECOVERY_POINT: u64 = 6;

/// Whether decoding may start at a frame with lengths of four bytes. Not where a unit is torn.
pub(crate) fn of(syntax: Syntax, frame: &[u8]) -> Start {
    let (mut is_key, mut is_intra, mut recovers_at_once) = (false, None, None);
    for unit in nal::split(frame, 4) {
        let Some(unit) = unit else { return Start::No };
        match syntax.type_of(unit) {
            kind if within(syntax.key, kind) => is_key = true,
            kind if within(syntax.slices, kind) => {
                is_intra = Some((syntax.is_intra)(unit) && is_intra != Some(false));
            }
            kind if kind == syntax.sei => {
                recovers_at_once = recovers_at_once.or_else(|| recovery_point(syntax, unit));
            }
            _ => {}
        }
    }
    match (is_key, recovers_at_once, is_intra) {
        (true, ..) | (_, Some(true), Some(true)) => Start::Here,
        (_, Some(_), Some(_)) | (_, None, Some(true)) => Start::Late,
        _ => Start::No,
    }
}

/// Whether the picture is right at once, or some frames later, by the recovery point in a unit of supplemental
/// information; `None` where there is none.
fn recovery_point(syntax: Syntax, unit: &[u8]) -> Option<bool> {
    let payload = nal::unescape(unit.get(syntax.header..)?);
    let mut rest = &payload[..];
    // A message has two bytes at least, and the unit ends in one (ISO/IEC 14496-10, 7.3.2.3).
    while rest.len() > 2 {
        let kind = take_long_number(&mut rest)?;
        let size = usize::try_from(take_long_number(&mut rest)?).ok()?;
        let (message, after) = rest.split_at_checked(size)?;
        if kind == RECOVERY_POINT {
            // A count of 0 is one bit in both codecs, signed or not.
            return Some(Bits::new(message).ue()? == 0);
        }
        rest = after;
    }
    None
}

/// A number as bytes of 255 and one below (ISO/IEC 14496-10, 7.3.2.3.1).
fn take_long_number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    loop {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        number += u64::from(byte);
        if byte != 255 {
            return Some(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Codec;

    fn start(codec: Codec, units: &[&[u8]]) -> Start {
        let frame: Vec<u8> = units
            .iter()
            .flat_map(|unit| (unit.len() as u32).to_be_bytes().into_iter().chain(unit.iter().copied()))
            .collect();
        of(Syntax::of(codec).unwrap(), &frame)
    }

    /// An intra slice, one of predicted macroblocks, and the units of x264: a recovery point at once, one after 15 frames,
    /// and one behind a longer message.
    const INTRA: &[u8] = &[0x41, 0x88, 0x84];
    const PREDICTED: &[u8] = &[0x41, 0x9a, 0x24];
    const AT_ONCE: &[u8] = &[0x06, 0x06, 0x01, 0xc4, 0x80];
    const LATER: &[u8] = &[0x06, 0x06, 0x02, 0x08, 0x28, 0x80];
    const BEHIND: &[u8] = &[0x06, 0x05, 0x03, 1, 2, 3, 0x06, 0x01, 0xc4, 0x80];

    #[test]
    fn a_recovery_point_of_h264_is_a_start_where_its_picture_is_intra() {
        assert_eq!(start(Codec::H264, &[&[0x65, 0x88]]), Start::Here);
        assert_eq!(start(Codec::H264, &[AT_ONCE, INTRA]), Start::Here);
        assert_eq!(start(Codec::H264, &[BEHIND, INTRA, INTRA]), Start::Here);
        assert_eq!(start(Codec::H264, &[AT_ONCE, INTRA, PREDICTED]), Start::Late);
        assert_eq!(start(Codec::H264, &[LATER, PREDICTED]), Start::Late);
        assert_eq!(start(Codec::H264, &[INTRA]), Start::Late);
        assert_eq!(start(Codec::H264, &[PREDICTED]), Start::No);
        assert_eq!(start(Codec::H264, &[AT_ONCE]), Start::No, "no picture");
    }

    #[test]
    fn hevc_starts_at_irap_pictures_and_late_at_recovery_points() {
        let (cra, trailing, recovery) =
            ([0x2a, 1, 0xaf], [0x02, 1, 0xd0], [0x4e, 0x01, 0x06, 0x01, 0x80, 0x80]);
        assert_eq!(start(Codec::Hevc, &[&cra]), Start::Here);
        assert_eq!(start(Codec::Hevc, &[&trailing]), Start::No);
        assert_eq!(start(Codec::Hevc, &[&recovery, &trailing]), Start::Late);
    }

    #[test]
    fn every_cut_of_a_message_is_a_value() {
        for end in 0..BEHIND.len() {
            let _ = start(Codec::H264, &[&BEHIND[..end], INTRA]);
        }
        assert_eq!(start(Codec::H264, &[&[6, 255, 255, 255, 255], INTRA]), Start::Late);
    }
}
