//! The movie fragment box: which samples a fragment holds and where they lie (ISO/IEC 14496-12, 8.8).

use super::boxes::Body;
use super::movie::{Defaults, Placed};
use crate::container::wrap::unwrapped;
use crate::{Error, Kind, Reason};

/// The latest time of a fragment that is believed, in ticks: a clock of 2^32 ticks a second may count from 1970. Sums fit.
const MAX_DECODE_TIME: u64 = (1 << 63) - (1 << 52);
/// Samples in one fragment, over all its tracks: over an hour of sound.
const MAX_SAMPLES: u32 = 1 << 18;

/// The bit of the sample flags that says that decoding may not start here (8.8.3.1).
const IS_NON_SYNC: u32 = 0x1_0000;

/// A track that fragments may hold samples of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub(super) id: u32,
    pub(super) kind: Kind,
    pub(super) defaults: Defaults,
    /// Ticks per second.
    pub(super) timescale: u32,
    /// Where its last fragment ended, and a fragment begins that does not say it.
    pub(super) end_dts: Option<i64>,
}

/// The content of a `moof` box.
#[derive(Debug)]
pub(super) struct MovieFragment {
    /// `sequence_number` of its header (8.8.5).
    pub(super) sequence: u32,
    pub(super) tracks: Vec<TrackFragment>,
    /// Samples that it announced, of whatever track.
    pub(super) samples: u64,
}

/// The samples of one track in a fragment, in decoding order.
#[derive(Debug)]
pub(super) struct TrackFragment {
    pub(super) kind: Kind,
    pub(super) base_dts: i64,
    /// Decoding time at which the last sample ends.
    pub(super) end_dts: i64,
    /// Their offsets count from the start of the input.
    pub(super) samples: Vec<Placed>,
}

/// Reads the content of a `moof` whose header begins at `start`. Offsets that the fragment counts from the start of its
/// file count from `file_start`.
pub(super) fn read_fragment(
    moof: Body<'_>,
    start: u64,
    file_start: u64,
    known: &[Known],
) -> Result<MovieFragment, Error> {
    let mut mfhd = moof.require(b"mfhd", "a fragment without its header")?;
    mfhd.version_and_flags()?;
    let sequence = mfhd.u32()?;
    let mut fragment = MovieFragment { sequence, tracks: Vec::new(), samples: 0 };
    let mut scan = Scan { start, file_start, data_end: start, samples: 0, known };
    if moof.find(b"traf").is_none() {
        return Err(moof.malformed("a fragment without tracks"));
    }
    for traf in moof.children().filter(|child| child.kind == *b"traf") {
        fragment.tracks.extend(scan.track(traf)?);
    }
    fragment.samples = scan.samples.into();
    Ok(fragment)
}

/// How far the tracks of a fragment have been read.
struct Scan<'a> {
    start: u64,
    file_start: u64,
    /// Where the data of the last run ends.
    data_end: u64,
    samples: u32,
    known: &'a [Known],
}

/// `tfhd` (8.8.7) with the defaults of the movie filled in.
struct Header {
    known: Option<Known>,
    defaults: Defaults,
    base: u64,
}

