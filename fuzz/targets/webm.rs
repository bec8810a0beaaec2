//! Bytes after the start of a WebM file: an EBML header and a Segment of unknown size.

#![no_main]

use libfuzzer_sys::fuzz_target;
use media::container::Reader;

const START: &[u8] = b"\x1A\x45\xDF\xA3\x84\x42\x82\x81w\x18\x53\x80\x67\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF";

fuzz_target!(|bytes: &[u8]| {
    let mut reader = Reader::new();
    reader.push(START);
    while let Ok(Some(_)) = reader.next() {}
    for slice in bytes.chunks(4096) {
        reader.push(slice);
        while let Ok(Some(_)) = reader.next() {}
    }
    reader.finish();
    while let Ok(Some(_)) = reader.next() {}
});
