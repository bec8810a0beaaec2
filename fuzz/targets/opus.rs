//! Opus packets and heads.

#![no_main]

use libfuzzer_sys::fuzz_target;
use media::codec::opus;

fuzz_target!(|bytes: &[u8]| {
    let _ = opus::duration_48k(bytes);
    for head in [opus::Head::from_opus_head(bytes), opus::Head::from_config(bytes)].into_iter().flatten() {
        assert!(opus::Head::from_config(&head.config()).is_some());
        let _ = head.opus_head();
        let _ = head.stored_pre_skip();
    }
});
