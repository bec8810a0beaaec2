//! How samples lie in the file and how the tables say it.

use promises::random::Random;

use super::Movie;
use super::movie::{Chunk, Durations, Offsets, Sync};
use crate::odd::oddity::{Law, Oddity, movie};

pub(super) const ODDITIES: &[Oddity] = &[
    movie(Law::Whole, "fragments made of tables", fragmented),
    movie(Law::Whole, "tables made of fragments", progressive),
    movie(Law::Whole, "moov first", |movie, _| place_moov(movie, false)),
    movie(Law::Whole, "moov last", |movie, _| place_moov(movie, true)),
    movie(Law::Whole, "fragments split", split),
    movie(Law::Whole, "fragments merged", merge),
    movie(Law::Whole, "a fragment for each track", by_track),
    movie(Law::Whole, "a chunk for each sample", |movie, random| {
        let per_chunk = random.between(1, 3);
        rechunk(movie, per_chunk)
    }),
    movie(Law::Whole, "one chunk for each track", |movie, _| rechunk(movie, usize::MAX)),
    movie(Law::Whole, "chunks in any order", shuffle),
    movie(Law::Whole, "one chunk moved to the end", one_to_end),
    movie(Law::Whole, "sound before picture in each fragment", turn),
    movie(Law::Whole, "bytes between chunks", |movie, random| {
        movie.layout.pad = random.between(1, 1000);
        true
    }),
    movie(Law::Whole, "co64", |movie, _| {
        movie.layout.co64 = true;
        !movie.layout.is_fragmented
    }),
    movie(Law::Whole, "stz2", |movie, random| {
        movie.layout.stz2 = Some([4, 8, 16, 16][random.between(0, 3)]);
        !movie.layout.is_fragmented
    }),
    movie(Law::Whole, "a row for each sample", |movie, _| {
        movie.layout.long_tables = true;
        !movie.layout.is_fragmented
    }),
    movie(Law::Whole, "long heads", |movie, _| {
        movie.layout.long_heads = true;
        true
    }),
    movie(Law::Whole, "unsigned composition offsets", unsigned_offsets),
    movie(Law::Whole, "absolute offsets in fragments", |movie, _| offsets(movie, Offsets::Absolute)),
    movie(Law::Whole, "offsets from the track before", |movie, _| offsets(movie, Offsets::Old)),
    movie(Law::Whole, "what is the same in tfhd", |movie, _| {
        movie.layout.defaults_in_tfhd = true;
        movie.layout.is_fragmented
    }),
    movie(Law::Whole, "times of fragments in 32 bits", |movie, _| {
        let fits = movie.tracks.iter().flat_map(|track| &track.samples).all(|sample| sample.dts >= 0);
        movie.layout.short_tfdt = fits;
        movie.layout.is_fragmented && fits
    }),
    movie(Law::Whole, "flags of the first sample alone", |movie, _| {
        movie.layout.first_flags = true;
        movie.layout.is_fragmented
    }),
    movie(Law::Whole, "media boxes for each chunk", |movie, _| {
        movie.layout.many_mdats = true;
        true
    }),
    movie(Law::Whole, "durations of zero in the header", |movie, _| {
        movie.layout.durations = Durations::Zero;
        movie.layout.is_fragmented
    }),
    movie(Law::Whole, "durations of nonsense in the header", |movie, _| {
        movie.layout.durations = Durations::Nonsense;
        movie.layout.is_fragmented
    }),
    movie(Law::Told, "every sample a sync sample", |movie, _| {
        movie.layout.sync = Sync::All;
        true
    }),
];

/// Chunks gathered in fragments, each from a keyframe of the first track that has any.
fn fragmented(movie: &mut Movie, _: &mut Random) -> bool {
    if movie.layout.is_fragmented
        || movie.tracks.iter().any(|track| track.samples.iter().any(|it| it.dts < 0))
    {
        return false;
    }
    let Some(leader) = movie.index(b"vide").or(movie.index(b"soun")) else { return false };
    let track = &movie.tracks[leader];
    let mut starts: Vec<f64> = Vec::new();
    for sample in &track.samples {
        let at = sample.dts as f64 / f64::from(track.timescale);
        if sample.key && starts.last().is_none_or(|last| at - last >= 0.3) {
            starts.push(at);
        }
    }
    starts[0] = f64::MIN;
    movie.layout.fragments = (0..starts.len())
        .map(|number| {
            let until = starts.get(number + 1).copied().unwrap_or(f64::MAX);
            let mut chunks = Vec::new();
            for (index, track) in movie.tracks.iter().enumerate() {
                let at = |sample: &super::movie::Sample| sample.dts as f64 / f64::from(track.timescale);
                let from = track.samples.iter().take_while(|sample| at(sample) < starts[number]).count();
                let to = track.samples.iter().take_while(|sample| at(sample) < until).count();
                if from < to {
                    chunks.push(Chunk { track: index, samples: from..to });
                }
            }
            chunks
        })
        .collect();
    movie.layout.is_fragmented = true;
    true
}

