//! All recordings of a data directory.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, Semaphore};

use crate::bodies::Bodies;
use crate::load::{DESCRIPTION, load};
use crate::running::Running;
use crate::unread::USUAL_LIMIT;
use crate::{Disk, Error, LocalDisk, Recording, blocking};

/// Recordings that nobody uses and that are kept in memory all the same.
const KEPT: usize = 256;
/// Lives that were asked for and whose recordings are not in memory any more are forgotten when there are this many, or
/// twice as many as were left the last time.
const FORGOTTEN_AT: usize = 1_024;

/// The folders in that of a live.
const FOLDERS: [&str; 3] = ["takes", "unread", "uploads"];

/// All recordings of a data directory, each loaded when it is asked for.
///
/// A live is loaded and deleted under a lock of its own. Viewers take turns before they come to it: at most as many of
/// them load as there are cores, and one for each live. So whoever publishes finds nobody before him but, at most, the
/// one load of his own live that is under way.
#[derive(Debug)]
pub struct Recorder {
    disk: Arc<dyn Disk>,
    root: PathBuf,
    reserve: AtomicU64,
    unread_limit: AtomicU64,
    lives: Mutex<Lives>,
    kept: Arc<Kept>,
    bodies: Arc<Bodies>,
    running: Arc<Running>,
    /// Loads that viewers may have under way.
    viewers: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Lives {
    places: HashMap<i64, Arc<Place>>,
    forgotten_at: usize,
}

/// Where the recording of a live is.
#[derive(Debug, Default)]
struct Place {
    /// Held while it is loaded and while it is deleted.
    recording: Arc<AsyncMutex<Weak<Recording>>>,
    /// Held by the one viewer who has it loaded.
    viewer: AsyncMutex<()>,
}

/// The newest recordings, whether somebody uses them or not.
#[derive(Debug, Default)]
struct Kept(Mutex<VecDeque<(i64, Arc<Recording>)>>);

impl Recorder {
    /// The recordings below a data directory on the machine's own file system. `reserve`: bytes of the disk that are
    /// never recorded into, so that the database does not starve.
    pub fn open(data_dir: &Path, reserve: u64) -> Result<Self, Error> {
        Self::on(Arc::new(LocalDisk), data_dir, reserve)
    }

