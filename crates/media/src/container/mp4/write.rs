//! Writes inits, fragments and heads (ISO/IEC 14496-12; the constraints of CMAF, ISO/IEC 23000-19).

use super::boxes::{FourCc, IDENTITY, put_box, put_full_box};
use super::entry::put_entry;
pub use super::head::{HeadChunk, HeadTrack, head};
use crate::container::{Fragment, Sample, WriteError};
use crate::{Codec, Frame, Kind, Track};

/// The track id of the picture in everything that is written.
pub const VIDEO_TRACK_ID: u32 = 1;
/// The track id of the sound in everything that is written.
pub const AUDIO_TRACK_ID: u32 = 2;

/// Sample flags of a keyframe: depends on no other (8.8.3.1).
pub(super) const KEY_FLAGS: u32 = 0x0200_0000;
/// Sample flags of another frame: depends on others, is no sync sample (8.8.3.1).
pub(super) const OTHER_FLAGS: u32 = 0x0101_0000;

/// Ticks per second of times that concern the whole movie.
pub(super) const MOVIE_TIMESCALE: u32 = 1000;

/// A track of an [`init`].
#[derive(Debug, Clone, Copy)]
pub struct InitTrack<'a> {
    /// The track.
    pub track: &'a Track,
    /// The media time that is shown at presentation time 0, in ticks of the track: 0 for a body, for a tail that is
    /// joined late the time of its first frame.
    pub start: i64,
}

/// The track id of a kind of track.
#[must_use]
pub fn track_id(kind: Kind) -> u32 {
    match kind {
        Kind::Video => VIDEO_TRACK_ID,
        Kind::Audio => AUDIO_TRACK_ID,
    }
}

