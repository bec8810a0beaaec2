//! A movie apart from the boxes that it came in: its tracks, their samples, and how the file is laid out.

use std::ops::Range;

use super::tree::{FourCc, find, parse, u16_at, u32_at, u64_at};

/// A movie.
#[derive(Debug, Clone)]
pub(crate) struct Movie {
    pub(crate) ftyp: Vec<u8>,
    pub(crate) timescale: u32,
    pub(crate) tracks: Vec<Track>,
    pub(crate) layout: Layout,
}

/// A track.
#[derive(Debug, Clone)]
pub(crate) struct Track {
    pub(crate) id: u32,
    pub(crate) handler: FourCc,
    pub(crate) timescale: u32,
    pub(crate) language: u16,
    /// Of `tkhd`: enabled, in the movie, in the preview.
    pub(crate) flags: u32,
    pub(crate) group: u16,
    pub(crate) volume: u16,
    pub(crate) matrix: [u8; 36],
    /// Width and height of `tkhd`, in 16.16.
    pub(crate) size: (u32, u32),
    /// Sample entries, whole boxes.
    pub(crate) entries: Vec<Vec<u8>>,
    /// Duration in the movie's ticks, media time in the track's.
    pub(crate) edits: Option<Vec<(u64, i64)>>,
    pub(crate) samples: Vec<Sample>,
}

/// A sample.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) dts: i64,
    pub(crate) cts: i64,
    pub(crate) duration: u32,
    pub(crate) key: bool,
    /// Its sample description, from 0.
    pub(crate) entry: usize,
    pub(crate) data: Vec<u8>,
}

/// Samples of one track that lie together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) track: usize,
    pub(crate) samples: Range<usize>,
}

/// The chunks of a track that is read: where each begins, and its samples.
type Placed = Vec<(u64, Range<usize>)>;

/// How a file is laid out.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// The chunks of the file in its order, gathered in fragments.
    pub(crate) fragments: Vec<Vec<Chunk>>,
    pub(crate) is_fragmented: bool,
    pub(crate) moov_last: bool,
    pub(crate) co64: bool,
    /// Bits of a size in `stz2`.
    pub(crate) stz2: Option<u8>,
    /// A row of `stts` and `ctts` for each sample.
    pub(crate) long_tables: bool,
    /// Versions 1 of `mvhd`, `tkhd`, `mdhd`, `elst`.
    pub(crate) long_heads: bool,
    /// Version 0 of `ctts` and `trun`, where offsets are not below 0.
    pub(crate) unsigned_offsets: bool,
    pub(crate) offsets: Offsets,
    /// What is the same for all samples of a run stands in `tfhd`.
    pub(crate) defaults_in_tfhd: bool,
    /// Version 0 of `tfdt`: 32 bits.
    pub(crate) short_tfdt: bool,
    pub(crate) first_flags: bool,
    /// Bytes that belong to nothing, between chunks.
    pub(crate) pad: usize,
    /// Each fragment has media boxes of its own for each track.
    pub(crate) many_mdats: bool,
    /// Whether durations in the header are true, zero or nonsense.
    pub(crate) durations: Durations,
    /// Whether no sample is flagged as sync, or all are.
    pub(crate) sync: Sync,
}

/// How a run says where it lies (8.8.7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offsets {
    FromMoof,
    Absolute,
    /// `default-base-is-moof` is not set; the first track counts from the `moof`, the others have offsets too.
    Old,
}

/// What the durations of `mvhd`, `tkhd` and `mdhd` are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durations {
    True,
    Zero,
    Nonsense,
}

/// What is said of sync samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sync {
    True,
    All,
}

