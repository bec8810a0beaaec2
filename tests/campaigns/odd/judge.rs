//! Holds what the server made of a file against what ffmpeg makes of it.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::Path;

use serde_json::Value;

use super::case::Changed;
use super::ffmpeg::{self, Listing, Packet, checksum};
use super::known;
use super::made::{Made, Place, Stream};
use super::oddity::Law;
use super::publish::{Outcome, Refused};
use super::replay::{self, Frame, Frames};
use super::units;

/// How a case ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Packet for packet what ffmpeg reads.
    SamePackets,
    /// Picture for picture what ffmpeg decodes.
    SamePictures,
    /// What is missing was told.
    Told,
    /// Refused at the door.
    Refused,
    /// Harmed: the loss is bounded, and told.
    Bounded,
}

/// Times of containers that count in milliseconds, or in less.
const TOLERANCE_MS: f64 = 2.0;
/// ffmpeg takes an Opus track's pre-skip off its times in one container and not in the other.
const APART_MS: f64 = 100.0;
/// At each end of what an edit list shows, packets of sound that are shown in part.
const EDGE_PACKETS: usize = 6;

/// Judges a case; the error says what is wrong.
pub(crate) async fn judge(changed: &Changed, outcome: &Outcome, folder: &Path) -> Result<Verdict, String> {
    let made = &changed.made;
    let may_be_told = changed.has(Law::Told) || changed.has(Law::Harmed);
    let mut file = made.bytes.as_slice();
    if let Some(Refused { status, sentence, offset }) = &outcome.refused {
        if !may_be_told {
            return Err(format!("refused with {status} at {offset} of {}: {sentence}", file.len()));
        }
        file = &file[..(*offset as usize).min(file.len())];
    }
    let source = folder.join(format!("source.{}", changed.extension));
    std::fs::write(&source, file).expect("a scratch file is written");
    let theirs = ffmpeg::packets(&source).await;
    let ours = replay::read(&outcome.replays);
    one_length(outcome, &ours)?;
    let is_nothing = ours.video.is_empty() && ours.audio.is_empty();
    if is_nothing && outcome.refused.is_some() && (theirs.is_empty() || is_staged(made)) {
        return Ok(Verdict::Refused);
    }
    if changed.has(Law::Harmed) {
        return harmed(changed, outcome, &theirs, &ours);
    }
    let frames = Known::new(made);
    let told = unread_bytes(&outcome.timeline);
    let sound = sound(changed, &frames, &theirs, &ours);
    let is_same = frames.same(&theirs.video, &ours.video);
    if is_same && sound.is_ok() && !changed.has(Law::Shown) {
        times(changed, &theirs, &ours)?;
        return Ok(if outcome.refused.is_some() { Verdict::Refused } else { Verdict::SamePackets });
    }
    let pictures = if is_same && !changed.has(Law::Shown) {
        Ok(())
    } else {
        pictures(changed, &source, outcome, folder).await
    };
    match (sound, pictures) {
        (Ok(()), Ok(())) if outcome.refused.is_some() => Ok(Verdict::Refused),
        (Ok(()), Ok(())) => Ok(Verdict::SamePictures),
        (sound, pictures) => {
            let lost = frames.lost(&theirs, &ours, (pictures.is_err(), sound.is_err()));
            let reasons: Vec<String> = [sound, pictures].into_iter().filter_map(Result::err).collect();
            if may_be_told && told > 0 && lost <= told {
                return Ok(Verdict::Told);
            }
            Err(format!("{}; unread: {}", reasons.join("; "), outcome.timeline["unread"]))
        }
    }
}

impl Listing {
    fn is_empty(&self) -> bool {
        self.video.is_empty() && self.audio.is_empty()
    }
}

/// Whether a file is only read when the whole of it has come: what describes its media stands after it.
fn is_staged(made: &Made) -> bool {
    made.groups.is_empty()
}

