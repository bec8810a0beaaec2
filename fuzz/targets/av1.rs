//! AV1 temporal units and sequence headers.

#![no_main]

use libfuzzer_sys::fuzz_target;
use media::codec::av1;

fuzz_target!(|bytes: &[u8]| {
    let _ = av1::without_delimiters(bytes);
    let _ = av1::string(bytes);
    for sequence in [av1::keyframe(bytes), av1::Sequence::read(bytes)].into_iter().flatten() {
        let _ = av1::string(&sequence.config());
    }
});
