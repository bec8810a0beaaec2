//! Where segments and parts end.
//!
//! A frame lasts to the next one, so an end is known when the frame after it is there. What ends because its take does, or
//! because nothing came for long, is said to.

use media::Kind;

use super::line::{Frame, Line};
use super::{
    LEAST_OF_SOUND_US, LEAST_US, MOST_FRAMES, MOST_FRAMES_OF_PART, PART_TARGET_US, Place, TARGET_US,
};

/// The frames of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) from: Place,
    pub(super) frames: u32,
    pub(super) key: bool,
    pub(super) start: i64,
    pub(super) end: i64,
    /// Whether it ends because the take does: it could be longer if more came.
    pub(super) ends: bool,
    /// Where the one after it begins.
    pub(super) next: Place,
}

/// The segment that begins at a place, if its end is known.
pub(super) fn whole(line: &Line<'_>, from: Place) -> Option<Run> {
    let mut segment = Growing::new(line.frames(from).next()?);
    for frame in line.frames(from).skip(1) {
        let length = frame.at - segment.first.at;
        if length > TARGET_US {
            return Some(segment.before_last(frame.place));
        }
        let is_end = match line.track().kind() {
            Kind::Video => frame.key && length >= LEAST_US,
            Kind::Audio => length >= LEAST_OF_SOUND_US,
        };
        if is_end || segment.frames >= MOST_FRAMES {
            return Some(segment.until(frame.at, frame.place));
        }
        segment.add(frame);
    }
    let after = Place { frame: segment.last.place.frame + 1, ..segment.last.place };
    (line.quiet_until - segment.first.at > TARGET_US).then(|| segment.before_last(after))
}

/// What is left from a place on when no more comes: a segment, or two where one would be too long.
pub(super) fn rest(line: &Line<'_>, from: Place) -> Vec<Run> {
    let Some(first) = line.frames(from).next() else { return Vec::new() };
    let mut segment = Growing::new(first);
    for frame in line.frames(from).skip(1).take(MOST_FRAMES as usize) {
        segment.add(frame);
    }
    let after = Place { frame: segment.last.place.frame + 1, ..segment.last.place };
    let end = line.end(&segment.last);
    if end - segment.first.at <= TARGET_US {
        return vec![Run { ends: true, ..segment.until(end, after) }];
    }
    let short = segment.before_last(after);
    let mut runs = vec![Run { ends: true, ..short }];
    if segment.frames > 1 {
        let last = Growing::new(segment.last);
        let end = end.min(segment.last.at + TARGET_US);
        runs.push(Run { ends: true, ..last.until(end, after) });
    } else {
        runs[0].end = end.min(first.at + TARGET_US);
    }
    runs
}

/// The parts of a segment: all of them where it is whole, else those whose end is known.
pub(super) fn parts(line: &Line<'_>, from: Place, whole: Option<&Run>) -> Vec<Run> {
    let mut parts = Vec::new();
    let most = whole.map_or(usize::MAX, |whole| whole.frames as usize);
    let mut frames = line.frames(from).take(most);
    let Some(first) = frames.next() else { return parts };
    let mut part = Growing::new(first);
    for frame in frames {
        part = part.go_on(frame, &mut parts);
    }
    let Some(whole) = whole else {
        return parts;
    };
    let known = parts.len();
    if whole.end - part.first.at > PART_TARGET_US && part.frames > 1 {
        parts.push(part.before_last(whole.next));
        part = Growing::new(part.last);
    }
    parts.push(part.until(whole.end, whole.next));
    for part in &mut parts[known..] {
        part.ends = whole.ends;
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

    /// All of it, ending at a time.
    fn until(&self, end: i64, next: Place) -> Run {
        let Self { first, frames, .. } = *self;
        Run { from: first.place, frames, key: first.key, start: first.at, end, ends: false, next }
    }

    /// All but the last frame, which begins the next run; or the one frame alone, cut short.
    fn before_last(&self, after: Place) -> Run {
        if self.frames == 1 {
            return self.until(self.first.at + TARGET_US, after);
        }
        let shorter = Self { frames: self.frames - 1, ..*self };
        shorter.until(self.last.at, self.last.place)
    }

    /// The part that this frame belongs to, after those that it ends.
    fn go_on(mut self, frame: Frame, parts: &mut Vec<Run>) -> Self {
        if frame.at - self.first.at > PART_TARGET_US && self.frames > 1 {
            parts.push(self.before_last(frame.place));
            self = Self::new(self.last);
        }
        if frame.at - self.first.at > PART_TARGET_US || self.frames >= MOST_FRAMES_OF_PART {
            parts.push(self.until(frame.at, frame.place));
            return Self::new(frame);
        }
        self.add(frame);
        self
    }
}