impl Movie {
    /// Reads a file of the recordings, which are sound.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let moov = find(bytes, &[b"moov"])?;
        let mut places = Vec::new();
        let mut tracks = Vec::new();
        for (_, trak) in parse(moov).iter().filter(|(kind, _)| kind == b"trak") {
            let (track, at) = read_track(trak, bytes)?;
            places.extend(at.into_iter().map(|(at, samples)| (at, Chunk { track: tracks.len(), samples })));
            tracks.push(track);
        }
        places.sort_by_key(|(at, _)| *at);
        let mut movie = Self {
            ftyp: find(bytes, &[b"ftyp"])?.to_vec(),
            timescale: head(find(moov, &[b"mvhd"])?, 8, 16).0,
            tracks,
            layout: Layout::plain(places.into_iter().map(|(_, chunk)| chunk).collect()),
        };
        if movie.layout.fragments[0].is_empty() {
            movie.layout.fragments.clear();
        }
        movie.read_fragments(bytes, moov);
        movie.layout.is_fragmented = find(moov, &[b"mvex"]).is_some();
        if !movie.layout.is_fragmented {
            let order = |kind: &FourCc| parse(bytes).iter().position(|(found, _)| found == kind);
            movie.layout.moov_last = order(b"moov") > order(b"mdat");
        }
        movie.tracks.iter().any(|track| !track.samples.is_empty()).then_some(movie)
    }

    /// The first track of a handler.
    pub(crate) fn track(&mut self, handler: &FourCc) -> Option<&mut Track> {
        self.tracks.iter_mut().find(|track| track.handler == *handler && !track.samples.is_empty())
    }

    pub(crate) fn index(&self, handler: &FourCc) -> Option<usize> {
        self.tracks.iter().position(|track| track.handler == *handler && !track.samples.is_empty())
    }

    /// Leaves out what begins after so many milliseconds.
    pub(crate) fn cut(&mut self, ms: i64) {
        let kept: Vec<usize> = self
            .tracks
            .iter_mut()
            .map(|track| {
                let first = track.samples.first().map_or(0, |sample| sample.dts);
                let until = first + ms * i64::from(track.timescale) / 1000;
                let count = track.samples.iter().take_while(|sample| sample.dts < until).count();
                track.samples.truncate(count);
                count
            })
            .collect();
        for fragment in &mut self.layout.fragments {
            for chunk in fragment.iter_mut() {
                chunk.samples.end = chunk.samples.end.min(kept[chunk.track]);
            }
            fragment.retain(|chunk| !chunk.samples.is_empty());
        }
        self.layout.fragments.retain(|fragment| !fragment.is_empty());
        for track in &mut self.tracks {
            let timescale = u64::from(track.timescale);
            if let Some(edits) = &mut track.edits {
                let lasts: u64 = track.samples.iter().map(|sample| u64::from(sample.duration)).sum();
                for (duration, time) in edits.iter_mut().filter(|(_, time)| *time >= 0) {
                    let rest = lasts.saturating_sub(time.unsigned_abs());
                    *duration = (*duration).min(rest * u64::from(self.timescale) / timescale);
                }
                // All that it showed is cut off.
                if edits.iter().all(|(duration, time)| *duration == 0 || *time < 0) {
                    track.edits = None;
                }
            }
        }
    }

    /// Puts the samples of a track into chunks of its own again, after their number has changed: they are
    /// appended to the fragment in whose time they are.
    pub(crate) fn chunk_anew(&mut self, index: usize, per_chunk: usize) {
        let count = self.tracks[index].samples.len();
        for fragment in &mut self.layout.fragments {
            fragment.retain(|chunk| chunk.track != index);
        }
        if self.layout.fragments.is_empty() {
            self.layout.fragments.push(Vec::new());
        }
        let fragments = self.layout.fragments.len();
        for (number, fragment) in self.layout.fragments.iter_mut().enumerate() {
            let (from, to) = (number * count / fragments, (number + 1) * count / fragments);
            let mut at = from;
            while at < to {
                let end = at.saturating_add(per_chunk).min(to);
                fragment.push(Chunk { track: index, samples: at..end });
                at = end;
            }
        }
    }

    fn read_fragments(&mut self, bytes: &[u8], moov: &[u8]) {
        let mut ends: Vec<i64> = vec![0; self.tracks.len()];
        for (kind, payload) in parse(bytes) {
            if &kind != b"moof" {
                continue;
            }
            let moof = payload.as_ptr() as usize - bytes.as_ptr() as usize - 8;
            let mut fragment = Vec::new();
            for (_, traf) in parse(payload).iter().filter(|(kind, _)| kind == b"traf") {
                self.read_traf(traf, (bytes, moov), moof, &mut ends, &mut fragment);
            }
            self.layout.fragments.push(fragment);
        }
    }

    fn read_traf(
        &mut self,
        traf: &[u8],
        (bytes, moov): (&[u8], &[u8]),
        moof: usize,
        ends: &mut [i64],
        fragment: &mut Vec<Chunk>,
    ) -> Option<()> {
        let tfhd = find(traf, &[b"tfhd"])?;
        let (flags, id) = (u32_at(tfhd, 0) & 0xFF_FFFF, u32_at(tfhd, 4));
        let index = self.tracks.iter().position(|track| track.id == id)?;
        let trex = parse(find(moov, &[b"mvex"])?);
        let trex = trex.iter().find(|(kind, trex)| kind == b"trex" && u32_at(trex, 4) == id)?.1;
        let mut defaults = [u32_at(trex, 12), u32_at(trex, 16), u32_at(trex, 20)];
        let mut base = moof;
        let mut at = 8;
        if flags & 1 != 0 {
            base = u64_at(tfhd, at) as usize;
            at += 8;
        }
        at += if flags & 2 != 0 { 4 } else { 0 };
        for (bit, field) in [(8, 0), (0x10, 1), (0x20, 2)] {
            if flags & bit != 0 {
                defaults[field] = u32_at(tfhd, at);
                at += 4;
            }
        }
        let mut dts = match find(traf, &[b"tfdt"]) {
            Some(tfdt) if tfdt[0] == 1 => u64_at(tfdt, 4).cast_signed(),
            Some(tfdt) => u32_at(tfdt, 4).into(),
            None => ends[index],
        };
        let mut place = base;
        for (_, trun) in parse(traf).iter().filter(|(kind, _)| kind == b"trun") {
            let flags = u32_at(trun, 0) & 0xFF_FFFF;
            let mut at = 8;
            if flags & 1 != 0 {
                place = (base as i64 + i64::from(u32_at(trun, at).cast_signed())) as usize;
                at += 4;
            }
            let first = (flags & 4 != 0).then(|| u32_at(trun, at));
            at += if first.is_some() { 4 } else { 0 };
            let from = self.tracks[index].samples.len();
            for number in 0..u32_at(trun, 4) {
                let mut next = |bit: u32, default: u32| {
                    if flags & bit == 0 {
                        return default;
                    }
                    at += 4;
                    u32_at(trun, at - 4)
                };
                let duration = next(0x100, defaults[0]);
                let size = next(0x200, defaults[1]) as usize;
                let default = first.filter(|_| number == 0).unwrap_or(defaults[2]);
                let flags = next(0x400, default);
                let cts = i64::from(next(0x800, 0).cast_signed());
                let key = flags & 0x1_0000 == 0;
                let data = bytes.get(place..place + size)?.to_vec();
                self.tracks[index].samples.push(Sample { dts, cts, duration, key, entry: 0, data });
                dts += i64::from(duration);
                place += size;
            }
            let samples = from..self.tracks[index].samples.len();
            fragment.push(Chunk { track: index, samples });
        }
        ends[index] = dts;
        Some(())
    }
}

