//! Parameter sets and units of H.264 and HEVC in MP4, and configurations among the samples.

use promises::random::Random;

use super::Movie;
use super::movie::Track;
use super::tree::find;
use crate::odd::oddity::{Law, Oddity, movie};
use crate::odd::units::{self, Coding, Form};

pub(super) const ODDITIES: &[Oddity] = &[
    movie(Law::Whole, "delimiters in front of frames", |movie, random| {
        let every = random.between(1, 4);
        frames(movie, |coding, index, _, units| {
            if index % every == 0 {
                units.insert(0, coding.delimiter())
            }
        })
    }),
    movie(Law::Whole, "a note in front of frames", |movie, _| {
        frames(movie, |coding, _, _, units| units.insert(0, coding.note()))
    }),
    movie(Law::Whole, "filler after frames", |movie, random| {
        let len = random.between(1, 300);
        frames(movie, |coding, _, _, units| units.push(coding.filler(len)))
    }),
    movie(Law::Whole, "parameter sets again in band", sets_again),
    movie(Law::Whole, "one frame with start codes", |movie, random| start_codes(movie, random, true)),
    movie(Law::Whole, "all frames with start codes", |movie, random| start_codes(movie, random, false)),
    movie(Law::Told, "a sample with only a delimiter", only_delimiter),
    movie(Law::Told, "a sample of no bytes", no_bytes),
];

fn coding(track: &Track) -> Option<Coding> {
    let entry = track.entries.first()?;
    let children = entry.get(86..)?;
    match entry.get(4..8)? {
        b"avc1" | b"avc3" => Some(Coding::of(false, find(children, &[b"avcC"]))),
        b"hvc1" | b"hev1" => Some(Coding::of(true, find(children, &[b"hvcC"]))),
        _ => None,
    }
}

fn frames(movie: &mut Movie, mut change: impl FnMut(&Coding, usize, bool, &mut Vec<Vec<u8>>)) -> bool {
    let Some(track) = movie.track(b"vide") else { return false };
    let Some(coding) = coding(track) else { return false };
    for (index, sample) in track.samples.iter_mut().enumerate() {
        let mut units = coding.split(&sample.data);
        change(&coding, index, sample.key, &mut units);
        sample.data = units::join(&units, coding.form);
    }
    true
}

fn sets_again(movie: &mut Movie, _: &mut Random) -> bool {
    let Some(coding) = movie.track(b"vide").and_then(|track| coding(track)) else { return false };
    let sets = coding.sets;
    !sets.is_empty()
        && frames(movie, |_, _, key, units| {
            if key {
                units.splice(0..0, sets.iter().cloned());
            }
        })
}

fn start_codes(movie: &mut Movie, random: &mut Random, one: bool) -> bool {
    let Some(track) = movie.track(b"vide") else { return false };
    let Some(coding) = coding(track) else { return false };
    let chosen = random.between(0, track.samples.len() - 1);
    for (index, sample) in track.samples.iter_mut().enumerate() {
        if index == chosen || !one {
            sample.data = units::join(&coding.split(&sample.data), Form::StartCodes);
        }
    }
    true
}

fn only_delimiter(movie: &mut Movie, random: &mut Random) -> bool {
    replace_nothing(movie, random, |coding| units::join(&[coding.delimiter()], coding.form))
}

fn no_bytes(movie: &mut Movie, random: &mut Random) -> bool {
    replace_nothing(movie, random, |_| Vec::new())
}

/// Puts a sample of no picture between two others, in half the time of the first.
fn replace_nothing(movie: &mut Movie, random: &mut Random, data: impl Fn(&Coding) -> Vec<u8>) -> bool {
    let Some(index) = movie.index(b"vide") else { return false };
    let track = &mut movie.tracks[index];
    let Some(coding) = coding(track) else { return false };
    let at = random.between(0, track.samples.len() - 1);
    let sample = &mut track.samples[at];
    let half = sample.duration / 2;
    let mut extra = sample.clone();
    sample.duration -= half;
    extra.dts += i64::from(sample.duration);
    extra.duration = half;
    extra.key = false;
    extra.data = data(&coding);
    track.samples.insert(at + 1, extra);
    for chunk in movie.layout.fragments.iter_mut().flatten().filter(|chunk| chunk.track == index) {
        chunk.samples.start += usize::from(chunk.samples.start > at);
        chunk.samples.end += usize::from(chunk.samples.end > at);
    }
    true
}
