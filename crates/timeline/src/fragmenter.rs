//! Where a body is cut: frames in, fragments out.

use std::collections::VecDeque;

use media::container::{Event, MOST_APART_MS};
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

/// Milliseconds before 0 that the first frame of a track may be, behind one of the other track at 0, for all to be moved by it;
/// one that is earlier is odd itself, and begins at 0.
const MOST_EARLY_MS: i64 = 1_000;

/// Sound waits for the picture of its time while it is ahead of it by at most this; then the picture stands still. Recorders
/// write the sound of a group of pictures, of five seconds as a rule, before its pictures.
const MOST_AHEAD_MS: i64 = 6_000;
/// The same where the source says that its tracks are interleaved: what sounds while a camera is silent is heard a second
/// later, not six.
const MOST_AHEAD_INTERLEAVED_MS: i64 = 1_000;
/// Fragments of sound that wait at most.
const MOST_AHEAD: usize = 256;

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

/// A track of the take, and its frames that are in no fragment yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Pending {
    track: Track,
    sequence: u32,
    /// Fragments of sound that wait for the picture, in order.
    ahead: VecDeque<Ahead>,
    frames: Vec<Frame>,
    bytes: usize,
    /// Ticks that are added to the source's times, so that the tracks of a take have one clock.
    shift: i64,
    /// When the first frame is shown, in milliseconds.
    first_ms: Option<i64>,
    last_dts: Option<i64>,
    last_duration: Option<u32>,
    /// How many fragments the take before has of it, where its first frames came ahead of this one: its source has not
    /// announced it again yet.
    came_ahead: Option<u32>,
}

/// A fragment of sound that waits until the picture has come as far.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Ahead {
    frames: Vec<Frame>,
    /// Decoding time of the frame after them.
    next_dts: i64,
}

/// A take that has ended, whose last frames wait for the first of the next one: its time says how long they last, and
/// which of them are the next one's.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Leaving {
    pending: [Option<Pending>; 2],
    after_hole: bool,
}

/// Cuts the frames of a recording into fragments.
///
/// Where it cuts depends on the frames and their times only, so the same recording sent in any slices gives the same
/// bodies: at a keyframe of video, and before a fragment of a track grows over about a quarter of a second. A frame
/// waits for its successor, whose time says how long it lasts, and sound waits for the picture of its time;
/// [`flush`](Fragmenter::flush) lets the last ones go. The state can be serialised at any moment.
///
/// The tracks of a take have one clock. Where those of the source are apart by more than [`MOST_APART_MS`], the one that
/// came later begins where the take begins.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Fragmenter {
    pending: [Option<Pending>; 2],
    base_ms: Option<i64>,
    /// Where the clock of the take stands: the end of the last frame that was cut, in milliseconds.
    end_ms: i64,
    /// Base and end of the take before.
    before: Option<(i64, i64)>,
    leaving: Option<Box<Leaving>>,
    /// The time of the source at which what it shows begins, in milliseconds.
    shown_from_ms: i64,
    /// The time of the source at which the take begins, in milliseconds, where the source said it.
    begins_ms: Option<i64>,
    /// Whether the picture has come to a stop: sound does not wait for it.
    is_picture_still: bool,
    /// Whether the source has the frames of its tracks in the order of their times.
    is_interleaved: bool,
}

impl Fragmenter {
    /// Takes what a reader found, and appends what follows from it to `out`.
    pub fn push(&mut self, event: Event, out: &mut Vec<Output>) {
        match event {
            Event::Take { after_hole } => self.leave_take(after_hole, out),
            Event::ShownFrom { ms } => self.shown_from_ms = ms,
            Event::BeginsAt { ms } => self.begins_ms = Some(ms),
            Event::Interleaved => self.is_interleaved = true,
            Event::Track(track) => self.begin_track(track, out),
            Event::Frame(frame) => self.add(frame, out),
            Event::Unread(_) => {}
        }
    }

