//! What happens to a file on its way: cut off, cut apart, flipped, zeroed, followed by something else.

use promises::random::Random;

use super::made::Made;
use super::oddity::{Law, Oddity, of_bytes};

pub(crate) const ODDITIES: &[Oddity] = &[
    of_bytes(Law::Told, "zeros at the end", |made, random| {
        made.bytes.extend(vec![0; random.between(1, 5000)]);
        true
    }),
    of_bytes(Law::Told, "text at the end", |made, random| {
        made.bytes.extend("\r\n--limite\r\n".repeat(random.between(1, 50)).bytes());
        true
    }),
    of_bytes(Law::Harmed, "cut off", |made, random| {
        let at = random.between(1, made.bytes.len() - 1);
        harm(made, at..usize::MAX, |bytes| bytes.truncate(at))
    }),
    of_bytes(Law::Harmed, "a byte flipped", |made, random| {
        let at = random.between(0, made.bytes.len() - 1);
        let bit = random.between(0, 7);
        harm(made, at..at + 1, |bytes| bytes[at] ^= 1 << bit)
    }),
    of_bytes(Law::Harmed, "bytes overwritten", |made, random| {
        let range = stretch(made, random, 64);
        let noise: Vec<u8> = range.clone().map(|_| random.between(0, 255) as u8).collect();
        harm(made, range.clone(), |bytes| bytes[range].copy_from_slice(&noise))
    }),
    of_bytes(Law::Harmed, "a stretch of zeros", |made, random| {
        let range = stretch(made, random, 20_000);
        harm(made, range.clone(), |bytes| bytes[range].fill(0))
    }),
    of_bytes(Law::Harmed, "a stretch cut out", |made, random| {
        let range = stretch(made, random, 20_000);
        harm(made, range.clone(), |bytes| drop(bytes.drain(range)))
    }),
];

fn stretch(made: &Made, random: &mut Random, most: usize) -> std::ops::Range<usize> {
    let start = random.between(0, made.bytes.len() - 1);
    start..(start + random.between(1, most)).min(made.bytes.len())
}

/// Harms a file once: places are those of the sound file.
fn harm(made: &mut Made, range: std::ops::Range<usize>, change: impl FnOnce(&mut Vec<u8>)) -> bool {
    if !made.harm.is_empty() {
        return false;
    }
    made.harm.push(range);
    change(&mut made.bytes);
    !made.bytes.is_empty()
}
