//! One upload at work: bytes in, fragments durable, offset out. Everything here blocks on the storage.
//!
//! Frames go the way of all frames, [`recorder::write`]. What is the upload's own is its journal: an offset counts every
//! byte, and those of which no fragment is made yet stand nowhere else.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use media::container::{Event, Reader, head_len, mp4};
use media::{Reason, Unread, Why};
use recorder::Recording;
use recorder::journal::{Checkpoint, Content, Journal, Raw};
use recorder::write::{Progress, Write};

use super::staging::Staging;
use super::state::{Creation, Earlier, Reading, Refusal, State};
use super::{Error, MAX_LENGTH, Status};

/// Bytes that are given to the reader at once.
const PIECE: usize = 256 << 10;
/// A file is staged while no more than this came before its media: an index whose samples lie in no order stands there too.
const MAX_HEAD: usize = 16 << 20;
/// The last bytes of a file of known length that may be worth nothing without the file being refused.
const MAX_WORTHLESS: u64 = 1 << 20;
/// A silence counts as at most this long, in milliseconds: uploads are open no longer. The clock may have been set anew
/// since the last bytes, before a restart.
const MAX_SILENCE_MS: i64 = 24 * 3_600 * 1_000;
/// A state over this many bytes is checkpointed more rarely than at every fragment.
const LARGE_STATE: usize = 256 << 10;

/// An upload and what it writes to. After an error of the storage it is dropped and opened again from its journal.
#[derive(Debug)]
pub(super) struct Session {
    id: String,
    recording: Arc<Recording>,
    journal: Journal,
    state: State,
    write: Write,
    staging: Option<Staging>,
    /// A staged file that was read, to be removed once the journal says so.
    read: Option<Staging>,
    /// The first bytes of the upload, to be kept: what they say of the tracks is known now.
    begun: Option<Vec<u8>>,
    raws: Vec<Raw>,
    /// Bytes journalled raw since the last checkpoint, and the size of that.
    raw_bytes: usize,
    state_len: usize,
    /// Whether a sync of the journal failed: what was written since the one before may not be on the disk.
    sync_failed: bool,
    /// Whether the state changed otherwise than by the bytes that came.
    must_checkpoint: bool,
}

impl Session {
    /// Begins an upload, durably.
    pub(super) fn create(recording: Arc<Recording>, id: &str, creation: Creation) -> Result<Self, Error> {
        let write = Write::begin(Arc::clone(&recording), id, creation.started_at_ms());
        let state = State::new(creation);
        let checkpoint = Checkpoint { marks: Vec::new(), state: state.to_bytes(write.progress()) };
        let path = journal_path(&recording, id);
        let journal = Journal::create(Arc::clone(recording.disk()), path, &checkpoint)?;
        Ok(Self::new(recording, id, journal, state, write))
    }

    /// Takes an upload up again from its journal. The raw bytes since the checkpoint make the fragments again that they
    /// made, since where a body is cut depends on the frames alone: they are written over what stands there, and are
    /// the same bytes.
    pub(super) fn open(recording: Arc<Recording>, id: &str, clock_ms: i64) -> Result<Self, Error> {
        let (journal, content) = Journal::open(Arc::clone(recording.disk()), journal_path(&recording, id))?;
        let (state, progress) = match State::from_bytes(&content.checkpoint.state)? {
            Ok((state, progress)) => (state, progress),
            Err(Earlier { creation, length, received }) => {
                let state = State::ended(creation, length, received);
                return Self::end_earlier(recording, id, journal, content, state);
            }
        };
        let write = Write::resume(Arc::clone(&recording), id, progress)?;
        let mut session = Self::new(recording, id, journal, state, write);
        session.let_read_go()?;
        if matches!(session.state.reading, Reading::Staged) {
            session.staging =
                Some(Staging::open(Arc::clone(session.recording.disk()), session.staged_path())?);
        }
        for raw in content.raws {
            session.raw_bytes += raw.bytes.len();
            session.take(&raw.bytes, raw.at_ms)?;
        }
        session.recording.came_at(session.state.last_bytes_ms, clock_ms);
        // Shown before the crash or not, they are durable after this checkpoint, and shown.
        if session.write.has_appended() {
            session.must_checkpoint = true;
            session.commit()?;
        }
        Ok(session)
    }

    /// Removes a staged file that was read before a crash, and is kept for nothing.
    fn let_read_go(&self) -> Result<(), Error> {
        let path = self.staged_path();
        let disk = self.recording.disk();
        let is_read = matches!(self.state.reading, Reading::Over) && !self.recording.keeps_staged(&self.id);
        if is_read && disk.len(&path).map_err(recorder::Error::from)? > 0 {
            disk.remove_in_steps(&path).map_err(recorder::Error::from)?;
        }
        Ok(())
    }

