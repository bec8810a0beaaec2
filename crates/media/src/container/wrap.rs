//! A clock of 32 bits that comes to its end and begins again at 0.

/// Seconds from where the clock stood within which a time counts as one that wrapped.
const NEAR_SECONDS: i64 = 10;

/// A time of a clock of 32 bits that began again at 0, as the time that goes on where the clock stood: some recorders count
/// so, whatever the width of the field. `before` is where it stood, `timescale` its ticks per second.
pub(crate) fn unwrapped(time: i64, before: Option<i64>, timescale: u32) -> i64 {
    const WRAP: i64 = 1 << 32;
    let Some(before) = before.filter(|before| time < *before && time < WRAP) else { return time };
    let rounds = before.saturating_sub(time).saturating_add(WRAP / 2) / WRAP;
    let goes_on = time.saturating_add(rounds.saturating_mul(WRAP));
    let near = i64::from(timescale).saturating_mul(NEAR_SECONDS);
    if rounds > 0 && goes_on.abs_diff(before) <= near.unsigned_abs() { goes_on } else { time }
}

#[cfg(test)]
mod tests {
    use super::unwrapped;

    #[test]
    fn a_clock_of_32_bits_that_begins_again_goes_on() {
        let wrap = 1_i64 << 32;
        assert_eq!(unwrapped(100, Some(wrap + 100), 48_000), wrap + 100);
        assert_eq!(unwrapped(48_000, Some(wrap - 10), 48_000), wrap + 48_000, "a second was not recorded");
        assert_eq!(unwrapped(0, Some(3 * wrap + 7), 90_000), 3 * wrap);
        assert_eq!(unwrapped(0, Some(wrap / 2), 48_000), 0, "a recorder that began again");
        assert_eq!(unwrapped(500, Some(900), 48_000), 500);
        assert_eq!(unwrapped(wrap + 5, Some(wrap), 48_000), wrap + 5);
        assert_eq!(unwrapped(5, None, 48_000), 5);
    }
}
