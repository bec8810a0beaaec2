//! What the playlists say.

use std::fmt::{self, Write};

use media::Kind;

use super::cut::{self, Run};
use super::layout::{Layout, Placed, Rendition, Segment};
use super::line::Line;
use super::name::{Name, Which};
use super::rates::{self, Rates};
use super::{PART_TARGET_US, TARGET_US, WITH_PARTS};
use crate::{Timeline, TrackIndex};

/// Stands at the end of each address, for what is added to it: the token of a live that is not public.
pub const END_OF_URI: char = '~';

/// Older segments than this before the end may be left out of an update (4.4.3.8): six target durations.
const SKIPPED_AFTER_US: i64 = 6 * TARGET_US;
/// Players that know no parts stay this far behind the end (4.4.3.8): three target durations.
const HOLD_BACK_US: i64 = 3 * TARGET_US;
/// Others this far (4.4.3.8): three parts.
const PART_HOLD_BACK_US: i64 = 3 * PART_TARGET_US;

/// A media playlist, and what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Playlist {
    /// All of it.
    pub full: String,
    /// The same without what a player has already that had it before; `None` where nothing may be left out.
    pub update: Option<String>,
    /// Number of the segment that grows: all before it are whole.
    pub next_segment: u64,
    /// Parts of that segment.
    pub parts: u32,
    /// Parts of the segment before it.
    pub parts_before: u32,
}

/// What a playlist says of the segments whose parts are not listed any more, to go on with.
#[derive(Debug, Clone, Default)]
pub struct Settled {
    text: String,
    segments: usize,
}

/// The playlist of one kind of track: of a live that runs, or, where it does not, of all there is. `settled` is what was
/// written for this layout before.
#[must_use]
pub fn media_playlist(
    layout: &Layout,
    timeline: &Timeline,
    kind: Kind,
    is_live: bool,
    settled: &mut Settled,
) -> Playlist {
    let rendition = layout.rendition(kind);
    let segments = &rendition.segments;
    let writer = Writer { layout, timeline, rendition, is_live };
    while settled.segments + WITH_PARTS < segments.len() {
        writer.put_segment(&mut settled.text, settled.segments);
        settled.segments += 1;
    }
    let growing = writer.growing();
    let mut tail = String::new();
    writer.put_end(&mut tail, &growing);
    let mut full = writer.head();
    full.reserve(settled.text.len() + tail.len() + 4_096);
    full.push_str(&settled.text);
    (settled.segments..segments.len()).for_each(|number| writer.put_segment(&mut full, number));
    full.push_str(&tail);
    let skipped = skipped(segments).filter(|_| is_live);
    let update = skipped.map(|skipped| {
        let mut update = writer.head();
        let _ = writeln!(update, "#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}");
        (skipped..segments.len()).for_each(|number| writer.put_segment(&mut update, number));
        update + &tail
    });
    let count = |parts: &[Run]| u32::try_from(parts.len()).unwrap_or(u32::MAX);
    let before = segments.last().map_or_else(Vec::new, |segment| writer.parts_of(segment));
    Playlist {
        full,
        update,
        next_segment: segments.len() as u64,
        parts: count(&growing),
        parts_before: count(&before),
    }
}

/// How many segments an update leaves out.
fn skipped(segments: &[Segment]) -> Option<usize> {
    let mut after = 0;
    let last = segments.iter().rposition(|segment| {
        let is_old = after > SKIPPED_AFTER_US;
        after += segment.duration;
        is_old
    });
    last.map(|last| last + 1)
}