/// Tables of what came in fragments. Where a fragment begins later than the one before ended, that time belongs to the
/// sample before, as tables have it.
fn progressive(movie: &mut Movie, random: &mut Random) -> bool {
    if !movie.layout.is_fragmented {
        return false;
    }
    movie.layout.is_fragmented = false;
    movie.layout.moov_last = random.between(0, 1) == 1;
    movie.layout.short_tfdt = false;
    for track in &mut movie.tracks {
        let first = track.samples.first().map_or(0, |sample| sample.dts);
        track.samples.iter_mut().for_each(|sample| sample.dts -= first);
        if first > 0 {
            let empty = first.unsigned_abs() * u64::from(movie.timescale) / u64::from(track.timescale);
            let ticks: u64 = track.samples.iter().map(|sample| u64::from(sample.duration)).sum();
            let shown = ticks * u64::from(movie.timescale) / u64::from(track.timescale);
            if empty > 0 && track.edits.is_none() {
                track.edits = Some(vec![(empty, -1), (shown, 0)]);
            }
        }
    }
    true
}

fn place_moov(movie: &mut Movie, last: bool) -> bool {
    let is_changed = !movie.layout.is_fragmented && movie.layout.moov_last != last;
    movie.layout.moov_last = last;
    is_changed
}

fn split(movie: &mut Movie, random: &mut Random) -> bool {
    let least = random.between(1, 10);
    let mut done = Vec::new();
    for fragment in std::mem::take(&mut movie.layout.fragments) {
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for Chunk { track, samples } in fragment {
            let middle = samples.start + samples.len() / 2;
            if samples.len() <= least {
                first.push(Chunk { track, samples });
            } else {
                first.push(Chunk { track, samples: samples.start..middle });
                second.push(Chunk { track, samples: middle..samples.end });
            }
        }
        done.extend([first, second].into_iter().filter(|fragment| !fragment.is_empty()));
    }
    movie.layout.fragments = done;
    true
}

fn merge(movie: &mut Movie, random: &mut Random) -> bool {
    let count = movie.layout.fragments.len();
    if count < 2 {
        return false;
    }
    let at = random.between(0, count - 2);
    let next = movie.layout.fragments.remove(at + 1);
    movie.layout.fragments[at].extend(next);
    true
}

fn by_track(movie: &mut Movie, _: &mut Random) -> bool {
    let fragments = std::mem::take(&mut movie.layout.fragments);
    for fragment in fragments {
        for track in 0..movie.tracks.len() {
            let own: Vec<Chunk> = fragment.iter().filter(|chunk| chunk.track == track).cloned().collect();
            if !own.is_empty() {
                movie.layout.fragments.push(own);
            }
        }
    }
    movie.layout.is_fragmented
}

fn rechunk(movie: &mut Movie, per_chunk: usize) -> bool {
    for fragment in &mut movie.layout.fragments {
        let mut done = Vec::new();
        for Chunk { track, samples } in fragment.drain(..) {
            let mut at = samples.start;
            while at < samples.end {
                let end = at.saturating_add(per_chunk).min(samples.end);
                done.push(Chunk { track, samples: at..end });
                at = end;
            }
        }
        if per_chunk == usize::MAX {
            done.sort_by_key(|chunk| (chunk.track, chunk.samples.start));
        }
        *fragment = done;
    }
    if per_chunk == usize::MAX && !movie.layout.is_fragmented {
        movie.layout.fragments = vec![Vec::new()];
        for track in 0..movie.tracks.len() {
            let samples = 0..movie.tracks[track].samples.len();
            if !samples.is_empty() {
                movie.layout.fragments[0].push(Chunk { track, samples });
            }
        }
    }
    true
}

fn shuffle(movie: &mut Movie, random: &mut Random) -> bool {
    if movie.layout.is_fragmented {
        return false;
    }
    let mut chunks: Vec<Chunk> = movie.layout.fragments.drain(..).flatten().collect();
    for at in (1..chunks.len()).rev() {
        chunks.swap(at, random.between(0, at));
    }
    movie.layout.fragments = vec![chunks];
    true
}

fn one_to_end(movie: &mut Movie, random: &mut Random) -> bool {
    if movie.layout.is_fragmented {
        return false;
    }
    let mut chunks: Vec<Chunk> = movie.layout.fragments.drain(..).flatten().collect();
    if let Some(last) = chunks.len().checked_sub(1) {
        let chunk = chunks.remove(random.between(0, last));
        chunks.push(chunk);
    }
    movie.layout.fragments = vec![chunks];
    true
}

fn turn(movie: &mut Movie, _: &mut Random) -> bool {
    for fragment in &mut movie.layout.fragments {
        fragment.sort_by_key(|chunk| (std::cmp::Reverse(chunk.track), chunk.samples.start));
    }
    movie.layout.is_fragmented
}

fn unsigned_offsets(movie: &mut Movie, _: &mut Random) -> bool {
    movie.layout.unsigned_offsets = true;
    movie.tracks.iter().flat_map(|track| &track.samples).any(|sample| sample.cts > 0)
}

fn offsets(movie: &mut Movie, offsets: Offsets) -> bool {
    movie.layout.offsets = offsets;
    movie.layout.is_fragmented
}