/// The timeline, the answer to stop and the replay have one length.
fn one_length(outcome: &Outcome, ours: &Frames) -> Result<(), String> {
    let stopped = outcome.stopped["duration_ms"].as_f64().unwrap_or(0.0);
    let timeline = outcome.timeline["duration_ms"].as_f64().unwrap_or(0.0);
    let slack = 2.0 * outcome.replays.len().max(1) as f64;
    if (stopped - timeline).abs() > 0.0 || (stopped - ours.duration_ms).abs() > slack {
        let replay = ours.duration_ms;
        return Err(format!(
            "the stop says {stopped} ms, the timeline {timeline} ms, the replay {replay} ms"
        ));
    }
    Ok(())
}

fn unread_bytes(timeline: &Value) -> u64 {
    let list = timeline["unread"].as_array().map_or(&[][..], Vec::as_slice);
    list.iter().filter_map(|unread| unread["bytes"].as_u64()).sum()
}

/// The frames of a file by what ffmpeg's listing says of them.
struct Known<'a> {
    by_sum: HashMap<(usize, u32), &'a Place>,
}

impl<'a> Known<'a> {
    fn new(made: &'a Made) -> Self {
        let key = |place: &'a Place| ((place.data.len(), checksum(&place.data)), place);
        Self { by_sum: made.places.iter().map(key).collect() }
    }

    fn get(&self, packet: &Packet) -> Option<&'a Place> {
        self.by_sum.get(&(packet.size, packet.crc)).copied()
    }

    /// Whether packets are the frames of the replay, in order, whatever tells their units apart.
    fn same(&self, theirs: &[Packet], ours: &[Frame]) -> bool {
        theirs.len() == ours.len()
            && theirs.iter().zip(ours).all(|(packet, frame)| match self.get(packet) {
                Some(place) => {
                    place.data == frame.data
                        || bare(place.stream, &place.data) == bare(place.stream, &frame.data)
                }
                None => packet.size == frame.data.len() && packet.crc == checksum(&frame.data),
            })
    }

    /// Bytes of packets that the replay does not have, of the kinds that are named: picture, sound.
    fn lost(&self, theirs: &Listing, ours: &Frames, (picture, sound): (bool, bool)) -> u64 {
        let mut lost = 0;
        let kinds = [(picture, &theirs.video, &ours.video), (sound, &theirs.audio, &ours.audio)];
        for (_, packets, frames) in kinds.into_iter().filter(|(is_wanted, ..)| *is_wanted) {
            let mut kept: HashMap<Vec<Vec<u8>>, usize> = HashMap::new();
            let stream = packets
                .iter()
                .find_map(|packet| self.get(packet))
                .map_or(Stream::Video, |place| place.stream);
            frames.iter().for_each(|frame| *kept.entry(bare(stream, &frame.data)).or_default() += 1);
            for packet in packets {
                let place = self.get(packet).map(|place| bare(stream, &place.data));
                match place.and_then(|bare| kept.get_mut(&bare)).filter(|count| **count > 0) {
                    Some(count) => *count -= 1,
                    None => lost += packet.size as u64,
                }
            }
        }
        lost
    }
}

/// A frame without what is container and not picture: start codes or lengths, delimiters.
fn bare(stream: Stream, data: &[u8]) -> Vec<Vec<u8>> {
    let units = || units::with_lengths(data, 4).unwrap_or_else(|| units::with_start_codes(data));
    match stream {
        Stream::H264 => units().into_iter().filter(|unit| unit[0] & 0x1F != 9).collect(),
        Stream::Hevc => units().into_iter().filter(|unit| unit[0] >> 1 & 0x3F != 35).collect(),
        Stream::Av1 => vec![data.strip_prefix(&[0x12, 0]).unwrap_or(data).to_vec()],
        Stream::Video | Stream::Sound => vec![data.to_vec()],
    }
}

/// The slices of a frame alone: what stands beside them may go over to the next frame.
fn pictures_of(stream: Stream, data: &[u8]) -> Vec<Vec<u8>> {
    let mut units = bare(stream, data);
    match stream {
        Stream::H264 => units.retain(|unit| (1..=5).contains(&(unit[0] & 0x1F))),
        Stream::Hevc => units.retain(|unit| unit[0] >> 1 & 0x3F < 32),
        Stream::Av1 | Stream::Video | Stream::Sound => {}
    }
    units
}

