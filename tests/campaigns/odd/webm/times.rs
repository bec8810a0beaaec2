//! Times that go back, start elsewhere, count otherwise or wrap.

use promises::random::Random;

use super::Document;
use super::tree::{Element, id};
use crate::odd::oddity::{Law, Oddity, webm};

pub(super) const ODDITIES: &[Oddity] = &[
    webm(Law::Whole, "another TimestampScale", scale),
    webm(Law::Moved, "a coarse TimestampScale", coarse_scale),
    webm(Law::Moved, "one time moved", jitter_one),
    webm(Law::Moved, "every nth sound moved", jitter_some),
    webm(Law::Moved, "all times moved", jitter_all),
    webm(Law::Moved, "equal times", equal),
    webm(Law::Moved, "one track shifted", shift_one),
    webm(Law::Moved, "one track hours away", hours_apart),
    webm(Law::Moved, "begins late", late),
    webm(Law::Moved, "begins in 1970", epoch),
    webm(Law::Moved, "begins before 0", negative),
    webm(Law::Moved, "wraps at 2^32", wrap),
];

fn scale(document: &mut Document, random: &mut Random) -> bool {
    let known = document.info().number_of(id::TIMESTAMP_SCALE, 1_000_000);
    let finer = [500_000, 250_000, 100_000, 50_000][random.between(0, 3)];
    rescale(document, known, finer)
}

fn coarse_scale(document: &mut Document, random: &mut Random) -> bool {
    let known = document.info().number_of(id::TIMESTAMP_SCALE, 1_000_000);
    let other = [22_676, 2_000_000, 11_111_111, 20_000_000][random.between(0, 3)];
    rescale(document, known, other)
}

fn rescale(document: &mut Document, known: u64, other: u64) -> bool {
    document.info().set(Element::uint(id::TIMESTAMP_SCALE, other));
    let factor = known as f64 / other as f64;
    document.retime(|block, _| (block.time as f64 * factor).round() as i64);
    document.segment().visit(&mut |element| {
        if element.id == id::BLOCK_DURATION {
            let duration = (element.number() as f64 * factor).round() as u64;
            *element = Element::uint(id::BLOCK_DURATION, duration.max(1));
        }
    });
    true
}

fn jitter_one(document: &mut Document, random: &mut Random) -> bool {
    let kind = random.between(1, 2) as u64;
    let Some(number) = document.number(kind) else { return false };
    let chosen = random.between(1, document.count(number).max(2) - 1);
    let ms = random.between(1, 60) as f64 * if random.between(0, 3) == 0 { 1.0 } else { -1.0 };
    let ticks = (ms * document.ticks_per_ms()) as i64;
    document
        .retime(|block, index| block.time + if (block.track, index) == (number, chosen) { ticks } else { 0 });
    true
}

fn jitter_some(document: &mut Document, random: &mut Random) -> bool {
    let Some(number) = document.number(2) else { return false };
    let every = random.between(5, 30);
    let back = (random.between(1, 30) as f64 * document.ticks_per_ms()) as i64;
    document.retime(|block, index| {
        let is_one = block.track == number && index % every == every - 1;
        block.time - if is_one { back } else { 0 }
    });
    true
}

fn jitter_all(document: &mut Document, random: &mut Random) -> bool {
    let most = (random.between(1, 8) as f64 * document.ticks_per_ms()) as i64;
    document.retime(|block, _| block.time + random.between(0, 2 * most as usize) as i64 - most);
    true
}

fn equal(document: &mut Document, random: &mut Random) -> bool {
    let Some(number) = document.number(random.between(1, 2) as u64) else { return false };
    let chosen = random.between(1, document.count(number).max(2) - 1);
    let mut last = 0;
    document.retime(|block, index| {
        if block.track != number {
            return block.time;
        }
        let time = if index == chosen { last } else { block.time };
        last = time;
        time
    });
    true
}

fn shift(document: &mut Document, random: &mut Random, ms: f64) -> bool {
    let Some(number) = document.number(random.between(1, 2) as u64) else { return false };
    let ticks = (ms * document.ticks_per_ms()) as i64;
    document.retime(|block, _| block.time + if block.track == number { ticks } else { 0 });
    true
}

fn shift_one(document: &mut Document, random: &mut Random) -> bool {
    let ms = random.between(1, 600) as f64;
    shift(document, random, ms)
}

fn hours_apart(document: &mut Document, random: &mut Random) -> bool {
    let ms = 3_600_000.0 * random.between(1, 5) as f64;
    shift(document, random, ms)
}

fn begin_at(document: &mut Document, ms: f64) -> bool {
    let ticks = (ms * document.ticks_per_ms()) as i64;
    document.retime(|block, _| block.time + ticks);
    true
}

fn late(document: &mut Document, random: &mut Random) -> bool {
    let ms = [5_000, 600_000, 3_600_000, 86_400_000][random.between(0, 3)];
    begin_at(document, f64::from(ms))
}

fn epoch(document: &mut Document, random: &mut Random) -> bool {
    begin_at(document, 1_796_000_000_000.0 + random.between(0, 1_000_000) as f64)
}

fn negative(document: &mut Document, random: &mut Random) -> bool {
    begin_at(document, -(random.between(1, 900) as f64))
}

fn wrap(document: &mut Document, random: &mut Random) -> bool {
    let ticks_per_ms = document.ticks_per_ms();
    let before = (random.between(100, 900) as f64 * ticks_per_ms) as i64;
    document.retime(|block, _| (block.time + (1 << 32) - before) % (1 << 32));
    true
}
