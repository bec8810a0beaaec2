//! From the packets of a protocol (RTMP) to the events of a recording: what starts a take, what is announced, what cannot
//! begin. A protocol says which codec a track has and hands over its packets with their times; whatever a codec has to say
//! is read here, as the readers of files do.

use std::borrow::Cow;
use std::collections::VecDeque;

use bytes::Bytes;

use super::Event;
use crate::codec::access::{Access, Memory};
use crate::codec::picture::{Picture, continues};
use crate::codec::{aac, opus};
use crate::track::rescale;
use crate::{Codec, Frame, Kind, Track, Unread, Why};

/// Bytes of a configuration record that is taken.
const MOST_RECORD: usize = 64 << 10;
/// Ticks per second of a picture: protocols count milliseconds.
const VIDEO_TICKS: u32 = 1_000;
/// How far the time of a packet of sound may be from where the samples before it end and still be that place: it was
/// rounded to milliseconds, and so was the first one. In milliseconds.
const ROUNDED_MS: i64 = 2;

/// A configuration record that says nothing of its codec: the track cannot be told how it sounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadRecord;

/// What a protocol hands over of a track at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// The track.
    pub kind: Kind,
    /// When it is decoded, in milliseconds; at least 0.
    pub dts_ms: i64,
    /// When it is shown, in milliseconds.
    pub pts_ms: i64,
    /// The coded bytes, as the protocol holds them.
    pub data: Bytes,
    /// Where it begins, in bytes from the start of what came.
    pub offset: u64,
}

/// The tracks of one publisher.
#[derive(Debug, Default)]
pub struct Packets {
    sources: [Option<Source>; 2],
    /// Whether the take that frames belong to has been announced.
    begun: bool,
    events: VecDeque<Event>,
}

#[derive(Debug)]
struct Source {
    /// As far as its record says it.
    entry: Track,
    memory: Memory,
    /// What was announced in this take.
    track: Option<Track>,
    /// Ticks that decoding times are moved back by, so that the take's first frame is shown no earlier than it is decoded.
    early: i64,
    /// Where the sound so far ends, in ticks.
    end: Option<i64>,
}

impl Packets {
    /// Says how a track is coded from now on. `record` is what stands in [`Track::config`] for H.264, HEVC and AAC, an
    /// `OpusHead` for Opus; the other codecs say everything in their keyframes. Another codec or record than before begins
    /// a new take.
    ///
    /// # Errors
    /// A record of sound that cannot be read, or one of more than 64 KiB.
    pub fn describe(&mut self, codec: Codec, record: &[u8]) -> Result<(), BadRecord> {
        if record.len() > MOST_RECORD {
            return Err(BadRecord);
        }
        let entry = described(codec, record).ok_or(BadRecord)?;
        let place = &mut self.sources[codec.kind().slot()];
        let is_other = match place {
            Some(source) if source.entry == entry => return Ok(()),
            Some(source) => source.track.is_some(),
            None => false,
        };
        *place = Some(Source { entry, memory: Memory::default(), track: None, early: 0, end: None });
        if is_other {
            self.begin_take();
        }
        Ok(())
    }

    /// The codec by which a track was described.
    #[must_use]
    pub fn codec(&self, kind: Kind) -> Option<Codec> {
        self.sources[kind.slot()].as_ref().map(|source| source.entry.codec)
    }

    /// Takes the next packet of a track.
    pub fn push(&mut self, packet: Packet) {
        let kind = packet.kind;
        let Some(source) = &mut self.sources[kind.slot()] else { return self.tell(packet, Why::NeverBegan) };
        let data = match source.read(&packet.data) {
            Ok(Some(data)) => data,
            Ok(None) => return,
            Err(reason) => return self.tell(packet, reason),
        };
        let (key, picture) = source.look(&data);
        let is_other =
            |picture: &Picture| source.track.as_ref().is_some_and(|track| !continues(track, picture));
        if picture.as_ref().is_some_and(is_other) {
            self.begin_take();
        }
        let Some(source) = &mut self.sources[kind.slot()] else { return };
        if source.track.is_none() {
            let Some(track) = source.announced(picture) else {
                // A keyframe that nothing describes: the track cannot begin.
                let reason = if key { Why::NeverBegan } else { Why::BeforeKeyframe };
                return self.tell(packet, reason);
            };
            source.early = packet.dts_ms.saturating_sub(packet.pts_ms).max(0);
            self.announce(track);
        }
        let Some(source) = &mut self.sources[kind.slot()] else { return };
        let frame = source.frame(&packet, key, data);
        self.events.push_back(Event::Frame(frame));
    }

