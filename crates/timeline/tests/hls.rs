//! Which segments and parts there are follows from the frames alone, however they came.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;

use bytes::Bytes;
use media::container::{Fragment, Sample};
use media::{Codec, Kind, Track};
use timeline::view::Piece;
use timeline::view::hls::{Chunk, END_OF_URI, Layout, Name, Settled, chunk, media_playlist, multivariant};
use timeline::{Entry, Take, Timeline, TrackIndex};

fn track(codec: Codec, timescale: u32) -> Track {
    Track {
        codec,
        timescale,
        width: 640,
        height: 360,
        sample_rate: 48_000,
        channels: 2,
        config: Bytes::from_static(&[1, 2, 0x38, 1, 0, 0, 0, 0, 0x0f, 0, 0]),
        matrix: None,
        pixel_aspect: None,
    }
}

/// Adds a fragment of frames, given as their length in ticks and whether they are keyframes.
fn push(index: &mut TrackIndex, base_dts: i64, frames: &[(u32, bool)]) -> i64 {
    let kind = index.track().kind();
    let mut offset = 100;
    let samples: Vec<Sample> = frames
        .iter()
        .map(|&(duration, key)| {
            offset += 10;
            Sample { offset: offset - 10, size: 10, duration, cts: 0, key }
        })
        .collect();
    let fragment = Fragment { kind, sequence: 1, base_dts, len: offset, samples };
    index.push(Entry::new(index.body_len(), 0, &fragment));
    base_dts + frames.iter().map(|(duration, _)| i64::from(*duration)).sum::<i64>()
}

/// Numbers that follow nothing.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// The fragments of a take of so many milliseconds, in the order in which they come: `(kind, base, frames)`.
type Fragments = Vec<(Kind, i64, Vec<(u32, bool)>)>;

fn filmed(random: &mut Random, length_ms: i64) -> Fragments {
    let mut fragments = Fragments::new();
    let (usual, keys) = (10 + random.below(90) as u32, 500 + random.below(9_000) as i64);
    let (mut video, mut audio, mut last_key) = (0, 0, i64::MIN / 2);
    while video < length_ms || audio < length_ms {
        if video <= audio && video < length_ms {
            let begin = video;
            let mut frames = Vec::new();
            while video - begin < 240 {
                let key = video - last_key >= keys;
                if key && !frames.is_empty() {
                    break;
                }
                last_key = if key { video } else { last_key };
                // A camera that is late, now and then for long.
                let late = if random.below(300) == 0 { random.below(9_000) as u32 } else { 0 };
                let duration = usual + random.below(20) as u32 + late;
                frames.push((duration, key));
                video += i64::from(duration);
            }
            fragments.push((Kind::Video, begin, frames));
        } else {
            let frames: Vec<_> = (0..4).map(|_| (60, true)).collect();
            fragments.push((Kind::Audio, audio, frames));
            audio += 240;
        }
    }
    fragments
}

fn empty() -> Take {
    let mut take = Take::new(1, 1_700_000_000_000, 0);
    take.video = Some(TrackIndex::new(track(Codec::Vp9, 1_000), 0));
    take.audio = Some(TrackIndex::new(track(Codec::Opus, 1_000), 0));
    take
}

fn put(take: &mut Take, (kind, base, frames): &(Kind, i64, Vec<(u32, bool)>)) {
    push(take.track_mut(*kind).as_mut().unwrap(), *base, frames);
}

/// The addresses of a playlist's segments and parts, and the lines before each whole segment.
fn addresses(text: &str) -> Vec<String> {
    let quoted = text.lines().filter(|line| line.starts_with("#EXT-X-PART:"));
    let quoted = quoted.filter_map(|line| line.split('"').nth(1));
    let plain = text.lines().filter(|line| !line.starts_with('#') && !line.starts_with("gap."));
    quoted.chain(plain).map(|address| address.trim_end_matches(END_OF_URI).to_owned()).collect()
}

/// What is told of whole segments, parts left out.
fn told(text: &str) -> Vec<&str> {
    let is_of_parts = |line: &str| {
        ["#EXT-X-PART:", "#EXT-X-PRELOAD", "#EXT-X-RENDITION"].iter().any(|tag| line.starts_with(tag))
    };
    let lines = text.lines().skip_while(|line| !line.starts_with("#EXT-X-MAP:"));
    let lines: Vec<&str> = lines.filter(|line| !is_of_parts(line)).collect();
    let end = lines.iter().rposition(|line| !line.starts_with('#')).map_or(0, |last| last + 1);
    lines[..end].to_vec()
}

fn pieces(take: &Take, kind: Kind, address: &str) -> Vec<Piece> {
    let name: Name = address.rsplit('/').next().unwrap().parse().unwrap();
    match chunk(take, kind, &name) {
        Chunk::There(view) => view.pieces(0, view.len()).collect(),
        other => panic!("{address}: {other:?}"),
    }
}

