//! What was acknowledged and stands in no take: kept as it came, so that nothing is dropped without a word.
//!
//! ```text
//! lives/7/unread/UPLOAD.log     the pieces of an upload that no frame was made of, each with what is known of it
//! lives/7/unread/UPLOAD.head    the first bytes of that upload: what a newer program needs to read the pieces again
//! lives/7/uploads/UPLOAD.staged a staged file that could not be read stays where it is; the log names it
//! ```
//!
//! Pieces that belong together are one [`Stretch`]. They are synced before the journal lets go of the raw bytes that they
//! came in, as bodies are ([`crate::write`]); what a crash makes come again replaces what it made before.

mod log;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use media::Kind;
use media::unread::{Unread, Why};

use self::log::{MAX_PIECE, Meta, Record};
use crate::disk::read_all;
use crate::scan::read_range;
use crate::{Disk, DiskFile, Error};

/// Bytes that are kept of a live unless its server is told another number.
pub const USUAL_LIMIT: u64 = 64 << 20;
/// The first bytes of an upload that are kept for who reads its pieces again.
pub const MAX_HEAD: u64 = 1 << 20;
/// Stretches of a live that are told apart; a piece of more belongs to the last one of its upload.
const MAX_STRETCHES: usize = 1_000;

/// Bytes that belong together and that no frame was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// Its number in the live.
    pub number: u32,
    /// The upload that it came by.
    pub source: String,
    /// The take in which it stands and where in it, in milliseconds, where that is known.
    pub take: Option<(u32, i64)>,
    /// When it came by its recorder's clock, in milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// The track that it is of, where that is known.
    pub kind: Option<Kind>,
    /// Why no frame was made of it.
    pub reason: Why,
    /// Where it begins, in bytes from the start of the upload.
    pub offset: u64,
    /// How many bytes it has.
    pub bytes: u64,
}

/// A piece that was written and is not told yet.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    source: String,
    record: Record,
}

/// Where in the recording a piece stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// The take and the milliseconds in it.
    pub(crate) take: Option<(u32, i64)>,
    /// By the recorder's clock, in milliseconds since 1970 UTC.
    pub(crate) at_ms: i64,
}

/// Where bytes of a stretch lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slice {
    is_staged: bool,
    at: u64,
    len: u64,
}

/// All that is kept unread of one live.
#[derive(Debug)]
pub(crate) struct Store {
    disk: Arc<dyn Disk>,
    /// The folder of the live.
    dir: PathBuf,
    limit: u64,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// What is durable, with where it lies.
    told: BTreeMap<u32, (Stretch, Vec<Slice>)>,
    next: u32,
    logs: HashMap<String, Log>,
}

/// What pieces of one stretch share: the take, the track, and why they are unread.
type Belonging = (Option<u32>, Option<Kind>, Why);

/// The log of an upload, as it stands.
#[derive(Debug, Default)]
struct Log {
    file: Option<Arc<dyn DiskFile>>,
    len: u64,
    next_sequence: u64,
    is_dirty: bool,
    /// The stretch that the next piece of a track and reason may belong to, and where its last one ended.
    open: HashMap<Belonging, (u32, u64)>,
}

impl Store {
    /// Reads what is kept of a live.
    pub(crate) fn load(disk: Arc<dyn Disk>, dir: &Path, limit: u64) -> Result<Self, Error> {
        let store = Self { disk, dir: dir.to_owned(), limit, inner: Mutex::default() };
        let mut inner = store.lock();
        inner.next = 1;
        for source in logs(store.disk.as_ref(), dir)? {
            store.load_log(&mut inner, &source)?;
        }
        drop(inner);
        Ok(store)
    }

    /// All stretches that are durable, in the order of their numbers.
    pub(crate) fn stretches(&self) -> Vec<Stretch> {
        self.lock().told.values().map(|(stretch, _)| stretch.clone()).collect()
    }

    /// Whether more is kept than may be. A staged file does not count: it was acknowledged as it came.
    pub(crate) fn is_over_limit(&self) -> Option<u64> {
        let kept: u64 = self.lock().logs.values().map(|log| log.len).sum();
        (kept > self.limit).then_some(self.limit)
    }

