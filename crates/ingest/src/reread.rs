//! Reading again what a live has kept unread, with the reader of today: what it understands becomes takes of the same live.
//!
//! A stretch is read as it came, behind the first bytes of its upload (which say what its tracks are), and from where a
//! recording of its own begins in it; where most frames are found is where it is read from. Its takes stand where it came:
//! by its time on the recorder's clock. A crash in the middle leaves either the stretch or the takes, never both: the
//! journal of the takes is named after the stretch.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use media::Unread;
use media::container::{Event, Reader, mp4};
use recorder::journal::{Checkpoint, Journal};
use recorder::unread::Stretch;
use recorder::write::Write;
use recorder::{Error, Recording};

/// What is read of a stretch at once.
const READ: u64 = 1 << 20;
/// How an EBML header begins (RFC 8794, 8.1).
const EBML: [u8; 4] = [0x1A, 0x45, 0xDF, 0xA3];

/// What came of reading a live again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Stretches of which takes were made.
    pub understood: usize,
    /// Takes that were added.
    pub takes: usize,
    /// Frames in them.
    pub frames: u64,
    /// Stretches that are left.
    pub left: usize,
    /// Their bytes.
    pub left_bytes: u64,
}

/// Reads every stretch of a live again. Blocks on the storage; nobody else may record into the live meanwhile.
///
/// # Errors
/// Those of the storage: what was added before stays.
pub fn reread(recording: &Arc<Recording>) -> Result<Outcome, Error> {
    let mut outcome = Outcome::default();
    for stretch in recording.unread() {
        let journal = journal_path(recording, &stretch);
        if recording.disk().len(&journal)? > 0 {
            // Read before, and cut short by a crash before the stretch was let go.
            recording.let_go(stretch.number)?;
            continue;
        }
        let Some((from, frames)) = best(recording, &stretch)? else { continue };
        outcome.takes += add(recording, &stretch, &from, journal)?;
        outcome.frames += frames;
        outcome.understood += 1;
        recording.let_go(stretch.number)?;
    }
    let left = recording.unread();
    (outcome.left, outcome.left_bytes) = (left.len(), left.iter().map(|stretch| stretch.bytes).sum());
    Ok(outcome)
}

/// How a stretch is read.
#[derive(Debug, Clone)]
enum From {
    /// From this byte of it on.
    Byte(u64),
    /// Behind the first bytes of its upload.
    Head(Bytes),
    /// As a whole MP4 whose index stands at its end.
    Index(Bytes),
}

/// The way in which most frames are found, and how many; `None` where there is none.
fn best(recording: &Recording, stretch: &Stretch) -> Result<Option<(From, u64)>, Error> {
    let mut best: Option<(From, u64)> = None;
    for from in ways(recording, stretch)? {
        let mut frames = 0;
        read(recording, stretch, &from, |event| {
            frames += u64::from(matches!(event, Event::Frame(_)));
            Ok(())
        })?;
        if frames > best.as_ref().map_or(0, |(_, most)| *most) {
            best = Some((from, frames));
        }
    }
    Ok(best)
}

fn ways(recording: &Recording, stretch: &Stretch) -> Result<Vec<From>, Error> {
    let mut ways = vec![From::Byte(0)];
    if stretch.offset > 0
        && let Some(head) = recording.unread_head(&stretch.source)
    {
        ways.push(From::Head(head.into()));
    }
    let piece =
        |at, len| recording.read_unread(stretch.number, at, len).map(|bytes| bytes.unwrap_or_default());
    if let Some(index) = index_of(stretch.bytes, piece)? {
        ways.push(From::Index(index));
    }
    if let Some(at) = first_ebml(stretch.bytes, piece)?.filter(|at| *at > 0) {
        ways.push(From::Byte(at));
    }
    Ok(ways)
}

/// The `moov` of an MP4 that stands whole in a stretch (ISO/IEC 14496-12, 8.2.1).
fn index_of(len: u64, piece: impl Fn(u64, u64) -> Result<Bytes, Error>) -> Result<Option<Bytes>, Error> {
    let mut at = 0;
    while at < len {
        let Some(header) = mp4::read::box_header(&piece(at, 16.min(len - at))?) else { break };
        let size = if header.size == 0 { len - at } else { header.size };
        if size > len - at || size < 8 {
            break;
        }
        if &header.kind == b"moov" {
            return if size <= mp4::read::MAX_INDEX { piece(at, size).map(Some) } else { Ok(None) };
        }
        at += size;
    }
    Ok(None)
}

