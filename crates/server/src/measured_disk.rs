//! The machine's own file system, with a watch on how long it takes until something is on the medium.

use std::io::{self, IoSliceMut};
use std::path::Path;
use std::sync::Arc;

use prometheus::Histogram;
use recorder::{Disk, DiskFile, LocalDisk};

/// A disk whose syncs are measured.
#[derive(Debug)]
pub(crate) struct MeasuredDisk {
    disk: LocalDisk,
    syncs: Histogram,
}

#[derive(Debug)]
struct MeasuredFile {
    file: Arc<dyn DiskFile>,
    syncs: Histogram,
}

impl MeasuredDisk {
    pub(crate) fn new(syncs: Histogram) -> Self {
        Self { disk: LocalDisk, syncs }
    }

    fn measured(&self, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(MeasuredFile { file, syncs: self.syncs.clone() })
    }
}

impl DiskFile for MeasuredFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_at(offset, bytes)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_at(offset, buffer)
    }

    fn read_into(&self, offset: u64, buffers: &mut [IoSliceMut<'_>]) -> io::Result<()> {
        self.file.read_into(offset, buffers)
    }

    fn read_now(&self, offset: u64, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.file.read_now(offset, buffers)
    }

    fn sync(&self) -> io::Result<()> {
        let _timer = self.syncs.start_timer();
        self.file.sync()
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.file.truncate(len)
    }
}

impl Disk for MeasuredDisk {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.measured(self.disk.open(path)?))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.measured(self.disk.create(path)?))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.disk.create_dir(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let _timer = self.syncs.start_timer();
        self.disk.sync_dir(path)
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let _timer = self.syncs.start_timer();
        self.disk.replace(path, bytes)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn remove_in_steps(&self, path: &Path) -> io::Result<()> {
        self.disk.remove_in_steps(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.disk.list(path)
    }

    fn len(&self, path: &Path) -> io::Result<u64> {
        self.disk.len(path)
    }

    fn free(&self, path: &Path) -> io::Result<u64> {
        self.disk.free(path)
    }
}
