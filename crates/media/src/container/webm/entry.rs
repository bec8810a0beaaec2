//! The head of a segment: `Info` and the entries of `Tracks` (RFC 9559, 5.1.2 and 5.1.4).

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::ebml::{self, Child, id};
use super::{display, projection};
use crate::codec::{aac, opus};
use crate::{Codec, Error, Kind, Reason};

/// The most track entries of a segment.
const MOST_ENTRIES: u64 = 64;

/// The longest codec delay that is believed, in nanoseconds.
const MOST_DELAY: u64 = 1_000_000_000;

/// Nanoseconds of a millisecond.
const MILLISECOND: i64 = 1_000_000;

/// Nanoseconds of a segment tick where `Info` does not say.
pub(crate) const DEFAULT_SCALE: u64 = 1_000_000;

/// Reads the payload of `Info`: nanoseconds of a segment tick. Its `Duration` is not believed: Firefox writes 0.
pub(crate) fn read_scale(data: &[u8], offset: u64) -> Result<u64, Error> {
    let mut scale = DEFAULT_SCALE;
    for child in ebml::readable(data, offset) {
        if child.id == id::TIMESTAMP_SCALE {
            scale = child.uint()?;
            if !(1..=1_000_000_000).contains(&scale) {
                return Err(
                    Reason::Malformed("a timestamp scale is not between 1 ns and 1 s").at(child.offset)
                );
            }
        }
    }
    Ok(scale)
}

/// A track of the input that is recorded.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) number: u64,
    pub(crate) codec: Codec,
    /// `CodecPrivate`; of Opus and AAC the record that [`crate::Track::config`] holds.
    pub(crate) private: Bytes,
    /// Hz; 0 for video.
    pub(crate) sample_rate: u32,
    /// 0 for video.
    pub(crate) channels: u8,
    /// Quarter turns of the picture against the clock.
    pub(crate) turns: u8,
    /// As in [`crate::Track::pixel_aspect`].
    pub(crate) pixel_aspect: Option<(u32, u32)>,
    /// Whether it is enabled, and whether it is the default: the higher is chosen.
    rank: (bool, bool),
    /// Nanoseconds to add to the time of each block.
    pub(crate) shift: i64,
    /// Nanoseconds of a frame, where the entry says so.
    pub(crate) frame_duration: Option<u64>,
}

/// What `Tracks` announces.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Entries {
    /// The numbers of all tracks, those that are not recorded too.
    pub(crate) numbers: Vec<u64>,
    /// The video track that is recorded: of those of a known codec the first that is enabled and the default, the first
    /// that is enabled, or the first.
    pub(crate) video: Option<Entry>,
    /// The audio track that is recorded, chosen alike.
    pub(crate) audio: Option<Entry>,
}

impl Entries {
    /// Reads the payload of `Tracks`.
    pub(crate) fn read(data: &[u8], offset: u64) -> Result<Self, Error> {
        let mut entries = Self::default();
        let mut refused = [None, None];
        // What cannot be read of `Tracks` or of an entry costs itself alone.
        for child in ebml::readable(data, offset) {
            if child.id != id::TRACK_ENTRY {
                continue;
            }
            if entries.numbers.len() as u64 == MOST_ENTRIES {
                return Err(
                    Reason::OverLimit { what: "the number of tracks", limit: MOST_ENTRIES }.at(child.offset)
                );
            }
            let raw = RawEntry::read(&child);
            entries.numbers.push(raw.number);
            let (slot, refused) = match raw.kind {
                Some(Kind::Video) => (&mut entries.video, &mut refused[0]),
                Some(Kind::Audio) => (&mut entries.audio, &mut refused[1]),
                None => continue,
            };
            if slot.as_ref().is_none_or(|chosen| raw.rank() > chosen.rank) {
                match raw.entry(child.offset) {
                    Ok(entry) => *slot = Some(entry),
                    Err(error) => _ = refused.get_or_insert(error),
                }
            }
        }
        let [video, audio] = refused;
        match (video.filter(|_| entries.video.is_none()), audio.filter(|_| entries.audio.is_none())) {
            (Some(error), _) | (None, Some(error)) => Err(error),
            (None, None) if entries.video.is_none() && entries.audio.is_none() => {
                Err(Reason::Malformed("there is neither a video nor an audio track").at(offset))
            }
            (None, None) => {
                entries.begin_at_zero();
                Ok(entries)
            }
        }
    }

    /// Adds the same whole milliseconds to all tracks, so that none begins before 0: the delay of AAC is the first
    /// frame's time, and what comes before time 0 would lose its distance to the picture.
    fn begin_at_zero(&mut self) {
        let tracks = [&mut self.video, &mut self.audio];
        let early = tracks.iter().filter_map(|entry| Some(-entry.as_ref()?.shift)).max().unwrap_or(0);
        let later = early.max(0).saturating_add(MILLISECOND - 1) / MILLISECOND * MILLISECOND;
        for entry in tracks.into_iter().flatten() {
            entry.shift += later;
        }
    }
}

/// A `TrackEntry` as it stands.
#[derive(Default)]
struct RawEntry<'a> {
    number: u64,
    kind: Option<Kind>,
    codec_id: &'a [u8],
    private: &'a [u8],
    codec_delay: u64,
    default_duration: u64,
    encoded: bool,
    sampling_frequency: f64,
    channels: u64,
    turns: u8,
    pixel_aspect: Option<(u32, u32)>,
    is_disabled: bool,
    is_no_default: bool,
}

