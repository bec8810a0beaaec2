//! Bytes after the start of an MP4 file: its file type box.

#![no_main]

use libfuzzer_sys::fuzz_target;
use media::container::Reader;

const START: &[u8] = b"\0\0\0\x14ftypisom\0\0\x02\0iso6";

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
