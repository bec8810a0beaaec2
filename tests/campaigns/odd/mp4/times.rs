//! Times of samples that count otherwise, start elsewhere, go back or wrap.

use promises::random::Random;

use super::Movie;
use super::movie::Track;
use crate::odd::oddity::{Law, Oddity, movie};

pub(super) const ODDITIES: &[Oddity] = &[
    movie(Law::Whole, "another timescale", timescale),
    movie(Law::Whole, "a timescale near 2^32", huge_timescale),
    movie(Law::Whole, "another timescale of the movie", movie_timescale),
    movie(Law::Moved, "one duration changed", one_duration),
    movie(Law::Moved, "all durations changed", all_durations),
    movie(Law::Moved, "a duration of 0", no_duration),
    movie(Law::Moved, "one composition offset changed", one_offset),
    movie(Law::Moved, "all composition offsets moved", all_offsets),
    movie(Law::Moved, "one track shifted", shift),
    movie(Law::Moved, "one track hours away", hours_apart),
    movie(Law::Moved, "begins late", late),
    movie(Law::Moved, "begins in 1970", epoch),
    movie(Law::Moved, "wraps at 2^32", wrap),
    movie(Law::Moved, "a fragment goes back", back),
    movie(Law::Moved, "a gap in decoding times", gap),
];

fn pick<'a>(movie: &'a mut Movie, random: &mut Random) -> Option<&'a mut Track> {
    let mut tracks: Vec<_> = movie.tracks.iter_mut().filter(|track| track.samples.len() > 2).collect();
    let last = tracks.len().checked_sub(1)?;
    Some(tracks.swap_remove(random.between(0, last)))
}

fn scale(track: &mut Track, to: u32) {
    let factor = f64::from(to) / f64::from(track.timescale);
    let scaled = |ticks: i64| (ticks as f64 * factor).round() as i64;
    for sample in &mut track.samples {
        let end = scaled(sample.dts + i64::from(sample.duration));
        let shown = scaled(sample.dts + sample.cts);
        sample.dts = scaled(sample.dts);
        sample.cts = shown - sample.dts;
        sample.duration = u32::try_from(end - sample.dts).unwrap_or(0);
    }
    for (_, time) in track.edits.iter_mut().flatten().filter(|(_, time)| *time > 0) {
        *time = scaled(*time);
    }
    track.timescale = to;
}

fn timescale(movie: &mut Movie, random: &mut Random) -> bool {
    let Some(track) = pick(movie, random) else { return false };
    let to = track.timescale.saturating_mul([2, 3, 7, 10][random.between(0, 3)]);
    scale(track, to);
    true
}

/// Of a short recording only: offsets and durations have 32 bits.
fn huge_timescale(movie: &mut Movie, random: &mut Random) -> bool {
    let to = [400_000_000, 1_000_000_000, 4_000_000_000][random.between(0, 2)];
    let Some(track) = pick(movie, random) else { return false };
    let factor = f64::from(to) / f64::from(track.timescale);
    let fits = |ticks: i64| (ticks as f64 * factor).abs() < f64::from(i32::MAX);
    if !track.samples.iter().all(|sample| fits(sample.cts) && fits(i64::from(sample.duration))) {
        return false;
    }
    scale(track, to);
    true
}

fn movie_timescale(movie: &mut Movie, random: &mut Random) -> bool {
    let to: u32 = [90_000, 600, 48_000, 1_000_000][random.between(0, 3)];
    let factor = f64::from(to) / f64::from(movie.timescale);
    movie.timescale = to;
    for (duration, _) in movie.tracks.iter_mut().filter_map(|track| track.edits.as_mut()).flatten() {
        *duration = (*duration as f64 * factor).round() as u64;
    }
    true
}

/// Durations changed, and all that follows moved by it.
fn lengthen(track: &mut Track, mut change: impl FnMut(usize, u32) -> u32) {
    let mut moved = 0;
    for (index, sample) in track.samples.iter_mut().enumerate() {
        sample.dts += moved;
        let duration = change(index, sample.duration);
        moved += i64::from(duration) - i64::from(sample.duration);
        sample.duration = duration;
    }
}

fn one_duration(movie: &mut Movie, random: &mut Random) -> bool {
    let Some(track) = pick(movie, random) else { return false };
    let chosen = random.between(0, track.samples.len() - 2);
    let factor = random.between(1, 8) as u32;
    lengthen(
        track,
        |index, duration| if index == chosen { (duration / 4 * factor).max(1) } else { duration },
    );
    true
}

