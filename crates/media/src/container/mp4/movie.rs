//! The movie box: which tracks there are, and which of them are taken (ISO/IEC 14496-12, 8.2 to 8.5).

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::boxes::{Body, IDENTITY};
use super::edits::{Edited, Edits};
use super::entry::{Entry, read_descriptions};
use super::table::Table;
use crate::codec::picture;
use crate::{Codec, Error, Kind, Reason, Track};

/// Ticks per second of the movie where it does not say them (8.2.2).
const USUAL_TIMESCALE: u32 = 1_000;
/// The latest time that is believed, in ticks: sums with durations stay far from overflowing.
pub(super) const MAX_TIME: u64 = 1 << 60;
/// Milliseconds that a take begins later on its own clock where frames before it are needed and not shown.
const ROOM_FOR_HIDDEN_MS: i64 = 1_000;

/// The tracks that are taken from a movie: at most one of each kind.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Movie {
    pub(super) sources: Vec<Source>,
    /// Milliseconds that all times are later than the file says, so that none is below 0.
    pub(super) later_ms: i64,
    /// Milliseconds of those times at which what is shown begins.
    pub(super) zero_ms: i64,
    /// Whether fragments may follow.
    pub(super) is_fragmented: bool,
}

/// A track of the input.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Source {
    pub(super) id: u32,
    /// As its sample descriptions describe it, one after the other; `None` for one that is not read here. One is there.
    pub(super) descriptions: Vec<Option<Track>>,
    /// What its fragments leave unsaid (8.8.3).
    pub(super) defaults: Defaults,
    /// What of it is shown, and when.
    pub(super) edits: Edits,
    /// Where the samples are that the movie box itself lists.
    pub(super) table: Table,
    /// The next one of them.
    pub(super) upcoming: Option<Placed>,
    /// Decoding time at which the last fragment ended.
    pub(super) end_dts: Option<i64>,
    kind: Kind,
    timescale: u32,
}

/// Values for samples whose run does not say them.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Defaults {
    pub(super) duration: u32,
    pub(super) size: u32,
    pub(super) flags: u32,
    /// Which of the sample descriptions, from 0.
    pub(super) description: u32,
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
    /// Which of the track's sample descriptions it has, from 0.
    pub(super) description: u32,
}

/// Reads the content of a `moov` box. `whole` are the bytes that it is a part of.
pub(super) fn read_movie(moov: Body<'_>, whole: &Bytes) -> Result<Movie, Error> {
    let movie_timescale = read_movie_timescale(moov);
    let is_fragmented = moov.find(b"mvex").is_some();
    let mut movie = Movie { is_fragmented, ..Movie::default() };
    let (mut earliest_ms, mut shown_ms) = (0, 0);
    for kind in [Kind::Video, Kind::Audio] {
        let Some(candidate) = choose(moov, kind)? else { continue };
        let (source, edited) = candidate.read(movie_timescale, is_fragmented, whole)?;
        let ms = |ticks: i64| ms_rounded_down(ticks, source.timescale);
        let earliest = ms(source.edits.earliest(edited));
        earliest_ms = earliest.min(earliest_ms);
        // What primes the sound is kept and heard; what leads to the first picture is not seen.
        shown_ms = shown_ms.min(match kind {
            Kind::Audio => earliest,
            Kind::Video => source.edits.first_picture(edited).map_or(0, ms),
        });
        movie.sources.push(source);
    }
    if movie.sources.is_empty() {
        return Err(moov.malformed("a movie without a picture and without sound"));
    }
    movie.set_clock(earliest_ms, shown_ms);
    movie.read_defaults(moov);
    Ok(movie)
}

/// A track that may be taken.
struct Candidate<'a> {
    kind: Kind,
    header: TrackHeader,
    trak: Body<'a>,
    mdia: Body<'a>,
    stbl: Body<'a>,
    entries: Vec<Option<Entry>>,
}

