//! A door from outside the crate: frames from memory in, a timeline out.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use ingest::publisher::Error;
use ingest::upload::Uploads;
use ingest::{Publisher, Publishers};
use media::container::{Event, Reader};
use media::{Frame, Kind, Track};
use recorder::{Recorder, Recording};

/// A door whose protocol is a list of events in memory.
struct Door {
    publisher: Publisher,
}

impl Door {
    async fn open(publishers: &Publishers) -> Self {
        Self { publisher: publishers.open(1, "test", 0).await.unwrap() }
    }

    /// Hands over events as a connection does: some at a time.
    async fn send(&mut self, events: &[Event]) -> Result<(), Error> {
        for some in events.chunks(7) {
            self.publisher.frames(some.to_vec()).await?;
        }
        Ok(())
    }
}

fn clock() -> i64 {
    1_700_000_000_000
}

fn opened(folder: &Path) -> (Arc<Recorder>, Publishers) {
    let recorder = Arc::new(Recorder::open(folder, 0).unwrap());
    let publishers = Publishers::new(Arc::clone(&recorder), clock);
    (recorder, publishers)
}

/// What a protocol would give of a recording.
fn events(name: &str) -> Vec<Event> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata");
    let mut reader = Reader::new();
    reader.push(&std::fs::read(folder.join(name)).unwrap());
    let mut events = Vec::new();
    while let Some(event) = reader.next().unwrap() {
        events.push(event);
    }
    reader.finish();
    while let Some(event) = reader.next().unwrap() {
        events.push(event);
    }
    events
}

/// The frames among events, each with its time.
fn frames(events: &[Event]) -> Vec<(Kind, i64, Bytes)> {
    let mut tracks: [Option<Track>; 2] = [None, None];
    let mut frames = Vec::new();
    for event in events {
        match event {
            Event::Track(track) => tracks[track.kind().slot()] = Some(track.clone()),
            Event::Frame(Frame { kind, dts, data, .. }) => {
                frames.push((*kind, tracks[kind.slot()].as_ref().unwrap().to_ms(*dts), data.clone()));
            }
            Event::Take { .. }
            | Event::Unread(_)
            | Event::ShownFrom { .. }
            | Event::Interleaved
            | Event::BeginsAt { .. } => {}
        }
    }
    frames.sort_by_key(|(kind, ms, _)| (*kind, *ms));
    frames
}

/// The frames of a take.
fn recorded(recording: &Recording, number: u32) -> Vec<(Kind, i64, Bytes)> {
    let timeline = recording.timeline();
    let mut frames = Vec::new();
    for index in timeline.take(number).unwrap().tracks() {
        let kind = index.track().kind();
        for entry in index.iter_from(0) {
            let mut dts = entry.base_dts;
            for sample in entry.samples() {
                let offset = entry.offset + u64::from(sample.offset);
                let data = recording.read(number, kind, offset, sample.size.into()).unwrap();
                frames.push((kind, index.track().to_ms(dts), data));
                dts += i64::from(sample.duration);
            }
        }
    }
    frames.sort_by_key(|(kind, ms, _)| (*kind, *ms));
    frames
}

fn problems(recorder: &Recorder, folder: &Path) -> Vec<String> {
    recorder::verify::verify(recorder.disk().as_ref(), folder).unwrap().problems
}

#[tokio::test]
async fn the_frames_of_a_door_are_recorded_as_they_came_and_found_again() {
    for name in ["webm_vp9_opus.webm", "webm_vp8_opus.webm", "mkv_avc1_opus.mkv"] {
        let events = events(name);
        let folder = tempfile::tempdir().unwrap();
        let (recorder, publishers) = opened(folder.path());
        let mut door = Door::open(&publishers).await;
        door.send(&events).await.unwrap();
        door.publisher.end().await.unwrap();
        let recording = recorder.recording(1).await.unwrap();
        assert!(recorded(&recording, 1) == frames(&events), "{name}: other frames");
        let shown = recording.timeline();
        drop((recorder, publishers, recording));

        let (recorder, _) = opened(folder.path());
        let recording = recorder.recording(1).await.unwrap();
        assert!(*recording.timeline() == *shown, "{name}: another timeline after a restart");
        assert_eq!(problems(&recorder, folder.path()), [""; 0], "{name}");
    }
}

#[tokio::test]
async fn what_a_door_has_shown_survives_a_kill_and_nothing_else_is_left() {
    let events = events("webm_vp9_opus.webm");
    let folder = tempfile::tempdir().unwrap();
    let (recorder, publishers) = opened(folder.path());
    let mut door = Door::open(&publishers).await;
    door.send(&events[..events.len() / 2]).await.unwrap();
    let recording = recorder.recording(1).await.unwrap();
    let shown = recording.timeline();
    assert!(shown.duration_ms() > 1_000, "it is shown as it comes");
    // Bytes of a fragment that no journal names, as a kill leaves them.
    let body = recording.beside("takes/1/video.mp4");
    let mut bytes = std::fs::read(&body).unwrap();
    bytes.extend_from_slice(&[0; 1_000]);
    std::fs::write(&body, bytes).unwrap();
    drop((door, recorder, publishers, recording));

    let (recorder, publishers) = opened(folder.path());
    let recording = recorder.recording(1).await.unwrap();
    assert!(*recording.timeline() == *shown);
    assert_eq!(problems(&recorder, folder.path()), [""; 0]);
    let mut door = Door::open(&publishers).await;
    door.send(&events).await.unwrap();
    door.publisher.end().await.unwrap();
    assert!(recorded(&recording, 2) == frames(&events), "the encoder that comes back makes another take");
}

#[tokio::test]
async fn a_newer_publisher_takes_over_from_an_older_one() {
    let events = events("webm_vp9_opus.webm");
    let half = events.len() / 2;
    let folder = tempfile::tempdir().unwrap();
    let (recorder, publishers) = opened(folder.path());
    let mut older = Door::open(&publishers).await;
    older.send(&events[..half]).await.unwrap();
    let mut newer = Door::open(&publishers).await;
    older.publisher.ended().await;
    assert!(matches!(older.send(&events[half..]).await, Err(Error::TakenOver)));
    let recording = recorder.recording(1).await.unwrap();
    assert!(recorded(&recording, 1) == frames(&events[..half]), "its last frames are stored");
    newer.send(&events).await.unwrap();
    older.publisher.end().await.unwrap();
    publishers.end(1).await.unwrap();
    assert!(matches!(newer.send(&events).await, Err(Error::Over)), "a live that was stopped takes no more");
    assert!(recorded(&recording, 2) == frames(&events));
    let order: Vec<_> = recording.timeline().in_play_order().iter().map(|take| take.number).collect();
    assert_eq!(order, [1, 2]);
}

#[tokio::test]
async fn uploads_of_the_same_live_are_settled_beside_a_door() {
    let folder = tempfile::tempdir().unwrap();
    let (recorder, publishers) = opened(folder.path());
    let mut door = Door::open(&publishers).await;
    door.send(&events("webm_vp9_opus.webm")).await.unwrap();
    let uploads = Uploads::new(Arc::clone(&recorder), clock);
    uploads.settle(1).await.unwrap();
    let journals = std::fs::read_dir(folder.path().join("lives/1/uploads")).unwrap();
    assert_eq!(journals.count(), 1, "a door's journal is no upload");
}
