//! What each codec knows of itself, one codec a file.

pub mod aac;
pub(crate) mod access;
pub mod av1;
mod bits;
pub mod h264;
pub mod hevc;
pub mod nal;
pub mod opus;
pub(crate) mod picture;
mod start;
pub mod vp8;
pub mod vp9;

use crate::{Codec, Track};

/// The RFC 6381 string of a track.
#[must_use]
pub fn string(track: &Track) -> String {
    match track.codec {
        Codec::Vp8 => "vp8".into(),
        Codec::Vp9 => vp9::string(&track.config),
        Codec::Av1 => av1::string(&track.config),
        Codec::H264 => h264::string(&track.config),
        Codec::Hevc => hevc::string(&track.config),
        Codec::Opus => "opus".into(),
        Codec::Aac => aac::string(&track.config),
    }
}

impl nal::Syntax {
    /// That of a codec whose frames are NAL units.
    #[must_use]
    pub fn of(codec: Codec) -> Option<Self> {
        match codec {
            Codec::H264 => Some(h264::SYNTAX),
            Codec::Hevc => Some(hevc::SYNTAX),
            _ => None,
        }
    }
}
