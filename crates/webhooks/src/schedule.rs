//! When an attempt that failed is made again. Pure.

use std::time::Duration;

use ids::UnixMs;

/// How long each attempt waits after the one before; later ones wait as long as the last.
const WAITS: [Duration; 9] = [
    Duration::from_secs(2),
    Duration::from_secs(10),
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(15 * 60),
    Duration::from_secs(3_600),
    Duration::from_secs(2 * 3_600),
    Duration::from_secs(4 * 3_600),
    Duration::from_secs(6 * 3_600),
];
/// How long it is tried, from the first attempt on.
const FOR: Duration = Duration::from_secs(24 * 3_600);

/// When to try again what failed so many times (at least once), the first time at `first` and now; `None` when it has been
/// tried for a day.
#[must_use]
pub fn next(failed: u32, first: UnixMs, now: UnixMs) -> Option<UnixMs> {
    let which = usize::try_from(failed.saturating_sub(1)).unwrap_or(usize::MAX).min(WAITS.len() - 1);
    let next = now.plus(WAITS[which]);
    (next <= first.plus(FOR)).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_tried_again_soon_then_seldom_then_no_more() {
        let (first, mut now, mut failed) = (UnixMs(1_000), UnixMs(1_000), 1);
        let mut waits = Vec::new();
        while let Some(next) = next(failed, first, now) {
            waits.push(next.since_ms(now) / 1_000);
            (now, failed) = (next, failed + 1);
        }
        assert!(waits[0] < 30, "the first retry is within 30 s");
        assert!(waits.windows(2).all(|pair| pair[0] <= pair[1]), "{waits:?}");
        let hours = now.since_ms(first) / 3_600_000;
        assert!((13..=24).contains(&hours), "tried for {hours} hours");
        assert_eq!(waits.len(), 10, "{waits:?}");
    }
}
