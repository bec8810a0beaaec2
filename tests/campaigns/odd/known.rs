//! What ffmpeg does wrong, one by one: for each the section of the specification, and exactly when it happens.

use super::case::Changed;
use super::ffmpeg::{Packet, checksum};

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
    packets.iter().filter(|packet| packet.is_shown).copied().collect()
}

/// Whether it reads what the file shows of the sound. What it read while it looked for the size of a picture is lost to it
/// where that never comes, and the last packet is what is left; a table that it cannot read costs it all.
pub(crate) fn reads_sound(packets: &[Packet]) -> bool {
    packets.len() > 1
}

/// Whether the file has two tracks of sound, of the same frames.
pub(crate) fn has_second_sound(changed: &Changed) -> bool {
    let names = ["a second sound", "a second sound is the default", "the first sound switched off"];
    changed.names.iter().any(|name| names.contains(name))
}

/// The pictures that the file holds, of those that ffmpeg decodes.
pub(crate) fn pictures(_changed: &Changed, pictures: &[Packet]) -> Vec<Packet> {
    pictures.to_vec()
}

/// Whether it says when a packet is shown. It holds ticks a second in 31 bits, and loses the times of a track that counts more
/// (ISO/IEC 14496-12, 8.4.2: 32 bits).
pub(crate) fn has_time(packet: &Packet) -> bool {
    !packet.ms.is_nan()
}
