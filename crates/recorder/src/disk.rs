//! The storage below: a local file system, or in tests one that fails where it is told to.
//!
//! The one recipe of durability is here: a file is durable after [`DiskFile::sync`]; its name, and that of each new
//! folder above it, after [`Disk::sync_dir`] of the folder that holds it; [`Disk::replace`] does all of it.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSliceMut};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use rustix::io::Errno;

/// Bytes of a file that are freed in one step.
const REMOVED_AT_ONCE: u64 = 16 << 20;
/// How long others have the file system for themselves between two steps.
const BETWEEN_REMOVALS: Duration = Duration::from_millis(4);

/// An open file. Its errors are the system's own.
pub trait DiskFile: Debug + Send + Sync {
    /// Writes all the bytes at an offset.
    ///
    /// # Errors
    /// Those of the storage; a part may have been written.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Fills the buffer from an offset.
    ///
    /// # Errors
    /// Those of the storage, and `UnexpectedEof` where the file is shorter.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
    /// Fills the buffers one after the other from an offset.
    ///
    /// # Errors
    /// As [`read_at`](Self::read_at).
    fn read_into(&self, offset: u64, buffers: &mut [IoSliceMut<'_>]) -> io::Result<()> {
        let mut at = offset;
        for buffer in buffers {
            self.read_at(at, buffer)?;
            at += buffer.len() as u64;
        }
        Ok(())
    }
    /// Does the same with what is in memory already, and never waits for the medium. Answers how many bytes that were.
    ///
    /// # Errors
    /// `WouldBlock` where nothing of it is in memory, or the storage cannot tell.
    fn read_now(&self, offset: u64, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let _ = (offset, buffers);
        Err(io::ErrorKind::WouldBlock.into())
    }
    /// Makes what was written durable.
    ///
    /// # Errors
    /// Those of the storage. After an error nothing written since the last success may be taken for durable, and
    /// trying again proves nothing.
    fn sync(&self) -> io::Result<()>;
    /// Length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Whether it holds nothing.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
    /// Cuts it to a length.
    fn truncate(&self, len: u64) -> io::Result<()>;
}

/// A file system. Its errors are the system's own.
pub trait Disk: Debug + Send + Sync {
    /// Opens a file that is there, to read and write.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Makes an empty file, to read and write. Its name is not durable yet.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Makes a folder and those above it, durably.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a folder durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Puts a file with this content in place of what stands there, durably and at once: a reader sees all of the old
    /// or all of the new, after a crash too.
    ///
    /// # Errors
    /// Those of the storage; the old content then still stands.
    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
    /// Removes a file or a folder with all in it; nothing there is no error.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Removes a file however large it is, so that no sync of another file waits long for it: a file system frees the
    /// blocks of a file in one transaction, and a sync waits for the one that is open. So it is cut down in steps, with a
    /// moment for others in between.
    fn remove_in_steps(&self, path: &Path) -> io::Result<()> {
        let mut left = self.len(path)?;
        if left > REMOVED_AT_ONCE {
            let file = self.open(path)?;
            while left > REMOVED_AT_ONCE {
                left -= REMOVED_AT_ONCE;
                file.truncate(left)?;
                std::thread::sleep(BETWEEN_REMOVALS);
            }
        }
        self.remove(path)
    }
    /// The names in a folder; none if it is not there.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;
    /// Length of a file in bytes; 0 if it is not there.
    fn len(&self, path: &Path) -> io::Result<u64>;
    /// Bytes that are free on the storage that holds this path.
    fn free(&self, path: &Path) -> io::Result<u64>;
}

/// Reads a whole file of at most `limit` bytes.
///
/// # Errors
/// Those of the storage, and `InvalidData` over the limit.
pub(crate) fn read_all(disk: &dyn Disk, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = disk.open(path)?;
    let len = file.len()?;
    if len > limit {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the file is over its limit"));
    }
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
    file.read_at(0, &mut bytes)?;
    Ok(bytes)
}

/// The files that are being replaced.
static REPLACED: (Mutex<BTreeSet<PathBuf>>, Condvar) = (Mutex::new(BTreeSet::new()), Condvar::new());

/// The turn to replace a file. What is new is written beside it under one name, so that a crash leaves no more than one;
/// two writers at once would rename each other's file away, or put half of one in place.
struct Turn<'a>(&'a Path);

impl<'a> Turn<'a> {
    fn take(path: &'a Path) -> Self {
        let (replaced, ended) = &REPLACED;
        let mut paths = replaced.lock().unwrap_or_else(PoisonError::into_inner);
        while !paths.insert(path.to_path_buf()) {
            paths = ended.wait(paths).unwrap_or_else(PoisonError::into_inner);
        }
        Self(path)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let (replaced, ended) = &REPLACED;
        replaced.lock().unwrap_or_else(PoisonError::into_inner).remove(self.0);
        ended.notify_all();
    }
}

/// The machine's own file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct LocalDisk;

#[derive(Debug)]
struct LocalFile(File);

impl DiskFile for LocalFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }

    fn read_into(&self, mut offset: u64, mut buffers: &mut [IoSliceMut<'_>]) -> io::Result<()> {
        while buffers.iter().any(|buffer| !buffer.is_empty()) {
            match rustix::io::preadv(&self.0, buffers, offset) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    offset += count as u64;
                    IoSliceMut::advance_slices(&mut buffers, count);
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    #[cfg(target_os = "linux")]
    fn read_now(&self, offset: u64, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        match rustix::io::preadv2(&self.0, buffers, offset, rustix::io::ReadWriteFlags::NOWAIT) {
            // Some file systems cannot tell: then it has to be waited for where that is allowed.
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INTR) => Err(io::ErrorKind::WouldBlock.into()),
            read => Ok(read?),
        }
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }
}

impl Disk for LocalDisk {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(LocalFile(OpenOptions::new().read(true).write(true).open(path)?)))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true);
        Ok(Arc::new(LocalFile(options.open(path)?)))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let missing: Vec<PathBuf> =
            path.ancestors().take_while(|folder| !folder.exists()).map(Path::to_path_buf).collect();
        fs::create_dir_all(path)?;
        missing.iter().filter_map(|folder| folder.parent()).try_for_each(|parent| self.sync_dir(parent))
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        File::open(path)?.sync_all()
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let _turn = Turn::take(path);
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let new = path.with_file_name(name);
        let written = self.create(&new).and_then(|file| {
            file.write_at(0, bytes)?;
            file.sync()
        });
        if let Err(error) = written {
            // Nothing half-written stays behind; what matters is the first error.
            let _ = fs::remove_file(&new);
            return Err(error);
        }
        fs::rename(&new, path)?;
        self.sync_dir(path.parent().unwrap_or(Path::new(".")))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut names = Vec::new();
        for entry in entries {
            names.extend(entry?.file_name().into_string());
        }
        names.sort();
        Ok(names)
    }

    fn len(&self, path: &Path) -> io::Result<u64> {
        match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            found => Ok(found?.len()),
        }
    }

    fn free(&self, path: &Path) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(path)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}
