//! The journal of an upload: what was received and is in no body yet, and how long its bodies are.
//!
//! A journal is a file of records, each with its length and CRC-32: a *checkpoint* (the marks of the bodies and the
//! whole state of the ingest, which the recorder does not look into), then the raw bytes received since. When the file
//! has grown over [`ROTATE`], the next checkpoint begins a new file, put in place of the old one by a rename.
//!
//! A record is synced before the next is begun. So a bad one at the very end, shorter than it says or with a sector that
//! was never written, is *torn*: it was not acknowledged. Any other bad one was *damaged* by the medium. A checkpoint
//! after it makes that harmless; without one the upload cannot go on, and what it acknowledged is known from the bodies
//! alone.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::durable::{Durable, Synced};
use crate::{Disk, DiskFile, Error, TakeMark};

/// A journal over this many bytes is begun anew with its next checkpoint.
const ROTATE: u64 = 4 << 20;
/// A record over this many bytes is damage.
const MAX_RECORD: u32 = 256 << 20;
/// A journal over this many bytes is damage.
const MAX_JOURNAL: u64 = 1 << 30;
/// Length, CRC-32 and type before each record's payload.
const HEADER: usize = 9;
/// What a disk writes as a whole, or not at all.
const SECTOR: usize = 512;
/// Fewer zeros than this at an end may be what was written.
const UNWRITTEN: usize = 32;

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
    /// Where the first record lies that the medium has damaged.
    pub damage: Option<u64>,
    /// Whether what it damaged came after the checkpoint: more was acknowledged than is known here.
    pub is_broken: bool,
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
    /// Those of the storage; [`Error::Damaged`] where no checkpoint can be read, or what came after it.
    pub fn open(disk: Arc<dyn Disk>, path: PathBuf) -> Result<(Self, Content), Error> {
        let content = read(disk.as_ref(), &path)?;
        if content.is_broken {
            return Err(Error::Damaged(format!("{} after its last checkpoint", path.display())));
        }
        let file = disk.open(&path)?;
        // Not synced: what a crash brings back of a torn record is torn again.
        if file.len()? > content.len {
            file.truncate(content.len)?;
        }
        Ok((Self { disk, path, file, len: content.len, synced: content.len }, content))
    }

    /// Appends bytes received; durable after [`sync`](Self::sync).
    pub fn raw(&mut self, raw: &Raw) -> Result<(), Error> {
        self.append(&record(RAW, raw))
    }

    /// Appends a checkpoint; durable after [`sync`](Self::sync).
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

    /// Makes all that was appended durable. What it says of bodies must be true before it is: so it takes what
    /// [`Write::sync`](crate::write::Write::sync) gave, and makes of it what may be shown.
    ///
    /// # Errors
    /// Those of the storage: nothing appended since the last success may be acknowledged then.
    pub fn sync(&mut self, bodies: Synced) -> Result<Durable, Error> {
        self.file.sync()?;
        self.synced = self.len;
        Ok(bodies.journalled())
    }

    /// Cuts off what is not known to be durable. After a failed sync the system may show bytes that the disk does not
    /// have: nobody may read them as kept.
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
    let bytes = crate::disk::read_all(disk, path, MAX_JOURNAL)?;
    parse(&bytes).ok_or_else(|| Error::Damaged(format!("{} holds no checkpoint", path.display())))
}

/// Reads the bytes of a journal; `None` where they hold no checkpoint.
#[must_use]
pub fn parse(bytes: &[u8]) -> Option<Content> {
    let mut content: Option<Content> = None;
    let (mut damage, mut is_broken) = (None, false);
    let mut at = 0;
    while at < bytes.len() {
        let Some(record) = record_at(bytes, at) else {
            // Its length cannot be believed, so the next whole record is looked for at every byte. One that is found proves
            // that this one was whole once: it was synced before the next was begun.
            let next = (at + 1..bytes.len()).find(|&next| record_at(bytes, next).is_some());
            if next.is_none() && is_torn(bytes, at) {
                break;
            }
            damage = damage.or(Some(at as u64));
            is_broken = true;
            let Some(next) = next else { break };
            at = next;
            continue;
        };
        at = record.end;
        match record.content {
            Record::Checkpoint(checkpoint) => {
                // It says all of the state: nothing before it is needed any more.
                is_broken = false;
                content = Some(Content { checkpoint, raws: Vec::new(), damage, is_broken, len: at as u64 });
            }
            Record::Raw(raw) => {
                if let Some(content) = content.as_mut().filter(|_| !is_broken) {
                    content.raws.push(raw);
                    content.len = at as u64;
                }
            }
        }
    }
    content.map(|content| Content { damage, is_broken, ..content })
}