    /// Writes a piece; durable after [`sync`](Self::sync).
    pub(crate) fn append(&self, source: &str, place: Place, piece: &Unread) -> Result<Vec<Kept>, Error> {
        let mut kept = Vec::new();
        let mut offset = piece.offset;
        for bytes in piece.bytes.chunks(MAX_PIECE) {
            let meta = Meta {
                take: place.take,
                kind: piece.kind,
                offset,
                ..Meta::new(0, place.at_ms, piece.reason)
            };
            kept.push(self.write(source, meta, bytes, bytes.len() as u64)?);
            offset += bytes.len() as u64;
        }
        Ok(kept)
    }

    /// Keeps a stretch of the upload's staged file, which stays; durable after [`sync`](Self::sync).
    pub(crate) fn keep_staged(
        &self,
        source: &str,
        at_ms: i64,
        reason: Why,
        (from, len): (u64, u64),
    ) -> Result<Kept, Error> {
        let meta = Meta { offset: from, staged: Some((from, len)), ..Meta::new(0, at_ms, reason) };
        self.write(source, meta, &[], len)
    }

    /// Whether a stretch lies in the staged file of an upload.
    pub(crate) fn keeps_staged(&self, source: &str) -> bool {
        let is_staged = |(stretch, slices): &(Stretch, Vec<Slice>)| {
            stretch.source == source && slices.iter().any(|slice| slice.is_staged)
        };
        self.lock().told.values().any(is_staged)
    }

    /// Keeps the first bytes of an upload, at most [`MAX_HEAD`], durably.
    pub(crate) fn keep_head(&self, source: &str, head: &[u8]) -> Result<(), Error> {
        self.disk.create_dir(&self.folder())?;
        Ok(self.disk.replace(&self.head_path(source), head)?)
    }

    /// The first bytes of an upload, if they were kept.
    pub(crate) fn head(&self, source: &str) -> Option<Vec<u8>> {
        read_all(self.disk.as_ref(), &self.head_path(source), MAX_HEAD).ok()
    }

    /// Lets the first bytes of an upload go that has ended and left nothing unread.
    pub(crate) fn forget_head(&self, source: &str) -> Result<(), Error> {
        let is_needed = self.lock().logs.get(source).is_some_and(|log| log.len > 0);
        if is_needed { Ok(()) } else { Ok(self.disk.remove(&self.head_path(source))?) }
    }

    /// Makes what was written for an upload durable.
    pub(crate) fn sync(&self, source: &str) -> Result<(), Error> {
        let mut inner = self.lock();
        let Some(log) = inner.logs.get_mut(source).filter(|log| log.is_dirty) else { return Ok(()) };
        if let Some(file) = &log.file {
            file.sync()?;
        }
        log.is_dirty = false;
        Ok(())
    }

    /// Tells pieces that are durable.
    pub(crate) fn tell(&self, kept: Vec<Kept>) {
        let mut inner = self.lock();
        for Kept { source, record } in kept {
            add(&mut inner.told, &source, &record);
        }
    }

    /// How many records of an upload were written so far: kept in its checkpoint.
    pub(crate) fn count(&self, source: &str) -> u64 {
        self.lock().logs.get(source).map_or(0, |log| log.next_sequence)
    }

    /// Goes on with an upload from a checkpoint that knows `count` records: what was written after it comes again.
    pub(crate) fn resume(&self, source: &str, count: u64) -> Result<(), Error> {
        let mut inner = self.lock();
        let path = self.log_path(source);
        if self.disk.len(&path)? > 0 {
            let file = self.disk.open(&path)?;
            let content = log::read(file.as_ref())?;
            let later = content.records.iter().find(|record| record.meta.sequence >= count);
            let end = later.map_or(content.len, |record| record.start);
            if file.len()? > end {
                file.truncate(end)?;
            }
        }
        inner.told.retain(|_, (stretch, _)| stretch.source != source);
        inner.logs.remove(source);
        self.load_log(&mut inner, source)?;
        inner.logs.entry(source.to_owned()).or_default().next_sequence = count;
        Ok(())
    }

