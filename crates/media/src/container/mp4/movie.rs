//! The movie box: which tracks there are, and where a finished file keeps their samples (ISO/IEC 14496-12, 8.2 to
//! 8.7).

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::boxes::{Body, IDENTITY};
use super::entry::read_description;
use crate::{Error, Kind, Reason, Track};

/// Tracks of a movie that are looked at; those that are neither seen nor heard count too.
const MAX_TRACKS: usize = 64;
/// Ticks per second of a track at most: a clock finer than a tenth of a microsecond is a mistake.
const MAX_TIMESCALE: u32 = 10_000_000;
/// The latest time that is believed, in ticks: sums with durations stay far from overflowing.
pub(super) const MAX_TIME: u64 = 1 << 60;

/// The tracks that are taken from a movie: at most one of each kind.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Movie {
    pub(super) sources: Vec<Source>,
}

/// A track of the input.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Source {
    pub(super) id: u32,
    /// As its sample entry describes it.
    pub(super) track: Track,
    /// What its fragments leave unsaid (8.8.3).
    pub(super) defaults: Defaults,
    /// Ticks from its media time to the take's time: what its edit list says, and for all tracks together so much
    /// later that no decoding time is below 0.
    pub(super) shift: i64,
    /// Whether its edit list leaves out the beginning of its media.
    pub(super) skips: bool,
    /// Where the samples are that the movie box itself lists.
    pub(super) table: Table,
    /// The next one of them.
    pub(super) upcoming: Option<Placed>,
    /// Decoding time at which the last fragment ended.
    pub(super) end_dts: Option<i64>,
}

/// Values for samples whose run does not say them.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Defaults {
    pub(super) duration: u32,
    pub(super) size: u32,
    pub(super) flags: u32,
}

/// A sample, where it lies in the input and when it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Placed {
    pub(super) kind: Kind,
    /// Bytes from the start of the file, or of the input for a sample of a fragment.
    pub(super) offset: u64,
    pub(super) size: u32,
    /// Decoding time as the file says it.
    pub(super) dts: i64,
    pub(super) cts: i32,
    pub(super) duration: u32,
    pub(super) key: bool,
}

/// Reads the content of a `moov` box.
pub(super) fn read_movie(moov: Body<'_>) -> Result<Movie, Error> {
    let movie_timescale = read_movie_timescale(moov)?;
    let mut movie = Movie::default();
    let mut shifts = Vec::new();
    let mut refused = Vec::new();
    let mut count = 0;
    for trak in moov.children() {
        let trak = trak?;
        if trak.kind != *b"trak" {
            continue;
        }
        count += 1;
        if count > MAX_TRACKS {
            return Err(
                Reason::OverLimit { what: "the number of tracks", limit: MAX_TRACKS as u64 }.at(trak.offset)
            );
        }
        let Some(kind) = read_kind(trak)? else { continue };
        if movie.source(kind).is_some() {
            continue;
        }
        match read_track(trak, kind) {
            Ok(source) => {
                let presentation = read_presentation(trak, &source.track, movie_timescale)?;
                shifts.push(presentation.shift);
                movie.sources.push(Source { skips: presentation.skips, ..source });
            }
            Err(error) if matches!(error.reason, Reason::UnsupportedCodec(_)) => refused.push((kind, error)),
            Err(error) => return Err(error),
        }
    }
    if let Some((_, error)) = refused.into_iter().find(|(kind, _)| movie.source(*kind).is_none()) {
        return Err(error);
    }
    if movie.sources.is_empty() {
        return Err(moov.malformed("a movie without a picture and without sound"));
    }
    movie.set_shifts(&shifts);
    movie.read_defaults(moov)?;
    Ok(movie)
}

impl Movie {
    /// The track of a kind.
    pub(super) fn source(&self, kind: Kind) -> Option<&Source> {
        self.sources.iter().find(|source| source.track.kind() == kind)
    }

    pub(super) fn source_mut(&mut self, kind: Kind) -> Option<&mut Source> {
        self.sources.iter_mut().find(|source| source.track.kind() == kind)
    }

    /// The sample of the tables that comes next in the file.
    pub(super) fn upcoming(&self) -> Option<Placed> {
        self.sources.iter().filter_map(|source| source.upcoming).min_by_key(|sample| sample.offset)
    }

    /// Goes on to the sample after the next of a track.
    pub(super) fn advance(&mut self, kind: Kind) {
        if let Some(source) = self.source_mut(kind) {
            source.upcoming = source.table.next(kind);
        }
    }

    /// Adds the same whole milliseconds to all tracks, so that none begins before 0.
    fn set_shifts(&mut self, shifts: &[i64]) {
        let early_ms = |(source, shift): (&Source, &i64)| {
            let (early, scale) =
                (i128::from(shift.min(&0).unsigned_abs()), i128::from(source.track.timescale));
            (early * 1000 + scale - 1) / scale
        };
        let later_ms = self.sources.iter().zip(shifts).map(early_ms).max().unwrap_or(0);
        let later_ms = i64::try_from(later_ms).unwrap_or(0);
        for (source, shift) in self.sources.iter_mut().zip(shifts) {
            source.shift = shift.saturating_add(source.track.to_ticks(later_ms));
        }
    }

