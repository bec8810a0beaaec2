//! The replay: a head and slices of the bodies, served as one file of exact length.

mod stretch;

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::{Stream, stream};
use moka::future::Cache;
use recorder::{Recording, blocking};
use timeline::view::{Format, Selection, Unavailable, View};
use timeline::{Timeline, Version, view};
use tokio::sync::Semaphore;

use stretch::Stretch;

/// Memory for views that were made, in bytes: about fifty hours of MP4.
const CACHED: u64 = 96 << 20;
/// Bytes that are read for a viewer at once.
const READ: usize = 128 << 10;
/// Buffers that are kept for the next reads: 4 MiB.
const BUFFERS: usize = 32;
/// Reads that wait for the medium at once. They take threads that publishers need too.
const COLD: usize = 32;

/// Why a replay cannot be served.
#[derive(Debug, Clone, thiserror::Error)]
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
    Storage(Arc<recorder::Error>),
}

impl From<recorder::Error> for Error {
    fn from(error: recorder::Error) -> Self {
        Self::Storage(Arc::new(error))
    }
}

/// What makes a view the one it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    live: i64,
    version: Version,
    selection: Selection,
    format: Format,
}

/// Makes views and reads them, and keeps the newest ones in a bounded cache.
#[derive(Debug)]
pub struct Replays {
    views: Cache<Key, Arc<View>>,
    /// Views that are made at once: as many as there are cores.
    making: Arc<Semaphore>,
    reads: Arc<Reads>,
}

/// What all readers share.
#[derive(Debug)]
struct Reads {
    cold: Arc<Semaphore>,
    buffers: Arc<Buffers>,
}

impl Default for Replays {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let weight = |_: &Key, view: &Arc<View>| u32::try_from(view.weight()).unwrap_or(u32::MAX);
        Self {
            views: Cache::builder().max_capacity(CACHED).weigher(weight).build(),
            making: Arc::new(Semaphore::new(cores)),
            reads: Arc::new(Reads { cold: Arc::new(Semaphore::new(COLD)), buffers: Arc::default() }),
        }
    }
}

impl Replays {
    /// The view of a version of a live. The same arguments give the same bytes for ever. It is made once, however many
    /// ask for it while it is made.
    ///
    /// # Errors
    /// [`Error::NoSuchVersion`]; [`Error::Unavailable`] where no one file can hold what is selected; [`Error::Storage`], to
    /// all who wait for the same view.
    pub async fn view(
        &self,
        live: i64,
        timeline: Arc<Timeline>,
        version: Version,
        selection: Selection,
        format: Format,
    ) -> Result<Arc<View>, Error> {
        let key = Key { live, version, selection, format };
        if let Some(view) = self.views.get(&key).await {
            return Ok(view);
        }
        let making = self.make(timeline, key.clone());
        self.views.try_get_with(key, making).await.map_err(|error| Error::clone(&error))
    }

    /// Forgets the views of a live.
    pub async fn forget(&self, live: i64) {
        let keys: Vec<_> = self.views.iter().filter(|(key, _)| key.live == live).collect();
        for (key, _) in keys {
            self.views.invalidate(&*key).await;
        }
    }

    /// The bytes of a range of a view, read as the viewer takes them: at once where the system has them in memory, on
    /// another thread where the medium has to be waited for.
    pub fn bytes(
        &self,
        recording: Arc<Recording>,
        view: Arc<View>,
        range: Range<u64>,
    ) -> impl Stream<Item = Result<Bytes, recorder::Error>> + Send + 'static {
        let reads = Arc::clone(&self.reads);
        stream::unfold(range.start, move |at| {
            let (recording, view, end) = (Arc::clone(&recording), Arc::clone(&view), range.end);
            let reads = Arc::clone(&reads);
            async move {
                if at >= end {
                    return None;
                }
                let read = reads.read(recording, Stretch::new(&view, at..end, READ)).await;
                match read {
                    Ok(bytes) => {
                        let next = at + bytes.len() as u64;
                        Some((Ok(bytes), next))
                    }
                    Err(error) => Some((Err(error), end)),
                }
            }
        })
    }

    async fn make(&self, timeline: Arc<Timeline>, key: Key) -> Result<Arc<View>, Error> {
        let turn = Arc::clone(&self.making).acquire_owned().await;
        let turn = turn.map_err(|closed| recorder::Error::Failed(closed.to_string()))?;
        blocking(move || {
            let _turn = turn;
            let part = timeline.at(&key.version).ok_or(Error::NoSuchVersion)?;
            Ok(Arc::new(view::cut(&part, &key.selection, key.format)?))
        })
        .await
    }
}

impl Reads {
    async fn read(&self, recording: Arc<Recording>, stretch: Stretch) -> Result<Bytes, recorder::Error> {
        let plan = match stretch {
            Stretch::Generated(bytes) => return Ok(bytes),
            Stretch::Read(plan) => plan,
        };
        let mut buffer = self.buffers.take();
        if plan.fill_now(&recording, &mut buffer.bytes)? {
            return Ok(buffer.into_bytes(plan.len()));
        }
        let turn = Arc::clone(&self.cold).acquire_owned().await;
        let turn = turn.map_err(|closed| recorder::Error::Failed(closed.to_string()))?;
        blocking(move || {
            let _turn = turn;
            plan.fill(&recording, &mut buffer.bytes)?;
            Ok(buffer.into_bytes(plan.len()))
        })
        .await
    }
}

/// Reads a stretch of a view. Blocks on the storage.
pub fn read(recording: &Recording, view: &View, range: Range<u64>) -> Result<Bytes, recorder::Error> {
    let mut out = Vec::with_capacity(usize::try_from(range.end - range.start).unwrap_or(0));
    let mut buffer = vec![0; READ];
    while range.start + (out.len() as u64) < range.end {
        match Stretch::new(view, range.start + out.len() as u64..range.end, READ) {
            Stretch::Generated(bytes) => out.extend_from_slice(&bytes),
            Stretch::Read(plan) => {
                plan.fill(recording, &mut buffer)?;
                out.extend_from_slice(&buffer[..plan.len()]);
            }
        }
    }
    Ok(out.into())
}

/// Buffers of [`READ`] bytes that were sent and are used again: a new one has to be mapped and zeroed, which costs as much
/// as the reading.
#[derive(Debug, Default)]
struct Buffers(Mutex<Vec<Vec<u8>>>);

/// A buffer in use. It goes home when the last of its bytes was sent.
#[derive(Debug)]
struct Buffer {
    bytes: Vec<u8>,
    home: Arc<Buffers>,
}

impl Buffers {
    fn take(self: &Arc<Self>) -> Buffer {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Buffer { bytes: kept.unwrap_or_else(|| vec![0; READ]), home: Arc::clone(self) }
    }
}

impl Buffer {
    fn into_bytes(self, len: usize) -> Bytes {
        Bytes::from_owner(self).slice(..len)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut kept = self.home.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < BUFFERS {
            kept.push(std::mem::take(&mut self.bytes));
        }
    }
}
