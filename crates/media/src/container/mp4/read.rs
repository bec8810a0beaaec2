//! Reads fragmented and finished MP4 in any slices.

use std::collections::VecDeque;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::boxes::{Body, FourCc};
pub use super::boxes::{Header, box_header};
use super::movie::{Movie, Placed, read_movie};
use super::runs::{Known, MovieFragment, TrackFragment, read_fragment};
use super::take::Streams;
use crate::container::input::Input;
use crate::container::stretch::Stretch;
use crate::container::{EBML, Event};
use crate::{Error, Kind, Reason, Why};

/// Bytes of the largest `moov` that is read: about 30 hours of a finished file.
pub const MAX_INDEX: u64 = 64 << 20;
/// Bytes of the largest `moof` that is read.
const MAX_FRAGMENT_HEAD: u64 = 4 << 20;
/// Bytes of the largest sample.
pub(super) const MAX_SAMPLE: u32 = 16 << 20;
/// Bytes that are searched for the next fragment after damage: more than a fragment of ten seconds holds.
const MAX_SCAN: u64 = 64 << 20;
/// Samples that the movie box lists outside of the media, or over one another: more are no mistake of a recorder.
const MAX_MISPLACED: u64 = 1 << 16;
/// Samples that fragments may announce before there is a byte for each: those of the largest fragment.
const MAX_AHEAD: u64 = 1 << 18;
/// Bytes of a box of unknown type that is passed over in a fragmented file; a larger one is taken for damage.
const MAX_UNKNOWN: u64 = 16 << 20;
/// Bytes of a box whose type is no name that is passed over where a box follows it.
const MAX_NAMELESS: u64 = 64 << 10;
/// Seconds between two fragments past which, with numbers missing, fragments were lost.
const LOST_AFTER: f64 = 0.1;

/// Types of boxes that may stand outside of all others.
const KNOWN: [&FourCc; 18] = [
    b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"sidx", b"ssix", b"emsg",
    b"prft", b"mfra", b"uuid", b"meta", b"pdin", b"udta", b"pnot",
];

/// Reads one MP4 after the other from bytes pushed in any slices.
///
/// Holds a box that is not whole yet (`moov` at most [`MAX_INDEX`], `moof` at most 4 MiB), or a sample of at most
/// 16 MiB, and the sample tables of the movie in hand.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Reader {
    input: Input,
    state: State,
    movie: Option<Movie>,
    /// Whether the movie was given ahead of the bytes, so that their own `moov` is passed over.
    is_given: bool,
    /// Offset in the input at which the file in hand begins.
    file_start: u64,
    /// Samples of the fragment in hand by their place.
    pending: VecDeque<Placed>,
    /// Samples that all fragments announced.
    announced: u64,
    /// Samples of the movie box that lie outside of the media.
    misplaced: u64,
    /// The track whose last sample was damaged: if its next one is too, bytes are missing.
    suspect: Option<Kind>,
    numbers: Numbers,
    streams: Streams,
    /// Bytes that are passed over while the next fragment is searched.
    torn: Stretch,
    finished: bool,
}

/// What the next bytes are.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
enum State {
    /// The header of a box.
    #[default]
    Header,
    /// Content that is passed over, up to an offset of the input or to its end.
    Skip(Option<u64>),
    /// Samples, up to an offset of the input or to its end.
    Media(Option<u64>),
    /// Anything, up to the next fragment: something is wrong at `at`.
    Lost { at: u64, what: Damage },
    /// Zeros between two boxes, from `at` on.
    Padding { at: u64 },
    /// A recording in WebM, which another reader reads.
    Webm,
}

/// What was wrong before the search for the next fragment.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Damage {
    Box,
    Fragment,
    Sample,
}

impl Damage {
    fn error(self, at: u64) -> Error {
        let what = match self {
            Self::Box => "no box begins here, and no fragment follows",
            Self::Fragment => "a fragment's boxes contradict each other, and no other fragment follows",
            Self::Sample => "a sample is damaged, and no other fragment follows",
        };
        Reason::Malformed(what).at(at)
    }
}

/// Whether fragments are numbered one by one, and how far: a gap then is a loss (ISO/IEC 14496-12, 8.8.5).
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Numbers {
    last: Option<u32>,
    are_irregular: bool,
}

impl Numbers {
    /// Whether numbers are missing before this one.
    fn skip_to(&mut self, number: u32) -> bool {
        let Some(last) = self.last.replace(number) else { return false };
        if number <= last {
            self.are_irregular = true;
        }
        !self.are_irregular && number - last > 1
    }
}