/// The playlist that names the others: the picture with its sound, and the sound alone. `None` where there is nothing.
#[must_use]
pub fn multivariant(layout: &Layout, timeline: &Timeline) -> Option<String> {
    let [video, audio] =
        [&layout.video, &layout.audio].map(|rendition| Variant::of(layout, timeline, rendition));
    let mut out = String::from("#EXTM3U\n#EXT-X-VERSION:7\n");
    let mut group = "";
    if let (Some(_), Some(audio)) = (&video, &audio) {
        group = ",AUDIO=\"sound\"";
        let _ = writeln!(
            out,
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"sound\",NAME=\"Son\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"{}\",\
             URI=\"audio.m3u8{END_OF_URI}\"",
            audio.channels
        );
    }
    if let Some(video) = &video {
        let rates = video.rates + audio.as_ref().map_or_else(Rates::default, |audio| audio.rates);
        let codecs = audio.as_ref().into_iter().flat_map(|audio| &audio.codecs);
        let codecs: Vec<&str> = video.codecs.iter().chain(codecs).map(String::as_str).collect();
        put_variant(&mut out, rates, &codecs);
        let (width, height) = video.size;
        let _ = write!(out, ",RESOLUTION={width}x{height}");
        if let Some(frames) = video.frames_per_1000_s {
            let _ = write!(out, ",FRAME-RATE={}.{:03}", frames / 1_000, frames % 1_000);
        }
        let _ = writeln!(out, "{group},CLOSED-CAPTIONS=NONE\nvideo.m3u8{END_OF_URI}");
    }
    if let Some(audio) = &audio {
        let codecs: Vec<&str> = audio.codecs.iter().map(String::as_str).collect();
        put_variant(&mut out, audio.rates, &codecs);
        let _ = writeln!(out, "{group}\naudio.m3u8{END_OF_URI}");
    }
    (video.is_some() || audio.is_some()).then_some(out)
}

fn put_variant(out: &mut String, rates: Rates, codecs: &[&str]) {
    let Rates { peak, average } = rates;
    let codecs = codecs.join(",");
    let _ = write!(out, "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},CODECS=\"{codecs}\"");
}

/// What a multivariant playlist says of one kind of track.
struct Variant {
    rates: Rates,
    codecs: Vec<String>,
    /// Of the largest picture, as it is seen.
    size: (u32, u32),
    frames_per_1000_s: Option<u64>,
    channels: u8,
}

impl Variant {
    fn of(layout: &Layout, timeline: &Timeline, rendition: &Rendition) -> Option<Self> {
        let takes = layout.takes.iter().filter_map(|placed| timeline.take(placed.number));
        let tracks = takes.filter_map(|take| take.track(rendition.kind)).filter(|track| !track.is_empty());
        let tracks: Vec<&TrackIndex> = tracks.collect();
        let mut codecs = Vec::new();
        for codec in tracks.iter().map(|track| track.track().codec_string()) {
            if !codecs.contains(&codec) {
                codecs.push(codec);
            }
        }
        let (mut frames, mut us) = (0, 0);
        for segment in &rendition.segments {
            frames += segment.run.map_or(0, |run| u64::from(run.frames));
            us += segment.run.map_or(0, |_| segment.duration);
        }
        let size =
            tracks.iter().map(|track| seen_size(track)).max_by_key(|(w, h)| u64::from(*w) * u64::from(*h));
        Some(Self {
            rates: rates::rates(rendition).or_else(|| so_far(tracks.last()?))?,
            codecs,
            size: size.unwrap_or_default(),
            frames_per_1000_s: (us > 0).then(|| frames * 1_000_000_000 / us.unsigned_abs()),
            channels: tracks.iter().map(|track| track.track().channels).max()?,
        })
    }
}

/// The rates of a live of which no segment is whole yet.
fn so_far(track: &TrackIndex) -> Option<Rates> {
    let ms = track.end_ms()?.saturating_sub(track.first_ms()?).max(1);
    let rate = rates::of(track.payload(), ms.saturating_mul(1_000))?;
    Some(Rates { peak: rate, average: rate })
}

/// The size in which the picture is seen: on its side where a quarter turn puts it there.
fn seen_size(track: &TrackIndex) -> (u32, u32) {
    let (width, height) = track.track().shown_size();
    match track.track().matrix {
        Some([0, b, _, c, 0, ..]) if b != 0 && c != 0 => (height, width),
        _ => (width, height),
    }
}

struct Writer<'a> {
    layout: &'a Layout,
    timeline: &'a Timeline,
    rendition: &'a Rendition,
    is_live: bool,
}

