//! Reads WebM and Matroska as it comes: recordings that go on, finished files, cut-off files, odd ones, damaged ones.

use std::collections::VecDeque;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::block::Block;
use super::doubt::{Times, Verdict};
use super::ebml::{self, Head, id};
use super::entry::{self, Entries};
use super::input::Input;
use super::odd::Odd;
use super::resync::{self, Watch};
use super::stream::{Held, Streams};
use crate::container::Event;
use crate::container::stretch::Stretch;
use crate::container::wrap::unwrapped;
use crate::{Error, Reason};

/// Bytes of the EBML header, of `Info` and of `Tracks` at most; their `CodecPrivate` with them.
pub const MOST_HEADER: u64 = 1 << 20;
/// Bytes of a block and its group at most.
pub const MOST_BLOCK: u64 = 16 << 20;
/// Bytes searched at most for the structure to begin again after damage.
pub const MOST_DAMAGE: u64 = 8 << 20;
/// Nanoseconds from the first cluster that a block may be, about 36 years: past it another clock begins.
const LATEST: u64 = 1 << 60;
/// Elements in front of the `Timestamp` of a cluster at most.
const MOST_BEFORE_TIME: usize = 64;

/// Reads the frames of at most one video and one audio track out of WebM or Matroska pushed in any slices.
///
/// The events depend on the bytes alone, not on how they were sliced. What is kept between calls is at most one
/// element that is read whole ([`MOST_HEADER`], [`MOST_BLOCK`]), one block before it (as many bytes of blocks again where a
/// time is in doubt), and what was pushed and not yet taken out; everything else is passed over as it comes. A block is
/// given out when what follows it begins like an element (or the input ends): the frame that a loss cut in two is then not
/// given out at all.
///
/// An element that cannot be read costs itself alone, and one that nobody knows costs nothing (`odd`); a single time that
/// steps is moved (`doubt`). Torn structure after the first block is searched for the next cluster or header, up to
/// [`MOST_DAMAGE`]; a new take begins there, and before a cluster that is so late that those before it must have been lost.
/// Torn structure before the first block is an error, and so are unknown codecs wherever they stand. An end at any byte is
/// no error. What no frame is made of is told ([`Event::Unread`]).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Reader {
    pub(super) input: Input,
    /// Bytes still to pass over.
    skip: u64,
    pub(super) place: Place,
    pub(super) segment_end: Option<u64>,
    pub(super) cluster_end: Option<u64>,
    /// Nanoseconds; `None` before the first cluster of a segment, and in a cluster whose time has not come.
    cluster_time: Option<i64>,
    /// Whether blocks may stand here though their cluster has ended: it was longer than it said.
    had_cluster: bool,
    /// Whether the cluster before this one was shorter than it said.
    was_cut: bool,
    /// Whether the next block is the first of a cluster before which others may have been lost.
    may_be_late: bool,
    times: Times,
    /// Nanoseconds of a segment tick; 0 until a segment begins.
    pub(super) scale: u64,
    /// Ticks that are time 0.
    pub(super) origin: u64,
    /// Ticks of the newest cluster of the segment, on a clock that does not wrap.
    newest_ticks: Option<u64>,
    pub(super) streams: Streams,
    /// Blocks that wait for what follows: one, or those whose time is in doubt.
    pub(super) held: VecDeque<Held>,
    /// Whether a block has been read: from here on damage is searched for an end.
    pub(super) good: bool,
    pub(super) finished: bool,
    /// What is passed over by a search.
    pub(super) torn: Stretch,
    #[serde(skip)]
    pub(super) watch: Watch,
    /// Whether what is there is all that there will be. Found again, as the error is, by reading on.
    #[serde(skip)]
    pub(super) ended: bool,
    #[serde(skip)]
    failed: Option<Error>,
}

/// What is expected next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Place {
    /// The EBML header.
    #[default]
    Start,
    /// The segment, or after one the next header.
    Document,
    /// A child of the segment.
    Segment,
    /// A child of a cluster, or what ends a cluster of unknown size.
    Cluster,
    /// Anything that reading can go on from, since the byte where damage was found.
    Lost { since: u64 },
    /// A recording in MP4, which another reader reads.
    Mp4,
}

