//! `trak`, and the sample tables in it.

use super::boxes::{Box, FourCc, u16_at, u32_at, u64_at};
use super::{Sample, Track};

/// Reads a track; the second is whether its chunk offsets are of 64 bits.
pub(super) fn read_track(trak: &Box<'_>, with_samples: bool) -> (Track, bool) {
    let tkhd = trak.one(b"tkhd").full();
    let (id, shown_ms) = tkhd.times(true);
    assert_eq!(tkhd.flags & 3, 3, "the track is enabled and in the movie");
    let tail = &tkhd.fields[tkhd.fields.len() - 44..];
    let matrix: [i32; 9] = std::array::from_fn(|at| u32_at(tail, at * 4).cast_signed());
    assert_eq!((matrix[2], matrix[5], matrix[8]), (0, 0, 0x4000_0000), "a matrix of a plane");
    let size = (u32_at(tail, 36) >> 16, u32_at(tail, 40) >> 16);

    let mdia = trak.one(b"mdia");
    let (timescale, media_duration) = mdia.one(b"mdhd").full().times(false);
    assert!(timescale > 0, "mdhd has a timescale");
    let handler: FourCc = mdia.one(b"hdlr").full().fields[4..8].try_into().expect("four bytes");
    let minf = mdia.one(b"minf");
    match &handler {
        b"vide" => {
            minf.one(b"vmhd");
            assert!(size.0 > 0 && size.1 > 0, "a picture has a size");
        }
        b"soun" => {
            minf.one(b"smhd");
            assert_eq!(size, (0, 0), "sound has no size");
        }
        other => panic!("a track of {}", String::from_utf8_lossy(other)),
    }
    let dref = minf.one(b"dinf").one(b"dref");
    let [url] = dref.children(8).try_into().expect("one data reference");
    assert_eq!((url.kind, url.full().flags), (*b"url ", 1), "the media is in this file");

    let stbl = minf.one(b"stbl");
    let entry = read_entry(&stbl.one(b"stsd"), &handler, size);
    let edits = trak.maybe(b"edts").map(|edts| read_edits(&edts.one(b"elst"))).unwrap_or_default();
    let (samples, wide) = read_samples(&stbl);
    assert_eq!(samples.is_empty(), !with_samples, "samples in the moov");
    let track = Track {
        id,
        handler,
        timescale,
        matrix,
        size,
        entry,
        samples,
        shift: 0,
        edits,
        shown_ms,
        media_duration,
        defaults: None,
    };
    (track, wide)
}