    /// Lets go of the frames that wait for a successor, their durations taken from the codec or from the frame
    /// before. More frames may follow.
    pub fn flush(&mut self, out: &mut Vec<Output>) {
        self.settle(None, out);
        for kind in [Kind::Video, Kind::Audio] {
            self.cut_all(kind, None, out);
        }
    }

    /// Ends the take and goes on with the same tracks in another one.
    pub fn split(&mut self, out: &mut Vec<Output>) {
        let tracks = self.pending.each_ref().map(|known| known.as_ref().map(|known| known.track.clone()));
        let is_interleaved = self.is_interleaved;
        self.leave_take(true, out);
        self.settle(None, out);
        self.is_interleaved = is_interleaved;
        for track in tracks.into_iter().flatten() {
            self.begin_track(track, out);
        }
    }

    /// Whether frames wait.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        let leaving = self.leaving.iter().flat_map(|leaving| leaving.pending.iter());
        self.pending.iter().chain(leaving).flatten().any(Pending::is_waiting)
    }

    /// Ends the take: frames that follow belong to another one. What is in no fragment yet waits for the first of them.
    fn leave_take(&mut self, after_hole: bool, out: &mut Vec<Output>) {
        self.settle(None, out);
        let pending = std::mem::take(&mut self.pending);
        (self.shown_from_ms, self.begins_ms) = (0, None);
        (self.is_picture_still, self.is_interleaved) = (false, false);
        self.leaving = Some(Box::new(Leaving { pending, after_hole }));
    }

    /// Closes the take that has ended; `next` is the first frame of the one after it, with its track.
    fn settle(&mut self, next: Option<(&Track, &Frame)>, out: &mut Vec<Output>) {
        let Some(leaving) = self.leaving.take() else { return };
        let Leaving { pending, after_hole } = *leaving;
        let begun = std::mem::replace(&mut self.pending, pending);
        let boundary = next.filter(|_| !after_hole).and_then(|(track, frame)| self.boundary(track, frame));
        // Sound of another configuration belongs to the take that has ended, however late it is heard.
        let sound = |pending: &[Option<Pending>; 2]| {
            pending[Kind::Audio.slot()].as_ref().map(|pending| pending.track.clone())
        };
        let goes_on = sound(&begun).is_none_or(|next| Some(next) == sound(&self.pending));
        let carried = boundary.filter(|_| goes_on).and_then(|boundary| self.take_ahead_of(boundary));
        let next_dts =
            |pending: &Option<Pending>, ms: Option<i64>| Some(pending.as_ref()?.track.to_ticks(ms?));
        let [video, audio] = &self.pending;
        let shown = next_dts(video, boundary.map(|boundary| boundary.decoded_ms));
        let heard = next_dts(audio, boundary.map(|boundary| boundary.shown_ms));
        self.cut_all(Kind::Video, shown, out);
        self.cut_all(Kind::Audio, heard, out);
        let cut = self.pending[Kind::Audio.slot()].as_ref().map(|audio| audio.sequence);
        self.pending = begun;
        if let Some(base_ms) = self.base_ms.take() {
            self.before = Some((base_ms, self.end_ms));
        }
        if let Some((track, frames)) = carried.filter(|(_, frames)| !frames.is_empty()) {
            if self.pending[Kind::Audio.slot()].is_none() {
                self.pending[Kind::Audio.slot()] = Some(Pending { came_ahead: cut, ..Pending::new(track) });
            }
            for frame in frames {
                self.add(frame, out);
            }
        }
    }

    /// Where the take that has ended meets the next one, if that goes on with its clock and begins with a picture.
    fn boundary(&self, track: &Track, frame: &Frame) -> Option<Boundary> {
        let video = self.pending[Kind::Video.slot()].as_ref().filter(|_| frame.kind == Kind::Video)?;
        let last_ms = video.track.to_ms(video.last_dts?);
        let (shown_ms, decoded_ms) = (track.to_ms(frame.pts), track.to_ms(frame.dts));
        let same_clock = (-SAME_CLOCK_SLACK_MS..=LONGEST_JUMP_MS).contains(&(decoded_ms - last_ms));
        same_clock.then_some(Boundary { shown_ms, decoded_ms })
    }

    /// Takes out the sound that is heard with the take that begins at a boundary, and its track: some recorders write the
    /// sound of a stretch before its pictures, so that it comes ahead of the change.
    fn take_ahead_of(&mut self, boundary: Boundary) -> Option<(Track, Vec<Frame>)> {
        let audio = self.pending[Kind::Audio.slot()].as_mut()?;
        let from = audio.track.to_ticks(boundary.shown_ms);
        let mut waiting: Vec<Frame> = audio.ahead.drain(..).flat_map(|ahead| ahead.frames).collect();
        waiting.append(&mut audio.frames);
        let mut carried = waiting.split_off(waiting.partition_point(|frame| frame.pts < from));
        // Its clock is brought together with the next take's anew.
        for frame in &mut carried {
            (frame.dts, frame.pts) = (frame.dts - audio.shift, frame.pts - audio.shift);
        }
        audio.bytes = waiting.iter().map(|frame| frame.data.len()).sum();
        audio.frames = waiting;
        Some((audio.track.clone(), carried))
    }

    fn begin_track(&mut self, track: Track, out: &mut Vec<Output>) {
        let kind = track.kind();
        match &mut self.pending[kind.slot()] {
            Some(known) if known.came_ahead.is_some() && known.track == track => {
                known.came_ahead = None;
                return;
            }
            Some(known) if known.came_ahead.is_some() && self.base_ms.is_none() => self.give_back(out),
            Some(_) => self.leave_track(kind, out),
            None => {}
        }
        self.pending[kind.slot()] = Some(Pending::new(track));
    }

    /// Gives sound that came ahead of a take back to the take before it, of which nothing is cut yet: the sound that is
    /// announced for this one is another.
    fn give_back(&mut self, out: &mut Vec<Output>) {
        let Some((base_ms, end_ms)) = self.before else { return };
        if let Some(sound) = &mut self.pending[Kind::Audio.slot()] {
            sound.sequence = sound.came_ahead.take().unwrap_or(0);
        }
        (self.base_ms, self.end_ms) = (Some(base_ms), end_ms);
        self.cut_all(Kind::Audio, None, out);
        self.before = Some((base_ms, self.end_ms));
        self.base_ms = None;
    }

    /// Ends the take since a track of it goes on as another. Its other track goes on as it was.
    fn leave_track(&mut self, kind: Kind, out: &mut Vec<Output>) {
        let other = self.pending[1 - kind.slot()].as_ref().map(|other| other.track.clone());
        let is_interleaved = self.is_interleaved;
        self.leave_take(false, out);
        self.is_interleaved = is_interleaved;
        self.pending[1 - kind.slot()] = other.map(Pending::new);
    }

    fn add(&mut self, mut frame: Frame, out: &mut Vec<Output>) {
        let kind = frame.kind;
        if self.leaving.is_some() {
            let track = self.pending[kind.slot()].as_ref().map(|pending| pending.track.clone());
            self.settle(track.as_ref().map(|track| (track, &frame)), out);
        }
        let Some(pending) = &self.pending[kind.slot()] else { return };
        let time = frame.dts.saturating_add(pending.shift);
        let jump = pending.last_dts.map_or(0, |last| time.saturating_sub(last));
        if pending.track.reaches_ms(jump, LONGEST_JUMP_MS + 1) {
            self.split(out);
        }
        self.bring_together(&mut frame);
        self.begin_earlier(&mut frame);
        let begins_ms = self.base_ms.filter(|ms| kind == Kind::Audio || *ms != self.shown_from_ms);
        let Some(pending) = &self.pending[kind.slot()] else { return };
        // What came before the take was known to begin is moved up to its beginning.
        let begins = begins_ms.filter(|ms| pending.track.to_ms(frame.pts) < *ms);
        move_within_bounds(&mut frame, pending.last_dts, begins.map(|ms| pending.track.to_ticks(ms)));
        let age = pending.frames.first().map_or(0, |first| frame.dts.saturating_sub(first.dts));
        let full = pending.frames.len() >= MAX_FRAMES || pending.bytes + frame.data.len() > MAX_BYTES;
        if pending.track.reaches_ms(age, CUT_MS) || full || (kind == Kind::Video && frame.key) {
            self.end_fragment(kind, frame.dts, out);
        }
        if let Some(pending) = &mut self.pending[kind.slot()] {
            pending.last_dts = Some(frame.dts);
            pending.bytes += frame.data.len();
            pending.frames.push(frame);
        }
        if kind == Kind::Video {
            self.is_picture_still = false;
            self.let_sound_follow(out);
        }
    }

    /// Gives a frame its time on the clock of the take.
    fn bring_together(&mut self, frame: &mut Frame) {
        let [video, audio] = &mut self.pending;
        let (own, other) = match frame.kind {
            Kind::Video => (video, audio),
            Kind::Audio => (audio, video),
        };
        let Some(own) = own else { return };
        if own.first_ms.is_none() {
            if let Some((first_ms, last_ms)) = other.as_ref().and_then(Pending::span_ms) {
                let ms = own.track.to_ms(frame.pts);
                let apart_ms = first_ms.saturating_sub(ms).max(ms.saturating_sub(last_ms));
                if apart_ms > MOST_APART_MS {
                    let begins = own.track.to_ticks(self.base_ms.unwrap_or(first_ms));
                    own.shift = begins.saturating_sub(frame.pts).max(frame.dts.saturating_neg());
                }
            }
            own.first_ms = Some(own.track.to_ms(frame.pts.saturating_add(own.shift)));
        }
        frame.dts = frame.dts.saturating_add(own.shift);
        frame.pts = frame.pts.saturating_add(own.shift);
    }

    /// Moves the whole take where the first frame of a track lies a little before 0, which no container holds, and nothing of the take
    /// is cut yet: all keep their distance to it.
    fn begin_earlier(&mut self, frame: &mut Frame) {
        let Some(own) = &mut self.pending[frame.kind.slot()] else { return };
        if self.base_ms.is_some() || own.last_dts.is_some() || frame.pts >= 0 {
            return;
        }
        let early_ms = own.track.to_ms(frame.pts).saturating_sub(1).saturating_neg();
        if early_ms > MOST_EARLY_MS {
            own.first_ms = Some(0);
            return;
        }
        let by = own.track.to_ticks(early_ms);
        (frame.dts, frame.pts) = (frame.dts.saturating_add(by), frame.pts.saturating_add(by));
        for pending in self.pending.iter_mut().flatten() {
            pending.move_later(early_ms);
        }
        if self.shown_from_ms > 0 {
            self.shown_from_ms = self.shown_from_ms.saturating_add(early_ms);
        }
        self.begins_ms = self.begins_ms.map(|ms| ms.saturating_add(early_ms));
    }

    /// Makes a fragment of the frames of a kind; sound that is ahead of the picture waits for it.
    fn end_fragment(&mut self, kind: Kind, next_dts: i64, out: &mut Vec<Output>) {
        let waits =
            kind == Kind::Audio && self.pending[Kind::Video.slot()].is_some() && !self.is_picture_still;
        let Some(pending) = self.pending[kind.slot()].as_mut().filter(|_| waits) else {
            self.cut(kind, Some(next_dts), out);
            return;
        };
        if !pending.frames.is_empty() {
            // The next fragment is about as long.
            let room = Vec::with_capacity(pending.frames.len());
            let frames = std::mem::replace(&mut pending.frames, room);
            pending.bytes = 0;
            pending.ahead.push_back(Ahead { frames, next_dts });
        }
        self.let_sound_follow(out);
    }

    /// Lets go of the sound that the picture has come up to; of all of it where the picture stands still.
    fn let_sound_follow(&mut self, out: &mut Vec<Output>) {
        let [Some(video), Some(audio)] = &mut self.pending else { return };
        let Some(newest) = audio.ahead.back() else { return };
        let picture_ms = video.last_dts.map_or(i64::MIN, |dts| video.track.to_ms(dts));
        let lead_ms = audio.track.to_ms(newest.next_dts).saturating_sub(picture_ms);
        let most_ms = if self.is_interleaved { MOST_AHEAD_INTERLEAVED_MS } else { MOST_AHEAD_MS };
        if lead_ms > most_ms || audio.ahead.len() > MOST_AHEAD {
            self.is_picture_still = true;
        }
        let until = if self.is_picture_still { i64::MAX } else { audio.track.to_ticks(picture_ms) };
        self.cut_ahead(until, out);
    }

    /// Makes fragments of the sound that waits and ends at or before a time.
    fn cut_ahead(&mut self, until: i64, out: &mut Vec<Output>) {
        loop {
            let Some(audio) = &mut self.pending[Kind::Audio.slot()] else { return };
            let Some(ahead) = audio.ahead.pop_front_if(|ahead| ahead.next_dts <= until) else { return };
            self.put(Kind::Audio, ahead.frames, Some(ahead.next_dts), out);
        }
    }

    /// Makes fragments of all frames of a kind that wait; `next_dts` is the time of the frame after them.
    fn cut_all(&mut self, kind: Kind, next_dts: Option<i64>, out: &mut Vec<Output>) {
        if kind == Kind::Audio {
            self.cut_ahead(i64::MAX, out);
        }
        self.cut(kind, next_dts, out);
    }

    /// Makes a fragment of the frames of a kind that wait; `next_dts` is the time of the frame after them.
    fn cut(&mut self, kind: Kind, next_dts: Option<i64>, out: &mut Vec<Output>) {
        let Some(pending) = &mut self.pending[kind.slot()] else { return };
        if pending.frames.is_empty() {
            return;
        }
        let room = Vec::with_capacity(pending.frames.len());
        let frames = std::mem::replace(&mut pending.frames, room);
        pending.bytes = 0;
        self.put(kind, frames, next_dts, out);
    }

    /// Gives out a fragment.
    fn put(&mut self, kind: Kind, frames: Vec<Frame>, next_dts: Option<i64>, out: &mut Vec<Output>) {
        self.begin_take(&frames, out);
        let Some(pending) = &mut self.pending[kind.slot()] else { return };
        pending.sequence += 1;
        let nexts = frames.iter().skip(1).map(|frame| Some(frame.dts)).chain([next_dts]);
        let mut durations = Vec::with_capacity(frames.len());
        for (frame, next) in frames.iter().zip(nexts) {
            let known = next
                .and_then(|next| u32::try_from(next.saturating_sub(frame.dts)).ok())
                .filter(|duration| *duration > 0);
            // A duration past the longest jump is not believed.
            let is_long = |told: &u32| pending.track.reaches_ms((*told).into(), LONGEST_JUMP_MS + 1);
            let duration = known
                .or(frame.duration.filter(|told| !is_long(told)))
                .or(pending.last_duration)
                .unwrap_or_else(|| usual_duration(&pending.track));
            // A picture that was moved by a tick says nothing of the others.
            if pending.track.kind() == Kind::Audio || pending.track.reaches_ms(duration.into(), 2) {
                pending.last_duration = Some(duration);
            }
            durations.push(duration);
        }
        let last_ms =
            frames.iter().zip(&durations).map(|(frame, duration)| frame.pts + i64::from(*duration)).max();
        self.end_ms = self.end_ms.max(last_ms.map_or(0, |ticks| pending.track.to_ms(ticks)));
        let track = pending.track.clone();
        out.push(Output::Fragment { track, sequence: pending.sequence, frames, durations });
    }

    /// Begins the take with its first fragment: only then is it known when its first frame was.
    fn begin_take(&mut self, frames: &[Frame], out: &mut Vec<Output>) {
        if self.base_ms.is_some() {
            return;
        }
        let first_ms = self.pending.iter().flatten().filter_map(|pending| pending.first_ms).min();
        let Some(first_ms) = first_ms.filter(|_| !frames.is_empty()) else { return };
        let is_near = |ms: &i64| first_ms.saturating_sub(*ms) <= MOST_APART_MS;
        let first_ms = self.begins_ms.filter(is_near).map_or(first_ms, |ms| ms.min(first_ms));
        let same_clock = -SAME_CLOCK_SLACK_MS..=LONGEST_JUMP_MS;
        let goes_on =
            self.before.filter(|&(_, end_ms)| same_clock.contains(&first_ms.saturating_sub(end_ms)));
        let fresh_until_ms = self.shown_from_ms.saturating_add(FRESH_CLOCK_MS);
        let is_before_zero = first_ms < 0 && self.shown_from_ms == 0;
        let joined = goes_on.is_some() || first_ms > fresh_until_ms || is_before_zero;
        let base_ms = if joined { first_ms } else { self.shown_from_ms };
        let since_last_base_ms = goes_on.map(|(last_base_ms, _)| base_ms.saturating_sub(last_base_ms));
        self.base_ms = Some(base_ms);
        self.end_ms = base_ms;
        out.push(Output::Take { base_ms, since_last_base_ms });
    }
}

