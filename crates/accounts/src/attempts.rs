use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::Error;
use crate::network::Network;

/// Wrong passwords are counted over windows of this length.
const WINDOW: Duration = Duration::from_secs(60);
/// What is let through an hour is counted over this time.
const HOUR: Duration = Duration::from_secs(3_600);
/// Places watched at once; when there are more, those whose window is over are let go.
const WATCHED: usize = 65_536;
/// Wrong passwords for one account from all networks that it was never signed in from, for one from one network.
const OF_AN_ACCOUNT: u32 = 3;
/// Wrong passwords from one network, for one for one account: a village behind one address has many accounts.
const OF_A_NETWORK: u32 = 20;

/// Counts wrong passwords by account, by network and by both together, so that nobody guesses on. Whoever comes from where
/// they signed in before is held back by wrong passwords for this account from there alone, never by what others try
/// elsewhere or for others.
pub(crate) struct Attempts {
    limit: AtomicU32,
    windows: Mutex<HashMap<Of, Window>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Of {
    Both(Network, String),
    Account(String),
    Network(Network),
}

struct Window {
    began: Instant,
    wrong: u32,
}

/// A try under way. It counts as wrong unless [`Attempt::succeeded`].
pub(crate) struct Attempt<'a> {
    attempts: &'a Attempts,
    counted: Vec<Of>,
}

impl Attempts {
    pub(crate) fn new(limit: u32) -> Self {
        Self { limit: AtomicU32::new(limit), windows: Mutex::new(HashMap::new()) }
    }

    /// Another limit from now on.
    pub(crate) fn set(&self, limit: u32) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// A try from `network`; `known` where the account was signed in from there before.
    pub(crate) fn begin(
        &self,
        network: Network,
        email: &str,
        known: bool,
        now: Instant,
    ) -> Result<Attempt<'_>, Error> {
        let email: String = email.chars().take(254).collect();
        let limit = self.limit.load(Ordering::Relaxed);
        let mut limits = vec![(Of::Both(network, email.clone()), limit)];
        if !known {
            limits.push((Of::Account(email), limit.saturating_mul(OF_AN_ACCOUNT)));
            limits.push((Of::Network(network), limit.saturating_mul(OF_A_NETWORK)));
        }
        let mut windows = self.lock();
        if windows.len() >= WATCHED {
            windows.retain(|_, window| now.duration_since(window.began) < WINDOW);
        }
        if windows.len() >= WATCHED && !known {
            return Err(Error::Overloaded);
        }
        for (of, limit) in &limits {
            let Some(window) = windows.get(of) else { continue };
            let age = now.duration_since(window.began);
            if age < WINDOW && window.wrong >= *limit {
                let left = WINDOW.saturating_sub(age);
                return Err(Error::TooManyTries { retry_after_s: left.as_secs().max(1) });
            }
        }
        let counted: Vec<Of> = limits.into_iter().map(|(of, _)| of).collect();
        for of in &counted {
            let window = windows.entry(of.clone()).or_insert(Window { began: now, wrong: 0 });
            if now.duration_since(window.began) >= WINDOW {
                *window = Window { began: now, wrong: 0 };
            }
            window.wrong += 1;
        }
        Ok(Attempt { attempts: self, counted })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Of, Window>> {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt<'_> {
    pub(crate) fn succeeded(self) {
        let mut windows = self.attempts.lock();
        for of in &self.counted {
            if let Some(window) = windows.get_mut(of) {
                window.wrong = window.wrong.saturating_sub(1);
                if window.wrong == 0 {
                    windows.remove(of);
                }
            }
        }
    }
}

/// Counts what is let through by whom it is of (a network, a person): so many at once, and as many an hour.
pub(crate) struct Hourly<K> {
    an_hour: AtomicU32,
    buckets: Mutex<HashMap<K, Bucket>>,
}

/// What is left to somebody, and when that was so.
struct Bucket {
    left: f64,
    at: Instant,
}

impl<K: Eq + Hash> Hourly<K> {
    pub(crate) fn new(an_hour: u32) -> Self {
        Self { an_hour: AtomicU32::new(an_hour), buckets: Mutex::default() }
    }

    /// Another number from now on.
    pub(crate) fn set(&self, an_hour: u32) {
        self.an_hour.store(an_hour, Ordering::Relaxed);
    }

    pub(crate) fn count(&self, of: K, now: Instant) -> Result<(), Error> {
        let most = f64::from(self.an_hour.load(Ordering::Relaxed).max(1));
        let a_second = most / HOUR.as_secs_f64();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= WATCHED {
            buckets.retain(|_, bucket| now.duration_since(bucket.at) < HOUR);
        }
        if buckets.len() >= WATCHED && !buckets.contains_key(&of) {
            return Err(Error::Overloaded);
        }
        let bucket = buckets.entry(of).or_insert(Bucket { left: most, at: now });
        let gained = now.duration_since(bucket.at).as_secs_f64() * a_second;
        *bucket = Bucket { left: (bucket.left + gained).min(most), at: now };
        if bucket.left < 1.0 {
            let wait = ((1.0 - bucket.left) / a_second).ceil();
            return Err(Error::TooManyTries { retry_after_s: (wait as u64).max(1) });
        }
        bucket.left -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(number: u8) -> Network {
        Network::of([192, 0, 2, number].into())
    }

    #[test]
    fn wrong_passwords_are_let_through_up_to_the_limit_of_a_minute() {
        let attempts = Attempts::new(3);
        let start = Instant::now();
        for _ in 0..3 {
            attempts.begin(network(1), "a@b", false, start).unwrap();
        }
        let refused = attempts.begin(network(1), "a@b", false, start + Duration::from_secs(10));
        assert!(matches!(refused, Err(Error::TooManyTries { retry_after_s: 50 })));
        assert!(attempts.begin(network(1), "other@b", false, start).is_ok());
        assert!(attempts.begin(network(1), "a@b", false, start + WINDOW).is_ok());
    }

    #[test]
    fn right_passwords_do_not_count() {
        let attempts = Attempts::new(1);
        for _ in 0..100 {
            attempts.begin(network(1), "a@b", false, Instant::now()).unwrap().succeeded();
        }
    }

    #[test]
    fn what_many_networks_try_holds_back_strangers_and_not_who_is_known_there() {
        let attempts = Attempts::new(2);
        let now = Instant::now();
        let refused = |network, email: &str, known| {
            matches!(attempts.begin(network, email, known, now), Err(Error::TooManyTries { .. }))
        };
        for number in 0..6 {
            assert!(!refused(network(number), "a@b", false), "{number}");
        }
        assert!(refused(network(7), "a@b", false) && !refused(network(7), "other@b", false));
        assert!(!refused(network(8), "a@b", true), "the owner comes in");

        for number in 0..39 {
            assert!(!refused(network(9), &format!("{number}@c"), false), "{number}");
        }
        assert!(!refused(network(9), "villager@c", true));
        refused(network(9), "last@c", false);
        assert!(refused(network(9), "stranger@c", false) && !refused(network(9), "villager@c", true));
    }

    #[test]
    fn registrations_are_so_many_an_hour() {
        let registrations = Hourly::new(60);
        let now = Instant::now();
        for _ in 0..60 {
            registrations.count(network(1), now).unwrap();
        }
        let refused = registrations.count(network(1), now);
        assert!(matches!(refused, Err(Error::TooManyTries { retry_after_s: 60 })), "{refused:?}");
        registrations.count(network(2), now).unwrap();
        registrations.count(network(1), now + Duration::from_secs(61)).unwrap();
        assert!(registrations.count(network(1), now + Duration::from_secs(61)).is_err());
    }
}
