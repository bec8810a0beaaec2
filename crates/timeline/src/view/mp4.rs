//! A complete MP4: `ftyp`, `moov` and the header of one `mdat`, then slices of the bodies.

use media::Kind;
use media::container::Sample;
use media::container::mp4::write::{HeadChunk, HeadTrack, head};

use super::plan::{Plan, PlannedFrame, PlannedTrack};
use super::{Layout, View};

/// How much of one track stands together before the other's turn (ISO/IEC 14496-12, 8.7.5: chunks).
const CHUNK_MS: i64 = 1_000;

pub(super) fn lay_out(plan: &Plan) -> View {
    let mut layout = Layout::default();
    let mut chunks = Vec::new();
    let mut next = vec![0; plan.tracks.len()];
    while let Some(track) = earliest(plan, &next) {
        let planned = &plan.tracks[track];
        let run = run(planned, next[track]);
        for frame in run {
            layout.slice(frame.take, planned.track.kind(), frame.offset, u64::from(frame.size));
        }
        next[track] += run.len();
        chunks.push(HeadChunk {
            track,
            samples: u32::try_from(run.len()).unwrap_or(u32::MAX),
            bytes: run.iter().map(|frame| u64::from(frame.size)).sum(),
        });
    }
    let samples: Vec<Vec<Sample>> =
        plan.tracks.iter().map(|planned| planned.samples(planned.frames.len())).collect();
    let tracks: Vec<_> = plan
        .tracks
        .iter()
        .zip(&samples)
        .map(|(planned, samples)| HeadTrack { track: &planned.track, samples, start: planned.start() })
        .collect();
    let content_type = match plan.tracks.iter().any(|planned| planned.track.kind() == Kind::Video) {
        true => "video/mp4",
        false => "audio/mp4",
    };
    layout.finish(&head(&tracks, &chunks), content_type)
}

/// The track whose next frame comes first.
fn earliest(plan: &Plan, next: &[usize]) -> Option<usize> {
    (0..plan.tracks.len())
        .filter_map(|track| Some((plan.tracks[track].ms(next[track])?, track)))
        .min()
        .map(|(_, track)| track)
}

/// The frames from `first` on that make one chunk.
fn run(planned: &PlannedTrack, first: usize) -> &[PlannedFrame] {
    let frames = &planned.frames[first..];
    let until = frames.first().map_or(0, |frame| frame.dts) + planned.track.to_ticks(CHUNK_MS);
    &frames[..frames.partition_point(|frame| frame.dts < until)]
}