    /// `trex` of each track (8.8.3).
    fn read_defaults(&mut self, moov: Body<'_>) -> Result<(), Error> {
        let Some(mvex) = moov.find(b"mvex")? else { return Ok(()) };
        for trex in mvex.children() {
            let mut trex = trex?;
            if trex.kind != *b"trex" {
                continue;
            }
            trex.version_and_flags()?;
            let id = trex.u32()?;
            trex.u32()?;
            let defaults = Defaults { duration: trex.u32()?, size: trex.u32()?, flags: trex.u32()? };
            if let Some(source) = self.sources.iter_mut().find(|source| source.id == id) {
                source.defaults = defaults;
            }
        }
        Ok(())
    }
}

/// Ticks per second of the edit lists' durations (8.2.2).
fn read_movie_timescale(moov: Body<'_>) -> Result<u32, Error> {
    let mut mvhd = moov.require(b"mvhd", "a movie without its header")?;
    let (version, _) = mvhd.version_and_flags()?;
    mvhd.bytes(if version == 0 { 8 } else { 16 })?;
    let timescale = mvhd.u32()?;
    if timescale == 0 { Err(mvhd.malformed("a movie with a timescale of 0")) } else { Ok(timescale) }
}

/// What the handler (8.4.3) says a track is for; `None` for what is neither seen nor heard.
fn read_kind(trak: Body<'_>) -> Result<Option<Kind>, Error> {
    let mdia = trak.require(b"mdia", "a track without media")?;
    let mut hdlr = mdia.require(b"hdlr", "media without a handler")?;
    hdlr.bytes(8)?;
    Ok(match hdlr.bytes(4)? {
        b"vide" => Some(Kind::Video),
        b"soun" => Some(Kind::Audio),
        _ => None,
    })
}

fn read_track(trak: Body<'_>, kind: Kind) -> Result<Source, Error> {
    let mut tkhd = trak.require(b"tkhd", "a track without its header")?;
    let (version, _) = tkhd.version_and_flags()?;
    tkhd.bytes(if version == 0 { 8 } else { 16 })?;
    let id = tkhd.u32()?;
    tkhd.bytes(if version == 0 { 24 } else { 28 })?;
    let mut matrix = IDENTITY;
    for value in &mut matrix {
        *value = tkhd.u32()?.cast_signed();
    }
    let mdia = trak.require(b"mdia", "a track without media")?;
    let timescale = read_timescale(mdia)?;
    let minf = mdia.require(b"minf", "media without information")?;
    let stbl = minf.require(b"stbl", "media without a sample table")?;
    let entry = read_description(stbl.require(b"stsd", "a sample table without descriptions")?, kind)?;
    let mut table = Table::read(stbl)?;
    let upcoming = table.next(kind);
    let track = Track {
        codec: entry.codec,
        timescale,
        width: entry.width,
        height: entry.height,
        sample_rate: entry.sample_rate,
        channels: entry.channels,
        config: entry.config,
        matrix: Some(matrix).filter(|matrix| kind == Kind::Video && *matrix != IDENTITY),
        pixel_aspect: None,
    };
    Ok(Source {
        id,
        track,
        defaults: Defaults::default(),
        shift: 0,
        skips: false,
        table,
        upcoming,
        end_dts: None,
    })
}

/// Ticks per second of a track (8.4.2).
fn read_timescale(mdia: Body<'_>) -> Result<u32, Error> {
    let mut mdhd = mdia.require(b"mdhd", "media without its header")?;
    let (version, _) = mdhd.version_and_flags()?;
    mdhd.bytes(if version == 0 { 8 } else { 16 })?;
    let at = mdhd.offset;
    match mdhd.u32()? {
        0 => Err(Reason::Malformed("a track with a timescale of 0").at(at)),
        timescale if timescale > MAX_TIMESCALE => {
            Err(Reason::OverLimit { what: "the timescale of a track", limit: MAX_TIMESCALE.into() }.at(at))
        }
        timescale => Ok(timescale),
    }
}

/// What an edit list says of a track.
#[derive(Default)]
struct Presentation {
    /// Ticks from media time to presentation time.
    shift: i64,
    /// Whether the beginning of the media is left out.
    skips: bool,
}

