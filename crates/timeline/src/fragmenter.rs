//! Where a body is cut: frames in, fragments out.

use media::container::Event;
use media::{Frame, Kind, Track};
use serde::{Deserialize, Serialize};

/// A fragment is cut before the frame that would make it this long.
const CUT_MS: i64 = 240;
/// A fragment is cut before it grows over this many frames, whatever their times.
const MAX_FRAMES: usize = 1_000;
/// A fragment is cut before it grows over this many bytes, whatever their times.
const MAX_BYTES: usize = 8 << 20;
/// A recorder's clock that starts before this starts at 0; a later one was joined in mid-stream.
const FRESH_CLOCK_MS: i64 = 1_000;
/// A take whose first frame comes at most this much before the end of the take before it, and not later than a jump
/// after it, goes on with its clock: a changed configuration or a hole in one recording, where the tracks do not end
/// together.
const SAME_CLOCK_SLACK_MS: i64 = 200;
/// A jump of a track's clock over this is not a pause in capture but another clock: a new take.
const LONGEST_JUMP_MS: i64 = 60 * 60 * 1_000;

/// What the fragmenter made of the frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// The fragments that follow belong to a new take.
    Take {
        /// The time on the source's clock, in milliseconds, that is 0 in the take.
        base_ms: i64,
        /// Milliseconds between the base of the take before it and its own where both have one clock: after a hole or
        /// a changed configuration in one recording. `None` if its clock is another, or it is the first.
        since_last_base_ms: Option<i64>,
    },
    /// Frames that make one fragment, with the duration of each in ticks.
    Fragment {
        /// The track, the same for all fragments of a kind in a take.
        track: Track,
        /// Counts the fragments of the track in the take from 1.
        sequence: u32,
        /// The frames; never empty.
        frames: Vec<Frame>,
        /// Their durations.
        durations: Vec<u32>,
    },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Pending {
    track: Track,
    sequence: u32,
    frames: Vec<Frame>,
    bytes: usize,
    last_dts: Option<i64>,
    last_duration: Option<u32>,
}

/// Cuts the frames of a recording into fragments.
///
/// Where it cuts depends on the frames and their times only, so the same recording sent in any slices gives the same
/// bodies: at a keyframe of video, and before a fragment of a track grows over about a quarter of a second. A frame
/// waits for its successor, whose time says how long it lasts; [`flush`](Fragmenter::flush) lets the last ones go.
/// The state can be serialised at any moment.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Fragmenter {
    pending: [Option<Pending>; 2],
    base_ms: Option<i64>,
    /// Where the clock of the take stands: the end of the last frame that was cut, in milliseconds.
    end_ms: i64,
    /// Base and end of the take before.
    before: Option<(i64, i64)>,
}

impl Fragmenter {
    /// Takes what a reader found, and appends what follows from it to `out`.
    pub fn push(&mut self, event: Event, out: &mut Vec<Output>) {
        match event {
            Event::Take { .. } => self.end_take(out),
            Event::Track(track) => self.begin_track(track, out),
            Event::Frame(frame) => self.add(frame, out),
            Event::Unread(_) => {}
        }
    }

    /// Lets go of the frames that wait for a successor, their durations taken from the codec or from the frame
    /// before. More frames may follow.
    pub fn flush(&mut self, out: &mut Vec<Output>) {
        for kind in [Kind::Video, Kind::Audio] {
            self.cut(kind, None, out);
        }
    }

    /// Ends the take and goes on with the same tracks in another one.
    pub fn split(&mut self, out: &mut Vec<Output>) {
        let tracks = self.pending.each_ref().map(|known| known.as_ref().map(|known| known.track.clone()));
        self.end_take(out);
        for track in tracks.into_iter().flatten() {
            self.begin_track(track, out);
        }
    }