/// What stands before fragments: `ftyp`, and a `moov` without samples and with durations of 0.
#[must_use]
pub fn init(tracks: &[InitTrack<'_>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    put_file_type(&mut out, b"iso6", &[b"iso6", b"cmfc", b"mp41"], tracks.iter().map(|init| init.track));
    put_box(&mut out, b"moov", |out| {
        put_movie_header(out, 0);
        for init in tracks {
            put_box(out, b"trak", |out| {
                put_track_header(out, init.track, 0);
                if init.start != 0 {
                    put_edits(out, &[Edit { duration: 0, media_time: init.start }]);
                }
                put_media(out, init.track, 0, put_no_samples);
            });
        }
        put_box(out, b"mvex", |out| {
            for init in tracks {
                put_full_box(out, b"trex", 0, 0, |out| {
                    for field in [track_id(init.track.kind()), 1, 0, 0, 0] {
                        out.extend(field.to_be_bytes());
                    }
                });
            }
        });
    });
    out
}

/// A fragment of one track: `moof` and `mdat` with all offsets relative to the `moof`, and where its frames lie.
/// `durations` are ticks from each frame's decoding time to the next one's.
///
/// # Errors
/// Frames that no fragment can hold; see [`WriteError`].
pub fn fragment(
    track: &Track,
    sequence: u32,
    frames: &[Frame],
    durations: &[u32],
) -> Result<(Vec<u8>, Fragment), WriteError> {
    let first = frames.first().filter(|_| frames.len() == durations.len()).ok_or(WriteError::Counts)?;
    let base = u64::try_from(first.dts).map_err(|_| WriteError::Span)?;
    let reordered = frames.iter().any(|frame| frame.pts != frame.dts);
    let head_len = head_len(frames.len(), reordered);
    let payload: usize = frames.iter().map(|frame| frame.data.len()).sum();
    let len = u32::try_from(head_len + payload).map_err(|_| WriteError::Size)?;
    let samples = samples(frames, durations, head_len as u32)?;

    let mut out = Vec::with_capacity(len as usize);
    put_head(&mut out, track.kind(), sequence, base, &samples, reordered, payload as u32);
    debug_assert_eq!(out.len(), head_len, "the head of a fragment has the length that was reckoned");
    for frame in frames {
        out.extend_from_slice(&frame.data);
    }
    let fragment = Fragment { kind: track.kind(), sequence, base_dts: first.dts, len, samples };
    Ok((out, fragment))
}

/// The front of a fragment whose frames stand elsewhere: its `moof`, and the header of its `mdat`, which the bytes of the
/// samples follow, one after the other. Where they lie, the samples need not say.
///
/// # Errors
/// [`WriteError::Counts`] without samples, [`WriteError::Size`] where they are too many bytes for one fragment.
pub fn fragment_head(
    kind: Kind,
    sequence: u32,
    base_dts: u64,
    samples: &[Sample],
) -> Result<Vec<u8>, WriteError> {
    let first = samples.first().ok_or(WriteError::Counts)?;
    let reordered = samples.iter().any(|sample| sample.cts != 0);
    let head_len = head_len(samples.len(), reordered);
    let payload: u64 = samples.iter().map(|sample| u64::from(sample.size)).sum();
    let payload = u32::try_from(payload).ok().filter(|len| len.checked_add(head_len as u32).is_some());
    let mut samples = samples.to_vec();
    samples[0] = Sample { offset: head_len as u32, ..*first };
    let mut out = Vec::with_capacity(head_len);
    put_head(&mut out, kind, sequence, base_dts, &samples, reordered, payload.ok_or(WriteError::Size)?);
    Ok(out)
}

/// Bytes of a fragment that are no frames': `moof`, and the header of the `mdat`.
#[must_use]
pub fn head_len(frames: usize, reordered: bool) -> usize {
    MOOF_FIXED + frames * if reordered { 16 } else { 12 } + MDAT_HEADER
}

/// `moof`, and the header of an `mdat` with `payload` bytes.
fn put_head(
    out: &mut Vec<u8>,
    kind: Kind,
    sequence: u32,
    base_dts: u64,
    samples: &[Sample],
    reordered: bool,
    payload: u32,
) {
    put_box(out, b"moof", |out| {
        put_full_box(out, b"mfhd", 0, 0, |out| out.extend(sequence.to_be_bytes()));
        put_box(out, b"traf", |out| {
            // default-base-is-moof (8.8.7.1).
            put_full_box(out, b"tfhd", 0, 0x02_0000, |out| out.extend(track_id(kind).to_be_bytes()));
            put_full_box(out, b"tfdt", 1, 0, |out| out.extend(base_dts.to_be_bytes()));
            put_run(out, samples, reordered);
        });
    });
    out.extend((payload + MDAT_HEADER as u32).to_be_bytes());
    out.extend(b"mdat");
}

/// Gives a [`fragment`] another number, for a file in which the fragments of several bodies take turns: numbers ascend in
/// the order of a file (`mfhd`, 8.8.5). Bytes that are too few for a fragment stay as they are.
pub fn set_sequence(fragment: &mut [u8], sequence: u32) {
    // After the headers of `moof` and `mfhd`, version and flags.
    if let Some(number) = fragment.get_mut(20..24) {
        number.copy_from_slice(&sequence.to_be_bytes());
    }
}

/// Bytes of `moof`, `mfhd`, `traf`, `tfhd`, `tfdt` and `trun` without the rows of the run.
const MOOF_FIXED: usize = 8 + 16 + 8 + 16 + 20 + 20;
const MDAT_HEADER: usize = 8;

fn samples(frames: &[Frame], durations: &[u32], mut offset: u32) -> Result<Vec<Sample>, WriteError> {
    let mut samples = Vec::with_capacity(frames.len());
    for (frame, &duration) in frames.iter().zip(durations) {
        let cts = frame
            .pts
            .checked_sub(frame.dts)
            .and_then(|cts| i32::try_from(cts).ok())
            .ok_or(WriteError::Span)?;
        let size = frame.data.len() as u32;
        samples.push(Sample { offset, size, duration, cts, key: frame.key });
        offset += size;
    }
    Ok(samples)
}

/// `trun` (8.8.8) with duration, size and flags for each sample, and composition offsets where there are any.
fn put_run(out: &mut Vec<u8>, samples: &[Sample], reordered: bool) {
    let flags = 0x701 | if reordered { 0x800 } else { 0 };
    put_full_box(out, b"trun", 1, flags, |out| {
        out.extend((samples.len() as u32).to_be_bytes());
        out.extend(samples[0].offset.to_be_bytes());
        for sample in samples {
            out.extend(sample.duration.to_be_bytes());
            out.extend(sample.size.to_be_bytes());
            out.extend(if sample.key { KEY_FLAGS } else { OTHER_FLAGS }.to_be_bytes());
            if reordered {
                out.extend(sample.cts.to_be_bytes());
            }
        }
    });
}

/// `ftyp` (4.3) with the brands that the codecs ask for.
pub(super) fn put_file_type<'a>(
    out: &mut Vec<u8>,
    major: &FourCc,
    brands: &[&FourCc],
    tracks: impl Iterator<Item = &'a Track>,
) {
    put_box(out, b"ftyp", |out| {
        out.extend(major);
        out.extend([0, 0, 2, 0]);
        for brand in brands {
            out.extend(*brand);
        }
        for track in tracks {
            match track.codec {
                Codec::H264 => out.extend(b"avc1"),
                Codec::Av1 => out.extend(b"av01"),
                _ => {}
            }
        }
    });
}

