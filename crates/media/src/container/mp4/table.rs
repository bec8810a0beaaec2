//! The sample tables of a finished file: where its samples lie and when they are shown (ISO/IEC 14496-12, 8.6 and 8.7).

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::boxes::Body;
use super::movie::Placed;
use crate::{Error, Kind};

/// A duration from here on is a negative one by mistake, where a second has not as many ticks.
const NEGATIVE: u32 = 1 << 31;

/// Samples of which one may be shown before one that is coded before it.
const MOST_REORDERED: usize = 32;

/// The sample tables of a track, read row by row as samples are asked for.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Table {
    durations: Runs,
    composition: Runs,
    sizes: Sizes,
    /// Samples in all.
    count: u32,
    /// `stsc` (8.7.4), rows of 12 bytes.
    per_chunk: Bytes,
    /// `stco` or `co64` (8.7.5).
    chunks: Bytes,
    wide: bool,
    /// `stss` (8.6.2): numbers of the sync samples; `None`: all are.
    sync: Option<Bytes>,
    at: Cursor,
}

/// Bytes of each sample: `stsz` and `stz2` (8.7.3).
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Sizes {
    /// All have as many.
    Same(u32),
    /// A row of so many bits for each: 4, 8, 16 or 32.
    Rows { bits: u8, rows: Bytes },
}

impl Default for Sizes {
    fn default() -> Self {
        Self::Same(0)
    }
}

/// How far a table has been read.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Cursor {
    sample: u32,
    chunk: u32,
    row: usize,
    left_in_chunk: u32,
    /// Which of the sample descriptions the chunk has, from 0.
    description: u32,
    offset: u64,
    dts: i64,
    sync_row: usize,
}

impl Table {
    /// Reads the tables of a `stbl` box; none where it lists no samples. `whole` are the bytes that the box is a part of:
    /// rows are kept as slices of them.
    pub(super) fn read(stbl: Body<'_>, whole: &Bytes) -> Result<Self, Error> {
        let (sizes, count) = match (stbl.find(b"stsz"), stbl.find(b"stz2")) {
            (Some(stsz), _) => Sizes::read(stsz, whole)?,
            (None, Some(stz2)) => Sizes::read_compact(stz2, whole)?,
            (None, None) => return Ok(Self::default()),
        };
        let (chunks, wide) = match stbl.find(b"co64") {
            Some(co64) => (counted(co64, 8, whole)?, true),
            None => (stbl.find(b"stco").map_or(Ok(Bytes::new()), |stco| counted(stco, 4, whole))?, false),
        };
        Ok(Self {
            durations: Runs::read(stbl.find(b"stts"), whole)?,
            composition: Runs::read(stbl.find(b"ctts"), whole)?,
            sizes,
            count,
            per_chunk: stbl.find(b"stsc").map_or(Ok(Bytes::new()), |stsc| counted(stsc, 12, whole))?,
            chunks,
            wide,
            sync: stbl.find(b"stss").map(|stss| counted(stss, 4, whole)).transpose()?,
            at: Cursor::default(),
        })
    }

    /// Whether it lists samples.
    pub(super) fn lists_samples(&self) -> bool {
        self.count > 0 && !self.chunks.is_empty()
    }

    /// Whether its chunks lie in the file in the order of their times: what does not can be read only from a file that is
    /// there whole.
    pub(super) fn is_in_order(&self) -> bool {
        (0..).map_while(|chunk| self.chunk_offset(chunk)).is_sorted()
    }

    /// The first media time at which a sample is shown.
    pub(super) fn first_shown(&self, kind: Kind, timescale: u32) -> Option<i64> {
        let mut table = self.clone();
        let first = std::iter::from_fn(|| table.next(kind, timescale)).take(MOST_REORDERED);
        first.map(|sample| sample.dts.saturating_add(sample.cts.into())).min()
    }

    /// Ticks from when the first sample is decoded to when it is shown.
    pub(super) fn first_offset(&self) -> i64 {
        self.composition.clone().next().unwrap_or(0).cast_signed().into()
    }

    /// The decoding time at which the last sample ends; `None` where no sample is listed.
    pub(super) fn ends(&self) -> Option<i64> {
        let ticks =
            self.duration_rows().map(|(count, duration)| i64::from(count).saturating_mul(duration.into()));
        self.lists_samples().then(|| ticks.fold(0, i64::saturating_add))
    }