    /// Whether frames wait.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.pending.iter().flatten().any(|pending| !pending.frames.is_empty())
    }

    /// Ends the take: fragments that follow belong to another one.
    fn end_take(&mut self, out: &mut Vec<Output>) {
        self.flush(out);
        self.pending = [None, None];
        if let Some(base_ms) = self.base_ms.take() {
            self.before = Some((base_ms, self.end_ms));
        }
    }

    fn begin_track(&mut self, track: Track, out: &mut Vec<Output>) {
        let kind = track.kind();
        if self.pending[kind.slot()].is_some() {
            self.end_take(out);
        }
        self.pending[kind.slot()] = Some(Pending {
            track,
            sequence: 0,
            frames: Vec::new(),
            bytes: 0,
            last_dts: None,
            last_duration: None,
        });
    }

    fn add(&mut self, frame: Frame, out: &mut Vec<Output>) {
        let kind = frame.kind;
        let Some(pending) = &self.pending[kind.slot()] else { return };
        let jump = pending.last_dts.map_or(0, |last| frame.dts.saturating_sub(last));
        if pending.track.reaches_ms(jump, LONGEST_JUMP_MS + 1) {
            self.split(out);
        }
        let Some(pending) = &mut self.pending[kind.slot()] else { return };
        let age = pending.frames.first().map_or(0, |first| frame.dts.saturating_sub(first.dts));
        let full = pending.frames.len() >= MAX_FRAMES || pending.bytes + frame.data.len() > MAX_BYTES;
        if pending.track.reaches_ms(age, CUT_MS) || full || (kind == Kind::Video && frame.key) {
            self.cut(kind, Some(frame.dts), out);
        }
        if let Some(pending) = &mut self.pending[kind.slot()] {
            pending.last_dts = Some(frame.dts);
            pending.bytes += frame.data.len();
            pending.frames.push(frame);
        }
    }

    /// Makes a fragment of the frames of a kind that wait; `next_dts` is the time of the frame after them.
    fn cut(&mut self, kind: Kind, next_dts: Option<i64>, out: &mut Vec<Output>) {
        if self.pending[kind.slot()].as_ref().is_none_or(|pending| pending.frames.is_empty()) {
            return;
        }
        self.begin_take(out);
        let Some(pending) = &mut self.pending[kind.slot()] else { return };
        // The next fragment is about as long.
        let room = Vec::with_capacity(pending.frames.len());
        let frames = std::mem::replace(&mut pending.frames, room);
        pending.bytes = 0;
        pending.sequence += 1;
        let nexts = frames.iter().skip(1).map(|frame| Some(frame.dts)).chain([next_dts]);
        let mut durations = Vec::with_capacity(frames.len());
        for (frame, next) in frames.iter().zip(nexts) {
            let known = next.and_then(|next| u32::try_from(next.saturating_sub(frame.dts)).ok());
            let duration = known
                .or(frame.duration)
                .or(pending.last_duration)
                .unwrap_or_else(|| usual_duration(&pending.track));
            pending.last_duration = Some(duration);
            durations.push(duration);
        }
        let last_ms =
            frames.iter().zip(&durations).map(|(frame, duration)| frame.pts + i64::from(*duration)).max();
        self.end_ms = self.end_ms.max(last_ms.map_or(0, |ticks| pending.track.to_ms(ticks)));
        let track = pending.track.clone();
        out.push(Output::Fragment { track, sequence: pending.sequence, frames, durations });
    }

    /// Begins the take with its first fragment: only then is it known when its first frame was.
    fn begin_take(&mut self, out: &mut Vec<Output>) {
        if self.base_ms.is_some() {
            return;
        }
        let first_ms = self
            .pending
            .iter()
            .flatten()
            .filter_map(|pending| pending.frames.first().map(|frame| pending.track.to_ms(frame.pts)))
            .min()
            .unwrap_or(0);
        let same_clock = -SAME_CLOCK_SLACK_MS..=LONGEST_JUMP_MS;
        let goes_on =
            self.before.filter(|&(_, end_ms)| same_clock.contains(&first_ms.saturating_sub(end_ms)));
        let joined = goes_on.is_some() || first_ms > FRESH_CLOCK_MS;
        let base_ms = if joined { first_ms } else { 0 };
        let since_last_base_ms = goes_on.map(|(last_base_ms, _)| base_ms.saturating_sub(last_base_ms));
        self.base_ms = Some(base_ms);
        self.end_ms = base_ms;
        out.push(Output::Take { base_ms, since_last_base_ms });
    }
}

/// What a frame lasts where nothing says it: a thirtieth of a second of video, 20 ms of audio.
fn usual_duration(track: &Track) -> u32 {
    let per_second = match track.kind() {
        Kind::Video => 30,
        Kind::Audio => 50,
    };
    (track.timescale / per_second).max(1)
}
