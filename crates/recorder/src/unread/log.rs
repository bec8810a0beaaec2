//! The file that keeps what no frame was made of: a log for each upload.
//!
//! A log is a file of records. A record is a head of 16 bytes (lengths of what follows, CRC-32 of the bytes, CRC-32 of
//! these three), its description, the CRC-32 of that, and the bytes as they came. A record is written and synced before
//! what came with it is acknowledged, so a bad one at the very end was not acknowledged. Any other bad one was damaged by
//! the medium; what stands after it is found again.

use media::Kind;
use media::unread::Why;
use serde::{Deserialize, Serialize};

use crate::scan::read_range;
use crate::{DiskFile, Error};

/// Grows when the form of a description changes.
const FORM: u8 = 1;
/// Lengths and checksums before each record.
const HEAD: u64 = 16;
/// Bytes of a description at most: more is damage.
const MAX_META: u32 = 4 << 10;
/// Bytes of a piece at most: more is damage. Readers give pieces of at most a block.
pub(super) const MAX_PIECE: usize = 32 << 20;
/// What is read at once while checksums are compared or the next record is searched.
const READ: u64 = 256 << 10;
/// What a disk writes as a whole, or not at all.
const SECTOR: u64 = 512;
/// Fewer zeros than this at an end may be what was written.
const UNWRITTEN: usize = 32;

/// What a record says of its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Meta {
    pub(super) form: u8,
    /// The stretch that they belong to.
    pub(super) stretch: u32,
    /// Counts the records of the upload; a record that is made again after a crash has its number again.
    pub(super) sequence: u64,
    /// The take in which they stand, and where in it, in milliseconds.
    pub(super) take: Option<(u32, i64)>,
    /// When they came by the recorder's clock, in milliseconds since 1970 UTC.
    pub(super) at_ms: i64,
    pub(super) kind: Option<Kind>,
    pub(super) reason: Why,
    /// Where they begin, in bytes from the start of the upload.
    pub(super) offset: u64,
    /// Where the bytes are not here but in the upload's staged file: their place there.
    pub(super) staged: Option<(u64, u64)>,
}

impl Meta {
    pub(super) fn new(stretch: u32, at_ms: i64, reason: Why) -> Self {
        let (sequence, offset) = (0, 0);
        Self { form: FORM, stretch, sequence, take: None, at_ms, kind: None, reason, offset, staged: None }
    }
}

/// A whole record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) meta: Meta,
    /// Where it begins in the file.
    pub(super) start: u64,
    /// Where its bytes begin in the file.
    pub(super) at: u64,
    /// How many they are.
    pub(super) len: u64,
}

impl Record {
    pub(super) fn end(&self) -> u64 {
        self.at + self.len
    }
}

/// What a log holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) records: Vec<Record>,
    /// Where the whole records end; what is after it was never acknowledged.
    pub(super) len: u64,
    /// Where a record lies that the medium has damaged, of each.
    pub(super) damage: Vec<u64>,
}

/// A record, ready to be appended.
pub(super) fn record(meta: &Meta, bytes: &[u8]) -> Vec<u8> {
    let description = postcard::to_stdvec(meta).expect("plain data always serialises");
    let mut record = Vec::with_capacity(HEAD as usize + description.len() + 4 + bytes.len());
    record.extend_from_slice(&u32::try_from(description.len()).unwrap_or(u32::MAX).to_le_bytes());
    record.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
    record.extend_from_slice(&crc32fast::hash(bytes).to_le_bytes());
    record.extend_from_slice(&crc32fast::hash(&record).to_le_bytes());
    record.extend_from_slice(&description);
    record.extend_from_slice(&crc32fast::hash(&description).to_le_bytes());
    record.extend_from_slice(bytes);
    record
}

