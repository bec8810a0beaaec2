//! A disk that fails at its n-th write or sync, for every n of a short live.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use futures_util::stream;
use ingest::upload::{Creation, Error, Uploads};
use media::container::{Event, Reader};
use media::{Frame, Kind};
use recorder::{Disk, DiskFile, LocalDisk, Recorder, Recording};
use timeline::Timeline;

/// How an operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// No space: half of the bytes are written.
    Full,
    /// The medium: a sync that fails may have kept nothing, while the system goes on showing the bytes.
    Medium,
}

/// The operations that are left until one fails; negative once it has.
#[derive(Debug)]
struct Countdown {
    left: AtomicI64,
    fault: Fault,
}

impl Countdown {
    fn step(&self) -> io::Result<()> {
        if self.left.fetch_sub(1, Ordering::SeqCst) != 0 {
            return Ok(());
        }
        Err(match self.fault {
            Fault::Full => io::ErrorKind::StorageFull.into(),
            Fault::Medium => io::Error::from_raw_os_error(5),
        })
    }
}

#[derive(Debug)]
struct FailingDisk(Arc<Countdown>);

#[derive(Debug)]
struct FailingFile(Arc<dyn DiskFile>, Arc<Countdown>);

impl DiskFile for FailingFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.1.step() {
            self.0.write_at(offset, &bytes[..bytes.len() / 2])?;
            return Err(error);
        }
        self.0.write_at(offset, bytes)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_at(offset, buffer)
    }

    fn sync(&self) -> io::Result<()> {
        self.1.step()?;
        self.0.sync()
    }

    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.0.truncate(len)
    }
}

impl Disk for FailingDisk {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(FailingFile(LocalDisk.open(path)?, Arc::clone(&self.0))))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.0.step()?;
        Ok(Arc::new(FailingFile(LocalDisk.create(path)?, Arc::clone(&self.0))))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.0.step()?;
        LocalDisk.create_dir(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.0.step()?;
        LocalDisk.sync_dir(path)
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.0.step()?;
        LocalDisk.replace(path, bytes)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        LocalDisk.remove(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        LocalDisk.list(path)
    }

    fn len(&self, path: &Path) -> io::Result<u64> {
        Disk::len(&LocalDisk, path)
    }

    fn free(&self, path: &Path) -> io::Result<u64> {
        LocalDisk.free(path)
    }
}

fn source() -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata");
    let mut bytes = std::fs::read(folder.join("webm_vp9_opus.webm")).unwrap();
    bytes.truncate(150_000);
    bytes
}

fn body(bytes: &[u8]) -> impl futures_util::Stream<Item = Result<Bytes, ()>> + Send + Unpin + 'static {
    stream::iter(vec![Ok(Bytes::copy_from_slice(bytes))])
}

/// Publishes as a real publisher does: asks where the upload stands after each error, and goes on from there.
async fn publish(uploads: &Uploads, source: &[u8]) -> (String, usize) {
    let mut errors = 0;
    let upload = loop {
        match uploads.create(1, Creation::default()).await {
            Ok(upload) => break upload,
            Err(Error::Storage(_)) => errors += 1,
            Err(error) => panic!("{error}"),
        }
    };
    let mut at = 0;
    while at < source.len() {
        let end = source.len().min(at + 20_000);
        match upload.append(at as u64, None, None, body(&source[at..end])).await {
            Ok(offset) => at = usize::try_from(offset).unwrap(),
            Err(Error::Storage(_)) => {
                errors += 1;
                let acknowledged = at;
                at = usize::try_from(upload.status().await.unwrap().offset).unwrap();
                assert!(at >= acknowledged, "{acknowledged} bytes were acknowledged, {at} are there");
            }
            Err(error) => panic!("{error}"),
        }
    }
    let length = source.len() as u64;
    loop {
        match upload.append(length, Some(length), None, stream::empty::<Result<Bytes, ()>>()).await {
            Ok(_) => break,
            Err(Error::Storage(_)) => errors += 1,
            Err(error) => panic!("{error}"),
        }
    }
    (upload.id().to_owned(), errors)
}

/// The bytes that are kept unread, all of them.
fn unread(recording: &Recording) -> Vec<u8> {
    let stretches = recording.unread().into_iter();
    let bytes = stretches.map(|one| recording.read_unread(one.number, 0, one.bytes).unwrap().unwrap());
    bytes.flat_map(|bytes| bytes.to_vec()).collect()
}