    /// Lets a stretch go, durably; false where there is none of this number.
    pub(crate) fn let_go(&self, number: u32) -> Result<bool, Error> {
        let mut inner = self.lock();
        let Some((stretch, slices)) = inner.told.get(&number).cloned() else { return Ok(false) };
        if slices.iter().any(|slice| slice.is_staged) {
            self.disk.remove(&self.staged_path(&stretch.source))?;
        }
        let path = self.log_path(&stretch.source);
        let file = self.disk.open(&path)?;
        let mut left = Vec::new();
        for record in
            log::read(file.as_ref())?.records.into_iter().filter(|record| record.meta.stretch != number)
        {
            left.extend(read_range(file.as_ref(), record.start, record.end() - record.start)?);
        }
        if left.is_empty() {
            self.disk.remove(&path)?;
            self.disk.sync_dir(&self.folder())?;
        } else {
            self.disk.replace(&path, &left)?;
        }
        let next_sequence = inner.logs.remove(&stretch.source).map_or(0, |log| log.next_sequence);
        inner.told.retain(|_, (other, _)| other.source != stretch.source);
        self.load_log(&mut inner, &stretch.source)?;
        inner.logs.entry(stretch.source).or_default().next_sequence = next_sequence;
        Ok(true)
    }

    /// Bytes of a stretch from an offset in it, at most `len`; none past its end. `None` where there is no such stretch.
    pub(crate) fn read(&self, number: u32, mut offset: u64, mut len: u64) -> Result<Option<Bytes>, Error> {
        let (slices, mut files) = {
            let inner = self.lock();
            let Some((stretch, slices)) = inner.told.get(&number) else { return Ok(None) };
            let open = |is_staged: bool| {
                let needed = slices.iter().any(|slice| slice.is_staged == is_staged);
                let path = if is_staged {
                    self.staged_path(&stretch.source)
                } else {
                    self.log_path(&stretch.source)
                };
                if needed { self.disk.open(&path).map(Some) } else { Ok(None) }
            };
            (slices.clone(), [open(false)?, open(true)?])
        };
        let mut bytes = Vec::new();
        for slice in slices {
            if offset >= slice.len {
                offset -= slice.len;
                continue;
            }
            let count = len.min(slice.len - offset);
            if let Some(file) = &mut files[usize::from(slice.is_staged)] {
                bytes.extend(read_range(file.as_ref(), slice.at + offset, count)?);
            }
            (offset, len) = (0, len - count);
            if len == 0 {
                break;
            }
        }
        Ok(Some(bytes.into()))
    }

    fn write(&self, source: &str, mut meta: Meta, bytes: &[u8], len: u64) -> Result<Kept, Error> {
        let mut inner = self.lock();
        let path = self.log_path(source);
        if inner.logs.get(source).is_none_or(|log| log.file.is_none()) {
            let file = self.open(&path)?;
            inner.logs.entry(source.to_owned()).or_default().file = Some(file);
        }
        let is_full = inner.next as usize > MAX_STRETCHES;
        let Inner { logs, next, .. } = &mut *inner;
        let log = logs.entry(source.to_owned()).or_default();
        let key = (meta.take.map(|(take, _)| take), meta.kind, meta.reason);
        let open = log.open.get(&key).copied().filter(|(_, end)| goes_on(meta.reason, *end, meta.offset));
        let any = || log.open.values().max_by_key(|(number, _)| *number).copied();
        let known = open.or_else(|| any().filter(|_| is_full));
        meta.stretch = known.map_or(*next, |(number, _)| number);
        *next += u32::from(known.is_none());
        meta.sequence = log.next_sequence;
        log.open.insert(key, (meta.stretch, meta.offset + len));
        let record = log::record(&meta, bytes);
        let start = log.len;
        let at = start + (record.len() - bytes.len()) as u64;
        if let Some(file) = &log.file {
            file.write_at(start, &record)?;
        }
        log.len += record.len() as u64;
        log.next_sequence += 1;
        log.is_dirty = true;
        let record = Record { meta, start, at, len: bytes.len() as u64 };
        if known.is_none() {
            let (live, reason) = (self.dir.display(), record.meta.reason.name());
            tracing::warn!(%live, source, offset = record.meta.offset, reason, "bytes that cannot be read are kept");
        }
        Ok(Kept { source: source.to_owned(), record })
    }

    fn open(&self, path: &Path) -> Result<Arc<dyn DiskFile>, Error> {
        if self.disk.len(path)? > 0 {
            return Ok(self.disk.open(path)?);
        }
        self.disk.create_dir(&self.folder())?;
        let file = self.disk.create(path)?;
        self.disk.sync_dir(&self.folder())?;
        Ok(file)
    }

