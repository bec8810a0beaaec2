//! A checker of WebM files that shares nothing with the product's reader and writer (RFC 8794, RFC 9559).

mod elements;

use std::ops::Range;

use elements::{Element, id};

/// A file that was found to be right.
#[derive(Debug)]
pub struct Webm {
    /// What `Info` says, in milliseconds.
    pub duration_ms: Option<f64>,
    /// Its tracks.
    pub tracks: Vec<Track>,
    /// Its blocks in the file's order.
    pub blocks: Vec<Block>,
    /// How many places there are to seek to.
    pub cues: usize,
}

/// A track.
#[derive(Debug)]
pub struct Track {
    /// Its number.
    pub number: u64,
    /// Whether it is a picture.
    pub is_video: bool,
    /// `V_VP9` and so on.
    pub codec: String,
    /// Nanoseconds to take off its times.
    pub delay_ns: u64,
    /// Width and height, of a picture.
    pub size: (u64, u64),
}

/// A block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The track.
    pub track: u64,
    /// When it is shown, in milliseconds.
    pub ms: i64,
    /// How long it says that it is shown.
    pub duration_ms: Option<u64>,
    /// Whether decoding may start here.
    pub key: bool,
    /// Where its frame lies in the file.
    pub frame: Range<usize>,
    /// Where its cluster begins in the segment's payload.
    pub cluster: u64,
}

/// Checks a finished file: sizes exact, `SeekHead`, `Info` with `Duration`, `Tracks`, `Cues`, then clusters.
///
/// # Panics
/// At the first thing that is wrong.
#[must_use]
pub fn check(file: &[u8]) -> Webm {
    let (start, segment) = document(file);
    assert!(segment.is_sized, "a finished file has the size of its segment");
    let children = segment.children();
    let order: Vec<u32> = children.iter().map(|child| child.id).collect();
    assert_eq!(order[..4], [id::SEEK_HEAD, id::INFO, id::TRACKS, id::CUES], "everything before the clusters");
    assert!(order[4..].iter().all(|id| *id == id::CLUSTER) && order.len() > 4, "then clusters: {order:x?}");
    let base = segment.payload.start;
    check_seek_head(&children, base);
    let webm = read(start, &children, base);
    assert!(children[4..].iter().all(|cluster| cluster.is_sized), "clusters have their exact size");
    check_cues(&children[3], &webm, base, &children);
    check_duration(&webm);
    webm
}

/// Checks a file that goes on: `Info`, `Tracks` and clusters in a segment without a size.
///
/// # Panics
/// At the first thing that is wrong.
#[must_use]
pub fn check_growing(file: &[u8]) -> Webm {
    let (start, segment) = document(file);
    assert!(!segment.is_sized, "the segment goes on");
    let children = segment.children();
    let order: Vec<u32> = children.iter().map(|child| child.id).collect();
    assert_eq!(order[..2], [id::INFO, id::TRACKS], "no index of what is still to come");
    assert!(order[2..].iter().all(|id| *id == id::CLUSTER), "then clusters: {order:x?}");
    let webm = read(start, &children, segment.payload.start);
    assert_eq!(webm.duration_ms, None, "how long it will be is not known");
    webm
}

/// The EBML header and the segment, which fill the file.
fn document(file: &[u8]) -> (Element<'_>, Element<'_>) {
    let [header, segment] = elements::all(file, 0..file.len()).try_into().expect("a header and a segment");
    assert_eq!((header.id, segment.id), (id::EBML, id::SEGMENT));
    assert_eq!(header.one(id::DOC_TYPE).text(), "webm");
    assert_eq!(header.one(id::EBML_READ_VERSION).uint(), 1);
    assert_eq!(header.one(id::EBML_MAX_ID_LENGTH).uint(), 4);
    assert_eq!(header.one(id::EBML_MAX_SIZE_LENGTH).uint(), 8);
    let (version, read) =
        (header.one(id::DOC_TYPE_VERSION).uint(), header.one(id::DOC_TYPE_READ_VERSION).uint());
    // SimpleBlock came with version 2, CodecDelay and SeekPreRoll with version 4 (RFC 9559, 5.1).
    assert!(version >= 4 && (2..=version).contains(&read), "versions {version} and {read}");
    (header, segment)
}