    /// Tells bytes of which the protocol cannot make a packet.
    pub fn unreadable(&mut self, kind: Kind, offset: u64, bytes: Bytes) {
        let packet = Packet { kind, dts_ms: 0, pts_ms: 0, data: bytes, offset };
        self.tell(packet, Why::Unreadable);
    }

    /// The next event.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Announces a track, and with the first one of a take the sound that is known to come: whoever cuts the recording then
    /// knows whether what was heard before goes on.
    fn announce(&mut self, track: Track) {
        let begins = !std::mem::replace(&mut self.begun, true);
        if begins {
            self.events.push_back(Event::Take { after_hole: false });
            // Publishers by such protocols send what they have of all tracks in the order of its times.
            self.events.push_back(Event::Interleaved);
        }
        let sound = self.sources[Kind::Audio.slot()].as_ref().map(|source| source.entry.clone());
        let sound = sound.filter(|sound| begins && sound.kind() != track.kind());
        for track in [Some(track), sound].into_iter().flatten() {
            if let Some(source) = &mut self.sources[track.kind().slot()] {
                source.track = Some(track.clone());
            }
            self.events.push_back(Event::Track(track));
        }
    }

    fn begin_take(&mut self) {
        self.begun = false;
        for source in self.sources.iter_mut().flatten() {
            (source.track, source.early, source.end) = (None, 0, None);
        }
    }

    fn tell(&mut self, packet: Packet, reason: Why) {
        if packet.data.is_empty() {
            return;
        }
        let Packet { kind, data, offset, .. } = packet;
        self.events.push_back(Event::Unread(Unread { offset, bytes: data, kind: Some(kind), reason }));
    }
}

impl Source {
    /// The packet in the form that bodies hold; `None` where it is no picture and no sound.
    fn read(&mut self, bytes: &Bytes) -> Result<Option<Bytes>, Why> {
        match self.memory.read(self.entry.codec, &self.entry.config, bytes) {
            Access::Frame(Cow::Borrowed(frame)) => Ok(Some(bytes.slice_ref(frame))),
            Access::Frame(Cow::Owned(frame)) => Ok(Some(frame.into())),
            Access::Nothing => Ok(None),
            Access::Unreadable => Err(Why::Unreadable),
        }
    }

    fn look(&self, frame: &[u8]) -> (bool, Option<Picture>) {
        self.memory.look(self.entry.codec, &self.entry.config, frame, self.track.is_some())
    }

    /// The track as it is announced; `None` for video before its first keyframe.
    fn announced(&self, picture: Option<Picture>) -> Option<Track> {
        let track = self.entry.clone();
        if track.kind() == Kind::Audio {
            return Some(track);
        }
        let Picture { width, height, config, .. } = picture?;
        Some(Track { width, height, config, ..track })
    }

    fn frame(&mut self, packet: &Packet, key: bool, data: Bytes) -> Frame {
        let Track { codec, timescale, .. } = self.entry;
        let kind = codec.kind();
        if kind == Kind::Video {
            let dts = packet.dts_ms.saturating_sub(self.early);
            return Frame { kind, dts, pts: packet.pts_ms, duration: None, key, data };
        }
        let duration = match codec {
            Codec::Opus => opus::duration_48k(&data),
            _ => aac::parse(&self.entry.config).map(|config| config.frame_samples),
        };
        let said = rescale(packet.pts_ms, 1_000, timescale);
        let near = rescale(ROUNDED_MS, 1_000, timescale);
        let time = self.end.filter(|end| end.saturating_sub(said).abs() <= near).unwrap_or(said);
        self.end = duration.map(|ticks| time.saturating_add(ticks.into()));
        Frame { kind, dts: time, pts: time, duration, key, data }
    }
}

