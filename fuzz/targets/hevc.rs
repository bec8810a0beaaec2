//! NAL units in both forms, parameter sets and configuration records.

#![no_main]

use libfuzzer_sys::fuzz_target;
use media::codec::hevc;

fuzz_target!(|bytes: &[u8]| {
    let syntax = hevc::SYNTAX;
    let _ = syntax.is_key(bytes);
    let lengths = syntax.from_annex_b(bytes);
    assert!(syntax.from_length_prefixed(&lengths, 4).is_some_and(|frame| *frame == lengths));
    for size in [1, 2, 4] {
        let _ = syntax.from_length_prefixed(bytes, size);
    }
    let _ = hevc::sps_in_config(bytes);
    let _ = syntax.length_size(bytes);
    let _ = hevc::parse_sps(bytes);
    if let Some(config) = hevc::config_in_frame(&lengths) {
        assert!(hevc::sps_in_config(&config).is_some());
        let _ = hevc::string(&syntax.with_four_byte_lengths(&config));
    }
    let _ = hevc::string(bytes);
});
