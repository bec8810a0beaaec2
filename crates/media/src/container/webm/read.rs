//! Reads WebM and Matroska as it comes: recordings that go on, finished files, cut-off files, damaged ones.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::block::Block;
use super::ebml::{self, Head, id};
use super::entry::{self, Entries};
use super::input::Input;
use super::resync::{self, Candidate, Watch};
use super::stream::{Held, Streams};
use crate::container::Event;
use crate::{Error, Reason};

/// Bytes of the EBML header, of `Info` and of `Tracks` at most; their `CodecPrivate` with them.
pub const MOST_HEADER: u64 = 1 << 20;
/// Bytes of a block and its group at most.
pub const MOST_BLOCK: u64 = 16 << 20;
/// Bytes searched at most for the structure to begin again after damage.
pub const MOST_DAMAGE: u64 = 8 << 20;
/// Nanoseconds that the time of a track may go back in a cluster. More is taken for a loss that swallowed the head of
/// a cluster and met the structure again by chance: Chromium cuts its chunks one byte into a block.
const MOST_BACK: i64 = 5_000_000;
/// The latest time of a block in nanoseconds, about 36 years.
const LATEST: u64 = 1 << 60;

/// Reads the frames of at most one video and one audio track out of WebM or Matroska pushed in any slices.
///
/// The events depend on the bytes alone, not on how they were sliced. What is kept between calls is at most one
/// element that is read whole ([`MOST_HEADER`], [`MOST_BLOCK`]), one block before it, and what was pushed and not yet
/// taken out; everything else is passed over as it comes. A block is given out when what follows it begins like an
/// element (or the input ends): the frame that a loss cut in two is then not given out at all.
///
/// Damage after the first block is searched for the next cluster or header, up to [`MOST_DAMAGE`]; a new take begins
/// there, and before a cluster of unknown size that is so late that those before it must have been lost. Damage before it
/// is an error, and so are unknown codecs wherever they stand. An end at any byte is no error.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Reader {
    input: Input,
    /// Bytes still to pass over.
    skip: u64,
    place: Place,
    segment_end: Option<u64>,
    cluster_end: Option<u64>,
    /// Nanoseconds.
    cluster_time: Option<i64>,
    /// Nanoseconds of the latest block of the video and of the audio in this cluster.
    latest: [Option<i64>; 2],
    /// Nanoseconds of a segment tick; 0 until a segment begins.
    scale: u64,
    streams: Streams,
    held: Option<Held>,
    /// Whether a block has been read: from here on damage is searched for an end.
    good: bool,
    finished: bool,
    #[serde(skip)]
    watch: Watch,
    /// Found again by reading on, where it was not kept.
    #[serde(skip)]
    failed: Option<Error>,
}

/// What is expected next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Place {
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

