//! NAL units in both forms, parameter sets and configuration records.

#![no_main]

use libfuzzer_sys::fuzz_target;
use media::codec::h264;

fuzz_target!(|bytes: &[u8]| {
    let _ = h264::is_annex_b(bytes);
    let _ = h264::is_key(bytes);
    let lengths = h264::from_annex_b(bytes);
    let _ = h264::config_from_length_prefixed(&lengths);
    for size in 1..=4 {
        let _ = h264::from_length_prefixed(lengths.clone(), size);
    }
    let _ = h264::sps_in_frame(bytes);
    let _ = h264::sps_in_config(bytes);
    let _ = h264::length_size(bytes);
    let _ = h264::parse_sps(bytes);
    if let Some(config) = h264::config_from_annex_b(bytes) {
        let _ = h264::string(&h264::config_with_four_byte_lengths(config));
    }
    let _ = h264::string(bytes);
});
