//! Writing the bodies of a take.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use media::container::{mp4, webm};
use media::{Frame, Kind, Track};
use timeline::{Container, Entry, TrackIndex};

use crate::index_file::{index_len, index_record};
use crate::{Disk, DiskFile, Error, TakeMark};

/// A fragment that was appended to a body and waits to be announced.
#[derive(Debug, Clone)]
pub(crate) struct Appended {
    /// The take, with its mark after this fragment.
    pub(crate) mark: TakeMark,
    /// The track's description, for a body that is new.
    pub(crate) track: Track,
    /// Bytes of the body's init.
    pub(crate) init_len: u64,
    /// What the index says of the fragment.
    pub(crate) entry: Entry,
    /// Its bytes; empty once too many wait.
    pub(crate) bytes: Bytes,
}

/// Appends to the bodies of one take. After an error it is dropped; the take is opened again at the journal's mark.
#[derive(Debug)]
pub(crate) struct TakeWriter {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    mark: TakeMark,
    bodies: [Option<BodyWriter>; 2],
}

#[derive(Debug)]
struct BodyWriter {
    file: Arc<dyn DiskFile>,
    index: Arc<dyn DiskFile>,
    index_len: u64,
    init_len: u64,
    is_dirty: bool,
}

impl TakeWriter {
    /// A writer for a take whose folder is there, from a mark on.
    pub(crate) fn new(disk: Arc<dyn Disk>, dir: PathBuf, mark: TakeMark) -> Self {
        Self { disk, dir, mark, bodies: [None, None] }
    }

    /// How long the bodies are now.
    #[cfg(test)]
    pub(crate) fn mark(&self) -> TakeMark {
        self.mark
    }

    /// Appends frames as one fragment; durable after [`sync`](Self::sync).
    ///
    /// # Errors
    /// Those of the storage; [`Error::Damaged`] for frames that no container can hold.
    pub(crate) fn append(
        &mut self,
        track: &Track,
        sequence: u32,
        frames: &[Frame],
        durations: &[u32],
    ) -> Result<Appended, Error> {
        let kind = track.kind();
        let container = Container::of(track.codec);
        let written = match container {
            Container::Mp4 => mp4::write::fragment(track, sequence, frames, durations),
            Container::Webm => webm::write::fragment(track, sequence, frames, durations),
        };
        let (bytes, fragment) = written.map_err(|error| Error::Damaged(error.to_string()))?;
        self.open_body(track, container)?;
        let offset = self.mark.len(kind);
        let entry = Entry::new(offset, crc32fast::hash(&bytes), &fragment);
        let Some(body) = &mut self.bodies[kind.slot()] else {
            return Err(Error::Damaged("the body is not open".into()));
        };
        body.is_dirty = true;
        body.file.write_at(offset, &bytes)?;
        let record = index_record(&entry);
        body.index.write_at(body.index_len, &record)?;
        body.index_len += record.len() as u64;
        let init_len = body.init_len;
        self.mark.set(kind, entry.end());
        Ok(Appended { mark: self.mark, track: track.clone(), init_len, entry, bytes: bytes.into() })
    }

    /// Makes all that was appended durable.
    ///
    /// # Errors
    /// Those of the storage: nothing appended since the last success may be acknowledged then.
    pub(crate) fn sync(&mut self) -> Result<(), Error> {
        for body in self.bodies.iter_mut().flatten() {
            if body.is_dirty {
                body.file.sync()?;
                body.is_dirty = false;
            }
        }
        Ok(())
    }

    fn open_body(&mut self, track: &Track, container: Container) -> Result<(), Error> {
        let kind = track.kind();
        if self.bodies[kind.slot()].is_some() {
            return Ok(());
        }
        let path = self.dir.join(body_name(kind, container));
        let index_path = path.with_extension("idx");
        let init = init(track, container);
        let init_len = init.len() as u64;
        let (file, index, index_len) = if self.mark.len(kind) == 0 {
            let file = self.disk.create(&path)?;
            file.write_at(0, &init)?;
            let index = self.disk.create(&index_path)?;
            self.disk.sync_dir(&self.dir)?;
            self.mark.set(kind, init_len);
            (file, index, 0)
        } else {
            let file = self.disk.open(&path)?;
            file.truncate(self.mark.len(kind))?;
            let index_len = index_len(self.disk.as_ref(), &index_path, init_len, self.mark.len(kind));
            (file, self.disk.open(&index_path)?, index_len)
        };
        self.bodies[kind.slot()] = Some(BodyWriter { file, index, index_len, init_len, is_dirty: true });
        Ok(())
    }
}

/// The init that stands at the front of a body.
pub(crate) fn init(track: &Track, container: Container) -> Vec<u8> {
    match container {
        Container::Mp4 => mp4::write::init(&[mp4::write::InitTrack { track, start: 0 }]),
        Container::Webm => webm::write::init(&[track]),
    }
}

/// The file name of a body.
pub(crate) fn body_name(kind: Kind, container: Container) -> String {
    let stem = match kind {
        Kind::Video => "video",
        Kind::Audio => "audio",
    };
    format!("{stem}.{}", container.extension())
}

/// Where a body of a take lies.
pub(crate) fn body_path(dir: &Path, index: &TrackIndex) -> PathBuf {
    dir.join(body_name(index.track().kind(), index.container()))
}
