//! From the blocks of a track to its frames: what starts a take, what is announced, what is dropped.

use std::borrow::Cow;
use std::collections::VecDeque;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::block::{Block, Frames};
use super::clock::Clock;
use super::entry::{Entries, Entry};
use super::pool::Pool;

use crate::codec::access::{Access, Memory};
use crate::codec::picture::{Picture, continues};
use crate::codec::{aac, opus};
use crate::container::{Event, apart};
use crate::rotation;
use crate::track::rescale;
use crate::{Codec, Frame, Kind, Track, Unread, Why};

/// Nanoseconds of a second.
const SECOND: u32 = 1_000_000_000;
/// Nanoseconds of a millisecond.
const MILLISECOND: i64 = 1_000_000;

/// A step back in a track past which a new clock is assumed, in nanoseconds: a new take begins. Smaller steps back
/// are clamped. Frames that are shown out of order step back too, at keyframes alone they do not.
const STEP_BACK: i64 = SECOND as i64;
/// A step back past which the same is assumed of any frame: none is shown so long before one that is coded before it.
const LONGEST_REORDERING: i64 = 60 * SECOND as i64;
/// A step ahead past which a new clock is assumed, in nanoseconds.
const STEP_AHEAD: i64 = 24 * 3600 * SECOND as i64;

/// Ticks per second that a picture has at most: a finer clock is counted in microseconds, so that an hour between two frames
/// is still a duration (32 bits).
const MOST_TICKS: u64 = 1_000_000;

/// Nanoseconds without any frame before a cluster of a recording that goes on, past which a slice of it was lost: a slice
/// is a second as a rule. A recorder on a slow phone may hold its breath for half of that, which must not cost the picture up
/// to the next keyframe.
const LOST_AFTER: i64 = 900_000_000;

/// The tracks of a segment that are recorded, and the events made of them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Streams {
    numbers: Vec<u64>,
    video: Option<Stream>,
    audio: Option<Stream>,
    /// Nanoseconds of a segment tick.
    scale: u64,
    /// Whether the take that frames belong to has been announced.
    begun: bool,
    /// Whether bytes were lost before the take that is to begin.
    after_hole: bool,
    /// Nanoseconds added to all times of the take, so that none is before 0.
    later: i64,
    /// Nanoseconds of the first frame of the take, as it is given out.
    start: i64,
    events: VecDeque<Event>,
}

/// A block that is given out when what follows it begins like an element.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Held {
    pub(crate) kind: Kind,
    /// Nanoseconds.
    pub(crate) time: i64,
    /// Whether the time is odd, and is to be moved to the newest one of its track.
    pub(crate) is_odd: bool,
    /// Nanoseconds of one of its frames.
    duration: Option<u64>,
    /// As they came.
    frames: Frames<Bytes>,
    /// Where the block begins in the input.
    offset: u64,
}

impl Held {
    /// Bytes of its frames.
    pub(crate) fn len(&self) -> usize {
        self.frames.as_slice().iter().map(Bytes::len).sum()
    }
}

/// A frame as it came.
struct Raw {
    kind: Kind,
    /// Nanoseconds, as the container says them.
    time: i64,
    is_odd: bool,
    duration: Option<u64>,
    data: Bytes,
    offset: u64,
}

/// A track of the input.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Stream {
    entry: Entry,
    clock: Clock,
    /// What was announced in this take.
    track: Option<Track>,
    /// Nanoseconds of the newest frame in this take, as the container says them.
    newest: Option<i64>,
    /// Nanoseconds added to its times in this take, since its clock is another than that of the other track.
    apart: i64,
    /// Whether frames may come in another order than they are shown.
    reorders: bool,
    memory: Memory,
    /// Where in the input the units begin that wait for a frame.
    #[serde(skip)]
    waits_at: u64,
    #[serde(skip)]
    pool: Pool,
}

impl Streams {
    /// The tracks of a new segment.
    pub(crate) fn set(&mut self, entries: Entries, scale: u64) {
        self.numbers = entries.numbers;
        self.video = entries.video.map(Stream::new);
        self.audio = entries.audio.map(Stream::new);
        self.scale = scale;
    }

    /// No tracks are known any more, and a new take begins with the next frame.
    pub(crate) fn forget(&mut self) {
        self.tell_waiting();
        self.begin_take(false);
        self.numbers.clear();
        (self.video, self.audio) = (None, None);
    }

    /// Nanoseconds of a segment tick.
    pub(crate) fn set_scale(&mut self, scale: u64) {
        self.scale = scale;
    }

