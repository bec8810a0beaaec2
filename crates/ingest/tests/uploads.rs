//! Uploads from outside the crate: real recordings in, timelines out.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use ingest::upload::{Creation, Error, Upload, Uploads};
use media::Frame;
use media::container::{Event, Reader};
use recorder::{Recorder, Recording};
use timeline::view::{self, Format, Piece, Selection};

fn testdata(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata");
    std::fs::read(folder.join(name)).unwrap()
}

fn uploads(folder: &Path) -> (Arc<Recorder>, Uploads) {
    let recorder = Arc::new(Recorder::open(folder, 0).unwrap());
    let uploads = Uploads::new(Arc::clone(&recorder), || 1_700_000_000_000);
    (recorder, uploads)
}

fn body(bytes: &[u8]) -> impl futures_util::Stream<Item = Result<Bytes, ()>> + Send + Unpin + 'static {
    stream::iter(vec![Ok(Bytes::copy_from_slice(bytes))])
}

async fn send(upload: &Arc<Upload>, bytes: &[u8], slice: usize) {
    let mut offset = upload.status().await.unwrap().offset;
    for piece in bytes.chunks(slice) {
        let end = offset + piece.len() as u64;
        offset = upload.append(offset, None, None, body(piece)).await.unwrap();
        assert_eq!(offset, end);
    }
}

fn frames(bytes: &[u8]) -> Vec<(Frame, i64)> {
    let mut reader = Reader::new();
    let mut frames = Vec::new();
    let mut scales = std::collections::HashMap::new();
    let mut drain = |reader: &mut Reader| {
        while let Some(event) = reader.next().unwrap() {
            match event {
                Event::Track(track) => {
                    scales.insert(track.kind(), track);
                }
                Event::Frame(frame) => {
                    let ms = scales[&frame.kind].to_ms(frame.pts);
                    frames.push((frame, ms));
                }
                Event::Take { .. }
                | Event::Unread(_)
                | Event::ShownFrom { .. }
                | Event::Interleaved
                | Event::BeginsAt { .. } => {}
            }
        }
    };
    for piece in bytes.chunks(1 << 20) {
        reader.push(piece);
        drain(&mut reader);
    }
    reader.finish();
    drain(&mut reader);
    frames.sort_by_key(|(frame, ms)| (frame.kind, *ms));
    frames
}

fn replay(recording: &Recording, format: Format) -> Vec<u8> {
    let view = view::cut(&recording.timeline(), &Selection::default(), format).unwrap();
    let mut out = Vec::new();
    for piece in view.pieces(0, view.len()) {
        match piece {
            Piece::Bytes(bytes) => out.extend_from_slice(&bytes),
            Piece::Body { take, kind, offset, len } => {
                out.extend_from_slice(&recording.read(take, kind, offset, len).unwrap());
            }
        }
    }
    assert_eq!(out.len() as u64, view.len());
    out
}

fn same_frames(name: &str, source: &[u8], replay: &[u8]) {
    let (source, replay) = (frames(source), frames(replay));
    assert_eq!(source.len(), replay.len(), "{name}");
    for ((one, one_ms), (other, other_ms)) in source.iter().zip(&replay) {
        assert_eq!((one.kind, one_ms, one.key), (other.kind, other_ms, other.key), "{name}");
        assert!(one.data == other.data, "{name}: a frame at {one_ms} ms differs");
    }
}

#[tokio::test]
async fn the_replay_holds_the_frames_that_came_in_any_slices() {
    for (name, formats) in [
        ("webm_vp9_opus.webm", [Some(Format::Mp4), Some(Format::Webm)]),
        ("webm_vp8_opus.webm", [None, Some(Format::Webm)]),
        ("webm_av1_opus.webm", [Some(Format::Mp4), Some(Format::Webm)]),
        ("mkv_avc1_opus.mkv", [Some(Format::Mp4), None]),
        ("audio_webm_opus.webm", [Some(Format::Mp4), Some(Format::Webm)]),
        ("mp4_vp9_opus.mp4", [Some(Format::Mp4), Some(Format::Webm)]),
    ] {
        let source = testdata(name);
        for slice in [7_777, 100_000, usize::MAX] {
            let folder = tempfile::tempdir().unwrap();
            let (recorder, uploads) = uploads(folder.path());
            let upload = uploads.create(1, Creation::default()).await.unwrap();
            send(&upload, &source, slice).await;
            uploads.settle(1).await.unwrap();
            let recording = recorder.recording(1).await.unwrap();
            for format in formats.into_iter().flatten() {
                let replay = replay(&recording, format);
                same_frames(name, &source, &replay);
            }
        }
    }
}

#[tokio::test]
async fn an_upload_goes_on_where_it_was_after_a_restart_anywhere() {
    let source = testdata("webm_vp9_opus.webm");
    let whole = {
        let folder = tempfile::tempdir().unwrap();
        let (recorder, uploads) = uploads(folder.path());
        let upload = uploads.create(1, Creation::default()).await.unwrap();
        send(&upload, &source, usize::MAX).await;
        uploads.settle(1).await.unwrap();
        replay(&recorder.recording(1).await.unwrap(), Format::Mp4)
    };
    let folder = tempfile::tempdir().unwrap();
    let (_, first) = uploads(folder.path());
    let id = first.create(1, Creation::default()).await.unwrap().id().to_owned();
    for piece in source.chunks(33_333) {
        // Nothing of the run before is used: only what is on the disk, as after a kill.
        let (_, uploads) = uploads(folder.path());
        let upload = uploads.get(1, &id).await.unwrap();
        send(&upload, piece, 10_000).await;
    }
    let (recorder, uploads) = uploads(folder.path());
    uploads.settle(1).await.unwrap();
    let recording = recorder.recording(1).await.unwrap();
    assert_eq!(recording.timeline().takes().len(), 1);
    assert!(replay(&recording, Format::Mp4) == whole);
    let report = recorder::verify::verify(recording.disk().as_ref(), folder.path()).unwrap();
    assert_eq!(report.problems, Vec::<String>::new());
    assert_eq!((report.bodies, report.journals), (2, 1));
}

