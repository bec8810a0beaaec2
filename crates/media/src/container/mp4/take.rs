//! From the samples of a movie to the events of a recording: what starts a take, what is announced, what is not shown.

use std::collections::VecDeque;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::edits::{Edits, Part};
use super::hidden::Hidden;
use super::movie::{Movie, Placed, Source};
use crate::codec::access::{Access, Memory};
use crate::codec::picture::{Picture, continues, sets_in_band};
use crate::codec::{aac, opus};
use crate::container::Event;
use crate::container::pool::Pool;
use crate::track::rescale;
use crate::{Codec, Frame, Kind, Track, Unread, Why};

/// Seconds that a track may step back before a new clock is assumed, and with it a new take. Less is overlap: it is
/// moved forward.
const STEP_BACK_SECONDS: i64 = 1;
/// Seconds that a track may step ahead before a new clock is assumed.
const STEP_AHEAD_SECONDS: i64 = 24 * 3600;
/// Ticks per second that a track has at most: a finer clock is counted in microseconds, so that an hour between two frames
/// is still a duration (32 bits).
const MOST_TICKS: u32 = 1_000_000;
/// Ticks per second at least of a picture with frames that are not shown: 600 of them fit into a millisecond.
const LEAST_TICKS_TO_HIDE: u32 = 600_000;

/// The tracks of a movie that are recorded, and the events made of them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Streams {
    streams: Vec<Stream>,
    /// Whether the take that frames belong to has been announced.
    begun: bool,
    /// Whether bytes were lost before the take that is to begin.
    after_hole: bool,
    /// Milliseconds of the frames' times at which what the file shows begins.
    zero_ms: i64,
    /// Milliseconds of the frames' times at which the video and the audio begin of the take that is to begin, where that
    /// is known.
    begin_ms: [Option<i64>; 2],
    /// Whether a frame was given out.
    has_frames: bool,
    events: VecDeque<Event>,
}

/// A track of the input.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Stream {
    kind: Kind,
    /// By their number in the file; `None` for one that is not read here.
    descriptions: Vec<Option<Description>>,
    /// That of the samples in hand.
    current: Option<u32>,
    /// Ticks per second in the file, and in what is given out.
    timescale: u32,
    ticks: u32,
    edits: Edits,
    /// Ticks that are given out, added to presentation times.
    later: i64,
    /// The stretch of the edit list that was shown last.
    part: Option<usize>,
    hidden: Hidden,
    /// What was announced in this take.
    track: Option<Track>,
    /// Decoding time of the last frame.
    last: Option<i64>,
    /// Ticks that decoding times are moved back by, so that the take's first frame is shown no earlier than it is decoded.
    early: i64,
    memory: Memory,
    /// Where in the input the units begin that wait for a frame.
    #[serde(skip)]
    waits_at: u64,
    #[serde(skip)]
    pool: Pool,
}

/// How the samples of a track are coded.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Description {
    /// What players get wrong is put right.
    entry: Track,
    /// Parameter sets that are put in front of keyframes: a track of several descriptions has only one record.
    sets: Bytes,
}

/// A frame with its times in ticks that are given out.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Timed {
    pub(super) offset: u64,
    pub(super) dts: i64,
    pub(super) pts: i64,
    pub(super) duration: Option<u32>,
    pub(super) data: Bytes,
}

/// A sample that is not what its codec says it is: its bytes are not those that were written.
pub(super) struct Damaged;

impl Streams {
    /// The tracks of a new movie; a new take begins with the next frame.
    pub(super) fn set(&mut self, movie: &Movie) {
        self.tell_waiting();
        self.begin_take(false);
        self.zero_ms = movie.zero_ms;
        self.streams = movie.sources.iter().map(|source| Stream::new(source, movie.later_ms)).collect();
        let firsts: Vec<_> = movie.sources.iter().filter_map(|source| source.upcoming).collect();
        self.expect(firsts.iter());
    }

