//! Files whose index stands at their end: staged on disk, and read when they are whole.

use std::path::PathBuf;
use std::sync::Arc;

use media::container::mp4;
use recorder::{Disk, DiskFile, Error};

/// What is read of a staged file at once.
const READ: u64 = 1 << 20;

/// The file in which an upload is staged.
#[derive(Debug)]
pub(super) struct Staging {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    file: Arc<dyn DiskFile>,
}

impl Staging {
    /// Begins to stage.
    pub(super) fn create(disk: Arc<dyn Disk>, path: PathBuf) -> Result<Self, Error> {
        let file = disk.create(&path)?;
        if let Some(folder) = path.parent() {
            disk.sync_dir(folder)?;
        }
        Ok(Self { disk, path, file })
    }

    /// Goes on staging.
    pub(super) fn open(disk: Arc<dyn Disk>, path: PathBuf) -> Result<Self, Error> {
        let file = disk.open(&path)?;
        Ok(Self { disk, path, file })
    }

    pub(super) fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        Ok(self.file.write_at(offset, bytes)?)
    }

    pub(super) fn sync(&self) -> Result<(), Error> {
        Ok(self.file.sync()?)
    }

    /// The index at the end of the whole file, of `len` bytes; `None` if there is none.
    pub(super) fn index(&self, len: u64) -> Result<Option<Vec<u8>>, Error> {
        let mut at = 0;
        while at < len {
            let header = self.read(at, 16.min(len - at))?;
            let Some(header) = mp4::read::box_header(&header) else { return Ok(None) };
            let size = if header.size == 0 { len - at } else { header.size };
            if size > len - at || size < 8 {
                return Ok(None);
            }
            if &header.kind == b"moov" {
                let within = size <= mp4::read::MAX_INDEX;
                return if within { Ok(Some(self.read(at, size)?)) } else { Ok(None) };
            }
            at += size;
        }
        Ok(None)
    }

    /// Hands over the whole file in pieces, in order.
    pub(super) fn each_piece(
        &self,
        len: u64,
        mut take: impl FnMut(&[u8]) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let mut at = 0;
        while at < len {
            let piece = self.read(at, READ.min(len - at))?;
            at += piece.len() as u64;
            if !take(&piece)? {
                break;
            }
        }
        Ok(())
    }

    /// Removes the file.
    pub(super) fn remove(self) -> Result<(), Error> {
        Ok(self.disk.remove_in_steps(&self.path)?)
    }

    fn read(&self, at: u64, len: u64) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        self.file.read_at(at, &mut bytes)?;
        Ok(bytes)
    }
}
