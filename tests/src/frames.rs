//! The coded frames of a file, by our own reader and, independently, by ffmpeg's.

use std::path::Path;

use media::container::{Event, Reader};
use media::{Codec, Kind};

use crate::tools;

/// A frame set free of its container: what must be the same in the recording and in the replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coded {
    /// When it is shown, in milliseconds from the first frame of all tracks.
    pub ms: i64,
    /// Whether decoding may start here.
    pub key: bool,
    /// The NAL units or OBUs of the frame, or the frame as one piece.
    pub units: Vec<Vec<u8>>,
}

/// The frames of one track, in the file's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frames {
    /// Its kind.
    pub kind: Kind,
    /// Its frames.
    pub frames: Vec<Coded>,
}

/// All tracks of a file as our own reader sees them; times of later takes go on counting in their own take.
///
/// # Panics
/// When it refuses the file.
#[must_use]
pub fn by_our_reader(bytes: &[u8]) -> Vec<Frames> {
    let found: Vec<_> = read(bytes).into_iter().flatten().collect();
    by_kind(&found)
}

/// The same, take by take: times count from the first frame of each take.
///
/// # Panics
/// When it refuses the file.
#[must_use]
pub fn by_our_reader_take_by_take(bytes: &[u8]) -> Vec<Vec<Frames>> {
    read(bytes).iter().map(|take| by_kind(take)).collect()
}

/// The frames of each take, each with the description of its track.
fn read(bytes: &[u8]) -> Vec<Vec<(media::Track, media::Frame)>> {
    let mut reader = match index_at_end(bytes) {
        Some(moov) => Reader::with_index(moov).expect("an index is read"),
        None => Reader::new(),
    };
    let mut takes: Vec<Vec<(media::Track, media::Frame)>> = Vec::new();
    let mut tracks: Vec<media::Track> = Vec::new();
    let mut drain = |reader: &mut Reader| {
        while let Some(event) = reader.next().expect("a recording is read") {
            match event {
                Event::Take { .. } => {
                    tracks.clear();
                    takes.push(Vec::new());
                }
                Event::Track(track) => {
                    tracks.retain(|known| known.kind() != track.kind());
                    tracks.push(track);
                }
                Event::Frame(frame) => {
                    let track = tracks.iter().find(|track| track.kind() == frame.kind);
                    let track = track.expect("a track comes before its frames").clone();
                    takes.last_mut().expect("a take comes before its frames").push((track, frame));
                }
                Event::Unread(_) | Event::ShownFrom { .. } | Event::Interleaved | Event::BeginsAt { .. } => {}
            }
        }
    };
    for slice in bytes.chunks(64 * 1024) {
        reader.push(slice);
        drain(&mut reader);
    }
    reader.finish();
    drain(&mut reader);
    takes.retain(|take| !take.is_empty());
    takes
}

/// The `moov` of a file that has its media before it.
fn index_at_end(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = bytes;
    let mut media = false;
    while rest.len() >= 16 && bytes.get(4..8) == Some(b"ftyp") {
        let size = match u32::from_be_bytes(rest[..4].try_into().ok()?) {
            1 => usize::try_from(u64::from_be_bytes(rest[8..16].try_into().ok()?)).ok()?,
            size => size as usize,
        };
        match &rest[4..8] {
            b"moov" => return rest.get(..size).filter(|_| media),
            kind => media |= kind == b"mdat",
        }
        rest = rest.get(size.max(8)..)?;
    }
    None
}

fn by_kind(found: &[(media::Track, media::Frame)]) -> Vec<Frames> {
    let zero = found.iter().map(|(track, frame)| track.to_ms(frame.pts)).min().unwrap_or(0);
    [Kind::Video, Kind::Audio]
        .into_iter()
        .map(|kind| Frames {
            kind,
            frames: found
                .iter()
                .filter(|(_, frame)| frame.kind == kind)
                .map(|(track, frame)| Coded {
                    ms: track.to_ms(frame.pts) - zero,
                    key: frame.key,
                    units: units(track.codec, &frame.data),
                })
                .collect(),
        })
        .filter(|track| !track.frames.is_empty())
        .collect()
}

/// All tracks of a file as ffmpeg sees them.
pub async fn by_ffmpeg(path: &Path) -> Vec<Frames> {
    let input = path.to_str().expect("a path of the tests is text");
    let description = tools::probe(input).await;
    let packets = tools::packets(path).await;
    let zero = packets.iter().map(|packet| packet.pts_ms).fold(f64::INFINITY, f64::min);
    let mut all = Vec::new();
    for (kind, name) in [(Kind::Video, "video"), (Kind::Audio, "audio")] {
        let streams = description["streams"].as_array().expect("a list of streams");
        let Some(stream) = streams.iter().find(|stream| stream["codec_type"] == name) else { continue };
        let codec = codec(stream["codec_name"].as_str().unwrap_or_default());
        let bytes = tools::coded_bytes(path, name).await;
        let mut rest = bytes.as_slice();
        let mut frames = Vec::new();
        for packet in packets.iter().filter(|packet| packet.kind == name) {
            let (data, after) = rest.split_at(packet.size);
            rest = after;
            let ms = (packet.pts_ms - zero).round() as i64;
            frames.push(Coded { ms, key: packet.key, units: units(codec, data) });
        }
        assert!(rest.is_empty(), "ffmpeg copied {} bytes more than ffprobe listed", rest.len());
        all.push(Frames { kind, frames });
    }
    all
}

