//! Trains a dictionary for the text of messages: `cargo run --release -p chat --example train_dictionary -- FILE [SEED]`.
//!
//! Writes FILE from made-up messages, of which two thirds of the words and turns are heard here, the rest only by the
//! benchmark. A new dictionary gets the next number in `crates/chat/dictionaries` and a place at the end of the list in
//! `src/compression.rs`; those before it stay.
#![allow(clippy::print_stdout, reason = "says what it did")]

#[path = "../benches/talk/mod.rs"]
mod talk;

use talk::{Ear, Talk};

/// Bytes of a dictionary. Twice as many save 1 % of the text.
const SIZE: usize = 32 << 10;
/// Messages it is made from.
const SAMPLES: usize = 60_000;

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().unwrap_or_else(|| "dictionary.zdict".to_owned());
    let seed = arguments.next().and_then(|seed| seed.parse().ok()).unwrap_or(100);
    let mut talk = Talk::new(seed, Ear::Training);
    let samples: Vec<String> = (0..SAMPLES).map(|_| talk.message()).collect();
    let dictionary = zstd::dict::from_samples(&samples, SIZE)?;
    std::fs::write(&path, &dictionary)?;
    println!("{path}: {} bytes from {SAMPLES} messages", dictionary.len());
    Ok(())
}
