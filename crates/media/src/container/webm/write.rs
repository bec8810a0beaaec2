//! Writes WebM: the body of a VP8 track, and the pieces that views over bodies are made of.
//!
//! Times are milliseconds throughout (`TimestampScale` 1,000,000). The video is track 1, the audio track 2. Neither
//! `DefaultDuration` (a gap then stops Chromium) nor `AlphaMode` is written.

use super::ebml::id;
use super::{display, projection, put};
use crate::codec::opus;
pub use crate::container::fragment::WriteError;
use crate::container::{Fragment, Sample};
use crate::{Codec, Frame, Kind, Track};

/// Bytes of what [`cluster_head`] writes, whatever the values.
pub const CLUSTER_HEAD: usize = 22;
/// Bytes of a fragment before its first block: a cluster head and the fragment's number.
pub const FRAGMENT_HEAD: usize = CLUSTER_HEAD + 6;
/// Milliseconds that the blocks of one cluster may span: block times are 16 bits, signed.
pub const MOST_SPAN_MS: i64 = i16::MAX as i64;

/// The number of the track of a kind in everything that is written here.
#[must_use]
pub fn track_number(kind: Kind) -> u8 {
    match kind {
        Kind::Video => 1,
        Kind::Audio => 2,
    }
}

/// The init of a body or a tail: EBML header, `Segment` of unknown size, `Info`, `Tracks`. Clusters follow.
#[must_use]
pub fn init(tracks: &[&Track]) -> Vec<u8> {
    let mut out = ebml_header(tracks);
    out.extend(id::SEGMENT.to_be_bytes());
    out.extend(put::UNKNOWN_SIZE);
    put::element(&mut out, id::INFO, &info(None));
    put::element(&mut out, id::TRACKS, &entries(tracks));
    out
}

/// A fragment of a body: a cluster of known size with one `BlockGroup` for each frame, and where its frames lie.
///
/// Each group says its duration, and all but keyframes refer to the frame before: browsers' MSE plays such clusters
/// one by one wherever they are cut.
///
/// # Errors
/// Frames that are not those of one fragment; see [`WriteError`].
pub fn fragment(
    track: &Track,
    sequence: u32,
    frames: &[Frame],
    durations: &[u32],
) -> Result<(Vec<u8>, Fragment), WriteError> {
    let first = frames.first().filter(|_| frames.len() == durations.len()).ok_or(WriteError::Counts)?;
    if track.timescale != 1000 {
        return Err(WriteError::Timescale);
    }
    let base = u64::try_from(first.pts).map_err(|_| WriteError::Span)?;
    let mut out = vec![0; FRAGMENT_HEAD];
    let mut samples = Vec::with_capacity(frames.len());
    for (frame, &duration) in frames.iter().zip(durations) {
        let relative = frame.pts.checked_sub(first.pts).filter(|span| (0..=MOST_SPAN_MS).contains(span));
        let relative = relative.and_then(|span| i16::try_from(span).ok()).ok_or(WriteError::Span)?;
        let size = u32::try_from(frame.data.len()).map_err(|_| WriteError::Size)?;
        let group = BlockGroup {
            kind: track.kind(),
            relative_ms: relative,
            key: frame.key,
            duration_ms: duration,
            size,
        };
        out.extend(group.head());
        let offset = u32::try_from(out.len()).map_err(|_| WriteError::Size)?;
        samples.push(Sample { offset, size, duration, cts: 0, key: frame.key });
        out.extend_from_slice(&frame.data);
        out.extend(group.tail());
    }
    let len = u32::try_from(out.len()).map_err(|_| WriteError::Size)?;
    let mut head = cluster_head(base, Some((out.len() - CLUSTER_HEAD) as u64));
    put::element(&mut head, id::VOID, &sequence.to_be_bytes());
    out[..FRAGMENT_HEAD].copy_from_slice(&head);
    Ok((out, Fragment { kind: track.kind(), sequence, base_dts: first.pts, len, samples }))
}

/// A `BlockGroup` around the bytes of one frame: [`head`](BlockGroup::head), the frame, [`tail`](BlockGroup::tail).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockGroup {
    /// The kind of the track.
    pub kind: Kind,
    /// Milliseconds from the timestamp of the cluster.
    pub relative_ms: i16,
    /// Whether decoding may start here.
    pub key: bool,
    /// How long the frame is shown, in milliseconds.
    pub duration_ms: u32,
    /// Bytes of the frame.
    pub size: u32,
}

impl BlockGroup {
    /// What stands before the frame.
    #[must_use]
    pub fn head(&self) -> Vec<u8> {
        let mut block = Vec::with_capacity(16);
        block.extend(put::id(id::BLOCK));
        block.extend(put::size(4 + u64::from(self.size)));
        block.extend(block_header(self.kind, self.relative_ms, 0));
        let mut out = put::id(id::BLOCK_GROUP).collect::<Vec<_>>();
        out.extend(put::size(block.len() as u64 + u64::from(self.size) + self.tail().len() as u64));
        out.extend(block);
        out
    }

