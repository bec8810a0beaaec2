//! Reads a finished file that is there whole, its samples wherever they lie: the movie box may stand at the end, chunks in
//! any order.

use std::ops::Range;

use bytes::Bytes;

use super::movie::{Movie, Placed};
use super::read::{MAX_SAMPLE, movie_of_box};
use super::take::Streams;
use crate::container::Event;
use crate::container::read::{BYTES_OF_A_FRAME, FEW_FRAMES, TOO_MANY_FRAMES};
use crate::track::rescale;
use crate::{Error, Kind, Reason, Why};

/// Samples that lie outside of the file before a track counts as ended: a file that was cut short has many.
const MAX_OUTSIDE: u32 = 1 << 20;
/// How often the bytes of a file may be samples, all together: once, as a rule.
const MOST_SHARED: u64 = 2;

/// Asks for the samples of a finished file one by one, in the order of their times: [`wanted`](Reader::wanted), then
/// [`give`](Reader::give), and [`next`](Reader::next) until `None`, again and again; [`finish`](Reader::finish) at the end,
/// then `next` until `None`.
///
/// It holds the sample tables, which are no larger than the movie box, and frames that are not shown while it is not known
/// whether they are needed (16 MiB at most).
#[derive(Debug, Clone)]
pub struct Reader {
    movie: Movie,
    streams: Streams,
    len: u64,
    /// Bytes of the samples that were asked for.
    asked: u64,
    outside: u32,
    /// Samples that were given.
    given: u64,
    /// Why no more is asked for, though there are more samples.
    ended: Option<Error>,
}

impl Reader {
    /// A reader of a file of `len` bytes whose `moov` box is given whole, header included. `None` for a file in fragments,
    /// which is read from its start to its end.
    ///
    /// # Errors
    /// A `moov` that is damaged or over a limit, or names no codec that is read here.
    pub fn new(moov: &Bytes, len: u64) -> Result<Option<Self>, Error> {
        let movie = movie_of_box(moov, 0)?;
        if movie.is_fragmented || !movie.lists_samples() {
            return Ok(None);
        }
        let mut streams = Streams::default();
        streams.set(&movie);
        Ok(Some(Self { movie, streams, len, asked: 0, outside: 0, given: 0, ended: None }))
    }

    /// Where in the file the bytes of the next sample lie; `None` when there is no other.
    pub fn wanted(&mut self) -> Option<Range<u64>> {
        loop {
            let sample = self.next_sample().filter(|_| self.ended.is_none())?;
            let end = sample.offset.saturating_add(sample.size.into());
            let most = self.len.saturating_mul(MOST_SHARED);
            if self.asked.saturating_add(sample.size.into()) > most {
                let shared = Reason::OverLimit { what: "the bytes of samples that share them", limit: most };
                self.ended = Some(shared.at(sample.offset));
                return None;
            }
            if self.given > FEW_FRAMES + self.len / BYTES_OF_A_FRAME {
                self.ended = Some(TOO_MANY_FRAMES.at(sample.offset));
                return None;
            }
            if end <= self.len && sample.size <= MAX_SAMPLE {
                return Some(sample.offset..end);
            }
            self.outside += 1;
            if self.outside > MAX_OUTSIDE {
                let limit = MAX_OUTSIDE.into();
                let outside = Reason::OverLimit { what: "the samples that lie outside of the file", limit };
                self.ended = Some(outside.at(sample.offset));
                return None;
            }
            self.movie.advance(sample.kind);
        }
    }

    /// Takes the bytes that were wanted.
    pub fn give(&mut self, bytes: &[u8]) {
        let Some(sample) = self.next_sample() else { return };
        self.asked += u64::from(sample.size);
        self.given += 1;
        self.movie.advance(sample.kind);
        if self.streams.take(&sample, bytes).is_err() {
            self.streams.tell_unread(sample.offset, bytes, Some(sample.kind), Why::Unreadable);
        }
    }

    /// Says that no other sample is given.
    ///
    /// # Errors
    /// Samples over a limit, which were not asked for.
    pub fn finish(&mut self) -> Result<(), Error> {
        self.streams.tell_waiting();
        self.ended.take().map_or(Ok(()), Err)
    }

    /// The next event of what was given.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Option<Event> {
        self.streams.next()
    }

    /// The sample that is decoded next, the picture first.
    fn next_sample(&self) -> Option<Placed> {
        let upcoming = |kind| {
            let source = self.movie.source(kind)?;
            let sample = source.upcoming?;
            Some((rescale(sample.dts, source.timescale(), 1_000_000), sample))
        };
        match (upcoming(Kind::Video), upcoming(Kind::Audio)) {
            (Some((shown, video)), Some((heard, audio))) => Some(if shown <= heard { video } else { audio }),
            (one, other) => one.or(other).map(|(_, sample)| sample),
        }
    }
}
