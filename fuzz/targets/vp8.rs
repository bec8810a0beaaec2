//! A VP8 frame's header.

#![no_main]

use libfuzzer_sys::fuzz_target;
use media::codec::vp8;

fuzz_target!(|bytes: &[u8]| {
    let _ = vp8::is_key(bytes);
    let _ = vp8::size(bytes);
});
