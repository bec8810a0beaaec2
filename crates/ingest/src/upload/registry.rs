//! All uploads, each with one request at work at a time.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use recorder::{Recorder, Recording};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::session::{Session, journal_path};
use super::{Checksum, Creation, Error, MAX_CHECKED, MAX_LENGTH, Status};

/// Bytes of a request that are gathered before they are stored.
const GATHERED: usize = 1 << 20;
/// How long bytes of a request are gathered before they are stored: one sync then pays for all of them, and a viewer sees
/// them no later than that.
const GATHERING: Duration = Duration::from_millis(200);
/// How long a request may send nothing before it is ended; what came is kept.
const SILENCE: Duration = Duration::from_secs(120);
/// How long a request waits for an older one of the same upload to let go.
const LETTING_GO: Duration = Duration::from_secs(10);
/// Frames wait for a successor no longer than this.
const WAITING_MS: i64 = 1_500;
/// An upload to which nothing came for this long is closed; it is opened again when it is asked for.
const UNUSED_MS: i64 = 60_000;

/// The uploads of all lives.
#[derive(Debug)]
pub struct Uploads {
    recorder: Arc<Recorder>,
    clock: fn() -> i64,
    open: Mutex<HashMap<(i64, String), Arc<Upload>>>,
}

/// One upload.
#[derive(Debug)]
pub struct Upload {
    live: i64,
    id: String,
    recording: Arc<Recording>,
    /// Held by the one request that is at work, from its first byte to its last. The lock of the session is held for one
    /// piece of it only, so that frames that wait too long are let go in the middle of a long request.
    turn: Arc<AsyncMutex<()>>,
    /// `None` after an error of the storage: the next use opens it again from its journal.
    session: Arc<AsyncMutex<Option<Session>>>,
    recorder: Arc<Recorder>,
    /// Whether a sync failed since the session was open: the next one begins a new take. The system may hold bytes of
    /// these files that the disk does not have, and a later sync of them would not say so.
    must_split: Arc<AtomicBool>,
    current: Mutex<CancellationToken>,
    is_leaving: AtomicBool,
    clock: fn() -> i64,
}

impl Uploads {
    /// No uploads yet; those of earlier runs are taken up when they are asked for. `clock` tells the milliseconds
    /// since 1970 UTC.
    #[must_use]
    pub fn new(recorder: Arc<Recorder>, clock: fn() -> i64) -> Self {
        Self { recorder, clock, open: Mutex::default() }
    }

    /// Uploads that are open: at work, or used within the last minute.
    #[must_use]
    pub fn open_uploads(&self) -> usize {
        self.lock().len()
    }

    /// Begins an upload, durably.
    ///
    /// # Errors
    /// [`Error::TooLarge`] and those of the storage.
    pub async fn create(&self, live: i64, mut creation: Creation) -> Result<Arc<Upload>, Error> {
        if creation.length.is_some_and(|length| length > MAX_LENGTH) {
            return Err(Error::TooLarge { limit: MAX_LENGTH });
        }
        let recording = self.recorder.recording(live).await?;
        creation.now_ms = recording.event_ms(creation.now_ms);
        let id = format!("{:032x}", rand::random::<u128>());
        let session = {
            let (recording, id) = (Arc::clone(&recording), id.clone());
            let recorder = Arc::clone(&self.recorder);
            blocking(move || {
                recorder.check_room()?;
                Session::create(recording, &id, creation)
            })
            .await?
        };
        Ok(self.insert(live, &id, recording, Some(session)))
    }

    /// An upload that was begun, in this run or an earlier one.
    ///
    /// # Errors
    /// [`Error::NotFound`] and those of the storage.
    pub async fn get(&self, live: i64, id: &str) -> Result<Arc<Upload>, Error> {
        if !is_id(id) {
            return Err(Error::NotFound);
        }
        if let Some(upload) = self.lock().get(&(live, id.to_owned())) {
            return Ok(Arc::clone(upload));
        }
        let recording = self.recorder.recording(live).await?;
        let there = {
            let (path, disk) = (journal_path(&recording, id), Arc::clone(recording.disk()));
            blocking(move || Ok(disk.open(&path).is_ok())).await?
        };
        if !there {
            return Err(Error::NotFound);
        }
        Ok(self.insert(live, id, recording, None))
    }