/// Sound, packet for packet.
fn sound(changed: &Changed, known: &Known<'_>, theirs: &Listing, ours: &Frames) -> Result<(), String> {
    let mut rest = ours.audio.iter().map(|frame| (frame.data.len(), checksum(&frame.data)));
    let (mut skipped, mut extra) = (0, 0);
    for packet in known::sound(changed, &theirs.audio) {
        loop {
            let Some(kept) = rest.next() else {
                let counts = format!("{} of {}", ours.audio.len(), theirs.audio.len());
                return Err(format!(
                    "{counts} packets of sound: one of {} bytes is not there or not in its place",
                    packet.size
                ));
            };
            if kept == (packet.size, packet.crc) {
                break;
            }
            skipped += 1;
            extra += usize::from(!known.by_sum.contains_key(&kept));
        }
    }
    skipped += rest.count();
    if extra > 0 {
        return Err(format!("{extra} packets of sound that the file does not have"));
    }
    if changed.has(Law::Shown) && skipped > EDGE_PACKETS && known::reads_sound(changed, &theirs.audio) {
        return Err(format!("{skipped} packets of sound that are not shown"));
    }
    Ok(())
}

/// Pictures, as they are decoded.
async fn pictures(changed: &Changed, source: &Path, outcome: &Outcome, folder: &Path) -> Result<(), String> {
    let theirs = ffmpeg::pictures(source).await;
    let mut ours: Vec<Packet> = Vec::new();
    for replay in &outcome.replays {
        let file = folder.join(format!("replay.{}", replay.container));
        std::fs::write(&file, &replay.bytes).expect("a scratch file is written");
        ours.extend(ffmpeg::pictures(&file).await.video);
    }
    let sum = |packet: &Packet| (packet.size, packet.crc);
    let mut rest = ours.iter().map(sum);
    let expected = &theirs.video;
    let missing = expected.iter().find(|packet| !rest.any(|kept| kept == sum(packet)));
    let counts = format!("{} pictures of {} that ffmpeg decodes", ours.len(), expected.len());
    match missing {
        Some(packet) => {
            Err(format!("{counts}: that of {:.0} ms is not there or not in its place", packet.ms))
        }
        None if changed.has(Law::Shown) && ours.len() > expected.len() => {
            Err(format!("{counts}: the others are not shown"))
        }
        None => Ok(()),
    }
}

/// Frames stand at their times, where these are not what is odd.
fn times(changed: &Changed, theirs: &Listing, ours: &Frames) -> Result<(), String> {
    if changed.laws.iter().any(|law| *law != Law::Whole) || ours.files > 1 {
        return Ok(());
    }
    let mut zeros = Vec::new();
    for (name, packets, frames) in
        [("picture", &theirs.video, &ours.video), ("sound", &theirs.audio, &ours.audio)]
    {
        if packets.len() != frames.len() || packets.is_empty() {
            continue;
        }
        if !packets.iter().all(|packet| known::has_time(changed, packet)) {
            continue;
        }
        let (theirs, ours) = (packets[0].ms, frames[0].ms);
        zeros.push(ours - theirs);
        for (index, (packet, frame)) in packets.iter().zip(frames).enumerate() {
            let (wanted, at) = (packet.ms - theirs, frame.ms - ours);
            if (wanted - at).abs() > TOLERANCE_MS {
                return Err(format!("{name} {index} is {at:.1} ms after the first, not {wanted:.1} ms"));
            }
        }
    }
    match zeros[..] {
        [picture, sound] if (picture - sound).abs() > APART_MS => {
            Err(format!("picture and sound are {:.0} ms further apart than they were", picture - sound))
        }
        _ => Ok(()),
    }
}

