//! The head of a replay: a complete `moov` for media bytes that follow it in the same file.

use super::boxes::{put_box, put_full_box};
use super::write::{
    Edit, MOVIE_TIMESCALE, put_edits, put_file_type, put_media, put_movie_header, put_track_header,
};
use crate::Track;
use crate::container::{Sample, shown_from};

/// A track of a [`head`].
#[derive(Debug, Clone, Copy)]
pub struct HeadTrack<'a> {
    /// The track.
    pub track: &'a Track,
    /// All its samples in decoding order; their offsets are not looked at.
    pub samples: &'a [Sample],
    /// Presentation time of the first sample, in ticks of the track, not below 0: later than 0 for a track that
    /// starts late.
    pub start: i64,
}

/// Samples of one track that stand together in the media bytes (ISO/IEC 14496-12, 8.7.5: a chunk).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadChunk {
    /// Index of the track among those given.
    pub track: usize,
    /// Number of samples, at least 1.
    pub samples: u32,
    /// Their bytes.
    pub bytes: u64,
}

/// `ftyp`, the complete `moov` and the header of the `mdat` for the media bytes that are to follow: the chunks, in
/// this order. Each track's chunks hold its samples, all of them and in order.
///
/// Times of the whole movie are in milliseconds: starts are rounded to the nearest, durations up.
#[must_use]
pub fn head(tracks: &[HeadTrack<'_>], chunks: &[HeadChunk]) -> Vec<u8> {
    let payload: u64 = chunks.iter().map(|chunk| chunk.bytes).sum();
    let samples: usize = tracks.iter().map(|head| head.samples.len()).sum();
    let mut out = Vec::with_capacity(4096 + samples * 12 + chunks.len() * 20);
    put_file_type(&mut out, b"isom", &[b"isom", b"iso4", b"mp41"], tracks.iter().map(|head| head.track));
    // Sizes of everything else are known to stay far below 2 GiB, so this decides the same way before and after.
    let wide = payload > u64::from(u32::MAX / 2);
    let mut tables = Vec::with_capacity(tracks.len());
    put_box(&mut out, b"moov", |out| {
        let spans: Vec<_> = tracks.iter().map(Span::of).collect();
        put_movie_header(out, spans.iter().map(Span::end_ms).max().unwrap_or(0));
        for (index, (head, span)) in tracks.iter().zip(&spans).enumerate() {
            let own = chunks.iter().filter(move |chunk| chunk.track == index);
            put_box(out, b"trak", |out| {
                put_track_header(out, head.track, span.end_ms());
                put_presentation(out, span);
                put_media(out, head.track, span.media_duration, |out| {
                    put_sample_tables(out, head.samples, own.clone());
                    tables.push(put_chunk_table(out, own.count(), wide));
                });
            });
        }
    });
    put_media_header(&mut out, payload);
    set_chunk_offsets(&mut out, chunks, &tables, wide);
    out
}

/// When a track is shown.
struct Span {
    /// Milliseconds of nothing before its first frame.
    empty_ms: u64,
    /// Milliseconds from its first frame's showing to its last one's end.
    shown_ms: u64,
    /// Presentation time of its first frame on the media's own clock, which begins at the first decoding time.
    media_time: i64,
    /// The sum of the samples' durations in ticks.
    media_duration: u64,
}

impl Span {
    fn of(head: &HeadTrack<'_>) -> Self {
        let media_time = shown_from(head.samples, head.track).max(0);
        let (mut dts, mut end, mut hidden) = (0_i64, 0_i64, i64::MIN);
        for sample in head.samples {
            let pts = dts + i64::from(sample.cts);
            dts += i64::from(sample.duration);
            match sample.is_seen(head.track) {
                true => end = end.max(pts + i64::from(sample.duration)),
                false => hidden = hidden.max(pts),
            }
        }
        // What is only there to be decoded from, and comes after all that is shown, must lie behind the edit's end.
        let shown = (end - media_time).max(0);
        let shown_ms = match hidden >= end {
            true => head.track.to_ms(shown - i64::from(head.track.timescale / 2_000)).unsigned_abs(),
            false => ms_rounded_up(head.track, shown),
        };
        Self {
            empty_ms: head.track.to_ms(head.start.max(0)).unsigned_abs(),
            shown_ms,
            media_time,
            media_duration: dts.unsigned_abs(),
        }
    }

    fn end_ms(&self) -> u64 {
        self.empty_ms + self.shown_ms
    }
}

fn ms_rounded_up(track: &Track, ticks: i64) -> u64 {
    let ms = (u128::from(ticks.unsigned_abs()) * u128::from(MOVIE_TIMESCALE))
        .div_ceil(track.timescale.max(1).into());
    u64::try_from(ms).unwrap_or(u64::MAX)
}

/// The edit list: nothing until the track starts, then the track from its first frame on; left out where it would
/// change nothing.
fn put_presentation(out: &mut Vec<u8>, span: &Span) {
    if span.empty_ms == 0 && span.media_time == 0 {
        return;
    }
    let shown = Edit { duration: span.shown_ms, media_time: span.media_time };
    if span.empty_ms == 0 {
        put_edits(out, &[shown]);
    } else {
        put_edits(out, &[Edit { duration: span.empty_ms, media_time: -1 }, shown]);
    }
}

/// `stts`, `ctts`, `stss`, `stsc` and `stsz` (8.6.1.2, 8.6.1.3, 8.6.2, 8.7.4, 8.7.3.2).
fn put_sample_tables<'a>(out: &mut Vec<u8>, samples: &[Sample], chunks: impl Iterator<Item = &'a HeadChunk>) {
    put_full_box(out, b"stts", 0, 0, |out| put_runs(out, samples.iter().map(|sample| sample.duration)));
    if samples.iter().any(|sample| sample.cts != 0) {
        let version = u8::from(samples.iter().any(|sample| sample.cts < 0));
        let offsets = samples.iter().map(|sample| sample.cts.cast_unsigned());
        put_full_box(out, b"ctts", version, 0, |out| put_runs(out, offsets));
    }
    if samples.iter().any(|sample| !sample.key) {
        put_full_box(out, b"stss", 0, 0, |out| {
            put_counted(out, |out| {
                let mut count = 0;
                for (number, _) in (1_u32..).zip(samples).filter(|(_, sample)| sample.key) {
                    out.extend(number.to_be_bytes());
                    count += 1;
                }
                count
            });
        });
    }
    put_full_box(out, b"stsc", 0, 0, |out| put_samples_per_chunk(out, chunks));
    put_full_box(out, b"stsz", 0, 0, |out| put_sizes(out, samples));
}