    /// The same on any storage.
    pub fn on(disk: Arc<dyn Disk>, data_dir: &Path, reserve: u64) -> Result<Self, Error> {
        let root = data_dir.join("lives");
        disk.create_dir(&root)?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            disk,
            root,
            reserve: AtomicU64::new(reserve),
            unread_limit: AtomicU64::new(USUAL_LIMIT),
            lives: Mutex::default(),
            kept: Arc::default(),
            bodies: Arc::default(),
            running: Arc::default(),
            viewers: Arc::new(Semaphore::new(cores)),
        })
    }

    /// The same with another bound for the bytes that are kept of a live though they cannot be read.
    #[must_use]
    pub fn with_unread_limit(self, bytes: u64) -> Self {
        self.set_unread_limit(bytes);
        self
    }

    /// Another bound for recordings that are loaded from now on.
    pub fn set_unread_limit(&self, bytes: u64) {
        self.unread_limit.store(bytes, Ordering::Relaxed);
    }

    /// Other bytes of the disk that are never recorded into, from now on.
    pub fn set_reserve(&self, bytes: u64) {
        self.reserve.store(bytes, Ordering::Relaxed);
    }

    /// The recording of a live, for whoever publishes it; an empty one if nothing came yet. It waits for no viewer but
    /// one who is loading this very live.
    pub async fn recording(&self, live: i64) -> Result<Arc<Recording>, Error> {
        let place = self.place(live);
        let known = Arc::clone(&place.recording).lock_owned().await;
        self.load(live, known, ()).await
    }

    /// The same for whoever watches it: waits while as many viewers as there are cores load other lives.
    pub async fn watched(&self, live: i64) -> Result<Arc<Recording>, Error> {
        let place = self.place(live);
        if let Some(recording) = place.recording.try_lock().ok().and_then(|known| known.upgrade()) {
            return Ok(recording);
        }
        let _one_viewer = place.viewer.lock().await;
        let turn = Arc::clone(&self.viewers).acquire_owned().await;
        let turn = turn.map_err(|closed| Error::Failed(closed.to_string()))?;
        let known = Arc::clone(&place.recording).lock_owned().await;
        self.load(live, known, turn).await
    }

    /// Says whether a live runs: what ends the tails of its recording, in memory already or later. Only the one listener that
    /// follows the lives' own events says so; nothing else here decides it.
    pub async fn set_running(&self, live: i64, runs: bool) {
        // Before the lock is waited for: whoever loads the live meanwhile may know it or not, and is told after it.
        self.running.set(live, runs);
        if let Some(recording) = self.place(live).recording.lock().await.upgrade() {
            recording.set_live(runs);
        }
    }

    /// Removes all that was recorded of a live, and ends its tails.
    pub async fn delete(&self, live: i64) -> Result<(), Error> {
        let mut known = Arc::clone(&self.place(live).recording).lock_owned().await;
        if let Some(recording) = std::mem::take(&mut *known).upgrade() {
            recording.set_live(false);
        }
        self.running.set(live, false);
        self.kept.forget(live);
        self.bodies.close(live);
        let (disk, dir) = (Arc::clone(&self.disk), self.dir(live));
        blocking(move || {
            let removed = remove_live(disk.as_ref(), &dir);
            drop(known);
            Ok(removed?)
        })
        .await
    }

    /// Loads a recording that is not in memory. The lock and the turn of the one who asks are held until it is done, also
    /// where he is gone by then: nobody may open the folder a second time meanwhile.
    async fn load<Turn: Send + 'static>(
        &self,
        live: i64,
        mut known: OwnedMutexGuard<Weak<Recording>>,
        turn: Turn,
    ) -> Result<Arc<Recording>, Error> {
        if let Some(recording) = known.upgrade() {
            return Ok(recording);
        }
        let (disk, dir) = (Arc::clone(&self.disk), self.dir(live));
        let (bodies, kept) = (Arc::clone(&self.bodies), Arc::clone(&self.kept));
        let running = Arc::clone(&self.running);
        let unread_limit = self.unread_limit.load(Ordering::Relaxed);
        blocking(move || {
            let loaded = load(&disk, &dir, unread_limit)?;
            let recording = Arc::new(Recording::new(live, disk, dir, bodies, loaded));
            recording.set_live(running.contains(live));
            *known = Arc::downgrade(&recording);
            drop((known, turn));
            kept.keep(live, &recording);
            Ok(recording)
        })
        .await
    }

    fn place(&self, live: i64) -> Arc<Place> {
        let mut lives = self.lives.lock().unwrap_or_else(PoisonError::into_inner);
        if lives.places.len() >= lives.forgotten_at.max(FORGOTTEN_AT) {
            lives.places.retain(|_, place| Arc::strong_count(place) > 1 || place.is_used());
            lives.forgotten_at = lives.places.len() * 2;
        }
        Arc::clone(lives.places.entry(live).or_default())
    }

    /// Whether there is room to record: more is free than the reserve. Blocks on the storage.
    ///
    /// # Errors
    /// [`Error::Full`], or those of the storage.
    pub fn check_room(&self) -> Result<(), Error> {
        if self.left()? > 0 { Ok(()) } else { Err(Error::Full) }
    }

    /// Bytes that may be recorded before only the reserve is free. Blocks on the storage.
    pub fn left(&self) -> Result<u64, Error> {
        Ok(self.free()?.saturating_sub(self.reserve.load(Ordering::Relaxed)))
    }

    /// Bytes that are free where recordings are kept. Blocks on the storage.
    pub fn free(&self) -> Result<u64, Error> {
        Ok(self.disk.free(&self.root)?)
    }

    /// Bytes that the files of all lives take. Blocks on the storage.
    pub fn stored_in_all(&self) -> Result<u64, Error> {
        self.lives()?.into_iter().map(|live| self.stored(live)).sum()
    }

    /// The lives of which something lies on the disk. Blocks on the storage.
    ///
    /// # Errors
    /// Those of the storage.
    pub fn lives(&self) -> Result<Vec<i64>, Error> {
        Ok(self.disk.list(&self.root)?.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// Bytes that the files of a live take: bodies, what is staged, what is kept unread, its picture. What is journalled counts
    /// where it is more than the bodies: until then they hold the same bytes, and the journal of an upload that is over is small.
    /// Blocks on the storage.
    pub fn stored(&self, live: i64) -> Result<u64, Error> {
        let dir = self.dir(live);
        let takes = dir.join("takes");
        let mut bodies = 0;
        for take in self.disk.list(&takes)? {
            bodies += self.stored_in(&takes.join(take), |_| true)?;
        }
        let uploads = dir.join("uploads");
        let is_journal = |name: &str| name.ends_with(".journal");
        let journals = self.stored_in(&uploads, is_journal)?;
        let beside = self.stored_in(&uploads, |name| !is_journal(name))?
            + self.stored_in(&dir.join("unread"), |_| true)?
            + self.stored_in(&dir, |name| !FOLDERS.contains(&name))?;
        Ok(bodies + beside + journals.saturating_sub(bodies))
    }

    fn stored_in(&self, folder: &Path, counts: impl Fn(&str) -> bool) -> Result<u64, Error> {
        let names = self.disk.list(folder)?;
        let mut sum = 0;
        for name in names.iter().filter(|name| counts(name)) {
            sum += self.disk.len(&folder.join(name))?;
        }
        Ok(sum)
    }

    /// The storage below.
    #[must_use]
    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// The folder of a live.
    #[must_use]
    pub fn dir(&self, live: i64) -> PathBuf {
        self.root.join(live.to_string())
    }
}

impl Place {
    fn is_used(&self) -> bool {
        self.recording.try_lock().map_or(true, |known| known.strong_count() > 0)
    }
}

impl Kept {
    fn keep(&self, live: i64, recording: &Arc<Recording>) {
        let mut kept = self.lock();
        kept.push_back((live, Arc::clone(recording)));
        let oldest = if kept.len() > KEPT { kept.pop_front() } else { None };
        drop(kept);
        // Whatever it holds is let go outside of the lock.
        drop(oldest);
    }

    fn forget(&self, live: i64) {
        self.lock().retain(|(kept, _)| *kept != live);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(i64, Arc<Recording>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes a live's folder. What a crash leaves of it looks like less and less, never like damage: what names the bodies
/// goes before them, what describes them after. Nothing is written, so it works on a full disk.
fn remove_live(disk: &dyn Disk, dir: &Path) -> std::io::Result<()> {
    let uploads = dir.join("uploads");
    let (journals, others): (Vec<_>, Vec<_>) =
        disk.list(&uploads)?.into_iter().partition(|name| name.ends_with(".journal"));
    for name in journals.into_iter().chain(others) {
        disk.remove_in_steps(&uploads.join(name))?;
    }
    disk.remove(&uploads)?;
    let takes = dir.join("takes");
    for take in disk.list(&takes)? {
        let folder = takes.join(take);
        for name in disk.list(&folder)?.iter().filter(|name| *name != DESCRIPTION) {
            disk.remove_in_steps(&folder.join(name))?;
        }
    }
    disk.remove(dir)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicI64;

    use bytes::Bytes;
    use media::{Codec, Track};
    use timeline::Container;

    use super::*;
    use crate::body::init;
    use crate::journal::{Checkpoint, Journal};
    use crate::{DiskFile, TakeMark, verify};

    /// A disk whose power goes after so many removals.
    #[derive(Debug)]
    struct Dying(AtomicI64);

    impl Disk for Dying {
        fn remove(&self, path: &Path) -> std::io::Result<()> {
            if path.is_dir() {
                for name in LocalDisk.list(path)? {
                    self.remove(&path.join(name))?;
                }
            }
            if self.0.fetch_sub(1, Ordering::Relaxed) <= 0 {
                return Err(std::io::Error::other("the power is gone"));
            }
            LocalDisk.remove(path)
        }

        fn open(&self, path: &Path) -> std::io::Result<Arc<dyn DiskFile>> {
            LocalDisk.open(path)
        }
        fn create(&self, path: &Path) -> std::io::Result<Arc<dyn DiskFile>> {
            LocalDisk.create(path)
        }
        fn create_dir(&self, path: &Path) -> std::io::Result<()> {
            LocalDisk.create_dir(path)
        }
        fn sync_dir(&self, path: &Path) -> std::io::Result<()> {
            LocalDisk.sync_dir(path)
        }
        fn replace(&self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
            LocalDisk.replace(path, bytes)
        }
        fn list(&self, path: &Path) -> std::io::Result<Vec<String>> {
            LocalDisk.list(path)
        }
        fn len(&self, path: &Path) -> std::io::Result<u64> {
            LocalDisk.len(path)
        }
        fn free(&self, path: &Path) -> std::io::Result<u64> {
            LocalDisk.free(path)
        }
    }

    #[tokio::test]
    async fn a_live_whose_removal_a_crash_cut_short_is_no_damage() {
        for removals in 0..12 {
            let folder = tempfile::tempdir().unwrap();
            let recorder = Recorder::open(folder.path(), 0).unwrap();
            let recording = recorder.recording(1).await.unwrap();
            let number = recording.begin_take("u", 0, 0).unwrap().mark().number;
            let mark = TakeMark { number, started_at_ms: 0, base_ms: 0, video: 0, audio: 0 };
            let take = recording.beside("takes/1");
            let track = Track {
                codec: Codec::Opus,
                timescale: 48_000,
                width: 0,
                height: 0,
                sample_rate: 48_000,
                channels: 2,
                config: Bytes::from_static(&[0, 2, 0, 0, 0, 0, 0xBB, 0x80, 0, 0, 0]),
                matrix: None,
                pixel_aspect: None,
            };
            std::fs::write(take.join("audio.mp4"), init(&track, Container::Mp4)).unwrap();
            std::fs::write(take.join("audio.idx"), b"").unwrap();
            let checkpoint = Checkpoint { marks: vec![mark], state: Bytes::new() };
            let journal = recording.uploads_dir().join("u.journal");
            Journal::create(Arc::new(LocalDisk), journal, &checkpoint).unwrap();
            let dying = Dying(AtomicI64::new(removals));
            let removed = remove_live(&dying, &recorder.dir(1));
            assert_eq!(removed.is_ok(), !recorder.dir(1).exists());
            let report = verify::verify(&LocalDisk, folder.path()).unwrap();
            assert_eq!(report.problems, [""; 0], "after {removals} removals");
        }
    }
}