/// What a step did.
enum Step {
    /// It may be that another follows.
    Forward,
    /// Nothing is to be done until more bytes come.
    Wait,
}

impl Reader {
    /// A reader for a file whose `moov` box, header included, stands behind its media and is given ahead. The file is
    /// then pushed from its start.
    ///
    /// # Errors
    /// A `moov` that cannot be read.
    pub fn with_index(moov: &[u8]) -> Result<Self, Error> {
        let mut reader = Self { is_given: true, ..Self::default() };
        reader.set_movie(movie_of_box(&Bytes::copy_from_slice(moov), 0)?);
        Ok(reader)
    }

    /// A reader of the rest of an input that went on as MP4.
    pub(crate) fn of_rest(input: Input) -> Self {
        Self { file_start: input.position(), input, ..Self::default() }
    }

    /// What was not consumed, and where it begins in the input.
    pub(crate) fn rest(&self) -> (u64, Bytes) {
        (self.input.position(), self.input.whole_rest())
    }

    /// The rest of an input that goes on as WebM, which another reader is to read.
    pub(crate) fn rest_in_webm(&mut self) -> Option<Input> {
        matches!(self.state, State::Webm).then(|| std::mem::take(&mut self.input))
    }

    /// Takes more of the input.
    pub fn push(&mut self, bytes: Bytes) {
        self.input.push(bytes);
    }

    /// Says that no more bytes come.
    pub fn finish(&mut self) {
        self.finished = true;
    }

