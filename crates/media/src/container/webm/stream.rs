//! From the blocks of a track to its frames: what starts a take, what is announced, what is dropped.

use std::collections::VecDeque;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::block::{Block, Frames};
use super::clock::Clock;
use super::entry::{Entries, Entry};
use super::pool::Pool;

use crate::codec::nal::Syntax;
use crate::codec::picture::{Picture, continues, look, normalise};
use crate::codec::{aac, opus};
use crate::container::Event;
use crate::rotation;
use crate::track::rescale;
use crate::{Codec, Frame, Kind, Reason, Track};

/// Nanoseconds of a second.
const SECOND: u32 = 1_000_000_000;

/// A step back in a track past which a new clock is assumed, in nanoseconds: a new take begins. Smaller steps back
/// are clamped. Frames that are shown out of order step back too, at keyframes alone they do not.
const STEP_BACK: i64 = SECOND as i64;
/// A step ahead past which a new clock is assumed, in nanoseconds.
const STEP_AHEAD: i64 = 24 * 3600 * SECOND as i64;

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
    events: VecDeque<Event>,
}

/// A block that is given out when what follows it begins like an element.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Held {
    pub(crate) kind: Kind,
    /// Nanoseconds.
    pub(crate) time: i64,
    /// Nanoseconds of one of its frames.
    duration: Option<u64>,
    frames: Frames<Bytes>,
}

/// A track of the input.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Stream {
    entry: Entry,
    clock: Clock,
    /// What was announced in this take.
    track: Option<Track>,
    /// Whether frames may come in another order than they are shown.
    reorders: bool,
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
        self.begin_take(false);
        self.numbers.clear();
        (self.video, self.audio) = (None, None);
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
        for stream in [&mut self.video, &mut self.audio].into_iter().flatten() {
            stream.track = None;
            stream.clock = Clock::default();
        }
    }

    /// Whether the frames of a track may come in another order than they are shown.
    pub(crate) fn reorder(&self, kind: Kind) -> bool {
        self.stream(kind).is_some_and(|stream| stream.reorders)
    }

    /// Whether a cluster that begins at `start`, in nanoseconds, is so late that another before it was lost: nothing came
    /// of any track, also not of the sound, which was there until then. Recorders begin a slice with a cluster, so that
    /// the structure does not show the loss of one.
    pub(crate) fn are_late(&self, start: i64) -> bool {
        let last = |stream: &Option<Stream>| {
            let stream = stream.as_ref()?;
            let last = rescale(stream.clock.last()?, stream.track.as_ref()?.timescale, SECOND);
            Some(last.saturating_sub(stream.entry.shift))
        };
        let Some(sound) = last(&self.audio) else { return false };
        let newest = last(&self.video).map_or(sound, |picture| picture.max(sound));
        newest.saturating_sub(sound) <= LOST_AFTER && start.saturating_sub(newest) > LOST_AFTER
    }

    /// The next event.
    pub(crate) fn next(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// A block of a cluster that begins at `start`, in nanoseconds, in the form that is given out; `None` for a track
    /// that is not recorded.
    pub(crate) fn hold(&mut self, block: &Block<'_>, start: i64) -> Result<Option<Held>, Reason> {
        let Some(kind) = self.kind(block.track) else { return Ok(None) };
        let Some(stream) = self.stream_mut(kind) else { return Ok(None) };
        let frames = block.frames.try_map(|frame| stream.normalise(frame))?;
        let count = frames.as_slice().len().max(1) as u64;
        let duration = block.duration.map(|ticks| ticks.saturating_mul(self.scale) / count);
        let time = start + i64::from(block.relative) * self.scale as i64;
        Ok(Some(Held { kind, time, duration, frames }))
    }

    /// Gives out the frames of a block.
    pub(crate) fn release(&mut self, held: Held) {
        let frames = match held.frames {
            Frames::One(frame) => {
                self.take(held.kind, held.time, held.duration, frame);
                return;
            }
            Frames::Laced(frames) => frames,
        };
        let mut time = held.time;
        for frame in frames {
            let own = self.take(held.kind, time, held.duration, frame);
            let told = || self.stream(held.kind)?.entry.frame_duration;
            time = time.saturating_add_unsigned(own.or(held.duration).or_else(told).unwrap_or(0));
        }
    }

    /// Takes the next frame of a track: `time` and `duration` in nanoseconds, as the container says them; what is before
    /// time 0 moves to it. Returns how long the frame lasts in nanoseconds, where its codec says so.
    fn take(&mut self, kind: Kind, time: i64, duration: Option<u64>, data: Bytes) -> Option<u64> {
        let scale = self.scale;
        let stream = self.stream_mut(kind)?;
        let time = time.saturating_add(stream.entry.shift).max(0);
        let (key, picture) = look(stream.entry.codec, &stream.entry.private, &data);
        if stream.starts_take(key, time, picture.as_ref()) {
            self.begin_take(false);
        }
        let stream = self.stream_mut(kind)?;
        if stream.track.is_none() {
            let track = stream.describe(picture, scale)?;
            stream.track = Some(track.clone());
            self.announce(track);
        }
        let stream = self.stream_mut(kind)?;
        let (frame, length) = stream.frame(time, duration, key, data)?;
        self.events.push_back(Event::Frame(frame));
        length
    }

    fn announce(&mut self, track: Track) {
        if !self.begun {
            self.events.push_back(Event::Take { after_hole: self.after_hole });
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
        Self { entry, clock: Clock::default(), track: None, reorders, pool: Pool::default() }
    }

    /// The bytes of a frame in the form that bodies hold.
    fn normalise(&mut self, data: &[u8]) -> Result<Bytes, Reason> {
        let syntax = Syntax::of(self.entry.codec);
        let length_size = syntax.and_then(|syntax| syntax.length_size(&self.entry.private));
        let frame = normalise(self.entry.codec, length_size, data);
        let frame = frame.filter(|frame| syntax.is_none() || !frame.is_empty());
        let frame = frame.ok_or(Reason::Malformed("a frame holds no whole NAL unit"))?;
        Ok(self.pool.keep(frame))
    }

    /// Whether a frame cannot stand in the take of those before it: its clock or its decoder is another.
    fn starts_take(&self, key: bool, time: i64, picture: Option<&Picture>) -> bool {
        let Some(track) = &self.track else { return false };
        if picture.is_some_and(|picture| !continues(track, picture)) {
            return true;
        }
        self.clock.last().is_some_and(|last| {
            let last = rescale(last, track.timescale, SECOND);
            let back = last.saturating_sub(time) > STEP_BACK && (key || !self.reorders);
            back || time.saturating_sub(last) > STEP_AHEAD
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
        let most = if entry.codec == Codec::Vp8 { 1000 } else { u64::from(u32::MAX) };
        Some(Track {
            codec: entry.codec,
            timescale: (1_000_000_000 / scale.max(1)).clamp(1000, most) as u32,
            width: picture.width,
            height: picture.height,
            sample_rate: 0,
            channels: 0,
            config: picture.config,
            matrix: rotation::matrix(self.entry.turns, picture.width, picture.height),
            pixel_aspect: None,
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