/// What stands at the front of the input.
enum Next {
    Element(Head),
    /// Nothing that is to be read: it was passed over, or takes more bytes if not.
    Passed(bool),
}

impl Reader {
    /// A reader of the rest of an input that went on as WebM.
    pub(crate) fn of_rest(input: Input) -> Self {
        Self { input, ..Self::default() }
    }

    /// What was not consumed, and where it begins in the input.
    pub(crate) fn rest(&self) -> (u64, Bytes) {
        (self.input.position(), self.input.whole_rest())
    }

    /// The rest of an input that goes on as MP4, which another reader is to read.
    pub(crate) fn rest_in_mp4(&mut self) -> Option<Input> {
        (self.place == Place::Mp4).then(|| std::mem::take(&mut self.input))
    }

    /// Takes more of the input. Bytes after [`finish`](Reader::finish) are left out.
    pub fn push(&mut self, bytes: Bytes) {
        if !self.finished {
            self.input.push(bytes);
        }
    }

    /// The next event, or `None` until more bytes come.
    ///
    /// # Errors
    /// Bytes that are no WebM or Matroska, a codec that is not taken, damage that has no end. The reader stays at it.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Event>, Error> {
        loop {
            if let Some(event) = self.streams.next() {
                return Ok(Some(event));
            }
            if let Some(error) = &self.failed {
                return Err(error.clone());
            }
            match self.step() {
                Ok(true) => {}
                Ok(false) if self.input.more() => {}
                Ok(false) if self.finished && !self.ended => self.ended = true,
                Ok(false) if self.ended && !self.held.is_empty() => self.release_all(),
                Ok(false) if self.ended && self.may_hide_more() => self.begin_search(self.input.position()),
                Ok(false) if self.ended && self.streams.tell_waiting() => {}
                Ok(false) => return Ok(self.streams.next()),
                Err(error) => self.failed = Some(error),
            }
        }
    }

    /// Gives out the block that waits for the element after it to prove it whole, without saying that no more comes.
    pub fn flush(&mut self) {
        self.release_all();
    }

    /// Says that no more bytes come.
    pub fn finish(&mut self) {
        self.finished = true;
    }

    /// Reads one element or passes over some bytes; false where it takes more bytes.
    fn step(&mut self) -> Result<bool, Error> {
        if self.skip > 0 {
            let count = self.skip.min(self.input.rest().len() as u64);
            self.input.consume(count as usize);
            self.skip -= count;
            return Ok(count > 0);
        }
        let position = self.input.position();
        if self.place == Place::Cluster && self.cluster_end == Some(position) {
            self.place = Place::Segment;
        }
        if self.place == Place::Segment && self.segment_end == Some(position) {
            self.place = Place::Document;
        }
        let done = match self.place {
            Place::Start => self.header(),
            Place::Document => self.document(),
            Place::Segment => self.segment(),
            Place::Cluster => self.cluster(),
            Place::Lost { since } => return self.search(since),
            Place::Mp4 => return Ok(false),
        };
        done.or_else(|error| self.lose(error))
    }

    /// The largest plausible timestamp of a cluster.
    pub(super) fn latest_ticks(&self) -> u64 {
        self.origin.saturating_add(LATEST / self.scale.max(1))
    }

    /// The EBML header (RFC 8794, 11.2; RFC 9559, 4).
    fn header(&mut self) -> Result<bool, Error> {
        let position = self.input.position();
        let rest = self.input.rest();
        let magic = id::EBML.to_be_bytes();
        if !rest.iter().zip(&magic).all(|(byte, expected)| byte == expected) {
            return Err(Reason::UnknownContainer.at(position));
        }
        let Some(head) = ebml::read_head(rest).map_err(|reason| reason.at(position))? else {
            return Ok(false);
        };
        let Some((data, offset)) = whole(&self.input, head, MOST_HEADER, "the EBML header")? else {
            return Ok(false);
        };
        check_header(data, offset)?;
        self.consume(head);
        self.release_all();
        self.streams.forget();
        (self.segment_end, self.cluster_end) = (None, None);
        self.place = Place::Document;
        Ok(true)
    }

    /// The segment, and what may follow it.
    fn document(&mut self) -> Result<bool, Error> {
        // A segment may be longer than it says.
        let (was_segment, had_cluster) = (self.streams.are_known(), self.had_cluster);
        let goes_on =
            |id| was_segment && resync::is_in_segment(id) || had_cluster && resync::is_in_cluster(id);
        let known = |id| matches!(id, id::SEGMENT | id::VOID | id::CRC_32 | id::EBML) || goes_on(id);
        let head = match self.head(known)? {
            Next::Element(head) => head,
            Next::Passed(has_passed) => return Ok(has_passed),
        };
        match head.id {
            id::EBML => self.place = Place::Start,
            id::SEGMENT => {
                self.release_all();
                self.streams.forget();
                // A muxer that never came back to it leaves a size of 0.
                let size = head.size.filter(|size| *size > 0);
                self.segment_end = size.and_then(|size| self.end(head, size));
                (self.cluster_end, self.had_cluster, self.was_cut) = (None, false, false);
                (self.scale, self.origin, self.newest_ticks) = (entry::DEFAULT_SCALE, 0, None);
                self.place = Place::Segment;
                self.input.consume(head.len);
            }
            id::VOID | id::CRC_32 => self.pass_over(head)?,
            _ => (self.segment_end, self.place) = (None, Place::Segment),
        }
        Ok(true)
    }

    /// A child of the segment (RFC 9559, 5.1), or of a cluster that is longer than it says.
    fn segment(&mut self) -> Result<bool, Error> {
        let had_cluster = self.had_cluster;
        let known = |id| resync::is_in_segment(id) || had_cluster && resync::is_in_cluster(id);
        let head = match self.head(known)? {
            Next::Element(head) => head,
            Next::Passed(has_passed) => return Ok(has_passed),
        };
        match head.id {
            id::EBML => return Ok(self.cut_to(Place::Start, self.segment_end.is_some())),
            id::SEGMENT => return Ok(self.cut_to(Place::Document, self.segment_end.is_some())),
            // Recordings that go on, and muxers that guess, are longer than they say.
            id::CLUSTER => self.segment_end = self.segment_end.filter(|end| self.is_before(head, *end)),
            id if !resync::is_in_segment(id) => {
                (self.place, self.cluster_end) = (Place::Cluster, None);
                return Ok(true);
            }
            _ if !self.fits(head)? => return Ok(false),
            _ => {}
        }
        match head.id {
            id::INFO if !self.good => {
                let Some((data, offset)) = whole(&self.input, head, MOST_HEADER, "Info")? else {
                    return Ok(false);
                };
                self.scale = entry::read_scale(data, offset)?;
                self.streams.set_scale(self.scale);
                self.consume(head);
            }
            id::TRACKS if !self.streams.are_known() => {
                let Some((data, offset)) = whole(&self.input, head, MOST_HEADER, "Tracks")? else {
                    return Ok(false);
                };
                let entries = Entries::read(data, offset)?;
                self.streams.set(entries, self.scale);
                self.consume(head);
            }
            id::CLUSTER => {
                if !self.streams.are_known() {
                    return Err(self.malformed("a cluster comes before the tracks"));
                }
                self.cluster_end = head.size.and_then(|size| self.end(head, size));
                (self.cluster_time, self.had_cluster) = (None, true);
                self.end_cluster();
                self.place = Place::Cluster;
                self.input.consume(head.len);
            }
            _ => self.pass_over(head)?,
        }
        Ok(true)
    }

    /// A child of a cluster (RFC 9559, 5.1.3), or what ends one of unknown size, or one that is shorter than it says.
    fn cluster(&mut self) -> Result<bool, Error> {
        let known = |id| resync::is_in_cluster(id) || resync::is_in_segment(id);
        let head = match self.head(known)? {
            Next::Element(head) => head,
            Next::Passed(has_passed) => return Ok(has_passed),
        };
        if !resync::is_in_cluster(head.id) {
            self.was_cut |= self.cluster_end.is_some();
            self.cluster_end = None;
            let is_cut = self.was_cut && matches!(head.id, id::EBML | id::SEGMENT);
            return Ok(self.cut_to(Place::Segment, is_cut));
        }
        if !self.fits(head)? {
            return Ok(false);
        }
        match head.id {
            id::TIMESTAMP => self.timestamp(head),
            id::SIMPLE_BLOCK | id::BLOCK_GROUP => self.block(head),
            _ if head.size.is_some_and(|size| size > MOST_BLOCK) => {
                Err(Reason::OverLimit { what: "an element in a cluster", limit: MOST_BLOCK }
                    .at(self.input.position()))
            }
            _ => self.pass_over(head).map(|()| true),
        }
    }

    fn timestamp(&mut self, head: Head) -> Result<bool, Error> {
        let Some((data, _)) = whole(&self.input, head, 8, "a timestamp")? else { return Ok(false) };
        let time = ebml::uint(data).unwrap_or(u64::MAX);
        self.end_cluster();
        self.begin_cluster(time);
        self.consume(head);
        Ok(true)
    }

    /// Begins a cluster at a time in ticks.
    fn begin_cluster(&mut self, ticks: u64) {
        let ticks = self.unwrapped(ticks);
        self.newest_ticks = Some(ticks);
        let mut time = self.nanoseconds(ticks);
        if time.unsigned_abs() > LATEST {
            // Another clock: it counts from 1970, or began to.
            self.streams.begin_take(false);
            (self.origin, time) = (ticks, 0);
        }
        self.may_be_late = (self.cluster_end.is_none() || self.was_cut) && self.cluster_time.is_none();
        self.was_cut = false;
        self.cluster_time = Some(time);
    }

    /// The time of a cluster on a clock that goes on where 32 bits came to their end.
    fn unwrapped(&self, ticks: u64) -> u64 {
        let signed = |ticks: u64| i64::try_from(ticks).unwrap_or(i64::MAX);
        let per_second = u32::try_from(1_000_000_000 / self.scale.max(1)).unwrap_or(u32::MAX);
        let goes_on = unwrapped(signed(ticks), self.newest_ticks.map(signed), per_second);
        if goes_on > signed(ticks) { goes_on.unsigned_abs() } else { ticks }
    }

    /// A time in ticks as nanoseconds since the origin.
    fn nanoseconds(&self, ticks: u64) -> i64 {
        let ticks = i128::from(ticks) - i128::from(self.origin);
        (ticks * i128::from(self.scale)).clamp(i64::MIN.into(), i64::MAX.into()) as i64
    }

    fn block(&mut self, head: Head) -> Result<bool, Error> {
        if self.cluster_time.is_none() {
            return self.find_time();
        }
        let position = self.input.position();
        let payload = self.input.rest().get(head.len..).unwrap_or_default();
        let most = self.latest_ticks();
        if head.id == id::SIMPLE_BLOCK && head.size != Some(0) {
            let number = ebml::read_number(payload).map_err(|reason| reason.at(position))?;
            let Some((number, _)) = number else { return Ok(false) };
            if number.is_none_or(|number| !self.streams.has(number)) {
                return self.pass_over_odd(Odd::Block);
            }
        }
        let Some((data, offset)) = whole(&self.input, head, MOST_BLOCK, "a block")? else { return Ok(false) };
        if self.watch.is_swallowed(&self.input.rest()[head.len..], offset, data.len(), most) {
            return Err(self.malformed("a block was cut short"));
        }
        let block = match head.id {
            id::SIMPLE_BLOCK => Block::read(data),
            _ => Block::read_group(data, offset).map_err(|error| error.reason),
        };
        let block = block.ok().filter(|block| self.streams.has(block.track));
        let Some(block) = block else { return self.pass_over_odd(Odd::Block) };
        let held = self.streams.hold(&block, self.cluster_time.unwrap_or(0), position);
        if let Some(held) = held {
            // Either time alone may be odd.
            let starts = self.cluster_time.map_or(held.time, |time| time.min(held.time));
            if std::mem::take(&mut self.may_be_late) && self.streams.are_late(starts) {
                self.streams.begin_take(true);
            }
            self.hold(held)?;
        }
        self.good = true;
        self.consume(head);
        Ok(true)
    }

    /// Holds a block back until what follows proves it whole, and its time right.
    fn hold(&mut self, held: Held) -> Result<(), Error> {
        let verdict = self.times.next(held.kind, held.time, self.streams.reorder(held.kind));
        if verdict == Verdict::Lost {
            self.held.push_back(held);
            self.held.drain(..).for_each(|held| self.streams.leave_out(held));
            return Err(self.malformed("time goes back in a cluster: the head of the next one was lost"));
        }
        self.correct(verdict);
        let waiting: usize = self.held.iter().map(Held::len).sum();
        if (waiting + held.len()) as u64 > MOST_BLOCK {
            self.settle_times();
            self.release_all();
        }
        self.held.push_back(held);
        Ok(())
    }

    /// Moves the times of blocks in doubt as a verdict says.
    fn correct(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Back(kind) => {
                self.held.iter_mut().filter(|held| held.kind == kind).for_each(|held| held.is_odd = true);
            }
            Verdict::Ahead(time) => {
                self.held.front_mut().into_iter().for_each(|held| held.time = time);
            }
            Verdict::Fine | Verdict::Open | Verdict::Lost => {}
        }
    }

    /// Ends what is known of the times of a cluster.
    fn end_cluster(&mut self) {
        let verdict = self.times.end_cluster();
        self.correct(verdict);
        self.times.begin_cluster();
        self.release();
    }

    /// Ends a doubt that nothing decides any more.
    pub(super) fn settle_times(&mut self) {
        let verdict = self.times.settle();
        self.correct(verdict);
    }

    /// The time of a cluster that begins with blocks: it stands behind them, or nowhere, and it goes on from the newest
    /// block then.
    fn find_time(&mut self) -> Result<bool, Error> {
        let mut at = 0;
        for _ in 0..MOST_BEFORE_TIME {
            let Some(element) = self.input.rest().get(at..).filter(|_| at as u64 <= MOST_BLOCK) else {
                break;
            };
            match ebml::read_head(element) {
                Ok(Some(Head { id: id::TIMESTAMP, size: Some(size @ 0..=8), len })) => {
                    let Some(value) = element.get(len..len + size as usize) else { break };
                    let ticks = ebml::uint(value).unwrap_or(0);
                    self.begin_cluster(ticks);
                    return Ok(true);
                }
                Ok(Some(head)) if resync::is_in_cluster(head.id) => {
                    let size = head.size.and_then(|size| usize::try_from(size).ok());
                    at = size
                        .and_then(|size| at.checked_add(head.len)?.checked_add(size))
                        .unwrap_or(usize::MAX);
                }
                Ok(Some(_)) | Err(_) => return Ok(self.go_on_without_time()),
                Ok(None) => break,
            }
        }
        let has_all = self.ended || at as u64 > MOST_BLOCK;
        Ok(has_all && self.go_on_without_time())
    }

    fn go_on_without_time(&mut self) -> bool {
        self.cluster_time = Some(self.streams.newest());
        true
    }

    /// Gives out what was held, unless its time is in doubt.
    pub(super) fn release(&mut self) {
        if !self.times.are_in_doubt() {
            while let Some(held) = self.held.pop_front() {
                self.streams.release(held);
            }
        }
    }

    /// Gives out what was held: nothing more comes that could decide.
    pub(super) fn release_all(&mut self) {
        self.settle_times();
        self.release();
    }

    /// The head of the next element, where it is one of those `known`; any other is passed over.
    fn head(&mut self, known: impl Fn(u32) -> bool) -> Result<Next, Error> {
        let position = self.input.position();
        match begins_mp4(self.input.rest()) {
            Some(false) => {}
            Some(true) => {
                self.release_all();
                self.place = Place::Mp4;
                return Ok(Next::Passed(false));
            }
            None => return Ok(Next::Passed(false)),
        }
        match ebml::read_id(self.input.rest()).map_err(|reason| reason.at(position))? {
            None => return Ok(Next::Passed(false)),
            Some((id, _)) if known(id) => self.release(),
            Some(_) => return self.pass_over_odd(Odd::Element).map(Next::Passed),
        }
        let head = ebml::read_head(self.input.rest()).map_err(|reason| reason.at(position))?;
        Ok(head.map_or(Next::Passed(false), Next::Element))
    }

    /// Consumes an element that was read whole.
    pub(super) fn consume(&mut self, head: Head) {
        self.input.consume(head.len + head.size.unwrap_or(0) as usize);
    }

    /// Passes over an element of any size.
    pub(super) fn pass_over(&mut self, head: Head) -> Result<(), Error> {
        self.skip = head.size.ok_or_else(|| self.malformed("an element that must have a size has none"))?;
        self.input.consume(head.len);
        Ok(())
    }

    /// Leaves the element that is being read for one that begins here; `early` before its end.
    fn cut_to(&mut self, place: Place, early: bool) -> bool {
        if early {
            self.release_all();
            self.streams.begin_take(true);
            (self.segment_end, self.cluster_end) = (None, None);
        }
        self.place = place;
        true
    }

    /// Offset of the first byte after an element.
    fn end(&self, head: Head, size: u64) -> Option<u64> {
        (self.input.position() + head.len as u64).checked_add(size)
    }

    /// Whether an element of known size ends at an offset or before it.
    fn is_before(&self, head: Head, end: u64) -> bool {
        head.size.is_none_or(|size| self.end(head, size).is_some_and(|own| own <= end))
    }

    /// Whether the element at the front ends where the one it stands in does, or before. Where what follows says that it is
    /// the outer one whose size is wrong, that size is forgotten. False where it takes more bytes.
    fn fits(&mut self, head: Head) -> Result<bool, Error> {
        if head.size.is_some_and(|size| self.end(head, size).is_none()) {
            return Err(self.malformed("an element is longer than any file"));
        }
        let Some(end) = self.cluster_end.or(self.segment_end) else { return Ok(true) };
        if self.is_before(head, end) {
            return Ok(true);
        }
        match self.judge(head) {
            None if head.size.is_some_and(|size| size <= MOST_BLOCK) => return Ok(false),
            Some(true) => (self.cluster_end, self.segment_end) = (None, None),
            _ => return Err(self.malformed("an element is longer than the one it stands in")),
        }
        Ok(true)
    }

    pub(super) fn malformed(&self, what: &'static str) -> Error {
        Reason::Malformed(what).at(self.input.position())
    }
}

