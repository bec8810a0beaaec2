//! What audio and video messages hold: the bodies of FLV tags ("Adobe Flash Video File Format" 10.1, E.4.2 and E.4.3), in
//! the old header and in that of Enhanced RTMP (v1, and v2 with sound, several tracks and extensions).

use bytes::{Buf, Bytes};
use media::{Codec, Kind};

/// What a tag says of its track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// The number of the track among those of its kind.
    pub track: u8,
    /// How it is coded.
    pub codec: Codec,
    /// What it is.
    pub content: Content,
}

/// What a tag holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A configuration record, as [`media::container::packets::Packets::describe`] takes it.
    Record(Bytes),
    /// A frame, and how many milliseconds after its decoding time it is shown.
    Frame {
        /// Milliseconds.
        composition_ms: i32,
        /// The coded bytes.
        data: Bytes,
    },
    /// The end of a sequence.
    End,
}

/// Why a tag is no tag that is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bad {
    /// It is of a codec that is not taken: its name.
    Codec(String),
    /// It ends in the middle of its header.
    Torn,
}

/// Packets of several tracks in one message (Enhanced RTMP v2, "Multitrack").
const ONE_TRACK: u8 = 0;
const MANY_CODECS: u8 = 2;

/// Types of packets in the header of Enhanced RTMP; of sound and of pictures they differ in the fourth.
mod packet {
    pub(super) const RECORD: u8 = 0;
    pub(super) const FRAME: u8 = 1;
    pub(super) const END: u8 = 2;
    /// Of pictures: a frame that is shown when it is decoded.
    pub(super) const FRAME_AT_ONCE: u8 = 3;
    pub(super) const VIDEO_TRACKS: u8 = 6;
    pub(super) const AUDIO_TRACKS: u8 = 5;
    /// Extensions stand in front of another type.
    pub(super) const EXTENSION: u8 = 7;
}

/// Reads the body of a video or audio message: one tag, or of a message with several tracks each of them. What says
/// nothing of a track that is recorded (commands, colours, an order of channels) gives none.
///
/// # Errors
/// Both of [`Bad`].
pub fn read(kind: Kind, mut body: Bytes) -> Result<Vec<Tag>, Bad> {
    let Ok(first) = body.try_get_u8() else { return Ok(Vec::new()) };
    let tag = match kind {
        Kind::Video if first & 0x80 != 0 => return enhanced_video(first, body),
        Kind::Audio if first >> 4 == 9 => return enhanced(kind, first & 0x0f, body),
        Kind::Video => old_video(first, body)?,
        Kind::Audio => old_audio(first, body)?,
    };
    Ok(tag.into_iter().collect())
}

/// `VideoTagHeader` (E.4.3.1).
fn old_video(first: u8, mut body: Bytes) -> Result<Option<Tag>, Bad> {
    const COMMAND: u8 = 5;
    let codec = match first & 0x0f {
        _ if first >> 4 == COMMAND => return Ok(None),
        7 => Codec::H264,
        // As encoders from before Enhanced RTMP write it.
        12 => Codec::Hevc,
        other => return Err(Bad::Codec(old_video_name(other))),
    };
    let kind = body.try_get_u8().map_err(|_| Bad::Torn)?;
    let composition_ms = signed_24(&mut body)?;
    let content = match kind {
        0 => Content::Record(body),
        1 => Content::Frame { composition_ms, data: body },
        2 => Content::End,
        _ => return Ok(None),
    };
    Ok(Some(Tag { track: 0, codec, content }))
}

/// `AudioTagHeader` (E.4.2.1).
fn old_audio(first: u8, mut body: Bytes) -> Result<Option<Tag>, Bad> {
    const AAC: u8 = 10;
    if first >> 4 != AAC {
        return Err(Bad::Codec(old_audio_name(first >> 4)));
    }
    let content = match body.try_get_u8().map_err(|_| Bad::Torn)? {
        0 => Content::Record(body),
        1 => Content::Frame { composition_ms: 0, data: body },
        _ => return Ok(None),
    };
    Ok(Some(Tag { track: 0, codec: Codec::Aac, content }))
}

/// `ExVideoTagHeader`.
fn enhanced_video(first: u8, body: Bytes) -> Result<Vec<Tag>, Bad> {
    const COMMAND: u8 = 5;
    match first >> 4 & 7 {
        COMMAND => Ok(Vec::new()),
        _ => enhanced(Kind::Video, first & 0x0f, body),
    }
}

/// The header of Enhanced RTMP behind its first byte.
fn enhanced(kind: Kind, mut packet: u8, mut body: Bytes) -> Result<Vec<Tag>, Bad> {
    while packet == packet::EXTENSION {
        packet = skip_extension(&mut body)?;
    }
    let tracks = if kind == Kind::Video { packet::VIDEO_TRACKS } else { packet::AUDIO_TRACKS };
    if packet == tracks {
        return several(kind, body);
    }
    if !says_something(kind, packet) {
        return Ok(Vec::new());
    }
    let codec = codec(kind, &mut body)?;
    Ok(vec![Tag { track: 0, codec, content: content(codec, packet, body)? }])
}

