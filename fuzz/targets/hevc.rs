//! NAL units in both forms, parameter sets and configuration records.

#![no_main]

use libfuzzer_sys::fuzz_target;
use media::codec::hevc;

fuzz_target!(|bytes: &[u8]| {
    let _ = hevc::is_annex_b(bytes);
    let _ = hevc::is_key(bytes);
    let lengths = hevc::from_annex_b(bytes);
    let _ = hevc::config_from_length_prefixed(&lengths);
    for size in 1..=4 {
        let _ = hevc::from_length_prefixed(lengths.clone(), size);
    }
    let _ = hevc::sps_in_frame(bytes);
    let _ = hevc::sps_in_config(bytes);
    let _ = hevc::length_size(bytes);
    let _ = hevc::parse_sps(bytes);
    if let Some(config) = hevc::config_from_annex_b(bytes) {
        let _ = hevc::string(&hevc::config_with_four_byte_lengths(config));
    }
    let _ = hevc::string(bytes);
});
