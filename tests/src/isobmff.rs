//! A checker of MP4 files that shares nothing with the product's reader and writer: whether boxes nest and sum up, and
//! whether all that a file says of its samples says the same (ISO/IEC 14496-12).

mod boxes;
mod fragments;
mod tables;

use std::ops::Range;

pub use boxes::{Box, FourCc};

/// A file that was found to be right.
#[derive(Debug)]
pub struct Movie {
    /// Its tracks.
    pub tracks: Vec<Track>,
    /// What `mvhd` says, in milliseconds; 0 in a fragmented file.
    pub duration_ms: f64,
    /// Whether chunk offsets are of 64 bits.
    pub wide: bool,
}

/// A track and its samples in decoding order.
#[derive(Debug)]
pub struct Track {
    /// Its number.
    pub id: u32,
    /// `vide` or `soun`.
    pub handler: FourCc,
    /// Ticks per second.
    pub timescale: u32,
    /// The rotation of `tkhd`.
    pub matrix: [i32; 9],
    /// Width and height of `tkhd`, in pixels.
    pub size: (u32, u32),
    /// The type of its sample entry.
    pub entry: FourCc,
    /// Its samples.
    pub samples: Vec<Sample>,
    /// Ticks to add to a sample's composition time for the time at which it is shown, as the edit list says.
    pub shift: i64,
    /// The edit list: duration in ms and media time in ticks.
    edits: Vec<(u64, i64)>,
    /// Of `tkhd`, in milliseconds.
    shown_ms: u64,
    /// Of `mdhd`, in ticks.
    media_duration: u64,
    /// Sample duration, size and flags of `trex`.
    defaults: Option<[u32; 3]>,
}

impl Track {
    /// Whether anybody sees a sample: a picture of less than half a millisecond is there to be decoded from.
    fn is_seen(&self, sample: &Sample) -> bool {
        &self.handler != b"vide" || sample.duration * 2_000 >= self.timescale
    }

    /// When the first sample that is to be seen is shown, in ticks: a track may begin with some that are not, in whose
    /// showing order the first one that is seen need not be the first that is decoded.
    fn shown_from(&self) -> i64 {
        let shown_at = |sample: &Sample| sample.dts + sample.cts;
        let first = self.samples.first().expect("samples");
        let seen = self.samples.iter().filter(|sample| self.is_seen(sample));
        if self.is_seen(first) {
            shown_at(first)
        } else {
            seen.map(shown_at).min().unwrap_or(shown_at(first))
        }
    }
}

/// A sample as the file describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Bytes from the start of the file.
    pub offset: u64,
    /// Its length in bytes.
    pub size: u32,
    /// Decoding time in ticks.
    pub dts: i64,
    /// Composition offset in ticks.
    pub cts: i64,
    /// Ticks to the next one's decoding time.
    pub duration: u32,
    /// Whether decoding may start here.
    pub key: bool,
}

impl Track {
    /// When each sample is shown and when it ends, in milliseconds, in decoding order; without those that the edit
    /// list hides.
    pub fn shown(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        let ms = |ticks: i64| ticks as f64 * 1000.0 / f64::from(self.timescale);
        let first = self.samples.first().map_or(0, |sample| sample.dts + sample.cts);
        self.samples.iter().filter(move |sample| sample.dts + sample.cts >= first).map(move |sample| {
            let from = sample.dts + sample.cts + self.shift;
            (ms(from), ms(from + i64::from(sample.duration)))
        })
    }
}

/// Checks a whole file: `ftyp`, `moov`, one `mdat`.
///
/// # Panics
/// At the first thing that is wrong.
#[must_use]
pub fn check(file: &[u8]) -> Movie {
    check_head(file, file.len() as u64)
}

/// The same with the first bytes of the file, the start of its `mdat` at least, and its whole length.
///
/// # Panics
/// At the first thing that is wrong.
#[must_use]
pub fn check_head(start: &[u8], len: u64) -> Movie {
    let [ftyp, moov, mdat] =
        boxes::top(start, len).try_into().expect("ftyp, moov and mdat, and nothing else");
    check_order(&[&ftyp, &moov, &mdat]);
    let (mut movie, timescale) = read_movie(&moov, true);
    let media = mdat.offset + mdat.header..mdat.offset + mdat.size;
    let mut longest_ms = 0;
    for track in &mut movie.tracks {
        check_edits(track, timescale);
        longest_ms = longest_ms.max(track.shown_ms);
    }
    assert_eq!(movie.duration_ms, longest_ms as f64, "mvhd lasts as long as its longest track");
    check_places(&movie, &media);
    assert_eq!(movie.wide, media.end > u64::from(u32::MAX), "64-bit offsets where the file needs them");
    movie
}

/// Checks a fragmented file: `ftyp`, `moov`, then `moof` and `mdat` in turn, each fragment going on where the one before
/// it of the same track ended.
///
/// # Panics
/// At the first thing that is wrong.
#[must_use]
pub fn check_fragmented(file: &[u8]) -> Movie {
    let top = boxes::top(file, file.len() as u64);
    check_order(&[&top[0], &top[1]]);
    let (mut movie, _) = read_movie(&top[1], false);
    assert_eq!(movie.duration_ms, 0.0, "the duration of a file that grows is not known");
    for track in &movie.tracks {
        assert!(track.samples.is_empty() && track.media_duration == 0, "no samples in the moov");
    }
    let mut sequence = 0;
    for pair in top[2..].chunks(2) {
        let [moof, mdat] = pair else { panic!("a moof without its mdat at {}", pair[0].offset) };
        fragments::read(moof, mdat, &mut movie, &mut sequence);
    }
    for track in &mut movie.tracks {
        track.shift = match track.edits.as_slice() {
            [] => 0,
            [(_, media_time)] => -media_time,
            more => panic!("{} edits in a fragmented file", more.len()),
        };
    }
    movie
}