impl Scan<'_> {
    /// A `traf` box; `None` for a track that is not known: its runs only move the end of the data.
    fn track(&mut self, traf: Body<'_>) -> Result<Option<TrackFragment>, Error> {
        let header = self.header(traf.require(b"tfhd", "a track fragment without its header")?)?;
        let before = header.known.and_then(|known| known.end_dts);
        let base_dts = match traf.find(b"tfdt") {
            Some(tfdt) => {
                let time = read_decode_time(tfdt)?;
                header.known.map_or(time, |known| unwrapped(time, before, known.timescale))
            }
            None => before.unwrap_or(0),
        };
        let mut fragment = TrackFragment {
            kind: header.known.map_or(Kind::Audio, |known| known.kind),
            base_dts,
            end_dts: base_dts,
            samples: Vec::new(),
        };
        self.data_end = header.base;
        for trun in traf.children().filter(|child| child.kind == *b"trun") {
            self.run(trun, &header, &mut fragment)?;
        }
        Ok(header.known.map(|_| fragment))
    }

    fn header(&self, mut tfhd: Body<'_>) -> Result<Header, Error> {
        let (_, flags) = tfhd.version_and_flags()?;
        let id = tfhd.u32()?;
        let known = self.known.iter().copied().find(|known| known.id == id);
        let mut defaults = known.map(|known| known.defaults).unwrap_or_default();
        let base = match (flags & 0x1 != 0, flags & 0x2_0000 != 0) {
            (true, _) => self.file_start.saturating_add(tfhd.u64()?),
            (false, true) => self.start,
            // The first track's data is counted from the fragment, the next one's follows it (8.8.7.1).
            (false, false) => self.data_end,
        };
        if flags & 0x2 != 0 {
            defaults.description = tfhd.u32()?.saturating_sub(1);
        }
        if flags & 0x8 != 0 {
            defaults.duration = tfhd.u32()?;
        }
        if flags & 0x10 != 0 {
            defaults.size = tfhd.u32()?;
        }
        if flags & 0x20 != 0 {
            defaults.flags = tfhd.u32()?;
        }
        Ok(Header { known, defaults, base })
    }

    /// A `trun` box (8.8.8).
    fn run(
        &mut self,
        mut trun: Body<'_>,
        header: &Header,
        fragment: &mut TrackFragment,
    ) -> Result<(), Error> {
        let (_, flags) = trun.version_and_flags()?;
        let at = trun.offset;
        let count = trun.u32()?;
        self.samples =
            self.samples.checked_add(count).filter(|samples| *samples <= MAX_SAMPLES).ok_or_else(|| {
                Reason::OverLimit { what: "the samples of a fragment", limit: MAX_SAMPLES.into() }.at(at)
            })?;
        if flags & 0x1 != 0 {
            let offset = i64::from(trun.u32()?.cast_signed());
            self.data_end = header
                .base
                .checked_add_signed(offset)
                .ok_or_else(|| trun.malformed("data before the file"))?;
        }
        let first_flags = if flags & 0x4 != 0 { Some(trun.u32()?) } else { None };
        for index in 0..count {
            let duration = if flags & 0x100 != 0 { trun.u32()? } else { header.defaults.duration };
            let size = if flags & 0x200 != 0 { trun.u32()? } else { header.defaults.size };
            let own_flags = if flags & 0x400 != 0 { Some(trun.u32()?) } else { None };
            let cts = if flags & 0x800 != 0 { trun.u32()?.cast_signed() } else { 0 };
            let first_flags = first_flags.filter(|_| index == 0);
            let sample_flags = first_flags.or(own_flags).unwrap_or(header.defaults.flags);
            let dts = fragment.end_dts;
            fragment.end_dts += i64::from(duration);
            // Samples of no bytes that take none of the run either would be as many as somebody says.
            if size == 0 && flags & 0x200 == 0 {
                continue;
            }
            fragment.samples.push(Placed {
                kind: fragment.kind,
                offset: self.data_end,
                size,
                dts,
                cts,
                duration,
                key: sample_flags & IS_NON_SYNC == 0,
                description: header.defaults.description,
            });
            self.data_end = self.data_end.saturating_add(size.into());
        }
        Ok(())
    }
}

/// `tfdt` (8.8.12).
fn read_decode_time(mut tfdt: Body<'_>) -> Result<i64, Error> {
    let (version, _) = tfdt.version_and_flags()?;
    let at = tfdt.offset;
    let time = tfdt.wide(version)?;
    if time > MAX_DECODE_TIME {
        return Err(Reason::OverLimit { what: "the time of a fragment", limit: MAX_DECODE_TIME }.at(at));
    }
    Ok(time.cast_signed())
}
