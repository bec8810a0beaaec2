//! How fast one sender may write.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use ids::PersonId;

/// Senders looked at between two clean-ups of those who have been quiet.
const CLEAN_EVERY: u32 = 4_096;

/// Who sends. Many people share one address, so the address counts only for those who have not said who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sender {
    /// A person, by their id.
    Person(PersonId),
    /// Somebody anonymous, by their address.
    Address(IpAddr),
}

/// Reactions that one sender may send for each message they may: a reaction is a tap, and several follow each other.
const REACTIONS_FOR_A_MESSAGE: u32 = 4;

/// How fast one sender may do each kind of act: none takes from another.
#[derive(Debug)]
pub struct Limits {
    /// Messages.
    pub messages: Limit,
    /// Reactions.
    pub reactions: Limit,
    /// Searches, which cost more than other readings: the anonymous make them at a limited rate too.
    pub searches: Limit,
}

impl Limits {
    /// Lets each sender send `burst` messages at once and `per_second` in the long run, four times as many reactions, and
    /// search as often as they write.
    #[must_use]
    pub fn new(burst: NonZeroU32, per_second: NonZeroU32) -> Self {
        Self {
            messages: Limit::new(burst, per_second),
            reactions: Limit::new(taps(burst), taps(per_second)),
            searches: Limit::new(burst, per_second),
        }
    }

    /// These limits from now on; where they are others, what was counted before counts no more.
    pub fn set(&self, burst: NonZeroU32, per_second: NonZeroU32) {
        self.messages.set(burst, per_second);
        self.reactions.set(taps(burst), taps(per_second));
        self.searches.set(burst, per_second);
    }
}

fn taps(messages: NonZeroU32) -> NonZeroU32 {
    messages.saturating_mul(NonZeroU32::MIN.saturating_add(REACTIONS_FOR_A_MESSAGE - 1))
}

fn quota(burst: NonZeroU32, per_second: NonZeroU32) -> Quota {
    Quota::per_second(per_second).allow_burst(burst)
}

/// A limit on acts of one kind, for each sender.
#[derive(Debug)]
pub struct Limit {
    limiter: RwLock<(Quota, DefaultKeyedRateLimiter<Sender>)>,
    clock: DefaultClock,
    looked_at: AtomicU32,
}

impl Limit {
    /// So many at once, and so many a second in the long run.
    #[must_use]
    pub fn new(burst: NonZeroU32, per_second: NonZeroU32) -> Self {
        let quota = quota(burst, per_second);
        Self {
            limiter: RwLock::new((quota, RateLimiter::keyed(quota))),
            clock: DefaultClock::default(),
            looked_at: AtomicU32::new(0),
        }
    }

    /// The same from now on; where it is another, what was counted before counts no more.
    pub fn set(&self, burst: NonZeroU32, per_second: NonZeroU32) {
        let quota = quota(burst, per_second);
        let mut limiter = self.limiter.write().unwrap_or_else(PoisonError::into_inner);
        if limiter.0 != quota {
            *limiter = (quota, RateLimiter::keyed(quota));
        }
    }

    /// Counts one act.
    ///
    /// # Errors
    ///
    /// How long to wait before the next one when this one is too many.
    pub fn admit(&self, sender: Sender) -> Result<(), Duration> {
        if self.looked_at.fetch_add(1, Ordering::Relaxed) % CLEAN_EVERY == CLEAN_EVERY - 1 {
            let limiter = self.limiter.write().unwrap_or_else(PoisonError::into_inner);
            limiter.1.retain_recent();
            limiter.1.shrink_to_fit();
        }
        let limiter = self.limiter.read().unwrap_or_else(PoisonError::into_inner);
        limiter.1.check_key(&sender).map_err(|refused| refused.wait_time_from(self.clock.now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_stopped_and_others_are_not() {
        let limits = Limits::new(NonZeroU32::new(5).unwrap(), NonZeroU32::new(1).unwrap());
        let admitted = (0..20).filter(|_| limits.messages.admit(Sender::Person(PersonId(1))).is_ok()).count();
        assert_eq!(admitted, 5);
        let wait = limits.messages.admit(Sender::Person(PersonId(1))).unwrap_err();
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(1), "{wait:?}");
        assert!(limits.messages.admit(Sender::Person(PersonId(2))).is_ok());
        assert!(limits.messages.admit(Sender::Address([127, 0, 0, 1].into())).is_ok());
    }

    #[test]
    fn reactions_and_searches_take_nothing_from_messages() {
        let limits = Limits::new(NonZeroU32::new(5).unwrap(), NonZeroU32::new(1).unwrap());
        let ada = Sender::Person(PersonId(1));
        assert_eq!((0..100).filter(|_| limits.reactions.admit(ada).is_ok()).count(), 20);
        assert_eq!((0..100).filter(|_| limits.searches.admit(ada).is_ok()).count(), 5);
        assert!(limits.messages.admit(ada).is_ok());
    }

    #[test]
    fn another_limit_counts_from_now_on() {
        let one = NonZeroU32::MIN;
        let limits = Limits::new(one, one);
        let ada = Sender::Person(PersonId(1));
        assert!(limits.messages.admit(ada).is_ok() && limits.messages.admit(ada).is_err());
        limits.set(NonZeroU32::new(3).unwrap(), one);
        assert_eq!((0..10).filter(|_| limits.messages.admit(ada).is_ok()).count(), 3);
    }
}
