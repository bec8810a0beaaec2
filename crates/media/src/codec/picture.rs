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

/// Whether decoding may start at a frame of video in the form that bodies hold, and what it then says of the picture.
/// The codec's own bytes decide: what containers say of keyframes is not reliable.
///
/// `record` is the configuration record that the container brought, for H.264 and HEVC without parameter sets in band.
pub(crate) fn look(codec: Codec, record: &Bytes, frame: &[u8]) -> (bool, Option<Picture>) {
    let picture = match codec {
        Codec::Opus | Codec::Aac => return (true, None),
        Codec::H264 => return (h264::is_key(frame), h264_picture(record, frame)),
        Codec::Hevc => return (hevc::is_key(frame), hevc_picture(record, frame)),
        Codec::Vp8 => vp8::size(frame).map(|(width, height)| (width, height, Bytes::new())),
        Codec::Vp9 => vp9::keyframe(frame).map(|key| (key.width, key.height, key.config().into())),
        Codec::Av1 => av1::keyframe(frame).map(|key| (key.width, key.height, key.config().into())),
    };
    let picture = picture.map(|(width, height, config)| Picture { width, height, config, reorder: 0 });
    (picture.is_some(), picture)
}

fn h264_picture(record: &Bytes, frame: &[u8]) -> Option<Picture> {
    if !h264::is_key(frame) {
        return None;
    }
    let record = || Some(record.clone()).filter(|record| h264::length_size(record).is_some());
    let config = h264::config_from_length_prefixed(frame)
        .or_else(|| record().map(h264::config_with_four_byte_lengths))?;
    let sps = h264::sps_in_config(&config)?;
    Some(Picture { width: sps.width, height: sps.height, config, reorder: sps.reorder })
}

fn hevc_picture(record: &Bytes, frame: &[u8]) -> Option<Picture> {
    if !hevc::is_key(frame) {
        return None;
    }
    let record = || Some(record.clone()).filter(|record| hevc::length_size(record).is_some());
    let config = hevc::config_from_length_prefixed(frame)
        .or_else(|| record().map(hevc::config_with_four_byte_lengths))?;
    let sps = hevc::sps_in_config(&config)?;
    Some(Picture { width: sps.width, height: sps.height, config, reorder: sps.reorder })
}

/// Whether a decoder that was set up for a track goes on with a picture. VP8, VP9 and AV1 change size in band.
pub(crate) fn continues(track: &Track, picture: &Picture) -> bool {
    let (old, new) = (&track.config, &picture.config);
    match track.codec {
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
