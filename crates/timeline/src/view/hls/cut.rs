//! Where segments and parts end.
//!
//! A frame lasts as long as its fragment says, which is known when it is recorded. A segment ends where the frame after it
//! begins the next one; a part as soon as it is long enough. What ends because its take does, or because nothing came for
//! long, is said to.

use media::Kind;

use super::line::{Frame, Line};
use super::{
    LEAST_OF_SOUND_US, LEAST_PART_US, LEAST_US, MOST_FRAMES, MOST_FRAMES_OF_PART, PART_TARGET_US, Place,
    TARGET_US,
};

/// The frames of a segment or a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) from: Place,
    pub(super) frames: u32,
    pub(super) key: bool,
    pub(super) start: i64,
    pub(super) end: i64,
    /// Whether it ends because no more was there: its name says how many frames it has.
    pub(super) ends: bool,
    /// Where the one after it begins.
    pub(super) next: Place,
}

/// The segment that begins at a place, if its end is known.
pub(super) fn whole(line: &Line<'_>, from: Place) -> Option<Run> {
    let mut frames = line.frames(from);
    let mut segment = Growing::new(frames.next()?);
    for frame in frames {
        if segment.ends_before(line.track().kind(), &frame) {
            return Some(segment.run(frame.place));
        }
        segment.add(frame);
    }
    None
}

/// What is left from a place on, when no more comes and all that is whole was taken off.
pub(super) fn rest(line: &Line<'_>, from: Place) -> Option<Run> {
    let mut frames = line.frames(from);
    let mut segment = Growing::new(frames.next()?);
    frames.for_each(|frame| segment.add(frame));
    Some(Run { ends: true, ..segment.run(segment.after()) })
}

/// The parts of a segment: all of them where it is whole, else those whose end is known. Each begins where the one before
/// it ends.
pub(super) fn parts(line: &Line<'_>, from: Place, whole: Option<&Run>) -> Vec<Run> {
    let most = whole.map_or(usize::MAX, |whole| whole.frames as usize);
    let mut parts = Vec::new();
    let mut part: Option<Growing> = None;
    let mut end = None;
    for frame in line.frames(from).take(most) {
        if let Some(short) = part.take_if(|part| frame.end - end.unwrap_or(part.first.at) > PART_TARGET_US) {
            // Players refuse a part that is too short. It is said to last as long as it must, into the frame after it, and
            // the next one to begin then.
            let until = end.unwrap_or(short.first.at) + LEAST_PART_US;
            short.part(frame.place, end, &mut parts);
            if let Some(part) = parts.last_mut() {
                part.end = until;
            }
            end = Some(until);
        }
        let growing = match &mut part {
            Some(part) => {
                part.add(frame);
                part
            }
            None => part.insert(Growing::new(frame)),
        };
        if growing.is_long_enough(end) {
            end = Some(growing.part(growing.after(), end, &mut parts));
            part = None;
        }
    }
    if let (Some(part), Some(whole)) = (part, whole) {
        part.part(whole.next, end, &mut parts);
        let last = parts.len() - 1;
        parts[last].ends = whole.ends;
    }
    parts
}

/// A run of frames that is gathered.
#[derive(Debug, Clone, Copy)]
struct Growing {
    first: Frame,
    last: Frame,
    frames: u32,
}

impl Growing {
    fn new(first: Frame) -> Self {
        Self { first, last: first, frames: 1 }
    }

    fn add(&mut self, frame: Frame) {
        self.last = frame;
        self.frames += 1;
    }

    /// Whether a frame begins another segment than this.
    fn ends_before(&self, kind: Kind, frame: &Frame) -> bool {
        let length = frame.at - self.first.at;
        let is_start = match kind {
            Kind::Video => frame.key && length >= LEAST_US,
            Kind::Audio => length >= LEAST_OF_SOUND_US,
        };
        is_start || frame.end - self.first.at > TARGET_US || self.frames >= MOST_FRAMES
    }

    /// Whether it is a part, if that begins where the one before it ended.
    fn is_long_enough(&self, start: Option<i64>) -> bool {
        let length = self.last.end - start.unwrap_or(self.first.at);
        length >= LEAST_PART_US || self.frames >= MOST_FRAMES_OF_PART
    }

    /// The place after it.
    fn after(&self) -> Place {
        Place { frame: self.last.place.frame + 1, ..self.last.place }
    }

    /// All of it. One frame that lasts for long is told of as far as a segment goes.
    fn run(&self, next: Place) -> Run {
        let Self { first, last, frames } = *self;
        let end = last.end.min(first.at + TARGET_US);
        Run { from: first.place, frames, key: first.key, start: first.at, end, ends: false, next }
    }

    /// Appends it to the parts; answers where it ends.
    fn part(&self, next: Place, start: Option<i64>, parts: &mut Vec<Run>) -> i64 {
        let run = self.run(next);
        parts.push(Run { start: start.unwrap_or(run.start), ..run });
        run.end
    }
}
