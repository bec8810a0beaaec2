//! A checker of HLS playlists (RFC 8216bis) that shares nothing with the product: what one must hold, and what two of the
//! same address must be to each other as the live grows.

use std::collections::BTreeMap;

/// A media playlist.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Playlist {
    /// `EXT-X-VERSION`.
    pub version: u32,
    /// `EXT-X-TARGETDURATION`, in seconds.
    pub target: f64,
    /// `PART-TARGET`, in seconds.
    pub part_target: Option<f64>,
    /// The attributes of `EXT-X-SERVER-CONTROL`.
    pub control: BTreeMap<String, String>,
    /// `EXT-X-PLAYLIST-TYPE`.
    pub kind: String,
    /// Whether there is an `EXT-X-ENDLIST`.
    pub is_ended: bool,
    /// Whether there is an `EXT-X-INDEPENDENT-SEGMENTS`.
    pub is_independent: bool,
    /// `SKIPPED-SEGMENTS`.
    pub skipped: usize,
    /// The whole segments.
    pub segments: Vec<Segment>,
    /// The parts of the segment that grows, and what stands before it.
    pub open: Segment,
    /// `EXT-X-PRELOAD-HINT`.
    pub hint: Option<String>,
    /// `EXT-X-RENDITION-REPORT`s.
    pub reports: Vec<BTreeMap<String, String>>,
}

/// A segment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Segment {
    /// Seconds.
    pub duration: f64,
    /// Its address.
    pub uri: String,
    /// Whether nothing is there.
    pub is_gap: bool,
    /// Whether it follows a discontinuity.
    pub is_discontinuity: bool,
    /// The address of its `EXT-X-MAP`, where it is said anew.
    pub map: Option<String>,
    /// `EXT-X-PROGRAM-DATE-TIME`.
    pub date: Option<String>,
    /// Its parts, where they are listed.
    pub parts: Vec<Part>,
}

/// A part.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Seconds.
    pub duration: f64,
    /// Its address.
    pub uri: String,
    /// Whether it begins with a keyframe.
    pub is_independent: bool,
}

/// The attributes of a tag (4.2).
///
/// # Errors
/// What is no list of attributes.
pub fn attributes(list: &str) -> Result<BTreeMap<String, String>, String> {
    let mut found = BTreeMap::new();
    let mut rest = list;
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=').ok_or(format!("no attribute: {rest}"))?;
        let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || !name.chars().all(is_name) {
            return Err(format!("no name of an attribute: {name}"));
        }
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or(format!("an open quote: {after}"))?,
            None => after.split_at(after.find(',').unwrap_or(after.len())),
        };
        rest = match after.strip_prefix(',') {
            Some("") => return Err(format!("a comma at the end of {list}")),
            Some(more) => more,
            None if after.is_empty() => after,
            None => return Err(format!("no comma before {after}")),
        };
        if found.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(format!("{name} twice in {list}"));
        }
    }
    Ok(found)
}

fn number(text: &str) -> Result<f64, String> {
    let is_decimal = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '.');
    text.parse().ok().filter(|_| is_decimal).ok_or(format!("no decimal number: {text}"))
}