    /// Ends an upload whose reader's state is of an earlier version: what its journal holds beside the bodies is kept unread,
    /// and its publisher goes on in a new one.
    fn end_earlier(
        recording: Arc<Recording>,
        id: &str,
        journal: Journal,
        content: Content,
        mut state: State,
    ) -> Result<Self, Error> {
        tracing::warn!(
            upload = id,
            "an upload of an earlier version of this program ends; what waited in it is kept unread"
        );
        let takes = content.checkpoint.marks;
        let timeline = recording.timeline();
        let ends = takes.iter().filter_map(|mark| timeline.take(mark.number));
        let end_ms = ends.map(|take| take.started_at_ms.saturating_add(take.duration_ms())).max();
        let progress = Progress::after(takes, end_ms.unwrap_or_else(|| state.creation.started_at_ms()));
        let mut write = Write::resume(Arc::clone(&recording), id, progress)?;
        let offset = state.received;
        let mut bytes = content.checkpoint.state.to_vec();
        for raw in content.raws {
            bytes.extend_from_slice(&raw.bytes);
            state.received += raw.bytes.len() as u64;
        }
        write.push(Event::Unread(Unread {
            offset,
            bytes: bytes.into(),
            kind: None,
            reason: Why::EarlierForm,
        }));
        write.append(0)?;
        let mut session = Self::new(recording, id, journal, state, write);
        session.must_checkpoint = true;
        session.commit()?;
        Ok(session)
    }

    fn new(recording: Arc<Recording>, id: &str, journal: Journal, state: State, write: Write) -> Self {
        Self {
            id: id.to_owned(),
            recording,
            journal,
            state,
            write,
            staging: None,
            read: None,
            begun: None,
            raws: Vec::new(),
            raw_bytes: 0,
            state_len: 0,
            sync_failed: false,
            must_checkpoint: false,
        }
    }

    /// Lets go of the session after an error of the storage. Answers whether the take must end: a sync failed, and its
    /// files cannot be trusted to take more.
    pub(super) fn abandon(self) -> bool {
        let sync_failed = self.sync_failed || self.write.sync_failed();
        if let Err(error) = self.journal.forget_unsynced() {
            tracing::error!(upload = self.id, %error, "a journal could not be cut to what is durable");
        }
        sync_failed
    }

    /// Goes on in a new take, in files of its own.
    pub(super) fn split(&mut self) -> Result<(), Error> {
        tracing::warn!(upload = self.id, "a sync failed: the take has ended, the live goes on in a new one");
        self.write.split()?;
        self.must_checkpoint = true;
        self.commit()
    }

    pub(super) fn status(&self) -> Status {
        self.state.status()
    }

    pub(super) fn is_terminated(&self) -> bool {
        self.state.is_terminated
    }

    pub(super) fn refusal(&self) -> Option<Error> {
        self.state.refusal.as_ref().map(Refusal::error)
    }

    /// Whether it is over and its journal says all of it: it is opened again where somebody still asks for it.
    pub(super) fn is_over(&self) -> bool {
        let ended = self.state.is_complete() || self.state.is_terminated || self.state.refusal.is_some();
        ended && self.is_settled()
    }

    /// Tells the recording which of its takes have ended: all but the last while more may come.
    pub(super) fn tell_ended(&self) {
        let marks = self.write.marks();
        let ended = if self.is_over() { marks } else { marks.split_last().map_or(marks, |(_, ended)| ended) };
        self.recording.end_takes(ended.iter().map(|mark| mark.number));
    }

    /// Whether frames wait for a successor that did not come since `before_ms`.
    pub(super) fn is_idle_since(&self, before_ms: i64) -> bool {
        self.state.last_bytes_ms < before_ms && self.write.is_waiting()
    }

    /// Whether its journal says all of it.
    pub(super) fn is_settled(&self) -> bool {
        !self.must_checkpoint && !self.write.is_waiting()
    }

    /// Whether nothing waits and nothing came since `before_ms`.
    pub(super) fn is_silent_since(&self, before_ms: i64) -> bool {
        self.state.last_bytes_ms < before_ms && !self.write.is_waiting()
    }

    /// Sets the length, which is known from now on; durable with the next commit.
    pub(super) fn declare_length(&mut self, length: u64) -> Result<(), Error> {
        match self.state.length {
            Some(known) if known == length => return Ok(()),
            Some(_) => return Err(Error::LengthMismatch),
            None if length < self.state.received => return Err(Error::LengthMismatch),
            None if length > MAX_LENGTH => return Err(Error::TooLarge { limit: MAX_LENGTH }),
            None => self.state.length = Some(length),
        }
        self.must_checkpoint = true;
        Ok(())
    }