/// `mvhd` (8.2.2); `duration` in milliseconds.
pub(super) fn put_movie_header(out: &mut Vec<u8>, duration: u64) {
    let version = u8::from(duration > u64::from(u32::MAX));
    put_full_box(out, b"mvhd", version, 0, |out| {
        put_times(out, version, &MOVIE_TIMESCALE.to_be_bytes(), duration);
        out.extend([0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        put_matrix(out, &IDENTITY);
        out.extend([0; 24]);
        out.extend((AUDIO_TRACK_ID + 1).to_be_bytes());
    });
}

/// No times of creation and modification, what stands between, and a duration, in the widths of a version.
fn put_times(out: &mut Vec<u8>, version: u8, between: &[u8], duration: u64) {
    if version == 0 {
        out.extend([0; 8]);
        out.extend(between);
        out.extend((duration as u32).to_be_bytes());
    } else {
        out.extend([0; 16]);
        out.extend(between);
        out.extend(duration.to_be_bytes());
    }
}

fn put_matrix(out: &mut Vec<u8>, matrix: &[i32; 9]) {
    for value in matrix {
        out.extend(value.to_be_bytes());
    }
}

/// `tkhd` (8.3.2): enabled, in the movie; `duration` in milliseconds.
pub(super) fn put_track_header(out: &mut Vec<u8>, track: &Track, duration: u64) {
    let version = u8::from(duration > u64::from(u32::MAX));
    put_full_box(out, b"tkhd", version, 3, |out| {
        let id = u64::from(track_id(track.kind())) << 32;
        put_times(out, version, &id.to_be_bytes(), duration);
        out.extend([0; 12]);
        out.extend(if track.kind() == Kind::Audio { [1, 0, 0, 0] } else { [0; 4] });
        put_matrix(out, &track.matrix.unwrap_or(IDENTITY));
        let (width, height) = track.shown_size();
        for side in [width, height] {
            out.extend((side.min(0xffff) << 16).to_be_bytes());
        }
    });
}

/// A part of a track's presentation (8.6.6): `duration` in milliseconds, `media_time` in ticks of the track, -1 for
/// nothing at all.
pub(super) struct Edit {
    pub(super) duration: u64,
    pub(super) media_time: i64,
}

/// `edts` with its `elst` (8.6.6).
pub(super) fn put_edits(out: &mut Vec<u8>, edits: &[Edit]) {
    let wide = |edit: &Edit| edit.duration > u64::from(u32::MAX) || i32::try_from(edit.media_time).is_err();
    let version = u8::from(edits.iter().any(wide));
    put_box(out, b"edts", |out| {
        put_full_box(out, b"elst", version, 0, |out| {
            out.extend((edits.len() as u32).to_be_bytes());
            for edit in edits {
                if version == 0 {
                    out.extend((edit.duration as u32).to_be_bytes());
                    out.extend((edit.media_time as i32).to_be_bytes());
                } else {
                    out.extend(edit.duration.to_be_bytes());
                    out.extend(edit.media_time.to_be_bytes());
                }
                out.extend([0, 1, 0, 0]);
            }
        });
    });
}

/// `mdia` (8.4) of a track; `duration` in its ticks, `put_samples` writes the tables beside `stsd`.
pub(super) fn put_media(
    out: &mut Vec<u8>,
    track: &Track,
    duration: u64,
    put_samples: impl FnOnce(&mut Vec<u8>),
) {
    let video = track.kind() == Kind::Video;
    put_box(out, b"mdia", |out| {
        let version = u8::from(duration > u64::from(u32::MAX));
        put_full_box(out, b"mdhd", version, 0, |out| {
            put_times(out, version, &track.timescale.to_be_bytes(), duration);
            // The language "und".
            out.extend([0x55, 0xc4, 0, 0]);
        });
        put_full_box(out, b"hdlr", 0, 0, |out| {
            out.extend([0; 4]);
            out.extend(if video { b"vide" } else { b"soun" });
            out.extend([0; 12]);
            out.extend(if video { &b"Video\0"[..] } else { b"Audio\0" });
        });
        put_box(out, b"minf", |out| {
            if video {
                put_full_box(out, b"vmhd", 0, 1, |out| out.extend([0; 8]));
            } else {
                put_full_box(out, b"smhd", 0, 0, |out| out.extend([0; 4]));
            }
            put_box(out, b"dinf", |out| {
                put_full_box(out, b"dref", 0, 0, |out| {
                    out.extend([0, 0, 0, 1]);
                    put_full_box(out, b"url ", 0, 1, |_| {});
                });
            });
            put_box(out, b"stbl", |out| {
                put_full_box(out, b"stsd", 0, 0, |out| {
                    out.extend([0, 0, 0, 1]);
                    put_entry(out, track);
                });
                put_samples(out);
            });
        });
    });
}

fn put_no_samples(out: &mut Vec<u8>) {
    for kind in [b"stts", b"stsc", b"stco"] {
        put_full_box(out, kind, 0, 0, |out| out.extend([0; 4]));
    }
    put_full_box(out, b"stsz", 0, 0, |out| out.extend([0; 8]));
}