impl Layout {
    fn plain(chunks: Vec<Chunk>) -> Self {
        Self {
            fragments: vec![chunks],
            is_fragmented: false,
            moov_last: false,
            co64: false,
            stz2: None,
            long_tables: false,
            long_heads: false,
            unsigned_offsets: false,
            offsets: Offsets::FromMoof,
            defaults_in_tfhd: false,
            short_tfdt: false,
            first_flags: false,
            pad: 0,
            many_mdats: false,
            durations: Durations::True,
            sync: Sync::True,
        }
    }
}

/// Timescale and duration of `mvhd` and `mdhd`, at their places in versions 0 and 1.
fn head(full: &[u8], short: usize, long: usize) -> (u32, u64) {
    match full.first() {
        Some(1) => (u32_at(full, long + 4), u64_at(full, long + 8)),
        _ => (u32_at(full, short + 4), u32_at(full, short + 8).into()),
    }
}

/// A track, and where its chunks lie.
fn read_track(trak: &[u8], file: &[u8]) -> Option<(Track, Placed)> {
    let tkhd = find(trak, &[b"tkhd"])?;
    let mdia = find(trak, &[b"mdia"])?;
    let mdhd = find(mdia, &[b"mdhd"])?;
    let stbl = find(mdia, &[b"minf", b"stbl"])?;
    let stsd = find(stbl, &[b"stsd"])?;
    let tail = tkhd.len().checked_sub(44)?;
    let mut entries = Vec::new();
    let mut rest = &stsd[8..];
    while rest.len() >= 8 {
        let (entry, after) = rest.split_at_checked(u32_at(rest, 0) as usize)?;
        entries.push(entry.to_vec());
        rest = after;
    }
    let edits = find(trak, &[b"edts", b"elst"]).map(read_edits);
    let (samples, places) = read_samples(stbl, file)?;
    let track = Track {
        id: u32_at(tkhd, if tkhd[0] == 1 { 20 } else { 12 }),
        handler: find(mdia, &[b"hdlr"])?.get(8..12)?.try_into().ok()?,
        timescale: head(mdhd, 8, 16).0,
        language: u16_at(mdhd, if mdhd[0] == 1 { 32 } else { 20 }),
        flags: u32_at(tkhd, 0) & 0xFF_FFFF,
        group: u16_at(tkhd, tail - 6),
        volume: u16_at(tkhd, tail - 4),
        matrix: tkhd[tail..tail + 36].try_into().ok()?,
        size: (u32_at(tkhd, tail + 36), u32_at(tkhd, tail + 40)),
        entries,
        edits,
        samples,
    };
    Some((track, places))
}

