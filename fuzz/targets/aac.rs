//! AudioSpecificConfig.

#![no_main]

use libfuzzer_sys::fuzz_target;
use media::codec::aac;

fuzz_target!(|bytes: &[u8]| {
    let _ = aac::parse(bytes);
    let _ = aac::string(bytes);
});