impl Pending {
    fn new(track: Track) -> Self {
        Self {
            track,
            sequence: 0,
            ahead: VecDeque::new(),
            frames: Vec::new(),
            bytes: 0,
            shift: 0,
            first_ms: None,
            last_dts: None,
            last_duration: None,
            came_ahead: None,
        }
    }

    fn is_waiting(&self) -> bool {
        !self.frames.is_empty() || !self.ahead.is_empty()
    }

    /// Moves all that is not cut yet, and what is to come, by so many milliseconds.
    fn move_later(&mut self, ms: i64) {
        let by = self.track.to_ticks(ms);
        self.shift = self.shift.saturating_add(by);
        self.first_ms = self.first_ms.map(|first| first.saturating_add(ms));
        self.last_dts = self.last_dts.map(|last| last.saturating_add(by));
        for ahead in &mut self.ahead {
            ahead.next_dts = ahead.next_dts.saturating_add(by);
        }
        for frame in self.ahead.iter_mut().flat_map(|ahead| &mut ahead.frames).chain(&mut self.frames) {
            (frame.dts, frame.pts) = (frame.dts.saturating_add(by), frame.pts.saturating_add(by));
        }
    }

    /// From when to when it has frames, in milliseconds.
    fn span_ms(&self) -> Option<(i64, i64)> {
        Some((self.first_ms?, self.track.to_ms(self.last_dts?)))
    }
}

