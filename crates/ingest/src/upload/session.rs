//! One upload at work: bytes in, fragments durable, offset out. Everything here blocks on the storage.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use media::Reason;
use media::container::{Event, Reader};
use recorder::journal::{Checkpoint, Journal, Raw};
use recorder::{Appended, Recording, TakeWriter};
use timeline::fragmenter::Output;

use super::staging::Staging;
use super::state::{Creation, Reading, Refusal, State};
use super::{Error, MAX_LENGTH, Status};

/// Bytes that are given to the reader at once.
const PIECE: usize = 256 << 10;
/// An index at the end is looked for while no more than this came before the media.
const MAX_HEAD: usize = 1 << 20;
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
    writer: Option<TakeWriter>,
    staging: Option<Staging>,
    outputs: Vec<Output>,
    appended: Vec<Appended>,
    raws: Vec<Raw>,
    /// Bytes journalled raw since the last checkpoint, and the size of that.
    raw_bytes: usize,
    state_len: usize,
    /// Whether a sync failed: what was written since the one before may not be on the disk.
    sync_failed: bool,
    /// Whether the state changed otherwise than by the bytes that came.
    must_checkpoint: bool,
}

impl Session {
    /// Begins an upload, durably.
    pub(super) fn create(recording: Arc<Recording>, id: &str, creation: Creation) -> Result<Self, Error> {
        let state = State::new(creation);
        let checkpoint = Checkpoint { marks: Vec::new(), state: state.to_bytes() };
        let path = journal_path(&recording, id);
        let journal = Journal::create(Arc::clone(recording.disk()), path, &checkpoint)?;
        Ok(Self::new(recording, id, journal, state))
    }

    /// Takes an upload up again from its journal.
    pub(super) fn open(recording: Arc<Recording>, id: &str, clock_ms: i64) -> Result<Self, Error> {
        let (journal, content) = Journal::open(Arc::clone(recording.disk()), journal_path(&recording, id))?;
        let state = State::from_bytes(&content.checkpoint.state)?;
        let mut session = Self::new(recording, id, journal, state);
        if matches!(session.state.reading, Reading::Staged) {
            session.staging =
                Some(Staging::open(Arc::clone(session.recording.disk()), session.staged_path())?);
        }
        if let Some(mark) = session.state.takes.last().filter(|_| session.state.next_take.is_none()) {
            session.writer = Some(session.recording.resume_take(*mark));
        }
        for raw in content.raws {
            session.raw_bytes += raw.bytes.len();
            session.take(&raw.bytes, raw.at_ms)?;
        }
        session.recording.came_at(session.state.last_bytes_ms, clock_ms);
        if !session.appended.is_empty() {
            session.must_checkpoint = true;
            session.commit()?;
        }
        Ok(session)
    }

    fn new(recording: Arc<Recording>, id: &str, journal: Journal, state: State) -> Self {
        Self {
            id: id.to_owned(),
            recording,
            journal,
            state,
            writer: None,
            staging: None,
            outputs: Vec::new(),
            appended: Vec::new(),
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
        let sync_failed = self.sync_failed;
        if let Err(error) = self.journal.forget_unsynced() {
            tracing::error!(upload = self.id, %error, "a journal could not be cut to what is durable");
        }
        sync_failed
    }

    /// Goes on in a new take, in files of its own.
    pub(super) fn split(&mut self) -> Result<(), Error> {
        tracing::warn!(upload = self.id, "a sync failed: the take has ended, the live goes on in a new one");
        self.state.fragmenter.split(&mut self.outputs);
        self.write_outputs(0)?;
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

    /// Whether frames wait for a successor that did not come since `before_ms`.
    pub(super) fn is_idle_since(&self, before_ms: i64) -> bool {
        self.state.last_bytes_ms < before_ms && self.state.fragmenter.is_waiting()
    }

    /// Whether nothing waits and nothing came since `before_ms`.
    pub(super) fn is_silent_since(&self, before_ms: i64) -> bool {
        self.state.last_bytes_ms < before_ms && !self.state.fragmenter.is_waiting()
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
        if self.state.fragmenter.is_waiting() {
            self.state.fragmenter.flush(&mut self.outputs);
            self.write_outputs(self.state.last_bytes_ms)?;
            self.must_checkpoint = true;
        }
        self.commit()
    }

    /// Ends the upload; what is durable stays.
    pub(super) fn terminate(&mut self) -> Result<(), Error> {
        self.state.is_terminated = true;
        self.finish()?;
        self.commit()
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
                Reading::Over => {}
                Reading::Staged => self.stage(before, piece)?,
                Reading::Streaming { reader, head } => {
                    if let Some(head) = head {
                        head.extend_from_slice(piece);
                    }
                    reader.push_bytes(bytes.slice_ref(piece));
                    if let Err(error) = self.drain() {
                        self.refuse(&error, before)?;
                    }
                    self.write_outputs(silence_ms)?;
                }
            }
        }
        Ok(())
    }

