//! What is odd costs itself alone: an element that nobody knows, or that cannot be read, is passed over by its size where
//! what follows proves that it is one (RFC 8794, 6.2). Where nothing does, the structure is torn, and the next cluster or
//! header is searched.

use bytes::Bytes;

use super::ebml::{self, Head};
use super::proof::{self, Expected, Proof};
use super::read::{MOST_BLOCK, MOST_DAMAGE, Place, Reader};
use super::resync::{self, Candidate};
use crate::{Error, Reason, Why};

/// Bytes of a torn element at the end that are worth a word: fewer are but its head.
const LEAST_TOLD: usize = 12;

/// What is passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Odd {
    /// An element of another specification, or one that stands where it cannot.
    Element,
    /// A block that cannot be read, or is of a track that was not announced.
    Block,
}

impl Reader {
    /// Whether what follows the element at the front says that it is one; `None` where it takes more bytes.
    pub(super) fn judge(&self, head: Head) -> Option<bool> {
        let rest = self.input.rest();
        let size = head.size.filter(|size| *size <= MOST_BLOCK)?;
        let outer = self.cluster_end.or(self.segment_end);
        let end = outer.and_then(|end| end.checked_sub(self.input.position()));
        let ended = self.ended && self.good;
        let expected = Expected {
            in_segment: self.place != Place::Document,
            tracks: self.streams.numbers(),
            end,
            ended,
        };
        match proof::of_what_follows(rest, head.len as u64 + size, expected) {
            Proof::Whole => Some(true),
            Proof::Torn => Some(false),
            Proof::Short => self.ended.then_some(false),
        }
    }

    /// Passes over the odd element at the front; false where it takes more bytes.
    pub(super) fn pass_over_odd(&mut self, odd: Odd) -> Result<bool, Error> {
        let position = self.input.position();
        let torn = Reason::Malformed(match odd {
            Odd::Element => "an element stands where it cannot",
            Odd::Block => "a block is of a track that was not announced, or cannot be read",
        });
        let rest = self.input.rest();
        let Some(head) = ebml::read_head(rest).map_err(|reason| reason.at(position))? else {
            return Ok(false);
        };
        let Some(size) = head.size.filter(|size| *size <= MOST_BLOCK) else { return Err(torn.at(position)) };
        let payload = &rest[head.len..];
        let there = payload.len().min(size as usize);
        let most = self.latest_ticks();
        let swallows = self.watch.is_swallowed(payload, position + head.len as u64, there, most);
        if swallows || odd == Odd::Element && !proof::is_identifier(head.id) {
            return Err(torn.at(position));
        }
        match self.judge(head) {
            None => return Ok(false),
            Some(false) => return Err(torn.at(position)),
            Some(true) => {}
        }
        self.release();
        if odd == Odd::Block {
            let payload = Bytes::copy_from_slice(&self.input.rest()[head.len..head.len + size as usize]);
            self.streams.tell(position, payload, None, Why::Unreadable);
        }
        self.consume(head);
        Ok(true)
    }

    /// Torn structure: an error before the first block, else the start of a search.
    pub(super) fn lose(&mut self, error: Error) -> Result<bool, Error> {
        if !self.good || matches!(error.reason, Reason::UnsupportedCodec(_)) {
            return Err(error);
        }
        let Some(is_filling) = proof::is_filling(self.input.rest(), self.ended) else { return Ok(false) };
        self.settle_times();
        // The last block is the one that may have been cut, unless what follows is of no recording.
        let cut = self.held.pop_back_if(|_| !is_filling);
        self.release();
        cut.into_iter().for_each(|held| self.streams.leave_out(held));
        self.begin_search(error.offset);
        Ok(true)
    }

    /// Begins to search behind the first byte of what is torn.
    pub(super) fn begin_search(&mut self, since: u64) {
        self.place = Place::Lost { since };
        self.pass(1);
    }

    /// Whether the unfinished element at the end of the input may have swallowed what came after a loss.
    pub(super) fn may_hide_more(&self) -> bool {
        let is_open = !matches!(self.place, Place::Lost { .. } | Place::Mp4);
        self.good && is_open && self.input.rest().len() >= LEAST_TOLD
    }

    /// Searches for a cluster or a header to go on from.
    pub(super) fn search(&mut self, since: u64) -> Result<bool, Error> {
        let most = self.latest_ticks();
        let rest = self.input.rest();
        let (mut at, mut found) = resync::find(rest, 0, most);
        while found == Candidate::Cluster && !self.streams.are_known()
            || found == Candidate::Short && self.ended
        {
            (at, found) = resync::find(rest, at + 1, most);
        }
        self.pass(at);
        if self.input.position() > since + MOST_DAMAGE {
            self.end_search();
            return Err(Reason::Malformed("the recording is damaged, and no new cluster follows").at(since));
        }
        self.place = match found {
            Candidate::Cluster => Place::Segment,
            Candidate::Header => Place::Start,
            Candidate::No | Candidate::Short => {
                if self.ended {
                    self.end_search();
                }
                return Ok(false);
            }
        };
        self.end_search();
        (self.segment_end, self.cluster_end) = (None, None);
        self.streams.begin_take(true);
        Ok(true)
    }

    /// Passes over torn bytes, which are told.
    fn pass(&mut self, count: usize) {
        let bytes = self.input.rest();
        let bytes = &bytes[..count.min(bytes.len())];
        let streams = &mut self.streams;
        self.torn.pass(self.input.position(), bytes, |piece| streams.tell_piece(piece));
        self.input.consume(count);
    }

    fn end_search(&mut self) {
        self.torn.end().into_iter().for_each(|piece| self.streams.tell_piece(piece));
    }
}
