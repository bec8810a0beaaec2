//! The one way from frames to durable bodies: what readers of files and doors of protocols find goes in, fragments that
//! stand on the disk come out.
//!
//! The order that keeps what was acknowledged is a chain of values, each made of the one before it:
//!
//! ```text
//! Write::push, Write::append      frames are cut into fragments, these appended to the bodies of their take
//! Write::sync      -> Synced      the bodies are on the disk, and nobody knows of them yet
//! Journal::sync    -> Durable     the journal is on the disk too: a crash cuts the bodies no more
//! Write::announce(Durable)        viewers see the fragments
//! ```
//!
//! So nothing is shown that a crash could take back. A body that were synced after the journal, or shown before it, would
//! not compile.

use std::sync::Arc;

use media::container::Event;
use media::{Unread, Why};
use serde::{Deserialize, Serialize};
use timeline::fragmenter::{Fragmenter, Output};

use crate::body::{Appended, TakeWriter};
use crate::durable::New;
pub use crate::durable::{Durable, Synced};
use crate::unread::{Kept, Place, joined};
use crate::{Error, Recording, TakeMark};

/// Bytes of fragments that wait to be announced and are kept in memory for the viewers at the tail; the older ones of
/// more are read from their bodies.
const WAITING: usize = 4 << 20;

/// Where the writing of a source stands: what must survive beside the bytes that are on the disk. It is data, kept in a
/// checkpoint; [`Write::resume`] goes on from it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Progress {
    fragmenter: Fragmenter,
    takes: Vec<TakeMark>,
    /// Start and base of the take whose first fragment has not come yet.
    next_take: Option<(i64, i64)>,
    /// End of the newest take, in milliseconds since 1970 UTC, by its recorder's clock.
    end_ms: i64,
    /// How many records of what was left unread were written.
    unread: u64,
}

impl Progress {
    /// Of a source that wrote these takes, and whose newest one ends at `end_ms`, with nothing in hand.
    #[must_use]
    pub fn after(takes: Vec<TakeMark>, end_ms: i64) -> Self {
        Self { fragmenter: Fragmenter::default(), takes, next_take: None, end_ms, unread: 0 }
    }
}

/// Writes what one source publishes: begins takes, cuts frames into fragments, appends them. All but
/// [`push`](Self::push) and [`flush`](Self::flush) blocks on the storage. After an error it is dropped: the source goes
/// on from the progress that its journal kept.
#[derive(Debug)]
pub struct Write {
    recording: Arc<Recording>,
    source: String,
    progress: Progress,
    take: Option<TakeWriter>,
    outputs: Vec<Output>,
    unread: Vec<Unread>,
    appended: Vec<Appended>,
    /// How many fragments were cut since the last sync, and bytes of their frames.
    unshown: (usize, u64),
    kept: Vec<Kept>,
    /// Bytes of the appended fragments that are in memory.
    waiting: usize,
    sync_failed: bool,
}

impl Write {
    /// The first frames of a source. `source` is the name of its journal, which tells how much of its takes is
    /// acknowledged; `started_at_ms` when its recorder started, in milliseconds since 1970 UTC.
    #[must_use]
    pub fn begin(recording: Arc<Recording>, source: &str, started_at_ms: i64) -> Self {
        Self::new(recording, source, Progress::after(Vec::new(), started_at_ms))
    }

    /// Goes on from a progress that was kept; what stands in the bodies past it is written over, and what was kept unread
    /// past it is cut: both come again.
    pub fn resume(recording: Arc<Recording>, source: &str, progress: Progress) -> Result<Self, Error> {
        recording.unread_store().resume(source, progress.unread)?;
        Ok(Self::new(recording, source, progress))
    }

    fn new(recording: Arc<Recording>, source: &str, progress: Progress) -> Self {
        let open = progress.takes.last().filter(|_| progress.next_take.is_none());
        let take = open.map(|mark| recording.resume_take(*mark));
        Self {
            recording,
            source: source.to_owned(),
            progress,
            take,
            outputs: Vec::new(),
            unread: Vec::new(),
            appended: Vec::new(),
            unshown: (0, 0),
            kept: Vec::new(),
            waiting: 0,
            sync_failed: false,
        }
    }