    /// The next event, or `None` until more bytes come. After an error the reader stays at it.
    ///
    /// # Errors
    /// A codec that is not taken, a structure over its limit, media before their movie box, damage behind which no
    /// fragment follows.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Event>, Error> {
        loop {
            if let Some(event) = self.streams.next() {
                return Ok(Some(event));
            }
            if matches!(self.step()?, Step::Wait) && !self.input.more() {
                if self.finished && self.streams.tell_waiting() {
                    continue;
                }
                return Ok(None);
            }
        }
    }

    fn step(&mut self) -> Result<Step, Error> {
        match self.state {
            State::Header => self.header(),
            State::Skip(end) => Ok(self.pass_over(end)),
            State::Media(end) => self.media(end),
            State::Lost { at, what } => self.search(at, what),
            State::Padding { at } => self.pass_over_padding(at),
            State::Webm => Ok(Step::Wait),
        }
    }

    fn header(&mut self) -> Result<Step, Error> {
        let at = self.input.position();
        let Some(header) = box_header(self.input.rest()) else { return Ok(Step::Wait) };
        if self.input.rest().starts_with(&EBML) {
            self.state = State::Webm;
            return Ok(Step::Wait);
        }
        if self.input.rest().starts_with(&[0; 8]) && self.movie.is_some() {
            self.state = State::Padding { at };
            return Ok(Step::Forward);
        }
        let size = Some(header.size).filter(|size| *size != 0);
        let is_box = size.is_none_or(|size| size >= header.len.into());
        if !is_box || !self.is_expected(&header) {
            return match self.is_nameless(&header) {
                None => Ok(Step::Wait),
                Some(true) => {
                    self.state = State::Skip(at.checked_add(header.size));
                    Ok(Step::Forward)
                }
                Some(false) => self.unexpected(at),
            };
        }
        let end = match size.map(|size| at.checked_add(size)) {
            None => None,
            Some(None) => return Err(Reason::Malformed("a box ends past every file").at(at)),
            Some(end) => end,
        };
        match &header.kind {
            b"ftyp" => self.begin_file(at),
            b"moov" if !self.is_given => return self.movie(at, &header),
            b"moof" if self.movie.is_none() => {
                return Err(Reason::Malformed("a fragment before the movie box").at(at));
            }
            b"moof" => return self.fragment(at, &header),
            b"mdat" if self.movie.is_none() => return Err(Reason::IndexAtEnd.at(at)),
            b"mdat" => {
                self.input.consume(header.len.into());
                self.state = State::Media(end);
                return Ok(Step::Forward);
            }
            _ => {}
        }
        self.state = State::Skip(end);
        Ok(Step::Forward)
    }

    /// Whether a box of this type may stand here. Unknown types may, if their name is one.
    fn is_expected(&self, header: &Header) -> bool {
        // The copyright sign stands in names of QuickTime.
        let is_name = header.kind.iter().all(|byte| matches!(byte, b' '..=b'~' | 0xa9));
        let fits = header.size != 0 && (self.pending_movie() || header.size <= MAX_UNKNOWN);
        KNOWN.contains(&&header.kind) || is_name && fits
    }

    /// Whether it is a box all the same, though its type is no name: behind it stands one that is known. `None` where it takes
    /// more bytes.
    fn is_nameless(&self, header: &Header) -> Option<bool> {
        if self.movie.is_none() || !(header.len.into()..=MAX_NAMELESS).contains(&header.size) {
            return Some(false);
        }
        let next = self.input.rest().get(header.size as usize..).and_then(box_header);
        match next {
            Some(next) => {
                Some(KNOWN.contains(&&next.kind) && (next.size == 0 || next.size >= next.len.into()))
            }
            None => self.finished.then_some(false),
        }
    }

    /// Whether samples that the movie box lists are still to come.
    fn pending_movie(&self) -> bool {
        self.movie.as_ref().is_some_and(|movie| movie.upcoming().is_some())
    }

    fn unexpected(&mut self, at: u64) -> Result<Step, Error> {
        if self.movie.is_some() {
            return Ok(self.lose(at, Damage::Box));
        }
        Err(if at == 0 { Reason::UnknownContainer } else { Reason::Malformed("no box begins here") }.at(at))
    }

    /// A file type box begins a file; the one of a file whose index was given changes nothing.
    fn begin_file(&mut self, at: u64) {
        if self.is_given && at == 0 {
            return;
        }
        self.is_given = false;
        self.file_start = at;
        self.movie = None;
        self.pending.clear();
        self.numbers = Numbers::default();
        self.streams.begin_take(false);
    }

    /// A copy of a box as soon as all of it is there: who understands it consumes it, so that an error stays.
    fn whole(&mut self, at: u64, header: &Header, limit: u64) -> Result<Option<Bytes>, Error> {
        if header.size == 0 || header.size > limit {
            let what = if header.kind == *b"moov" { "a movie box" } else { "a fragment's movie box" };
            return Err(Reason::OverLimit { what, limit }.at(at));
        }
        Ok(self.input.rest().get(..header.size as usize).map(Bytes::copy_from_slice))
    }

    fn movie(&mut self, at: u64, header: &Header) -> Result<Step, Error> {
        let Some(moov) = self.whole(at, header, MAX_INDEX)? else { return Ok(Step::Wait) };
        let movie = movie_of_box(&moov, at)?;
        if !movie.is_in_order() {
            return Err(Reason::OutOfOrder.at(at));
        }
        self.input.consume(moov.len());
        self.set_movie(movie);
        Ok(Step::Forward)
    }

    fn set_movie(&mut self, movie: Movie) {
        self.streams.set(&movie);
        self.movie = Some(movie);
        self.pending.clear();
        self.numbers = Numbers::default();
    }

    fn fragment(&mut self, at: u64, header: &Header) -> Result<Step, Error> {
        let Some(moof) = self.whole(at, header, MAX_FRAGMENT_HEAD)? else { return Ok(Step::Wait) };
        let Some(movie) = &mut self.movie else { return Ok(Step::Forward) };
        let known = |source: &super::movie::Source| Known {
            id: source.id,
            kind: source.kind(),
            defaults: source.defaults,
            timescale: source.timescale(),
            end_dts: source.end_dts,
        };
        let known: Vec<_> = movie.sources.iter().map(known).collect();
        let from = usize::from(header.len);
        let body = Body::new(header.kind, at + from as u64, &moof[from..]);
        let fragment = match read_fragment(body, at, self.file_start, &known) {
            Ok(fragment) => fragment,
            Err(Error { offset, reason: Reason::Malformed(_) }) => {
                self.streams.tell_unread(at, &moof, None, Why::Damaged);
                self.input.consume(moof.len());
                return Ok(self.lose(offset, Damage::Fragment));
            }
            Err(error) => return Err(error),
        };
        let announced = self.announced + fragment.samples;
        if announced > self.input.position().saturating_add(MAX_AHEAD) {
            return Err(Reason::OverLimit { what: "the samples of fragments", limit: MAX_AHEAD }.at(at));
        }
        self.announced = announced;
        self.input.consume(moof.len());
        let is_late = is_late(movie, &fragment);
        if self.numbers.skip_to(fragment.sequence) && is_late || !self.pending.is_empty() {
            self.streams.begin_take(true);
        }
        self.streams.expect(fragment.tracks.iter().flat_map(|track| &track.samples));
        let mut samples = Vec::new();
        for track in fragment.tracks {
            if let Some(source) = movie.source_mut(track.kind) {
                source.end_dts = Some(track.end_dts);
            }
            samples.extend(track.samples);
        }
        samples.sort_by_key(|sample| sample.offset);
        self.pending = samples.into();
        Ok(Step::Forward)
    }

    fn pass_over(&mut self, end: Option<u64>) -> Step {
        let left = end.map_or(u64::MAX, |end| end.saturating_sub(self.input.position()));
        let there = self.input.rest().len();
        self.input.consume(usize::try_from(left).unwrap_or(usize::MAX).min(there));
        if left > there as u64 {
            return Step::Wait;
        }
        self.state = State::Header;
        Step::Forward
    }

    /// Takes the next sample of an `mdat`, or passes over what is none.
    fn media(&mut self, end: Option<u64>) -> Result<Step, Error> {
        let position = self.input.position();
        let Some((sample, is_listed)) = self.next_sample() else { return Ok(self.pass_over(end)) };
        let sample_end = sample.offset.saturating_add(sample.size.into());
        if end.is_some_and(|end| sample.offset >= end && sample_end > end) {
            return Ok(self.pass_over(end));
        }
        if sample.offset < position || end.is_some_and(|end| sample_end > end) {
            return self.misplaced(&sample, is_listed);
        }
        if sample.size > MAX_SAMPLE {
            return Err(Reason::OverLimit { what: "a sample", limit: MAX_SAMPLE.into() }.at(sample.offset));
        }
        let rest = self.input.rest();
        let gap = sample.offset - position;
        let from = usize::try_from(gap).unwrap_or(usize::MAX).min(rest.len());
        if gap > from as u64 || rest.len() - from < sample.size as usize {
            self.input.consume(from);
            return Ok(Step::Wait);
        }
        let bytes = &rest[from..from + sample.size as usize];
        if self.streams.take(&sample, bytes).is_ok() {
            self.suspect = self.suspect.filter(|kind| *kind != sample.kind);
        } else if self.suspect.replace(sample.kind) == Some(sample.kind) && !is_listed {
            self.input.consume(from);
            return Ok(self.lose(sample.offset, Damage::Sample));
        } else {
            self.streams.tell_unread(sample.offset, bytes, Some(sample.kind), Why::Unreadable);
        }
        self.input.consume(from + sample.size as usize);
        self.forget_sample(&sample, is_listed);
        Ok(Step::Forward)
    }

    /// The sample that comes next in the input, and whether the movie box lists it.
    fn next_sample(&self) -> Option<(Placed, bool)> {
        if let Some(sample) = self.pending.front() {
            return Some((*sample, false));
        }
        let sample = self.movie.as_ref()?.upcoming()?;
        Some((Placed { offset: sample.offset.saturating_add(self.file_start), ..sample }, true))
    }

    fn forget_sample(&mut self, sample: &Placed, is_listed: bool) {
        match &mut self.movie {
            Some(movie) if is_listed => movie.advance(sample.kind),
            _ => {
                self.pending.pop_front();
            }
        }
    }

    /// A sample that is not where it should be: one that the movie box lists is passed over; in a fragment it says that bytes
    /// are missing.
    fn misplaced(&mut self, sample: &Placed, is_listed: bool) -> Result<Step, Error> {
        if !is_listed {
            return Ok(self.lose(self.input.position(), Damage::Sample));
        }
        self.misplaced += 1;
        if self.misplaced > MAX_MISPLACED {
            let limit = MAX_MISPLACED;
            let reason = Reason::OverLimit { what: "the samples that lie outside of the media", limit };
            return Err(reason.at(sample.offset));
        }
        self.forget_sample(sample, is_listed);
        Ok(Step::Forward)
    }

    fn lose(&mut self, at: u64, what: Damage) -> Step {
        self.pending.clear();
        self.suspect = None;
        self.state = State::Lost { at, what };
        Step::Forward
    }

    /// Searches for the next fragment or file. What is passed over is told.
    fn search(&mut self, at: u64, what: Damage) -> Result<Step, Error> {
        let last = at.saturating_add(MAX_SCAN);
        let rest = self.input.rest();
        let places = usize::try_from(last.saturating_sub(self.input.position())).unwrap_or(usize::MAX);
        let found = rest.windows(SIGN).take(places).position(begins_anew);
        if let Some(found) = found {
            self.tell_damaged(found);
            self.end_of_damage();
            self.streams.begin_take(true);
            self.numbers = Numbers::default();
            self.state = State::Header;
            return Ok(Step::Forward);
        }
        if self.finished {
            let told = self.tell_damaged(usize::MAX);
            self.end_of_damage();
            return match self.streams.has_frames() {
                _ if told > 0 => Ok(Step::Forward),
                true => Ok(Step::Wait),
                false => Err(what.error(at)),
            };
        }
        let searched = rest.len().saturating_sub(SIGN - 1).min(places);
        if self.tell_damaged(searched) > 0 {
            return Ok(Step::Forward);
        }
        if self.input.position() >= last { Err(what.error(at)) } else { Ok(Step::Wait) }
    }

    /// Passes over bytes and tells them, in pieces that depend on the bytes alone; answers how many.
    fn tell_damaged(&mut self, count: usize) -> usize {
        let position = self.input.position();
        let rest = self.input.rest();
        let count = count.min(rest.len());
        self.torn.pass(position, &rest[..count], |piece| self.streams.tell(piece));
        self.input.consume(count);
        count
    }

    /// Tells the last piece of what was passed over.
    fn end_of_damage(&mut self) {
        if let Some(piece) = self.torn.end() {
            self.streams.tell(piece);
        }
    }

    /// Passes over zeros between two boxes, which are no loss; what follows them is a box again, or damage.
    fn pass_over_padding(&mut self, at: u64) -> Result<Step, Error> {
        let rest = self.input.rest();
        let zeros = rest.iter().take_while(|byte| **byte == 0).count();
        if zeros == rest.len() {
            // The size of a box begins with zeros too.
            self.input.consume(zeros.saturating_sub(8));
            let is_over = self.input.position() >= at.saturating_add(MAX_SCAN);
            return if is_over { Ok(self.lose(at, Damage::Box)) } else { Ok(Step::Wait) };
        }
        let begins = (zeros.saturating_sub(3)..=zeros).find_map(|begins| {
            let Some(header) = box_header(&rest[begins..]) else { return Some(None) };
            (KNOWN.contains(&&header.kind) && header.size >= header.len.into()).then_some(Some(begins))
        });
        match begins {
            Some(None) => Ok(Step::Wait),
            Some(Some(begins)) => {
                self.input.consume(begins);
                self.state = State::Header;
                Ok(Step::Forward)
            }
            None => Ok(self.lose(at, Damage::Box)),
        }
    }
}

