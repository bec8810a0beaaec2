//! From the samples of a movie to the events of a recording: what starts a take, what is announced, what is dropped.

use std::collections::VecDeque;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::movie::{Movie, Placed, Source};
use crate::codec::nal::Syntax;
use crate::codec::picture::{Picture, continues, look, normalise};
use crate::codec::{aac, opus};
use crate::container::Event;
use crate::container::pool::Pool;
use crate::{Codec, Frame, Kind, Track};

/// Seconds that a track may step back before a new clock is assumed, and with it a new take. Less is overlap: it is
/// moved forward.
const STEP_BACK_SECONDS: i64 = 1;
/// Seconds that a track may step ahead before a new clock is assumed.
const STEP_AHEAD_SECONDS: i64 = 24 * 3600;

/// The tracks of a movie that are recorded, and the events made of them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Streams {
    streams: Vec<Stream>,
    /// Whether the take that frames belong to has been announced.
    begun: bool,
    /// Whether bytes were lost before the take that is to begin.
    after_hole: bool,
    events: VecDeque<Event>,
}

/// A track of the input.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Stream {
    /// As its sample entry describes it, what players get wrong put right.
    entry: Track,
    /// Bytes of the lengths before NAL units, for codecs with them.
    length_size: u8,
    /// Ticks from its media time to the take's time.
    shift: i64,
    /// What was announced in this take.
    track: Option<Track>,
    /// Decoding time of the last frame.
    last: Option<i64>,
    #[serde(skip)]
    pool: Pool,
}

/// A frame that is not what its codec says it is: its bytes are not those that were written.
pub(super) struct Damaged;

impl Streams {
    /// The tracks of a new movie; a new take begins with the next frame.
    pub(super) fn set(&mut self, movie: &Movie) {
        self.begin_take(false);
        self.streams = movie.sources.iter().map(Stream::new).collect();
    }

    /// A new take begins with the next frame.
    pub(super) fn begin_take(&mut self, after_hole: bool) {
        self.begun = false;
        self.after_hole |= after_hole;
        for stream in &mut self.streams {
            (stream.track, stream.last) = (None, None);
        }
    }

    /// The next event.
    pub(super) fn next(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Takes the next sample.
    pub(super) fn take(&mut self, sample: &Placed, bytes: &[u8]) -> Result<(), Damaged> {
        let Some(stream) = self.stream(sample.kind) else { return Ok(()) };
        let data = stream.normalise(bytes).ok_or(Damaged)?;
        if data.is_empty() {
            return Ok(());
        }
        let (key, picture) = look(stream.entry.codec, &stream.entry.config, &data);
        if stream.starts_take(sample, picture.as_ref()) {
            self.begin_take(false);
        }
        let Some(stream) = self.stream(sample.kind) else { return Ok(()) };
        if stream.track.is_none() {
            let Some(track) = stream.describe(picture) else { return Ok(()) };
            stream.track = Some(track.clone());
            self.announce(track);
        }
        if let Some(stream) = self.stream(sample.kind) {
            let frame = stream.frame(sample, key, data);
            self.events.push_back(Event::Frame(frame));
        }
        Ok(())
    }

    fn announce(&mut self, track: Track) {
        if !self.begun {
            self.events.push_back(Event::Take { after_hole: self.after_hole });
            (self.begun, self.after_hole) = (true, false);
        }
        self.events.push_back(Event::Track(track));
    }

    fn stream(&mut self, kind: Kind) -> Option<&mut Stream> {
        self.streams.iter_mut().find(|stream| stream.entry.kind() == kind)
    }
}

impl Stream {
    fn new(source: &Source) -> Self {
        let mut entry = source.track.clone();
        let mut shift = source.shift;
        let length_size =
            Syntax::of(entry.codec).and_then(|syntax| syntax.length_size(&entry.config)).unwrap_or(4);
        if let Some(mut head) = opus::Head::from_config(&entry.config).filter(|_| entry.codec == Codec::Opus)
        {
            head.pre_skip = kept_pre_skip(&head, source);
            if source.skips {
                shift = shift.saturating_add(i64::from(head.pre_skip) * i64::from(entry.timescale) / 48_000);
            }
            entry.config = head.config().into();
        }
        Self { entry, length_size, shift, track: None, last: None, pool: Pool::default() }
    }

    /// The sample in the form that bodies hold; `None` where it cannot be what was written.
    fn normalise(&mut self, bytes: &[u8]) -> Option<Bytes> {
        let frame = normalise(self.entry.codec, Some(self.length_size), bytes)?;
        Some(self.pool.keep(frame))
    }

    /// Whether a sample cannot stand in the take of those before it: its clock or its decoder is another.
    fn starts_take(&self, sample: &Placed, picture: Option<&Picture>) -> bool {
        let Some(track) = &self.track else { return false };
        let second = i64::from(track.timescale);
        let time = sample.dts.saturating_add(self.shift);
        picture.is_some_and(|picture| !continues(track, picture))
            || self.last.is_some_and(|last| {
                last.saturating_sub(time) > STEP_BACK_SECONDS * second
                    || time.saturating_sub(last) > STEP_AHEAD_SECONDS * second
            })
    }

    /// The track as it is announced; `None` for video before its first keyframe.
    fn describe(&self, picture: Option<Picture>) -> Option<Track> {
        let mut track = self.entry.clone();
        if track.kind() == Kind::Video {
            let picture = picture?;
            (track.width, track.height) = (picture.width, picture.height);
            track.config = match track.codec {
                Codec::Vp9 => with_colours_of(&self.entry.config, picture.config),
                _ => picture.config,
            };
        }
        Some(track)
    }

    fn frame(&mut self, sample: &Placed, key: bool, data: Bytes) -> Frame {
        let time = sample.dts.saturating_add(self.shift);
        let dts = time.max(self.last.map_or(0, |last| last.saturating_add(1)));
        let pts = if sample.cts == 0 { dts } else { time.saturating_add(sample.cts.into()) };
        self.last = Some(dts);
        let told = Some(sample.duration).filter(|ticks| *ticks > 0);
        let duration = self.own_duration(&data).or(told);
        Frame { kind: sample.kind, dts, pts, duration, key, data }
    }

    /// How long the frame lasts by its codec: Chromium says 1,024 of each fragment's last Opus packet, whatever it is.
    fn own_duration(&self, data: &[u8]) -> Option<u32> {
        let (samples, rate) = match self.entry.codec {
            Codec::Opus => (opus::duration_48k(data)?, 48_000),
            Codec::Aac => (aac::parse(&self.entry.config)?.frame_samples, self.entry.sample_rate),
            _ => return None,
        };
        let ticks = u64::from(samples) * u64::from(self.entry.timescale) / u64::from(rate.max(1));
        u32::try_from(ticks).ok().filter(|ticks| *ticks > 0)
    }
}

/// The pre-skip that the body's record says. With an edit list in the source the skipped samples are known and a part
/// of them may stay named; without one, times are right as they are only where players skip little: Chromium's 3,840
/// are not in its times.
fn kept_pre_skip(head: &opus::Head, source: &Source) -> u16 {
    let stored = head.stored_pre_skip();
    if source.skips || head.pre_skip <= stored { stored } else { 0 }
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