    /// Takes bytes that came and makes them durable: when it returns, the offset counts them.
    pub(super) fn append(&mut self, bytes: &Bytes, clock_ms: i64) -> Result<(), Error> {
        let now_ms = self.recording.event_ms(clock_ms);
        let limit = self.state.length.unwrap_or(MAX_LENGTH);
        let room = usize::try_from(limit - self.state.received.min(limit)).unwrap_or(usize::MAX);
        let within = bytes.slice(..bytes.len().min(room));
        if !within.is_empty() {
            self.take(&within, now_ms)?;
            // Before the journal says so: over the limit these bytes are never acknowledged.
            self.write.check_unread()?;
            self.raws.push(Raw { at_ms: now_ms, bytes: within.clone() });
        }
        if self.state.is_complete() && self.state.refusal.is_none() {
            self.finish()?;
        }
        self.commit()?;
        if let Some(refusal) = self.refusal() {
            return Err(refusal);
        }
        match (within.len() < bytes.len(), self.state.length) {
            (false, _) => Ok(()),
            (true, Some(length)) => Err(Error::BeyondLength { length }),
            (true, None) => Err(Error::TooLarge { limit }),
        }
    }

    /// Takes in a length that was declared without bytes: a file may be refused only now that it is known to be whole.
    pub(super) fn settle(&mut self) -> Result<(), Error> {
        if self.state.is_complete() && self.state.refusal.is_none() {
            self.finish()?;
        }
        self.commit()?;
        self.refusal().map_or(Ok(()), Err)
    }

    /// Lets the frames go that wait for a successor, and makes them durable.
    pub(super) fn flush(&mut self) -> Result<(), Error> {
        if let Reading::Streaming { reader, .. } = &mut self.state.reading {
            reader.flush();
            if let Err(error) = self.drain() {
                self.refuse(&error, self.state.received)?;
            }
        }
        if self.write.is_waiting() {
            self.write.flush();
            self.write.append(self.state.last_bytes_ms)?;
            self.must_checkpoint = true;
        }
        self.commit()
    }

    /// Ends the upload; what is durable stays. Its publisher hears now, if not before, that nothing of it could be read.
    pub(super) fn terminate(&mut self) -> Result<(), Error> {
        let was_told = self.state.refusal.is_some();
        self.state.is_terminated = true;
        self.finish()?;
        self.commit()?;
        self.refusal().filter(|_| !was_told).map_or(Ok(()), Err)
    }

    /// Reads bytes; their fragments are written, but nothing is durable yet.
    fn take(&mut self, bytes: &Bytes, now_ms: i64) -> Result<(), Error> {
        let silence_ms = now_ms.saturating_sub(self.state.last_bytes_ms).clamp(0, MAX_SILENCE_MS);
        self.state.last_bytes_ms = now_ms;
        for piece in bytes.chunks(PIECE) {
            if self.state.refusal.is_some() {
                break;
            }
            let before = self.state.received;
            self.state.received += piece.len() as u64;
            match &mut self.state.reading {
                Reading::Over => self.leave(before, bytes.slice_ref(piece), Why::AfterEnd),
                Reading::Staged => self.stage(before, piece)?,
                Reading::Streaming { reader, head } => {
                    if let Some(head) = head {
                        head.extend_from_slice(piece);
                    }
                    reader.push_bytes(bytes.slice_ref(piece));
                    if let Err(error) = self.drain() {
                        self.refuse(&error, before)?;
                    }
                    self.keep_head()?;
                }
            }
            self.write.append(silence_ms)?;
        }
        Ok(())
    }

    /// Keeps what of the first bytes comes before the media: without it nobody can read a later part by itself.
    fn keep_head(&mut self) -> Result<(), Error> {
        let Some(head) = self.begun.take() else { return Ok(()) };
        Ok(self.recording.keep_unread_head(&self.id, &head[..head_len(&head)])?)
    }

    /// Leaves bytes unread, which begin at `offset`.
    fn leave(&mut self, offset: u64, bytes: Bytes, reason: Why) {
        if !bytes.is_empty() {
            self.write.push(Event::Unread(Unread { offset, bytes, kind: None, reason }));
        }
    }