/// The track of a kind that the file means to be seen or heard: the first that is switched on (`track_enabled` of `tkhd`,
/// 8.3.2), else the first; one without samples only where no other has any. `None` where there is no track of this kind.
/// A track that is damaged is passed over, and one in a codec that is not taken, unless there is no other.
fn choose(moov: Body<'_>, kind: Kind) -> Result<Option<Candidate<'_>>, Error> {
    let mut chosen: Option<Candidate<'_>> = None;
    let mut refused = None;
    for trak in moov.children().filter(|child| child.kind == *b"trak") {
        match Candidate::of(trak, kind) {
            Ok(None) => {}
            Ok(Some(candidate)) => {
                let is_better = |known: &Candidate<'_>| candidate.rank() > known.rank();
                if chosen.as_ref().is_none_or(is_better) {
                    chosen = Some(candidate);
                }
            }
            Err(error) if is_enabled(trak) => refused = refused.or(Some(error)),
            Err(_) => {}
        }
    }
    match (chosen, refused) {
        (Some(candidate), _) => Ok(Some(candidate)),
        (None, Some(error)) => Err(error),
        (None, None) => Ok(None),
    }
}

/// Whether a track is switched on, where its header can be read.
fn is_enabled(trak: Body<'_>) -> bool {
    trak.find(b"tkhd").is_none_or(|tkhd| tkhd.rest.get(3).is_none_or(|flags| flags & 1 != 0))
}

impl<'a> Candidate<'a> {
    fn of(trak: Body<'a>, kind: Kind) -> Result<Option<Self>, Error> {
        let Some(mdia) = trak.find(b"mdia").filter(|mdia| read_kind(*mdia) == Some(kind)) else {
            return Ok(None);
        };
        let header = TrackHeader::read(trak.require(b"tkhd", "a track without its header")?)?;
        let minf = mdia.require(b"minf", "media without information")?;
        let stbl = minf.require(b"stbl", "media without a sample table")?;
        let stsd = stbl.require(b"stsd", "a sample table without descriptions")?;
        let entries = read_descriptions(stsd, kind)?;
        Ok(Some(Self { kind, header, trak, mdia, stbl, entries }))
    }

    /// The higher, the better.
    fn rank(&self) -> (bool, bool) {
        (self.has_samples(), self.header.is_enabled)
    }

    /// Whether its own tables list samples.
    fn has_samples(&self) -> bool {
        let listed = |kind| self.stbl.find(kind).is_some_and(|table| table.rest.get(8..12) != Some(&[0; 4]));
        listed(b"stsz") || listed(b"stz2")
    }

    fn read(
        self,
        movie_timescale: u32,
        is_fragmented: bool,
        whole: &Bytes,
    ) -> Result<(Source, Edited), Error> {
        let (kind, timescale) = (self.kind, read_timescale(self.mdia)?);
        let mut table = Table::read(self.stbl, whole)?;
        let begins = table.first_shown(kind, timescale);
        // All of the sound may be heard later than it is decoded.
        let later = if kind == Kind::Audio { table.first_offset() } else { 0 };
        let ends = table.ends().map(|ends| ends.saturating_add(later));
        let mut edited =
            Edited { kind, timescale, movie_timescale, is_fragmented, begins, ends, first_shown: None };
        let edits = match self.trak.find(b"edts").and_then(|edts| edts.find(b"elst")) {
            Some(elst) => Edits::read(elst, edited)?,
            None => Edits::default(),
        };
        let heard_from = edits.first_from().and_then(|from| table.begins_before(from.saturating_sub(later)));
        edited.first_shown = heard_from.map(|from| from.saturating_add(later));
        let upcoming = table.next(kind, timescale);
        let header = self.header;
        let track = |entry: Entry| Track {
            codec: entry.codec,
            timescale,
            width: entry.width,
            height: entry.height,
            sample_rate: entry.sample_rate,
            channels: entry.channels,
            pixel_aspect: entry.pixel_aspect.or_else(|| header.pixel_aspect(&entry)),
            config: entry.config,
            matrix: Some(header.matrix).filter(|matrix| kind == Kind::Video && *matrix != IDENTITY),
        };
        let source = Source {
            id: header.id,
            descriptions: self.entries.into_iter().map(|entry| entry.map(track)).collect(),
            defaults: Defaults::default(),
            edits,
            table,
            upcoming,
            end_dts: None,
            kind,
            timescale,
        };
        Ok((source, edited))
    }
}

impl Source {
    /// The kind of the track.
    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// Ticks per second of its times.
    pub(super) fn timescale(&self) -> u32 {
        self.timescale
    }

    /// Goes on to the sample after the next.
    pub(super) fn advance(&mut self) {
        self.upcoming = self.table.next(self.kind, self.timescale);
    }
}

impl Movie {
    /// The track of a kind.
    pub(super) fn source(&self, kind: Kind) -> Option<&Source> {
        self.sources.iter().find(|source| source.kind == kind)
    }

    pub(super) fn source_mut(&mut self, kind: Kind) -> Option<&mut Source> {
        self.sources.iter_mut().find(|source| source.kind == kind)
    }

    /// The sample of the tables that comes next in the file.
    pub(super) fn upcoming(&self) -> Option<Placed> {
        self.sources.iter().filter_map(|source| source.upcoming).min_by_key(|sample| sample.offset)
    }

    /// Goes on to the sample after the next of a track.
    pub(super) fn advance(&mut self, kind: Kind) {
        if let Some(source) = self.source_mut(kind) {
            source.advance();
        }
    }

    /// Whether the samples that the tables list lie in the file in the order of their times.
    pub(super) fn is_in_order(&self) -> bool {
        self.sources.iter().all(|source| source.table.is_in_order())
    }

    /// Whether the tables list samples.
    pub(super) fn lists_samples(&self) -> bool {
        self.sources.iter().any(|source| source.table.lists_samples())
    }

    /// Adds the same whole milliseconds to all times, so that none is below 0. `earliest_ms`: when the first track begins,
    /// which is before 0 where its beginning is left out; `shown_ms`: when what is seen or heard does, at most 0.
    fn set_clock(&mut self, earliest_ms: i64, shown_ms: i64) {
        let hides = self.sources.iter().any(|source| source.edits.hides());
        self.later_ms = if hides { ROOM_FOR_HIDDEN_MS.max(-earliest_ms) } else { -earliest_ms };
        self.zero_ms = self.later_ms.saturating_add(shown_ms);
    }

    /// `trex` of each track (8.8.3).
    fn read_defaults(&mut self, moov: Body<'_>) {
        let Some(mvex) = moov.find(b"mvex") else { return };
        for trex in mvex.children().filter(|child| child.kind == *b"trex") {
            let Ok((id, defaults)) = read_defaults_of_one(trex) else { continue };
            if let Some(source) = self.sources.iter_mut().find(|source| source.id == id) {
                source.defaults = defaults;
            }
        }
    }
}

fn read_defaults_of_one(mut trex: Body<'_>) -> Result<(u32, Defaults), Error> {
    trex.version_and_flags()?;
    let id = trex.u32()?;
    let description = trex.u32()?.saturating_sub(1);
    Ok((id, Defaults { duration: trex.u32()?, size: trex.u32()?, flags: trex.u32()?, description }))
}

fn ms_rounded_down(ticks: i64, timescale: u32) -> i64 {
    let ms = (i128::from(ticks) * 1_000).div_euclid(timescale.into());
    i64::try_from(ms).unwrap_or(0)
}

/// Ticks per second of the edit lists' durations (8.2.2).
fn read_movie_timescale(moov: Body<'_>) -> u32 {
    let read = || -> Option<u32> {
        let mut mvhd = moov.find(b"mvhd")?;
        let (version, _) = mvhd.version_and_flags().ok()?;
        mvhd.bytes(if version == 0 { 8 } else { 16 }).ok()?;
        mvhd.u32().ok()
    };
    read().filter(|timescale| *timescale > 0).unwrap_or(USUAL_TIMESCALE)
}

/// What the handler (8.4.3) says media is for; `None` for what is neither seen nor heard.
fn read_kind(mdia: Body<'_>) -> Option<Kind> {
    match mdia.find(b"hdlr")?.rest.get(8..12)? {
        b"vide" => Some(Kind::Video),
        b"soun" => Some(Kind::Audio),
        _ => None,
    }
}

/// `tkhd` (8.3.2).
#[derive(Clone, Copy)]
struct TrackHeader {
    id: u32,
    is_enabled: bool,
    matrix: [i32; 9],
    /// Width and height at which it is shown, in 16.16.
    shown: (u32, u32),
}

impl TrackHeader {
    fn read(mut tkhd: Body<'_>) -> Result<Self, Error> {
        let (version, flags) = tkhd.version_and_flags()?;
        tkhd.bytes(if version == 0 { 8 } else { 16 })?;
        let id = tkhd.u32()?;
        tkhd.bytes(if version == 0 { 24 } else { 28 })?;
        let mut matrix = IDENTITY;
        for value in &mut matrix {
            *value = tkhd.u32()?.cast_signed();
        }
        let shown = (tkhd.u32().unwrap_or(0), tkhd.u32().unwrap_or(0));
        Ok(Self { id, is_enabled: flags & 1 != 0, matrix, shown })
    }

    /// The shape of a pixel, where the size at which the track is shown has another shape than the pictures, and these
    /// do not say it themselves.
    fn pixel_aspect(&self, entry: &Entry) -> Option<(u32, u32)> {
        // The pictures' own word on their size, where the record has it: the entry's may be anything.
        let has_record = matches!(entry.codec, Codec::H264 | Codec::Hevc);
        let picture = has_record.then(|| picture::of_record(entry.codec, entry.config.clone())).flatten();
        let (width, height) = picture.map_or((entry.width, entry.height), |own| (own.width, own.height));
        let shown = (self.shown.0 >> 16, self.shown.1 >> 16);
        if [shown.0, shown.1, width, height].contains(&0) {
            return None;
        }
        let across = u64::from(shown.0) * u64::from(height);
        let down = u64::from(shown.1) * u64::from(width);
        // A side that was rounded, or cropped by a few pixels, does not change the shape.
        if across.abs_diff(down) * 64 < down {
            return None;
        }
        Track::reduced_aspect(shown.0.saturating_mul(height), shown.1.saturating_mul(width))
    }
}

/// Ticks per second of a track (8.4.2).
fn read_timescale(mdia: Body<'_>) -> Result<u32, Error> {
    let mut mdhd = mdia.require(b"mdhd", "media without its header")?;
    let (version, _) = mdhd.version_and_flags()?;
    mdhd.bytes(if version == 0 { 8 } else { 16 })?;
    let at = mdhd.offset;
    match mdhd.u32()? {
        0 => Err(Reason::Malformed("a track with a timescale of 0").at(at)),
        timescale => Ok(timescale),
    }
}