/// The payload of an element that is read whole, and its offset; `None` where it takes more bytes.
fn whole<'a>(
    input: &'a Input,
    head: Head,
    limit: u64,
    what: &'static str,
) -> Result<Option<(&'a [u8], u64)>, Error> {
    let unknown = || Reason::Malformed("an element that must have a size has none").at(input.position());
    let size = head.size.ok_or_else(unknown)?;
    if size > limit {
        return Err(Reason::OverLimit { what, limit }.at(input.position()));
    }
    let payload = input.rest().get(head.len..head.len + size as usize);
    Ok(payload.map(|payload| (payload, input.position() + head.len as u64)))
}

/// Whether an MP4 begins here, whose first box is short; `None` where it takes more bytes. No element begins with 0.
fn begins_mp4(rest: &[u8]) -> Option<bool> {
    if rest.first().is_some_and(|byte| *byte != 0) {
        return Some(false);
    }
    const BOX: [Option<u8>; 8] =
        [Some(0), Some(0), Some(0), None, Some(b'f'), Some(b't'), Some(b'y'), Some(b'p')];
    let fits = rest.iter().zip(BOX).all(|(byte, expected)| expected.is_none_or(|expected| *byte == expected));
    (!fits || rest.len() >= BOX.len()).then_some(fits)
}

/// What stands in an EBML header (RFC 8794, 11.2): what cannot be read of it costs itself alone.
fn check_header(data: &[u8], offset: u64) -> Result<(), Error> {
    for child in ebml::readable(data, offset) {
        match child.id {
            id::DOC_TYPE if !matches!(child.text(), b"webm" | b"matroska") => {
                return Err(Reason::UnknownContainer.at(child.offset));
            }
            id::EBML_MAX_ID_LENGTH if child.uint().is_ok_and(|longest| longest > 4) => {
                return Err(Reason::Malformed("identifiers are longer than four bytes").at(child.offset));
            }
            id::EBML_MAX_SIZE_LENGTH if child.uint().is_ok_and(|longest| longest > 8) => {
                return Err(Reason::Malformed("sizes are longer than eight bytes").at(child.offset));
            }
            _ => {}
        }
    }
    Ok(())
}
