//! What a door stands on that gets frames and not files: [`rtmp`](crate::rtmp), WebRTC.
//!
//! A door turns its protocol into the events that the readers of files give (a take, its tracks, frames) and knows no
//! recording. What it hands over goes the way of all frames, [`recorder::write`]: durable, then shown. Nothing can be
//! sent again by such a protocol, so a publisher ends at the first error of the storage; what was shown stays, and the
//! encoder's next connection is another take of the same live.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use media::container::Event;
use recorder::journal::{Checkpoint, Journal};
use recorder::write::Write;
use recorder::{Recorder, Recording, blocking};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use tokio_util::sync::CancellationToken;

/// A silence between two takes counts as at most this long, in milliseconds: a connection is open no longer.
const MAX_SILENCE_MS: i64 = 24 * 3_600 * 1_000;

/// Why a publisher cannot go on. What it had published stays.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A newer publisher of the same live has taken over.
    #[error("a newer publisher has taken over")]
    TakenOver,
    /// It was ended: its live was stopped or deleted, the server leaves, or the storage failed before.
    #[error("this publisher has ended")]
    Over,
    /// It could not be stored.
    #[error(transparent)]
    Storage(#[from] recorder::Error),
}

/// The publishers of all doors: at most one for a live.
#[derive(Debug)]
pub struct Publishers {
    recorder: Arc<Recorder>,
    clock: fn() -> i64,
    current: Mutex<HashMap<i64, Weak<Source>>>,
}

/// Who publishes a live through a door. Dropped without [`end`](Self::end), as when the connection was cut, its last
/// frames, those that wait for a successor, are lost: at most those of a quarter of a second.
#[derive(Debug)]
pub struct Publisher {
    source: Arc<Source>,
    recorder: Arc<Recorder>,
    clock: fn() -> i64,
}

#[derive(Debug)]
struct Source {
    recording: Arc<Recording>,
    state: Arc<AsyncMutex<State>>,
    ended: CancellationToken,
}

#[derive(Debug)]
enum State {
    Open(Box<Work>),
    TakenOver,
    Over,
}

impl Publishers {
    /// No publishers yet. `clock` tells the milliseconds since 1970 UTC.
    #[must_use]
    pub fn new(recorder: Arc<Recorder>, clock: fn() -> i64) -> Self {
        Self { recorder, clock, current: Mutex::default() }
    }

    /// Begins to publish a live, durably. An older publisher of it ends, its last frames stored, before the new one
    /// begins: encoders that come back often do so before their old connection is known to be dead. `door` is the name of
    /// the protocol, and `age_ms` how long ago the recorder of the first frame's clock started.
    ///
    /// # Errors
    /// [`Error::Storage`]; the older publisher has ended all the same.
    pub async fn open(&self, live: i64, door: &str, age_ms: i64) -> Result<Publisher, Error> {
        let recording = self.recorder.recording(live).await?;
        let id = format!("{door}-{:032x}", rand::random::<u128>());
        let state = Arc::new(AsyncMutex::new(State::Over));
        let source = Arc::new(Source { recording, state, ended: CancellationToken::new() });
        let mut place = Arc::clone(&source.state).lock_owned().await;
        // From here on a still newer one waits for this one to be open, and ends it then.
        let older = {
            let mut current = self.current();
            current.retain(|_, known| known.strong_count() > 0);
            current.insert(live, Arc::downgrade(&source)).and_then(|older| older.upgrade())
        };
        if let Some(older) = older {
            older.end(State::TakenOver).await?;
        }
        let (recorder, recording) = (Arc::clone(&self.recorder), Arc::clone(&source.recording));
        let now_ms = recording.event_ms((self.clock)());
        let begun = blocking(move || {
            recorder.check_room()?;
            Work::begin(recording, &id, now_ms, age_ms)
        });
        *place = State::Open(Box::new(begun.await?));
        drop(place);
        Ok(Publisher { source, recorder: Arc::clone(&self.recorder), clock: self.clock })
    }

    /// Ends the publisher of a live that was stopped or is deleted; its last frames are part of the recording then.
    ///
    /// # Errors
    /// [`Error::Storage`]; it has ended all the same, without its last frames.
    pub async fn end(&self, live: i64) -> Result<(), Error> {
        let source = self.current().remove(&live).and_then(|source| source.upgrade());
        match source {
            Some(source) => source.end(State::Over).await,
            None => Ok(()),
        }
    }

