//! NAL units of H.264 and HEVC: how frames are cut into them, and units that say nothing of the picture.

/// How the units of a frame are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A start code before each (ISO/IEC 14496-10, Annex B).
    StartCodes,
    /// A length before each (ISO/IEC 14496-15, 5.3.2), in so many bytes.
    Lengths(usize),
}

/// How the frames of a track are coded.
#[derive(Debug, Clone)]
pub(crate) struct Coding {
    pub(crate) is_hevc: bool,
    pub(crate) form: Form,
    /// The parameter sets of the header.
    pub(crate) sets: Vec<Vec<u8>>,
}

impl Coding {
    /// Reads a configuration record (ISO/IEC 14496-15, 5.3.3.1 and 8.3.3.1); without one frames have start codes.
    pub(crate) fn of(is_hevc: bool, record: Option<&[u8]>) -> Self {
        let place = if is_hevc { 21 } else { 4 };
        let Some(record) = record.filter(|record| record.len() > place && record[0] == 1) else {
            return Self { is_hevc, form: Form::StartCodes, sets: Vec::new() };
        };
        let form = Form::Lengths(usize::from(record[place] & 3) + 1);
        let sets = if is_hevc { hevc_sets(record) } else { h264_sets(record) };
        Self { is_hevc, form, sets: sets.unwrap_or_default() }
    }

    /// The units of a frame.
    pub(crate) fn split(&self, data: &[u8]) -> Vec<Vec<u8>> {
        match self.form {
            Form::StartCodes => with_start_codes(data),
            Form::Lengths(size) => with_lengths(data, size).unwrap_or_else(|| with_start_codes(data)),
        }
    }

    /// An access unit delimiter for any kind of picture (ISO/IEC 14496-10, 7.3.2.4; 23008-2, 7.3.2.5).
    pub(crate) fn delimiter(&self) -> Vec<u8> {
        if self.is_hevc { vec![35 << 1, 1, 0x50] } else { vec![9, 0xF0] }
    }

    /// A note of the user's (SEI, unregistered user data).
    pub(crate) fn note(&self) -> Vec<u8> {
        let mut unit = if self.is_hevc { vec![39 << 1, 1] } else { vec![6] };
        unit.extend([5, 20]);
        unit.extend([0xC0; 20]);
        unit.push(0x80);
        unit
    }

    /// So many bytes of filler.
    pub(crate) fn filler(&self, len: usize) -> Vec<u8> {
        let mut unit = if self.is_hevc { vec![38 << 1, 1] } else { vec![12] };
        unit.extend(std::iter::repeat_n(0xFF, len));
        unit.push(0x80);
        unit
    }

    /// Writes into a record in how many bytes lengths are written.
    pub(crate) fn set_length_size(&self, record: &mut [u8], size: u8) -> bool {
        let place = if self.is_hevc { 21 } else { 4 };
        match record.get_mut(place) {
            Some(byte) => {
                *byte = *byte & !3 | (size - 1);
                true
            }
            None => false,
        }
    }
}

/// A frame of units.
pub(crate) fn join(units: &[Vec<u8>], form: Form) -> Vec<u8> {
    let mut data = Vec::new();
    for unit in units {
        match form {
            Form::StartCodes => data.extend([0, 0, 0, 1]),
            Form::Lengths(size) => data.extend(&(unit.len() as u64).to_be_bytes()[8 - size..]),
        }
        data.extend(unit);
    }
    data
}

/// Units with lengths of `size` bytes before them, if the lengths add up.
pub(crate) fn with_lengths(data: &[u8], size: usize) -> Option<Vec<Vec<u8>>> {
    let mut rest = data;
    let mut units = Vec::new();
    while !rest.is_empty() {
        let (length, after) = rest.split_at_checked(size)?;
        let length = length.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
        let (unit, after) = after.split_at_checked(length)?;
        if length > 0 {
            units.push(unit.to_vec());
        }
        rest = after;
    }
    Some(units)
}

/// Units between start codes.
pub(crate) fn with_start_codes(data: &[u8]) -> Vec<Vec<u8>> {
    let mut starts = Vec::new();
    let mut at = 0;
    while at + 3 <= data.len() {
        if data[at + 2] > 1 {
            at += 3;
        } else if data[at..at + 3] == [0, 0, 1] {
            starts.push(at);
            at += 3;
        } else {
            at += 1;
        }
    }
    let ends = starts.iter().skip(1).copied().chain([data.len()]);
    let mut units = Vec::new();
    for (start, end) in starts.iter().zip(ends) {
        let unit = &data[start + 3..end];
        let len = unit.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
        if len > 0 {
            units.push(unit[..len].to_vec());
        }
    }
    units
}

fn h264_sets(record: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut rest = &record[5..];
    let mut sets = Vec::new();
    for mask in [0x1F, 0xFF] {
        let (count, after) = rest.split_first()?;
        rest = after;
        for _ in 0..count & mask {
            sets.push(take_set(&mut rest)?);
        }
    }
    Some(sets)
}

fn hevc_sets(record: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (arrays, mut rest) = record.get(22..)?.split_first()?;
    let mut sets = Vec::new();
    for _ in 0..*arrays {
        let (head, after) = rest.split_at_checked(3)?;
        rest = after;
        for _ in 0..u16::from_be_bytes([head[1], head[2]]) {
            sets.push(take_set(&mut rest)?);
        }
    }
    Some(sets)
}

fn take_set(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let (len, after) = rest.split_at_checked(2)?;
    let (set, after) = after.split_at_checked(usize::from(u16::from_be_bytes([len[0], len[1]])))?;
    *rest = after;
    Some(set.to_vec())
}
