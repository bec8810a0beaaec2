//! Whatever is found in the bytes can be written as fragments of a body, and is found again in them; and any bytes may
//! stand where a body should.

#![no_main]

use libfuzzer_sys::fuzz_target;
use media::Track;
use media::container::{Reader, mp4, webm};
use timeline::Container;
use timeline::fragmenter::{Fragmenter, Output};

fuzz_target!(|bytes: &[u8]| {
    let _ = mp4::index::init(bytes);
    let _ = mp4::index::fragment(bytes);
    if let Ok(Some((track, len))) = webm::index::init(bytes) {
        let _ = webm::index::fragment(&bytes[len..], &track);
    }
    let mut outputs = Vec::new();
    find(bytes, &mut outputs);
    let mut lasts = [None; 2];
    for output in outputs {
        let Output::Fragment { track, sequence, frames, durations } = output else {
            lasts = [None; 2];
            continue;
        };
        let first = frames.first().expect("a fragment has frames");
        assert_eq!(frames.len(), durations.len());
        assert!(frames.is_sorted_by(|one, next| one.dts < next.dts), "decoding times increase");
        let last = &mut lasts[track.kind().slot()];
        assert!(last.is_none_or(|last| last < first.dts), "in a take too");
        *last = frames.last().map(|frame| frame.dts);
        write(&track, sequence, &frames, &durations);
    }
});

fn find(bytes: &[u8], outputs: &mut Vec<Output>) {
    let mut reader = Reader::new();
    let mut fragmenter = Fragmenter::default();
    for slice in bytes.chunks(4096) {
        reader.push(slice);
        while let Ok(Some(event)) = reader.next() {
            fragmenter.push(event, outputs);
        }
    }
    reader.finish();
    while let Ok(Some(event)) = reader.next() {
        fragmenter.push(event, outputs);
    }
    fragmenter.flush(outputs);
}

fn write(track: &Track, sequence: u32, frames: &[media::Frame], durations: &[u32]) {
    let written = match Container::of(track.codec) {
        Container::Mp4 => mp4::write::fragment(track, sequence, frames, durations),
        Container::Webm => webm::write::fragment(track, sequence, frames, durations),
    };
    let Ok((bytes, fragment)) = written else { return };
    let found = match Container::of(track.codec) {
        Container::Mp4 => mp4::index::fragment(&bytes),
        Container::Webm => webm::index::fragment(&bytes, track),
    };
    assert_eq!(found, Ok(Some(fragment)));
}