fn check_seek_head(children: &[Element<'_>], base: usize) {
    let mut named = Vec::new();
    for seek in children[0].children() {
        let target = seek.one(id::SEEK_ID).uint();
        let position = usize::try_from(seek.one(id::SEEK_POSITION).uint()).expect("in the file");
        let found = children.iter().find(|child| child.whole.start == base + position);
        assert_eq!(found.map(|child| u64::from(child.id)), Some(target), "SeekHead points at what it names");
        named.push(target);
    }
    let wanted = [id::INFO, id::TRACKS, id::CUES].map(u64::from);
    assert!(wanted.iter().all(|id| named.contains(id)), "SeekHead names {named:x?}");
}

fn read(_header: Element<'_>, children: &[Element<'_>], base: usize) -> Webm {
    let one = |id: u32| {
        let mut found = children.iter().filter(|child| child.id == id);
        let first = found.next().unwrap_or_else(|| panic!("no element {id:x}"));
        assert!(found.next().is_none(), "two elements {id:x}");
        first
    };
    let info = one(id::INFO);
    assert_eq!(info.one(id::TIMESTAMP_SCALE).uint(), 1_000_000, "times are milliseconds");
    assert!(!info.one(id::MUXING_APP).text().is_empty() && !info.one(id::WRITING_APP).text().is_empty());
    let tracks: Vec<Track> = one(id::TRACKS).children().iter().map(read_track).collect();
    let mut numbers: Vec<u64> = tracks.iter().map(|track| track.number).collect();
    numbers.dedup();
    assert_eq!(numbers.len(), tracks.len(), "tracks have different numbers");
    let mut blocks = Vec::new();
    let mut last_cluster_ms = 0;
    for cluster in children.iter().filter(|child| child.id == id::CLUSTER) {
        let ms = read_cluster(cluster, base, &tracks, &mut blocks);
        assert!(ms >= last_cluster_ms, "a cluster at {ms} ms after one at {last_cluster_ms} ms");
        last_cluster_ms = ms;
    }
    for pair in blocks.windows(2) {
        let [before, after]: &[Block; 2] = pair.try_into().expect("two");
        assert!(after.ms >= before.ms, "a block at {} ms after one at {} ms", after.ms, before.ms);
    }
    for track in &tracks {
        let first = blocks.iter().find(|block| block.track == track.number);
        assert!(first.is_none_or(|block| block.key), "the first block of track {} is a key", track.number);
    }
    let duration_ms = info.maybe(id::DURATION).map(|duration| duration.float());
    Webm { duration_ms, tracks, blocks, cues: 0 }
}

fn read_track(entry: &Element<'_>) -> Track {
    assert_eq!(entry.id, id::TRACK_ENTRY);
    let number = entry.one(id::TRACK_NUMBER).uint();
    assert!(number > 0 && entry.one(id::TRACK_UID).uint() > 0, "numbers are not 0");
    assert_eq!(entry.one(id::FLAG_LACING).uint(), 0, "no lacing");
    // A track of varying rate has no DefaultDuration: a gap would stop Chromium (docs/BROWSERS.md).
    assert!(entry.maybe(id::DEFAULT_DURATION).is_none());
    let codec = entry.one(id::CODEC_ID).text();
    let is_video = match entry.one(id::TRACK_TYPE).uint() {
        1 => true,
        2 => false,
        other => panic!("a track of type {other}"),
    };
    let mut size = (0, 0);
    if is_video {
        assert!(["V_VP8", "V_VP9", "V_AV1"].contains(&codec.as_str()), "{codec} in WebM");
        let video = entry.one(id::VIDEO);
        size = (video.one(id::PIXEL_WIDTH).uint(), video.one(id::PIXEL_HEIGHT).uint());
        assert!(size.0 > 0 && size.1 > 0, "a picture of {size:?}");
        assert!(video.maybe(id::ALPHA_MODE).is_none(), "what was alpha is gone");
    } else {
        assert_eq!(codec, "A_OPUS");
        let audio = entry.one(id::AUDIO);
        assert_eq!(audio.one(id::SAMPLING_FREQUENCY).float(), 48_000.0);
        let private = entry.one(id::CODEC_PRIVATE).data();
        assert_eq!((&private[..8], private[8]), (&b"OpusHead"[..], 1));
        assert_eq!(u64::from(private[9]), audio.one(id::CHANNELS).uint(), "OpusHead has the channels");
        let skip = u64::from(u16::from_le_bytes([private[10], private[11]]));
        let delay = entry.maybe(id::CODEC_DELAY).map_or(0, |delay| delay.uint());
        assert_eq!(delay, skip * 1_000_000_000 / 48_000, "CodecDelay is the pre-skip of OpusHead");
        assert_eq!(entry.one(id::SEEK_PRE_ROLL).uint(), 80_000_000);
    }
    let delay_ns = entry.maybe(id::CODEC_DELAY).map_or(0, |delay| delay.uint());
    Track { number, is_video, codec, delay_ns, size }
}

