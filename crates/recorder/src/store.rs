//! All recordings of a data directory.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use tokio::sync::Mutex;

use crate::load::{DESCRIPTION, load};
use crate::{Disk, Error, LocalDisk, Recording};

/// Recordings that nobody uses and that are kept open all the same.
const KEPT_OPEN: usize = 256;

/// All recordings of a data directory, each opened when it is asked for.
#[derive(Debug)]
pub struct Recorder {
    disk: Arc<dyn Disk>,
    root: PathBuf,
    reserve: u64,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    recordings: HashMap<i64, Weak<Recording>>,
    kept: Vec<(i64, Arc<Recording>)>,
}

impl Recorder {
    /// The recordings below a data directory on the machine's own file system. `reserve`: bytes of the disk that are
    /// never recorded into, so that the database does not starve.
    ///
    /// # Errors
    /// Those of the storage.
    pub fn open(data_dir: &Path, reserve: u64) -> Result<Self, Error> {
        Self::on(Arc::new(LocalDisk), data_dir, reserve)
    }

    /// The same on any storage.
    ///
    /// # Errors
    /// Those of the storage.
    pub fn on(disk: Arc<dyn Disk>, data_dir: &Path, reserve: u64) -> Result<Self, Error> {
        let root = data_dir.join("lives");
        disk.create_dir(&root)?;
        Ok(Self { disk, root, reserve, open: Mutex::default() })
    }

    /// The recording of a live; an empty one if nothing came yet.
    ///
    /// # Errors
    /// Those of the storage.
    pub async fn recording(&self, live: i64) -> Result<Arc<Recording>, Error> {
        let mut open = self.open.lock().await;
        if let Some(recording) = open.recordings.get(&live).and_then(Weak::upgrade) {
            return Ok(recording);
        }
        let (disk, dir) = (Arc::clone(&self.disk), self.dir(live));
        let loading = tokio::task::spawn_blocking(move || {
            load(disk.as_ref(), &dir).map(|loaded| Recording::new(disk, dir, loaded))
        });
        let recording = Arc::new(loading.await.map_err(|error| Error::Damaged(error.to_string()))??);
        open.recordings.retain(|_, known| known.strong_count() > 0);
        open.recordings.insert(live, Arc::downgrade(&recording));
        open.kept.push((live, Arc::clone(&recording)));
        if open.kept.len() > KEPT_OPEN {
            open.kept.remove(0);
        }
        Ok(recording)
    }

    /// Removes all that was recorded of a live.
    ///
    /// # Errors
    /// Those of the storage.
    pub async fn delete(&self, live: i64) -> Result<(), Error> {
        let mut open = self.open.lock().await;
        open.recordings.remove(&live);
        open.kept.retain(|(kept, _)| *kept != live);
        let (disk, dir) = (Arc::clone(&self.disk), self.dir(live));
        let removing = tokio::task::spawn_blocking(move || remove_live(disk.as_ref(), &dir));
        Ok(removing.await.map_err(|error| Error::Damaged(error.to_string()))??)
    }

    /// Whether there is room to record: more is free than the reserve. Blocks on the storage.
    ///
    /// # Errors
    /// [`Error::Full`], or those of the storage.
    pub fn check_room(&self) -> Result<(), Error> {
        if self.disk.free(&self.root)? > self.reserve { Ok(()) } else { Err(Error::Full) }
    }

    /// Bytes that the files of a live take. Blocks on the storage.
    ///
    /// # Errors
    /// Those of the storage.
    pub fn stored(&self, live: i64) -> Result<u64, Error> {
        let takes = self.dir(live).join("takes");
        let mut sum = 0;
        for take in self.disk.list(&takes)? {
            let folder = takes.join(take);
            for name in self.disk.list(&folder)? {
                sum += self.disk.len(&folder.join(name))?;
            }
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

/// Removes a live's folder. What a crash leaves of it looks like less and less, never like damage: what names the bodies
/// goes before them, what describes them after. Nothing is written, so it works on a full disk.
fn remove_live(disk: &dyn Disk, dir: &Path) -> std::io::Result<()> {
    disk.remove(&dir.join("uploads"))?;
    let takes = dir.join("takes");
    for take in disk.list(&takes)? {
        let folder = takes.join(take);
        for name in disk.list(&folder)?.iter().filter(|name| *name != DESCRIPTION) {
            disk.remove(&folder.join(name))?;
        }
    }
    disk.remove(dir)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

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
