//! How a picture lies, by the matrix of its track (ISO/IEC 14496-12, 8.3.2).

/// Quarter turns against the clock that a matrix of `tkhd` makes; `None` for none and for anything else.
pub(super) fn quarter_turns(matrix: &[i32; 9]) -> Option<u8> {
    match [matrix[0], matrix[1], matrix[3], matrix[4]].map(i32::signum) {
        [0, -1, 1, 0] => Some(1),
        [-1, 0, 0, -1] => Some(2),
        [0, 1, -1, 0] => Some(3),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_held_upright_turns_the_picture() {
        let one = 1 << 16;
        let turned = |a, b, c, d| quarter_turns(&[a, b, 0, c, d, 0, 0, 0, 1 << 30]);
        assert_eq!(turned(one, 0, 0, one), None);
        assert_eq!(turned(0, one, -one, 0), Some(3));
        assert_eq!(turned(-one, 0, 0, -one), Some(2));
        assert_eq!(turned(0, -one, one, 0), Some(1));
    }
}
