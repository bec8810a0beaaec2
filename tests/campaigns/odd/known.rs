//! What ffmpeg does wrong, one by one: for each the section of the specification, and exactly when it happens.

use super::case::Changed;
use super::ffmpeg::{Packet, checksum};
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
        return Vec::new();
    }
    // The configuration of AAC is no sound (ISO/IEC 14496-14, 3.1.2), though a file may have it as a sample.
    let is_sound =
        |packet: &&Packet| packet.is_shown && !(changed.has_configuration_as_sample && packet.size == 2);
    packets.iter().filter(is_sound).copied().collect()
}

/// Whether it shows what an edit list leaves out: in front of fragments it only moves by it (8.6.6.1), and it takes a timescale
/// of more than 31 bits for a negative one, and then for 1 (8.4.2.3). Where pictures are shown before 0 it leaves out the
/// sound of as long, though that has a list of its own.
fn loses_edits(changed: &Changed) -> bool {
    let has_fragments = changed.names.contains(&"fragments made of tables");
    changed.has(Law::Shown) && (has_fragments || has_huge_timescale(changed) || has_early_pictures(changed))
}

/// Whether it reads what the file shows of the sound. What it read while it looked for the size of a picture is lost to it
/// where that never comes, and the last packet is what is left; a table that it cannot read costs it all.
pub(crate) fn reads_sound(changed: &Changed, packets: &[Packet]) -> bool {
    // Behind a block that it cannot read it gives up the rest of the cluster (RFC 8794, 6.2: an element ends where it says).
    let gives_up = [
        "empty SimpleBlock",
        "block cut in its head",
        "block without a frame",
        "empty BlockGroup",
        "block of no track",
    ];
    let has_given_up = changed.names.iter().any(|name| gives_up.contains(name));
    packets.len() > 1 && !has_given_up && !loses_edits(changed)
}

/// Whether the file has two tracks of sound, of the same frames.
pub(crate) fn has_second_sound(changed: &Changed) -> bool {
    let names = [
        "a second sound",
        "a second sound is the default",
        "a second sound, switched off",
        "the first sound switched off",
    ];
    changed.names.iter().any(|name| names.contains(name))
}

/// The pictures that the file holds, of those that ffmpeg decodes.
pub(crate) fn pictures(_changed: &Changed, pictures: &[Packet]) -> Vec<Packet> {
    pictures.to_vec()
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