    /// The numbers of all tracks that were announced.
    pub(crate) fn numbers(&self) -> &[u64] {
        &self.numbers
    }

    /// Nanoseconds of the newest frame of the take, as the container says them; 0 without one.
    pub(crate) fn newest(&self) -> i64 {
        let newest = |stream: &Option<Stream>| stream.as_ref()?.newest;
        newest(&self.video).max(newest(&self.audio)).unwrap_or(0)
    }

    /// Whether the tracks of the segment are known.
    pub(crate) fn are_known(&self) -> bool {
        self.video.is_some() || self.audio.is_some()
    }

    /// Whether a track of this number was announced.
    pub(crate) fn has(&self, number: u64) -> bool {
        self.numbers.contains(&number)
    }

    /// The kind of the track of this number, where it is recorded.
    fn kind(&self, number: u64) -> Option<Kind> {
        [&self.video, &self.audio]
            .into_iter()
            .flatten()
            .find(|stream| stream.entry.number == number)
            .map(|stream| stream.entry.codec.kind())
    }

    /// A new take begins with the next frame.
    pub(crate) fn begin_take(&mut self, after_hole: bool) {
        self.begun = false;
        self.after_hole |= after_hole;
        (self.later, self.start) = (0, 0);
        for stream in [&mut self.video, &mut self.audio].into_iter().flatten() {
            (stream.track, stream.newest, stream.apart) = (None, None, 0);
            stream.clock = Clock::default();
        }
        if after_hole {
            self.tell_waiting();
        }
    }

    /// Tells the units that wait for a frame which does not come; whether there were any.
    pub(crate) fn tell_waiting(&mut self) -> bool {
        let mut are_told = false;
        for stream in [&mut self.video, &mut self.audio].into_iter().flatten() {
            let (offset, kind) = (stream.waits_at, Some(stream.entry.codec.kind()));
            if let Some(bytes) = stream.memory.take_waiting() {
                self.events.push_back(Event::Unread(Unread { offset, bytes, kind, reason: Why::Unreadable }));
                are_told = true;
            }
        }
        are_told
    }

    /// Whether the frames of a track may come in another order than they are shown.
    pub(crate) fn reorder(&self, kind: Kind) -> bool {
        self.stream(kind).is_some_and(|stream| stream.reorders)
    }

    /// Whether a cluster that begins at `start`, in nanoseconds, is so late that another before it was lost: nothing came
    /// of any track, also not of the sound, which was there until then. Recorders begin a slice with a cluster, so that
    /// the structure does not show the loss of one.
    pub(crate) fn are_late(&self, start: i64) -> bool {
        let last = |stream: &Option<Stream>| stream.as_ref()?.newest;
        let Some(sound) = last(&self.audio) else { return false };
        let newest = last(&self.video).map_or(sound, |picture| picture.max(sound));
        newest.saturating_sub(sound) <= LOST_AFTER && start.saturating_sub(newest) > LOST_AFTER
    }

