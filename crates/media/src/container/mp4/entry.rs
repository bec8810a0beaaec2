//! Sample entries: how a track's codec is described (ISO/IEC 14496-12, 8.5.2; ISO/IEC 14496-14, 5.6;
//! ISO/IEC 14496-15, 5.4.2 and 8.4.1; the bindings of VP9, AV1 and Opus).

use bytes::Bytes;

use super::boxes::{Body, put_box, put_full_box};
use crate::codec::{aac, opus};
use crate::{Codec, Error, Kind, Reason, Track};

/// Bytes of a configuration record that is taken.
const MAX_CONFIG: usize = 64 << 10;

/// What a sample entry says.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) codec: Codec,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) sample_rate: u32,
    pub(super) channels: u8,
    /// As in [`Track::config`].
    pub(super) config: Bytes,
    /// As in [`Track::pixel_aspect`].
    pub(super) pixel_aspect: Option<(u32, u32)>,
}

/// Writes the sample entry of a track.
pub(super) fn put_entry(out: &mut Vec<u8>, track: &Track) {
    match track.kind() {
        Kind::Video => put_visual(out, track),
        Kind::Audio => put_audio(out, track),
    }
}

/// `VisualSampleEntry` (ISO/IEC 14496-12, 12.1.3).
fn put_visual(out: &mut Vec<u8>, track: &Track) {
    let (kind, record) = match track.codec {
        Codec::Vp8 => (b"vp08", b"vpcC"),
        Codec::Vp9 => (b"vp09", b"vpcC"),
        Codec::Av1 => (b"av01", b"av1C"),
        Codec::Hevc => (b"hvc1", b"hvcC"),
        _ => (b"avc1", b"avcC"),
    };
    put_box(out, kind, |out| {
        out.extend([0, 0, 0, 0, 0, 0, 0, 1]);
        out.extend([0; 16]);
        out.extend(side(track.width).to_be_bytes());
        out.extend(side(track.height).to_be_bytes());
        // 72 dpi twice, reserved, one frame a sample, no compressor name, 24 bits deep, -1.
        out.extend([0, 0x48, 0, 0, 0, 0x48, 0, 0, 0, 0, 0, 0, 0, 1]);
        out.extend([0; 32]);
        out.extend([0, 0x18, 0xff, 0xff]);
        put_box(out, record, |out| out.extend(&track.config));
        if let Some((across, down)) = track.pixel_aspect {
            put_box(out, b"pasp", |out| {
                out.extend(across.to_be_bytes());
                out.extend(down.to_be_bytes());
            });
        }
    });
}

fn side(pixels: u32) -> u16 {
    u16::try_from(pixels).unwrap_or(u16::MAX)
}

/// `AudioSampleEntry` (ISO/IEC 14496-12, 12.2.3). A rate that 16 bits do not hold is left 0: the record says it.
fn put_audio(out: &mut Vec<u8>, track: &Track) {
    let (kind, rate) = match track.codec {
        Codec::Opus => (b"Opus", 48_000),
        _ => (b"mp4a", track.sample_rate),
    };
    put_box(out, kind, |out| {
        out.extend([0, 0, 0, 0, 0, 0, 0, 1]);
        out.extend([0; 8]);
        out.extend(u16::from(track.channels).to_be_bytes());
        out.extend([0, 16, 0, 0, 0, 0]);
        out.extend((u32::from(u16::try_from(rate).unwrap_or(0)) << 16).to_be_bytes());
        match track.codec {
            Codec::Opus => put_box(out, b"dOps", |out| out.extend(&track.config)),
            _ => put_full_box(out, b"esds", 0, 0, |out| put_descriptors(out, &track.config)),
        }
    });
}

