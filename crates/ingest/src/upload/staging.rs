//! Files whose index stands at their end, or whose media lie in no order: staged on disk, and read when they are whole.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use media::container::mp4;
use recorder::{Disk, DiskFile, Error};

/// What is read of a staged file at once.
const READ: u64 = 1 << 20;

/// A stretch of the file in memory.
#[derive(Debug, Default)]
struct Window {
    at: u64,
    bytes: Bytes,
}

/// Reads samples of a staged file wherever they lie. It keeps two stretches in memory, since sound and picture take turns, each
/// of [`READ`] bytes or of one sample.
#[derive(Debug)]
pub(super) struct Places<'a> {
    staging: &'a Staging,
    len: u64,
    windows: [Window; 2],
}

impl Places<'_> {
    /// The bytes of a place that lies in the file.
    pub(super) fn read(&mut self, place: Range<u64>) -> Result<Bytes, Error> {
        let within = |window: &Window| {
            let from = usize::try_from(place.start.checked_sub(window.at)?).ok()?;
            let to = usize::try_from(place.end - window.at).ok()?;
            (to <= window.bytes.len()).then(|| window.bytes.slice(from..to))
        };
        if let Some(bytes) = self.windows.iter().find_map(within) {
            return Ok(bytes);
        }
        // The stretch that was read longer ago goes.
        self.windows.swap(0, 1);
        let size = (place.end - place.start).max(READ).min(self.len - place.start);
        let bytes = Bytes::from(self.staging.read(place.start, size)?);
        self.windows[0] = Window { at: place.start, bytes: bytes.clone() };
        let wanted = usize::try_from(place.end - place.start).unwrap_or(usize::MAX);
        Ok(bytes.slice(..wanted.min(bytes.len())))
    }
}

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

    /// The index of the whole file, of `len` bytes, and how many there are in front of it; `None` if there is none.
    pub(super) fn index(&self, len: u64) -> Result<Option<Bytes>, Error> {
        let mut at = 0;
        while at < len {
            let header = self.read(at, 16.min(len - at))?;
            let Some(header) = mp4::read::box_header(&header) else { break };
            let size = if header.size == 0 { len - at } else { header.size };
            if &header.kind == b"moov" && size <= (len - at).min(mp4::read::MAX_INDEX) {
                return Ok(Some(self.read(at, size)?.into()));
            }
            if size > len - at || size < u64::from(header.len) || header.size == 0 {
                break;
            }
            at += size;
        }
        self.index_by_its_sign(at, len)
    }

    /// The index where the boxes do not lead to it: a recorder that never came back to write how long its media are.
    fn index_by_its_sign(&self, from: u64, len: u64) -> Result<Option<Bytes>, Error> {
        const SIGN: u64 = 16;
        let mut at = from.max(len.saturating_sub(mp4::read::MAX_INDEX));
        while at + SIGN <= len {
            let piece = self.read(at, READ.min(len - at))?;
            let found = piece
                .windows(SIGN as usize)
                .position(|sign| &sign[4..8] == b"moov" && &sign[12..] == b"mvhd");
            if let Some(found) = found {
                let at = at + found as u64;
                let size = mp4::read::box_header(&piece[found..]).map_or(0, |header| header.size);
                let is_there = (SIGN..=(len - at).min(mp4::read::MAX_INDEX)).contains(&size);
                return if is_there { Ok(Some(self.read(at, size)?.into())) } else { Ok(None) };
            }
            at += piece.len() as u64 - (SIGN - 1);
            if piece.len() as u64 == SIGN - 1 || len - at < SIGN {
                break;
            }
        }
        Ok(None)
    }

    /// Reads the whole file, of `len` bytes, wherever is asked for.
    pub(super) fn places(&self, len: u64) -> Places<'_> {
        Places { staging: self, len, windows: Default::default() }
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