    /// Says which samples come in what follows, those of each track in their order: a take that begins with the first one
    /// that is shown of a track begins when the other track does, if that is earlier.
    pub(super) fn expect<'a>(&mut self, samples: impl Iterator<Item = &'a Placed>) {
        self.begin_ms = [None; 2];
        if self.begun {
            return;
        }
        for sample in samples {
            if self.begin_ms[sample.kind.slot()].is_none() {
                self.begin_ms[sample.kind.slot()] = self.shown_ms(sample);
            }
        }
        // In front of fragments a list does not tell how much of the first packet of sound it leaves out.
        if let Some(ms) = self.begin_ms[Kind::Audio.slot()].filter(|_| self.zero_ms > 0) {
            self.zero_ms = self.zero_ms.min(ms);
        }
        let earliest = self.begin_ms.iter().flatten().min();
        if let Some(early) = earliest.filter(|ms| **ms < 0 && !self.begun).copied() {
            self.move_later(1 - early);
        }
    }

    /// Moves everything: composition times may lie before 0 (8.8.8, version 1).
    fn move_later(&mut self, ms: i64) {
        for stream in &mut self.streams {
            stream.later = stream.later.saturating_add(rescale(ms, 1_000, stream.ticks));
        }
        self.begin_ms.iter_mut().flatten().for_each(|begin| *begin = begin.saturating_add(ms));
        if self.zero_ms > 0 {
            self.zero_ms = self.zero_ms.saturating_add(ms);
        }
    }

    /// When a sample is shown, in milliseconds of the times that are given out; `None` for one that is not.
    fn shown_ms(&self, sample: &Placed) -> Option<i64> {
        let stream = self.streams.iter().find(|stream| stream.kind == sample.kind)?;
        let pts = sample.dts.saturating_add(sample.cts.into());
        let part = stream.edits.part(stream.edits.shows(stream.kind, pts, sample.duration.into())?)?;
        Some(rescale(stream.time(part, pts), stream.ticks, 1_000))
    }

    /// A new take begins with the next frame.
    pub(super) fn begin_take(&mut self, after_hole: bool) {
        self.begun = false;
        self.after_hole |= after_hole;
        for stream in &mut self.streams {
            (stream.track, stream.last, stream.early) = (None, None, 0);
            if after_hole {
                stream.hidden.clear();
            }
        }
        if after_hole {
            self.tell_waiting();
        }
    }

    /// Tells the units that wait for a frame which does not come; whether there were any.
    pub(super) fn tell_waiting(&mut self) -> bool {
        let mut are_told = false;
        for stream in &mut self.streams {
            let (offset, kind) = (stream.waits_at, Some(stream.kind));
            if let Some(bytes) = stream.memory.take_waiting() {
                self.events.push_back(Event::Unread(Unread { offset, bytes, kind, reason: Why::Unreadable }));
                are_told = true;
            }
        }
        are_told
    }

    /// The next event.
    pub(super) fn next(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Whether a frame has been found in all that came.
    pub(super) fn has_frames(&self) -> bool {
        self.has_frames
    }

    /// Tells bytes that stand in no frame.
    pub(super) fn tell_unread(&mut self, offset: u64, bytes: &[u8], kind: Option<Kind>, reason: Why) {
        let bytes = Bytes::copy_from_slice(bytes);
        self.tell(Unread { offset, bytes, kind, reason });
    }

    /// Tells a piece of the input that stands in no frame.
    pub(super) fn tell(&mut self, piece: Unread) {
        self.events.push_back(Event::Unread(piece));
    }

    /// Takes the next sample.
    pub(super) fn take(&mut self, sample: &Placed, bytes: &[u8]) -> Result<(), Damaged> {
        let kind = sample.kind;
        let Some(stream) = self.stream(kind) else { return Ok(()) };
        let Some(is_new_decoder) = stream.describe_as(sample.description) else { return Err(Damaged) };
        if is_new_decoder {
            self.begin_take(false);
        }
        let Some(stream) = self.stream(kind) else { return Ok(()) };
        if !stream.memory.is_waiting() {
            stream.waits_at = sample.offset;
        }
        let Some(data) = stream.read(bytes)? else { return Ok(()) };
        let (key, data) = stream.with_sets(data);
        let (needed, frame) = stream.shown(sample, key, data);
        for frame in needed.into_iter().chain(frame) {
            self.give(kind, frame);
        }
        Ok(())
    }

    /// Gives out a frame, or tells that no decoder can begin with it.
    fn give(&mut self, kind: Kind, mut frame: Timed) {
        let Some(stream) = self.stream(kind) else { return };
        let (key, picture) = stream.look(&frame.data);
        frame.dts = frame.dts.saturating_sub(stream.early);
        if stream.starts_take(&frame, picture.as_ref()) {
            self.begin_take(false);
        }
        let Some(stream) = self.stream(kind) else { return };
        if stream.track.is_none() {
            let Some(track) = stream.describe(picture) else {
                self.tell_unread(frame.offset, &frame.data, Some(kind), Why::BeforeKeyframe);
                return;
            };
            stream.track = Some(track.clone());
            stream.early = frame.dts.saturating_sub(frame.pts).max(0);
            frame.dts = frame.dts.saturating_sub(stream.early);
            let own_ms = rescale(frame.pts, stream.ticks, 1_000);
            self.announce(track, own_ms);
        }
        if let Some(stream) = self.stream(kind) {
            let frame = stream.frame(frame, key);
            self.events.push_back(Event::Frame(frame));
            self.has_frames = true;
        }
    }

    /// Announces a track whose first frame is shown at a time, in milliseconds.
    fn announce(&mut self, track: Track, own_ms: i64) {
        if !self.begun {
            self.events.push_back(Event::Take { after_hole: self.after_hole });
            if self.zero_ms > 0 {
                self.events.push_back(Event::ShownFrom { ms: self.zero_ms });
            }
            let other = self.begin_ms[1 - track.kind().slot()];
            self.begin_ms = [None; 2];
            if let Some(ms) = other.filter(|ms| *ms < own_ms) {
                self.events.push_back(Event::BeginsAt { ms });
            }
            (self.begun, self.after_hole) = (true, false);
        }
        self.events.push_back(Event::Track(track));
    }

    fn stream(&mut self, kind: Kind) -> Option<&mut Stream> {
        self.streams.iter_mut().find(|stream| stream.kind == kind)
    }
}

