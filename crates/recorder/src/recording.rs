//! The recording of one live: its timeline, its bodies, its newest bytes.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io::{self, IoSliceMut};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use bytes::Bytes;
use media::Kind;
use timeline::{Timeline, TrackIndex};
use tokio::sync::watch;

use crate::bodies::Bodies;
use crate::body::{Appended, TakeWriter, body_path};
use crate::durable::{Durable, New};
use crate::load::{Description, Loaded, write_description};
use crate::scan::read_range;
use crate::unread::{Store, Stretch};
use crate::{Disk, DiskFile, Error, TakeMark};

/// Newest bytes of each body that are kept in memory for the readers at the tail.
const TAIL_BYTES: usize = 2 << 20;
/// Takes of one live at most. Each is a folder with files of its own, however little is in it, and named by every head.
const MAX_TAKES: u32 = 500;

/// The recording of one live. What its [`timeline`](Recording::timeline) names is durable.
#[derive(Debug)]
pub struct Recording {
    live: i64,
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    timeline: RwLock<Arc<Timeline>>,
    unread: Store,
    /// The revision that is on the disk; held while the timeline grows.
    kept_revision: Mutex<u64>,
    next_take: Mutex<u32>,
    changes: watch::Sender<u64>,
    is_live: AtomicBool,
    /// Takes to which nothing more comes though the live runs. As many as there are takes.
    ended: Mutex<HashSet<u32>>,
    /// Whether those who know the sources of earlier runs have said which of their takes have ended.
    ended_told: AtomicBool,
    /// What the clock said at a moment, and when that was.
    clock: Mutex<Option<(i64, Instant)>>,
    bodies: Arc<Bodies>,
    tails: Mutex<HashMap<(u32, Kind), Tail>>,
}

/// The newest fragments of a body, as they were appended.
#[derive(Debug, Default)]
struct Tail {
    fragments: VecDeque<(u64, Bytes)>,
    bytes: usize,
}

impl Recording {
    pub(crate) fn new(
        live: i64,
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        bodies: Arc<Bodies>,
        loaded: Loaded,
    ) -> Self {
        Self {
            live,
            disk,
            dir,
            kept_revision: Mutex::new(loaded.timeline.revision),
            timeline: RwLock::new(Arc::new(loaded.timeline)),
            unread: loaded.unread,
            next_take: Mutex::new(loaded.next_take),
            changes: watch::Sender::new(0),
            is_live: AtomicBool::new(false),
            ended: Mutex::default(),
            ended_told: AtomicBool::new(false),
            clock: Mutex::default(),
            bodies,
            tails: Mutex::default(),
        }
    }