/// Reads a log without changing it; the checksums of all bytes are compared.
pub(super) fn read(file: &dyn DiskFile) -> Result<Content, Error> {
    let end = file.len()?;
    let mut content = Content::default();
    let mut at = 0;
    while at < end {
        match record_at(file, at, end)? {
            Found::Record(record) => {
                at = record.end();
                content.len = at;
                content.records.push(record);
            }
            Found::Damaged { next } => {
                let next = match next {
                    Some(next) => next,
                    None => next_head(file, at + 1, end)?,
                };
                if next >= end && is_torn(file, at, end)? {
                    break;
                }
                content.damage.push(at);
                at = next;
                content.len = at;
            }
            Found::Torn => match next_head(file, at + 1, end)? {
                next if next < end => {
                    content.damage.push(at);
                    at = next;
                    content.len = at;
                }
                _ => break,
            },
        }
    }
    Ok(content)
}

enum Found {
    Record(Record),
    /// It ends after the end of the file.
    Torn,
    /// `next`: where the next one begins, where its head can be believed.
    Damaged {
        next: Option<u64>,
    },
}

fn record_at(file: &dyn DiskFile, start: u64, end: u64) -> Result<Found, Error> {
    if end - start < HEAD {
        return Ok(Found::Torn);
    }
    let Some(head) = head_of(&read_range(file, start, HEAD)?) else {
        return Ok(Found::Damaged { next: None });
    };
    let at = start + HEAD + u64::from(head.meta_len) + 4;
    let record_end = at + u64::from(head.len);
    if record_end > end {
        return Ok(Found::Torn);
    }
    let damaged = Ok(Found::Damaged { next: Some(record_end) });
    let described = read_range(file, start + HEAD, u64::from(head.meta_len) + 4)?;
    let (description, crc) = described.split_at(head.meta_len as usize);
    if crc32fast::hash(description).to_le_bytes() != crc {
        return damaged;
    }
    let Some(meta) = postcard::from_bytes::<Meta>(description).ok().filter(|meta| meta.form == FORM) else {
        return damaged;
    };
    if crc_of(file, at, record_end)? != head.crc {
        return damaged;
    }
    Ok(Found::Record(Record { meta, start, at, len: head.len.into() }))
}

#[derive(Debug)]
struct Head {
    meta_len: u32,
    len: u32,
    crc: u32,
}

fn head_of(bytes: &[u8]) -> Option<Head> {
    let word = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
    let head = Head { meta_len: word(0)?, len: word(4)?, crc: word(8)? };
    let is_one = head.meta_len <= MAX_META && head.len as usize <= MAX_PIECE;
    (is_one && crc32fast::hash(&bytes[..12]) == word(12)?).then_some(head)
}

fn crc_of(file: &dyn DiskFile, from: u64, to: u64) -> Result<u32, Error> {
    let mut hasher = crc32fast::Hasher::new();
    let mut at = from;
    while at < to {
        let bytes = read_range(file, at, READ.min(to - at))?;
        hasher.update(&bytes);
        at += bytes.len() as u64;
    }
    Ok(hasher.finalize())
}

/// Where the next head stands; `end` where none does.
fn next_head(file: &dyn DiskFile, from: u64, end: u64) -> Result<u64, Error> {
    let mut at = from;
    while at + HEAD <= end {
        let bytes = read_range(file, at, READ.min(end - at))?;
        let windows = bytes.windows(HEAD as usize);
        if let Some(found) =
            windows.into_iter().position(|window| head_of(window).is_some_and(|head| head.meta_len > 0))
        {
            return Ok(at + found as u64);
        }
        at += bytes.len() as u64 - (HEAD - 1);
    }
    Ok(end)
}

/// Whether what stands at the end was not written whole when the power went: a sector of it holds nothing but zeros.
fn is_torn(file: &dyn DiskFile, from: u64, end: u64) -> Result<bool, Error> {
    let mut at = from;
    while at < end {
        let to = end.min(at - at % SECTOR + SECTOR);
        let part = read_range(file, at, to - at)?;
        if part.len() >= UNWRITTEN && part.iter().all(|byte| *byte == 0) {
            return Ok(true);
        }
        at = to;
    }
    Ok(false)
}
