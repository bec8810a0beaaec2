//! Tracks and sample descriptions: more of them, their flags and their numbers.

use promises::random::Random;

use super::Movie;
use super::movie::{Sample, Track};
use crate::odd::oddity::{Law, Oddity, movie};

pub(super) const ODDITIES: &[Oddity] = &[
    movie(Law::Whole, "a second sound", |movie, random| second_sound(movie, random, 3, 3)),
    movie(Law::Whole, "a second sound, switched off", |movie, random| second_sound(movie, random, 3, 2)),
    movie(Law::Shown, "the first sound switched off", |movie, random| second_sound(movie, random, 2, 3)),
    movie(Law::Whole, "subtitles", |movie, random| other_track(movie, random, b"sbtl", b"tx3g")),
    movie(Law::Whole, "a track of data", |movie, random| other_track(movie, random, b"meta", b"mett")),
    movie(Law::Whole, "a time code", |movie, random| other_track(movie, random, b"tmcd", b"tmcd")),
    movie(Law::Whole, "a track without samples", empty_track),
    movie(Law::Whole, "other track numbers", renumber),
    movie(Law::Whole, "tracks in the other order", reorder),
    movie(Law::Whole, "every track in one group", |movie, _| {
        movie.tracks.iter_mut().for_each(|track| track.group = 1);
        true
    }),
    movie(Law::Whole, "another language", |movie, _| {
        movie.tracks.iter_mut().for_each(|track| track.language = 0x5DEF);
        true
    }),
    movie(Law::Whole, "only enabled", |movie, _| {
        movie.tracks.iter_mut().for_each(|track| track.flags = 1);
        true
    }),
    movie(Law::Told, "all switched off", |movie, _| {
        movie.tracks.iter_mut().for_each(|track| track.flags = 0);
        true
    }),
    movie(Law::Whole, "a matrix of zeros", |movie, _| {
        movie
            .tracks
            .iter_mut()
            .filter(|track| track.handler == *b"soun")
            .for_each(|track| track.matrix = [0; 36]);
        true
    }),
    movie(Law::Whole, "the same description twice", descriptions),
];

fn free_id(movie: &Movie) -> u32 {
    movie.tracks.iter().map(|track| track.id).max().unwrap_or(0) + 1
}

fn add(movie: &mut Movie, random: &mut Random, track: Track, at_least: usize) {
    let at = random.between(at_least, movie.tracks.len());
    for chunk in movie.layout.fragments.iter_mut().flatten() {
        chunk.track += usize::from(chunk.track >= at);
    }
    movie.tracks.insert(at, track);
    movie.chunk_anew(at, usize::MAX);
}

/// Another sound of the same packets, each one further on.
fn second_sound(movie: &mut Movie, random: &mut Random, first_flags: u32, second_flags: u32) -> bool {
    let Some(index) = movie.index(b"soun") else { return false };
    movie.tracks[index].flags = first_flags;
    let mut track = movie.tracks[index].clone();
    track.id = free_id(movie);
    track.flags = second_flags;
    track.group = 1;
    let first = track.samples.clone();
    for (sample, before) in track.samples.iter_mut().skip(1).zip(&first) {
        sample.data.clone_from(&before.data);
    }
    add(movie, random, track, index + 1);
    true
}

fn other_track(movie: &mut Movie, random: &mut Random, handler: &[u8; 4], entry: &[u8; 4]) -> bool {
    let mut description = vec![0, 0, 0, 40];
    description.extend(entry);
    description.extend([0, 0, 0, 0, 0, 0, 0, 1]);
    description.extend([0; 24]);
    let samples = (0..6)
        .map(|at| Sample {
            dts: at * 300,
            cts: 0,
            duration: 300,
            key: true,
            entry: 0,
            data: vec![0, 3, b'o', b'u', b'i'],
        })
        .collect();
    let track = Track {
        id: free_id(movie),
        handler: *handler,
        timescale: 1000,
        language: 0x55C4,
        flags: 3,
        group: 0,
        volume: 0,
        matrix: super::write::UNIT_MATRIX,
        size: (0, 0),
        entries: vec![description],
        edits: None,
        samples,
    };
    add(movie, random, track, 0);
    true
}

fn empty_track(movie: &mut Movie, random: &mut Random) -> bool {
    let Some(index) = movie.index(b"soun") else { return false };
    let track = Track { id: free_id(movie), samples: Vec::new(), edits: None, ..movie.tracks[index].clone() };
    add(movie, random, track, index + 1);
    true
}

fn renumber(movie: &mut Movie, random: &mut Random) -> bool {
    let base = [2, 10, 255, 70_000, 0xFFFF_FF00][random.between(0, 4)];
    for (index, track) in (0_u32..).zip(&mut movie.tracks) {
        track.id = base + index;
    }
    true
}

fn reorder(movie: &mut Movie, _: &mut Random) -> bool {
    let last = movie.tracks.len() - 1;
    movie.tracks.reverse();
    movie.layout.fragments.iter_mut().flatten().for_each(|chunk| chunk.track = last - chunk.track);
    true
}

/// A second sample entry like the first, for the chunks of the second half.
fn descriptions(movie: &mut Movie, random: &mut Random) -> bool {
    let last = movie.tracks.len() - 1;
    let index = random.between(0, last);
    let mut starts: Vec<usize> =
        movie.chunks().filter(|chunk| chunk.track == index).map(|chunk| chunk.samples.start).collect();
    starts.sort_unstable();
    let Some(from) = starts.get(starts.len() / 2).copied().filter(|from| *from > 0) else { return false };
    let track = &mut movie.tracks[index];
    let copy = track.entries[0].clone();
    track.entries.push(copy);
    track.samples[from..].iter_mut().for_each(|sample| sample.entry = 1);
    true
}
