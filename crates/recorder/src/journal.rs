//! The journal of an upload: what was received and is in no body yet, and how long its bodies are.
//!
//! A journal is a file of records, each with its length and CRC-32: a *checkpoint* (the marks of the bodies and the
//! whole state of the ingest, which the recorder does not look into), then the raw bytes received since. What is after
//! the first torn record was never acknowledged. When the file has grown over [`ROTATE`], the next checkpoint begins a
//! new file, put in place of the old one by a rename.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{Disk, DiskFile, Error, TakeMark};

/// A journal over this many bytes is begun anew with its next checkpoint.
const ROTATE: u64 = 4 << 20;
/// A record over this many bytes is damage.
const MAX_RECORD: u32 = 256 << 20;
/// A journal over this many bytes is damage.
const MAX_JOURNAL: u64 = 1 << 30;
/// Length, CRC-32 and type before each record's payload.
const HEADER: usize = 9;

const CHECKPOINT: u8 = 1;
const RAW: u8 = 2;

/// The state of an upload at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The takes that came by this upload and how long their bodies are.
    pub marks: Vec<TakeMark>,
    /// The ingest's own state.
    pub state: Bytes,
}

/// Bytes received after a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raw {
    /// When they came, in milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// The bytes.
    pub bytes: Bytes,
}

/// What a journal holds: its last checkpoint and what came after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The last whole checkpoint.
    pub checkpoint: Checkpoint,
    /// The bytes received since, in order.
    pub raws: Vec<Raw>,
    /// Where the whole records end.
    len: u64,
}

/// An open journal. Dropped after an error and opened again, it holds what was durable.
#[derive(Debug)]
pub struct Journal {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    len: u64,
    /// How much of it is known to be durable.
    synced: u64,
}

impl Journal {
    /// Begins a journal, durably.
    ///
    /// # Errors
    /// Those of the storage.
    pub fn create(disk: Arc<dyn Disk>, path: PathBuf, checkpoint: &Checkpoint) -> Result<Self, Error> {
        if let Some(folder) = path.parent() {
            disk.create_dir(folder)?;
        }
        let record = checkpoint_record(checkpoint);
        disk.replace(&path, &record)?;
        let file = disk.open(&path)?;
        let len = record.len() as u64;
        Ok(Self { disk, path, file, len, synced: len })
    }

    /// Opens a journal and cuts off a torn record at its end.
    ///
    /// # Errors
    /// Those of the storage; [`Error::Damaged`] where no checkpoint can be read.
    pub fn open(disk: Arc<dyn Disk>, path: PathBuf) -> Result<(Self, Content), Error> {
        let content = read(disk.as_ref(), &path)?;
        let file = disk.open(&path)?;
        if file.len()? > content.len {
            file.truncate(content.len)?;
        }
        Ok((Self { disk, path, file, len: content.len, synced: content.len }, content))
    }

    /// Appends bytes received; durable after [`sync`](Self::sync).
    ///
    /// # Errors
    /// Those of the storage.
    pub fn raw(&mut self, raw: &Raw) -> Result<(), Error> {
        self.append(&record(RAW, raw))
    }

    /// Appends a checkpoint; durable after [`sync`](Self::sync).
    ///
    /// # Errors
    /// Those of the storage.
    pub fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), Error> {
        if self.len > ROTATE { self.rotate(checkpoint) } else { self.append(&checkpoint_record(checkpoint)) }
    }

    /// Begins the journal anew with a checkpoint alone, durably.
    ///
    /// # Errors
    /// Those of the storage; the old journal then still stands.
    pub fn rotate(&mut self, checkpoint: &Checkpoint) -> Result<(), Error> {
        let record = checkpoint_record(checkpoint);
        self.disk.replace(&self.path, &record)?;
        self.file = self.disk.open(&self.path)?;
        self.len = record.len() as u64;
        self.synced = self.len;
        Ok(())
    }

    /// Makes all that was appended durable.
    ///
    /// # Errors
    /// Those of the storage: nothing appended since the last success may be acknowledged then.
    pub fn sync(&mut self) -> Result<(), Error> {
        self.file.sync()?;
        self.synced = self.len;
        Ok(())
    }

    /// Cuts off what is not known to be durable. After a failed sync the system may show bytes that the disk does not
    /// have: nobody may read them as kept.
    ///
    /// # Errors
    /// Those of the storage.
    pub fn forget_unsynced(self) -> Result<(), Error> {
        Ok(self.file.truncate(self.synced)?)
    }

    fn append(&mut self, record: &[u8]) -> Result<(), Error> {
        self.file.write_at(self.len, record)?;
        self.len += record.len() as u64;
        Ok(())
    }
}