/// `ModEx`: its size, its bytes, then the type of the packet. What it may say (fractions of a millisecond) is left out.
fn skip_extension(body: &mut Bytes) -> Result<u8, Bad> {
    const LONG: usize = 256;
    let mut size = 1 + usize::from(body.try_get_u8().map_err(|_| Bad::Torn)?);
    if size == LONG {
        size = 1 + usize::from(body.try_get_u16().map_err(|_| Bad::Torn)?);
    }
    if size > body.len() {
        return Err(Bad::Torn);
    }
    body.advance(size);
    Ok(body.try_get_u8().map_err(|_| Bad::Torn)? & 0x0f)
}

fn several(kind: Kind, mut body: Bytes) -> Result<Vec<Tag>, Bad> {
    let head = body.try_get_u8().map_err(|_| Bad::Torn)?;
    let (form, packet) = (head >> 4, head & 0x0f);
    if !says_something(kind, packet) {
        return Ok(Vec::new());
    }
    let shared = if form == MANY_CODECS { None } else { Some(codec(kind, &mut body)?) };
    let mut tags = Vec::new();
    while !body.is_empty() {
        let own = match shared {
            Some(codec) => Ok(codec),
            None => codec(kind, &mut body),
        };
        let track = body.try_get_u8().map_err(|_| Bad::Torn)?;
        let len = if form == ONE_TRACK { body.len() } else { unsigned_24(&mut body)? as usize };
        if len > body.len() {
            return Err(Bad::Torn);
        }
        let data = body.split_to(len);
        // The first one counts; what the others are coded with does not matter.
        match own {
            Ok(codec) => tags.push(Tag { track, codec, content: content(codec, packet, data)? }),
            Err(bad) if tags.is_empty() => return Err(bad),
            Err(_) => {}
        }
    }
    Ok(tags)
}

fn says_something(kind: Kind, packet: u8) -> bool {
    packet <= packet::END || (kind == Kind::Video && packet == packet::FRAME_AT_ONCE)
}

fn content(codec: Codec, packet: u8, mut body: Bytes) -> Result<Content, Bad> {
    Ok(match packet {
        packet::RECORD => Content::Record(body),
        packet::END => Content::End,
        packet::FRAME if matches!(codec, Codec::H264 | Codec::Hevc) => {
            Content::Frame { composition_ms: signed_24(&mut body)?, data: body }
        }
        _ => Content::Frame { composition_ms: 0, data: body },
    })
}

fn codec(kind: Kind, body: &mut Bytes) -> Result<Codec, Bad> {
    if body.len() < 4 {
        return Err(Bad::Torn);
    }
    let name = body.split_to(4);
    match (kind, &name[..]) {
        (Kind::Video, b"avc1") => Ok(Codec::H264),
        (Kind::Video, b"hvc1") => Ok(Codec::Hevc),
        (Kind::Video, b"av01") => Ok(Codec::Av1),
        (Kind::Video, b"vp09") => Ok(Codec::Vp9),
        (Kind::Video, b"vp08") => Ok(Codec::Vp8),
        (Kind::Audio, b"Opus") => Ok(Codec::Opus),
        (Kind::Audio, b"mp4a") => Ok(Codec::Aac),
        _ => Err(Bad::Codec(fourcc_name(&name))),
    }
}

/// A FourCC as text, bytes that are no letters as dots.
fn fourcc_name(name: &[u8]) -> String {
    name.iter().map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' }).collect()
}

fn unsigned_24(body: &mut Bytes) -> Result<u32, Bad> {
    let high = body.try_get_u8().map_err(|_| Bad::Torn)?;
    let low = body.try_get_u16().map_err(|_| Bad::Torn)?;
    Ok(u32::from(high) << 16 | u32::from(low))
}

fn signed_24(body: &mut Bytes) -> Result<i32, Bad> {
    Ok((unsigned_24(body)? << 8).cast_signed() >> 8)
}

fn old_video_name(codec: u8) -> String {
    match codec {
        1 => "JPEG".into(),
        2 => "Sorenson H.263".into(),
        3 | 6 => "Screen Video".into(),
        4 | 5 => "VP6".into(),
        other => format!("FLV {other}"),
    }
}