/// Reads the edit list (8.6.6): the empty edits in front delay the track, the first edit after them says what media time
/// is shown then. What comes after the first edit cannot be said of a recording and is passed over.
fn read_presentation(trak: Body<'_>, track: &Track, movie_timescale: u32) -> Result<Presentation, Error> {
    let Some(edts) = trak.find(b"edts")? else { return Ok(Presentation::default()) };
    let Some(mut elst) = edts.find(b"elst")? else { return Ok(Presentation::default()) };
    let (version, _) = elst.version_and_flags()?;
    let mut delay = 0_u128;
    for _ in 0..elst.u32()? {
        let at = elst.offset;
        let duration = elst.wide(version)?;
        let media_time =
            if version == 0 { elst.u32()?.cast_signed().into() } else { elst.u64()?.cast_signed() };
        elst.u32()?;
        if media_time < 0 {
            delay = delay.saturating_add(duration.into());
            continue;
        }
        let scale = u128::from(movie_timescale);
        let delay = (delay.saturating_mul(track.timescale.into()).saturating_add(scale / 2)) / scale;
        if delay.max(media_time.unsigned_abs().into()) > MAX_TIME.into() {
            return Err(Reason::OverLimit { what: "the time of an edit", limit: MAX_TIME }.at(at));
        }
        return Ok(Presentation { shift: delay as i64 - media_time, skips: media_time > 0 });
    }
    Ok(Presentation::default())
}

/// The sample tables of a finished file, read row by row as samples are asked for.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Table {
    durations: Runs,
    composition: Runs,
    /// Bytes of every sample where all have as many, else 0 and a row for each.
    size: u32,
    sizes: Bytes,
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

/// How far a table has been read.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Cursor {
    sample: u32,
    chunk: u32,
    row: usize,
    left_in_chunk: u32,
    offset: u64,
    dts: i64,
    sync_row: usize,
}

impl Table {
    fn read(stbl: Body<'_>) -> Result<Self, Error> {
        let Some(mut stsz) = stbl.find(b"stsz")? else { return Ok(Self::default()) };
        stsz.version_and_flags()?;
        let size = stsz.u32()?;
        let count = stsz.u32()?;
        let sizes = if size == 0 { rows(&mut stsz, count, 4)? } else { Bytes::new() };
        let (chunks, wide) = match stbl.find(b"co64")? {
            Some(co64) => (counted(co64, 8)?, true),
            None => (stbl.find(b"stco")?.map_or(Ok(Bytes::new()), |stco| counted(stco, 4))?, false),
        };
        Ok(Self {
            durations: Runs::read(stbl.find(b"stts")?)?,
            composition: Runs::read(stbl.find(b"ctts")?)?,
            size,
            sizes,
            count,
            per_chunk: stbl.find(b"stsc")?.map_or(Ok(Bytes::new()), |stsc| counted(stsc, 12))?,
            chunks,
            wide,
            sync: stbl.find(b"stss")?.map(|stss| counted(stss, 4)).transpose()?,
            at: Cursor::default(),
        })
    }

    /// The next sample; `None` after the last, and where the tables contradict each other.
    fn next(&mut self, kind: Kind) -> Option<Placed> {
        if self.at.sample >= self.count {
            return None;
        }
        if self.at.left_in_chunk == 0 {
            self.next_chunk()?;
        }
        let size = if self.size > 0 { self.size } else { word(&self.sizes, 4 * self.at.sample as usize)? };
        let duration = self.durations.next()?;
        let cts = self.composition.next().unwrap_or(0).cast_signed();
        let number = self.at.sample + 1;
        let key = self.is_sync(number);
        let placed = Placed { kind, offset: self.at.offset, size, dts: self.at.dts, cts, duration, key };
        self.at.sample = number;
        self.at.left_in_chunk -= 1;
        self.at.offset = self.at.offset.checked_add(size.into())?;
        self.at.dts = self.at.dts.checked_add(duration.into())?;
        Some(placed)
    }

    fn next_chunk(&mut self) -> Option<()> {
        let chunk = self.at.chunk;
        self.at.offset = if self.wide {
            u64::from_be_bytes(*self.chunks.get(8 * chunk as usize..)?.first_chunk()?)
        } else {
            word(&self.chunks, 4 * chunk as usize)?.into()
        };
        // A row holds for the chunks from its number, counted from 1, to before the next row's.
        while word(&self.per_chunk, 12 * (self.at.row + 1))
            .is_some_and(|first| first <= chunk.saturating_add(1))
        {
            self.at.row += 1;
        }
        self.at.left_in_chunk = word(&self.per_chunk, 12 * self.at.row + 4).filter(|samples| *samples > 0)?;
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

/// The rows of a box of version, flags, number of rows and rows.
fn counted(mut table: Body<'_>, width: u64) -> Result<Bytes, Error> {
    table.version_and_flags()?;
    let count = table.u32()?;
    rows(&mut table, count, width)
}

fn rows(table: &mut Body<'_>, count: u32, width: u64) -> Result<Bytes, Error> {
    let size = usize::try_from(u64::from(count) * width).unwrap_or(usize::MAX);
    Ok(Bytes::copy_from_slice(table.bytes(size)?))
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
    fn read(table: Option<Body<'_>>) -> Result<Self, Error> {
        Ok(Self { rows: table.map_or(Ok(Bytes::new()), |table| counted(table, 8))?, ..Self::default() })
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
}