/// Where two takes of one clock meet, in milliseconds: when the second one's first picture is shown, and when decoded.
#[derive(Debug, Clone, Copy)]
struct Boundary {
    shown_ms: i64,
    decoded_ms: i64,
}

/// Moves times that no container holds: a decoding time before 0, or not after the one before it; a time at which a picture is
/// shown that is further from it than 32 bits say, or before the take `begins`.
fn move_within_bounds(frame: &mut Frame, last_dts: Option<i64>, begins: Option<i64>) {
    let is_in_order = frame.pts == frame.dts;
    let begins = begins.unwrap_or(0).max(0);
    let least = if is_in_order { begins } else { 0 };
    frame.dts = frame.dts.max(last_dts.map_or(least, |last| last.saturating_add(1).max(least)));
    let span = |offset: i32| frame.dts.saturating_add(offset.into());
    let shown = frame.pts.max(begins);
    frame.pts = if is_in_order { frame.dts } else { shown.clamp(span(i32::MIN), span(i32::MAX)) };
}

/// What a frame lasts where nothing says it: a thirtieth of a second of video, 20 ms of audio.
fn usual_duration(track: &Track) -> u32 {
    let per_second = match track.kind() {
        Kind::Video => 30,
        Kind::Audio => 50,
    };
    (track.timescale / per_second).max(1)
}