    /// Ends them all, for the server to leave; what has come is made durable.
    pub async fn leave(&self) {
        let sources: Vec<_> = self.current().drain().collect();
        for (live, source) in sources {
            if let Some(source) = source.upgrade()
                && let Err(error) = source.end(State::Over).await
            {
                tracing::error!(live, %error, "a publisher's last frames could not be stored on leaving");
            }
        }
    }

    fn current(&self) -> MutexGuard<'_, HashMap<i64, Weak<Source>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Publisher {
    /// Stores what came, in order, and shows the fragments that it completes: when it returns they are durable. Frames of
    /// a track follow its `Event::Track`, that an `Event::Take`.
    ///
    /// # Errors
    /// All of [`Error`]; after one the publisher has ended.
    pub async fn frames(&mut self, events: Vec<Event>) -> Result<(), Error> {
        let (recorder, now_ms) = (Arc::clone(&self.recorder), self.source.recording.event_ms((self.clock)()));
        self.source
            .work(move |work| {
                recorder.check_room()?;
                work.take(events, now_ms)
            })
            .await
    }

    /// Lets the frames go that wait for a successor: for a pause. More may follow.
    ///
    /// # Errors
    /// As [`frames`](Self::frames).
    pub async fn flush(&mut self) -> Result<(), Error> {
        self.source.work(Work::flush).await
    }

    /// Stores the last frames and ends.
    ///
    /// # Errors
    /// [`Error::Storage`]; it has ended all the same, without its last frames.
    pub async fn end(self) -> Result<(), Error> {
        self.source.end(State::Over).await
    }

    /// Resolves when it was ended from elsewhere, for the door to close its connection.
    pub async fn ended(&self) {
        self.source.ended.cancelled().await;
    }
}

impl Source {
    /// Ends it, unless it has ended already.
    async fn end(&self, state: State) -> Result<(), Error> {
        let result = match self.work(Work::flush).await {
            Err(Error::TakenOver | Error::Over) => return Ok(()),
            result => result,
        };
        let before = std::mem::replace(&mut *self.state.lock().await, state);
        if let State::Open(work) = before {
            self.recording.end_takes(work.write.marks().iter().map(|mark| mark.number));
        }
        self.ended.cancel();
        result
    }

    async fn work(
        &self,
        work: impl FnOnce(&mut Work) -> Result<(), recorder::Error> + Send + 'static,
    ) -> Result<(), Error> {
        let mut guard = Arc::clone(&self.state).lock_owned().await;
        blocking(move || {
            let open = open(&mut guard)?;
            work(open).inspect_err(|_| *guard = State::Over)?;
            Ok(())
        })
        .await
    }
}

fn open(guard: &mut OwnedMutexGuard<State>) -> Result<&mut Work, Error> {
    match &mut **guard {
        State::Open(work) => Ok(work),
        State::TakenOver => Err(Error::TakenOver),
        State::Over => Err(Error::Over),
    }
}

/// A publisher at work. Everything here blocks on the storage.
#[derive(Debug)]
struct Work {
    write: Write,
    journal: Journal,
    last_ms: i64,
}

impl Work {
    /// Begins with a journal that names no take yet: what a crash leaves of one that was never shown is removed.
    fn begin(recording: Arc<Recording>, id: &str, now_ms: i64, age_ms: i64) -> Result<Self, Error> {
        let path = recording.uploads_dir().join(format!("{id}.journal"));
        let nothing = Checkpoint { marks: Vec::new(), state: Default::default() };
        let journal = Journal::create(Arc::clone(recording.disk()), path, &nothing)?;
        let write = Write::begin(recording, id, now_ms.saturating_sub(age_ms));
        Ok(Self { write, journal, last_ms: now_ms })
    }

    fn take(&mut self, events: Vec<Event>, now_ms: i64) -> Result<(), recorder::Error> {
        let silence_ms = now_ms.saturating_sub(self.last_ms).clamp(0, MAX_SILENCE_MS);
        self.last_ms = now_ms;
        events.into_iter().for_each(|event| self.write.push(event));
        self.write.append(silence_ms)?;
        self.write.check_unread()?;
        self.commit()
    }

    fn flush(&mut self) -> Result<(), recorder::Error> {
        self.write.flush();
        self.write.append(0)?;
        self.commit()
    }

    /// Nothing is acknowledged to a door, so frames that wait cost no sync.
    fn commit(&mut self) -> Result<(), recorder::Error> {
        if !self.write.has_appended() {
            return Ok(());
        }
        let bodies = self.write.sync()?;
        let marks = self.write.marks().to_vec();
        self.journal.checkpoint(&Checkpoint { marks, state: Default::default() })?;
        let durable = self.journal.sync(bodies)?;
        self.write.announce(durable)
    }
}