    /// The next event.
    pub(crate) fn next(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// A block of a cluster that begins at `start`, in nanoseconds, in the form that is held back; `None` for a track that
    /// is not recorded. `offset` is where it begins in the input.
    pub(crate) fn hold(&mut self, block: &Block<'_>, start: i64, offset: u64) -> Option<Held> {
        let kind = self.kind(block.track)?;
        let time = start.saturating_add(i64::from(block.relative) * self.scale as i64);
        let scale = self.scale;
        let stream = self.stream_mut(kind)?;
        let frames = block.frames.map(|frame| stream.pool.keep((*frame).into()));
        let count = frames.as_slice().len().max(1) as u64;
        let duration = block.duration.map(|ticks| ticks.saturating_mul(scale) / count);
        Some(Held { kind, time, is_odd: false, duration, frames, offset })
    }

    /// Gives out the frames of a block.
    pub(crate) fn release(&mut self, held: Held) {
        let Held { kind, mut time, is_odd, duration, frames, offset } = held;
        match frames {
            Frames::One(data) => {
                self.take(Raw { kind, time, is_odd, duration, data, offset });
            }
            Frames::Laced(frames) => {
                for data in frames {
                    let own = self.take(Raw { kind, time, is_odd, duration, data, offset });
                    let told = || self.stream(kind)?.entry.frame_duration;
                    time = time.saturating_add_unsigned(own.or(duration).or_else(told).unwrap_or(0));
                }
            }
        }
    }

    /// Tells the frames of a block that nothing proved whole.
    pub(crate) fn leave_out(&mut self, held: Held) {
        for frame in held.frames.as_slice() {
            self.tell(held.offset, frame.clone(), Some(held.kind), Why::Damaged);
        }
    }

    /// Tells a piece of the input that no frame is made of.
    pub(crate) fn tell_piece(&mut self, piece: Unread) {
        self.events.push_back(Event::Unread(piece));
    }

    /// Tells bytes that no frame is made of.
    pub(crate) fn tell(&mut self, offset: u64, bytes: Bytes, kind: Option<Kind>, reason: Why) {
        if !bytes.is_empty() {
            self.events.push_back(Event::Unread(Unread { offset, bytes, kind, reason }));
        }
    }

    /// Takes the next frame of a track. Returns how long it lasts in nanoseconds, where its codec says so.
    fn take(&mut self, raw: Raw) -> Option<u64> {
        let Raw { kind, offset, duration, .. } = raw;
        let stream = self.stream_mut(kind)?;
        if !stream.memory.is_waiting() {
            stream.waits_at = offset;
        }
        let data = match stream.read(&raw.data) {
            Ok(Some(data)) => data,
            Ok(None) => return None,
            Err(reason) => {
                self.tell(offset, raw.data, Some(kind), reason);
                return None;
            }
        };
        let newest = stream.newest.filter(|_| raw.is_odd);
        let own_time = newest.map_or(raw.time, |newest| newest.max(raw.time));
        let time = self.moved(kind, own_time);
        let stream = self.stream_mut(kind)?;
        let (key, picture) = stream.look(&data);
        if stream.starts_take(key, time, picture.as_ref()) {
            self.begin_take(false);
        }
        let time = self.join(kind, own_time);
        let scale = self.scale;
        let stream = self.stream_mut(kind)?;
        if stream.track.is_none() {
            let Some(track) = stream.describe(picture, scale) else {
                // A keyframe that nothing describes: the track cannot begin.
                let reason = if key { Why::NeverBegan } else { Why::BeforeKeyframe };
                self.tell(offset, raw.data, Some(kind), reason);
                return None;
            };
            stream.track = Some(track.clone());
            self.announce(track, time);
        }
        let stream = self.stream_mut(kind)?;
        stream.newest = Some(stream.newest.map_or(own_time, |newest| newest.max(own_time)));
        let (frame, length) = stream.frame(time, duration, key, data)?;
        self.events.push_back(Event::Frame(frame));
        length
    }

    /// A time of the container, in nanoseconds, on the clock of the take.
    fn moved(&self, kind: Kind, time: i64) -> i64 {
        let (shift, apart) = self.stream(kind).map_or((0, 0), |stream| (stream.entry.shift, stream.apart));
        time.saturating_add(shift).saturating_add(apart).saturating_add(self.later)
    }

    /// The same of a frame that may be the first of its take, or of its track in it: what is before 0 moves the whole take,
    /// and a track whose clock is another begins where the take begins.
    fn join(&mut self, kind: Kind, time: i64) -> i64 {
        let Some(stream) = self.stream(kind) else { return time };
        if stream.track.is_none() {
            let early = time.saturating_add(stream.entry.shift) < 0;
            if !self.begun && early {
                self.later = self.before_zero();
            }
            if self.begun {
                let first = self.moved(kind, time);
                let other = if kind == Kind::Video { Kind::Audio } else { Kind::Video };
                let newest = self.stream(other).and_then(|other| other.newest);
                let newest = newest.map_or(self.start, |newest| self.moved(other, newest));
                let apart = apart::brought_together(first, self.start, newest);
                if let Some(stream) = self.stream_mut(kind) {
                    stream.apart = apart;
                }
            }
        }
        self.moved(kind, time)
    }

    /// Nanoseconds that a block can be before time 0 at most: all that 16 bits hold. The take is moved by as much, so that
    /// whatever comes before its first frame still has its distance; the play clock begins at the first frame.
    fn before_zero(&self) -> i64 {
        let most = (-i64::from(i16::MIN)).saturating_mul(self.scale as i64);
        most.saturating_add(SECOND.into()) / MILLISECOND * MILLISECOND
    }

    /// Announces a track whose first frame is at `time`.
    fn announce(&mut self, track: Track, time: i64) {
        if !self.begun {
            self.start = time;
            self.events.push_back(Event::Take { after_hole: self.after_hole });
            // The blocks of all tracks are in the order of their times (WebM Container Guidelines, "Muxer").
            self.events.push_back(Event::Interleaved);
            (self.begun, self.after_hole) = (true, false);
        }
        self.events.push_back(Event::Track(track));
    }

    fn stream(&self, kind: Kind) -> Option<&Stream> {
        match kind {
            Kind::Video => self.video.as_ref(),
            Kind::Audio => self.audio.as_ref(),
        }
    }

    fn stream_mut(&mut self, kind: Kind) -> Option<&mut Stream> {
        match kind {
            Kind::Video => self.video.as_mut(),
            Kind::Audio => self.audio.as_mut(),
        }
    }
}

impl Stream {
    fn new(entry: Entry) -> Self {
        let reorders = matches!(entry.codec, Codec::H264 | Codec::Hevc);
        Self {
            entry,
            clock: Clock::default(),
            track: None,
            newest: None,
            apart: 0,
            reorders,
            memory: Memory::default(),
            waits_at: 0,
            pool: Pool::default(),
        }
    }

