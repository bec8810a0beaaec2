//! Edit lists: what of a track is shown, and when (8.6.6).

use promises::random::Random;

use super::Movie;
use super::movie::Track;
use crate::odd::oddity::{Law, Oddity, movie};

pub(super) const ODDITIES: &[Oddity] = &[
    movie(Law::Moved, "an empty edit", |movie, random| {
        let ms = random.between(1, 700) as u64;
        edit(movie, random, |lasts, scale| vec![(ms * scale / 1000, -1), (lasts, 0)])
    }),
    movie(Law::Shown, "the start is cut off", |movie, random| {
        let share = random.between(1, 60) as u64;
        edit_all(movie, |lasts, of| vec![(lasts - lasts * share / 100, of(share))])
    }),
    movie(Law::Shown, "the end is cut off", |movie, random| {
        let share = random.between(1, 60) as u64;
        edit_all(movie, |lasts, _| vec![(lasts - lasts * share / 100, 0)])
    }),
    movie(Law::Shown, "the middle is shown", |movie, random| {
        let (from, to) = (random.between(1, 40) as u64, random.between(50, 90) as u64);
        edit_all(movie, |lasts, of| vec![(lasts * (to - from) / 100, of(from))])
    }),
    movie(Law::Shown, "two pieces are shown", |movie, random| {
        let cut = random.between(10, 40) as u64;
        edit_all(movie, |lasts, of| vec![(lasts * cut / 100, 0), (lasts * cut / 100, of(100 - cut))])
    }),
    movie(Law::Whole, "an edit of everything", |movie, _| edit_all(movie, |lasts, _| vec![(lasts, 0)])),
    movie(Law::Whole, "no edit list", |movie, _| {
        let had = movie.tracks.iter().any(|track| track.edits.is_some());
        movie.tracks.iter_mut().for_each(|track| track.edits = None);
        had
    }),
    movie(Law::Told, "an empty edit list", |movie, random| edit(movie, random, |_, _| Vec::new())),
];

/// How long a track lasts, in ticks of the movie, and when it is first shown.
fn lasts(track: &Track, timescale: u32) -> (u64, i64) {
    let ticks: u64 = track.samples.iter().map(|sample| u64::from(sample.duration)).sum();
    let first = track.samples.iter().map(|sample| sample.cts).next().unwrap_or(0);
    let ticks = u128::from(ticks) * u128::from(timescale) / u128::from(track.timescale);
    (ticks as u64, first)
}

/// Gives one track a list of edits; times of media count from its first shown sample.
fn edit(movie: &mut Movie, random: &mut Random, list: impl Fn(u64, u64) -> Vec<(u64, i64)>) -> bool {
    let timescale = movie.timescale;
    if movie.layout.is_fragmented {
        return false;
    }
    let last = movie.tracks.len() - 1;
    let track = &mut movie.tracks[random.between(0, last)];
    let (long, first) = lasts(track, timescale);
    let mut edits = list(long, timescale.into());
    edits.iter_mut().filter(|(_, time)| *time >= 0).for_each(|(_, time)| *time += first);
    track.edits = Some(edits);
    !track.samples.is_empty()
}

/// Gives all tracks the same edits: `of` is the media time at a hundredth of the whole.
fn edit_all(movie: &mut Movie, list: impl Fn(u64, &dyn Fn(u64) -> i64) -> Vec<(u64, i64)>) -> bool {
    if movie.layout.is_fragmented {
        return false;
    }
    let timescale = movie.timescale;
    for track in movie.tracks.iter_mut().filter(|track| !track.samples.is_empty()) {
        let (long, first) = lasts(track, timescale);
        let ticks: u64 = track.samples.iter().map(|sample| u64::from(sample.duration)).sum();
        let mut edits = list(long, &|share| (ticks * share / 100) as i64);
        edits.iter_mut().filter(|(_, time)| *time >= 0).for_each(|(_, time)| *time += first);
        track.edits = Some(edits);
    }
    true
}
