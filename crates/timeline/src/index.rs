//! The index of a body: where its fragments lie and what is in them.

use std::sync::Arc;

use bytes::Bytes;
use media::container::{Fragment, Sample};
use media::{Codec, Kind, Track};
use serde::{Deserialize, Serialize, Serializer};

/// Fragments in a block of an index. A snapshot shares the blocks; only the last one is copied when it grows.
const BLOCK: usize = 256;

/// Fragments among the last of which one may hold the frame that is shown last: pictures are coded at most 16 before their
/// turn.
const MOST_REORDERED: usize = 17;

/// The container of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Container {
    /// Fragmented MP4 (CMAF): every codec that browsers play from it.
    Mp4,
    /// WebM with known-size clusters: VP8.
    Webm,
}

impl Container {
    /// The container in which a body of this codec is kept.
    #[must_use]
    pub fn of(codec: Codec) -> Self {
        if codec.in_mp4() { Self::Mp4 } else { Self::Webm }
    }

    /// The ending of a body's file name.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Mp4 => "mp4",
            Self::Webm => "webm",
        }
    }
}

/// One fragment as the index knows it; about 60 bytes and 6 more for each frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Bytes from the body's start.
    pub offset: u64,
    /// Bytes of the whole fragment.
    pub len: u32,
    /// CRC-32 of those bytes.
    pub crc: u32,
    /// Decoding time of the first frame, in ticks of the track.
    pub base_dts: i64,
    /// Decoding time at which the last frame ends, in ticks of the track.
    pub end_dts: i64,
    /// Whether the first frame is a keyframe. Fragments are cut so that a keyframe of video always comes first.
    pub key: bool,
    /// Number of frames.
    pub frames: u32,
    /// Bytes of the frames alone.
    pub payload: u32,
    samples: Bytes,
}

/// A frame as packed in an entry: bytes between the end of the frame before it and its start, size doubled plus the
/// key bit, duration, composition offset.
type Packed = (u32, u64, u32, i32);

/// About what a packed frame takes.
const PACKED_LEN: usize = 8;

/// Frames, packed as they are written.
struct Packing<'a>(&'a [Sample]);

impl Serialize for Packing<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut end = 0;
        serializer.collect_seq(self.0.iter().map(|sample| -> Packed {
            let between = sample.offset.saturating_sub(end);
            end = sample.offset.saturating_add(sample.size);
            (between, u64::from(sample.size) * 2 + u64::from(sample.key), sample.duration, sample.cts)
        }))
    }
}

impl Entry {
    /// The entry for a fragment that stands at `offset` of its body.
    #[must_use]
    pub fn new(offset: u64, crc: u32, fragment: &Fragment) -> Self {
        let room = Vec::with_capacity((fragment.samples.len() + 1) * PACKED_LEN);
        let packed =
            postcard::to_extend(&Packing(&fragment.samples), room).expect("integers always serialise");
        Self {
            offset,
            len: fragment.len,
            crc,
            base_dts: fragment.base_dts,
            end_dts: fragment.base_dts.saturating_add(fragment.duration()),
            key: fragment.samples.first().is_some_and(|sample| sample.key),
            frames: u32::try_from(fragment.samples.len()).unwrap_or(u32::MAX),
            payload: fragment.samples.iter().fold(0, |sum: u32, sample| sum.saturating_add(sample.size)),
            samples: Bytes::copy_from_slice(&packed),
        }
    }

    /// Its frames; their offsets count from the fragment's first byte. Empty if the packed form is damaged.
    #[must_use]
    pub fn samples(&self) -> Vec<Sample> {
        let packed: Vec<Packed> = postcard::from_bytes(&self.samples).unwrap_or_default();
        let mut end: u32 = 0;
        packed
            .into_iter()
            .map(|(between, size_and_key, duration, cts)| {
                let offset = end.saturating_add(between);
                let size = u32::try_from(size_and_key / 2).unwrap_or(u32::MAX);
                end = offset.saturating_add(size);
                Sample { offset, size, duration, cts, key: size_and_key % 2 == 1 }
            })
            .collect()
    }

    /// When the last of its frames that are seen ends, in ticks; `None` where none is. Pictures that are coded out of their
    /// order are shown later than they are decoded.
    #[must_use]
    pub fn shown_end(&self, track: &Track) -> Option<i64> {
        let mut dts = self.base_dts;
        let ends = self.samples().into_iter().filter_map(|sample| {
            let begins = dts;
            dts = dts.saturating_add(sample.duration.into());
            let end = begins.saturating_add(sample.cts.into()).saturating_add(sample.duration.into());
            sample.is_seen(track).then_some(end)
        });
        ends.max()
    }

