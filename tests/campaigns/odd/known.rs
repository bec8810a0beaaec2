//! What ffmpeg does wrong, one by one: for each the section of the specification, and exactly when it happens.

use super::case::Changed;
use super::ffmpeg::{Packet, checksum};
use super::made::Place;
use super::oddity::Law;

/// The packets of sound that the file holds, of those that ffmpeg reads.
pub(crate) fn sound(changed: &Changed, packets: &[Packet]) -> Vec<Packet> {
    // Of a lace of one frame it reads a size that is not there: sizes stand there of all frames but the last (RFC 9559,
    // 10.3.3).
    if changed.names.contains(&"lace of one frame") && !has_second_sound(changed) {
        let sounds = changed.made.places.iter().filter(|place| !place.stream.is_video());
        let packet =
            |data: &[u8]| Packet { ms: f64::NAN, size: data.len(), crc: checksum(data), is_shown: true };
        return sounds.map(|place| packet(&place.data)).collect();
    }
    if loses_edits(changed) {
        return shown_sound(changed);
    }
    // The configuration of AAC is no sound (ISO/IEC 14496-14, 3.1.2), though a file may have it as a sample.
    let is_sound =
        |packet: &&Packet| packet.is_shown && !(changed.has_configuration_as_sample && packet.size == 2);
    packets.iter().filter(is_sound).copied().collect()
}

/// The packets that the edit list of the sound shows (ISO/IEC 14496-12, 8.6.6), by the file itself: what is held against the
/// replay where ffmpeg does not read the list as it stands. Of two tracks of sound one is chosen, and none is demanded.
fn shown_sound(changed: &Changed) -> Vec<Packet> {
    if has_second_sound(changed) {
        return Vec::new();
    }
    let is_configuration = |place: &Place| changed.has_configuration_as_sample && place.data.len() == 2;
    let mut places: Vec<&Place> =
        changed.made.places.iter().filter(|place| !place.stream.is_video()).collect();
    places.retain(|place| place.is_shown && !place.data.is_empty() && !is_configuration(place));
    places.sort_by_key(|place| place.order);
    let packet = |place: &&Place| {
        let (size, crc) = (place.data.len(), checksum(&place.data));
        Packet { ms: f64::NAN, size, crc, is_shown: true }
    };
    places.iter().map(packet).collect()
}

/// Whether it shows what an edit list leaves out, or leaves out what it shows. The list stands in the movie box, and is of the
/// samples of fragments as well (8.6.6.1): ffmpeg only moves these by it. A timescale has 32 bits without a sign (8.4.2.2): it
/// takes one of more than 31 bits for a negative one, and then for 1. Each track has a list of its own (8.6.5): where pictures
/// are shown before 0, it leaves out the sound of as long.
fn loses_edits(changed: &Changed) -> bool {
    let has_fragments = changed.names.contains(&"fragments made of tables");
    changed.has(Law::Shown) && (has_fragments || has_huge_timescale(changed) || has_early_pictures(changed))
}

/// Whether what the file shows of the sound is known, so that nothing else may be heard. What ffmpeg read while it looked for
/// the size of a picture is lost to it where that never comes: the last packet is what is left, or none. Of Matroska it gives
/// up the rest of a cluster behind a block that it cannot read, that of text in a track of data among them; an element ends
/// where it says (RFC 8794, 6.2).
pub(crate) fn reads_sound(changed: &Changed, packets: &[Packet]) -> bool {
    let gives_up = [
        "empty SimpleBlock",
        "block cut in its head",
        "block without a frame",
        "empty BlockGroup",
        "block of no track",
        "a track of data",
    ];
    if loses_edits(changed) {
        return !has_second_sound(changed);
    }
    packets.len() > 1 && !changed.names.iter().any(|name| gives_up.contains(name))
}

/// Whether the file has two tracks of sound, of the same frames.
pub(crate) fn has_second_sound(changed: &Changed) -> bool {
    let names = [
        "a second sound",
        "a second sound is the default",
        "a second sound, switched off",
        "the first sound switched off",
    ];
    changed.has_second_sound || changed.names.iter().any(|name| names.contains(name))
}

/// Whether it says when a packet is shown. It holds ticks a second in 31 bits, and loses the times of a track that counts more
/// (ISO/IEC 14496-12, 8.4.2: 32 bits). Where it makes decoding times of its own that do not go on, which Matroska does not have
/// (RFC 9559, 10), it moves both.
pub(crate) fn has_time(changed: &Changed, packet: &Packet) -> bool {
    !packet.ms.is_nan() && !has_huge_timescale(changed)
}

fn has_huge_timescale(changed: &Changed) -> bool {
    changed.names.contains(&"a timescale near 2^32")
}

fn has_early_pictures(changed: &Changed) -> bool {
    changed.names.contains(&"all composition offsets moved")
}
