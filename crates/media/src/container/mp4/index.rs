//! Finds in a body's own bytes what was written: its track and its fragments.

use bytes::Bytes;

use super::boxes::{Body, FourCc, box_header};
use super::movie::{Defaults, read_movie};
use super::runs::{Known, read_fragment};
use super::write::track_id;
use crate::container::{Fragment, Sample};
use crate::{Error, Kind, Reason, Track};

/// The track of the body that `bytes` are the front of, and the length of its init; `None` where the init is torn.
///
/// # Errors
/// Bytes that are no body's.
pub fn init(bytes: &[u8]) -> Result<Option<(Track, usize)>, Error> {
    let Some((_, moov)) = whole_box(bytes, 0, b"ftyp")? else { return Ok(None) };
    let Some((body, end)) = whole_box(bytes, moov, b"moov")? else { return Ok(None) };
    let mut movie = read_movie(body, &Bytes::new())?;
    let source = movie.sources.pop().filter(|_| movie.sources.is_empty());
    match source.and_then(|source| source.descriptions.into_iter().flatten().next()) {
        Some(track) => Ok(Some((track, end))),
        None => Err(Reason::Malformed("a body has one track").at(0)),
    }
}

/// The fragment at the front of `bytes`: its `moof` and the header of its `mdat` must be there, its frames need not.
/// `None` where they are torn. Whether `bytes` hold all of [`Fragment::len`] is for the caller to see.
///
/// # Errors
/// Bytes that are no fragment of a body.
pub fn fragment(bytes: &[u8]) -> Result<Option<Fragment>, Error> {
    let Some((moof, end)) = whole_box(bytes, 0, b"moof")? else { return Ok(None) };
    let Some(media) = bytes.get(end..).and_then(box_header) else { return Ok(None) };
    if media.kind != *b"mdat" {
        return Err(Reason::Malformed("a fragment without media").at(end as u64));
    }
    let known = [Kind::Video, Kind::Audio].map(|kind| Known {
        id: track_id(kind),
        kind,
        defaults: Defaults::default(),
        timescale: 1,
        end_dts: None,
    });
    let read = read_fragment(moof, 0, 0, &known)?;
    let [track] = &read.tracks[..] else {
        return Err(Reason::Malformed("a fragment of a body has one track").at(0));
    };
    let len = (end as u64).checked_add(media.size).and_then(|len| u32::try_from(len).ok());
    let len =
        len.ok_or_else(|| Reason::OverLimit { what: "a fragment", limit: u32::MAX.into() }.at(end as u64))?;
    let first_byte = end as u64 + u64::from(media.len);
    let mut samples = Vec::with_capacity(track.samples.len());
    for sample in &track.samples {
        let within = sample.offset >= first_byte && sample.offset + u64::from(sample.size) <= len.into();
        let offset = u32::try_from(sample.offset).ok().filter(|_| within);
        samples.push(Sample {
            offset: offset.ok_or_else(|| Reason::Malformed("a sample lies outside of its fragment").at(0))?,
            size: sample.size,
            duration: sample.duration,
            cts: sample.cts,
            key: sample.key,
        });
    }
    if samples.is_empty() {
        return Err(Reason::Malformed("a fragment without samples").at(0));
    }
    Ok(Some(Fragment { kind: track.kind, sequence: read.sequence, base_dts: track.base_dts, len, samples }))
}

/// The box of a kind that begins at `at`, and where it ends; `None` where it is torn.
fn whole_box<'a>(bytes: &'a [u8], at: usize, kind: &FourCc) -> Result<Option<(Body<'a>, usize)>, Error> {
    let Some(header) = bytes.get(at..).and_then(box_header) else { return Ok(None) };
    if header.kind != *kind || header.size < header.len.into() {
        return Err(Reason::Malformed("another box was written here").at(at as u64));
    }
    let Some(end) = usize::try_from(header.size).ok().and_then(|size| at.checked_add(size)) else {
        return Ok(None);
    };
    let from = at + usize::from(header.len);
    Ok(bytes.get(from..end).map(|content| (Body::new(*kind, from as u64, content), end)))
}