impl Stream {
    fn new(source: &Source, later_ms: i64) -> Self {
        let timescale = source.timescale();
        let ticks = ticks_given_out(source);
        let mut edits = source.edits.clone();
        let several = source.descriptions.len() > 1;
        let describe = |track: &Track| {
            let mut entry = Track { timescale: ticks, ..track.clone() };
            if let Some(head) = opus_head(&entry, edits.skips) {
                entry.config = head.config().into();
            }
            let sets = if several { sets_in_band(entry.codec, &entry.config) } else { Bytes::new() };
            Description { entry, sets }
        };
        let descriptions: Vec<_> =
            source.descriptions.iter().map(|track| track.as_ref().map(describe)).collect();
        if let Some(head) =
            source.descriptions.iter().flatten().find_map(|track| opus_head(track, edits.skips))
        {
            // The samples that the record still names are skipped by players.
            if edits.skips {
                edits.delay(i64::from(head.pre_skip) * i64::from(timescale) / 48_000);
            }
        }
        Self {
            kind: source.kind(),
            descriptions,
            current: None,
            timescale,
            ticks,
            edits,
            later: rescale(later_ms, 1_000, ticks),
            part: None,
            early: 0,
            hidden: Hidden::default(),
            track: None,
            last: None,
            memory: Memory::default(),
            waits_at: 0,
            pool: Pool::default(),
        }
    }

    /// Goes over to a description of the file: whether a decoder must begin anew for it; `None` where it cannot be read.
    fn describe_as(&mut self, number: u32) -> Option<bool> {
        if self.current == Some(number) {
            return Some(false);
        }
        let next = self.descriptions.get(number as usize)?.as_ref()?;
        let before = self.current.replace(number).and_then(|before| self.description(before));
        let is_other = |before: &Description| {
            before.entry.codec != next.entry.codec
                || before.entry.pixel_aspect != next.entry.pixel_aspect
                || next.sets.is_empty() && before.entry.config != next.entry.config
        };
        Some(before.is_some_and(is_other))
    }

