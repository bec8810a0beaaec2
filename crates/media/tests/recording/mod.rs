//! Recordings for tests, read whole.

#![allow(dead_code, clippy::unwrap_used)]

use media::container::{Event, Reader};
use media::{Error, Frame, Kind, Track};

/// A recording of a browser (`testdata`), or one made by ffmpeg for these tests (`tests/data`).
pub(crate) fn fixture(name: &str) -> Vec<u8> {
    let root = env!("CARGO_MANIFEST_DIR");
    let recorded = format!("{root}/../../testdata/{name}");
    std::fs::read(recorded).or_else(|_| std::fs::read(format!("{root}/tests/data/{name}"))).unwrap()
}

/// All events of bytes pushed in these slices, and the error that ended them if one did.
pub(crate) fn read<'a>(slices: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Event>, Option<Error>) {
    let mut reader = Reader::new();
    let mut events = Vec::new();
    for slice in slices {
        reader.push(slice);
        if let Some(error) = drain(&mut reader, &mut events) {
            return (events, Some(error));
        }
    }
    reader.finish();
    let error = drain(&mut reader, &mut events);
    (events, error)
}

/// Takes all events out; the error that ended them if one did.
pub(crate) fn drain(reader: &mut Reader, events: &mut Vec<Event>) -> Option<Error> {
    loop {
        match reader.next() {
            Ok(Some(event)) => events.push(event),
            Ok(None) => return None,
            Err(error) => return Some(error),
        }
    }
}

/// The outcome of bytes pushed a MiB at a time.
pub(crate) fn whole(data: &[u8]) -> (Vec<Event>, Option<Error>) {
    read(data.chunks(1 << 20))
}

/// All events of bytes in which nothing is wrong.
pub(crate) fn events(data: &[u8]) -> Vec<Event> {
    let (events, error) = whole(data);
    assert_eq!(error, None);
    events
}

/// The tracks as they were announced.
pub(crate) fn tracks(events: &[Event]) -> Vec<&Track> {
    events
        .iter()
        .filter_map(|event| if let Event::Track(track) = event { Some(track) } else { None })
        .collect()
}

/// The first track of a kind.
pub(crate) fn track(events: &[Event], kind: Kind) -> Track {
    tracks(events).into_iter().find(|track| track.kind() == kind).unwrap().clone()
}

/// The frames of a kind.
pub(crate) fn frames(events: &[Event], kind: Kind) -> Vec<&Frame> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Frame(frame) if frame.kind == kind => Some(frame),
            _ => None,
        })
        .collect()
}

/// How many takes begin, and how many of them after a hole.
pub(crate) fn takes(events: &[Event]) -> (usize, usize) {
    let count = |wanted: fn(&Event) -> bool| events.iter().filter(|event| wanted(event)).count();
    (
        count(|event| matches!(event, Event::Take { .. })),
        count(|event| matches!(event, Event::Take { after_hole: true })),
    )
}