fn all_durations(movie: &mut Movie, random: &mut Random) -> bool {
    let Some(track) = pick(movie, random) else { return false };
    lengthen(track, |_, duration| {
        let most = duration / 2;
        (duration - most / 2 + random.between(0, most as usize) as u32).max(1)
    });
    true
}

fn no_duration(movie: &mut Movie, random: &mut Random) -> bool {
    let Some(track) = pick(movie, random) else { return false };
    let chosen = random.between(0, track.samples.len() - 2);
    lengthen(track, |index, duration| if index == chosen { 0 } else { duration });
    true
}

fn one_offset(movie: &mut Movie, random: &mut Random) -> bool {
    let Some(track) = pick(movie, random) else { return false };
    let chosen = random.between(1, track.samples.len() - 1);
    let ticks = i64::from(track.timescale) * random.between(1, 50) as i64 / 1000;
    track.samples[chosen].cts += if random.between(0, 1) == 0 { ticks } else { -ticks };
    true
}

/// Times of composition all later, or all earlier by version 1 (8.6.1.3).
fn all_offsets(movie: &mut Movie, random: &mut Random) -> bool {
    let Some(track) = pick(movie, random) else { return false };
    let ticks = i64::from(track.timescale) * random.between(1, 200) as i64 / 1000;
    let sign = if random.between(0, 1) == 0 { 1 } else { -1 };
    track.samples.iter_mut().for_each(|sample| sample.cts += sign * ticks);
    true
}

fn move_track(movie: &mut Movie, random: &mut Random, seconds: f64) -> bool {
    if !movie.layout.is_fragmented {
        return false;
    }
    let Some(track) = pick(movie, random) else { return false };
    let ticks = (f64::from(track.timescale) * seconds) as i64;
    track.samples.iter_mut().for_each(|sample| sample.dts += ticks);
    true
}

fn shift(movie: &mut Movie, random: &mut Random) -> bool {
    let seconds = random.between(1, 600) as f64 / 1000.0;
    move_track(movie, random, seconds)
}

fn hours_apart(movie: &mut Movie, random: &mut Random) -> bool {
    let seconds = 3600.0 * random.between(1, 5) as f64;
    move_track(movie, random, seconds)
}

fn move_all(movie: &mut Movie, seconds: f64) -> bool {
    for track in &mut movie.tracks {
        let ticks = (f64::from(track.timescale) * seconds) as i64;
        track.samples.iter_mut().for_each(|sample| sample.dts += ticks);
    }
    movie.layout.is_fragmented
}

fn late(movie: &mut Movie, random: &mut Random) -> bool {
    move_all(movie, [5.0, 600.0, 3600.0, 86_400.0][random.between(0, 3)])
}

fn epoch(movie: &mut Movie, random: &mut Random) -> bool {
    move_all(movie, 1_796_000_000.0 + random.between(0, 1_000_000) as f64)
}

/// Times of fragments in 32 bits that come to their end (8.8.12).
fn wrap(movie: &mut Movie, random: &mut Random) -> bool {
    let seconds = random.between(1, 9) as f64 / 10.0;
    let Some(track) = pick(movie, random) else { return false };
    let before = (f64::from(track.timescale) * seconds) as i64;
    track.samples.iter_mut().for_each(|sample| sample.dts += (1 << 32) - before);
    movie.layout.short_tfdt = true;
    movie.layout.is_fragmented
}

/// One fragment begins a little before the one before it ended.
fn back(movie: &mut Movie, random: &mut Random) -> bool {
    let count = movie.layout.fragments.len();
    if !movie.layout.is_fragmented || count < 2 {
        return false;
    }
    let chosen = random.between(1, count - 1);
    let Some(chunk) = movie.layout.fragments[chosen].first().cloned() else { return false };
    let track = &mut movie.tracks[chunk.track];
    let ticks = i64::from(track.timescale) * random.between(1, 40) as i64 / 1000;
    track.samples[chunk.samples].iter_mut().for_each(|sample| sample.dts = (sample.dts - ticks).max(0));
    true
}

fn gap(movie: &mut Movie, random: &mut Random) -> bool {
    let Some(track) = pick(movie, random) else { return false };
    let chosen = random.between(0, track.samples.len() - 2);
    let more = track.timescale / 1000 * random.between(50, 700) as u32;
    lengthen(track, |index, duration| if index == chosen { duration + more } else { duration });
    true
}