    fn description(&self, number: u32) -> Option<&Description> {
        self.descriptions.get(number as usize)?.as_ref()
    }

    fn entry(&self) -> Option<&Track> {
        self.current.and_then(|current| self.description(current)).map(|description| &description.entry)
    }

    /// The sample in the form that bodies hold; `None` where it is no picture and no sound: some recorders write the
    /// configuration in front of the first packet.
    fn read(&mut self, bytes: &[u8]) -> Result<Option<Bytes>, Damaged> {
        let Some(description) =
            self.current.and_then(|current| self.descriptions.get(current as usize)?.as_ref())
        else {
            return Err(Damaged);
        };
        let entry = &description.entry;
        if entry.codec == Codec::Opus && (bytes.starts_with(b"OpusHead") || bytes.starts_with(b"OpusTags")) {
            return Ok(None);
        }
        match self.memory.read(entry.codec, &entry.config, bytes) {
            Access::Frame(frame) => Ok(Some(self.pool.keep(frame))),
            Access::Nothing => Ok(None),
            Access::Unreadable => Err(Damaged),
        }
    }

    fn look(&self, frame: &[u8]) -> (bool, Option<Picture>) {
        let Some(entry) = self.entry() else { return (false, None) };
        self.memory.look(entry.codec, &entry.config, frame, self.track.is_some())
    }

    /// Whether decoding may start at a frame, where that is of interest here, and the frame with the parameter sets of its
    /// description where the track has several: a decoder that was given another's must get them in band.
    fn with_sets(&self, data: Bytes) -> (bool, Bytes) {
        let description = self.current.and_then(|current| self.description(current));
        let needs = |description: &&Description| self.edits.hides() || !description.sets.is_empty();
        let Some(description) = description.filter(needs) else { return (false, data) };
        let key = self.look(&data).0;
        match key && !description.sets.is_empty() && !data.starts_with(&description.sets) {
            true => (key, [&description.sets[..], &data].concat().into()),
            false => (key, data),
        }
    }

    /// What a sample gives: itself where it is shown, and in front of it the frames that it needs and that are not shown.
    fn shown(&mut self, sample: &Placed, key: bool, data: Bytes) -> (Vec<Timed>, Option<Timed>) {
        let pts = sample.dts.saturating_add(sample.cts.into());
        let own = self.own_duration(&data);
        let told = || Some(self.to_ticks(sample.duration.into())).filter(|ticks| *ticks > 0);
        let duration = own.or_else(|| told().and_then(|ticks| u32::try_from(ticks).ok()));
        let number = self.edits.shows(self.kind, pts, sample.duration.into());
        let Some(part) = number.or(self.part).or(Some(0)).and_then(|number| self.edits.part(number)).copied()
        else {
            return (Vec::new(), None);
        };
        let time = |ticks: i64| self.time(&part, ticks);
        // Sound is decoded in the order in which it is heard: a composition offset (8.6.1.3) only moves it.
        let decoded = if self.kind == Kind::Audio { pts } else { sample.dts };
        let mut frame = Timed { offset: sample.offset, dts: time(decoded), pts: time(pts), duration, data };
        let Some(number) = number else {
            if self.kind == Kind::Video {
                self.hidden.hold(frame, key, self.track.is_some());
            }
            return (Vec::new(), None);
        };
        let (start, until) = (time(part.from), time(part.until));
        let begins = self.part != Some(number);
        if begins {
            self.hidden.begin_stretch();
        }
        let end = if self.edits.is_last(number) { i64::MAX } else { until };
        let needed = self.hidden.reveal(&mut frame, key, begins, start, (until, end));
        self.part = Some(number);
        (needed, Some(frame))
    }

