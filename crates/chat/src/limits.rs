//! How fast one sender may write.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// Senders looked at between two clean-ups of those who have been quiet.
const CLEAN_EVERY: u32 = 4_096;

/// Who sends. Many people share one address, so the address counts only for those who have not said who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sender {
    /// A person, by their id.
    Person(i64),
    /// Somebody anonymous, by their address.
    Address(IpAddr),
}

/// A limit on requests for each sender.
#[derive(Debug)]
pub struct Limits {
    limiter: DefaultKeyedRateLimiter<Sender>,
    clock: DefaultClock,
    looked_at: AtomicU32,
}

impl Limits {
    /// Lets each sender make `burst` requests at once and `per_second` in the long run.
    #[must_use]
    pub fn new(burst: NonZeroU32, per_second: NonZeroU32) -> Self {
        let quota = Quota::per_second(per_second).allow_burst(burst);
        Self {
            limiter: RateLimiter::keyed(quota),
            clock: DefaultClock::default(),
            looked_at: AtomicU32::new(0),
        }
    }

    /// Counts one request.
    ///
    /// # Errors
    ///
    /// How long to wait before the next one when this one is too many.
    pub fn admit(&self, sender: Sender) -> Result<(), Duration> {
        if self.looked_at.fetch_add(1, Ordering::Relaxed) % CLEAN_EVERY == CLEAN_EVERY - 1 {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        self.limiter.check_key(&sender).map_err(|refused| refused.wait_time_from(self.clock.now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_stopped_and_others_are_not() {
        let limits = Limits::new(NonZeroU32::new(5).unwrap(), NonZeroU32::new(1).unwrap());
        let admitted = (0..20).filter(|_| limits.admit(Sender::Person(1)).is_ok()).count();
        assert_eq!(admitted, 5);
        let wait = limits.admit(Sender::Person(1)).unwrap_err();
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(1), "{wait:?}");
        assert!(limits.admit(Sender::Person(2)).is_ok());
        assert!(limits.admit(Sender::Address([127, 0, 0, 1].into())).is_ok());
    }
}
