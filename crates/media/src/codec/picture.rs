//! What a frame of video says of the picture: whether decoding may start at it, its size, its configuration record.

use bytes::Bytes;

use super::{av1, h264, hevc, vp8, vp9};
use crate::{Codec, Track};

/// What a keyframe says of its track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// As in [`Track::config`].
    pub(crate) config: Bytes,
    /// Frames that may come before one that is shown earlier.
    pub(crate) reorder: u8,
}

/// What a frame of VP8, VP9 or AV1 in the form that bodies hold says of the picture, where decoding may start at it. The
/// codec's own bytes decide: what containers say of keyframes is not reliable.
pub(crate) fn of_keyframe(codec: Codec, frame: &[u8]) -> Option<Picture> {
    let (width, height, config) = match codec {
        Codec::Vp8 => vp8::size(frame).map(|(width, height)| (width, height, Bytes::new())),
        Codec::Vp9 => vp9::keyframe(frame).map(|key| (key.width, key.height, key.config().into())),
        Codec::Av1 => av1::keyframe(frame).map(|key| (key.width, key.height, key.config().into())),
        Codec::Opus | Codec::Aac | Codec::H264 | Codec::Hevc => None,
    }?;
    Some(Picture { width, height, config, reorder: 0 })
}

/// What the configuration record of an H.264 or HEVC track says of the picture.
pub(crate) fn of_record(codec: Codec, config: Bytes) -> Option<Picture> {
    let (width, height, reorder) = match codec {
        Codec::H264 => h264::sps_in_config(&config).map(|sps| (sps.width, sps.height, sps.reorder)),
        _ => hevc::sps_in_config(&config).map(|sps| (sps.width, sps.height, sps.reorder)),
    }?;
    Some(Picture { width, height, config, reorder })
}

/// The parameter sets of a configuration record as they stand in a frame, behind lengths of four bytes; empty for codecs
/// without, and where the record is damaged.
pub(crate) fn sets_in_band(codec: Codec, record: &[u8]) -> Bytes {
    let sets = match codec {
        Codec::H264 => h264::sets_in_config(record),
        Codec::Hevc => hevc::sets_in_config(record),
        _ => None,
    };
    let mut units = Vec::new();
    for set in sets.unwrap_or_default() {
        units.extend(u32::try_from(set.len()).unwrap_or(u32::MAX).to_be_bytes());
        units.extend_from_slice(set);
    }
    units.into()
}

/// Whether a decoder that was set up for a track goes on with a picture. VP8, VP9 and AV1 change size in band.
pub(crate) fn continues(track: &Track, picture: &Picture) -> bool {
    continues_as(track.codec, &track.config, &picture.config)
}

/// The same of a configuration record.
pub(crate) fn continues_as(codec: Codec, old: &Bytes, new: &Bytes) -> bool {
    match codec {
        Codec::Vp9 => old.get(4) == new.get(4) && old.get(6) == new.get(6),
        Codec::Av1 => {
            let fixed = |config: &Bytes| Some((*config.get(1)? >> 5, *config.get(2)? & 0x7c));
            fixed(old) == fixed(new)
        }
        Codec::H264 => match (h264::sps_in_config(old), h264::sps_in_config(new)) {
            (Some(old), Some(new)) => new.continues(&old),
            _ => old == new,
        },
        Codec::Hevc => match (hevc::sps_in_config(old), hevc::sps_in_config(new)) {
            (Some(old), Some(new)) => new.continues(&old),
            _ => old == new,
        },
        _ => true,
    }
}
