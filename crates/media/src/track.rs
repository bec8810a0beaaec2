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
}

impl Track {
    /// The kind of the track.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.codec.kind()
    }

    /// The RFC 6381 string that a browser takes: `vp09.00.30.08`, `avc1.64001f`, `opus`, `mp4a.40.2`.
    #[must_use]
    pub fn codec_string(&self) -> String {
        crate::codec::string(self)
    }

    /// Ticks as milliseconds, rounded to the nearest.
    #[must_use]
    pub fn to_ms(&self, ticks: i64) -> i64 {
        let scale = i128::from(self.timescale);
        let ms = (i128::from(ticks) * 1000 + scale / 2).div_euclid(scale);
        ms.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
    }

    /// Milliseconds as ticks, rounded to the nearest.
    #[must_use]
    pub fn to_ticks(&self, ms: i64) -> i64 {
        let ticks = (i128::from(ms) * i128::from(self.timescale) + 500).div_euclid(1000);
        ticks.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
    }
}