    fn load_log(&self, inner: &mut Inner, source: &str) -> Result<(), Error> {
        let path = self.log_path(source);
        if self.disk.len(&path)? == 0 {
            return Ok(());
        }
        let content = log::read(self.disk.open(&path)?.as_ref())?;
        if let Some(at) = content.damage.first() {
            tracing::error!(log = %path.display(), at, "what was kept unread is damaged");
        }
        let log = inner.logs.entry(source.to_owned()).or_default();
        log.len = content.len;
        let is_staged = self.disk.len(&self.staged_path(source))? > 0;
        for record in content.records.iter().filter(|record| record.meta.staged.is_none() || is_staged) {
            let meta = &record.meta;
            inner.next = inner.next.max(meta.stretch.saturating_add(1));
            log.next_sequence = log.next_sequence.max(meta.sequence + 1);
            let key = (meta.take.map(|(take, _)| take), meta.kind, meta.reason);
            log.open.insert(key, (meta.stretch, meta.offset + record.len));
            add(&mut inner.told, source, record);
        }
        Ok(())
    }

    fn folder(&self) -> PathBuf {
        self.dir.join("unread")
    }

    fn log_path(&self, source: &str) -> PathBuf {
        self.folder().join(format!("{source}.log"))
    }

    fn head_path(&self, source: &str) -> PathBuf {
        self.folder().join(format!("{source}.head"))
    }

    fn staged_path(&self, source: &str) -> PathBuf {
        self.dir.join("uploads").join(format!("{source}.staged"))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Pieces that belong together, as one: a small frame alone would be kept at many times its size.
pub(crate) fn joined(pieces: Vec<Unread>) -> Vec<Unread> {
    let mut joined: Vec<(Unread, Vec<u8>)> = Vec::new();
    for piece in pieces {
        match joined.last_mut() {
            Some((last, more))
                if (last.kind, last.reason) == (piece.kind, piece.reason)
                    && goes_on(
                        last.reason,
                        last.offset + (last.bytes.len() + more.len()) as u64,
                        piece.offset,
                    ) =>
            {
                more.extend_from_slice(&piece.bytes);
            }
            _ => joined.push((piece, Vec::new())),
        }
    }
    let whole = |(piece, more): (Unread, Vec<u8>)| match more.is_empty() {
        true => piece,
        false => Unread { bytes: [&piece.bytes[..], &more].concat().into(), ..piece },
    };
    joined.into_iter().map(whole).collect()
}

/// Whether a piece belongs to the stretch before it: frames that no track takes are of one, a torn place ends where
/// something was understood.
fn goes_on(reason: Why, end: u64, offset: u64) -> bool {
    match reason {
        Why::Damaged | Why::Unreadable => end == offset,
        _ => true,
    }
}

/// Adds a record to the stretch that it belongs to.
fn add(told: &mut BTreeMap<u32, (Stretch, Vec<Slice>)>, source: &str, record: &Record) {
    let meta = &record.meta;
    let slice = match meta.staged {
        Some((at, len)) => Slice { is_staged: true, at, len },
        None => Slice { is_staged: false, at: record.at, len: record.len },
    };
    let (stretch, slices) = told.entry(meta.stretch).or_insert_with(|| {
        let stretch = Stretch {
            number: meta.stretch,
            source: source.to_owned(),
            take: meta.take,
            at_ms: meta.at_ms,
            kind: meta.kind,
            reason: meta.reason,
            offset: meta.offset,
            bytes: 0,
        };
        (stretch, Vec::new())
    });
    stretch.bytes += slice.len;
    slices.push(slice);
}

/// The uploads of which something is kept.
fn logs(disk: &dyn Disk, dir: &Path) -> Result<Vec<String>, Error> {
    let names = disk.list(&dir.join("unread"))?;
    Ok(names.iter().filter_map(|name| name.strip_suffix(".log")).map(str::to_owned).collect())
}

/// Checks what is kept of a live; answers how many stretches that are. `problem` hears a sentence for each thing wrong.
pub(crate) fn verify(disk: &dyn Disk, dir: &Path, mut problem: impl FnMut(String)) -> Result<u64, Error> {
    let mut stretches = HashSet::new();
    for source in logs(disk, dir)? {
        let path = dir.join("unread").join(format!("{source}.log"));
        let content = log::read(disk.open(&path)?.as_ref())?;
        for at in content.damage {
            problem(format!("{}: what was kept unread is damaged at byte {at}", path.display()));
        }
        stretches.extend(content.records.iter().map(|record| record.meta.stretch));
    }
    Ok(stretches.len() as u64)
}