fn recorded(recording: &Recording, timeline: &Timeline) -> Vec<(Kind, i64, Bytes)> {
    let mut frames = Vec::new();
    for take in timeline.takes() {
        for index in take.tracks() {
            let kind = index.track().kind();
            for entry in index.iter_from(0) {
                let mut dts = entry.base_dts;
                for sample in entry.samples() {
                    let offset = entry.offset + u64::from(sample.offset);
                    let data = recording.read(take.number, kind, offset, sample.size.into()).unwrap();
                    frames.push((kind, index.track().to_ms(dts), data));
                    dts += i64::from(sample.duration);
                }
            }
        }
    }
    frames.sort_by_key(|(kind, ms, _)| (*kind, *ms));
    frames
}

fn expected(source: &[u8]) -> Vec<(Kind, i64, Bytes)> {
    let mut reader = Reader::new();
    let mut tracks = std::collections::HashMap::new();
    let mut frames = Vec::new();
    reader.push(source);
    for _ in 0..2 {
        while let Some(event) = reader.next().unwrap() {
            match event {
                Event::Track(track) => drop(tracks.insert(track.kind(), track)),
                Event::Frame(Frame { kind, dts, data, .. }) => {
                    frames.push((kind, tracks[&kind].to_ms(dts), data))
                }
                Event::Take { .. }
                | Event::Unread(_)
                | Event::ShownFrom { .. }
                | Event::Interleaved
                | Event::BeginsAt { .. } => {}
            }
        }
        reader.flush();
    }
    frames.sort_by_key(|(kind, ms, _)| (*kind, *ms));
    frames
}

/// Fails at each operation in turn until a whole live passes without reaching it.
async fn fail_everywhere(fault: Fault) -> i64 {
    let source = source();
    let expected = expected(&source);
    let mut torn = None;
    for n in 0.. {
        let folder = tempfile::tempdir().unwrap();
        let countdown = Arc::new(Countdown { left: AtomicI64::new(n + 2), fault });
        let disk: Arc<dyn Disk> = Arc::new(FailingDisk(Arc::clone(&countdown)));
        // The two operations before the countdown make the data directory.
        let recorder = Arc::new(Recorder::on(disk, folder.path(), 0).unwrap());
        let uploads = Uploads::new(Arc::clone(&recorder), || 1_700_000_000_000);
        let (id, errors) = publish(&uploads, &source).await;
        let settled = uploads.settle(1).await;
        let reached = countdown.left.load(Ordering::SeqCst) < 0;
        if settled.is_err() {
            uploads.settle(1).await.unwrap();
        }
        assert_eq!(usize::from(reached), errors + usize::from(settled.is_err()), "{fault:?} at {n}");

        // What the disk holds, as the next process finds it.
        drop((uploads, recorder));
        let recorder = Arc::new(Recorder::open(folder.path(), 0).unwrap());
        let uploads = Uploads::new(Arc::clone(&recorder), || 1_700_000_000_000);
        let upload = uploads.get(1, &id).await.unwrap();
        assert_eq!(upload.status().await.unwrap().offset, source.len() as u64, "{fault:?} at {n}");
        let recording = recorder.recording(1).await.unwrap();
        let timeline = recording.timeline();
        assert!(recorded(&recording, &timeline) == expected, "{fault:?} at {n}: other frames");
        let unread = unread(&recording);
        assert!(!unread.is_empty() && source.ends_with(&unread), "{fault:?} at {n}: {} unread", unread.len());
        assert_eq!(*torn.get_or_insert(unread.len()), unread.len(), "{fault:?} at {n}: all of the torn end");
        let report = recorder::verify::verify(recording.disk().as_ref(), folder.path()).unwrap();
        assert_eq!(report.problems, Vec::<String>::new(), "{fault:?} at {n}");
        if !reached {
            return n;
        }
    }
    unreachable!("some live passes without the fault")
}

#[tokio::test]
async fn a_full_disk_at_any_write_loses_nothing_acknowledged() {
    let operations = fail_everywhere(Fault::Full).await;
    assert!(operations > 30, "only {operations} operations were tried");
}

#[tokio::test]
async fn a_failing_medium_at_any_write_or_sync_loses_nothing_acknowledged() {
    let operations = fail_everywhere(Fault::Medium).await;
    assert!(operations > 30, "only {operations} operations were tried");
}
