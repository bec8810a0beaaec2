//! Oddities of MP4 and QuickTime (ISO/IEC 14496-12).

mod boxes;
mod codecs;
mod edits;
mod layout;
mod movie;
mod times;
mod tracks;
mod tree;
mod write;

pub(crate) use movie::Movie;
pub(crate) use tree::Node;

use super::made::{Made, Place, Stream};
use super::oddity::Oddity;

/// All of them, in the order in which they are applied: samples first, then how they lie, then the boxes.
pub(crate) const ODDITIES: &[&[Oddity]] = &[
    codecs::ODDITIES,
    tracks::ODDITIES,
    times::ODDITIES,
    edits::ODDITIES,
    layout::ODDITIES,
    boxes::ODDITIES,
];

impl Movie {
    /// Writes boxes that were made of this movie, with what is in them.
    pub(crate) fn write(&self, boxes: &[Node]) -> Made {
        let written = tree::write(boxes);
        let mut places = Vec::new();
        let chunks: Vec<_> = self.chunks().collect();
        for &(number, start, _) in &written.media {
            let Some(chunk) = chunks.get(number) else { continue };
            let track = &self.tracks[chunk.track];
            let mut at = start;
            for number in chunk.samples.clone() {
                let sample = &track.samples[number];
                let end = at + sample.data.len();
                if let Some(stream) = track.stream() {
                    let (key, data, order) = (sample.key, sample.data.clone(), (chunk.track, number));
                    let is_shown = track.shows(sample, self.timescale, self.layout.is_fragmented);
                    places.push(Place { stream, start: at, end, key, order, is_shown, data });
                }
                at = end;
            }
        }
        let mut groups = Vec::new();
        let mut at = 0;
        for (kind, payload) in tree::parse(&written.bytes) {
            let start = payload.as_ptr() as usize - written.bytes.as_ptr() as usize;
            at = at.max(start);
            if &kind == b"moof" {
                groups.push(start - 8);
            }
        }
        let first = written.media.iter().map(|(_, start, _)| *start).min().unwrap_or(at);
        let body = groups.first().copied().unwrap_or(first);
        Made { bytes: written.bytes, places, groups, body, harm: Vec::new() }
    }
}

impl movie::Track {
    /// Whether an edit shows a sample, by a millisecond at least: a list counts its durations in ticks of the movie
    /// (8.6.6). In front of fragments the first edit goes on to the end.
    fn shows(&self, sample: &movie::Sample, movie_timescale: u32, is_fragmented: bool) -> bool {
        let Some(edits) = self.edits.as_ref().filter(|edits| !edits.is_empty()) else { return true };
        let least = i64::from(self.timescale / 1_000);
        let begins = sample.dts + sample.cts;
        let ends = begins + i64::from(sample.duration);
        let shows = |&(number, &(lasts, from)): &(usize, &(u64, i64))| {
            let is_open = is_fragmented || lasts == 0 && number + 1 == edits.len();
            let ticks = u128::from(lasts) * u128::from(self.timescale) / u128::from(movie_timescale);
            let until = if is_open { i64::MAX } else { from + ticks as i64 };
            ends - least > from && begins + least < until
        };
        let mut shown = edits.iter().enumerate().filter(|(_, (_, from))| *from >= 0);
        if is_fragmented {
            shown.next().is_some_and(|edit| shows(&edit))
        } else {
            shown.any(|edit| shows(&edit))
        }
    }

    /// What kind of frames it holds, if it is a picture or a sound.
    pub(crate) fn stream(&self) -> Option<Stream> {
        let kind = self.entries.first().and_then(|entry| entry.get(4..8));
        match (&self.handler, kind) {
            (b"vide", Some(b"avc1" | b"avc3")) => Some(Stream::H264),
            (b"vide", Some(b"hvc1" | b"hev1")) => Some(Stream::Hevc),
            (b"vide", Some(b"av01")) => Some(Stream::Av1),
            (b"vide", _) => Some(Stream::Video),
            (b"soun", _) => Some(Stream::Sound),
            _ => None,
        }
    }
}
