//! The same bytes give the same events, however they are sliced, wherever the reader is put away and taken up again.

#![allow(clippy::unwrap_used)]

mod recording;

use std::path::PathBuf;
use std::sync::OnceLock;

use media::container::{Event, Reader};
use proptest::prelude::*;
use recording::{drain, read, whole};

fn fixtures() -> &'static [(String, Vec<u8>)] {
    static FIXTURES: OnceLock<Vec<(String, Vec<u8>)>> = OnceLock::new();
    FIXTURES.get_or_init(load)
}

fn load() -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata");
    let mut fixtures: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "webm" || end == "mkv" || end == "mp4"))
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
        .collect();
    fixtures.sort();
    assert!(fixtures.len() >= 9);
    fixtures
}

#[test]
fn single_bytes_give_the_same_events() {
    for (name, data) in fixtures() {
        assert!(read(data.chunks(1)) == whole(data), "{name}");
    }
}

#[test]
fn a_reader_put_away_and_taken_up_again_goes_on_where_it_was() {
    for (name, data) in fixtures() {
        let mut reader = Reader::new();
        let mut events = Vec::new();
        for slice in data.chunks(7001) {
            reader.push(slice);
            reader = taken_up(&reader);
            let error = drain(&mut reader, &mut events);
            assert_eq!(error, None, "{name}");
            reader = taken_up(&reader);
        }
        reader.finish();
        reader = taken_up(&reader);
        let error = drain(&mut reader, &mut events);
        assert!((events, error) == whole(data), "{name}");
    }
}

fn taken_up(reader: &Reader) -> Reader {
    let kept = postcard::to_stdvec(reader).unwrap();
    assert!(kept.len() < 100_000, "{} bytes are kept", kept.len());
    postcard::from_bytes(&kept).unwrap()
}

#[test]
fn an_end_at_any_byte_gives_the_events_up_to_it() {
    for (name, data) in fixtures() {
        let (all, _) = whole(data);
        for end in 1..=4096 {
            let (mut events, _) = read(std::iter::once(&data[..end]));
            // What the end cut in two is told.
            events.retain(|event| !matches!(event, Event::Unread(_)));
            assert!(all.starts_with(&events), "{name} cut at {end}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn random_slices_give_the_same_events(
        which in 0_usize..9,
        sizes in prop::collection::vec(1_usize..3000, 1..200),
        damage in prop::option::of((1000_usize..100_000, 1_usize..20_000)),
    ) {
        let mut data = fixtures()[which].1.clone();
        if let Some((at, len)) = damage {
            data.drain(at..(at + len).min(data.len()));
        }
        let mut rest = &data[..];
        let mut sizes = sizes.iter().cycle();
        let slices = std::iter::from_fn(|| {
            let (slice, after) = rest.split_at(rest.len().min(*sizes.next()?));
            rest = after;
            (!slice.is_empty()).then_some(slice)
        });
        prop_assert!(read(slices) == whole(&data));
    }
}