impl Writer<'_> {
    fn head(&self) -> String {
        let mut out = String::from("#EXTM3U\n#EXT-X-VERSION:9\n");
        let _ = writeln!(out, "#EXT-X-TARGETDURATION:{}", TARGET_US / 1_000_000);
        if self.is_live {
            let _ = writeln!(
                out,
                "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL={},HOLD-BACK={},PART-HOLD-BACK={}",
                Seconds(SKIPPED_AFTER_US),
                Seconds(HOLD_BACK_US),
                Seconds(PART_HOLD_BACK_US)
            );
            let _ = writeln!(out, "#EXT-X-PART-INF:PART-TARGET={}", Seconds(PART_TARGET_US));
        }
        let kind = if self.is_live { "EVENT" } else { "VOD" };
        let _ = writeln!(out, "#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:{kind}");
        let begins_with_key = |segment: &Segment| segment.run.is_none_or(|run| run.key);
        if self.rendition.kind == Kind::Audio || self.rendition.segments.iter().all(begins_with_key) {
            out.push_str("#EXT-X-INDEPENDENT-SEGMENTS\n");
        }
        out
    }

    fn put_segment(&self, out: &mut String, number: usize) {
        let segments = &self.rendition.segments;
        let segment = &segments[number];
        let is_after_gap = number.checked_sub(1).is_none_or(|before| segments[before].run.is_none());
        if segment.is_first || is_after_gap {
            self.put_begin(out, segment, number == 0);
        }
        let Some(run) = &segment.run else {
            let _ = writeln!(out, "#EXT-X-GAP\n#EXTINF:{},\ngap.m4s{END_OF_URI}", Seconds(segment.duration));
            return;
        };
        let placed = &self.layout.takes[segment.take];
        if self.is_live && number + WITH_PARTS >= segments.len() {
            self.put_parts(out, placed, run, &self.parts_of(segment));
        }
        let which = if run.ends { Which::End(run.frames) } else { Which::Segment };
        let _ = writeln!(out, "#EXTINF:{},\n{}", Seconds(segment.duration), self.uri(placed, run, which));
    }

    /// What is said where a take begins, or goes on after a gap.
    fn put_begin(&self, out: &mut String, segment: &Segment, is_very_first: bool) {
        let placed = &self.layout.takes[segment.take];
        if segment.is_first && !is_very_first {
            out.push_str("#EXT-X-DISCONTINUITY\n");
        }
        let is_there = Line::is_there(self.timeline, placed.number, self.rendition.kind);
        if segment.is_first && is_there {
            let _ = writeln!(out, "#EXT-X-MAP:URI=\"{}\"", self.init(placed));
        }
        let ms = placed.started_at_ms + segment.start.div_euclid(1_000) - placed.offset_ms;
        let _ = writeln!(out, "#EXT-X-PROGRAM-DATE-TIME:{}", Date(ms));
    }

    fn parts_of(&self, segment: &Segment) -> Vec<Run> {
        let Some(run) = segment.run.as_ref().filter(|_| self.is_live) else { return Vec::new() };
        let line = self.line(&self.layout.takes[segment.take]);
        line.map_or_else(Vec::new, |line| cut::parts(&line, run.from, Some(run)))
    }

    /// The parts of the segment that grows.
    fn growing(&self) -> Vec<Run> {
        let Some(placed) = self.layout.takes.last().filter(|_| self.is_live) else { return Vec::new() };
        let line = self.line(placed);
        line.map_or_else(Vec::new, |line| cut::parts(&line, self.rendition.next, None))
    }

    fn line(&self, placed: &Placed) -> Option<Line<'_>> {
        Line::new(self.timeline.take(placed.number)?, self.rendition.kind, placed.offset_ms)
    }

    fn put_parts(&self, out: &mut String, placed: &Placed, segment: &Run, parts: &[Run]) {
        for (part, number) in parts.iter().zip(0..) {
            let uri = match part.ends {
                true => self.uri(placed, part, Which::End(part.frames)),
                false => self.uri(placed, segment, Which::Part(number)),
            };
            let independent = if part.key { ",INDEPENDENT=YES" } else { "" };
            let duration = Seconds(part.end - part.start);
            let _ = writeln!(out, "#EXT-X-PART:DURATION={duration},URI=\"{uri}\"{independent}");
        }
    }

    /// What stands after the last whole segment.
    fn put_end(&self, out: &mut String, parts: &[Run]) {
        if !self.is_live {
            out.push_str("#EXT-X-ENDLIST\n");
            return;
        }
        let Some(placed) = self.layout.takes.last() else { return };
        let segments = &self.rendition.segments;
        let is_first = segments.last().is_none_or(|segment| segment.take + 1 < self.layout.takes.len());
        let is_after_gap = segments.last().is_some_and(|segment| segment.run.is_none());
        if let (Some(first), Some(last)) = (parts.first(), parts.last()) {
            if is_first || is_after_gap {
                let take = self.layout.takes.len() - 1;
                let segment =
                    Segment { take, is_first, start: first.start, duration: 0, run: Some(*first), bytes: 0 };
                self.put_begin(out, &segment, segments.is_empty());
            }
            let growing = Run { from: first.from, ..*last };
            self.put_parts(out, placed, &growing, parts);
        }
        self.put_hint(out, placed, parts.len(), is_first);
        self.put_report(out);
    }

    /// The part that comes next (4.4.5.3). Of a take that is new it is not told what stands before it, so it is not named.
    fn put_hint(&self, out: &mut String, placed: &Placed, parts: usize, is_first: bool) {
        let line = self.line(placed);
        let waits = line.and_then(|line| line.frames(self.rendition.next).next());
        let Some(frame) = waits.filter(|_| parts > 0 || !is_first) else { return };
        let which = Which::Part(u32::try_from(parts).unwrap_or(u32::MAX));
        let name = Name { offset_ms: placed.offset_ms, from: frame.place, which };
        let _ = writeln!(out, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{}\"", self.address(placed, name));
    }

    /// How far the other rendition is (4.4.5.4).
    fn put_report(&self, out: &mut String) {
        let (other, uri) = match self.rendition.kind {
            Kind::Video => (&self.layout.audio, "audio.m3u8"),
            Kind::Audio => (&self.layout.video, "video.m3u8"),
        };
        if !self.layout.has(self.timeline, other.kind) {
            return;
        }
        let writer = Writer { rendition: other, ..*self };
        let (growing, next) = (writer.growing().len(), other.segments.len());
        let (last, parts) = match (growing, other.segments.last()) {
            (0, Some(segment)) => (next - 1, writer.parts_of(segment).len()),
            (growing, _) => (next, growing),
        };
        if next == 0 && parts == 0 {
            return;
        }
        let _ = write!(out, "#EXT-X-RENDITION-REPORT:URI=\"{uri}{END_OF_URI}\",LAST-MSN={last}");
        if let Some(part) = parts.checked_sub(1) {
            let _ = write!(out, ",LAST-PART={part}");
        }
        out.push('\n');
    }

    fn uri(&self, placed: &Placed, run: &Run, which: Which) -> String {
        self.address(placed, Name { offset_ms: placed.offset_ms, from: run.from, which })
    }

    fn address(&self, placed: &Placed, name: Name) -> String {
        format!("{}/{}/{name}{END_OF_URI}", word(self.rendition.kind), placed.number)
    }

    fn init(&self, placed: &Placed) -> String {
        format!("{}/{}/init.mp4{END_OF_URI}", word(self.rendition.kind), placed.number)
    }
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Video => "video",
        Kind::Audio => "audio",
    }
}

