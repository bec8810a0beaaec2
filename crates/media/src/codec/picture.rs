//! What a frame of video says of the picture: whether decoding may start at it, its size, its configuration record.

use std::borrow::Cow;

use bytes::Bytes;

use super::nal::Syntax;
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
    if let Some(syntax) = Syntax::of(codec) {
        return look_at_units(codec, syntax, record, frame);
    }
    let picture = match codec {
        Codec::Opus | Codec::Aac | Codec::H264 | Codec::Hevc => return (true, None),
        Codec::Vp8 => vp8::size(frame).map(|(width, height)| (width, height, Bytes::new())),
        Codec::Vp9 => vp9::keyframe(frame).map(|key| (key.width, key.height, key.config().into())),
        Codec::Av1 => av1::keyframe(frame).map(|key| (key.width, key.height, key.config().into())),
    };
    let picture = picture.map(|(width, height, config)| Picture { width, height, config, reorder: 0 });
    (picture.is_some(), picture)
}

/// Reads a frame that is NAL units: its own parameter sets, or those of the record where it has none.
fn look_at_units(codec: Codec, syntax: Syntax, record: &Bytes, frame: &[u8]) -> (bool, Option<Picture>) {
    if !syntax.is_key(frame) {
        return (false, None);
    }
    let own = match codec {
        Codec::H264 => h264::config_in_frame(frame),
        _ => hevc::config_in_frame(frame),
    };
    let brought = || syntax.length_size(record).map(|_| syntax.with_four_byte_lengths(record));
    let Some(config) = own.or_else(brought) else { return (true, None) };
    let picture = match codec {
        Codec::H264 => h264::sps_in_config(&config).map(|sps| (sps.width, sps.height, sps.reorder)),
        _ => hevc::sps_in_config(&config).map(|sps| (sps.width, sps.height, sps.reorder)),
    };
    (true, picture.map(|(width, height, reorder)| Picture { width, height, config, reorder }))
}

/// The bytes of a frame in the form that bodies hold; those of H.264 and HEVC stand behind lengths of `length_size`
/// bytes, or between start codes where there is none. `None` where a length goes past the end.
pub(crate) fn normalise(codec: Codec, length_size: Option<u8>, frame: &[u8]) -> Option<Cow<'_, [u8]>> {
    match (Syntax::of(codec), length_size) {
        (Some(syntax), Some(size)) => syntax.from_length_prefixed(frame, size),
        (Some(syntax), None) => Some(syntax.from_annex_b(frame).into()),
        (None, _) if codec == Codec::Av1 => Some(av1::without_delimiters(frame)),
        (None, _) => Some(frame.into()),
    }
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