    /// Leaves unread what was received and is with the reader when it ends: all there is, where it knew no track.
    fn leave_rest(&mut self, reason: Why) {
        let Reading::Streaming { reader, head } = &mut self.state.reading else { return };
        let (offset, mut bytes) = match head.take() {
            Some(head) => (0, Bytes::from(head)),
            None => reader.rest(),
        };
        bytes.truncate(usize::try_from(self.state.received.saturating_sub(offset)).unwrap_or(usize::MAX));
        self.leave(offset, bytes, reason);
    }

    /// Moves what the reader found to the fragmenter.
    fn drain(&mut self) -> Result<(), media::Error> {
        let Reading::Streaming { reader, head } = &mut self.state.reading else { return Ok(()) };
        while let Some(event) = reader.next()? {
            if matches!(event, Event::Track(_)) && head.is_some() {
                self.begun = head.take();
            }
            self.write.push(event);
        }
        if head.as_ref().is_some_and(|head| head.len() > MAX_HEAD) {
            *head = None;
        }
        Ok(())
    }

    /// What follows from bytes that the reader does not take; `before`: where the piece began that held them.
    fn refuse(&mut self, error: &media::Error, before: u64) -> Result<(), Error> {
        if matches!(error.reason, Reason::IndexAtEnd | Reason::OutOfOrder)
            && let Reading::Streaming { head: Some(head), .. } = &mut self.state.reading
        {
            // Its index comes last, or its samples lie in no order: it is read when all of it is here.
            let head = std::mem::take(head);
            let disk = Arc::clone(self.recording.disk());
            self.staging = Some(Staging::create(disk, self.staged_path())?);
            self.state.reading = Reading::Staged;
            self.must_checkpoint = true;
            return self.stage(0, &head);
        }
        let rest = self.state.length.map(|length| length.saturating_sub(error.offset));
        if self.write.has_frames() && rest.is_some_and(|rest| rest <= MAX_WORTHLESS) {
            tracing::info!(%error, "the last bytes of a file are worth nothing");
            self.leave_rest(Why::AfterEnd);
            self.state.reading = Reading::Over;
            return Ok(());
        }
        // What stands behind the damage does not count: the publisher is told up to where its bytes were good, but never
        // less than it was told before.
        self.state.received = error.offset.clamp(before, self.state.received);
        self.state.refusal = Some(Refusal::new(error));
        self.leave_rest(Why::Damaged);
        self.must_checkpoint = true;
        Ok(())
    }

    fn stage(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        let Some(staging) = &self.staging else {
            return Err(recorder::Error::Damaged("the staged file is missing".into()).into());
        };
        self.must_checkpoint = true;
        Ok(staging.write(offset, bytes)?)
    }

    /// All has come: reads what is left, and lets the last frames go.
    fn finish(&mut self) -> Result<(), Error> {
        match std::mem::replace(&mut self.state.reading, Reading::Over) {
            Reading::Over => return Ok(()),
            Reading::Staged => self.read_staged()?,
            reading @ Reading::Streaming { .. } => {
                self.state.reading = reading;
                if let Reading::Streaming { reader, .. } = &mut self.state.reading {
                    reader.finish();
                }
                let drained = self.drain();
                self.keep_head()?;
                self.end_stream(drained.err())?;
                self.state.reading = Reading::Over;
            }
        }
        self.write.flush();
        self.must_checkpoint = true;
        self.write.append(0)?;
        Ok(self.recording.forget_unread_head(&self.id)?)
    }

    /// All of a stream is read: refuses it where nothing of it could be, else leaves its torn end.
    fn end_stream(&mut self, error: Option<media::Error>) -> Result<(), Error> {
        let received = self.state.received;
        if self.state.refusal.is_some() {
            return Ok(());
        }
        if self.write.has_frames() || received == 0 {
            self.leave_rest(Why::AfterEnd);
            return Ok(());
        }
        self.refuse(&error.unwrap_or_else(|| Reason::NoFrames.at(received)), received)?;
        if matches!(self.state.reading, Reading::Staged) { self.read_staged() } else { Ok(()) }
    }

    /// Reads a staged file that is whole.
    fn read_staged(&mut self) -> Result<(), Error> {
        let Some(staging) = self.staging.take() else { return Ok(()) };
        let len = self.state.received;
        let read = match staging.index(len)? {
            Some(index) => match mp4::whole::Reader::new(&index, len) {
                Ok(Some(reader)) => self.read_by_places(reader, &staging, len)?,
                Ok(None) => self.read_in_order(&index, &staging, len)?,
                Err(error) => Err(error),
            },
            None => Err(Reason::IndexAtEnd.at(len)),
        };
        let refused = match (read.err(), self.write.has_frames()) {
            (None, true) => {
                self.read = Some(staging);
                return Ok(());
            }
            (refused, true) => refused,
            (refused, false) => {
                let error = refused.unwrap_or_else(|| Reason::NoFrames.at(0));
                self.state.refusal = Some(Refusal::new(&error));
                None
            }
        };
        // The file stays as it is, from where it could not be read.
        staging.sync()?;
        let from = refused.map_or(0, |error| error.offset.min(len));
        Ok(self.write.keep_staged(from, len - from, Why::Damaged)?)
    }

