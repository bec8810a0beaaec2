//! Bytes after the identifier of an EBML header: identifiers, sizes, elements in elements.

#![no_main]

use libfuzzer_sys::fuzz_target;
use media::container::Reader;

const START: &[u8] = b"\x1A\x45\xDF\xA3";

fuzz_target!(|bytes: &[u8]| {
    let mut reader = Reader::new();
    reader.push(START);
    for slice in bytes.chunks(64) {
        reader.push(slice);
        while let Ok(Some(_)) = reader.next() {}
    }
    reader.finish();
    while let Ok(Some(_)) = reader.next() {}
});