/// Reads a media playlist, every line of it.
///
/// # Errors
/// A line that is not understood.
pub fn read(text: &str) -> Result<Playlist, String> {
    let mut lines = text.lines();
    if lines.next() != Some("#EXTM3U") {
        return Err("it does not begin with #EXTM3U".to_owned());
    }
    let mut playlist = Playlist::default();
    let mut segment = Segment::default();
    let mut has_duration = false;
    for line in lines {
        let (tag, value) = line.split_once(':').unwrap_or((line, ""));
        match tag {
            "#EXT-X-VERSION" => playlist.version = value.parse().map_err(|_| line.to_owned())?,
            "#EXT-X-TARGETDURATION" => playlist.target = number(value)?,
            "#EXT-X-SERVER-CONTROL" => playlist.control = attributes(value)?,
            "#EXT-X-PART-INF" => playlist.part_target = Some(number(&attributes(value)?["PART-TARGET"])?),
            "#EXT-X-PLAYLIST-TYPE" => playlist.kind = value.to_owned(),
            "#EXT-X-MEDIA-SEQUENCE" if value == "0" => {}
            "#EXT-X-INDEPENDENT-SEGMENTS" => playlist.is_independent = true,
            "#EXT-X-SKIP" => {
                playlist.skipped =
                    attributes(value)?["SKIPPED-SEGMENTS"].parse().map_err(|_| line.to_owned())?;
            }
            "#EXT-X-DISCONTINUITY" => segment.is_discontinuity = true,
            "#EXT-X-GAP" => segment.is_gap = true,
            "#EXT-X-MAP" => segment.map = Some(attributes(value)?["URI"].clone()),
            "#EXT-X-PROGRAM-DATE-TIME" => segment.date = Some(value.to_owned()),
            "#EXT-X-PART" => {
                let said = attributes(value)?;
                segment.parts.push(Part {
                    duration: number(&said["DURATION"])?,
                    uri: said["URI"].clone(),
                    is_independent: said.get("INDEPENDENT").is_some_and(|said| said == "YES"),
                });
            }
            "#EXTINF" => {
                segment.duration = number(value.trim_end_matches(','))?;
                has_duration = true;
            }
            "#EXT-X-PRELOAD-HINT" => {
                let said = attributes(value)?;
                if said["TYPE"] != "PART" || playlist.hint.is_some() {
                    return Err(line.to_owned());
                }
                playlist.hint = Some(said["URI"].clone());
            }
            "#EXT-X-RENDITION-REPORT" => playlist.reports.push(attributes(value)?),
            "#EXT-X-ENDLIST" => playlist.is_ended = true,
            _ if line.starts_with('#') || line.is_empty() => return Err(format!("not understood: {line}")),
            _ if !has_duration => return Err(format!("no EXTINF before {line}")),
            _ => {
                line.clone_into(&mut segment.uri);
                playlist.segments.push(std::mem::take(&mut segment));
                has_duration = false;
            }
        }
    }
    playlist.open = segment;
    Ok(playlist)
}

/// What is wrong with a media playlist by itself.
#[must_use]
pub fn complaints(playlist: &Playlist) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut must = |holds: bool, what: String| {
        if !holds {
            wrong.push(what);
        }
    };
    let Playlist { target, segments, open, .. } = playlist;
    must(playlist.version >= 9, format!("version {}", playlist.version));
    must(*target == 6.0, format!("a target duration of {target}"));
    let kind = if playlist.is_ended { "VOD" } else { "EVENT" };
    must(playlist.kind == kind, format!("the type {}", playlist.kind));
    for (at, segment) in segments.iter().enumerate() {
        let name = &segment.uri;
        must(segment.duration.round() <= *target, format!("{name}: {} s", segment.duration));
        must(segment.duration > 0.0, format!("{name}: {} s", segment.duration));
        must(!segment.is_discontinuity || at + playlist.skipped > 0, "a discontinuity before all".to_owned());
        must(segment.is_gap == name.starts_with("gap."), format!("{name} and the gap"));
        let is_new = segment.is_discontinuity || at + playlist.skipped == 0;
        must(!is_new || segment.date.is_some(), format!("{name}: no date where a take begins"));
        must(
            !is_new || segment.is_gap || segment.map.is_some(),
            format!("{name}: no map where a take begins"),
        );
        let is_new_enough = at + 2 >= segments.len() && !playlist.is_ended && !segment.is_gap;
        must(segment.parts.is_empty() != is_new_enough, format!("{name}: {} parts", segment.parts.len()));
        let sum: f64 = segment.parts.iter().map(|part| part.duration).sum();
        let is_sum = segment.parts.is_empty() || (sum - segment.duration).abs() < 1e-4;
        must(is_sum, format!("{name}: parts of {sum} s in {} s", segment.duration));
    }
    if playlist.is_ended {
        must(playlist.part_target.is_none() && playlist.control.is_empty(), "parts after the end".to_owned());
        must(*open == Segment::default() && playlist.hint.is_none(), "something after the end".to_owned());
        return wrong;
    }
    let said =
        |name: &str| playlist.control.get(name).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    let part_target = playlist.part_target.unwrap_or(0.0);
    must(part_target > 0.0, "no part target".to_owned());
    must(playlist.control.get("CAN-BLOCK-RELOAD").is_some_and(|can| can == "YES"), "no reload".to_owned());
    must(said("CAN-SKIP-UNTIL") >= 6.0 * target, format!("skips until {}", said("CAN-SKIP-UNTIL")));
    must(said("HOLD-BACK") >= 3.0 * target, format!("holds back {}", said("HOLD-BACK")));
    must(said("PART-HOLD-BACK") + 1e-9 >= 3.0 * part_target, format!("parts: {}", said("PART-HOLD-BACK")));
    must(open.uri.is_empty() && !open.is_gap, "a segment without an address".to_owned());
    let is_new = segments.is_empty() && playlist.skipped == 0 || open.is_discontinuity;
    must(!is_new || open.parts.is_empty() || open.map.is_some(), "no map of what grows".to_owned());
    wrong
}

