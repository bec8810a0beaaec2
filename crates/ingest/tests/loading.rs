//! What it costs to open lives again, and to keep them open: bytes read, files open, who waits for whom.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use ingest::upload::{Creation, Uploads};
use recorder::{Disk, DiskFile, LocalDisk, Recorder};

/// A disk that counts what is read of it, notes how files are cut, and can hold back whoever lists the takes of a live.
#[derive(Debug, Default)]
struct Watching {
    read: Arc<AtomicU64>,
    cuts: Arc<Mutex<Vec<u64>>>,
    /// Who is let through; closed while it says so.
    is_closed: Mutex<bool>,
    opened: Condvar,
}

#[derive(Debug)]
struct WatchedFile {
    file: Arc<dyn DiskFile>,
    read: Arc<AtomicU64>,
    cuts: Arc<Mutex<Vec<u64>>>,
}

impl DiskFile for WatchedFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_at(offset, bytes)
    }
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.read.fetch_add(buffer.len() as u64, Ordering::SeqCst);
        self.file.read_at(offset, buffer)
    }
    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
    fn truncate(&self, len: u64) -> io::Result<()> {
        self.cuts.lock().unwrap().push(self.file.len()? - len);
        self.file.truncate(len)
    }
}

impl Watching {
    fn watched(&self, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(WatchedFile { file, read: Arc::clone(&self.read), cuts: Arc::clone(&self.cuts) })
    }

    fn close(&self) {
        *self.is_closed.lock().unwrap() = true;
    }

    fn open_again(&self) {
        *self.is_closed.lock().unwrap() = false;
        self.opened.notify_all();
    }
}

impl Disk for Watching {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.watched(LocalDisk.open(path)?))
    }
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.watched(LocalDisk.create(path)?))
    }
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        LocalDisk.create_dir(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        LocalDisk.sync_dir(path)
    }
    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        LocalDisk.replace(path, bytes)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        LocalDisk.remove(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        // The live of the publisher is never held back.
        if path.ends_with("takes") && !path.ends_with("1/takes") {
            let mut is_closed = self.is_closed.lock().unwrap();
            while *is_closed {
                is_closed = self.opened.wait(is_closed).unwrap();
            }
        }
        LocalDisk.list(path)
    }
    fn len(&self, path: &Path) -> io::Result<u64> {
        Disk::len(&LocalDisk, path)
    }
    fn free(&self, path: &Path) -> io::Result<u64> {
        LocalDisk.free(path)
    }
}

fn clock() -> i64 {
    1_700_000_000_000
}

fn testdata(name: &str) -> Vec<u8> {
    std::fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata").join(name)).unwrap()
}

/// Publishes a whole recording in one request.
async fn publish(uploads: &Uploads, live: i64, bytes: &[u8], age_ms: i64) {
    let length = Some(bytes.len() as u64);
    let creation = Creation { now_ms: clock(), age_ms, length, ..Creation::default() };
    let upload = uploads.create(live, creation).await.unwrap();
    let body = stream::iter(vec![Ok::<_, ()>(Bytes::copy_from_slice(bytes))]);
    upload.append(0, None, None, body).await.unwrap();
}

/// Bytes of the files of a take with this ending.
fn size(folder: &Path, live: i64, extension: &str) -> u64 {
    let take = folder.join(format!("lives/{live}/takes/1"));
    let files = std::fs::read_dir(take).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|end| end == extension))
        .map(|path| path.metadata().unwrap().len())
        .sum()
}

