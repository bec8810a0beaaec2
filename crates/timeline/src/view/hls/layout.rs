//! The segments of a live, take after take.

use media::Kind;
use media::container::mp4::write::head_len;

use super::cut::{self, Run};
use super::line::Line;
use super::{LEAST_GAP_US, Place, QUIET_US, TARGET_US};
use crate::{Take, Timeline, TrackIndex};

/// What playlists name: the segments of the picture and of the sound, in the order in which they play. It only grows: what
/// comes for a take after a later one began has no place in it, and stands in the layout that is made anew when the live
/// has ended.
#[derive(Debug, Clone)]
pub struct Layout {
    pub(super) takes: Vec<Placed>,
    pub(super) video: Rendition,
    pub(super) audio: Rendition,
}

/// A take with its place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    pub(super) number: u32,
    pub(super) started_at_ms: i64,
    pub(super) offset_ms: i64,
}

/// The segments of one kind of track.
#[derive(Debug, Clone)]
pub(super) struct Rendition {
    pub(super) kind: Kind,
    pub(super) segments: Vec<Segment>,
    /// Where the segment begins that grows.
    pub(super) next: Place,
    /// Up to where on the clock it is told what there is.
    pub(super) told_until: i64,
    /// Whether there is a segment of the newest take.
    is_begun: bool,
}

/// A segment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    /// The place of its take among the takes.
    pub(super) take: usize,
    /// Whether it is the first of its take.
    pub(super) is_first: bool,
    pub(super) start: i64,
    pub(super) duration: i64,
    /// Its frames; `None` where there is a gap.
    pub(super) run: Option<Run>,
    /// Bytes of the file.
    pub(super) bytes: u64,
}

impl Default for Layout {
    fn default() -> Self {
        let rendition = |kind| Rendition {
            kind,
            segments: Vec::new(),
            next: Place::default(),
            told_until: 0,
            is_begun: false,
        };
        Self { takes: Vec::new(), video: rendition(Kind::Video), audio: rendition(Kind::Audio) }
    }
}

impl Layout {
    /// Everything that is recorded, and no more comes.
    #[must_use]
    pub fn whole(timeline: &Timeline) -> Self {
        let mut layout = Self::default();
        layout.grow(timeline);
        if let Some(take) = layout.takes.last().and_then(|placed| timeline.take(placed.number)) {
            layout.close(take);
        }
        layout
    }

    /// Takes in what was recorded since.
    pub fn grow(&mut self, timeline: &Timeline) {
        let order = timeline.in_play_order();
        loop {
            let Some(placed) = self.takes.last().copied() else {
                let Some(first) = order.first() else { return };
                self.place(first, 0);
                continue;
            };
            let Some(at) = order.iter().position(|take| take.number == placed.number) else { return };
            let at_work = self.takes.len() - 1;
            for rendition in [&mut self.video, &mut self.audio] {
                rendition.advance(order[at], at_work, placed.offset_ms);
            }
            let Some(next) = order.get(at + 1) else { return };
            self.close(order[at]);
            self.place(next, placed.offset_ms + order[at].duration_ms());
        }
    }

    /// Whether there is anything of this kind.
    #[must_use]
    pub fn has(&self, timeline: &Timeline, kind: Kind) -> bool {
        self.takes.iter().any(|placed| Line::is_there(timeline, placed.number, kind))
    }

    /// Bytes of memory that it takes, about.
    #[must_use]
    pub fn weight(&self) -> usize {
        (self.video.segments.len() + self.audio.segments.len()) * size_of::<Segment>()
    }

    pub(super) fn rendition(&self, kind: Kind) -> &Rendition {
        match kind {
            Kind::Video => &self.video,
            Kind::Audio => &self.audio,
        }
    }

    fn place(&mut self, take: &Take, offset_ms: i64) {
        self.takes.push(Placed { number: take.number, started_at_ms: take.started_at_ms, offset_ms });
    }

    /// The newest take has ended.
    fn close(&mut self, take: &Take) {
        let Some(placed) = self.takes.last() else { return };
        let (offset_ms, at_work) = (placed.offset_ms, self.takes.len() - 1);
        for rendition in [&mut self.video, &mut self.audio] {
            rendition.close(take, at_work, offset_ms);
        }
    }
}

impl Rendition {
    /// Takes in the segments whose end is known. A track of which nothing comes while the other goes on is told of as it is:
    /// players are not left waiting.
    fn advance(&mut self, take: &Take, at_work: usize, offset_ms: i64) {
        let line = Line::new(take, self.kind, offset_ms);
        if let Some(line) = &line {
            while let Some(run) = cut::whole(line, self.next) {
                self.push(line, at_work, run);
            }
        }
        let quiet_until = quiet_until(take, self.kind, offset_ms);
        let rest = line.as_ref().and_then(|line| cut::rest(line, self.next));
        if let (Some(line), Some(rest)) = (&line, rest) {
            if quiet_until.saturating_sub(rest.start) <= TARGET_US {
                return;
            }
            self.push(line, at_work, rest);
        }
        while quiet_until.saturating_sub(self.told_until) >= TARGET_US {
            self.gap(at_work, TARGET_US);
        }
    }

    fn close(&mut self, take: &Take, at_work: usize, offset_ms: i64) {
        if let Some(line) = Line::new(take, self.kind, offset_ms)
            && let Some(run) = cut::rest(&line, self.next)
        {
            self.push(&line, at_work, run);
        }
        let end = offset_ms.saturating_add(take.duration_ms()).saturating_mul(1_000);
        self.fill(at_work, end);
        if !self.is_begun {
            // Each take is told of in both renditions, so that their discontinuities are the same.
            self.gap(at_work, (end - self.told_until).clamp(1_000, TARGET_US));
        }
        (self.next, self.is_begun) = (Place::default(), false);
    }

    fn push(&mut self, line: &Line<'_>, at_work: usize, run: Run) {
        self.fill(at_work, run.start);
        let (mut payload, mut is_reordered) = (0, false);
        for frame in line.frames(run.from).take(run.frames as usize) {
            payload += u64::from(frame.size);
            is_reordered |= frame.cts != 0;
        }
        let bytes = head_len(run.frames as usize, is_reordered) as u64 + payload;
        self.next = run.next;
        self.add(Segment {
            take: at_work,
            is_first: !self.is_begun,
            start: run.start,
            duration: (run.end - run.start).max(0),
            run: Some(run),
            bytes,
        });
    }

    /// Tells of what is missing before a time.
    fn fill(&mut self, at_work: usize, until: i64) {
        while until.saturating_sub(self.told_until) >= LEAST_GAP_US {
            self.gap(at_work, (until - self.told_until).min(TARGET_US));
        }
    }

    fn gap(&mut self, at_work: usize, duration: i64) {
        let (is_first, start) = (!self.is_begun, self.told_until);
        self.add(Segment { take: at_work, is_first, start, duration, run: None, bytes: 0 });
    }

    fn add(&mut self, segment: Segment) {
        self.told_until += segment.duration;
        self.is_begun = true;
        self.segments.push(segment);
    }
}

/// Until when nothing of a track of a take is expected any more: some recorders write a group of pictures, and then its sound.
fn quiet_until(take: &Take, kind: Kind, offset_ms: i64) -> i64 {
    let other = if kind == Kind::Video { Kind::Audio } else { Kind::Video };
    let end_ms = take.track(other).and_then(TrackIndex::end_ms);
    end_ms.map_or(i64::MIN, |end_ms| (end_ms - take.base_ms + offset_ms).saturating_mul(1_000) - QUIET_US)
}
