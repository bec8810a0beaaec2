//! A part of a form, kept on the disk until it is known that no other one follows it.
//!
//! Its file has no name: it is gone with the request, however that ends, and with the process.

use std::sync::Arc;

use axum::body::Bytes;
use bytes::{BufMut, BytesMut};
use futures_util::{Stream, stream};
use ids::LiveId;
use ingest::upload::{Error, MAX_LENGTH};
use recorder::{DiskFile, Recorder};

/// Bytes that are gathered before they are written, and read at once.
const PIECE: usize = 1 << 20;

/// Bytes of a part, in order.
#[derive(Debug)]
pub(super) struct Spool {
    recorder: Arc<Recorder>,
    file: Arc<dyn DiskFile>,
    /// Bytes in the file.
    len: u64,
    gathered: BytesMut,
}

impl Spool {
    /// An empty one, in the folder of a live.
    ///
    /// # Errors
    /// Those of the storage.
    pub(super) async fn create(recorder: &Arc<Recorder>, live: LiveId) -> Result<Self, Error> {
        let folder = recorder.recording(live.0).await?.uploads_dir();
        let disk = Arc::clone(recorder.disk());
        let file = recorder::blocking(move || {
            disk.create_dir(&folder).map_err(recorder::Error::from)?;
            let path = folder.join(format!("{:032x}.form", rand::random::<u128>()));
            let file = disk.create(&path).map_err(recorder::Error::from)?;
            disk.remove(&path).map_err(recorder::Error::from)?;
            Ok::<_, Error>(file)
        })
        .await?;
        Ok(Self { recorder: Arc::clone(recorder), file, len: 0, gathered: BytesMut::new() })
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// [`Error::TooLarge`] past [`MAX_LENGTH`], and those of the storage.
    pub(super) async fn add(&mut self, bytes: &Bytes) -> Result<(), Error> {
        self.gathered.put_slice(bytes);
        if self.len + self.gathered.len() as u64 > MAX_LENGTH {
            return Err(Error::TooLarge { limit: MAX_LENGTH });
        }
        if self.gathered.len() < PIECE { Ok(()) } else { self.write().await }
    }

    async fn write(&mut self) -> Result<(), Error> {
        let (file, at, bytes) = (Arc::clone(&self.file), self.len, self.gathered.split().freeze());
        self.len += bytes.len() as u64;
        let recorder = Arc::clone(&self.recorder);
        recorder::blocking(move || {
            recorder.check_room()?;
            Ok(file.write_at(at, &bytes).map_err(recorder::Error::from)?)
        })
        .await
    }

    /// All that was added, and how many bytes it is.
    ///
    /// # Errors
    /// Those of the storage.
    pub(super) async fn read(
        mut self,
    ) -> Result<(u64, impl Stream<Item = Result<Bytes, Error>> + Send + Unpin + 'static), Error> {
        self.write().await?;
        let (file, len) = (self.file, self.len);
        let pieces = stream::unfold(0, move |at| {
            let file = Arc::clone(&file);
            async move {
                let count = usize::try_from(len - at).unwrap_or(PIECE).min(PIECE);
                if count == 0 {
                    return None;
                }
                let piece = recorder::blocking(move || {
                    let mut bytes = vec![0; count];
                    file.read_at(at, &mut bytes).map_err(recorder::Error::from)?;
                    Ok::<_, Error>(Bytes::from(bytes))
                });
                Some((piece.await, at + count as u64))
            }
        });
        Ok((len, Box::pin(pieces)))
    }
}