fn old_audio_name(codec: u8) -> String {
    match codec {
        0 | 3 => "PCM".into(),
        1 => "ADPCM".into(),
        2 | 14 => "MP3".into(),
        4..=6 => "Nellymoser".into(),
        7 | 8 => "G.711".into(),
        11 => "Speex".into(),
        other => format!("FLV {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(kind: Kind, body: &'static [u8]) -> (u8, Codec, Content) {
        let mut tags = read(kind, Bytes::from_static(body)).unwrap();
        assert_eq!(tags.len(), 1);
        let Tag { track, codec, content } = tags.remove(0);
        (track, codec, content)
    }

    fn frame(composition_ms: i32, data: &'static [u8]) -> Content {
        Content::Frame { composition_ms, data: Bytes::from_static(data) }
    }

    #[test]
    fn the_old_header_is_read() {
        let record = Content::Record(Bytes::from_static(&[1, 2]));
        assert_eq!(one(Kind::Video, &[0x17, 0, 0, 0, 0, 1, 2]), (0, Codec::H264, record.clone()));
        assert_eq!(one(Kind::Video, &[0x27, 1, 0, 0, 80, 9]), (0, Codec::H264, frame(80, &[9])));
        assert_eq!(one(Kind::Video, &[0x2c, 1, 0xff, 0xff, 0xd8, 9]), (0, Codec::Hevc, frame(-40, &[9])));
        assert_eq!(one(Kind::Video, &[0x17, 2, 0, 0, 0]), (0, Codec::H264, Content::End));
        assert_eq!(one(Kind::Audio, &[0xaf, 0, 1, 2]), (0, Codec::Aac, record));
        assert_eq!(one(Kind::Audio, &[0xaf, 1, 7]), (0, Codec::Aac, frame(0, &[7])));
        assert_eq!(read(Kind::Video, Bytes::from_static(&[0x57, 0])), Ok(Vec::new()), "a command");
        assert_eq!(read(Kind::Audio, Bytes::new()), Ok(Vec::new()));
    }

    #[test]
    fn the_enhanced_header_is_read() {
        assert_eq!(one(Kind::Video, b"\x91hvc1\0\0\x28x"), (0, Codec::Hevc, frame(40, b"x")));
        assert_eq!(one(Kind::Video, b"\xa3hvc1x"), (0, Codec::Hevc, frame(0, b"x")));
        assert_eq!(one(Kind::Video, b"\x91av01x"), (0, Codec::Av1, frame(0, b"x")));
        assert_eq!(
            one(Kind::Video, b"\x90vp09x"),
            (0, Codec::Vp9, Content::Record(Bytes::from_static(b"x")))
        );
        assert_eq!(one(Kind::Audio, b"\x91Opusx"), (0, Codec::Opus, frame(0, b"x")));
        assert_eq!(one(Kind::Audio, b"\x92mp4a"), (0, Codec::Aac, Content::End));
        assert_eq!(read(Kind::Video, Bytes::from_static(b"\x94hvc1metadata")), Ok(Vec::new()));
        assert_eq!(read(Kind::Audio, Bytes::from_static(b"\x94\x01\x02")), Ok(Vec::new()));
    }

    #[test]
    fn extensions_in_front_are_passed_over() {
        assert_eq!(one(Kind::Video, b"\x97\x02abc\x01av01x"), (0, Codec::Av1, frame(0, b"x")));
        let mut long = vec![0x97, 0xff, 1, 0];
        long.extend([0; 257]);
        long.extend(b"\x03avc1x");
        assert_eq!(read(Kind::Video, long.into()).unwrap()[0].content, frame(0, b"x"));
        assert_eq!(read(Kind::Video, Bytes::from_static(b"\x97\x09a")), Err(Bad::Torn));
    }

    #[test]
    fn several_tracks_are_told_apart() {
        assert_eq!(one(Kind::Audio, b"\x95\x01Opus\x03x"), (3, Codec::Opus, frame(0, b"x")));
        let shared =
            read(Kind::Video, Bytes::from_static(b"\x96\x13av01\x00\0\0\x01x\x01\0\0\x02yz")).unwrap();
        assert_eq!(shared.iter().map(|tag| tag.track).collect::<Vec<_>>(), [0, 1]);
        let own =
            read(Kind::Video, Bytes::from_static(b"\x96\x21avc1\x00\0\0\x04\0\0\x05xabcd\x01\0\0\x01y"));
        let own = own.unwrap();
        assert_eq!(
            (own.len(), &own[0].content),
            (1, &frame(5, b"x")),
            "the other is of a codec that nobody knows"
        );
        assert_eq!(read(Kind::Video, Bytes::from_static(b"\x96\x13av01\x00\0\0\x09x")), Err(Bad::Torn));
    }

    #[test]
    fn a_codec_that_is_not_taken_is_named() {
        let refused = |kind, body| read(kind, Bytes::from_static(body)).unwrap_err();
        assert_eq!(refused(Kind::Audio, &[0x2f, 1]), Bad::Codec("MP3".into()));
        assert_eq!(refused(Kind::Video, &[0x14, 1]), Bad::Codec("VP6".into()));
        assert_eq!(refused(Kind::Audio, b"\x91ac-3x"), Bad::Codec("ac-3".into()));
        assert_eq!(refused(Kind::Video, b"\x91\x00vc1x"), Bad::Codec(".vc1".into()));
        assert_eq!(refused(Kind::Video, &[0x17]), Bad::Torn);
    }
}