    /// Presentation time of its first frame, in ticks.
    #[must_use]
    pub fn first_pts(&self) -> i64 {
        let cts = self.samples().first().map_or(0, |sample| i64::from(sample.cts));
        self.base_dts.saturating_add(cts)
    }

    /// The fragment's end in its body.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.offset + u64::from(self.len)
    }
}

/// The index of one body. Cloning it is cheap: the fragments are shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackIndex {
    track: Track,
    init_len: u64,
    len: usize,
    frames: u64,
    payload: u64,
    /// When the last frame that is seen ends, in ticks.
    shown_end: Option<i64>,
    blocks: Vec<Arc<Vec<Entry>>>,
}

impl TrackIndex {
    /// The index of a body that holds its init, of `init_len` bytes, and nothing else yet.
    #[must_use]
    pub fn new(track: Track, init_len: u64) -> Self {
        Self { track, init_len, len: 0, frames: 0, payload: 0, shown_end: None, blocks: Vec::new() }
    }

    /// What a decoder needs to know.
    #[must_use]
    pub fn track(&self) -> &Track {
        &self.track
    }

    /// The body's container.
    #[must_use]
    pub fn container(&self) -> Container {
        Container::of(self.track.codec)
    }

    /// Bytes of the init at the front of the body.
    #[must_use]
    pub fn init_len(&self) -> u64 {
        self.init_len
    }

    /// Number of fragments.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no fragment yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of frames.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Bytes of all frames.
    #[must_use]
    pub fn payload(&self) -> u64 {
        self.payload
    }

    /// Bytes of the body that the index covers.
    #[must_use]
    pub fn body_len(&self) -> u64 {
        self.last().map_or(self.init_len, Entry::end)
    }

    /// Adds the fragment that was appended to the body.
    pub fn push(&mut self, entry: Entry) {
        self.frames += u64::from(entry.frames);
        self.payload += u64::from(entry.payload);
        self.shown_end = self.shown_end.max(entry.shown_end(&self.track));
        self.len += 1;
        match self.blocks.last_mut() {
            Some(block) if block.len() < BLOCK => Arc::make_mut(block).push(entry),
            _ => self.blocks.push(Arc::new(vec![entry])),
        }
    }

    /// A fragment by its number from 0.
    #[must_use]
    pub fn get(&self, number: usize) -> Option<&Entry> {
        self.blocks.get(number / BLOCK)?.get(number % BLOCK)
    }

    /// The newest fragment.
    #[must_use]
    pub fn last(&self) -> Option<&Entry> {
        self.blocks.last()?.last()
    }

    /// The fragments from a number on, in order.
    pub fn iter_from(&self, number: usize) -> impl Iterator<Item = &Entry> {
        let skip = number % BLOCK;
        self.blocks
            .iter()
            .skip(number / BLOCK)
            .enumerate()
            .flat_map(move |(at, block)| block.iter().skip(if at == 0 { skip } else { 0 }))
    }

    /// The index of the first `len` fragments.
    #[must_use]
    pub fn first(&self, len: usize) -> Self {
        if len >= self.len {
            return self.clone();
        }
        let mut part = Self::new(self.track.clone(), self.init_len);
        let whole = len / BLOCK;
        part.blocks = self.blocks[..whole].to_vec();
        for block in &part.blocks {
            part.frames += block.iter().map(|entry| u64::from(entry.frames)).sum::<u64>();
            part.payload += block.iter().map(|entry| u64::from(entry.payload)).sum::<u64>();
        }
        part.len = whole * BLOCK;
        let last = part.blocks.iter().rev().flat_map(|block| block.iter().rev()).take(MOST_REORDERED);
        part.shown_end = last.filter_map(|entry| entry.shown_end(&part.track)).max();
        for entry in self.iter_from(whole * BLOCK).take(len - whole * BLOCK) {
            part.push(entry.clone());
        }
        part
    }

    /// Presentation time of the first frame in milliseconds of the source's clock.
    #[must_use]
    pub fn first_ms(&self) -> Option<i64> {
        self.get(0).map(|entry| self.track.to_ms(entry.first_pts()))
    }

    /// The same rounded down, where a whole millisecond must not be after it.
    #[must_use]
    pub fn first_ms_rounded_down(&self) -> Option<i64> {
        self.get(0).map(|entry| {
            let (pts, ms) = (entry.first_pts(), self.track.to_ms(entry.first_pts()));
            if self.track.to_ticks(ms) > pts { ms - 1 } else { ms }
        })
    }

    /// When the last frame that is shown ends, in milliseconds of the source's clock.
    #[must_use]
    pub fn end_ms(&self) -> Option<i64> {
        let last = self.last()?;
        Some(self.track.to_ms(self.shown_end.unwrap_or(last.end_dts)))
    }