    /// Makes all that has come for a live part of its recording: frames wait for their successors no longer.
    ///
    /// # Errors
    /// Those of the first upload that cannot be stored; later ones are not settled then.
    pub async fn settle(&self, live: i64) -> Result<(), Error> {
        let recording = self.recorder.recording(live).await?;
        for id in ids(&recording).await? {
            let upload = self.get(live, &id).await?;
            match upload.work(Session::flush).await {
                Ok(()) | Err(Error::Gone) => upload.close().await,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Tells a recording which of its takes have ended, if nobody did in this run: its uploads of earlier ones know.
    ///
    /// # Errors
    /// Those of the first upload that cannot be opened.
    pub async fn tell_ended(&self, live: i64) -> Result<(), Error> {
        let recording = self.recorder.recording(live).await?;
        if !recording.must_tell_ended() {
            return Ok(());
        }
        for id in ids(&recording).await? {
            let upload = self.get(live, &id).await?;
            match upload.work(|_| Ok(())).await {
                Ok(()) | Err(Error::Gone) => upload.close().await,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Lets staged files go that a run before this one read, and was killed before it removed them. To be called once,
    /// after the start.
    ///
    /// # Errors
    /// Those of the storage; other uploads are not looked at then.
    pub async fn let_staged_go(&self) -> Result<(), Error> {
        let recorder = Arc::clone(&self.recorder);
        for (live, id) in blocking(move || Ok(staged(&recorder)?)).await? {
            let opened = match self.get(live, &id).await {
                Ok(upload) => {
                    // To open it is enough.
                    let opened = upload.work(|_| Ok(())).await;
                    upload.close().await;
                    opened
                }
                Err(error) => Err(error),
            };
            match opened {
                Ok(()) | Err(Error::Gone | Error::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Ends the uploads whose files are staged and to which nothing came since `before_ms`, whether their live was stopped or not:
    /// what can be read of them becomes part of the recording, what cannot is kept unread. Says of which lives.
    ///
    /// # Errors
    /// Those of the storage; later ones are not looked at then.
    pub async fn end_silent(&self, before_ms: i64) -> Result<Vec<i64>, Error> {
        let recorder = Arc::clone(&self.recorder);
        let lives = blocking(move || Ok::<_, Error>(recorder.lives()?)).await?;
        let mut ended = Vec::new();
        for live in lives {
            let (dir, disk) = (self.recorder.dir(live).join("uploads"), Arc::clone(self.recorder.disk()));
            let names =
                blocking(move || Ok::<_, Error>(disk.list(&dir).map_err(recorder::Error::from)?)).await?;
            for id in names.iter().filter_map(|name| name.strip_suffix(".staged")).filter(|id| is_id(id)) {
                if self.end_if_silent(live, id, before_ms).await? {
                    ended.push(live);
                }
            }
        }
        Ok(ended)
    }

    async fn end_if_silent(&self, live: i64, id: &str, before_ms: i64) -> Result<bool, Error> {
        let upload = match self.get(live, id).await {
            Err(Error::NotFound) => return Ok(false),
            found => found?,
        };
        let looked = upload.work(move |session| {
            let is_open = !session.is_terminated() && !session.is_over();
            Ok(is_open && session.is_silent_since(before_ms))
        });
        let is_silent = match looked.await {
            Err(Error::Gone) => false,
            looked => looked?,
        };
        let ended = if is_silent { upload.terminate().await } else { Ok(()) };
        upload.close().await;
        match ended {
            // It is told in the recording that nothing of it could be read.
            Ok(()) | Err(Error::Refused { .. } | Error::Gone) => Ok(is_silent),
            Err(error) => Err(error),
        }
    }

    /// Forgets the uploads of a live that is deleted, after ending the requests at work.
    pub async fn forget(&self, live: i64) {
        let uploads: Vec<_> = {
            let mut open = self.lock();
            let gone: Vec<_> = open.keys().filter(|(of, _)| *of == live).cloned().collect();
            gone.iter().filter_map(|key| open.remove(key)).collect()
        };
        for upload in uploads {
            upload.end_current();
            *upload.session.lock().await = None;
        }
    }

    /// Lets frames go whose successors do not come, and uploads that nobody has used for a while: all of them is on the
    /// disk. To be called about twice a second.
    pub async fn tick(&self) {
        self.lock().retain(|_, upload| Arc::strong_count(upload) > 1 || !upload.is_unused());
        let uploads: Vec<_> = self.lock().values().cloned().collect();
        for upload in uploads {
            let is_idle = match upload.session.try_lock() {
                Ok(session) => {
                    let before_ms = upload.now_ms().saturating_sub(WAITING_MS);
                    session.as_ref().is_some_and(|session| session.is_idle_since(before_ms))
                }
                Err(_) => false,
            };
            if is_idle && let Err(error) = upload.work(Session::flush).await {
                tracing::error!(live = upload.live, %error, "the last frames of an upload could not be stored");
            }
        }
    }

    /// Ends every request at work, for the server to leave; what has come is made durable.
    pub async fn leave(&self) {
        let uploads: Vec<_> = self.lock().values().cloned().collect();
        // All hear of it before any is waited for: the deadline is one for all.
        for upload in &uploads {
            upload.is_leaving.store(true, Ordering::Release);
            upload.end_current();
        }
        for upload in uploads {
            let _turn = upload.turn.lock().await;
            let is_open = upload.session.lock().await.is_some();
            if is_open && let Err(error) = upload.work(Session::flush).await {
                tracing::error!(live = upload.live, %error, "an upload could not be stored on leaving");
            }
        }
    }

    fn insert(
        &self,
        live: i64,
        id: &str,
        recording: Arc<Recording>,
        session: Option<Session>,
    ) -> Arc<Upload> {
        let upload = Arc::new(Upload {
            live,
            id: id.to_owned(),
            recording,
            turn: Arc::default(),
            session: Arc::new(AsyncMutex::new(session)),
            recorder: Arc::clone(&self.recorder),
            must_split: Arc::default(),
            current: Mutex::default(),
            is_leaving: AtomicBool::default(),
            clock: self.clock,
        });
        Arc::clone(self.lock().entry((live, id.to_owned())).or_insert(upload))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(i64, String), Arc<Upload>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Upload {
    /// Its name, a part of its address.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Where it stands. Ends an older request that hangs.
    ///
    /// # Errors
    /// [`Error::Gone`], [`Error::Busy`] and those of the storage.
    pub async fn status(&self) -> Result<Status, Error> {
        let _turn = self.begin().await?;
        self.work(|session| Ok(session.status())).await
    }

    /// Appends what a request brings, from `offset` on, and makes it durable as it comes. Answers the offset after it.
    /// It goes on to its end also when the caller is dropped.
    ///
    /// # Errors
    /// All of [`Error`]; what came before the error is kept, but for [`Error::ChecksumMismatch`].
    pub async fn append<S, E>(
        self: &Arc<Self>,
        offset: u64,
        length: Option<u64>,
        checksum: Option<Checksum>,
        mut body: S,
    ) -> Result<u64, Error>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin + 'static,
        E: Send + 'static,
    {
        let upload = Arc::clone(self);
        // A task of its own: when the client hangs up its request is dropped, and what had come is stored all the same.
        let work = tokio::spawn(async move {
            let (_turn, token) = upload.begin().await?;
            upload.work(move |session| check_start(session, offset, length)).await?;
            match checksum {
                None => upload.append_as_it_comes(&mut body, &token).await,
                Some(checksum) => upload.append_checked(&mut body, &token, &checksum).await,
            }
        });
        work.await.unwrap_or_else(|error| Err(recorder::Error::from(error).into()))
    }

    /// Ends the upload; what is durable stays.
    ///
    /// # Errors
    /// [`Error::Gone`], [`Error::Busy`] and those of the storage.
    pub async fn terminate(&self) -> Result<(), Error> {
        let _turn = self.begin().await?;
        self.work(Session::terminate).await
    }

    /// Ends the request at work, and takes its turn.
    async fn begin(&self) -> Result<(OwnedMutexGuard<()>, CancellationToken), Error> {
        // Before the wait for the turn: what holds it hears at once, and of two that wait the newer one ends the older.
        let token = self.end_current();
        let taking = Arc::clone(&self.turn).lock_owned();
        let turn = timeout(LETTING_GO, taking).await.map_err(|_| Error::Busy)?;
        let is_gone = self.work(|session| Ok(session.is_terminated())).await?;
        if is_gone { Err(Error::Gone) } else { Ok((turn, token)) }
    }

    /// Closes its files, unless more came meanwhile. The next use opens them again.
    async fn close(&self) {
        let mut session = self.session.lock().await;
        if session.as_ref().is_some_and(Session::is_settled) {
            *session = None;
        }
    }

    /// Whether it holds nothing that its journal does not hold.
    fn is_unused(&self) -> bool {
        !self.must_split.load(Ordering::Acquire)
            && self.session.try_lock().is_ok_and(|session| {
                let before_ms = self.now_ms().saturating_sub(UNUSED_MS);
                session.as_ref().is_none_or(|session| session.is_silent_since(before_ms))
            })
    }

    /// The time by which its takes are placed and its silences counted.
    fn now_ms(&self) -> i64 {
        self.recording.event_ms((self.clock)())
    }

    fn end_current(&self) -> CancellationToken {
        let token = CancellationToken::new();
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *current, token.clone()).cancel();
        token
    }

    async fn append_as_it_comes<S, E>(&self, body: &mut S, token: &CancellationToken) -> Result<u64, Error>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
    {
        loop {
            let (gathered, ending) = gather(body, token).await;
            let offset = self.store(gathered).await?;
            match ending {
                Ending::Open => {}
                Ending::Whole => return Ok(offset),
                Ending::Cut => return Err(Error::Interrupted { offset }),
                Ending::Ended => return Err(self.why_ended(offset)),
            }
        }
    }

    /// What a request is told that was ended before its body was.
    fn why_ended(&self, offset: u64) -> Error {
        if self.is_leaving.load(Ordering::Acquire) { Error::Leaving } else { Error::Overtaken { offset } }
    }

    async fn append_checked<S, E>(
        &self,
        body: &mut S,
        token: &CancellationToken,
        checksum: &Checksum,
    ) -> Result<u64, Error>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
    {
        let mut bytes = BytesMut::new();
        loop {
            let (gathered, ending) = gather(body, token).await;
            bytes.extend_from_slice(&gathered);
            match ending {
                _ if bytes.len() > MAX_CHECKED => return Err(Error::TooLarge { limit: MAX_CHECKED as u64 }),
                Ending::Open => {}
                Ending::Whole if checksum.matches(&bytes) => return self.store(bytes.freeze()).await,
                Ending::Whole => return Err(Error::ChecksumMismatch),
                Ending::Cut | Ending::Ended => {
                    let offset = self.work(|session| Ok(session.status().offset)).await?;
                    let was_ended = ending == Ending::Ended;
                    return Err(if was_ended {
                        self.why_ended(offset)
                    } else {
                        Error::Interrupted { offset }
                    });
                }
            }
        }
    }

    /// Makes bytes durable, or only a length that was declared; answers the offset.
    async fn store(&self, bytes: Bytes) -> Result<u64, Error> {
        let (clock_ms, recorder) = ((self.clock)(), Arc::clone(&self.recorder));
        self.work(move |session| {
            if bytes.is_empty() {
                session.settle()?;
            } else {
                recorder.check_room()?;
                session.append(&bytes, clock_ms)?;
            }
            Ok(session.status().offset)
        })
        .await
    }

    /// Works on the session where blocking is allowed. Opens it first if it is not; drops it after an error of the
    /// storage, so that the next use starts from what is durable.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Session) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let mut guard = Arc::clone(&self.session).lock_owned().await;
        let (recording, id, clock_ms) = (Arc::clone(&self.recording), self.id.clone(), (self.clock)());
        let must_split = Arc::clone(&self.must_split);
        blocking(move || {
            let mut session = match guard.take() {
                Some(session) => session,
                None => Session::open(recording, &id, clock_ms).map_err(over)?,
            };
            let split = if must_split.swap(false, Ordering::AcqRel) { session.split() } else { Ok(()) };
            let result = split.and_then(|()| work(&mut session));
            // What is in memory may be ahead of the disk now. The journal knows what is durable, and is opened again.
            if matches!(result, Err(Error::Storage(_))) {
                must_split.store(session.abandon(), Ordering::Release);
                return result;
            }
            session.tell_ended();
            // One that is over holds no file open.
            if !session.is_over() {
                *guard = Some(session);
            }
            result
        })
        .await
    }
}

/// The uploads of a recording, those of earlier runs too. Beside them lie the journals of what came by other doors.
async fn ids(recording: &Recording) -> Result<Vec<String>, Error> {
    let (dir, disk) = (recording.uploads_dir(), Arc::clone(recording.disk()));
    let names: Vec<String> =
        blocking(move || Ok::<_, Error>(disk.list(&dir).map_err(recorder::Error::from)?)).await?;
    let ids = names.iter().filter_map(|name| name.strip_suffix(".journal")).filter(|id| is_id(id));
    Ok(ids.map(str::to_owned).collect())
}

/// The uploads of which a staged file lies on the disk.
fn staged(recorder: &Recorder) -> Result<Vec<(i64, String)>, recorder::Error> {
    let mut found = Vec::new();
    for live in recorder.lives()? {
        let names = recorder.disk().list(&recorder.dir(live).join("uploads"))?;
        let ids = names.iter().filter_map(|name| name.strip_suffix(".staged")).filter(|id| is_id(id));
        found.extend(ids.map(|id| (live, id.to_owned())));
    }
    Ok(found)
}

/// Whether this may be the name of an upload.
fn is_id(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// An upload whose journal is damaged cannot go on: its publisher sends what is left in a new one.
fn over(error: Error) -> Error {
    match error {
        Error::Storage(recorder::Error::Damaged(reason)) => {
            tracing::error!(reason, "an upload is over");
            Error::Gone
        }
        other => other,
    }
}

fn check_start(session: &mut Session, offset: u64, length: Option<u64>) -> Result<(), Error> {
    let at = session.status().offset;
    if at != offset {
        return Err(Error::OffsetMismatch { offset: at });
    }
    if let Some(refusal) = session.refusal() {
        return Err(refusal);
    }
    length.map_or(Ok(()), |length| session.declare_length(length))
}

/// How the body of a request goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// More may come.
    Open,
    /// It has come to its end.
    Whole,
    /// It was cut short.
    Cut,
    /// A newer request wants its turn, or the server leaves.
    Ended,
}

/// Gathers what comes within a short time.
async fn gather<S, E>(body: &mut S, token: &CancellationToken) -> (Bytes, Ending)
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    let mut gathered = BytesMut::new();
    let mut deadline = Instant::now() + SILENCE;
    while gathered.len() < GATHERED {
        let next = tokio::select! {
            biased;
            () = token.cancelled() => return (gathered.freeze(), Ending::Ended),
            next = timeout_at(deadline, body.next()) => next,
        };
        match next {
            Ok(Some(Ok(bytes))) => {
                if gathered.is_empty() {
                    deadline = Instant::now() + GATHERING;
                }
                gathered.extend_from_slice(&bytes);
            }
            Ok(Some(Err(_))) => return (gathered.freeze(), Ending::Cut),
            Ok(None) => return (gathered.freeze(), Ending::Whole),
            Err(_) if gathered.is_empty() => return (gathered.freeze(), Ending::Cut),
            Err(_) => break,
        }
    }
    (gathered.freeze(), Ending::Open)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    recorder::blocking(work).await
}