    /// Reads a staged file sample by sample, wherever they lie.
    fn read_by_places(
        &mut self,
        mut reader: mp4::whole::Reader,
        staging: &Staging,
        len: u64,
    ) -> Result<Result<(), media::Error>, Error> {
        let mut places = staging.places(len);
        let mut read = 0;
        while let Some(place) = reader.wanted() {
            read += place.end - place.start;
            reader.give(&places.read(place)?);
            while let Some(event) = reader.next() {
                self.write.push(event);
            }
            if read >= PIECE as u64 {
                read = 0;
                self.write.append(0).and_then(|()| self.write.sync_bodies())?;
            }
        }
        let ended = reader.finish();
        while let Some(event) = reader.next() {
            self.write.push(event);
        }
        self.write.append(0)?;
        Ok(ended)
    }

    /// Reads a staged file in fragments from its start.
    fn read_in_order(
        &mut self,
        index: &[u8],
        staging: &Staging,
        len: u64,
    ) -> Result<Result<(), media::Error>, Error> {
        let reader = match Reader::with_index(index) {
            Ok(reader) => reader,
            Err(error) => return Ok(Err(error)),
        };
        self.state.reading = Reading::Streaming { reader: Box::new(reader), head: None };
        let mut refused = None;
        staging.each_piece(len, |piece| {
            if let Reading::Streaming { reader, .. } = &mut self.state.reading {
                reader.push(piece);
            }
            refused = self.drain().err();
            self.write.append(0).and_then(|()| self.write.sync_bodies())?;
            Ok(refused.is_none())
        })?;
        if let Reading::Streaming { reader, .. } = &mut self.state.reading {
            reader.finish();
        }
        let rest = self.drain();
        self.state.reading = Reading::Over;
        Ok(refused.map_or(rest, Err))
    }

    /// Makes everything so far durable, and shows new fragments to viewers: bodies first, then the journal, then the
    /// viewers (see [`recorder::write`]). Where no fragment was finished the raw bytes alone are journalled, so that a
    /// small request costs one sync.
    fn commit(&mut self) -> Result<(), Error> {
        let raws = std::mem::take(&mut self.raws);
        let has_new = self.write.has_appended();
        let bodies = self.write.sync()?;
        if self.must_checkpoint || (has_new && (raws.is_empty() || self.is_worth_a_checkpoint())) {
            self.checkpoint()?;
        } else if raws.is_empty() {
            return Ok(());
        } else {
            for raw in &raws {
                self.raw_bytes += raw.bytes.len();
                self.journal.raw(raw)?;
            }
        }
        let durable = self.journal.sync(bodies).inspect_err(|_| self.sync_failed = true)?;
        self.write.announce(durable)?;
        // After the journal says that its frames stand in bodies: a crash before that reads it again.
        if let Some(read) = self.read.take() {
            read.remove()?;
        }
        Ok(())
    }

    /// A checkpoint is the whole state. While that is large, raw bytes are journalled instead, up to eight times as many:
    /// they are read again after a crash, which costs less than so much state with every fragment.
    fn is_worth_a_checkpoint(&self) -> bool {
        self.state_len < LARGE_STATE || self.raw_bytes > 8 * self.state_len
    }

    /// Journals the state of everything. The bodies that it speaks of are synced.
    fn checkpoint(&mut self) -> Result<(), Error> {
        if let Some(staging) = &self.staging {
            staging.sync()?;
        }
        let state = self.state.to_bytes(self.write.progress());
        self.state_len = state.len();
        self.raw_bytes = 0;
        self.must_checkpoint = false;
        let checkpoint = Checkpoint { marks: self.write.marks().to_vec(), state };
        if matches!(self.state.reading, Reading::Over) {
            // Nothing is read again of an upload that is over: its raw bytes go, and its journal stays this small.
            self.journal.rotate(&checkpoint)?;
        } else {
            self.journal.checkpoint(&checkpoint)?;
        }
        Ok(())
    }

    fn staged_path(&self) -> PathBuf {
        self.recording.uploads_dir().join(format!("{}.staged", self.id))
    }
}

/// Where the journal of an upload lies.
pub(super) fn journal_path(recording: &Recording, id: &str) -> PathBuf {
    recording.uploads_dir().join(format!("{id}.journal"))
}