    /// The decoding time of the last sample that begins at or before a time.
    pub(super) fn begins_before(&self, time: i64) -> Option<i64> {
        let (mut dts, mut begins) = (0_i64, None);
        for (count, duration) in
            self.duration_rows().filter(|(count, _)| *count > 0).take_while(|_| time >= 0)
        {
            if dts > time {
                break;
            }
            let whole = i64::from(count - 1).min((time - dts) / i64::from(duration.max(1)));
            begins = Some(dts + whole * i64::from(duration));
            dts = dts.saturating_add(i64::from(count) * i64::from(duration));
        }
        begins
    }

    /// The rows of `stts` (8.6.1.2): how many samples in a row, and the duration of each.
    fn duration_rows(&self) -> impl Iterator<Item = (u32, u32)> {
        (0..)
            .step_by(8)
            .map_while(|at| Some((word(&self.durations.rows, at)?, word(&self.durations.rows, at + 4)?)))
    }

    /// The next sample that holds bytes; `None` after the last, and where the tables contradict each other. `timescale`:
    /// ticks per second.
    pub(super) fn next(&mut self, kind: Kind, timescale: u32) -> Option<Placed> {
        loop {
            if self.at.sample >= self.count {
                return None;
            }
            while self.at.left_in_chunk == 0 {
                self.next_chunk()?;
            }
            let size = self.sizes.get(self.at.sample)?;
            let duration = match self.durations.next_or_last() {
                negative if negative >= NEGATIVE && timescale < NEGATIVE => 1,
                duration => duration,
            };
            let cts = self.composition.next().unwrap_or(0).cast_signed();
            let (number, offset, dts) = (self.at.sample + 1, self.at.offset, self.at.dts);
            self.at.sample = number;
            self.at.left_in_chunk -= 1;
            self.at.offset = offset.checked_add(size.into())?;
            self.at.dts = dts.checked_add(duration.into())?;
            if size > 0 {
                let (key, description) = (self.is_sync(number), self.at.description);
                return Some(Placed { kind, offset, size, dts, cts, duration, key, description });
            }
        }
    }

    fn chunk_offset(&self, chunk: u32) -> Option<u64> {
        let chunk = chunk as usize;
        if self.wide {
            Some(u64::from_be_bytes(*self.chunks.get(8 * chunk..)?.first_chunk()?))
        } else {
            word(&self.chunks, 4 * chunk).map(u64::from)
        }
    }

    fn next_chunk(&mut self) -> Option<()> {
        let chunk = self.at.chunk;
        self.at.offset = self.chunk_offset(chunk)?;
        // A row holds for the chunks from its number, counted from 1, to before the next row's.
        while word(&self.per_chunk, 12 * (self.at.row + 1))
            .is_some_and(|first| first <= chunk.saturating_add(1))
        {
            self.at.row += 1;
        }
        self.at.left_in_chunk = word(&self.per_chunk, 12 * self.at.row + 4)?;
        self.at.description = word(&self.per_chunk, 12 * self.at.row + 8)?.saturating_sub(1);
        self.at.chunk = chunk.checked_add(1)?;
        Some(())
    }

    fn is_sync(&mut self, number: u32) -> bool {
        let Some(sync) = &self.sync else { return true };
        while word(sync, 4 * self.at.sync_row).is_some_and(|row| row < number) {
            self.at.sync_row += 1;
        }
        word(sync, 4 * self.at.sync_row) == Some(number)
    }
}

impl Sizes {
    /// `stsz` (8.7.3.2), and how many samples it counts.
    fn read(mut stsz: Body<'_>, whole: &Bytes) -> Result<(Self, u32), Error> {
        stsz.version_and_flags()?;
        let size = stsz.u32()?;
        let count = stsz.u32()?;
        Ok(match size {
            0 => (Self::Rows { bits: 32, rows: rows(&stsz, count, 4, whole) }, count),
            size => (Self::Same(size), count),
        })
    }