#[tokio::test]
async fn an_upload_whose_journal_the_medium_damaged_is_over_and_keeps_what_its_bodies_prove() {
    let source = testdata("webm_vp9_opus.webm");
    let folder = tempfile::tempdir().unwrap();
    let (recorder, first) = uploads(folder.path());
    let upload = first.create(1, Creation::default()).await.unwrap();
    send(&upload, &source[..400_000], 20_000).await;
    let before = recorder.recording(1).await.unwrap().timeline();
    let journal = folder.path().join(format!("lives/1/uploads/{}.journal", upload.id()));
    let mut bytes = std::fs::read(&journal).unwrap();
    let last = bytes.len() - 20;
    bytes[last] ^= 1;
    std::fs::write(&journal, &bytes).unwrap();

    let (recorder, uploads) = uploads(folder.path());
    let recording = recorder.recording(1).await.unwrap();
    assert!(*recording.timeline() == *before, "nothing that was shown is given up");
    let upload = uploads.get(1, upload.id()).await.unwrap();
    assert!(matches!(upload.status().await, Err(Error::Gone)));
    assert!(matches!(upload.append(400_000, None, None, body(b"more")).await, Err(Error::Gone)));
    uploads.settle(1).await.unwrap();
    let again = uploads.create(1, Creation::default()).await.unwrap();
    send(&again, &source, usize::MAX).await;
    uploads.settle(1).await.unwrap();
    assert_eq!(recording.timeline().takes().len(), 2, "the live goes on in a new take");
    assert!(recording.timeline().takes()[0] == before.takes()[0]);
    let report = recorder::verify::verify(recording.disk().as_ref(), folder.path()).unwrap();
    assert_eq!(report.problems.len(), 1, "{:?}", report.problems);
}

#[tokio::test]
async fn a_wrong_offset_is_refused_and_nothing_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let (_, uploads) = uploads(folder.path());
    let upload = uploads.create(1, Creation::default()).await.unwrap();
    let refused = upload.append(5, None, None, body(b"12345")).await;
    assert!(matches!(refused, Err(Error::OffsetMismatch { offset: 0 })));
    assert_eq!(upload.status().await.unwrap().offset, 0);
}

#[tokio::test]
async fn junk_is_refused_at_the_door() {
    let folder = tempfile::tempdir().unwrap();
    let (recorder, uploads) = uploads(folder.path());
    let upload = uploads.create(1, Creation::default()).await.unwrap();
    let refused = upload.append(0, None, None, body(b"<!doctype html><p>no video</p>")).await;
    assert!(matches!(refused, Err(Error::Refused { offset: 0, .. })), "{refused:?}");
    assert!(recorder.recording(1).await.unwrap().timeline().takes().is_empty());
}

#[tokio::test]
async fn a_file_of_known_length_is_whole_when_its_last_byte_came() {
    let folder = tempfile::tempdir().unwrap();
    let (recorder, uploads) = uploads(folder.path());
    let source = testdata("webm_vp9_opus.webm");
    let creation = Creation { length: Some(source.len() as u64), ..Creation::default() };
    let upload = uploads.create(1, creation).await.unwrap();
    send(&upload, &source, 50_000).await;
    let recording = recorder.recording(1).await.unwrap();
    same_frames("whole", &source, &replay(&recording, Format::Mp4));
    assert_eq!(upload.status().await.unwrap().offset, source.len() as u64);
}

#[tokio::test]
async fn a_clock_set_back_at_a_restart_puts_no_take_before_one_that_had_only_begun_to_come() {
    const DAY_AHEAD: fn() -> i64 = || 1_700_086_400_000;
    let folder = tempfile::tempdir().unwrap();
    let bytes = testdata("webm_vp9_opus.webm");
    let id = {
        let recorder = Arc::new(Recorder::open(folder.path(), 0).unwrap());
        let uploads = Uploads::new(recorder, DAY_AHEAD);
        let upload =
            uploads.create(1, Creation { now_ms: DAY_AHEAD(), ..Creation::default() }).await.unwrap();
        // Too little for a fragment: no take is there to tell the time.
        send(&upload, &bytes[..1_500], 500).await;
        upload.id().to_owned()
    };
    let (recorder, uploads) = uploads(folder.path());
    let first = uploads.get(1, &id).await.unwrap();
    send(&first, &bytes[1_500..], 100_000).await;
    let second =
        uploads.create(1, Creation { now_ms: 1_700_000_000_000, ..Creation::default() }).await.unwrap();
    send(&second, &bytes, 100_000).await;
    let timeline = recorder.recording(1).await.unwrap().timeline();
    let order: Vec<_> = timeline.in_play_order().iter().map(|take| take.number).collect();
    assert_eq!(
        order,
        [1, 2],
        "{:?}",
        timeline.takes().iter().map(|take| take.started_at_ms).collect::<Vec<_>>()
    );
}