#[test]
fn a_playlist_only_grows_and_its_addresses_mean_the_same_whatever_comes() {
    for seed in 0..8 {
        let mut random = Random(seed);
        let fragments = filmed(&mut random, 30_000);
        let mut take = empty();
        let mut layout = Layout::default();
        let mut settled = [Settled::default(), Settled::default()];
        let mut before = [Vec::new(), Vec::new()];
        let mut bytes: BTreeMap<String, Vec<Piece>> = BTreeMap::new();
        for fragment in &fragments {
            put(&mut take, fragment);
            let timeline = Timeline::new(0, vec![take.clone()]);
            layout.grow(&timeline);
            for kind in [Kind::Video, Kind::Audio] {
                let playlist = media_playlist(&layout, &timeline, kind, true, &mut settled[kind.slot()]);
                let now: Vec<String> = told(&playlist.full).into_iter().map(str::to_owned).collect();
                let earlier = &before[kind.slot()];
                assert!(now.starts_with(earlier), "seed {seed}: {earlier:#?}\n{now:#?}");
                before[kind.slot()] = now;
                for address in addresses(&playlist.full) {
                    let made = pieces(&take, kind, &address);
                    let first = bytes.entry(address.clone()).or_insert_with(|| made.clone());
                    assert!(*first == made, "seed {seed}: {address}");
                }
            }
        }
        let timeline = Timeline::new(0, vec![take.clone()]);
        let whole = Layout::whole(&timeline);
        for kind in [Kind::Video, Kind::Audio] {
            let playlist = media_playlist(&whole, &timeline, kind, false, &mut Settled::default());
            let all = told(&playlist.full);
            let earlier = &before[kind.slot()];
            let is_so = earlier.iter().zip(&all).all(|(earlier, now)| earlier == now);
            assert!(is_so && all.len() >= earlier.len(), "seed {seed}: {earlier:#?}\n{all:#?}");
            let frames: u32 = take.track(kind).unwrap().iter_from(0).map(|entry| entry.frames).sum();
            let slices =
                addresses(&playlist.full).into_iter().flat_map(|address| pieces(&take, kind, &address));
            let payload: u64 =
                slices.map(|piece| if let Piece::Body { len, .. } = piece { len } else { 0 }).sum();
            assert_eq!(payload, u64::from(frames) * 10, "seed {seed}: each frame stands in one segment");
            for (address, first) in &bytes {
                if address.starts_with(if kind == Kind::Video { "video/" } else { "audio/" }) {
                    assert!(*first == pieces(&take, kind, address), "seed {seed}: {address}");
                }
            }
        }
    }
}

#[test]
fn what_is_missing_is_a_gap_and_both_tracks_have_each_take() {
    let mut take = empty();
    // Two seconds of picture, twenty of sound.
    let mut at = 0;
    while at < 2_000 {
        at = push(take.video.as_mut().unwrap(), at, &[(40, at == 0); 6]);
    }
    let mut at = 0;
    while at < 20_000 {
        at = push(take.audio.as_mut().unwrap(), at, &[(60, true); 4]);
    }
    let mut silent = Take::new(2, 1_700_000_060_000, 0);
    let mut video = TrackIndex::new(track(Codec::Vp9, 1_000), 0);
    push(&mut video, 0, &[(40, true), (40, false), (3_000, false)]);
    silent.video = Some(video);
    let timeline = Timeline::new(0, vec![take, silent]);
    let layout = Layout::whole(&timeline);
    let text = |kind| media_playlist(&layout, &timeline, kind, false, &mut Settled::default()).full;
    let (video, audio) = (text(Kind::Video), text(Kind::Audio));
    let count = |text: &str, tag: &str| text.lines().filter(|line| line.starts_with(tag)).count();
    for text in [&video, &audio] {
        assert_eq!(count(text, "#EXT-X-DISCONTINUITY"), 1, "{text}");
        let sum: f64 = text
            .lines()
            .filter_map(|line| line.strip_prefix("#EXTINF:"))
            .map(|seconds| seconds.trim_end_matches(',').parse::<f64>().unwrap())
            .sum();
        assert!((sum - 23.12).abs() < 0.5, "{sum} s:\n{text}");
    }
    assert_eq!(count(&video, "#EXT-X-GAP"), 3, "{video}");
    assert_eq!(count(&audio, "#EXT-X-GAP"), 1, "{audio}");
    assert!(video.contains("#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:14:20.000Z"), "{video}");
    let index = multivariant(&layout, &timeline).unwrap();
    assert!(index.contains("CODECS=\"vp09."), "{index}");
    assert!(index.contains("RESOLUTION=640x360"), "{index}");
}

#[test]
fn keyframes_begin_segments_and_where_there_are_none_it_is_said() {
    let text = |every: i64| {
        let mut take = empty();
        take.audio = None;
        let mut at = 0;
        while at < 24_000 {
            at = push(take.video.as_mut().unwrap(), at, &[(250, at % every == 0)]);
        }
        let timeline = Timeline::new(0, vec![take]);
        let layout = Layout::whole(&timeline);
        media_playlist(&layout, &timeline, Kind::Video, false, &mut Settled::default()).full
    };
    for (every, segments, independent) in
        [(1_000, 12, true), (2_000, 12, true), (3_000, 8, true), (8_000, 6, false)]
    {
        let text = text(every);
        assert_eq!(text.matches("#EXTINF").count(), segments, "every {every} ms:\n{text}");
        assert_eq!(text.contains("#EXT-X-INDEPENDENT-SEGMENTS"), independent, "every {every} ms:\n{text}");
    }
}