fn read_edits(elst: &[u8]) -> Vec<(u64, i64)> {
    let count = u32_at(elst, 4) as usize;
    (0..count)
        .map(|row| match elst[0] {
            1 => (u64_at(elst, 8 + row * 20), u64_at(elst, 16 + row * 20).cast_signed()),
            _ => (u32_at(elst, 8 + row * 12).into(), u32_at(elst, 12 + row * 12).cast_signed().into()),
        })
        .collect()
}

/// Values of a table of runs.
fn runs(table: Option<&[u8]>, count: usize) -> Vec<u32> {
    let mut values = Vec::new();
    if let Some(table) = table {
        for row in 0..u32_at(table, 4) as usize {
            let times = u32_at(table, 8 + row * 8) as usize;
            values.extend(std::iter::repeat_n(u32_at(table, 12 + row * 8), times.min(1_000_000)));
        }
    }
    values.resize(count, 0);
    values
}

/// Samples, and the place and the samples of each chunk.
fn read_samples(stbl: &[u8], file: &[u8]) -> Option<(Vec<Sample>, Placed)> {
    let stsz = find(stbl, &[b"stsz"])?;
    let count = u32_at(stsz, 8) as usize;
    let size = |index: usize| match u32_at(stsz, 4) {
        0 => u32_at(stsz, 12 + index * 4),
        same => same,
    };
    let durations = runs(find(stbl, &[b"stts"]), count);
    let offsets = runs(find(stbl, &[b"ctts"]), count);
    let stss = find(stbl, &[b"stss"]);
    let keys: Option<Vec<u32>> =
        stss.map(|stss| (0..u32_at(stss, 4) as usize).map(|row| u32_at(stss, 8 + row * 4)).collect());
    let chunks: Vec<u64> = match (find(stbl, &[b"stco"]), find(stbl, &[b"co64"])) {
        (Some(stco), _) => {
            (0..u32_at(stco, 4) as usize).map(|row| u32_at(stco, 8 + row * 4).into()).collect()
        }
        (_, Some(co64)) => (0..u32_at(co64, 4) as usize).map(|row| u64_at(co64, 8 + row * 8)).collect(),
        _ => Vec::new(),
    };
    let stsc = find(stbl, &[b"stsc"])?;
    let rows: Vec<[u32; 3]> = (0..u32_at(stsc, 4) as usize)
        .map(|row| [0, 4, 8].map(|field| u32_at(stsc, 8 + row * 12 + field)))
        .collect();
    let (mut samples, mut places, mut dts) = (Vec::new(), Vec::new(), 0);
    for (number, place) in (1_u32..).zip(&chunks) {
        let [_, per_chunk, entry] = rows.iter().rev().find(|row| row[0] <= number)?;
        let from = samples.len();
        let mut at = *place as usize;
        for index in (from..count).take(*per_chunk as usize) {
            let end = at + size(index) as usize;
            samples.push(Sample {
                dts,
                cts: offsets[index].cast_signed().into(),
                duration: durations[index],
                key: keys.as_ref().is_none_or(|keys| keys.contains(&(index as u32 + 1))),
                entry: *entry as usize - 1,
                data: file.get(at..end)?.to_vec(),
            });
            dts += i64::from(durations[index]);
            at = end;
        }
        places.push((*place, from..samples.len()));
    }
    Some((samples, places))
}