/// Microseconds as decimal seconds.
struct Seconds(i64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let us = self.0.max(0);
        let fraction = format!("{:06}", us % 1_000_000);
        write!(f, "{}", us / 1_000_000)?;
        match fraction.trim_end_matches('0') {
            "" => Ok(()),
            digits => write!(f, ".{digits}"),
        }
    }
}

/// Milliseconds since 1970 as a date and time of UTC (RFC 3339).
struct Date(i64);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAY: i64 = 86_400_000;
        let (days, ms) = (self.0.div_euclid(DAY), self.0.rem_euclid(DAY));
        let (year, month, day) = civil(days);
        let (hour, minute, second, ms) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60, ms % 1_000);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
    }
}

/// Year, month and day of a day since 1970-01-01. Counted in years that begin in March, of which each fourth, but for three
/// centuries of four, has a day more at its end.
fn civil(days: i64) -> (i64, i64, i64) {
    let since_0000 = days + 719_468;
    let (era, day) = (since_0000.div_euclid(146_097), since_0000.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month + 2) / 5 + 1;
    let calendar_month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(calendar_month <= 2), calendar_month, day_of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_that_of_the_calendar() {
        let dates = [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
            (1_796_060_229_001, "2026-11-30T17:37:09.001Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ];
        for (ms, text) in dates {
            assert_eq!(Date(ms).to_string(), text);
        }
    }

    #[test]
    fn seconds_are_written_to_the_microsecond_and_no_longer_than_they_need() {
        for (us, text) in [(6_000_000, "6"), (340_000, "0.34"), (2_000_001, "2.000001"), (0, "0"), (-5, "0")]
        {
            assert_eq!(Seconds(us).to_string(), text);
        }
    }
}