/// Reads a journal without changing it.
///
/// # Errors
/// Those of the storage; [`Error::Damaged`] where no checkpoint can be read.
pub fn read(disk: &dyn Disk, path: &Path) -> Result<Content, Error> {
    let bytes = Bytes::from(crate::disk::read_all(disk, path, MAX_JOURNAL)?);
    let mut content: Option<Content> = None;
    let mut at = 0;
    while let Some((kind, payload)) = next_record(&bytes[at..]) {
        let len = (at + HEADER + payload.len()) as u64;
        match (kind, &mut content) {
            (CHECKPOINT, content) => {
                let Ok(checkpoint) = postcard::from_bytes(payload) else { break };
                *content = Some(Content { checkpoint, raws: Vec::new(), len });
            }
            (RAW, Some(content)) => {
                let Ok(raw) = postcard::from_bytes(payload) else { break };
                content.raws.push(raw);
                content.len = len;
            }
            _ => break,
        }
        at += HEADER + payload.len();
    }
    content.ok_or_else(|| Error::Damaged(format!("{} holds no checkpoint", path.display())))
}

fn next_record(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let header = bytes.get(..HEADER)?;
    let len = u32::from_le_bytes(header[..4].try_into().ok()?);
    let crc = u32::from_le_bytes(header[4..8].try_into().ok()?);
    if len > MAX_RECORD {
        return None;
    }
    let payload = bytes.get(HEADER..HEADER.checked_add(usize::try_from(len).ok()?)?)?;
    (record_crc(header[8], payload) == crc).then_some((header[8], payload))
}

fn checkpoint_record(checkpoint: &Checkpoint) -> Vec<u8> {
    record(CHECKPOINT, checkpoint)
}

fn record(kind: u8, content: &impl Serialize) -> Vec<u8> {
    let payload = postcard::to_stdvec(content).expect("plain data always serialises");
    let mut record = Vec::with_capacity(HEADER + payload.len());
    record.extend_from_slice(&u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes());
    record.extend_from_slice(&record_crc(kind, &payload).to_le_bytes());
    record.push(kind);
    record.extend_from_slice(&payload);
    record
}

fn record_crc(kind: u8, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[kind]);
    hasher.update(payload);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LocalDisk;

    fn journal(folder: &Path) -> (Journal, Checkpoint) {
        let checkpoint = Checkpoint { marks: Vec::new(), state: Bytes::from_static(b"state") };
        let journal =
            Journal::create(Arc::new(LocalDisk), folder.join("uploads/u.journal"), &checkpoint).unwrap();
        (journal, checkpoint)
    }

    #[test]
    fn a_journal_cut_anywhere_holds_the_whole_records_before_the_cut() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, checkpoint) = journal(folder.path());
        let mut ends = vec![journal.len];
        for byte in 0..5_u8 {
            journal.raw(&Raw { at_ms: 1, bytes: vec![byte; 10].into() }).unwrap();
            ends.push(journal.len);
        }
        journal.sync().unwrap();
        let whole = std::fs::read(&journal.path).unwrap();
        for cut in ends[0]..=journal.len {
            std::fs::write(&journal.path, &whole[..usize::try_from(cut).unwrap()]).unwrap();
            let content = read(&LocalDisk, &journal.path).unwrap();
            assert_eq!(content.checkpoint, checkpoint);
            assert_eq!(content.raws.len(), ends.iter().filter(|&&end| end <= cut).count() - 1);
        }
    }

    #[test]
    fn a_flipped_bit_ends_a_journal_at_the_record_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = journal(folder.path());
        journal.raw(&Raw { at_ms: 1, bytes: Bytes::from_static(b"first") }).unwrap();
        let first = journal.len;
        journal.raw(&Raw { at_ms: 2, bytes: Bytes::from_static(b"second") }).unwrap();
        let mut bytes = std::fs::read(&journal.path).unwrap();
        bytes[usize::try_from(first).unwrap() + 12] ^= 4;
        std::fs::write(&journal.path, &bytes).unwrap();
        assert_eq!(read(&LocalDisk, &journal.path).unwrap().raws.len(), 1);
    }

    #[test]
    fn a_large_journal_is_begun_anew_with_its_next_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, checkpoint) = journal(folder.path());
        journal.raw(&Raw { at_ms: 1, bytes: vec![7; 5 << 20].into() }).unwrap();
        journal.checkpoint(&checkpoint).unwrap();
        assert!(journal.len < 100);
        let content = read(&LocalDisk, &journal.path).unwrap();
        assert_eq!((content.checkpoint, content.raws.len()), (checkpoint, 0));
    }
}
