//! How a picture lies, by the matrix of its track (ISO/IEC 14496-12, 8.3.2).

/// The unit of a matrix (ISO/IEC 14496-12, 8.2.2): 16.16, in its last column 2.30.
const ONE: i32 = 0x1_0000;
const LAST: i32 = 0x4000_0000;

/// Quarter turns against the clock, 1 to 3, that a matrix of `tkhd` makes; `None` for none and for anything else.
#[must_use]
pub fn quarter_turns(matrix: &[i32; 9]) -> Option<u8> {
    match [matrix[0], matrix[1], matrix[3], matrix[4]].map(i32::signum) {
        [0, -1, 1, 0] => Some(1),
        [-1, 0, 0, -1] => Some(2),
        [0, 1, -1, 0] => Some(3),
        _ => None,
    }
}

/// The matrix of a picture of this size that is turned by so many quarters against the clock, and stays where it was.
pub(crate) fn matrix(turns: u8, width: u32, height: u32) -> Option<[i32; 9]> {
    let pixels = |side: u32| i32::try_from(side).unwrap_or(0).saturating_mul(ONE);
    let (width, height) = (pixels(width), pixels(height));
    match turns {
        1 => Some([0, -ONE, 0, ONE, 0, 0, 0, width, LAST]),
        2 => Some([-ONE, 0, 0, 0, -ONE, 0, width, height, LAST]),
        3 => Some([0, ONE, 0, -ONE, 0, 0, height, 0, LAST]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_held_upright_turns_the_picture() {
        let turned = |a, b, c, d| quarter_turns(&[a, b, 0, c, d, 0, 0, 0, LAST]);
        assert_eq!(turned(ONE, 0, 0, ONE), None);
        assert_eq!(turned(0, ONE, -ONE, 0), Some(3));
        assert_eq!(turned(-ONE, 0, 0, -ONE), Some(2));
        assert_eq!(turned(0, -ONE, ONE, 0), Some(1));
    }
}