/// Where the first EBML header may begin.
fn first_ebml(len: u64, piece: impl Fn(u64, u64) -> Result<Bytes, Error>) -> Result<Option<u64>, Error> {
    let mut at = 0;
    while at + EBML.len() as u64 <= len {
        let bytes = piece(at, READ.min(len - at))?;
        if let Some(found) = bytes.windows(EBML.len()).position(|window| window == EBML) {
            return Ok(Some(at + found as u64));
        }
        at += (bytes.len().max(EBML.len()) - EBML.len() + 1) as u64;
    }
    Ok(None)
}

/// Hands over what a stretch holds, read in one way, in places of the upload. Answers from which of its bytes on nothing was
/// understood.
fn read(
    recording: &Recording,
    stretch: &Stretch,
    from: &From,
    mut hear: impl FnMut(Event) -> Result<(), Error>,
) -> Result<u64, Error> {
    let (mut reader, first, before) = match from {
        From::Byte(at) => (Reader::new(), *at, 0),
        From::Head(head) => (Reader::new(), 0, head.len() as u64),
        From::Index(index) => match Reader::with_index(index) {
            Ok(reader) => (reader, 0, 0),
            Err(_) => return Ok(0),
        },
    };
    let in_stretch = |offset: u64| (first + offset).checked_sub(before);
    let mut drain = |reader: &mut Reader| -> Result<bool, Error> {
        loop {
            match reader.next() {
                Ok(Some(Event::Unread(piece))) => {
                    if let Some(offset) = in_stretch(piece.offset) {
                        hear(Event::Unread(Unread { offset: stretch.offset + offset, ..piece }))?;
                    }
                }
                Ok(Some(event)) => hear(event)?,
                Ok(None) => return Ok(true),
                Err(_) => return Ok(false),
            }
        }
    };
    if let From::Head(head) = from {
        reader.push_bytes(head.clone());
    }
    let mut at = first;
    while drain(&mut reader)? && at < stretch.bytes {
        let bytes = recording.read_unread(stretch.number, at, READ)?.unwrap_or_default();
        if bytes.is_empty() {
            break;
        }
        at += bytes.len() as u64;
        reader.push_bytes(bytes);
    }
    reader.finish();
    drain(&mut reader)?;
    let rest = in_stretch(reader.rest().0).unwrap_or(0);
    Ok(if matches!(from, From::Index(_)) { stretch.bytes } else { rest.min(stretch.bytes) })
}

/// Makes takes of a stretch, durably; answers how many. What of it is still unread is kept under the name of the takes.
fn add(recording: &Arc<Recording>, stretch: &Stretch, from: &From, journal: PathBuf) -> Result<usize, Error> {
    let source = source(stretch);
    let mut write = Write::begin(Arc::clone(recording), &source, stretch.at_ms);
    let mut is_left = false;
    if let From::Byte(first) = from {
        is_left |= keep(recording, stretch, (0, *first), &mut write)?;
    }
    let rest = read(recording, stretch, from, |event| {
        is_left |= matches!(event, Event::Unread(_));
        write.push(event);
        write.append(0)?;
        write.sync_bodies()
    })?;
    is_left |= keep(recording, stretch, (rest, stretch.bytes), &mut write)?;
    if is_left && let Some(head) = recording.unread_head(&stretch.source) {
        recording.keep_unread_head(&source, &head)?;
    }
    write.flush();
    write.append(0)?;
    let bodies = write.sync()?;
    let marks = write.marks().to_vec();
    let takes = marks.len();
    let checkpoint = Checkpoint { marks, state: Bytes::new() };
    let mut journal = Journal::create(Arc::clone(recording.disk()), journal, &checkpoint)?;
    write.announce(journal.sync(bodies)?)?;
    Ok(takes)
}

/// Keeps bytes of a stretch that are still unread; whether there are any.
fn keep(
    recording: &Recording,
    stretch: &Stretch,
    (mut at, end): (u64, u64),
    write: &mut Write,
) -> Result<bool, Error> {
    let is_left = at < end;
    while at < end {
        let bytes = recording.read_unread(stretch.number, at, READ.min(end - at))?.unwrap_or_default();
        if bytes.is_empty() {
            break;
        }
        let (offset, reason) = (stretch.offset + at, stretch.reason);
        at += bytes.len() as u64;
        write.push(Event::Unread(Unread { offset, bytes, kind: stretch.kind, reason }));
        write.append(0)?;
    }
    Ok(is_left)
}

/// The name under which the takes of a stretch are kept: no other stretch has it, though its number may come again.
fn source(stretch: &Stretch) -> String {
    let Stretch { number, source, offset, bytes, .. } = stretch;
    format!("reread-{number}-{:08x}", crc32fast::hash(format!("{source} {offset} {bytes}").as_bytes()))
}

fn journal_path(recording: &Recording, stretch: &Stretch) -> PathBuf {
    recording.uploads_dir().join(format!("{}.journal", source(stretch)))
}
