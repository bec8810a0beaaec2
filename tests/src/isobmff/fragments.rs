//! `moof` and its `mdat`.

use super::boxes::{Box, u32_at, u64_at};
use super::{Movie, Sample};

/// Flags of a sample: it is no sync sample; it depends on others (8.8.3.1).
const NOT_SYNC: u32 = 0x1_0000;
const DEPENDS: u32 = 0x300_0000;

/// Adds the samples of a fragment to the tracks of the movie.
pub(super) fn read(moof: &Box<'_>, mdat: &Box<'_>, movie: &mut Movie, sequence: &mut u32) {
    assert_eq!((moof.kind, mdat.kind), (*b"moof", *b"mdat"), "moof and mdat in turn, at {}", moof.offset);
    let number = moof.one(b"mfhd").full().u32(0);
    assert!(number > *sequence, "fragment {number} after {sequence}");
    *sequence = number;
    let mut at = mdat.offset + mdat.header;
    for traf in moof.all(b"traf") {
        at = read_track(&traf, moof.offset, at, movie);
    }
    assert_eq!(at, mdat.offset + mdat.size, "samples fill mdat to its end");
}

fn read_track(traf: &Box<'_>, base: u64, mut at: u64, movie: &mut Movie) -> u64 {
    let tfhd = traf.one(b"tfhd").full();
    assert_eq!(tfhd.flags & 1, 0, "no absolute offset");
    assert_ne!(tfhd.flags & 0x02_0000, 0, "offsets count from the moof");
    let id = tfhd.u32(0);
    let track = movie.tracks.iter_mut().find(|track| track.id == id).expect("a fragment of a track");
    let [mut duration, mut size, mut flags] = track.defaults.expect("trex was read");
    let mut field = 4;
    for (bit, value) in
        [(2, None), (8, Some(&mut duration)), (0x10, Some(&mut size)), (0x20, Some(&mut flags))]
    {
        if tfhd.flags & bit != 0 {
            if let Some(value) = value {
                *value = tfhd.u32(field);
            }
            field += 4;
        }
    }
    let tfdt = traf.one(b"tfdt").full();
    let mut dts = match tfdt.version {
        1 => u64_at(tfdt.fields, 0),
        _ => tfdt.u32(0).into(),
    }
    .cast_signed();
    if let Some(last) = track.samples.last() {
        let end = last.dts + i64::from(last.duration);
        assert_eq!(dts, end, "track {id}: tfdt goes on where the fragment before it ended");
    }
    for trun in traf.all(b"trun") {
        let run = trun.full();
        assert_ne!(run.flags & 1, 0, "a run says where its samples are");
        assert_eq!(base + u64::from(run.u32(4)), at, "samples follow one another in mdat");
        let first_flags = (run.flags & 4 != 0).then(|| run.u32(8));
        let head = if first_flags.is_some() { 12 } else { 8 };
        let columns = [0x100, 0x200, 0x400, 0x800].map(|bit| run.flags & bit != 0);
        let width = columns.iter().filter(|is_there| **is_there).count() * 4;
        let rows = &run.fields[head..];
        assert_eq!(rows.len(), run.u32(0) as usize * width, "trun has as many rows as it says");
        for (index, row) in rows.chunks(width.max(1)).enumerate() {
            let mut column = 0;
            let mut next = |is_there: bool, default: u32| {
                if !is_there {
                    return default;
                }
                column += 4;
                u32_at(row, column - 4)
            };
            let duration = next(columns[0], duration);
            let size = next(columns[1], size);
            let default = first_flags.filter(|_| index == 0).unwrap_or(flags);
            let flags = next(columns[2], default);
            let cts = next(columns[3], 0).cast_signed();
            assert!(duration > 0 && size > 0, "sample {index} at {at} lasts and has bytes");
            let key = flags & NOT_SYNC == 0;
            let depends = flags & DEPENDS;
            assert_eq!(
                depends,
                if key { 0x200_0000 } else { 0x100_0000 },
                "a sync sample depends on no other"
            );
            track.samples.push(Sample { offset: at, size, dts, cts: cts.into(), duration, key });
            at += u64::from(size);
            dts += i64::from(duration);
        }
    }
    at
}
