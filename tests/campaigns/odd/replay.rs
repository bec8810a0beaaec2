//! The frames of a replay, read by the checkers that share nothing with the product.

use promises::{isobmff, webm};

use super::publish::Replay;

/// A frame of the replay.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    /// When it is shown, from the start of its file.
    pub(crate) ms: f64,
    pub(crate) data: Vec<u8>,
}

/// The frames of the whole replay, take after take.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    pub(crate) video: Vec<Frame>,
    pub(crate) audio: Vec<Frame>,
    /// How long the files say that they are, together.
    pub(crate) duration_ms: f64,
    /// How many files there are.
    pub(crate) files: usize,
}

/// Reads every file of a replay to its end.
///
/// # Panics
/// At the first thing that is wrong in one.
pub(crate) fn read(replays: &[Replay]) -> Frames {
    let mut frames = Frames { files: replays.len(), ..Frames::default() };
    for replay in replays {
        if replay.container == "mp4" {
            read_mp4(&replay.bytes, &mut frames);
        } else {
            read_webm(&replay.bytes, &mut frames);
        }
    }
    frames
}

fn read_mp4(bytes: &[u8], frames: &mut Frames) {
    let movie = isobmff::check(bytes);
    frames.duration_ms += movie.duration_ms;
    for track in &movie.tracks {
        let list = if &track.handler == b"vide" { &mut frames.video } else { &mut frames.audio };
        for sample in &track.samples {
            let ticks = sample.dts + sample.cts + track.shift;
            let at = sample.offset as usize;
            list.push(Frame {
                ms: ticks as f64 * 1000.0 / f64::from(track.timescale),
                data: bytes[at..at + sample.size as usize].to_vec(),
            });
        }
    }
}

fn read_webm(bytes: &[u8], frames: &mut Frames) {
    let file = webm::check(bytes);
    frames.duration_ms += file.duration_ms.unwrap_or(0.0);
    for block in &file.blocks {
        let track = file.tracks.iter().find(|track| track.number == block.track);
        let is_video = track.is_some_and(|track| track.is_video);
        let list = if is_video { &mut frames.video } else { &mut frames.audio };
        list.push(Frame { ms: block.ms as f64, data: bytes[block.frame.clone()].to_vec() });
    }
}
