//! What cannot be read is kept as it came: over a restart, a crash, a flipped bit, a removal.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use media::container::Event;
use media::{Kind, Unread, Why};
use recorder::journal::{Checkpoint, Journal};
use recorder::write::{Progress, Write};
use recorder::{LocalDisk, Recorder, Recording, verify};

async fn recording(data: &Path) -> Arc<Recording> {
    Recorder::open(data, 0).unwrap().recording(7).await.unwrap()
}

fn piece(offset: u64, bytes: &'static [u8], reason: Why) -> Event {
    Event::Unread(Unread { offset, bytes: Bytes::from_static(bytes), kind: Some(Kind::Audio), reason })
}

/// Makes what was pushed durable, and tells it.
fn commit(recording: &Recording, write: &mut Write) {
    write.append(0).unwrap();
    let bodies = write.sync().unwrap();
    let checkpoint = Checkpoint { marks: Vec::new(), state: Bytes::new() };
    let path = recording.uploads_dir().join("u.journal");
    let mut journal = Journal::create(Arc::new(LocalDisk), path, &checkpoint).unwrap();
    write.announce(journal.sync(bodies).unwrap()).unwrap();
}

fn read(recording: &Arc<Recording>) -> Vec<(u32, Vec<u8>)> {
    let read = |number| recording.read_unread(number, 0, u64::MAX).unwrap().unwrap().to_vec();
    recording.unread().iter().map(|stretch| (stretch.number, read(stretch.number))).collect()
}

fn log(data: &Path) -> PathBuf {
    data.join("lives/7/unread/u.log")
}

#[tokio::test]
async fn pieces_of_one_track_and_reason_are_one_stretch() {
    let folder = tempfile::tempdir().unwrap();
    let live = recording(folder.path()).await;
    let mut write = Write::begin(Arc::clone(&live), "u", 1_000);
    write.push(piece(10, b"one ", Why::BeforeKeyframe));
    write.push(piece(90, b"two ", Why::BeforeKeyframe));
    write.push(piece(100, b"torn", Why::Damaged));
    write.push(piece(200, b"far", Why::Damaged));
    assert!(live.unread().is_empty(), "nobody hears of what is not durable");
    commit(&live, &mut write);
    write.push(piece(300, b"three", Why::BeforeKeyframe));
    commit(&live, &mut write);
    let expected = [(1, b"one two three".to_vec()), (2, b"torn".to_vec()), (3, b"far".to_vec())];
    assert_eq!(read(&live), expected);
    let stretch = &live.unread()[0];
    assert_eq!((stretch.offset, stretch.bytes, stretch.at_ms, stretch.take), (10, 13, 1_000, None));
    assert_eq!(live.read_unread(1, 4, 4).unwrap().unwrap(), "two ");
    drop((write, live));
    assert_eq!(read(&recording(folder.path()).await), expected, "they are there after a restart");
}

#[tokio::test]
async fn what_a_crash_makes_come_again_is_kept_once() {
    let folder = tempfile::tempdir().unwrap();
    let live = recording(folder.path()).await;
    let mut write = Write::begin(Arc::clone(&live), "u", 0);
    write.push(piece(0, b"first", Why::Damaged));
    commit(&live, &mut write);
    let progress: Progress = write.progress().clone();
    write.push(piece(50, b"second", Why::Damaged));
    commit(&live, &mut write);
    drop((write, live));
    let live = recording(folder.path()).await;
    let mut write = Write::resume(Arc::clone(&live), "u", progress).unwrap();
    write.push(piece(50, b"second", Why::Damaged));
    commit(&live, &mut write);
    let texts: Vec<_> = read(&live).into_iter().map(|(_, bytes)| bytes).collect();
    assert_eq!(texts, [b"first".to_vec(), b"second".to_vec()]);
}

#[tokio::test]
async fn a_stretch_that_was_let_go_leaves_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let live = recording(folder.path()).await;
    let mut write = Write::begin(Arc::clone(&live), "u", 0);
    for (offset, bytes) in [(0, b"one"), (10, b"two"), (20, b"six")] {
        write.push(piece(offset, bytes, Why::Damaged));
    }
    commit(&live, &mut write);
    assert!(live.let_go(2).unwrap() && !live.let_go(2).unwrap());
    write.push(piece(30, b"ten", Why::Damaged));
    commit(&live, &mut write);
    let expected = [(1, b"one".to_vec()), (3, b"six".to_vec()), (4, b"ten".to_vec())];
    assert_eq!(read(&live), expected);
    assert_eq!(read(&recording(folder.path()).await), expected);
    for number in [1, 3, 4] {
        assert!(live.let_go(number).unwrap());
    }
    assert!(!log(folder.path()).exists(), "nothing is left of them");
}

#[tokio::test]
async fn verify_names_every_flipped_bit_and_the_rest_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let live = recording(folder.path()).await;
    let mut write = Write::begin(Arc::clone(&live), "u", 0);
    for (offset, bytes) in [(0, b"first"), (10, b"other"), (20, b"third")] {
        write.push(piece(offset, bytes, Why::Damaged));
    }
    commit(&live, &mut write);
    let whole = std::fs::read(log(folder.path())).unwrap();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        std::fs::write(log(folder.path()), &bytes).unwrap();
        let report = verify::verify(&LocalDisk, folder.path()).unwrap();
        assert_eq!(report.problems.len(), 1, "byte {at}: {:?}", report.problems);
        assert_eq!(read(&recording(folder.path()).await).len(), 2, "byte {at}");
    }
    for cut in 0..whole.len() {
        std::fs::write(log(folder.path()), &whole[..cut]).unwrap();
        let report = verify::verify(&LocalDisk, folder.path()).unwrap();
        assert_eq!(report.problems, [""; 0], "cut at {cut}: a torn end was never acknowledged");
    }
}
