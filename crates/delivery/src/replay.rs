//! The replay: a head and slices of the bodies, served as one file of exact length.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, stream};
use recorder::Recording;
use timeline::view::{Format, Piece, Selection, Unavailable, View};
use timeline::{Timeline, Version, view};

/// Memory for views that were made, in bytes: about fifty hours of MP4.
const CACHED: usize = 96 << 20;
/// Bytes that are read for a viewer at once.
const READ: u64 = 512 << 10;

/// Why a replay cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The live has not come to this version, or its name is none.
    #[error("there is no such version")]
    NoSuchVersion,
    /// No such file can be made.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] recorder::Error),
}

/// What makes a view the one it is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    live: i64,
    version: Version,
    selection: Selection,
    format: Format,
}

/// Makes views, and keeps the newest ones in a bounded cache.
#[derive(Debug, Default)]
pub struct Replays {
    cache: Mutex<Cache>,
}

#[derive(Debug, Default)]
struct Cache {
    views: VecDeque<(Key, Arc<View>)>,
    weight: usize,
}

impl Replays {
    /// The view of a version of a live. The same arguments give the same bytes for ever.
    ///
    /// # Errors
    /// [`Error`] says why there is none.
    pub async fn view(
        &self,
        live: i64,
        timeline: Arc<Timeline>,
        version: Version,
        selection: Selection,
        format: Format,
    ) -> Result<Arc<View>, Error> {
        let key = Key { live, version, selection, format };
        if let Some(view) = self.cached(&key) {
            return Ok(view);
        }
        let making = {
            let key = key.clone();
            tokio::task::spawn_blocking(move || {
                let part = timeline.at(&key.version).ok_or(Error::NoSuchVersion)?;
                Ok::<_, Error>(view::cut(&part, &key.selection, key.format)?)
            })
        };
        let made = making.await.map_err(|error| recorder::Error::Damaged(error.to_string()))??;
        Ok(self.keep(key, Arc::new(made)))
    }

    /// Forgets the views of a live.
    pub fn forget(&self, live: i64) {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.views.retain(|(key, _)| key.live != live);
        cache.weight = cache.views.iter().map(|(_, view)| view.weight()).sum();
    }

    fn cached(&self, key: &Key) -> Option<Arc<View>> {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let at = cache.views.iter().position(|(known, _)| known == key)?;
        let found = cache.views.remove(at)?;
        let view = Arc::clone(&found.1);
        cache.views.push_back(found);
        Some(view)
    }

    fn keep(&self, key: Key, view: Arc<View>) -> Arc<View> {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.weight += view.weight();
        cache.views.push_back((key, Arc::clone(&view)));
        while cache.weight > CACHED && cache.views.len() > 1 {
            cache.weight -= cache.views.pop_front().map_or(0, |(_, old)| old.weight());
        }
        view
    }
}

/// The bytes of a range of a view, read as the viewer takes them.
pub fn bytes(
    recording: Arc<Recording>,
    view: Arc<View>,
    range: Range<u64>,
) -> impl Stream<Item = Result<Bytes, recorder::Error>> + Send + 'static {
    stream::unfold(range.start, move |at| {
        let (recording, view, end) = (Arc::clone(&recording), Arc::clone(&view), range.end);
        async move {
            if at >= end {
                return None;
            }
            let to = end.min(at.saturating_add(READ));
            let reading = tokio::task::spawn_blocking(move || read(&recording, &view, at..to));
            match reading.await {
                Ok(Ok(bytes)) => Some((Ok(bytes), to)),
                Ok(Err(error)) => Some((Err(error), end)),
                Err(error) => Some((Err(recorder::Error::Damaged(error.to_string())), end)),
            }
        }
    })
}

/// Slices of one body that lie this close are read in one go.
const CLOSE: u64 = 4 << 10;

/// A run of a body that is read in one go, and the slices of it that are wanted.
struct Run {
    take: u32,
    kind: media::Kind,
    range: Range<u64>,
    slices: Vec<Range<u64>>,
}

/// Reads a stretch of a view. Blocks on the storage.
///
/// # Errors
/// Those of the storage.
pub fn read(recording: &Recording, view: &View, range: Range<u64>) -> Result<Bytes, recorder::Error> {
    let mut out = BytesMut::with_capacity(usize::try_from(range.end - range.start).unwrap_or(0));
    let mut run: Option<Run> = None;
    for piece in view.pieces(range.start, range.end) {
        match piece {
            Piece::Bytes(bytes) => {
                flush(recording, run.take(), &mut out)?;
                out.extend_from_slice(&bytes);
            }
            Piece::Body { take, kind, offset, len } => {
                let slice = offset..offset + len;
                match &mut run {
                    Some(run)
                        if (run.take, run.kind) == (take, kind)
                            && (run.range.end..=run.range.end + CLOSE).contains(&offset) =>
                    {
                        run.range.end = slice.end;
                        run.slices.push(slice);
                    }
                    _ => {
                        let new = Run { take, kind, range: slice.clone(), slices: vec![slice] };
                        flush(recording, run.replace(new), &mut out)?;
                    }
                }
            }
        }
    }
    flush(recording, run, &mut out)?;
    Ok(out.freeze())
}

fn flush(recording: &Recording, run: Option<Run>, out: &mut BytesMut) -> Result<(), recorder::Error> {
    let Some(run) = run else { return Ok(()) };
    let start = run.range.start;
    let bytes = recording.read(run.take, run.kind, start, run.range.end - start)?;
    for slice in run.slices {
        let from = usize::try_from(slice.start - start).unwrap_or(usize::MAX);
        let to = usize::try_from(slice.end - start).unwrap_or(usize::MAX);
        out.extend_from_slice(&bytes[from..to]);
    }
    Ok(())
}
