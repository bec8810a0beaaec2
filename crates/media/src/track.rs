//! A track: what a decoder must know before the first frame.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Whether a track is seen or heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The picture.
    Video,
    /// The sound.
    Audio,
}

impl Kind {
    /// Its place among the tracks of a take, of which there is at most one of each kind: 0 or 1.
    #[must_use]
    pub fn slot(self) -> usize {
        match self {
            Self::Video => 0,
            Self::Audio => 1,
        }
    }
}

/// The codecs that are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// VP8 (RFC 6386). The one codec that no browser plays from MP4.
    Vp8,
    /// VP9.
    Vp9,
    /// AV1.
    Av1,
    /// H.264 (ISO/IEC 14496-10).
    H264,
    /// HEVC (ISO/IEC 23008-2).
    Hevc,
    /// Opus (RFC 6716).
    Opus,
    /// AAC (ISO/IEC 14496-3).
    Aac,
}

impl Codec {
    /// Whether WebM may carry it.
    #[must_use]
    pub fn in_webm(self) -> bool {
        matches!(self, Self::Vp8 | Self::Vp9 | Self::Av1 | Self::Opus)
    }

    /// Whether browsers play it from MP4.
    #[must_use]
    pub fn in_mp4(self) -> bool {
        self != Self::Vp8
    }

    /// The kind of track that it codes.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::Opus | Self::Aac => Kind::Audio,
            _ => Kind::Video,
        }
    }
}

/// What a decoder must know before the first frame, whatever container it came in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Track {
    /// The codec, and by it the kind.
    pub codec: Codec,
    /// Ticks per second of this track's times: 1,000 for video out of WebM, the sampling rate for audio, what the
    /// file says for MP4. Never 0.
    pub timescale: u32,
    /// Width of the picture in pixels, of the first keyframe; 0 for audio.
    pub width: u32,
    /// Height of the picture in pixels, of the first keyframe; 0 for audio.
    pub height: u32,
    /// Sampling rate in Hz; 48,000 for every Opus; 0 for video.
    pub sample_rate: u32,
    /// Channels; 0 for video.
    pub channels: u8,
    /// The codec's configuration record: the *payload* of the `vpcC`, `av1C`, `avcC`, `hvcC` or `dOps` box, or the
    /// `AudioSpecificConfig` of AAC; empty for VP8.
    pub config: Bytes,
    /// The picture's rotation as in `tkhd` (ISO/IEC 14496-12, 8.3.2), where it is not the identity.
    pub matrix: Option<[i32; 9]>,
    /// Width and height of a pixel in units of each other, as in `pasp` (ISO/IEC 14496-12, 12.1.4), where it is no square.
    pub pixel_aspect: Option<(u32, u32)>,
}