/// What of a part does not fit its target: longer than it, or shorter than 85 % of it where a frame more had its place.
/// `frames` are those in it; `next`: how long the frame after it lasts at most, in seconds.
#[must_use]
pub fn part_complaint(
    part: &Part,
    part_target: f64,
    frames: usize,
    is_last: bool,
    next: f64,
) -> Option<String> {
    let Part { duration, uri, .. } = part;
    if *duration > part_target + 1e-6 && frames > 1 {
        return Some(format!("{uri}: {frames} frames of {duration} s"));
    }
    let had_room = duration + next <= part_target - 1e-6;
    let is_short = *duration < 0.85 * part_target && !is_last && had_room;
    is_short.then(|| format!("{uri}: only {duration} s"))
}

/// What of an older playlist is not so any more in a newer one of the same address, which may have left segments out.
#[must_use]
pub fn growth_complaints(before: &Playlist, after: &Playlist) -> Vec<String> {
    let mut wrong = Vec::new();
    if before.is_ended && before != after {
        wrong.push("it went on after its end".to_owned());
    }
    let without_parts = |segment: &Segment| Segment { parts: Vec::new(), ..segment.clone() };
    for (at, segment) in before.segments.iter().enumerate() {
        let number = at + before.skipped;
        if number < after.skipped {
            continue;
        }
        let now = after.segments.get(number - after.skipped);
        if now.map(without_parts) != Some(without_parts(segment)) {
            wrong.push(format!("segment {number} was {segment:?}, is {now:?}"));
        } else if let Some(now) = now.filter(|now| !now.parts.is_empty() && !segment.parts.is_empty())
            && now.parts != segment.parts
        {
            wrong
                .push(format!("the parts of segment {number} were {:?}, are {:?}", segment.parts, now.parts));
        }
    }
    let growing = before.segments.len() + before.skipped;
    let now = growing.checked_sub(after.skipped).and_then(|at| after.segments.get(at));
    let now = now.unwrap_or(&after.open);
    if !now.parts.is_empty() && !now.parts.starts_with(&before.open.parts) {
        wrong.push(format!("parts of {growing} were {:?}, are {:?}", before.open.parts, now.parts));
    }
    let common = |playlist: &Playlist| {
        (playlist.version, playlist.part_target, playlist.control.clone(), playlist.kind.clone())
    };
    if !after.is_ended && common(before) != common(after) {
        wrong.push(format!("{:?} became {:?}", common(before), common(after)));
    }
    wrong
}
