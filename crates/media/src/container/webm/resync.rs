//! After a loss: finding the place where the structure begins again.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::ebml::{self, id};

static CLUSTER: LazyLock<Finder<'static>> =
    LazyLock::new(|| Finder::new(&id::CLUSTER.to_be_bytes()).into_owned());
static HEADER: LazyLock<Finder<'static>> =
    LazyLock::new(|| Finder::new(&id::EBML.to_be_bytes()).into_owned());

/// What stands at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Candidate {
    /// A cluster that reading can go on from.
    Cluster,
    /// A new header.
    Header,
    /// Neither.
    No,
    /// It takes more bytes to know.
    Short,
}

/// The first place in `data`, from `from` on, that is or may be a candidate, and what it is; `No` where there is none.
pub(crate) fn find(data: &[u8], from: usize, most: u64) -> (usize, Candidate) {
    let rest = data.get(from..).unwrap_or_default();
    memchr::memchr2_iter(0x1f, 0x1a, rest)
        .map(|at| (from + at, judge(&rest[at..], most)))
        .find(|(_, candidate)| *candidate != Candidate::No)
        .unwrap_or((data.len(), Candidate::No))
}

/// Watches the input for the beginning of a cluster or of a recording where there should be none: it looks at each byte
/// once, and not block by block.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watch {
    /// Offsets in the input up to which no cluster and no header begins.
    clear: [u64; 2],
}

impl Watch {
    /// Whether the block of `len` bytes at the front of `rest`, which is the input from `position` on, swallowed the
    /// beginning of a cluster or of a recording: it was cut short, and its size counts on into what came after the loss.
    /// `most` is the largest timestamp of a cluster that is plausible.
    pub(crate) fn is_swallowed(&mut self, rest: &[u8], position: u64, len: usize, most: u64) -> bool {
        let end = position + len as u64;
        let finders: [&Finder<'_>; 2] = [&CLUSTER, &HEADER];
        finders.iter().zip(&mut self.clear).any(|(finder, clear)| {
            if *clear < end {
                // Where something begins in the last three bytes is seen with the next ones.
                let from = (*clear).max(position) - position;
                let tail = rest.get(from as usize..).unwrap_or_default();
                let clean = finder.find(tail).unwrap_or(tail.len().saturating_sub(3));
                *clear = position + from + clean as u64;
            }
            let block = rest.get(..len).unwrap_or_default();
            let from = (*clear - position).min(len as u64) as usize;
            *clear < end
                && finder.find_iter(&block[from..]).any(|at| {
                    matches!(judge(&block[from + at..], most), Candidate::Cluster | Candidate::Header)
                })
        })
    }
}

/// Judges the place at the start of `data`; `most` is the largest timestamp that is plausible.
fn judge(data: &[u8], most: u64) -> Candidate {
    match ebml::read_id(data) {
        Ok(None) => Candidate::Short,
        Ok(Some((id::CLUSTER, width))) => cluster(&data[width..], most).unwrap_or(Candidate::Short),
        Ok(Some((id::EBML, width))) => header(&data[width..]).unwrap_or(Candidate::Short),
        _ => Candidate::No,
    }
}

/// A cluster begins with its timestamp (behind a checksum, if it has one), and something known follows it. `None`: it
/// takes more bytes.
fn cluster(data: &[u8], most: u64) -> Option<Candidate> {
    let Ok(size) = ebml::read_number(data) else { return Some(Candidate::No) };
    let (size, mut at) = size?;
    let begin = at;
    if *data.get(at)? == 0xbf {
        if *data.get(at + 1)? != 0x84 {
            return Some(Candidate::No);
        }
        at += 6;
    }
    let Ok(timestamp) = ebml::read_head(data.get(at..)?) else { return Some(Candidate::No) };
    let timestamp = timestamp?;
    let Some(width @ 1..=8) = timestamp.size.filter(|_| timestamp.id == id::TIMESTAMP) else {
        return Some(Candidate::No);
    };
    at += timestamp.len;
    let value = ebml::uint(data.get(at..at + width as usize)?)?;
    at += width as usize;
    if value > most || size.is_some_and(|size| size < (at - begin) as u64) {
        return Some(Candidate::No);
    }
    if size == Some((at - begin) as u64) {
        return Some(Candidate::Cluster);
    }
    let Ok(after) = ebml::read_id(data.get(at..)?) else { return Some(Candidate::No) };
    Some(if is_in_cluster(after?.0) || is_in_segment(after?.0) { Candidate::Cluster } else { Candidate::No })
}

fn header(data: &[u8]) -> Option<Candidate> {
    let Ok(size) = ebml::read_number(data) else { return Some(Candidate::No) };
    let (size, width) = size?;
    let Ok(child) = ebml::read_id(data.get(width..)?) else { return Some(Candidate::No) };
    let known = matches!(
        child?.0,
        id::EBML_VERSION
            | id::EBML_READ_VERSION
            | id::EBML_MAX_ID_LENGTH
            | id::EBML_MAX_SIZE_LENGTH
            | id::DOC_TYPE
            | id::DOC_TYPE_VERSION
            | id::DOC_TYPE_READ_VERSION
    );
    Some(if known && size.is_some_and(|size| size < 4096) { Candidate::Header } else { Candidate::No })
}

/// Whether an element may stand directly in a cluster.
pub(crate) fn is_in_cluster(id: u32) -> bool {
    matches!(
        id,
        id::TIMESTAMP
            | id::SILENT_TRACKS
            | id::POSITION
            | id::PREV_SIZE
            | id::SIMPLE_BLOCK
            | id::ENCRYPTED_BLOCK
            | id::BLOCK_GROUP
            | id::VOID
            | id::CRC_32
    )
}

/// Whether an element may stand directly in a segment, or after it.
pub(crate) fn is_in_segment(id: u32) -> bool {
    matches!(
        id,
        id::SEEK_HEAD
            | id::INFO
            | id::TRACKS
            | id::CLUSTER
            | id::CUES
            | id::CHAPTERS
            | id::TAGS
            | id::ATTACHMENTS
            | id::VOID
            | id::CRC_32
            | id::SEGMENT
            | id::EBML
    )
}
