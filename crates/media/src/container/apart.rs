//! Tracks whose clocks are apart: hours, a wrap of 32 bits, one of them counting from 1970.

/// Nanoseconds of a second.
const SECOND: i64 = 1_000_000_000;

/// Milliseconds that a track may begin before the first frame of its take, or after the newest one, before its clock is
/// taken for another. A track that joins late on the same clock begins where the others are by then.
pub const MOST_APART_MS: i64 = 60_000;
/// The same in nanoseconds.
const MOST_APART: i64 = MOST_APART_MS * (SECOND / 1_000);

/// What is added to the times of a track so that it begins where its take begins: 0 where its clock is that of the
/// others. All in nanoseconds: the time of its first frame, that of the take's first frame, that of the newest one of
/// the other tracks.
pub(crate) fn brought_together(first: i64, start: i64, newest: i64) -> i64 {
    let is_near = first >= start.saturating_sub(MOST_APART) && first <= newest.saturating_add(MOST_APART);
    if is_near { 0 } else { start.saturating_sub(first) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clock_that_is_another_is_moved() {
        let minute = 60 * SECOND;
        assert_eq!(brought_together(0, 0, 0), 0);
        assert_eq!(brought_together(minute, 0, 0), 0);
        assert_eq!(brought_together(minute + 1, 0, 0), -minute - 1);
        assert_eq!(brought_together(30 * minute, 0, 29 * minute), 0, "it joined late");
        assert_eq!(brought_together(-minute, 0, 29 * minute), 0);
        assert_eq!(brought_together(-minute - 1, 5, 29 * minute), minute + 6);
        assert_eq!(brought_together(i64::MIN, i64::MAX, i64::MAX), i64::MAX);
    }
}