fn codec(name: &str) -> Codec {
    match name {
        "vp8" => Codec::Vp8,
        "vp9" => Codec::Vp9,
        "av1" => Codec::Av1,
        "h264" => Codec::H264,
        "hevc" => Codec::Hevc,
        "opus" => Codec::Opus,
        "aac" => Codec::Aac,
        other => panic!("no recording here has {other}"),
    }
}

/// Fails unless two files hold the same frames in the same order at the same times.
///
/// `tolerance_ms` is 0 unless a container cannot say the time exactly.
///
/// # Panics
/// At the first difference, saying where.
pub fn must_equal(source: &[Frames], replay: &[Frames], tolerance_ms: i64) {
    assert_eq!(
        source.iter().map(|track| track.kind).collect::<Vec<_>>(),
        replay.iter().map(|track| track.kind).collect::<Vec<_>>(),
        "the same tracks"
    );
    for (sent, kept) in source.iter().zip(replay) {
        for (at, (before, after)) in sent.frames.iter().zip(&kept.frames).enumerate() {
            let place = format!("frame {at} of {:?}", sent.kind);
            assert_eq!(before.key, after.key, "{place}: whether it is a key");
            assert!(
                before.units == after.units,
                "{place}: {} bytes in {} units were sent, {} in {} kept",
                before.units.iter().map(Vec::len).sum::<usize>(),
                before.units.len(),
                after.units.iter().map(Vec::len).sum::<usize>(),
                after.units.len()
            );
            let drift = (before.ms - after.ms).abs();
            assert!(drift <= tolerance_ms, "{place}: at {} ms, kept at {} ms", before.ms, after.ms);
        }
        assert_eq!(sent.frames.len(), kept.frames.len(), "the number of frames of {:?}", sent.kind);
    }
}

/// Fails unless what is kept is the beginning of what was sent, frame for frame.
///
/// # Panics
/// At the first difference, saying where.
pub fn must_begin(sent: &[Frames], kept: &[Frames], what: &str) {
    for track in kept {
        let source = sent.iter().find(|source| source.kind == track.kind);
        let source = source.unwrap_or_else(|| panic!("{what}: a track {:?} that was not sent", track.kind));
        assert!(track.frames.len() <= source.frames.len(), "{what}: more frames than were sent");
        for (at, (kept, sent)) in track.frames.iter().zip(&source.frames).enumerate() {
            assert!(
                kept.units == sent.units && kept.key == sent.key,
                "{what}: frame {at} of {:?}",
                track.kind
            );
        }
    }
}

/// A frame's pieces without what is container and not picture: start codes or lengths, access unit delimiters,
/// temporal delimiters.
#[must_use]
pub fn units(codec: Codec, data: &[u8]) -> Vec<Vec<u8>> {
    match codec {
        Codec::H264 => nal_units(data).into_iter().filter(|nal| nal[0] & 0x1F != 9).collect(),
        Codec::Hevc => nal_units(data).into_iter().filter(|nal| (nal[0] >> 1) & 0x3F != 35).collect(),
        Codec::Av1 => obus(data).into_iter().filter(|obu| (obu[0] >> 3) & 0x0F != 2).collect(),
        _ => vec![data.to_vec()],
    }
}

fn nal_units(data: &[u8]) -> Vec<Vec<u8>> {
    with_lengths(data).unwrap_or_else(|| with_start_codes(data))
}

/// NAL units with lengths of four bytes before them, if the lengths add up.
fn with_lengths(data: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut rest = data;
    let mut units = Vec::new();
    while !rest.is_empty() {
        let (length, after) = rest.split_at_checked(4)?;
        let length = u32::from_be_bytes(length.try_into().ok()?) as usize;
        if length == 0 {
            return None;
        }
        let (unit, after) = after.split_at_checked(length)?;
        units.push(unit.to_vec());
        rest = after;
    }
    Some(units)
}

/// NAL units between start codes (ISO/IEC 14496-10, Annex B).
fn with_start_codes(data: &[u8]) -> Vec<Vec<u8>> {
    let mut starts = Vec::new();
    let mut at = 0;
    while at + 3 <= data.len() {
        if data[at..at + 3] == [0, 0, 1] {
            starts.push(at);
            at += 3;
        } else {
            at += 1;
        }
    }
    let ends = starts.iter().skip(1).copied().chain([data.len()]);
    starts
        .iter()
        .zip(ends)
        .map(|(&start, end)| {
            let mut unit = &data[start + 3..end];
            while let Some((0, shorter)) = unit.split_last() {
                unit = shorter;
            }
            unit.to_vec()
        })
        .filter(|unit| !unit.is_empty())
        .collect()
}

/// OBUs of a temporal unit (AV1 specification, 5.3), each with its header and without its size field.
fn obus(data: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = data;
    let mut all = Vec::new();
    while let Some(&header) = rest.first() {
        let head = if header & 4 != 0 { 2 } else { 1 };
        let (size, field) = if header & 2 != 0 { leb128(&rest[head..]) } else { (rest.len() - head, 0) };
        let mut obu = vec![header & !2];
        obu.extend_from_slice(&rest[1..head]);
        obu.extend_from_slice(&rest[head + field..head + field + size]);
        all.push(obu);
        rest = &rest[head + field + size..];
    }
    all
}

fn leb128(data: &[u8]) -> (usize, usize) {
    let mut value = 0;
    for (at, &byte) in data.iter().enumerate().take(8) {
        value |= usize::from(byte & 0x7F) << (7 * at);
        if byte & 0x80 == 0 {
            return (value, at + 1);
        }
    }
    panic!("a size of an OBU that does not end");
}
