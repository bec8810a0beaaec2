//! Any bytes behind a handshake, in slices of any size: never a panic, never more held than may be, and what is let in as
//! one slice is let in as many.

#![no_main]

use ingest::rtmp::{Session, Step, amf};
use libfuzzer_sys::fuzz_target;

/// The handshake of a client, and what every encoder says before it publishes.
fn greeting() -> Vec<u8> {
    let mut bytes = vec![3; 1 + 2 * 1_536];
    let connect = b"\x02\0\x07connect\0\x3f\xf0\0\0\0\0\0\0\x03\0\x03app\x02\0\x04live\0\0\x09";
    let publish = b"\x02\0\x07publish\0\x40\x14\0\0\0\0\0\0\x05\x02\0\x01k";
    for command in [&connect[..], publish] {
        bytes.extend([3, 0, 0, 0, 0, 0, command.len() as u8, 20, 0, 0, 0, 0]);
        bytes.extend(command);
    }
    bytes
}

/// What a session makes of bytes in slices: its events, and whether it ended in an error.
fn events(bytes: &[u8], size: usize) -> (Vec<Step>, bool) {
    let mut session = Session::default();
    let mut steps = Vec::new();
    for mut slice in bytes.chunks(size) {
        loop {
            match session.step(&mut slice, 0) {
                Ok(Some(Step::Publish(_))) => session.accept(),
                Ok(Some(step)) => steps.push(step),
                Ok(None) => break,
                Err(_) => return (steps, true),
            }
            session.to_send();
        }
    }
    (steps, false)
}

fuzz_target!(|input: (u16, &[u8])| {
    let (size, bytes) = input;
    let _ = amf::read(bytes);
    let all = [&greeting()[..], bytes].concat();
    let whole = events(&all, all.len());
    assert!(whole == events(&all, usize::from(size).max(1)), "slices change what is read");
});