    /// The takes and all their fragments that are durable now: a snapshot.
    #[must_use]
    pub fn timeline(&self) -> Arc<Timeline> {
        Arc::clone(&self.timeline.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Wakes up at each growth. Subscribe before looking at the timeline, so that no growth is missed.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The time that takes of this live are placed by, in milliseconds since 1970 UTC: what the clock said when it was
    /// first asked for (`clock_ms`), and since then as much more as has really passed. A clock that is set anew in the
    /// middle of a live, or before a restart, thus never puts a take before one that was there earlier.
    #[must_use]
    pub fn event_ms(&self, clock_ms: i64) -> i64 {
        let mut clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        let (begin_ms, begin) = *clock.get_or_insert_with(|| (self.not_before(clock_ms), Instant::now()));
        begin_ms.saturating_add(i64::try_from(begin.elapsed().as_millis()).unwrap_or(i64::MAX))
    }

    /// Says that something is durable of which no take tells yet, and that came when [`event_ms`](Self::event_ms) was
    /// `at_ms`: it is not earlier now.
    pub fn came_at(&self, at_ms: i64, clock_ms: i64) {
        if self.event_ms(clock_ms) < at_ms {
            *self.clock.lock().unwrap_or_else(PoisonError::into_inner) = Some((at_ms, Instant::now()));
        }
    }

    /// A clock that stands before the newest take's start was set back since: then it is at least the end of all takes.
    fn not_before(&self, clock_ms: i64) -> i64 {
        let timeline = self.timeline();
        let starts = timeline.takes().iter().map(|take| take.started_at_ms);
        let ends = timeline.takes().iter().map(|take| take.started_at_ms.saturating_add(take.duration_ms()));
        if starts.max().is_some_and(|newest| clock_ms < newest) {
            ends.max().unwrap_or(clock_ms)
        } else {
            clock_ms
        }
    }

    /// Whether more may come, as the live's state says: what ends the tails.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.is_live.load(Ordering::Acquire)
    }

    /// Says whether more may come. When no more does, the newest bytes are let go from memory.
    pub fn set_live(&self, is_live: bool) {
        if !is_live {
            lock(&self.tails).clear();
        }
        if self.is_live.swap(is_live, Ordering::AcqRel) != is_live {
            self.changes.send_modify(|count| *count += 1);
        }
    }

    /// Nothing more comes to these takes: their source has ended, or writes another one. What it had is announced.
    pub fn end_takes(&self, takes: impl IntoIterator<Item = u32>) {
        let mut ended = lock(&self.ended);
        let before = ended.len();
        ended.extend(takes);
        let has_more = ended.len() > before;
        drop(ended);
        if has_more {
            self.changes.send_modify(|count| *count += 1);
        }
    }

    /// Whether nothing more comes to a take: it was said so, or the live does not run.
    #[must_use]
    pub fn has_ended(&self, take: u32) -> bool {
        !self.is_live() || lock(&self.ended).contains(&take)
    }

    /// Whether it is still to be said which takes of earlier runs have ended: true once.
    #[must_use]
    pub fn must_tell_ended(&self) -> bool {
        !self.ended_told.swap(true, Ordering::AcqRel)
    }

    /// What was acknowledged and stands in no take, in the order in which it came.
    #[must_use]
    pub fn unread(&self) -> Vec<Stretch> {
        self.unread.stretches()
    }

    /// Bytes of a stretch from an offset in it, at most `len`; empty past its end, `None` where it was let go. Blocks on the
    /// storage.
    pub fn read_unread(&self, stretch: u32, offset: u64, len: u64) -> Result<Option<Bytes>, Error> {
        self.unread.read(stretch, offset, len)
    }

    /// Lets a stretch go, durably; false where there is none of this number. Blocks on the storage.
    pub fn let_go(&self, stretch: u32) -> Result<bool, Error> {
        self.unread.let_go(stretch)
    }

    /// Keeps the first bytes of an upload for whoever reads again what is left of it, durably. Blocks on the storage.
    pub fn keep_unread_head(&self, source: &str, head: &[u8]) -> Result<(), Error> {
        self.unread.keep_head(source, head)
    }

    /// The first bytes of an upload, if they were kept. Blocks on the storage.
    #[must_use]
    pub fn unread_head(&self, source: &str) -> Option<Vec<u8>> {
        self.unread.head(source)
    }

    /// Lets the first bytes of an upload go that has ended and left nothing unread. Blocks on the storage.
    pub fn forget_unread_head(&self, source: &str) -> Result<(), Error> {
        self.unread.forget_head(source)
    }

    /// Whether something is kept unread in the staged file of an upload, which stays for it.
    #[must_use]
    pub fn keeps_staged(&self, source: &str) -> bool {
        self.unread.keeps_staged(source)
    }

    pub(crate) fn unread_store(&self) -> &Store {
        &self.unread
    }

    /// The folder in which the journals of this live's uploads lie.
    #[must_use]
    pub fn uploads_dir(&self) -> PathBuf {
        self.dir.join("uploads")
    }

    /// The storage that it lies on.
    #[must_use]
    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// The path of a file beside the bodies, such as a poster.
    #[must_use]
    pub fn beside(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Begins a take, durably. Blocks on the storage.
    pub(crate) fn begin_take(
        &self,
        upload: &str,
        started_at_ms: i64,
        base_ms: i64,
    ) -> Result<TakeWriter, Error> {
        let number = {
            let mut next = lock(&self.next_take);
            let number = *next;
            if number > MAX_TAKES {
                return Err(Error::TooManyTakes { limit: MAX_TAKES });
            }
            *next += 1;
            number
        };
        let folder = self.take_dir(number);
        let description = Description { number, upload: upload.to_owned(), started_at_ms, base_ms };
        if let Err(error) = write_description(&self.disk, &folder, &description) {
            // Nothing half-made stays behind; what matters is the first error.
            let _ = self.disk.remove(&folder);
            return Err(error);
        }
        let mark = TakeMark { number, started_at_ms, base_ms, video: 0, audio: 0 };
        Ok(TakeWriter::new(Arc::clone(&self.disk), folder, mark))
    }

    /// Goes on with a take from a mark of the journal.
    pub(crate) fn resume_take(&self, mark: TakeMark) -> TakeWriter {
        TakeWriter::new(Arc::clone(&self.disk), self.take_dir(mark.number), mark)
    }

    /// Shows fragments to viewers, in the order in which they were appended. Blocks on the storage where earlier positions
    /// move, and then until another source of this live has shown its own.
    ///
    /// # Errors
    /// Those of the storage, from keeping the revision; the fragments are shown all the same.
    pub fn announce(&self, durable: Durable) -> Result<(), Error> {
        let New { fragments: appended, unread } = durable.into_new();
        if !unread.is_empty() {
            self.unread.tell(unread);
        }
        if appended.is_empty() {
            return Ok(());
        }
        // One source at a time from here to the end: two that moved earlier positions at once would write their
        // revisions in either order, and an older one could be the last on the disk.
        let mut kept = lock(&self.kept_revision);
        // Before the timeline names them: a viewer whom that wakes finds them in memory.
        self.keep_tail(&appended);
        let revision = {
            let before = self.timeline();
            let last = before.in_play_order().last().map(|take| (take.started_at_ms, take.number));
            let moved = appended.iter().any(|new| last > Some((new.mark.started_at_ms, new.mark.number)));
            before.revision + u64::from(moved)
        };
        let keeping = self.keep_revision(&mut kept, revision);
        {
            let mut current = self.timeline.write().unwrap_or_else(PoisonError::into_inner);
            let timeline = Arc::make_mut(&mut current);
            timeline.revision = revision;
            appended.into_iter().for_each(|new| add(timeline, new));
        }
        self.changes.send_modify(|count| *count += 1);
        keeping
    }

    /// Puts the revision on the disk before anybody sees it, so that a restart does not show an older one.
    fn keep_revision(&self, kept: &mut u64, revision: u64) -> Result<(), Error> {
        if *kept < revision {
            self.disk.replace(&self.dir.join("revision"), revision.to_string().as_bytes())?;
            *kept = revision;
        }
        Ok(())
    }

    /// Bytes of a body. Blocks on the storage unless they are of the tail.
    ///
    /// # Errors
    /// Those of the storage; a body that is not there or shorter.
    pub fn read(&self, take: u32, kind: Kind, offset: u64, len: u64) -> Result<Bytes, Error> {
        if let Some(bytes) = self.read_tail(take, kind, offset, len) {
            return Ok(bytes);
        }
        let file = self.body(take, kind)?;
        Ok(read_range(file.as_ref(), offset, len)?.into())
    }

    /// Bytes of a body that are still in memory: one whole fragment or a part of one.
    #[must_use]
    pub fn read_tail(&self, take: u32, kind: Kind, offset: u64, len: u64) -> Option<Bytes> {
        let tails = lock(&self.tails);
        let fragments = &tails.get(&(take, kind))?.fragments;
        let at = fragments.partition_point(|(start, _)| *start <= offset).checked_sub(1)?;
        let (start, bytes) = &fragments[at];
        let from = usize::try_from(offset - start).ok()?;
        let to = from.checked_add(usize::try_from(len).ok()?)?;
        (to <= bytes.len()).then(|| bytes.slice(from..to))
    }

    /// Fills the buffers from a body, one after the other. Blocks on the storage.
    ///
    /// # Errors
    /// Those of the storage; a body that is not there or shorter.
    pub fn read_into(
        &self,
        take: u32,
        kind: Kind,
        offset: u64,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Result<(), Error> {
        Ok(self.body(take, kind)?.read_into(offset, buffers)?)
    }

    /// Does the same with what the system has in memory, and never waits. Answers whether that was all of it; if not,
    /// what the buffers hold is of no use.
    pub fn read_now(
        &self,
        take: u32,
        kind: Kind,
        offset: u64,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Result<bool, Error> {
        // To open it may wait already.
        let Some(body) = self.bodies.get((self.live, take, kind)) else { return Ok(false) };
        let want: usize = buffers.iter().map(|buffer| buffer.len()).sum();
        match body.read_now(offset, buffers) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            read => Ok(read? == want),
        }
    }

    fn body(&self, take: u32, kind: Kind) -> Result<Arc<dyn DiskFile>, Error> {
        let name = (self.live, take, kind);
        if let Some(body) = self.bodies.get(name) {
            return Ok(body);
        }
        let timeline = self.timeline();
        let index: Option<&TrackIndex> = timeline.take(take).and_then(|take| take.track(kind));
        let index = index.ok_or_else(|| Error::Damaged(format!("take {take} has no such track")))?;
        let path = body_path(&self.take_dir(take), index);
        self.bodies.open(name, || self.disk.open(&path))
    }

    fn keep_tail(&self, appended: &[Appended]) {
        let mut tails = lock(&self.tails);
        for new in appended.iter().filter(|new| !new.bytes.is_empty()) {
            let tail = tails.entry((new.mark.number, new.track.kind())).or_default();
            tail.bytes += new.bytes.len();
            tail.fragments.push_back((new.entry.offset, new.bytes.clone()));
            while tail.bytes > TAIL_BYTES && tail.fragments.len() > 1 {
                tail.bytes -= tail.fragments.pop_front().map_or(0, |(_, bytes)| bytes.len());
            }
        }
        // Only the take that grows has a tail worth keeping.
        if let Some(newest) = appended.iter().map(|new| new.mark.number).max() {
            tails.retain(|(take, _), _| *take + 1 >= newest);
        }
    }

    fn take_dir(&self, number: u32) -> PathBuf {
        self.dir.join("takes").join(number.to_string())
    }
}

fn add(timeline: &mut Timeline, new: Appended) {
    let kind = new.track.kind();
    let take = timeline::Take::new(new.mark.number, new.mark.started_at_ms, new.mark.base_ms);
    let place = timeline.take_mut(&take).track_mut(kind);
    let index = place.get_or_insert_with(|| TrackIndex::new(new.track, new.init_len));
    // An upload taken up again from its journal makes once more what it made since its last checkpoint.
    if new.entry.offset >= index.body_len() {
        index.push(new.entry);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
