//! The index file beside a body: what is in each fragment, a record each. It is made again from the body when it is missing.

use std::path::Path;

use timeline::{Entry, TrackIndex};

use crate::disk::read_all;
use crate::{Disk, Error};

/// An index is at most this long: a day of 60 frames a second.
pub(crate) const MAX_INDEX: u64 = 256 << 20;

/// A record of an index file: length, CRC-32, entry.
pub(crate) fn index_record(entry: &Entry) -> Vec<u8> {
    let payload = postcard::to_stdvec(entry).expect("plain data always serialises");
    let mut record = Vec::with_capacity(payload.len() + 8);
    record.extend_from_slice(&u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes());
    record.extend_from_slice(&crc32fast::hash(&payload).to_le_bytes());
    record.extend_from_slice(&payload);
    record
}

/// The entries of an index file that follow each other from `at` and lie before `end`.
pub(crate) fn index_entries(bytes: &[u8], mut at: u64, end: u64) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut rest = bytes;
    while let Some((entry, after)) = next_entry(rest) {
        if entry.offset != at || entry.end() > end || entry.len == 0 {
            break;
        }
        at = entry.end();
        entries.push(entry);
        rest = after;
    }
    entries
}

/// Bytes of an index file that are of the fragments before `end`.
pub(crate) fn index_len(disk: &dyn Disk, path: &Path, init_len: u64, end: u64) -> u64 {
    let bytes = read_all(disk, path, MAX_INDEX).unwrap_or_default();
    index_entries(&bytes, init_len, end).iter().map(|entry| index_record(entry).len() as u64).sum()
}

/// Takes what is good of the index file; answers how many fragments that were and whether the file holds no more.
pub(crate) fn read_index(disk: &dyn Disk, body: &Path, end: u64, index: &mut TrackIndex) -> (usize, bool) {
    let bytes = read_all(disk, &body.with_extension("idx"), MAX_INDEX).unwrap_or_default();
    let entries = index_entries(&bytes, index.init_len(), end);
    let used: usize = entries.iter().map(|entry| index_record(entry).len()).sum();
    let kept = entries.len();
    entries.into_iter().for_each(|entry| index.push(entry));
    (kept, used == bytes.len() && kept > 0)
}

/// Writes the index file anew, unless it holds all of the index and nothing else, as [`read_index`] found.
pub(crate) fn write_index(
    disk: &dyn Disk,
    body: &Path,
    (kept, whole): (usize, bool),
    index: &TrackIndex,
) -> Result<(), Error> {
    if whole && kept == index.len() {
        return Ok(());
    }
    let records: Vec<u8> = index.iter_from(0).flat_map(index_record).collect();
    Ok(disk.replace(&body.with_extension("idx"), &records)?)
}

fn next_entry(bytes: &[u8]) -> Option<(Entry, &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    let (crc, rest) = rest.split_first_chunk::<4>()?;
    let payload = rest.get(..usize::try_from(u32::from_le_bytes(*len)).ok()?)?;
    if crc32fast::hash(payload) != u32::from_le_bytes(*crc) {
        return None;
    }
    Some((postcard::from_bytes(payload).ok()?, &rest[payload.len()..]))
}