#[tokio::test]
async fn a_load_reads_the_index_alone_and_without_one_the_body_once() {
    let folder = tempfile::tempdir().unwrap();
    {
        let recorder = Arc::new(Recorder::open(folder.path(), 0).unwrap());
        let uploads = Uploads::new(recorder, clock);
        publish(&uploads, 1, &testdata("webm_vp9_opus.webm"), 0).await;
    }
    let (body, index) = (size(folder.path(), 1, "mp4"), size(folder.path(), 1, "idx"));
    let load = async || {
        let disk = Arc::new(Watching::default());
        let recorder = Recorder::on(Arc::clone(&disk) as Arc<dyn Disk>, folder.path(), 0).unwrap();
        let fragments = recorder.watched(1).await.unwrap().timeline().version().to_string();
        (disk.read.load(Ordering::SeqCst), fragments)
    };
    let (with_index, fragments) = load().await;
    assert!(with_index < index + (64 << 10), "{with_index} bytes were read, {index} are of the index");
    let take = folder.path().join("lives/1/takes/1");
    for name in ["video.idx", "audio.idx"] {
        std::fs::remove_file(take.join(name)).unwrap();
    }
    let (without, again) = load().await;
    assert_eq!(again, fragments);
    assert!(without < body + (128 << 10), "{without} bytes were read of a body of {body}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_waits_for_no_viewer_of_another_live() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(Watching::default());
    let recorder = Arc::new(Recorder::on(Arc::clone(&disk) as Arc<dyn Disk>, folder.path(), 0).unwrap());
    disk.close();
    let viewers: Vec<_> = (2..40)
        .map(|live| {
            let recorder = Arc::clone(&recorder);
            tokio::spawn(async move { recorder.watched(live).await.map(drop) })
        })
        .collect();
    let deleter = {
        let recorder = Arc::clone(&recorder);
        tokio::spawn(async move { recorder.delete(50).await })
    };
    let uploads = Uploads::new(Arc::clone(&recorder), clock);
    let bytes = testdata("webm_vp9_opus.webm");
    let publishing = publish(&uploads, 1, &bytes, 0);
    let published = tokio::time::timeout(Duration::from_secs(60), publishing).await;
    disk.open_again();
    published.expect("nobody holds a publisher up");
    for viewer in viewers {
        viewer.await.unwrap().unwrap();
    }
    deleter.await.unwrap().unwrap();
}

/// Files below a folder that this process has open.
fn open_files(folder: &Path) -> usize {
    let links = std::fs::read_dir("/proc/self/fd").unwrap();
    links
        .filter(|link| {
            std::fs::read_link(link.as_ref().unwrap().path()).is_ok_and(|to| to.starts_with(folder))
        })
        .count()
}

#[tokio::test]
async fn finished_uploads_hold_no_file_open_and_viewers_a_fixed_number() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = Arc::new(Recorder::open(folder.path(), 0).unwrap());
    let uploads = Uploads::new(Arc::clone(&recorder), clock);
    let bytes = testdata("webm_vp9_opus.webm");
    for live in 1..=160 {
        publish(&uploads, live, &bytes[..60_000], 0).await;
        uploads.settle(live).await.unwrap();
    }
    assert_eq!(open_files(folder.path()), 0);
    let mut read = 0;
    for live in 1..=160 {
        let recording = recorder.watched(live).await.unwrap();
        for take in recording.timeline().takes() {
            for index in take.tracks() {
                let mut buffer = [0; 8];
                let buffers = &mut [io::IoSliceMut::new(&mut buffer)];
                recording.read_into(take.number, index.track().kind(), 0, buffers).unwrap();
                read += 1;
            }
        }
    }
    assert!(read > 256, "only {read} bodies");
    let open = open_files(folder.path());
    assert!((200..=256).contains(&open), "{open} files are open");
    recorder.delete(160).await.unwrap();
    assert!(open_files(folder.path()) < open, "a deleted live holds none");
}

#[tokio::test]
async fn a_large_live_is_deleted_in_steps() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(Watching::default());
    let recorder = Arc::new(Recorder::on(Arc::clone(&disk) as Arc<dyn Disk>, folder.path(), 0).unwrap());
    let uploads = Uploads::new(Arc::clone(&recorder), clock);
    publish(&uploads, 1, &testdata("webm_vp9_opus.webm"), 0).await;
    let large = folder.path().join("lives/1/takes/1/video.mp4");
    std::fs::File::options().write(true).open(&large).unwrap().set_len(200 << 20).unwrap();
    disk.cuts.lock().unwrap().clear();
    recorder.delete(1).await.unwrap();
    let cuts = disk.cuts.lock().unwrap();
    assert!(cuts.len() >= 10 && cuts.iter().all(|cut| *cut <= 16 << 20), "{cuts:?}");
    assert!(!folder.path().join("lives/1").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn small_uploads_of_one_live_at_once_all_pass_and_the_newest_revision_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = Arc::new(Recorder::open(folder.path(), 0).unwrap());
    let uploads = Arc::new(Uploads::new(Arc::clone(&recorder), clock));
    let bytes = testdata("webm_vp9_opus.webm");
    let workers: Vec<_> = (0..4)
        .map(|worker| {
            let (uploads, bytes) = (Arc::clone(&uploads), bytes[..60_000].to_vec());
            tokio::spawn(async move {
                for number in 0..75 {
                    // Each began before the one that came before it: every one of them moves what is there.
                    publish(&uploads, 1, &bytes, 10_000 * (number * 4 + worker)).await;
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    let revision = recorder.recording(1).await.unwrap().timeline().revision;
    assert!(revision > 200, "{revision}");
    let kept = std::fs::read_to_string(folder.path().join("lives/1/revision")).unwrap();
    assert_eq!(kept, revision.to_string());
}
