//! An AV1 keyframe as an AVIF file around its very bytes (AV1 Image File Format 1.1; ISO/IEC 23008-12).

use bytes::Bytes;
use media::codec::av1;
use media::rotation::quarter_turns;

/// The only item of the file.
const ITEM: u16 = 1;

/// `None` for what is no keyframe. `matrix` is the rotation of its track, as in `tkhd`.
pub(super) fn from_av1(frame: &[u8], matrix: Option<&[i32; 9]>) -> Option<Bytes> {
    let sequence = av1::keyframe(frame)?;
    // An image item has no temporal delimiter (AVIF, 2.1).
    let data = av1::without_delimiters(frame);
    let properties = properties(&sequence, matrix);
    let head = head(&properties, 0, data.len());
    // The offset has four bytes whatever it is, so the head is as long with it as without.
    let mut out = self::head(&properties, head.len(), data.len());
    put_box(&mut out, b"mdat", &[&data]);
    Some(out.into())
}

/// Everything before `mdat`; the data of the item follow its header of eight bytes, at `len` of the file.
fn head(properties: &[Vec<u8>], len: usize, data_len: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    put_box(&mut out, b"ftyp", &[b"avif", &[0; 4], b"avifmif1miaf"]);
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX).to_be_bytes();
    let item = ITEM.to_be_bytes();
    let handler = full_box(b"hdlr", 0, 0, &[&[0; 4], b"pict", &[0; 13]]);
    let primary = full_box(b"pitm", 0, 0, &[&item]);
    // Offsets and lengths of four bytes, no base; one item of one extent in this file (8.11.3).
    let (offset, length) = (number(len + 8), number(data_len));
    let place =
        full_box(b"iloc", 0, 0, &[&[0x44, 0, 0, 1], &item, &[0, 0], &1_u16.to_be_bytes(), &offset, &length]);
    let entry = full_box(b"infe", 2, 0, &[&item, &[0, 0], b"av01", &[0]]);
    let items = full_box(b"iinf", 0, 0, &[&1_u16.to_be_bytes(), &entry]);
    let meta = full_box(b"meta", 0, 0, &[&handler, &primary, &place, &items, &item_properties(properties)]);
    out.extend(meta);
    out
}

/// The properties and that all of them are the item's; the last ones, from `av1C` on, must be understood (9.3.1).
fn item_properties(properties: &[Vec<u8>]) -> Vec<u8> {
    let mut container = Vec::new();
    put_box(&mut container, b"ipco", &properties.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let indexes: Vec<u8> =
        (1_u8..).zip(properties).map(|(index, _)| if index > 2 { index | 0x80 } else { index }).collect();
    let count = [u8::try_from(indexes.len()).unwrap_or(u8::MAX)];
    let association = full_box(b"ipma", 0, 0, &[&1_u32.to_be_bytes(), &ITEM.to_be_bytes(), &count, &indexes]);
    let mut out = Vec::new();
    put_box(&mut out, b"iprp", &[&container, &association]);
    out
}

/// `ispe`, `pixi`, `av1C`, and `irot` for a picture that lies on its side (6.5.3, 6.5.6, 6.5.10).
fn properties(sequence: &av1::Sequence, matrix: Option<&[i32; 9]>) -> Vec<Vec<u8>> {
    let channels = if sequence.monochrome { 1 } else { 3 };
    let depths = vec![sequence.bit_depth; channels];
    let mut configuration = Vec::new();
    put_box(&mut configuration, b"av1C", &[&sequence.config()]);
    let mut properties = vec![
        full_box(b"ispe", 0, 0, &[&sequence.width.to_be_bytes(), &sequence.height.to_be_bytes()]),
        full_box(b"pixi", 0, 0, &[&[channels as u8], &depths]),
        configuration,
    ];
    if let Some(turns) = matrix.and_then(quarter_turns) {
        let mut rotation = Vec::new();
        put_box(&mut rotation, b"irot", &[&[turns]]);
        properties.push(rotation);
    }
    properties
}

fn full_box(kind: &[u8; 4], version: u8, flags: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    put_box(&mut out, kind, &[&[&[version, 0, 0, flags][..]], parts].concat());
    out
}

fn put_box(out: &mut Vec<u8>, kind: &[u8; 4], parts: &[&[u8]]) {
    let len = 8 + parts.iter().map(|part| part.len()).sum::<usize>();
    out.extend(u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes());
    out.extend(kind);
    for part in parts {
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_keyframe_is_no_picture() {
        assert_eq!(from_av1(&[], None), None);
        assert_eq!(from_av1(&[0x32, 0x01, 0x30], None), None);
    }
}