/// The movie of a whole `moov` box that begins at `at` of the input.
pub(super) fn movie_of_box(moov: &Bytes, at: u64) -> Result<Movie, Error> {
    let header = box_header(moov).filter(|header| header.kind == *b"moov" && moov.len() as u64 <= MAX_INDEX);
    let content = header.and_then(|header| Some((header.len, moov.get(usize::from(header.len)..)?)));
    let (len, content) = content.ok_or_else(|| Reason::Malformed("this is no movie box").at(at))?;
    read_movie(Body::new(*b"moov", at + u64::from(len), content), moov)
}

/// Whether every track of a fragment begins well after its last fragment ended.
fn is_late(movie: &Movie, fragment: &MovieFragment) -> bool {
    let gap_seconds = |track: &TrackFragment| {
        let source = movie.source(track.kind)?;
        let gap = track.base_dts.saturating_sub(source.end_dts?);
        Some(gap as f64 / f64::from(source.timescale()))
    };
    let mut tracks = fragment.tracks.iter().filter(|track| !track.samples.is_empty()).peekable();
    tracks.peek().is_some() && tracks.all(|track| gap_seconds(track).is_some_and(|gap| gap > LOST_AFTER))
}

/// Bytes by which the start of a fragment or of a file is known.
const SIGN: usize = 16;

/// Whether a `moof` that begins with its `mfhd`, or a `ftyp`, begins here.
fn begins_anew(bytes: &[u8]) -> bool {
    let Some(header) = box_header(bytes) else { return false };
    match &header.kind {
        b"moof" => (24..=MAX_FRAGMENT_HEAD).contains(&header.size) && bytes[8..] == *b"\0\0\0\x10mfhd",
        b"ftyp" => {
            (16..=256).contains(&header.size)
                && bytes[8..12].iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ')
        }
        _ => false,
    }
}