impl<'a> RawEntry<'a> {
    fn read(entry: &Child<'a>) -> Self {
        let mut raw = Self { sampling_frequency: 8000.0, channels: 1, ..Self::default() };
        for child in ebml::readable(entry.data, entry.payload) {
            // A value that cannot be read is as if it were not there.
            let _ = raw.read_child(&child);
        }
        raw
    }

    /// Whether it is enabled, and whether it is the default.
    fn rank(&self) -> (bool, bool) {
        (!self.is_disabled, !self.is_no_default)
    }

    fn read_child(&mut self, child: &Child<'a>) -> Result<(), Error> {
        match child.id {
            id::TRACK_NUMBER => self.number = child.uint()?,
            id::TRACK_TYPE => {
                self.kind = match child.uint()? {
                    1 => Some(Kind::Video),
                    2 => Some(Kind::Audio),
                    _ => None,
                }
            }
            id::FLAG_ENABLED => self.is_disabled = child.uint()? == 0,
            id::FLAG_DEFAULT => self.is_no_default = child.uint()? == 0,
            id::CODEC_ID => self.codec_id = child.text(),
            id::CODEC_PRIVATE => self.private = child.data,
            id::CODEC_DELAY => self.codec_delay = child.uint()?,
            id::DEFAULT_DURATION => self.default_duration = child.uint()?,
            id::CONTENT_ENCODINGS => self.encoded = true,
            id::AUDIO => self.read_audio(child)?,
            id::VIDEO => self.read_video(child)?,
            _ => {}
        }
        Ok(())
    }

    fn read_video(&mut self, video: &Child<'_>) -> Result<(), Error> {
        self.pixel_aspect = display::read(video);
        for child in ebml::readable(video.data, video.payload) {
            if child.id == id::PROJECTION {
                self.turns = projection::read(&child)?;
            }
        }
        Ok(())
    }

    fn read_audio(&mut self, audio: &Child<'_>) -> Result<(), Error> {
        for child in ebml::readable(audio.data, audio.payload) {
            match child.id {
                id::SAMPLING_FREQUENCY => self.sampling_frequency = child.float()?,
                id::CHANNELS => self.channels = child.uint()?,
                _ => {}
            }
        }
        Ok(())
    }

    fn entry(&self, offset: u64) -> Result<Entry, Error> {
        let name = || String::from_utf8_lossy(&self.codec_id[..self.codec_id.len().min(64)]).into_owned();
        let codec = match self.codec_id {
            b"V_VP8" => Codec::Vp8,
            b"V_VP9" => Codec::Vp9,
            b"V_AV1" => Codec::Av1,
            b"V_MPEG4/ISO/AVC" => Codec::H264,
            b"V_MPEGH/ISO/HEVC" => Codec::Hevc,
            b"A_OPUS" => Codec::Opus,
            id if id == b"A_AAC" || id.starts_with(b"A_AAC/MPEG") => Codec::Aac,
            _ => return Err(Reason::UnsupportedCodec(name()).at(offset)),
        };
        if Some(codec.kind()) != self.kind {
            return Err(Reason::Malformed("the type of a track is not that of its codec").at(offset));
        }
        if self.encoded {
            return Err(Reason::Encoded(name()).at(offset));
        }
        let mut entry = Entry {
            number: self.number,
            codec,
            private: Bytes::copy_from_slice(self.private),
            sample_rate: 0,
            channels: 0,
            turns: self.turns,
            pixel_aspect: self.pixel_aspect,
            rank: self.rank(),
            shift: -(self.codec_delay.min(MOST_DELAY) as i64),
            frame_duration: Some(self.default_duration).filter(|duration| *duration > 0),
        };
        match codec {
            Codec::Opus => self.describe_opus(&mut entry),
            Codec::Aac => self.describe_aac(&mut entry).ok_or_else(|| {
                Reason::Malformed("an AAC track has no AudioSpecificConfig that can be read").at(offset)
            })?,
            _ => {}
        }
        Ok(entry)
    }

    /// The times of a track with a codec delay are late by it (RFC 9559, 5.1.4.1.25), those of a stored Opus track by
    /// its pre-skip: the difference is shifted away.
    fn describe_opus(&self, entry: &mut Entry) {
        let mut head = opus::Head::from_opus_head(self.private)
            .unwrap_or_else(|| opus::Head::plain(self.channels.clamp(1, 2) as u8));
        head.pre_skip = head.stored_pre_skip();
        if self.codec_delay > 0 {
            entry.shift += i64::from(head.pre_skip) * 1_000_000_000 / 48_000;
        }
        entry.sample_rate = 48_000;
        entry.channels = head.channels;
        entry.private = head.config().into();
    }

    fn describe_aac(&self, entry: &mut Entry) -> Option<()> {
        if entry.private.is_empty() {
            entry.private = Bytes::copy_from_slice(&self.plain_aac()?);
        }
        let config = aac::parse(&entry.private)?;
        entry.sample_rate = config.sample_rate;
        entry.channels = config.channels;
        Some(())
    }

    /// The configuration of AAC LC that the old codec names (`A_AAC/MPEG4/LC`) leave to rate and channels
    /// (ISO/IEC 14496-3, 1.6.2.1).
    fn plain_aac(&self) -> Option<[u8; 2]> {
        let rates =
            [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000];
        let rate = rates.iter().position(|&rate| f64::from(rate) == self.sampling_frequency)? as u8;
        let channels = u8::try_from(self.channels).ok().filter(|channels| (1..=6).contains(channels))?;
        Some([2 << 3 | rate >> 1, (rate & 1) << 7 | channels << 3])
    }
}