/// The size at which a picture is shown: `pasp` makes one side longer (ISO/IEC 14496-12, 12.1.4).
fn shown_size((width, height): (u32, u32), children: &[Box<'_>]) -> (u32, u32) {
    let Some(pasp) = children.iter().find(|child| child.kind == *b"pasp") else { return (width, height) };
    let [across, down] = [0, 4].map(|at| f64::from(u32_at(pasp.payload(), at)));
    let longer = |side: u32, by: f64| (f64::from(side) * by).round() as u32;
    if across > down {
        (longer(width, across / down), height)
    } else {
        (width, longer(height, down / across))
    }
}

/// The one sample entry: its configuration record is there, and its picture has the size of `tkhd`.
fn read_entry(stsd: &Box<'_>, handler: &FourCc, size: (u32, u32)) -> FourCc {
    assert_eq!(stsd.full().u32(0), 1, "one sample description");
    let [entry] = stsd.children(8).try_into().expect("one sample entry");
    assert_eq!(u16_at(entry.payload(), 6), 1, "of the first data reference");
    let (own, record): (usize, &FourCc) = match (&entry.kind, handler) {
        (b"avc1", b"vide") => (78, b"avcC"),
        (b"hvc1" | b"hev1", b"vide") => (78, b"hvcC"),
        (b"vp09", b"vide") => (78, b"vpcC"),
        (b"av01", b"vide") => (78, b"av1C"),
        (b"Opus", b"soun") => (28, b"dOps"),
        (b"mp4a", b"soun") => (28, b"esds"),
        (other, _) => panic!("a sample entry {}", String::from_utf8_lossy(other)),
    };
    if handler == b"vide" {
        let picture = (u16_at(entry.payload(), 24).into(), u16_at(entry.payload(), 26).into());
        let shown = shown_size(picture, &entry.children(own));
        assert_eq!(shown, size, "the sample entry's picture is tkhd's, in the shape of its pixels");
    } else {
        assert!(u16_at(entry.payload(), 16) > 0, "channels");
    }
    let records = entry.children(own).into_iter().filter(|child| child.kind == *record).count();
    assert_eq!(records, 1, "one {}", String::from_utf8_lossy(record));
    entry.kind
}

fn read_edits(elst: &Box<'_>) -> Vec<(u64, i64)> {
    let full = elst.full();
    let width = if full.version == 1 { 5 } else { 3 };
    full.rows(0, width)
        .into_iter()
        .map(|row| {
            let rate = &row[row.len() - 4..];
            assert_eq!(rate, [0, 1, 0, 0], "an edit plays at its own speed");
            match full.version {
                1 => (u64_at(row, 0), u64_at(row, 8).cast_signed()),
                _ => (u32_at(row, 0).into(), i64::from(u32_at(row, 4).cast_signed())),
            }
        })
        .collect()
}

/// `stts`, `ctts`, `stss`, `stsz`, `stsc`, `stco` or `co64`, made into samples.
fn read_samples(stbl: &Box<'_>) -> (Vec<Sample>, bool) {
    let sizes = read_sizes(stbl);
    let durations = read_runs(stbl, b"stts").expect("stts");
    assert_eq!(durations.len(), sizes.len(), "stts has as many samples as stsz");
    let signed = stbl.maybe(b"ctts").is_some_and(|ctts| ctts.full().version == 1);
    let offsets = read_runs(stbl, b"ctts").unwrap_or_else(|| vec![0; sizes.len()]);
    assert_eq!(offsets.len(), sizes.len(), "ctts has as many samples as stsz");
    let keys = read_keys(stbl, sizes.len());
    let (places, wide) = read_places(stbl, &sizes);
    let mut dts = 0;
    let mut samples = Vec::with_capacity(sizes.len());
    for (index, &size) in sizes.iter().enumerate() {
        assert!(durations[index] > 0, "sample {index} lasts");
        assert!(size > 0, "sample {index} has bytes");
        assert!(signed || offsets[index] <= i32::MAX as u32, "a composition offset below zero in version 0");
        samples.push(Sample {
            offset: places[index],
            size,
            dts,
            cts: offsets[index].cast_signed().into(),
            duration: durations[index],
            key: keys[index],
        });
        dts += i64::from(durations[index]);
    }
    assert!(samples.first().is_none_or(|first| first.key), "the first sample is a key");
    (samples, wide)
}

fn read_sizes(stbl: &Box<'_>) -> Vec<u32> {
    let stsz = stbl.one(b"stsz").full();
    match stsz.u32(0) {
        0 => stsz.rows(4, 1).into_iter().map(|row| u32_at(row, 0)).collect(),
        same => {
            assert_eq!(stsz.fields.len(), 8, "no rows where all sizes are the same");
            vec![same; stsz.u32(4) as usize]
        }
    }
}

/// The values of a table of runs, one for each sample.
fn read_runs(stbl: &Box<'_>, kind: &FourCc) -> Option<Vec<u32>> {
    let table = stbl.maybe(kind)?.full();
    let mut values = Vec::new();
    for row in table.rows(0, 2) {
        let count = u32_at(row, 0);
        assert!((1..=10_000_000).contains(&count), "a run of {count} samples");
        values.extend(std::iter::repeat_n(u32_at(row, 4), count as usize));
    }
    Some(values)
}

/// Which samples are keys: all where there is no `stss`.
fn read_keys(stbl: &Box<'_>, count: usize) -> Vec<bool> {
    let Some(stss) = stbl.maybe(b"stss") else { return vec![true; count] };
    let mut keys = vec![false; count];
    let mut last = 0;
    for row in stss.full().rows(0, 1) {
        let number = u32_at(row, 0) as usize;
        assert!(number > last && number <= count, "sync sample {number} after {last} of {count}");
        keys[number - 1] = true;
        last = number;
    }
    keys
}

/// Where each sample lies; the second is whether offsets are of 64 bits.
fn read_places(stbl: &Box<'_>, sizes: &[u32]) -> (Vec<u64>, bool) {
    let chunks: Vec<u64> = match (stbl.maybe(b"stco"), stbl.maybe(b"co64")) {
        (Some(stco), None) => stco.full().rows(0, 1).into_iter().map(|row| u32_at(row, 0).into()).collect(),
        (None, Some(co64)) => co64.full().rows(0, 2).into_iter().map(|row| u64_at(row, 0)).collect(),
        _ => panic!("either stco or co64"),
    };
    let wide = stbl.maybe(b"co64").is_some();
    let stsc = stbl.one(b"stsc").full();
    let rows = stsc.rows(0, 3);
    let mut places = Vec::with_capacity(sizes.len());
    let mut rest = sizes.iter();
    for (index, row) in rows.iter().enumerate() {
        let first = u32_at(row, 0) as usize;
        let until = rows.get(index + 1).map_or(chunks.len() + 1, |next| u32_at(next, 0) as usize);
        assert!(index > 0 || first == 1, "stsc begins with the first chunk");
        assert!(first < until && until <= chunks.len() + 1, "stsc goes on from chunk {first} to {until}");
        assert_eq!(u32_at(row, 8), 1, "the one sample description");
        for &chunk in &chunks[first - 1..until - 1] {
            let mut at = chunk;
            for _ in 0..u32_at(row, 4) {
                places.push(at);
                at += u64::from(*rest.next().expect("stsc has no more samples than stsz"));
            }
        }
    }
    assert!(rest.next().is_none(), "stsc has as many samples as stsz");
    assert!(chunks.is_sorted(), "chunks follow one another");
    (places, wide)
}
