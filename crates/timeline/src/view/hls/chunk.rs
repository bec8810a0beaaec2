//! The bytes of segments and parts: a `moof` that is made, and slices of the body.

use media::container::Sample;
use media::container::mp4::write::{InitTrack, fragment_head, init as write_init};
use media::{Kind, Track};

use super::cut::{self, Run};
use super::line::{Line, scale};
use super::name::{Name, Which};
use super::{Place, TARGET_US};
use crate::view::{Layout, View};
use crate::{Take, TrackIndex};

/// What there is under a name.
#[derive(Debug)]
pub enum Chunk {
    /// These bytes, for ever.
    There(View),
    /// Nothing yet: its first frames are there, its end is not.
    Open,
    /// Nothing, whatever comes.
    Nothing,
}

/// What stands before the segments of a take's track.
#[must_use]
pub fn init(index: &TrackIndex) -> Vec<u8> {
    let track = Track { timescale: scale(index.track()), ..index.track().clone() };
    write_init(&[InitTrack { track: &track, start: 0 }])
}

/// The segment or the part of this name, of a track of a take.
#[must_use]
pub fn chunk(take: &Take, kind: Kind, name: &Name) -> Chunk {
    let line = Line::new(take, kind, name.offset_ms);
    let Some(line) = line.filter(|line| line.frames(name.from).next().is_some()) else {
        return Chunk::Nothing;
    };
    let whole = || cut::whole(&line, name.from);
    match name.which {
        Which::Segment => whole().map_or(Chunk::Open, |run| lay_out(&line, take, &run)),
        Which::Part(number) => {
            let whole = whole();
            let parts = cut::parts(&line, name.from, whole.as_ref());
            let number = number as usize;
            match parts.get(number) {
                Some(part) => lay_out(&line, take, part),
                None if whole.is_none() && number == parts.len() => Chunk::Open,
                None => Chunk::Nothing,
            }
        }
        Which::End(frames) => {
            last(&line, name.from, frames).map_or(Chunk::Nothing, |run| lay_out(&line, take, &run))
        }
    }
}

/// As many frames from a place on, where they are there and no longer than a segment.
fn last(line: &Line<'_>, from: Place, frames: u32) -> Option<Run> {
    let first = line.frames(from).next()?;
    let last = line.frames(from).nth(frames.checked_sub(1)? as usize)?;
    let (key, start, next) = (first.key, first.at, last.place);
    let run = Run { from, frames, key, start, end: last.at, ends: true, next };
    (run.end - run.start <= TARGET_US).then_some(run)
}

/// Ascends with the place: fragments have at most a thousand frames.
fn sequence(place: Place) -> u32 {
    place.fragment.saturating_mul(1_001).saturating_add(place.frame).saturating_add(1)
}

fn lay_out(line: &Line<'_>, take: &Take, run: &Run) -> Chunk {
    let kind = line.track().kind();
    let longest = i64::from(scale(line.track())) * TARGET_US / 1_000_000;
    let own: Vec<_> = line.frames(run.from).take(run.frames as usize).collect();
    let mut samples = Vec::with_capacity(own.len());
    for (at, frame) in own.iter().enumerate() {
        // To the next frame; the last as long as its fragment says, since what comes after it is not known yet when this
        // is first asked for.
        let next = own.get(at + 1).map_or(frame.dts + i64::from(frame.duration), |next| next.dts);
        let dts = line.on_clock(frame.dts);
        let duration = (line.on_clock(next) - dts).clamp(0, longest);
        let cts = line.on_clock(frame.dts + i64::from(frame.cts)) - dts;
        samples.push(Sample {
            offset: 0,
            size: frame.size,
            duration: u32::try_from(duration).unwrap_or(u32::MAX),
            cts: i32::try_from(cts).unwrap_or(0),
            key: frame.key,
        });
    }
    let Some(first) = own.first() else { return Chunk::Nothing };
    let base = u64::try_from(line.on_clock(first.dts)).unwrap_or(0);
    let Ok(head) = fragment_head(kind, sequence(run.from), base, &samples) else {
        return Chunk::Nothing;
    };
    let mut layout = Layout::default();
    for frame in &own {
        layout.slice(take.number, kind, frame.offset, u64::from(frame.size));
    }
    let content_type = if kind == Kind::Video { "video/mp4" } else { "audio/mp4" };
    Chunk::There(layout.finish(&head, content_type))
}