impl Track {
    /// The kind of the track.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.codec.kind()
    }

    /// Whether a decoder that was set up for this track goes on with the frames of another: of VP9 and AV1 the profile
    /// and the depth must be the same, not the size.
    #[must_use]
    pub fn is_continued_by(&self, other: &Track) -> bool {
        self.codec == other.codec
            && crate::codec::picture::continues_as(self.codec, &self.config, &other.config)
    }

    /// The size in which the picture is seen where its pixels are squares: the size of the frames, made wider or higher as
    /// their pixels are; before a turn by the matrix. 0 by 0 for audio.
    #[must_use]
    pub fn shown_size(&self) -> (u32, u32) {
        let Some((across, down)) = self.pixel_aspect.filter(|&(across, down)| across > 0 && down > 0) else {
            return (self.width, self.height);
        };
        let stretched = |side: u32, by: u32, of: u32| {
            let side = (u64::from(side) * u64::from(by) + u64::from(of) / 2) / u64::from(of);
            u32::try_from(side.max(1)).unwrap_or(u32::MAX)
        };
        match across > down {
            true => (stretched(self.width, across, down), self.height),
            false => (self.width, stretched(self.height, down, across)),
        }
    }

    /// The shape of a pixel, as wide as `across` and as high as `down`, in the smallest numbers; `None` for a square, and
    /// for a shape that is no shape: a side of 0, or one 64 times the other.
    #[must_use]
    pub fn reduced_aspect(across: u32, down: u32) -> Option<(u32, u32)> {
        let (mut divisor, mut rest) = (across, down);
        while rest > 0 {
            (divisor, rest) = (rest, divisor % rest);
        }
        let is_shape = across > 0 && down > 0 && across / down < 64 && down / across < 64;
        (is_shape && across != down).then(|| (across / divisor, down / divisor))
    }

    /// Whether anybody sees a picture that lasts so many ticks: one of less than half a millisecond is there for others to be
    /// decoded from. All sound is heard.
    #[must_use]
    pub fn shows(&self, duration: u32) -> bool {
        self.kind() == Kind::Audio || u64::from(duration) * 2_000 >= self.timescale.into()
    }

    /// The RFC 6381 string that a browser takes: `vp09.00.30.08`, `avc1.64001f`, `opus`, `mp4a.40.2`.
    #[must_use]
    pub fn codec_string(&self) -> String {
        crate::codec::string(self)
    }

    /// Ticks as milliseconds, rounded to the nearest.
    #[must_use]
    pub fn to_ms(&self, ticks: i64) -> i64 {
        rescale(ticks, self.timescale, 1000)
    }

    /// Whether [`to_ms`](Track::to_ms) of these ticks is at least `ms`, without the division.
    #[must_use]
    pub fn reaches_ms(&self, ticks: i64, ms: i64) -> bool {
        let scale = i64::from(self.timescale);
        ticks.saturating_mul(1000).saturating_add(scale / 2) >= ms.saturating_mul(scale)
    }

    /// Milliseconds as ticks, rounded to the nearest.
    #[must_use]
    pub fn to_ticks(&self, ms: i64) -> i64 {
        rescale(ms, 1000, self.timescale)
    }
}

/// A time in units of which a second has `from` in those of which it has `to`, rounded to the nearest.
#[inline]
pub(crate) fn rescale(time: i64, from: u32, to: u32) -> i64 {
    let from = from.max(1);
    // Nearly every time fits, and a division of 128 bits takes many times as long.
    if let Some(scaled) = time.checked_mul(to.into()).and_then(|scaled| scaled.checked_add((from / 2).into()))
    {
        return scaled.div_euclid(from.into());
    }
    let scaled = i128::from(time) * i128::from(to) + i128::from(from / 2);
    scaled.div_euclid(from.into()).clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{Codec, Track, rescale};

    #[test]
    fn times_are_rounded_to_the_nearest_and_never_leave_what_can_be_counted() {
        assert_eq!(rescale(1_499, 1_000, 1), 1);
        assert_eq!(rescale(1_500, 1_000, 1), 2);
        assert_eq!(rescale(-1_500, 1_000, 1), -1);
        assert_eq!(rescale(20_833_333, 1_000_000_000, 48_000), 1_000);
        assert_eq!(rescale(i64::MAX / 2, 1_000_000_000, 90_000), 415_051_741_658_465);
        assert_eq!(rescale(i64::MAX, 1, 2), i64::MAX);
        assert_eq!(rescale(i64::MIN, 1, 2), i64::MIN);
    }

    #[test]
    fn a_time_reaches_the_milliseconds_that_it_is() {
        for timescale in [1, 3, 1_000, 44_100, 48_000, 90_000, u32::MAX] {
            let track = Track {
                codec: Codec::Opus,
                timescale,
                width: 0,
                height: 0,
                sample_rate: 48_000,
                channels: 2,
                config: Bytes::new(),
                matrix: None,
                pixel_aspect: None,
            };
            for ticks in (0..40_000).step_by(7).chain([i64::from(u32::MAX), -1, -48, -11_520]) {
                let ms = track.to_ms(ticks);
                assert!(
                    track.reaches_ms(ticks, ms) && !track.reaches_ms(ticks, ms + 1),
                    "{ticks} of {timescale}"
                );
            }
        }
    }
}