    /// Moves what the reader found to the fragmenter.
    fn drain(&mut self) -> Result<(), media::Error> {
        let Reading::Streaming { reader, head } = &mut self.state.reading else { return Ok(()) };
        while let Some(event) = reader.next()? {
            if matches!(event, Event::Track(_)) {
                *head = None;
            }
            self.state.fragmenter.push(event, &mut self.outputs);
        }
        if head.as_ref().is_some_and(|head| head.len() > MAX_HEAD) {
            *head = None;
        }
        Ok(())
    }

    /// What follows from bytes that the reader does not take; `before`: where the piece began that held them.
    fn refuse(&mut self, error: &media::Error, before: u64) -> Result<(), Error> {
        if error.reason == Reason::IndexAtEnd
            && let Reading::Streaming { head: Some(head), .. } = &mut self.state.reading
        {
            let head = std::mem::take(head);
            let disk = Arc::clone(self.recording.disk());
            self.staging = Some(Staging::create(disk, self.staged_path())?);
            self.state.reading = Reading::Staged;
            self.must_checkpoint = true;
            return self.stage(0, &head);
        }
        let rest = self.state.length.map(|length| length.saturating_sub(error.offset));
        if self.state.has_frames() && rest.is_some_and(|rest| rest <= MAX_WORTHLESS) {
            tracing::info!(%error, "the last bytes of a file are worth nothing");
            self.state.reading = Reading::Over;
            return Ok(());
        }
        self.state.received = error.offset.clamp(before, self.state.received);
        self.state.refusal = Some(Refusal::new(error));
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
                if let Err(error) = drained
                    && !self.state.has_frames()
                    && self.outputs.is_empty()
                    && !self.state.is_terminated
                    && self.state.received > 0
                {
                    let received = self.state.received;
                    self.refuse(&error, received)?;
                }
                self.state.reading = Reading::Over;
            }
        }
        self.state.fragmenter.flush(&mut self.outputs);
        self.must_checkpoint = true;
        self.write_outputs(0)
    }

    /// Reads a staged file that is whole.
    fn read_staged(&mut self) -> Result<(), Error> {
        let Some(staging) = self.staging.take() else { return Ok(()) };
        let len = self.state.received;
        let reader = match staging.index(len)? {
            Some(index) => Reader::with_index(&index),
            None => Err(Reason::IndexAtEnd.at(len)),
        };
        let mut refused = None;
        match reader {
            Ok(reader) => {
                self.state.reading = Reading::Streaming { reader: Box::new(reader), head: None };
                staging.each_piece(len, |piece| {
                    if let Reading::Streaming { reader, .. } = &mut self.state.reading {
                        reader.push(piece);
                    }
                    refused = self.drain().err();
                    let written = self.write_outputs(0).and_then(|()| self.sync_bodies());
                    match written {
                        Ok(()) => Ok(refused.is_none()),
                        Err(Error::Storage(error)) => Err(error),
                        Err(error) => Err(recorder::Error::Damaged(error.to_string())),
                    }
                })?;
                if let Reading::Streaming { reader, .. } = &mut self.state.reading {
                    reader.finish();
                }
                let rest = self.drain();
                refused = refused.or(rest.err());
                self.state.reading = Reading::Over;
            }
            Err(error) => refused = Some(error),
        }
        if let Some(error) = refused.filter(|_| !self.state.has_frames()) {
            self.state.refusal = Some(Refusal::new(&error));
        }
        Ok(staging.remove()?)
    }

    /// Writes the fragments that were cut. `silence_ms`: how long nothing came before the bytes they are of.
    fn write_outputs(&mut self, silence_ms: i64) -> Result<(), Error> {
        for output in std::mem::take(&mut self.outputs) {
            match output {
                Output::Take { base_ms, since_last_base_ms } => {
                    self.end_take()?;
                    let started_at_ms = match (since_last_base_ms, self.state.takes.last()) {
                        (Some(since), Some(last)) => last.started_at_ms.saturating_add(since),
                        (_, Some(_)) => self.state.end_ms.saturating_add(silence_ms),
                        (_, None) => self.state.end_ms,
                    };
                    self.state.next_take = Some((started_at_ms, base_ms));
                }
                Output::Fragment { track, sequence, frames, durations } => {
                    let writer = self.open_take()?;
                    let appended = writer.append(&track, sequence, &frames, &durations)?;
                    let mark = appended.mark;
                    let end_ms = mark.started_at_ms + track.to_ms(appended.entry.end_dts) - mark.base_ms;
                    self.state.end_ms = self.state.end_ms.max(end_ms);
                    match self.state.takes.last_mut().filter(|last| last.number == mark.number) {
                        Some(last) => *last = mark,
                        None => self.state.takes.push(mark),
                    }
                    self.appended.push(appended);
                }
            }
        }
        Ok(())
    }

    fn open_take(&mut self) -> Result<&mut TakeWriter, Error> {
        if let Some((started_at_ms, base_ms)) = self.state.next_take.take() {
            self.writer = Some(self.recording.begin_take(&self.id, started_at_ms, base_ms)?);
        }
        self.writer
            .as_mut()
            .ok_or_else(|| recorder::Error::Damaged("a fragment came before its take".into()).into())
    }

    fn end_take(&mut self) -> Result<(), Error> {
        self.sync_bodies()?;
        self.writer = None;
        Ok(())
    }

    fn sync_bodies(&mut self) -> Result<(), Error> {
        if let Some(writer) = &mut self.writer {
            writer.sync().inspect_err(|_| self.sync_failed = true)?;
        }
        Ok(())
    }

    /// Makes everything so far durable, and shows new fragments to viewers.
    fn commit(&mut self) -> Result<(), Error> {
        let raws = std::mem::take(&mut self.raws);
        if self.must_checkpoint || (!self.appended.is_empty() && self.is_worth_a_checkpoint()) {
            self.checkpoint()?;
        } else if !raws.is_empty() {
            self.sync_bodies()?;
            for raw in &raws {
                self.raw_bytes += raw.bytes.len();
                self.journal.raw(raw)?;
            }
            self.journal.sync().inspect_err(|_| self.sync_failed = true)?;
        }
        self.recording.announce(std::mem::take(&mut self.appended))?;
        Ok(())
    }

    fn is_worth_a_checkpoint(&self) -> bool {
        self.state_len < LARGE_STATE || self.raw_bytes > 8 * self.state_len
    }

    fn checkpoint(&mut self) -> Result<(), Error> {
        self.sync_bodies()?;
        if let Some(staging) = &self.staging {
            staging.sync()?;
        }
        let state = self.state.to_bytes();
        self.state_len = state.len();
        self.raw_bytes = 0;
        self.must_checkpoint = false;
        let checkpoint = Checkpoint { marks: self.state.takes.clone(), state };
        if matches!(self.state.reading, Reading::Over) {
            self.journal.rotate(&checkpoint)?;
        } else {
            self.journal.checkpoint(&checkpoint)?;
        }
        Ok(self.journal.sync().inspect_err(|_| self.sync_failed = true)?)
    }

    fn staged_path(&self) -> PathBuf {
        self.recording.uploads_dir().join(format!("{}.staged", self.id))
    }
}

/// Where the journal of an upload lies.
pub(super) fn journal_path(recording: &Recording, id: &str) -> PathBuf {
    recording.uploads_dir().join(format!("{id}.journal"))
}