fn check_order(top: &[&Box<'_>]) {
    let order: Vec<FourCc> = top.iter().map(|found| found.kind).collect();
    let expected: Vec<FourCc> = [*b"ftyp", *b"moov", *b"mdat"][..order.len()].to_vec();
    assert_eq!(order, expected, "moov before mdat");
    let brands = top[0].payload();
    assert!(brands.len() >= 8 && brands.len().is_multiple_of(4), "ftyp holds four letters each time");
    let compatible: Vec<&[u8]> = brands[8..].chunks(4).collect();
    assert!(compatible.contains(&&brands[..4]), "the major brand is among the compatible ones");
}

/// Reads `moov`; the second is its timescale.
fn read_movie(moov: &Box<'_>, with_samples: bool) -> (Movie, u32) {
    let mvhd = moov.one(b"mvhd").full();
    let (timescale, duration) = mvhd.times(false);
    assert_eq!(timescale, 1000, "the movie counts milliseconds");
    let next_id = mvhd.last_u32();
    let mut movie = Movie { tracks: Vec::new(), duration_ms: duration as f64, wide: false };
    for trak in moov.all(b"trak") {
        let (track, wide) = tables::read_track(&trak, with_samples);
        assert!(track.id > 0 && track.id < next_id, "track {} below next_track_ID {next_id}", track.id);
        assert!(movie.tracks.iter().all(|known| known.id != track.id), "two tracks {}", track.id);
        movie.wide |= wide;
        movie.tracks.push(track);
    }
    assert!(!movie.tracks.is_empty(), "a movie without tracks");
    if with_samples {
        assert!(moov.all(b"mvex").is_empty(), "mvex in a file without fragments");
    } else {
        for trex in moov.one(b"mvex").all(b"trex") {
            let fields = trex.full();
            let id = fields.u32(0);
            let track = movie.tracks.iter_mut().find(|track| track.id == id).expect("trex of a track");
            assert_eq!(fields.u32(4), 1, "the first sample description");
            track.defaults = Some([fields.u32(8), fields.u32(12), fields.u32(16)]);
        }
        assert!(movie.tracks.iter().all(|track| track.defaults.is_some()), "a track without trex");
    }
    (movie, timescale)
}

/// Whether `tkhd`, `mdhd`, `elst` and the samples agree; works out when the first sample is shown.
fn check_edits(track: &mut Track, movie_timescale: u32) {
    let name = String::from_utf8_lossy(&track.handler).into_owned();
    let ticks: u64 = track.samples.iter().map(|sample| u64::from(sample.duration)).sum();
    assert_eq!(track.media_duration, ticks, "{name}: mdhd is the sum of stts");
    let first = track.shown_from();
    let shown_at = |sample: &Sample| sample.dts + sample.cts;
    let seen = || track.samples.iter().filter(|sample| track.is_seen(sample));
    // Pictures that belong before the keyframe which they follow cannot be decoded from it: of HEVC, and of H.264 that is
    // joined at a recovery point.
    let leads = seen().any(|sample| shown_at(sample) < first);
    let may_lead = matches!(&track.entry, b"hvc1" | b"hev1" | b"avc1");
    assert!(!leads || may_lead, "{name}: a picture before the first one");
    let end = seen().map(|sample| shown_at(sample) + i64::from(sample.duration)).max();
    // What is only there to be decoded from and comes last is cut off by an edit that ends a little early.
    let hides_end =
        track.samples.iter().any(|sample| !track.is_seen(sample) && Some(shown_at(sample)) >= end);
    let to_movie = |ticks: i64| ticks as f64 * f64::from(movie_timescale) / f64::from(track.timescale);
    let shown = to_movie(end.expect("samples") - first);
    let (empty, edit_ms) = match track.edits.as_slice() {
        [] => {
            assert_eq!(first, 0, "{name}: without an edit the first sample is shown at 0");
            (0, track.shown_ms)
        }
        [(duration, media_time)] => {
            assert_eq!(*media_time, first, "{name}: the edit begins with the first sample");
            (0, *duration)
        }
        [(empty, -1), (duration, media_time)] => {
            assert_eq!(*media_time, first, "{name}: the edit begins with the first sample");
            (*empty, *duration)
        }
        other => panic!("{name}: edits {other:?}"),
    };
    let least = if hides_end { -1.0 } else { 0.0 };
    assert!((least..=1.0).contains(&(edit_ms as f64 - shown)), "{name}: the edit is {edit_ms} ms of {shown}");
    assert_eq!(track.shown_ms, empty + edit_ms, "{name}: tkhd is the sum of the edits");
    let empty_ticks = (empty * u64::from(track.timescale)).div_ceil(u64::from(movie_timescale));
    track.shift = empty_ticks as i64 - first;
}

/// Whether the samples fill the media, each byte belonging to one.
fn check_places(movie: &Movie, media: &Range<u64>) {
    let mut places: Vec<Range<u64>> = movie
        .tracks
        .iter()
        .flat_map(|track| &track.samples)
        .map(|sample| sample.offset..sample.offset + u64::from(sample.size))
        .collect();
    places.sort_by_key(|place| place.start);
    let mut at = media.start;
    for place in places {
        assert_eq!(place.start, at, "samples follow one another without a hole or an overlap");
        at = place.end;
    }
    assert_eq!(at, media.end, "samples fill mdat to its end");
}