impl Reader {
    /// A reader of the rest of an input that went on as WebM.
    pub(crate) fn of_rest(input: Input) -> Self {
        Self { input, ..Self::default() }
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
                Ok(false) if self.finished && self.held.is_some() => self.release(),
                Ok(false) if self.finished && self.may_hide_more() => {
                    self.place = Place::Lost { since: self.input.position() };
                    self.input.consume(1);
                }
                Ok(false) => return Ok(self.streams.next()),
                Err(error) => self.failed = Some(error),
            }
        }
    }

    /// Gives out the block that waits for the element after it to prove it whole, without saying that no more comes.
    pub fn flush(&mut self) {
        self.release();
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

    /// Damage: an error before the first block, else the start of a search.
    fn lose(&mut self, error: Error) -> Result<bool, Error> {
        if !self.good || matches!(error.reason, Reason::UnsupportedCodec(_)) {
            return Err(error);
        }
        self.held = None;
        self.place = Place::Lost { since: error.offset };
        self.input.consume(1);
        Ok(true)
    }

    /// Whether the unfinished element at the end of the input may have swallowed what came after a loss.
    fn may_hide_more(&self) -> bool {
        let is_open = !matches!(self.place, Place::Lost { .. } | Place::Mp4);
        self.good && is_open && !self.input.rest().is_empty()
    }

    /// Searches for a cluster or a header to go on from.
    fn search(&mut self, since: u64) -> Result<bool, Error> {
        let most = self.latest_ticks();
        let rest = self.input.rest();
        let (mut at, mut found) = resync::find(rest, 0, most);
        while found == Candidate::Cluster && !self.streams.are_known() {
            (at, found) = resync::find(rest, at + 1, most);
        }
        self.input.consume(at);
        if self.input.position() > since + MOST_DAMAGE {
            return Err(Reason::Malformed("the recording is damaged, and no new cluster follows").at(since));
        }
        self.place = match found {
            Candidate::Cluster => Place::Segment,
            Candidate::Header => Place::Start,
            Candidate::No | Candidate::Short => return Ok(false),
        };
        (self.segment_end, self.cluster_end) = (None, None);
        self.streams.begin_take(true);
        Ok(true)
    }

    /// The largest plausible timestamp of a cluster.
    fn latest_ticks(&self) -> u64 {
        LATEST / self.scale.max(1)
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
        self.streams.forget();
        (self.segment_end, self.cluster_end) = (None, None);
        self.place = Place::Document;
        Ok(true)
    }

    /// The segment, and what may follow it.
    fn document(&mut self) -> Result<bool, Error> {
        let Some(head) = self.head(|id| matches!(id, id::SEGMENT | id::VOID | id::CRC_32 | id::EBML))? else {
            return Ok(false);
        };
        match head.id {
            id::EBML => self.place = Place::Start,
            id::SEGMENT => {
                self.streams.forget();
                self.segment_end = head.size.and_then(|size| self.end(head, size));
                self.cluster_end = None;
                self.scale = entry::DEFAULT_SCALE;
                self.place = Place::Segment;
                self.input.consume(head.len);
            }
            _ => self.pass_over(head)?,
        }
        Ok(true)
    }

    /// A child of the segment (RFC 9559, 5.1).
    fn segment(&mut self) -> Result<bool, Error> {
        let Some(head) = self.head(resync::is_in_segment)? else { return Ok(false) };
        match head.id {
            id::EBML => return Ok(self.cut_to(Place::Start, self.segment_end.is_some())),
            id::SEGMENT => return Ok(self.cut_to(Place::Document, self.segment_end.is_some())),
            _ => self.check_bounds(head, self.segment_end)?,
        }
        match head.id {
            id::INFO if !self.streams.are_known() => {
                let Some((data, offset)) = whole(&self.input, head, MOST_HEADER, "Info")? else {
                    return Ok(false);
                };
                self.scale = entry::read_scale(data, offset)?;
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
                self.cluster_time = None;
                self.place = Place::Cluster;
                self.input.consume(head.len);
            }
            _ => self.pass_over(head)?,
        }
        Ok(true)
    }

    /// A child of a cluster (RFC 9559, 5.1.3), or what ends a cluster of unknown size.
    fn cluster(&mut self) -> Result<bool, Error> {
        let known = |id| resync::is_in_cluster(id) || resync::is_in_segment(id);
        let Some(head) = self.head(known)? else { return Ok(false) };
        if !resync::is_in_cluster(head.id) {
            return match (head.id, self.cluster_end) {
                (_, None) => Ok(self.cut_to(Place::Segment, false)),
                (id::CLUSTER | id::EBML, Some(_)) => Ok(self.cut_to(Place::Segment, true)),
                _ => Err(self.malformed("a cluster is shorter than it says")),
            };
        }
        self.check_bounds(head, self.cluster_end.or(self.segment_end))?;
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
        let ticks = ebml::uint(data).unwrap_or(u64::MAX);
        let time = ticks.checked_mul(self.scale).filter(|time| *time <= LATEST);
        let time = time.ok_or_else(|| self.malformed("a cluster is decades late"))?;
        if self.cluster_end.is_none() && self.cluster_time.is_none() && self.streams.are_late(time as i64) {
            self.streams.begin_take(true);
        }
        self.cluster_time = Some(time as i64);
        self.latest = [None; 2];
        self.consume(head);
        Ok(true)
    }

    fn block(&mut self, head: Head) -> Result<bool, Error> {
        let position = self.input.position();
        if head.id == id::SIMPLE_BLOCK {
            let start = self.input.rest().get(head.len..).unwrap_or_default();
            let number = ebml::read_number(start).map_err(|reason| reason.at(position))?;
            if number.is_some_and(|(number, _)| number.is_none_or(|number| !self.streams.has(number))) {
                return Err(self.malformed("a block is of a track that was not announced"));
            }
        }
        let most = self.latest_ticks();
        let Some((data, offset)) = whole(&self.input, head, MOST_BLOCK, "a block")? else { return Ok(false) };
        if self.watch.is_swallowed(&self.input.rest()[head.len..], offset, data.len(), most) {
            return Err(self.malformed("a block was cut short"));
        }
        let block = match head.id {
            id::SIMPLE_BLOCK => Block::read(data).map_err(|reason| reason.at(position))?,
            _ => Block::read_group(data, offset)?,
        };
        let held = hold(&mut self.streams, &block, self.cluster_time, &self.latest);
        self.held = held.map_err(|reason| reason.at(position))?;
        if let Some(held) = &self.held {
            self.latest[held.kind.slot()] = Some(held.time);
        }
        self.good = true;
        self.consume(head);
        Ok(true)
    }

    /// Gives out the block that was held.
    fn release(&mut self) {
        if let Some(held) = self.held.take() {
            self.streams.release(held);
        }
    }

    /// The head of the next element, which must be one of those `known`; `None` where it takes more bytes.
    fn head(&mut self, known: impl Fn(u32) -> bool) -> Result<Option<Head>, Error> {
        let position = self.input.position();
        match begins_mp4(self.input.rest()) {
            Some(false) => {}
            Some(true) => {
                self.release();
                self.place = Place::Mp4;
                return Ok(None);
            }
            None => return Ok(None),
        }
        match ebml::read_id(self.input.rest()).map_err(|reason| reason.at(position))? {
            None => return Ok(None),
            Some((id, _)) if known(id) => self.release(),
            Some(_) => return Err(Reason::Malformed("an element stands where it cannot").at(position)),
        }
        ebml::read_head(self.input.rest()).map_err(|reason| reason.at(position))
    }

    /// Consumes an element that was read whole.
    fn consume(&mut self, head: Head) {
        self.input.consume(head.len + head.size.unwrap_or(0) as usize);
    }

    /// Passes over an element of any size.
    fn pass_over(&mut self, head: Head) -> Result<(), Error> {
        self.skip = head.size.ok_or_else(|| self.malformed("an element that must have a size has none"))?;
        self.input.consume(head.len);
        Ok(())
    }

    /// Leaves the element that is being read for one that begins here; `early` before its end.
    fn cut_to(&mut self, place: Place, early: bool) -> bool {
        if early {
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

    fn check_bounds(&self, head: Head, bound: Option<u64>) -> Result<(), Error> {
        let end = head.size.map_or(Some(self.input.position()), |size| self.end(head, size));
        match (end, bound) {
            (None, _) => Err(self.malformed("an element is longer than any file")),
            (Some(end), Some(bound)) if end > bound => {
                Err(self.malformed("an element is longer than the one it stands in"))
            }
            _ => Ok(()),
        }
    }

    fn malformed(&self, what: &'static str) -> Error {
        Reason::Malformed(what).at(self.input.position())
    }
}

/// A block in the form that is given out, where it fits to what came before: the time of its cluster and the latest
/// times of the tracks in it.
fn hold(
    streams: &mut Streams,
    block: &Block<'_>,
    cluster_time: Option<i64>,
    latest: &[Option<i64>; 2],
) -> Result<Option<Held>, Reason> {
    if !streams.has(block.track) {
        return Err(Reason::Malformed("a block is of a track that was not announced"));
    }
    let start = cluster_time.ok_or(Reason::Malformed("a block comes before the time of its cluster"))?;
    let Some(held) = streams.hold(block, start)? else { return Ok(None) };
    let latest = latest[held.kind.slot()];
    if latest.is_some_and(|latest| held.time < latest - MOST_BACK) && !streams.reorder(held.kind) {
        return Err(Reason::Malformed("time goes back in a cluster: the head of the next one was lost"));
    }
    Ok(Some(held))
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

fn check_header(data: &[u8], offset: u64) -> Result<(), Error> {
    for child in ebml::children(data, offset) {
        let child = child?;
        match child.id {
            id::DOC_TYPE if !matches!(child.text(), b"webm" | b"matroska") => {
                return Err(Reason::UnknownContainer.at(child.offset));
            }
            id::EBML_MAX_ID_LENGTH if child.uint()? > 4 => {
                return Err(Reason::Malformed("identifiers are longer than four bytes").at(child.offset));
            }
            id::EBML_MAX_SIZE_LENGTH if child.uint()? > 8 => {
                return Err(Reason::Malformed("sizes are longer than eight bytes").at(child.offset));
            }
            _ => {}
        }
    }
    Ok(())
}