/// A track as far as its record says it.
fn described(codec: Codec, record: &[u8]) -> Option<Track> {
    let mut track = Track {
        codec,
        timescale: VIDEO_TICKS,
        width: 0,
        height: 0,
        sample_rate: 0,
        channels: 0,
        config: Bytes::new(),
        matrix: None,
        pixel_aspect: None,
    };
    match codec {
        // Their keyframes say it all, and a record may only repeat it.
        Codec::Vp8 | Codec::Vp9 | Codec::Av1 => {}
        Codec::H264 | Codec::Hevc => track.config = Bytes::copy_from_slice(record),
        Codec::Aac => {
            let config = aac::parse(record)?;
            (track.sample_rate, track.channels) = (config.sample_rate, config.channels);
            track.timescale = config.sample_rate;
            track.config = Bytes::copy_from_slice(record);
        }
        Codec::Opus => {
            // A packet is heard at its time, what the decoder would skip included.
            let head = opus::Head { pre_skip: 0, ..opus::Head::from_opus_head(record)? };
            (track.sample_rate, track.channels) = (48_000, head.channels);
            track.timescale = 48_000;
            track.config = head.config().into();
        }
    }
    Some(track)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEREO_48000: [u8; 2] = [0x11, 0x90];
    const STEREO_44100: [u8; 2] = [0x12, 0x10];

    fn events(packets: &mut Packets) -> Vec<Event> {
        std::iter::from_fn(|| packets.next_event()).collect()
    }

    fn sound(ms: i64) -> Packet {
        let data = Bytes::from_static(&[0x21, 0x10, 4, 0x60]);
        Packet { kind: Kind::Audio, dts_ms: ms, pts_ms: ms, data, offset: 0 }
    }

    fn times(events: &[Event]) -> Vec<i64> {
        let frame = |event: &Event| match event {
            Event::Frame(frame) => Some(frame.dts),
            _ => None,
        };
        events.iter().filter_map(frame).collect()
    }

    #[test]
    fn sound_whose_times_were_rounded_has_its_samples_one_behind_the_other() {
        let mut packets = Packets::default();
        packets.describe(Codec::Aac, &STEREO_44100).unwrap();
        let count = 1_000;
        for number in 0..count {
            packets.push(sound(number * 1_024 * 1_000 / 44_100));
        }
        let expected: Vec<i64> = (0..count).map(|number| number * 1_024).collect();
        assert_eq!(times(&events(&mut packets)), expected);
    }

    #[test]
    fn sound_that_pauses_is_where_it_says() {
        let mut packets = Packets::default();
        packets.describe(Codec::Aac, &STEREO_48000).unwrap();
        for ms in [0, 21, 500, 521] {
            packets.push(sound(ms));
        }
        assert_eq!(times(&events(&mut packets)), [0, 1_024, 24_000, 25_024]);
    }

    #[test]
    fn another_record_begins_a_take_and_the_same_one_does_not() {
        let mut packets = Packets::default();
        packets.describe(Codec::Aac, &STEREO_48000).unwrap();
        packets.push(sound(0));
        packets.describe(Codec::Aac, &STEREO_48000).unwrap();
        packets.push(sound(21));
        packets.describe(Codec::Aac, &STEREO_44100).unwrap();
        packets.push(sound(43));
        let takes = events(&mut packets).iter().filter(|event| matches!(event, Event::Take { .. })).count();
        assert_eq!(takes, 2);
    }

    #[test]
    fn what_cannot_begin_is_told() {
        let mut packets = Packets::default();
        packets.push(sound(0));
        packets.describe(Codec::H264, &[]).unwrap();
        let slice = Bytes::from_static(&[0, 0, 0, 3, 0x41, 0x9a, 7]);
        packets.push(Packet { kind: Kind::Video, dts_ms: 0, pts_ms: 0, data: slice, offset: 9 });
        let reasons: Vec<Why> = events(&mut packets)
            .iter()
            .map(|event| if let Event::Unread(unread) = event { unread.reason } else { panic!("{event:?}") })
            .collect();
        assert_eq!(reasons, [Why::NeverBegan, Why::BeforeKeyframe]);
        assert_eq!(packets.describe(Codec::Aac, &[0x11]), Err(BadRecord));
        assert_eq!(packets.describe(Codec::Opus, b"no head"), Err(BadRecord));
    }
}