    /// The number of the newest fragment that starts at or before a time (milliseconds of the source's clock) and, for
    /// video, with a keyframe. The first fragment that a decoder can start at, if the time is before it.
    ///
    /// It is the time at which the keyframe is shown that counts: pictures that are shown before it may be coded after it.
    #[must_use]
    pub fn seek(&self, ms: i64) -> Option<usize> {
        let ticks = self.track.to_ticks(ms);
        let after = self.partition(|entry| entry.base_dts <= ticks);
        let is_shown = |number: usize| self.get(number).is_some_and(|entry| entry.first_pts() <= ticks);
        let before = (0..after).rev().find(|&number| self.starts(number) && is_shown(number));
        before.or_else(|| (0..self.len).find(|&number| self.starts(number)))
    }

    /// The number of the newest fragment at which a decoder can start.
    #[must_use]
    pub fn newest_start(&self) -> Option<usize> {
        (0..self.len).rev().find(|&number| self.starts(number))
    }

    /// A keyframe for a still picture: of the first few that are shown from `base_ms` on, in about the first ten seconds,
    /// the one with the most bytes, since cameras start dark and what is dark is small.
    #[must_use]
    pub fn still(&self, base_ms: i64) -> Option<&Entry> {
        let base = self.track.to_ticks(base_ms);
        let is_shown = |entry: &&Entry| {
            entry.key
                && entry.first_pts() >= base
                && entry.samples().first().is_some_and(|sample| sample.is_seen(&self.track))
        };
        let size = |entry: &&Entry| entry.samples().first().map_or(0, |sample| sample.size);
        self.iter_from(0).take(40).filter(is_shown).take(5).max_by_key(size)
    }

    fn starts(&self, number: usize) -> bool {
        self.track.kind() == Kind::Audio || self.get(number).is_some_and(|entry| entry.key)
    }

    /// The number of leading fragments for which `before` holds; it must hold for a prefix.
    fn partition(&self, before: impl Fn(&Entry) -> bool) -> usize {
        let whole = self.blocks.partition_point(|block| block.last().is_some_and(&before));
        let rest = self.blocks.get(whole).map_or(0, |block| block.partition_point(&before));
        (whole * BLOCK + rest).min(self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fragments of one frame of 200 ms each, which is shown so many ticks after it is decoded.
    fn index(codec: Codec, fragments: u32, cts: i32) -> TrackIndex {
        let track = Track {
            codec,
            timescale: 48_000,
            width: 0,
            height: 0,
            sample_rate: 48_000,
            channels: 2,
            config: Bytes::new(),
            matrix: None,
            pixel_aspect: None,
        };
        let mut index = TrackIndex::new(track, 0);
        for number in 0..fragments {
            let sample = Sample { offset: 0, size: 10, duration: 9_600, cts, key: true };
            let fragment = Fragment {
                kind: codec.kind(),
                sequence: number + 1,
                base_dts: i64::from(number) * 9_600,
                len: 10,
                samples: vec![sample],
            };
            index.push(Entry::new(u64::from(number) * 10, 0, &fragment));
        }
        index
    }

    fn sound(fragments: u32) -> TrackIndex {
        index(Codec::Opus, fragments, 0)
    }

    #[test]
    fn a_place_at_or_after_the_newest_fragment_is_in_it() {
        for fragments in [1, 3, 256, 257, 600] {
            let index = sound(fragments);
            for ms in [index.end_ms().unwrap() - 200, i64::from(u32::MAX)] {
                assert_eq!(index.seek(ms), Some(fragments as usize - 1), "{ms} ms in {fragments} fragments");
            }
        }
    }

    #[test]
    fn a_place_between_two_fragments_is_in_the_one_before() {
        let index = sound(600);
        assert_eq!(index.seek(-1), Some(0));
        assert_eq!(index.seek(399), Some(1));
        assert_eq!(index.seek(400), Some(2));
        assert_eq!(index.seek(256 * 200), Some(256));
    }

    #[test]
    fn a_picture_that_is_shown_late_ends_when_it_was_shown() {
        assert_eq!(index(Codec::Hevc, 3, 4_800).end_ms(), Some(700));
        assert_eq!(index(Codec::Vp9, 3, 0).end_ms(), Some(600));
    }

    #[test]
    fn a_place_is_in_the_group_of_pictures_that_shows_it() {
        // Shown 100 ms after they are decoded: 100 ms, 300 ms, 500 ms.
        let index = index(Codec::Hevc, 3, 4_800);
        assert_eq!(index.seek(299), Some(0));
        assert_eq!(index.seek(300), Some(1));
        assert_eq!(index.seek(499), Some(1));
        assert_eq!(index.seek(0), Some(0));
    }
}