/// A file that lost bytes: everything away from the loss is kept, and the loss is told.
fn harmed(changed: &Changed, outcome: &Outcome, theirs: &Listing, ours: &Frames) -> Result<Verdict, String> {
    let made = &changed.made;
    // Whose frames are those of the first: one of them is kept.
    let has_second_sound = known::has_second_sound(changed);
    let is_told = outcome.refused.is_some()
        || unread_bytes(&outcome.timeline) > 0
        || outcome.timeline["gaps"].as_array().is_some_and(|gaps| !gaps.is_empty());
    let harm = made.harm.first().cloned().unwrap_or(0..0);
    let touches = |place: &Place| place.start < harm.end && harm.start < place.end;
    let sound_places = made.places.iter().filter(|place| !touches(place)).count();
    let kept = ours.video.len() + ours.audio.len();
    let is_between = made.groups.is_empty() && !made.places.iter().any(touches);
    if harm.start < made.body || is_between || (made.groups.is_empty() && harm.end > harm.start + 1) {
        // What describes the tracks is gone, or every place that it names has moved.
        let is_silent = kept == 0 && !is_told && !theirs.is_empty();
        return if is_silent {
            Err("nothing is kept, and nothing is told".to_owned())
        } else {
            Ok(Verdict::Bounded)
        };
    }
    let zone = zone(made, &harm);
    let read: HashSet<(usize, u32)> = theirs
        .video
        .iter()
        .chain(&theirs.audio)
        .filter(|packet| packet.is_shown)
        .map(|packet| (packet.size, packet.crc))
        .collect();
    let mut by_bare: HashMap<Vec<Vec<u8>>, usize> = HashMap::new();
    let mut lost = 0;
    for (is_video, frames) in [(true, &ours.video), (false, &ours.audio)] {
        by_bare.clear();
        if !is_video && has_second_sound {
            continue;
        }
        let places = made.places.iter().filter(|place| place.stream.is_video() == is_video);
        let mut places: Vec<&Place> = places.collect();
        // Of frames that are the same it is the one that was struck that is missing, or one near it.
        places.sort_by_key(|place| (touches(place), zone.contains(&place.start)));
        let stream = places.first().map_or(Stream::Sound, |place| place.stream);
        frames.iter().for_each(|frame| *by_bare.entry(pictures_of(stream, &frame.data)).or_default() += 1);
        for place in places {
            let units = pictures_of(stream, &place.data);
            match by_bare.get_mut(&units).filter(|count| **count > 0) {
                _ if units.is_empty() => {}
                Some(count) => *count -= 1,
                None if touches(place) => {}
                None => {
                    let is_read = read.contains(&(place.data.len(), checksum(&place.data)));
                    if is_read && !zone.contains(&place.start) {
                        let (start, zone) = (place.start, &zone);
                        return Err(format!(
                            "the frame at {start} is lost: harm at {harm:?}, which may cost {zone:?}; {} pictures and {} \
                             packets of sound are kept",
                            ours.video.len(),
                            ours.audio.len()
                        ));
                    }
                    lost += usize::from(is_read);
                }
            }
        }
    }
    if lost > 0 && !is_told && kept < sound_places {
        return Err(format!("{lost} frames are lost beside the harm at {harm:?}, and nothing is told"));
    }
    Ok(Verdict::Bounded)
}

/// What a harm may cost: from the start of the cluster or fragment that it struck to the first keyframe of the second one after
/// it. A size that is wrong takes the next one's head with it.
fn zone(made: &Made, harm: &Range<usize>) -> Range<usize> {
    let start = made.groups.iter().copied().rfind(|group| *group <= harm.start).unwrap_or(0);
    let after = made.groups.iter().copied().filter(|group| *group >= harm.end).nth(1);
    let Some(after) = after else { return start..usize::MAX };
    let has_video = made.places.iter().any(|place| place.stream.is_video());
    let resumes = |place: &&Place| place.start >= after && place.key && place.stream.is_video() == has_video;
    start..made.places.iter().find(resumes).map_or(usize::MAX, |place| place.start)
}