    /// What stands after the frame: its duration, and for other than keyframes a reference.
    #[must_use]
    pub fn tail(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(10);
        put::uint(&mut out, id::BLOCK_DURATION, self.duration_ms.into());
        if !self.key {
            // The frame before; readers take any reference for "not a keyframe".
            put::element(&mut out, id::REFERENCE_BLOCK, &[0xff]);
        }
        out
    }
}

/// What stands before the frame of a `SimpleBlock`.
#[must_use]
pub fn simple_block_head(kind: Kind, relative_ms: i16, key: bool, frame_size: u32) -> Vec<u8> {
    let mut out = put::id(id::SIMPLE_BLOCK).collect::<Vec<_>>();
    out.extend(put::size(4 + u64::from(frame_size)));
    out.extend(block_header(kind, relative_ms, if key { 0x80 } else { 0 }));
    out
}

/// The head of a cluster, [`CLUSTER_HEAD`] bytes, the `Timestamp` included. `blocks` is how many bytes follow it in the
/// cluster; `None` for a cluster that goes on until the next.
#[must_use]
pub fn cluster_head(timestamp_ms: u64, blocks: Option<u64>) -> Vec<u8> {
    const TIMESTAMP: u64 = 10;
    let mut out = Vec::with_capacity(FRAGMENT_HEAD);
    out.extend(put::id(id::CLUSTER));
    out.extend(
        blocks.map_or(put::UNKNOWN_SIZE, |blocks| put::size_in_eight(TIMESTAMP.saturating_add(blocks))),
    );
    put::element(&mut out, id::TIMESTAMP, &timestamp_ms.to_be_bytes());
    out
}

/// A place to seek to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cue {
    /// The time of the frame in milliseconds.
    pub time_ms: u64,
    /// Bytes from the first byte of the first cluster to the first byte of the frame's cluster.
    pub cluster_offset: u64,
    /// Bytes from the first byte after the head (identifier and size) of the cluster to the frame's block; `None` where
    /// the frame is the first of its track in the cluster.
    pub relative_position: Option<u64>,
}

/// The head of a replay, with everything that stands before the clusters: EBML header, `Segment` of exact size,
/// `SeekHead`, `Info` with `Duration`, `Tracks`, `Cues`. Clusters of `clusters_len` bytes together follow.
///
/// Cues are of the video, or of the audio where there is no video; their times ascend.
#[must_use]
pub fn head(tracks: &[&Track], duration_ms: u64, cues: &[Cue], clusters_len: u64) -> Vec<u8> {
    let info = element(id::INFO, &info(Some(duration_ms)));
    let entries = element(id::TRACKS, &entries(tracks));
    // Positions have eight bytes each, so that no length depends on what they are.
    let before_info = seek_head(0, 0, 0).len() as u64;
    let before_tracks = before_info + info.len() as u64;
    let before_cues = before_tracks + entries.len() as u64;
    let kind = if tracks.iter().any(|track| track.kind() == Kind::Video) { Kind::Video } else { Kind::Audio };
    let before_clusters = before_cues + element(id::CUES, &cue_points(cues, kind, 0)).len() as u64;

    let mut out = ebml_header(tracks);
    out.extend(put::id(id::SEGMENT));
    out.extend(put::size_in_eight(before_clusters.saturating_add(clusters_len)));
    out.extend(seek_head(before_info, before_tracks, before_cues));
    out.extend(info);
    out.extend(entries);
    put::element(&mut out, id::CUES, &cue_points(cues, kind, before_clusters));
    out
}

/// RFC 8794, 11.2; RFC 9559, 4.
fn ebml_header(tracks: &[&Track]) -> Vec<u8> {
    let doc_type: &[u8] =
        if tracks.iter().all(|track| track.codec.in_webm()) { b"webm" } else { b"matroska" };
    let mut header = Vec::new();
    put::uint(&mut header, id::EBML_VERSION, 1);
    put::uint(&mut header, id::EBML_READ_VERSION, 1);
    put::uint(&mut header, id::EBML_MAX_ID_LENGTH, 4);
    put::uint(&mut header, id::EBML_MAX_SIZE_LENGTH, 8);
    put::element(&mut header, id::DOC_TYPE, doc_type);
    put::uint(&mut header, id::DOC_TYPE_VERSION, 4);
    put::uint(&mut header, id::DOC_TYPE_READ_VERSION, 2);
    element(id::EBML, &header)
}

fn info(duration_ms: Option<u64>) -> Vec<u8> {
    let mut out = Vec::new();
    put::uint(&mut out, id::TIMESTAMP_SCALE, 1_000_000);
    if let Some(duration) = duration_ms {
        put::element(&mut out, id::DURATION, &(duration as f64).to_be_bytes());
    }
    put::element(&mut out, id::MUXING_APP, b"CommuniConnect Live");
    put::element(&mut out, id::WRITING_APP, b"CommuniConnect Live");
    out
}

