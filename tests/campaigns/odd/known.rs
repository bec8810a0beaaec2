//! What ffmpeg does wrong, one by one: for each the section of the specification, and exactly when it happens.

use super::case::Changed;
use super::ffmpeg::Packet;

/// The packets of sound that the file holds, of those that ffmpeg reads.
pub(crate) fn sound(_changed: &Changed, packets: &[Packet]) -> Vec<Packet> {
    packets.to_vec()
}

/// The pictures that the file holds, of those that ffmpeg decodes.
pub(crate) fn pictures(_changed: &Changed, pictures: &[Packet]) -> Vec<Packet> {
    pictures.to_vec()
}
