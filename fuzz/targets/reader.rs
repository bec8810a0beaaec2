//! Any bytes at all, in slices of any size: never a panic, and after an error the reader stays at it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use media::container::Reader;

fuzz_target!(|input: (u16, &[u8])| {
    let (size, bytes) = input;
    let mut reader = Reader::new();
    for slice in bytes.chunks(usize::from(size).max(1)) {
        reader.push(slice);
        loop {
            match reader.next() {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(reader.next(), Err(error));
                    return;
                }
            }
        }
    }
    reader.finish();
    while let Ok(Some(_)) = reader.next() {}
});
