//! What a reader finds depends on the bytes only, never on how they were sliced.

#![no_main]

use libfuzzer_sys::fuzz_target;
use media::Error;
use media::container::{Event, Reader};

fn read(bytes: &[u8], size: usize) -> (Vec<Event>, Option<Error>) {
    let mut reader = Reader::new();
    let mut events = Vec::new();
    let mut take = |reader: &mut Reader| loop {
        match reader.next() {
            Ok(Some(event)) => events.push(event),
            Ok(None) => return None,
            Err(error) => return Some(error),
        }
    };
    for slice in bytes.chunks(size) {
        reader.push(slice);
        if let Some(error) = take(&mut reader) {
            return (events, Some(error));
        }
    }
    reader.finish();
    let error = take(&mut reader);
    (events, error)
}

fuzz_target!(|bytes: &[u8]| {
    let whole = read(bytes, 1 << 20);
    assert_eq!(whole, read(bytes, 1));
    assert_eq!(whole, read(bytes, 777));
});