/// An `ES_Descriptor` of AAC (ISO/IEC 14496-1, 7.2.6.5): decoder configuration (7.2.6.6) with the
/// `AudioSpecificConfig`, and the synchronisation layer as MP4 predefines it (7.3.2.3).
fn put_descriptors(out: &mut Vec<u8>, config: &[u8]) {
    const AAC: u8 = 0x40;
    const AUDIO_STREAM: u8 = 0x15;
    let specific = descriptor(5, config);
    let decoder = [&[AAC, AUDIO_STREAM, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &specific].concat();
    let stream = [&[0, 0, 0][..], &descriptor(4, &decoder), &descriptor(6, &[2])].concat();
    out.extend(descriptor(3, &stream));
}

/// A descriptor with its expandable size (ISO/IEC 14496-1, 8.3.3), always of four bytes.
fn descriptor(tag: u8, content: &[u8]) -> Vec<u8> {
    let size = content.len() as u32;
    let digits = [21, 14, 7].map(|shift| 0x80 | (size >> shift & 0x7f) as u8);
    [&[tag][..], &digits, &[(size & 0x7f) as u8], content].concat()
}

/// Sample entries of one track that are read.
const MAX_ENTRIES: usize = 1_000;

/// Reads the sample entries of a `stsd` box for a handler of this kind; `None` for one that cannot be read.
///
/// # Errors
/// None of them can be read: what is wrong with the first.
pub(super) fn read_descriptions(mut stsd: Body<'_>, kind: Kind) -> Result<Vec<Option<Entry>>, Error> {
    stsd.version_and_flags()?;
    stsd.u32()?;
    let without = stsd.malformed("a track without a sample entry");
    let mut refused = None;
    let mut entries = Vec::new();
    for entry in stsd.children().take(MAX_ENTRIES) {
        let read = read_description(entry, kind);
        entries.push(read.map_err(|error| refused.get_or_insert(error).clone()).ok());
    }
    match entries.iter().any(Option::is_some) {
        true => Ok(entries),
        false => Err(refused.unwrap_or(without)),
    }
}

fn read_description(entry: Body<'_>, kind: Kind) -> Result<Entry, Error> {
    let at = entry.offset.saturating_sub(8);
    let refused = || Reason::UnsupportedCodec(name(entry.kind)).at(at);
    match (&entry.kind, kind) {
        (b"avc1" | b"avc3", Kind::Video) => read_visual(entry, Codec::H264),
        (b"hvc1" | b"hev1", Kind::Video) => read_visual(entry, Codec::Hevc),
        (b"vp09", Kind::Video) => read_visual(entry, Codec::Vp9),
        (b"av01", Kind::Video) => read_visual(entry, Codec::Av1),
        (b"Opus", Kind::Audio) => read_opus(entry),
        (b"mp4a", Kind::Audio) => read_aac(entry, at),
        _ => Err(refused()),
    }
}

/// A sample entry's name as text, bytes that are no letters as dots.
fn name(kind: [u8; 4]) -> String {
    kind.iter().map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' }).collect()
}

fn read_visual(mut entry: Body<'_>, codec: Codec) -> Result<Entry, Error> {
    entry.bytes(24)?;
    let (width, height) = (entry.u16()?, entry.u16()?);
    entry.bytes(50)?;
    let record = match codec {
        Codec::Vp9 => b"vpcC",
        Codec::Av1 => b"av1C",
        Codec::Hevc => b"hvcC",
        _ => b"avcC",
    };
    let pixel_aspect = entry.find(b"pasp").and_then(read_pixel_aspect);
    let record = entry.require(record, "a sample entry without its configuration record")?;
    let config = checked_config(&record)?;
    let (width, height) = (width.into(), height.into());
    Ok(Entry { codec, width, height, sample_rate: 0, channels: 0, config, pixel_aspect })
}

/// `pasp` (ISO/IEC 14496-12, 12.1.4); `None` for square pixels.
fn read_pixel_aspect(mut pasp: Body<'_>) -> Option<(u32, u32)> {
    Track::reduced_aspect(pasp.u32().ok()?, pasp.u32().ok()?)
}

fn checked_config(record: &Body<'_>) -> Result<Bytes, Error> {
    if record.rest.len() > MAX_CONFIG {
        let limit = MAX_CONFIG as u64;
        return Err(Reason::OverLimit { what: "a configuration record", limit }.at(record.offset));
    }
    Ok(Bytes::copy_from_slice(record.rest))
}

/// The fields of an audio sample entry up to its boxes; answers its channels.
fn read_audio_fields(entry: &mut Body<'_>) -> Result<u16, Error> {
    entry.bytes(8)?;
    let version = entry.u16()?;
    entry.bytes(6)?;
    let channels = entry.u16()?;
    entry.bytes(10)?;
    // QuickTime's longer versions of the entry.
    match version {
        1 => entry.bytes(16)?,
        2 => entry.bytes(36)?,
        _ => &[],
    };
    Ok(channels)
}

fn read_opus(mut entry: Body<'_>) -> Result<Entry, Error> {
    read_audio_fields(&mut entry)?;
    let record = entry.require(b"dOps", "a sample entry without its configuration record")?;
    let head = opus::Head::from_config(record.rest).ok_or_else(|| record.malformed("dOps is damaged"))?;
    let config = checked_config(&record)?;
    Ok(Entry {
        codec: Codec::Opus,
        width: 0,
        height: 0,
        sample_rate: 48_000,
        channels: head.channels,
        config,
        pixel_aspect: None,
    })
}

fn read_aac(mut entry: Body<'_>, at: u64) -> Result<Entry, Error> {
    read_audio_fields(&mut entry)?;
    let esds = entry.find(b"wave").and_then(|wave| wave.find(b"esds")).or_else(|| entry.find(b"esds"));
    let mut esds = esds.ok_or_else(|| entry.malformed("a sample entry without its configuration record"))?;
    esds.version_and_flags()?;
    let (object_type, config) = read_descriptors(esds)?;
    // MPEG-4 audio, and the three profiles of MPEG-2 AAC (ISO/IEC 14496-1, table 5).
    if !matches!(object_type, 0x40 | 0x66..=0x68) {
        return Err(Reason::UnsupportedCodec(format!("mp4a.{object_type:02x}")).at(at));
    }
    let specific = aac::parse(config).ok_or_else(|| Reason::UnsupportedCodec(aac::string(config)).at(at))?;
    Ok(Entry {
        codec: Codec::Aac,
        width: 0,
        height: 0,
        sample_rate: specific.sample_rate,
        channels: specific.channels,
        config: Bytes::copy_from_slice(config),
        pixel_aspect: None,
    })
}

/// The object type and the decoder specific information in an `ES_Descriptor`.
fn read_descriptors<'a>(mut esds: Body<'a>) -> Result<(u8, &'a [u8]), Error> {
    const NONE: &str = "esds describes no decoder";
    let mut stream = descriptor_of(&mut esds, 3)?.ok_or_else(|| esds.malformed(NONE))?;
    stream.u16()?;
    let flags = stream.u8()?;
    if flags & 0x80 != 0 {
        stream.u16()?;
    }
    if flags & 0x40 != 0 {
        let length = stream.u8()?;
        stream.bytes(length.into())?;
    }
    if flags & 0x20 != 0 {
        stream.u16()?;
    }
    let mut decoder = descriptor_of(&mut stream, 4)?.ok_or_else(|| stream.malformed(NONE))?;
    let object_type = decoder.u8()?;
    decoder.bytes(12)?;
    let specific = descriptor_of(&mut decoder, 5)?.map_or(&[][..], |specific| specific.rest);
    Ok((object_type, specific))
}

/// The next descriptor of a tag, others passed over.
fn descriptor_of<'a>(within: &mut Body<'a>, wanted: u8) -> Result<Option<Body<'a>>, Error> {
    while !within.rest.is_empty() {
        let tag = within.u8()?;
        let mut size = 0_usize;
        for _ in 0..4 {
            let digit = within.u8()?;
            size = size << 7 | usize::from(digit & 0x7f);
            if digit & 0x80 == 0 {
                break;
            }
        }
        let offset = within.offset;
        // QuickTime writes sizes that reach past the box.
        let content = within.bytes(size.min(within.rest.len()))?;
        if tag == wanted {
            return Ok(Some(Body::new(*b"esds", offset, content)));
        }
    }
    Ok(None)
}