    /// When a media time is shown by a stretch of the edit list, in ticks that are given out.
    fn time(&self, part: &Part, ticks: i64) -> i64 {
        self.to_ticks(ticks.saturating_add(part.shift)).saturating_add(self.later)
    }

    /// A time of the file in ticks that are given out.
    fn to_ticks(&self, time: i64) -> i64 {
        if self.timescale == self.ticks { time } else { rescale(time, self.timescale, self.ticks) }
    }

    /// Whether a frame cannot stand in the take of those before it: its clock or its decoder is another.
    fn starts_take(&self, frame: &Timed, picture: Option<&Picture>) -> bool {
        let Some(track) = &self.track else { return false };
        let second = i64::from(track.timescale);
        picture.is_some_and(|picture| !continues(track, picture))
            || self.last.is_some_and(|last| {
                last.saturating_sub(frame.dts) > STEP_BACK_SECONDS * second
                    || frame.dts.saturating_sub(last) > STEP_AHEAD_SECONDS * second
            })
    }

    /// The track as it is announced; `None` for video before its first keyframe.
    fn describe(&self, picture: Option<Picture>) -> Option<Track> {
        let entry = self.entry()?;
        let mut track = entry.clone();
        if self.kind == Kind::Video {
            let picture = picture?;
            (track.width, track.height) = (picture.width, picture.height);
            track.config = match track.codec {
                Codec::Vp9 => with_colours_of(&entry.config, picture.config),
                _ => picture.config,
            };
        }
        Some(track)
    }

    fn frame(&mut self, frame: Timed, key: bool) -> Frame {
        let dts = frame.dts.max(self.last.map_or(0, |last| last.saturating_add(1)));
        let pts = if frame.pts == frame.dts { dts } else { frame.pts };
        self.last = Some(dts);
        Frame { kind: self.kind, dts, pts, duration: frame.duration, key, data: frame.data }
    }

    /// How long the frame lasts by its codec: Chromium says 1,024 of each fragment's last Opus packet, whatever it is.
    fn own_duration(&self, data: &[u8]) -> Option<u32> {
        let entry = self.entry()?;
        let (samples, rate) = match entry.codec {
            Codec::Opus => (opus::duration_48k(data)?, 48_000),
            Codec::Aac => (aac::parse(&entry.config)?.frame_samples, entry.sample_rate),
            _ => return None,
        };
        let ticks = u64::from(samples) * u64::from(self.ticks) / u64::from(rate.max(1));
        u32::try_from(ticks).ok().filter(|ticks| *ticks > 0)
    }
}

/// Ticks per second of what is given out: the file's own, as a rule.
fn ticks_given_out(source: &Source) -> u32 {
    let own = source.timescale();
    if own > MOST_TICKS {
        return MOST_TICKS;
    }
    if source.kind() == Kind::Video && source.edits.hides() {
        return own * LEAST_TICKS_TO_HIDE.div_ceil(own);
    }
    own
}

/// The head of Opus that the body's record says, of a track of Opus. With an edit list in the source the skipped samples
/// are known and a part of them may stay named; without one, times are right as they are only where players skip little:
/// Chromium's 3,840 are not in its times.
fn opus_head(track: &Track, skips: bool) -> Option<opus::Head> {
    let mut head = opus::Head::from_config(&track.config).filter(|_| track.codec == Codec::Opus)?;
    let stored = head.stored_pre_skip();
    head.pre_skip = if skips || head.pre_skip <= stored { stored } else { 0 };
    Some(head)
}

/// A `vpcC` record with the colours of the container's record, where that says more than the bitstream can: primaries,
/// transfer and matrix (ISO/IEC 23091-2), 2 meaning unknown.
fn with_colours_of(record: &Bytes, config: Bytes) -> Bytes {
    const UNKNOWN: u8 = 2;
    let colours =
        record.get(7..10).filter(|colours| colours.iter().all(|code| !matches!(*code, 0 | UNKNOWN)));
    match colours {
        Some(colours) if config.len() >= 10 => [&config[..7], colours, &config[10..]].concat().into(),
        _ => config,
    }
}