fn entries(tracks: &[&Track]) -> Vec<u8> {
    let mut out = Vec::new();
    for track in tracks {
        put::element(&mut out, id::TRACK_ENTRY, &entry(track));
    }
    out
}

fn entry(track: &Track) -> Vec<u8> {
    let number = u64::from(track_number(track.kind()));
    let mut out = Vec::new();
    put::uint(&mut out, id::TRACK_NUMBER, number);
    put::uint(&mut out, id::TRACK_UID, number);
    put::uint(&mut out, id::TRACK_TYPE, number);
    put::uint(&mut out, id::FLAG_LACING, 0);
    put::element(&mut out, id::CODEC_ID, codec_id(track.codec));
    let private = codec_private(track);
    if !private.is_empty() {
        put::element(&mut out, id::CODEC_PRIVATE, &private);
    }
    if track.codec == Codec::Opus {
        let pre_skip = opus::Head::from_config(&track.config).map_or(0, |head| head.pre_skip);
        if pre_skip > 0 {
            put::uint(&mut out, id::CODEC_DELAY, u64::from(pre_skip) * 1_000_000_000 / 48_000);
        }
        put::uint(&mut out, id::SEEK_PRE_ROLL, 80_000_000);
    }
    let mut kind = Vec::new();
    match track.kind() {
        Kind::Video => {
            put::uint(&mut kind, id::PIXEL_WIDTH, track.width.into());
            put::uint(&mut kind, id::PIXEL_HEIGHT, track.height.into());
            display::write(&mut kind, track);
            if let Some(matrix) = &track.matrix {
                projection::write(&mut kind, matrix);
            }
            put::element(&mut out, id::VIDEO, &kind);
        }
        Kind::Audio => {
            put::element(&mut kind, id::SAMPLING_FREQUENCY, &f64::from(track.sample_rate).to_be_bytes());
            put::uint(&mut kind, id::CHANNELS, track.channels.into());
            put::element(&mut out, id::AUDIO, &kind);
        }
    }
    out
}

fn codec_id(codec: Codec) -> &'static [u8] {
    match codec {
        Codec::Vp8 => b"V_VP8",
        Codec::Vp9 => b"V_VP9",
        Codec::Av1 => b"V_AV1",
        Codec::H264 => b"V_MPEG4/ISO/AVC",
        Codec::Hevc => b"V_MPEGH/ISO/HEVC",
        Codec::Opus => b"A_OPUS",
        Codec::Aac => b"A_AAC",
    }
}

fn codec_private(track: &Track) -> Vec<u8> {
    match (track.codec, &*track.config) {
        (Codec::Opus, config) => opus::Head::from_config(config)
            .unwrap_or_else(|| opus::Head::plain(track.channels.clamp(1, 2)))
            .opus_head(),
        // "VP Codec Private Data" of the WebM container guidelines: features as identifier, length, value.
        (Codec::Vp9, &[_, _, _, _, profile, level, depth, ..]) => {
            vec![1, 1, profile, 2, 1, level, 3, 1, depth >> 4, 4, 1, depth >> 1 & 7]
        }
        (_, config) => config.to_vec(),
    }
}

fn block_header(kind: Kind, relative_ms: i16, flags: u8) -> [u8; 4] {
    let [high, low] = relative_ms.to_be_bytes();
    [0x80 | track_number(kind), high, low, flags]
}

fn seek_head(info: u64, tracks: u64, cues: u64) -> Vec<u8> {
    let mut out = Vec::new();
    for (target, position) in [(id::INFO, info), (id::TRACKS, tracks), (id::CUES, cues)] {
        let mut seek = Vec::new();
        put::element(&mut seek, id::SEEK_ID, &target.to_be_bytes());
        put::element(&mut seek, id::SEEK_POSITION, &position.to_be_bytes());
        put::element(&mut out, id::SEEK, &seek);
    }
    element(id::SEEK_HEAD, &out)
}

/// The payload of `Cues`; `clusters` is the position of the first cluster in the segment.
fn cue_points(cues: &[Cue], kind: Kind, clusters: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(cues.len() * 32);
    for cue in cues {
        let mut positions = Vec::with_capacity(24);
        put::uint(&mut positions, id::CUE_TRACK, track_number(kind).into());
        let cluster = clusters.saturating_add(cue.cluster_offset);
        put::element(&mut positions, id::CUE_CLUSTER_POSITION, &cluster.to_be_bytes());
        if let Some(position) = cue.relative_position {
            put::uint(&mut positions, id::CUE_RELATIVE_POSITION, position);
        }
        let mut point = Vec::with_capacity(32);
        put::uint(&mut point, id::CUE_TIME, cue.time_ms);
        put::element(&mut point, id::CUE_TRACK_POSITIONS, &positions);
        put::element(&mut out, id::CUE_POINT, &point);
    }
    out
}

fn element(id: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + 12);
    put::element(&mut out, id, payload);
    out
}
