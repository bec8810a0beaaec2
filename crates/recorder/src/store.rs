//! All recordings of a data directory.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use tokio::sync::Mutex;

use crate::load::load;
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
        let removing = tokio::task::spawn_blocking(move || disk.remove(&dir));
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
