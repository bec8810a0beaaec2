//! NAL units in both forms, parameter sets and configuration records.

#![no_main]

use libfuzzer_sys::fuzz_target;
use media::codec::h264;

fuzz_target!(|bytes: &[u8]| {
    let syntax = h264::SYNTAX;
    let _ = syntax.is_key(bytes);
    let lengths = syntax.from_annex_b(bytes);
    assert!(syntax.from_length_prefixed(&lengths, 4).is_some_and(|frame| *frame == lengths));
    for size in [1, 2, 4] {
        let _ = syntax.from_length_prefixed(bytes, size);
    }
    let _ = h264::sps_in_config(bytes);
    let _ = syntax.length_size(bytes);
    let _ = h264::parse_sps(bytes);
    let _ = h264::is_cabac(bytes);
    let (config, frame) = bytes.split_at(bytes.len() / 2);
    if let Some(units) = h264::units_to_decode(config, frame) {
        let _ = h264::to_annex_b(&units, &[0xaa]);
    }
    if let Some(config) = h264::config_in_frame(&lengths) {
        assert!(h264::sps_in_config(&config).is_some());
        let _ = h264::string(&syntax.with_four_byte_lengths(&config));
    }
    let _ = h264::string(bytes);
});