/// Reads the blocks of a cluster; its time.
fn read_cluster(cluster: &Element<'_>, base: usize, tracks: &[Track], blocks: &mut Vec<Block>) -> i64 {
    let children = cluster.children();
    assert_eq!(children[0].id, id::TIMESTAMP, "a cluster begins with its time");
    let start_ms = i64::try_from(children[0].uint()).expect("a time");
    let place = (cluster.whole.start - base) as u64;
    for child in &children[1..] {
        let (block, key, duration_ms) = match child.id {
            id::SIMPLE_BLOCK => (child.clone(), None, None),
            id::BLOCK_GROUP => {
                let key = child.maybe(id::REFERENCE_BLOCK).is_none();
                let known = [id::BLOCK, id::BLOCK_DURATION, id::REFERENCE_BLOCK];
                assert!(child.children().iter().all(|part| known.contains(&part.id)), "a group of its parts");
                let duration = child.one(id::BLOCK_DURATION).uint();
                assert!(duration > 0, "a block that lasts");
                (child.one(id::BLOCK), Some(key), Some(duration))
            }
            // A fragment of a body carries its number.
            id::VOID => continue,
            other => panic!("{other:x} in a cluster"),
        };
        let data = block.data();
        let number = u64::from(data[0] & 0x7F);
        assert!(data[0] & 0x80 != 0 && tracks.iter().any(|track| track.number == number), "of a track");
        let relative = i64::from(i16::from_be_bytes([data[1], data[2]]));
        assert!(relative >= 0, "no block before its cluster");
        assert_eq!(data[3] & 0x7F, 0, "neither laced, invisible nor discardable");
        assert!(data.len() > 4, "a block has a frame");
        let key = key.unwrap_or(data[3] & 0x80 != 0);
        let is_video = tracks.iter().any(|track| track.number == number && track.is_video);
        assert!(key || is_video, "sound is always a key");
        let frame = block.payload.start + 4..block.payload.end;
        blocks.push(Block {
            track: number,
            ms: start_ms + relative,
            duration_ms,
            key,
            frame,
            cluster: place,
        });
    }
    start_ms
}

/// Each cue points at a cluster with a key block of its track at its time, and each keyframe of video has one.
fn check_cues(cues: &Element<'_>, webm: &Webm, base: usize, children: &[Element<'_>]) {
    let wanted = webm.tracks.iter().find(|track| track.is_video).or(webm.tracks.first()).expect("a track");
    let mut last = None;
    let mut times = Vec::new();
    for point in cues.children() {
        let ms = i64::try_from(point.one(id::CUE_TIME).uint()).expect("a time");
        assert!(last < Some(ms), "cues ascend");
        last = Some(ms);
        let place = point.one(id::CUE_TRACK_POSITIONS);
        let track = place.one(id::CUE_TRACK).uint();
        assert_eq!(track, wanted.number, "cues are of the picture, or of the sound alone");
        let cluster = place.one(id::CUE_CLUSTER_POSITION).uint();
        let is_cluster = |child: &&Element<'_>| (child.whole.start - base) as u64 == cluster;
        let found = children.iter().find(is_cluster).map(|child| child.id);
        assert_eq!(found, Some(id::CLUSTER), "a cue points at a cluster");
        let block = webm.blocks.iter().find(|block| block.cluster == cluster && block.track == track);
        assert!(block.is_some_and(|block| block.key && block.ms == ms), "a cue for {ms} ms: {block:?}");
        times.push(ms);
    }
    let keys = webm.blocks.iter().filter(|block| block.key && block.track == wanted.number);
    if wanted.is_video {
        assert_eq!(times, keys.map(|block| block.ms).collect::<Vec<_>>(), "a cue for each keyframe");
    } else {
        assert!(!times.is_empty(), "cues for the sound");
    }
}

fn check_duration(webm: &Webm) {
    let duration = webm.duration_ms.expect("Duration");
    let last = webm.blocks.last().expect("blocks").ms as f64;
    assert!(duration > last, "{duration} ms, and a block at {last} ms");
}