/// A whole record.
struct Whole {
    content: Record,
    end: usize,
}

enum Record {
    Checkpoint(Checkpoint),
    Raw(Raw),
}

fn record_at(bytes: &[u8], at: usize) -> Option<Whole> {
    let (kind, payload) = next_record(&bytes[at..])?;
    let content = match kind {
        CHECKPOINT => Record::Checkpoint(postcard::from_bytes(payload).ok()?),
        RAW => Record::Raw(postcard::from_bytes(payload).ok()?),
        _ => return None,
    };
    Some(Whole { content, end: at + HEADER + payload.len() })
}

/// Whether what stands at the end is a record whose writing was cut short: shorter than it says, or with a sector that was
/// not written. One that is whole but for its length was damaged.
fn is_torn(bytes: &[u8], at: usize) -> bool {
    let rest = &bytes[at..];
    let Some((header, payload)) = rest.split_first_chunk::<HEADER>() else { return true };
    let [l0, l1, l2, l3, c0, c1, c2, c3, kind] = *header;
    let len = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    let is_whole_but_for_its_length = record_crc(kind, payload) == u32::from_le_bytes([c0, c1, c2, c3]);
    (len > payload.len() && !is_whole_but_for_its_length) || has_unwritten_sector(bytes, at)
}

/// Whether a sector of the file from a place on holds nothing but zeros: what a file system shows of one that was not
/// written when the power went, though the file was longer already.
fn has_unwritten_sector(bytes: &[u8], from: usize) -> bool {
    let first = from - from % SECTOR;
    (first..bytes.len()).step_by(SECTOR).any(|sector| {
        let part = &bytes[sector.max(from)..bytes.len().min(sector + SECTOR)];
        part.len() >= UNWRITTEN && part.iter().all(|byte| *byte == 0)
    })
}

fn next_record(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let header = bytes.get(..HEADER)?;
    let len = u32::from_le_bytes(header[..4].try_into().ok()?);
    let crc = u32::from_le_bytes(header[4..8].try_into().ok()?);
    if len > MAX_RECORD || !matches!(header[8], CHECKPOINT | RAW) {
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
        let _ = journal.sync(Synced::default()).unwrap();
        let whole = std::fs::read(&journal.path).unwrap();
        for cut in ends[0]..=journal.len {
            std::fs::write(&journal.path, &whole[..usize::try_from(cut).unwrap()]).unwrap();
            let content = read(&LocalDisk, &journal.path).unwrap();
            assert_eq!(content.checkpoint, checkpoint);
            assert_eq!(content.raws.len(), ends.iter().filter(|&&end| end <= cut).count() - 1);
        }
    }

    #[test]
    fn every_flipped_bit_of_a_journal_is_known_for_damage() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = journal(folder.path());
        let first = usize::try_from(journal.len).unwrap();
        for number in 1..4_u8 {
            journal.raw(&Raw { at_ms: 1, bytes: vec![number; 20].into() }).unwrap();
        }
        let whole = std::fs::read(&journal.path).unwrap();
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut bytes = whole.clone();
                bytes[at] ^= 1 << bit;
                match parse(&bytes) {
                    Some(content) => assert!(content.is_broken && content.damage.is_some(), "{at} {bit}"),
                    None => assert!(at < first, "{at} {bit}"),
                }
            }
        }
        std::fs::write(&journal.path, &whole[..whole.len() - 3]).unwrap();
        let path = journal.path.clone();
        assert_eq!(Journal::open(Arc::new(LocalDisk), path).unwrap().1.raws.len(), 2, "a torn end is none");
    }

    #[test]
    fn a_checkpoint_after_the_damage_makes_it_harmless() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, checkpoint) = journal(folder.path());
        journal.raw(&Raw { at_ms: 1, bytes: Bytes::from_static(b"first") }).unwrap();
        let damaged = usize::try_from(journal.len).unwrap() - 2;
        journal.checkpoint(&checkpoint).unwrap();
        journal.raw(&Raw { at_ms: 2, bytes: Bytes::from_static(b"second") }).unwrap();
        let mut bytes = std::fs::read(&journal.path).unwrap();
        bytes[damaged] ^= 4;
        let content = parse(&bytes).unwrap();
        assert_eq!((content.is_broken, content.raws.len(), content.len), (false, 1, bytes.len() as u64));
        assert!(content.damage.is_some(), "it is named all the same");
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