    /// Where it stands, to be kept in a checkpoint after [`sync`](Self::sync).
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The takes that it began and how long their bodies are, for a checkpoint after [`sync`](Self::sync).
    #[must_use]
    pub fn marks(&self) -> &[TakeMark] {
        &self.progress.takes
    }

    /// Takes what a reader or a door found. Nothing is written before [`append`](Self::append), which the caller calls
    /// after each piece of the input: what is held is what one piece made.
    pub fn push(&mut self, event: Event) {
        match event {
            Event::Unread(piece) => self.unread.push(piece),
            event => self.progress.fragmenter.push(event, &mut self.outputs),
        }
    }

    /// Lets go of the frames that wait for a successor, whose time would say how long they last. More may follow.
    pub fn flush(&mut self) {
        self.progress.fragmenter.flush(&mut self.outputs);
    }

    /// Whether frames wait for a successor.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.progress.fragmenter.is_waiting()
    }

    /// Whether a frame came so far.
    #[must_use]
    pub fn has_frames(&self) -> bool {
        !self.progress.takes.is_empty() || !self.outputs.is_empty() || self.is_waiting()
    }

    /// Whether something was appended that nobody was told.
    #[must_use]
    pub fn has_appended(&self) -> bool {
        !self.appended.is_empty() || !self.kept.is_empty()
    }

    /// Keeps a stretch of the source's staged file unread: from a byte of it on, so many. The file stays where it is.
    pub fn keep_staged(&mut self, from: u64, len: u64, reason: Why) -> Result<(), Error> {
        let store = self.recording.unread_store();
        self.kept.push(store.keep_staged(&self.source, self.progress.end_ms, reason, (from, len))?);
        self.progress.unread = store.count(&self.source);
        Ok(())
    }

    /// More is kept unread of this live than may be: [`Error::UnreadFull`]. To be asked after [`append`](Self::append) of
    /// bytes that are not acknowledged yet; what was written of them goes with this value.
    pub fn check_unread(&self) -> Result<(), Error> {
        match self.recording.unread_store().is_over_limit() {
            Some(limit) if !self.kept.is_empty() => Err(Error::UnreadFull { limit }),
            _ => Ok(()),
        }
    }

    /// Appends the fragments that were cut to the bodies of their takes. `silence_ms`: how long nothing came before the
    /// frames they are of, by which a take with another clock begins later than the one before it ended.
    ///
    /// # Errors
    /// Those of the storage; [`Error::Damaged`] for frames that no container can hold; [`Error::TooManyTakes`],
    /// [`Error::TooManyFragments`].
    pub fn append(&mut self, silence_ms: i64) -> Result<(), Error> {
        self.keep_unread()?;
        self.check_fragments()?;
        for output in std::mem::take(&mut self.outputs) {
            match output {
                Output::Take { base_ms, since_last_base_ms } => {
                    self.end_take(base_ms, since_last_base_ms, silence_ms)?;
                }
                Output::Fragment { track, sequence, frames, durations } => {
                    let appended = self.open_take()?.append(&track, sequence, &frames, &durations)?;
                    self.keep(appended);
                }
            }
        }
        Ok(())
    }

    /// Ends the take and goes on with the same tracks in another one, in files of its own.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn split(&mut self) -> Result<(), Error> {
        self.progress.fragmenter.split(&mut self.outputs);
        self.append(0)
    }

    /// Makes durable what was appended to the bodies.
    ///
    /// # Errors
    /// Those of the storage: nothing appended since the last success may be acknowledged then, see
    /// [`sync_failed`](Self::sync_failed).
    pub fn sync(&mut self) -> Result<Synced, Error> {
        self.sync_bodies()?;
        (self.waiting, self.unshown) = (0, (0, 0));
        let (fragments, unread) = (std::mem::take(&mut self.appended), std::mem::take(&mut self.kept));
        Ok(Synced(New { fragments, unread }))
    }

    /// The same while more of the same piece comes: its fragments wait for the next [`sync`](Self::sync).
    ///
    /// # Errors
    /// As [`sync`](Self::sync).
    pub fn sync_bodies(&mut self) -> Result<(), Error> {
        if let Some(take) = &mut self.take {
            take.sync().inspect_err(|_| self.sync_failed = true)?;
        }
        let keeping = self.recording.unread_store().sync(&self.source);
        keeping.inspect_err(|_| self.sync_failed = true)
    }

    /// Whether a sync failed. The system may then show bytes of these files that the disk does not have, and takes later
    /// ones for written: no more is appended to them, the source goes on in a new take ([`split`](Self::split)).
    #[must_use]
    pub fn sync_failed(&self) -> bool {
        self.sync_failed
    }

    /// Shows fragments to viewers.
    ///
    /// # Errors
    /// Those of the storage, from keeping the revision; the fragments are shown all the same.
    pub fn announce(&self, durable: Durable) -> Result<(), Error> {
        self.recording.announce(durable)
    }

    /// Counts the fragments that were cut, and asks whether there may be as many.
    fn check_fragments(&mut self) -> Result<(), Error> {
        if self.outputs.is_empty() {
            return Ok(());
        }
        for output in &self.outputs {
            if let Output::Fragment { frames, .. } = output {
                self.unshown.0 += 1;
                self.unshown.1 += frames.iter().map(|frame| frame.data.len() as u64).sum::<u64>();
            }
        }
        self.recording.check_fragments(self.unshown)
    }

    /// Writes the pieces that no frame was made of, at the place up to which the take stands.
    fn keep_unread(&mut self) -> Result<(), Error> {
        if self.unread.is_empty() {
            return Ok(());
        }
        let Progress { takes, end_ms, .. } = &self.progress;
        let take = takes.last().map(|mark| (mark.number, end_ms.saturating_sub(mark.started_at_ms).max(0)));
        let place = Place { take, at_ms: *end_ms };
        let store = self.recording.unread_store();
        for piece in joined(std::mem::take(&mut self.unread)) {
            self.kept.extend(store.append(&self.source, place, &piece)?);
        }
        self.progress.unread = store.count(&self.source);
        Ok(())
    }

    /// Counts a fragment that was appended.
    fn keep(&mut self, appended: Appended) {
        let mark = appended.mark;
        let entry = &appended.entry;
        let ends = entry.shown_end(&appended.track).unwrap_or(entry.end_dts);
        let end_ms = mark.started_at_ms + appended.track.to_ms(ends) - mark.base_ms;
        self.progress.end_ms = self.progress.end_ms.max(end_ms);
        match self.progress.takes.last_mut().filter(|last| last.number == mark.number) {
            Some(last) => *last = mark,
            None => self.progress.takes.push(mark),
        }
        self.waiting += appended.bytes.len();
        if self.waiting > WAITING {
            self.appended.iter_mut().for_each(|older| older.bytes.clear());
            self.waiting = appended.bytes.len();
        }
        self.appended.push(appended);
    }

    /// Ends the take in hand. The next one begins with its first fragment.
    fn end_take(
        &mut self,
        base_ms: i64,
        since_last_base_ms: Option<i64>,
        silence_ms: i64,
    ) -> Result<(), Error> {
        // The next sync knows the take of then only.
        self.sync_bodies()?;
        self.take = None;
        let Progress { takes, end_ms, .. } = &self.progress;
        let started_at_ms = match (since_last_base_ms, takes.last()) {
            (Some(since), Some(last)) => last.started_at_ms.saturating_add(since),
            (_, Some(_)) => end_ms.saturating_add(silence_ms),
            (_, None) => *end_ms,
        };
        self.progress.next_take = Some((started_at_ms, base_ms));
        Ok(())
    }

    /// The take in hand, begun now if its first fragment is about to come: one that never has a frame leaves no files.
    fn open_take(&mut self) -> Result<&mut TakeWriter, Error> {
        if let Some((started_at_ms, base_ms)) = self.progress.next_take.take() {
            self.take = Some(self.recording.begin_take(&self.source, started_at_ms, base_ms)?);
        }
        self.take.as_mut().ok_or_else(|| Error::Damaged("a fragment came before its take".into()))
    }
}
