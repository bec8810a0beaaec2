//! A VP9 frame's header.

#![no_main]

use libfuzzer_sys::fuzz_target;
use media::codec::vp9;

fuzz_target!(|bytes: &[u8]| {
    if let Some(keyframe) = vp9::keyframe(bytes) {
        let _ = vp9::string(&keyframe.config());
    }
    let _ = vp9::string(bytes);
    assert!(bytes.starts_with(vp9::first_of_superframe(bytes)));
});