/// The number of rows, then the rows; `rows` answers how many it wrote.
fn put_counted(out: &mut Vec<u8>, rows: impl FnOnce(&mut Vec<u8>) -> u32) {
    let at = out.len();
    out.extend([0; 4]);
    let count = rows(out);
    out[at..at + 4].copy_from_slice(&count.to_be_bytes());
}

/// Rows of a count and a value for each run of equal values.
fn put_runs(out: &mut Vec<u8>, values: impl Iterator<Item = u32>) {
    put_counted(out, |out| {
        let mut rows = 0;
        let mut run: Option<(u32, u32)> = None;
        let mut put = |out: &mut Vec<u8>, (count, value): (u32, u32)| {
            out.extend(count.to_be_bytes());
            out.extend(value.to_be_bytes());
            rows += 1;
        };
        for value in values {
            run = match run {
                Some((count, same)) if same == value => Some((count + 1, same)),
                ended => {
                    if let Some(ended) = ended {
                        put(out, ended);
                    }
                    Some((1, value))
                }
            };
        }
        if let Some(last) = run {
            put(out, last);
        }
        rows
    });
}

fn put_samples_per_chunk<'a>(out: &mut Vec<u8>, chunks: impl Iterator<Item = &'a HeadChunk>) {
    put_counted(out, |out| {
        let (mut rows, mut last) = (0, None);
        for (number, chunk) in (1_u32..).zip(chunks) {
            if last != Some(chunk.samples) {
                for field in [number, chunk.samples, 1] {
                    out.extend(field.to_be_bytes());
                }
                rows += 1;
                last = Some(chunk.samples);
            }
        }
        rows
    });
}

fn put_sizes(out: &mut Vec<u8>, samples: &[Sample]) {
    let first = samples.first().map_or(0, |sample| sample.size);
    let count = samples.len() as u32;
    if first > 0 && samples.iter().all(|sample| sample.size == first) {
        out.extend(first.to_be_bytes());
        out.extend(count.to_be_bytes());
        return;
    }
    out.extend([0; 4]);
    out.extend(count.to_be_bytes());
    for sample in samples {
        out.extend(sample.size.to_be_bytes());
    }
}

/// `stco` or `co64` (8.7.5) with room for its offsets; answers where they stand.
fn put_chunk_table(out: &mut Vec<u8>, count: usize, wide: bool) -> usize {
    let (kind, width) = if wide { (b"co64", 8) } else { (b"stco", 4) };
    let mut at = 0;
    put_full_box(out, kind, 0, 0, |out| {
        out.extend((count as u32).to_be_bytes());
        at = out.len();
        out.resize(at + count * width, 0);
    });
    at
}

fn put_media_header(out: &mut Vec<u8>, payload: u64) {
    match u32::try_from(payload + 8) {
        Ok(size) => {
            out.extend(size.to_be_bytes());
            out.extend(b"mdat");
        }
        Err(_) => {
            out.extend([0, 0, 0, 1]);
            out.extend(b"mdat");
            out.extend((payload + 16).to_be_bytes());
        }
    }
}

/// Fills in where each chunk stands in the file: the media bytes follow what is written so far.
fn set_chunk_offsets(out: &mut [u8], chunks: &[HeadChunk], tables: &[usize], wide: bool) {
    let mut next = tables.to_vec();
    let mut offset = out.len() as u64;
    for chunk in chunks {
        let Some(at) = next.get_mut(chunk.track) else { continue };
        if wide {
            out[*at..*at + 8].copy_from_slice(&offset.to_be_bytes());
            *at += 8;
        } else {
            out[*at..*at + 4].copy_from_slice(&(offset as u32).to_be_bytes());
            *at += 4;
        }
        offset += chunk.bytes;
    }
}