    /// What came, in the form that bodies hold; `None` where it is no frame, an error where nobody can say what it is.
    fn read(&mut self, raw: &Bytes) -> Result<Option<Bytes>, Why> {
        match self.memory.read(self.entry.codec, &self.entry.private, raw) {
            Access::Frame(Cow::Borrowed(frame)) => Ok(Some(raw.slice_ref(frame))),
            Access::Frame(frame @ Cow::Owned(_)) => Ok(Some(self.pool.keep(frame))),
            Access::Nothing => Ok(None),
            Access::Unreadable => Err(Why::Unreadable),
        }
    }

    /// Whether decoding may start at a frame, and what it then says of the picture.
    fn look(&self, frame: &[u8]) -> (bool, Option<Picture>) {
        self.memory.look(self.entry.codec, &self.entry.private, frame, self.track.is_some())
    }

    /// Whether a frame cannot stand in the take of those before it: its clock or its decoder is another.
    fn starts_take(&self, key: bool, time: i64, picture: Option<&Picture>) -> bool {
        let Some(track) = &self.track else { return false };
        if picture.is_some_and(|picture| !continues(track, picture)) {
            return true;
        }
        self.clock.last().is_some_and(|last| {
            let last = rescale(last, track.timescale, SECOND);
            let back = last.saturating_sub(time);
            let is_other = back > STEP_BACK && (key || !self.reorders) || back > LONGEST_REORDERING;
            is_other || time.saturating_sub(last) > STEP_AHEAD
        })
    }

    /// The track as it is announced; `None` for video before its first keyframe.
    fn describe(&mut self, picture: Option<Picture>, scale: u64) -> Option<Track> {
        let entry = &self.entry;
        if entry.codec.kind() == Kind::Audio {
            return Some(Track {
                codec: entry.codec,
                timescale: entry.sample_rate,
                width: 0,
                height: 0,
                sample_rate: entry.sample_rate,
                channels: entry.channels,
                config: entry.private.clone(),
                matrix: None,
                pixel_aspect: None,
            });
        }
        let picture = picture?;
        self.reorders = picture.reorder > 0;
        self.clock = Clock::reordering(picture.reorder.into());
        // VP8 bodies are WebM, and count milliseconds.
        let most = if entry.codec == Codec::Vp8 { 1000 } else { MOST_TICKS };
        Some(Track {
            codec: entry.codec,
            timescale: (1_000_000_000 / scale.max(1)).clamp(1000, most) as u32,
            width: picture.width,
            height: picture.height,
            sample_rate: 0,
            channels: 0,
            config: picture.config,
            matrix: rotation::matrix(self.entry.turns, picture.width, picture.height),
            pixel_aspect: self.entry.pixel_aspect,
        })
    }

    /// The frame with its times, and how long it lasts in nanoseconds where its codec says so.
    fn frame(
        &mut self,
        time: i64,
        duration: Option<u64>,
        key: bool,
        data: Bytes,
    ) -> Option<(Frame, Option<u64>)> {
        let track = self.track.as_ref()?;
        let timescale = track.timescale;
        let time = rescale(time, SECOND, timescale);
        let (dts, pts) = match track.codec {
            Codec::H264 | Codec::Hevc => (self.clock.reordered(time), time),
            _ => {
                let time = self.clock.in_order(time);
                (time, time)
            }
        };
        let own = match track.codec {
            Codec::Opus => opus::duration_48k(&data),
            Codec::Aac => aac::parse(&track.config).map(|config| config.frame_samples),
            _ => None,
        };
        let told = || {
            let ns = i64::try_from(duration?).ok()?;
            u32::try_from(rescale(ns, SECOND, timescale)).ok().filter(|ticks| *ticks > 0)
        };
        let length = own.map(|ticks| rescale(ticks.into(), timescale, SECOND) as u64);
        let frame = Frame { kind: track.kind(), dts, pts, duration: own.or_else(told), key, data };
        Some((frame, length))
    }
}
