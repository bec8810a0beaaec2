//! How a picture is turned: `Projection` of Matroska (RFC 9559, 5.1.4.1.28.41), the matrix of MP4's `tkhd`.

use super::ebml::{self, Child, id};
use super::put;
use crate::Error;
use crate::rotation::quarter_turns;

/// Degrees that a turn may be off a quarter.
const NEARLY: f64 = 0.5;

/// Reads the payload of a `Projection`: quarter turns against the clock, 0 to 3. What is no rectangle, or turned by
/// anything else, is not turned.
pub(crate) fn read(projection: &Child<'_>) -> Result<u8, Error> {
    let mut roll = 0.0;
    for child in ebml::children(projection.data, projection.payload) {
        let child = child?;
        match child.id {
            id::PROJECTION_TYPE if child.uint()? != 0 => return Ok(0),
            id::PROJECTION_POSE_ROLL => roll = child.float()?,
            _ => {}
        }
    }
    let turns = (roll / 90.0).round();
    let is_quarter = roll.abs() <= 360.0 && (roll - turns * 90.0).abs() < NEARLY;
    Ok(if is_quarter { turns.rem_euclid(4.0) as u8 } else { 0 })
}

/// Writes the `Projection` of a picture that a matrix turns by quarters; nothing for any other.
pub(crate) fn write(out: &mut Vec<u8>, matrix: &[i32; 9]) {
    let degrees: f32 = match quarter_turns(matrix) {
        Some(1) => 90.0,
        Some(2) => 180.0,
        Some(3) => -90.0,
        _ => return,
    };
    let mut projection = Vec::new();
    put::uint(&mut projection, id::PROJECTION_TYPE, 0);
    put::element(&mut projection, id::PROJECTION_POSE_ROLL, &degrees.to_be_bytes());
    put::element(out, id::PROJECTION, &projection);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotation::matrix;

    fn turned(roll: f32, kind: u8) -> u8 {
        let data = [&[0x76, 0x71, 0x81, kind][..], &[0x76, 0x75, 0x84], &roll.to_be_bytes()].concat();
        read(&Child { id: id::PROJECTION, offset: 0, payload: 0, data: &data }).unwrap()
    }

    #[test]
    fn quarters_are_turns_and_nothing_else_is() {
        let rolls = [0.0, 90.0, 180.0, -180.0, -90.0, 270.0, 45.0, 89.9, 1e30, f32::NAN];
        assert_eq!(rolls.map(|roll| turned(roll, 0)), [0, 1, 2, 2, 3, 3, 0, 1, 0, 0]);
        assert_eq!(turned(90.0, 1), 0, "a sphere");
    }

    #[test]
    fn what_is_written_is_read_again() {
        for turns in 0..4 {
            let mut out = Vec::new();
            if let Some(matrix) = matrix(turns, 640, 360) {
                write(&mut out, &matrix);
            }
            let read = ebml::children(&out, 0).next().map(|child| read(&child.unwrap()).unwrap());
            assert_eq!(read, (turns > 0).then_some(turns));
        }
    }
}