    /// `stz2` (8.7.3.3), and how many samples it counts.
    fn read_compact(mut stz2: Body<'_>, whole: &Bytes) -> Result<(Self, u32), Error> {
        stz2.version_and_flags()?;
        let bits = (stz2.u32()? & 0xff) as u8;
        let count = stz2.u32()?;
        let rows = match bits {
            4 => rows(&stz2, count.div_ceil(2), 1, whole),
            8 => rows(&stz2, count, 1, whole),
            16 => rows(&stz2, count, 2, whole),
            _ => return Err(stz2.malformed("sample sizes of an unknown width")),
        };
        Ok((Self::Rows { bits, rows }, count))
    }

    fn get(&self, sample: u32) -> Option<u32> {
        let at = sample as usize;
        Some(match self {
            Self::Same(size) => *size,
            Self::Rows { bits: 4, rows } => (rows.get(at / 2)? >> (4 * (1 - at % 2)) & 0xf).into(),
            Self::Rows { bits: 8, rows } => (*rows.get(at)?).into(),
            Self::Rows { bits: 16, rows } => u16::from_be_bytes(*rows.get(2 * at..)?.first_chunk()?).into(),
            Self::Rows { rows, .. } => word(rows, 4 * at)?,
        })
    }
}

/// The rows of a box of version, flags, number of rows and rows.
fn counted(mut table: Body<'_>, width: u64, whole: &Bytes) -> Result<Bytes, Error> {
    table.version_and_flags()?;
    let count = table.u32()?;
    Ok(rows(&table, count, width, whole))
}

/// As many rows as are counted, or those that are there.
fn rows(table: &Body<'_>, count: u32, width: u64, whole: &Bytes) -> Bytes {
    let size = usize::try_from(u64::from(count) * width).unwrap_or(usize::MAX);
    whole.slice_ref(&table.rest[..size.min(table.rest.len())])
}

fn word(rows: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*rows.get(at..)?.first_chunk()?))
}

/// Rows of a count and a value: `stts`, `ctts` (8.6.1).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Runs {
    rows: Bytes,
    at: usize,
    left: u32,
    value: u32,
}

impl Runs {
    fn read(table: Option<Body<'_>>, whole: &Bytes) -> Result<Self, Error> {
        let rows = table.map_or(Ok(Bytes::new()), |table| counted(table, 8, whole))?;
        Ok(Self { rows, ..Self::default() })
    }

    fn next(&mut self) -> Option<u32> {
        while self.left == 0 {
            self.left = word(&self.rows, self.at)?;
            self.value = word(&self.rows, self.at + 4)?;
            self.at += 8;
        }
        self.left -= 1;
        Some(self.value)
    }

    /// The next value; where rows are missing the last one goes on.
    fn next_or_last(&mut self) -> u32 {
        self.next().unwrap_or(self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::mp4::boxes::put_full_box;

    /// A box of rows of so many bytes, with its type.
    fn table(out: &mut Vec<u8>, kind: [u8; 4], count: u32, rows: &[&[u8]]) {
        put_full_box(out, &kind, 0, 0, |out| {
            out.extend(count.to_be_bytes());
            rows.iter().for_each(|row| out.extend_from_slice(row));
        });
    }

    #[test]
    fn sizes_of_4_bits_and_offsets_of_64_are_read() {
        let mut stbl = Vec::new();
        // ISO/IEC 14496-12, 8.7.3.3: two sizes in a byte, the first in its higher half, three bytes and the width in front.
        put_full_box(&mut stbl, b"stz2", 0, 0, |out| {
            out.extend([0, 0, 0, 4, 0, 0, 0, 5, 0x1F, 0x20, 0xA0]);
        });
        table(&mut stbl, *b"stts", 1, &[&[0, 0, 0, 5, 0, 0, 0, 10]]);
        table(&mut stbl, *b"stsc", 1, &[&[0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 1]]);
        let far = (1_u64 << 32) + 7;
        table(&mut stbl, *b"co64", 2, &[&far.to_be_bytes(), &100_u64.to_be_bytes()]);
        let whole = Bytes::from(stbl);
        let mut table = Table::read(Body::new(*b"stbl", 0, &whole), &whole).unwrap();
        assert!(table.lists_samples() && !table.is_in_order());
        let samples = std::iter::from_fn(|| table.next(Kind::Audio, 1_000));
        let found: Vec<_> = samples.map(|sample| (sample.offset, sample.size, sample.dts)).collect();
        // The fourth has no bytes.
        assert_eq!(found, [(far, 1, 0), (far + 1, 15, 10), (far + 16, 2, 20), (100, 10, 40)]);
    }
}
