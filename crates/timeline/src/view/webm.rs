//! A complete WebM: SeekHead, Info with Duration, Tracks and Cues, then clusters of generated headers and slices.

use media::Kind;
use media::container::webm::write::{Cue, cluster_head, head, simple_block_head};

use super::plan::{Plan, PlannedFrame, PlannedTrack};
use super::{Layout, View};

/// A cluster without keyframes of video ends after this: block times are 16 bits (RFC 9559, 10.1).
const LONGEST_CLUSTER_MS: i64 = 30_000;
/// A cluster of sound alone ends after this.
const SOUND_CLUSTER_MS: i64 = 5_000;

/// A frame with its place in the interleaving.
struct Block<'a> {
    ms: i64,
    kind: Kind,
    frame: &'a PlannedFrame,
}

pub(super) fn lay_out(plan: &Plan) -> View {
    let has_video = plan.tracks.iter().any(|planned| planned.track.kind() == Kind::Video);
    let blocks = interleave(plan);
    let mut layout = Layout::default();
    let mut cues = Vec::new();
    let mut rest = blocks.as_slice();
    while !rest.is_empty() {
        let (cluster, after) = rest.split_at(cluster_len(rest, has_video));
        if cluster[0].frame.key && (cluster[0].kind == Kind::Video || !has_video) {
            let time_ms = u64::try_from(cluster[0].ms).unwrap_or(0);
            cues.push(Cue { time_ms, cluster_offset: layout.len, relative_position: None });
        }
        lay_out_cluster(cluster, &mut layout);
        rest = after;
    }
    let tracks: Vec<_> = plan.tracks.iter().map(|planned| &planned.track).collect();
    let duration_ms = plan.tracks.iter().map(end_ms).max().unwrap_or(0);
    let clusters_len = layout.len;
    let head = head(&tracks, u64::try_from(duration_ms).unwrap_or(0), &cues, clusters_len);
    layout.finish(&head, if has_video { "video/webm" } else { "audio/webm" })
}

/// All frames in the order of their times, the picture first where they are equal.
fn interleave(plan: &Plan) -> Vec<Block<'_>> {
    let mut blocks: Vec<_> = plan
        .tracks
        .iter()
        .flat_map(|planned| {
            let kind = planned.track.kind();
            planned.frames.iter().map(move |frame| Block {
                ms: planned.track.to_ms(frame.dts).max(0),
                kind,
                frame,
            })
        })
        .collect();
    blocks.sort_by_key(|block| (block.ms, block.kind));
    blocks
}

/// The number of blocks in the cluster at the front.
fn cluster_len(blocks: &[Block<'_>], has_video: bool) -> usize {
    let first_ms = blocks[0].ms;
    let longest = if has_video { LONGEST_CLUSTER_MS } else { SOUND_CLUSTER_MS };
    let ends =
        |block: &Block<'_>| (block.kind == Kind::Video && block.frame.key) || block.ms - first_ms >= longest;
    blocks[1..].iter().position(ends).map_or(blocks.len(), |at| at + 1)
}

fn lay_out_cluster(blocks: &[Block<'_>], layout: &mut Layout) {
    let first_ms = blocks[0].ms;
    let heads: Vec<Vec<u8>> = blocks
        .iter()
        .map(|block| {
            let relative = i16::try_from(block.ms - first_ms).unwrap_or(i16::MAX);
            simple_block_head(block.kind, relative, block.frame.key, block.frame.size)
        })
        .collect();
    let timestamp = u64::try_from(first_ms).unwrap_or(0);
    let content: u64 =
        blocks.iter().zip(&heads).map(|(block, head)| head.len() as u64 + u64::from(block.frame.size)).sum();
    layout.generate(&cluster_head(timestamp, Some(content)));
    for (block, head) in blocks.iter().zip(&heads) {
        layout.generate(head);
        layout.slice(block.frame.take, block.kind, block.frame.offset, u64::from(block.frame.size));
    }
}

fn end_ms(planned: &PlannedTrack) -> i64 {
    planned.frames.last().map_or(0, |frame| planned.track.to_ms(frame.dts + i64::from(frame.duration)))
}
