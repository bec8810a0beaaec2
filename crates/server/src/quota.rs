//! How much each person stores: measured now and then, counted in between.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use ids::PersonId;

/// How long a measure is good; what is announced in between is counted on top of it.
const GOOD_FOR: Duration = Duration::from_secs(10);
/// People known at once; over it all are measured again.
const KNOWN_AT_MOST: usize = 10_000;

/// What is known of what people store.
#[derive(Debug)]
pub(crate) struct Quota {
    usual: u64,
    known: Mutex<HashMap<PersonId, Known>>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    stored: u64,
    limit: u64,
    since: Instant,
}

impl Quota {
    /// A quota of so many bytes for each person of whom nothing else was said.
    pub(crate) fn new(usual: u64) -> Self {
        Self { usual, known: Mutex::default() }
    }

    /// The bytes that a person may store of whom nothing else was said.
    pub(crate) fn usual(&self) -> u64 {
        self.usual
    }

    /// The bytes that this person may store, as far as it is known.
    pub(crate) fn limit(&self, person: PersonId) -> u64 {
        self.lock().get(&person).map_or(self.usual, |known| known.limit)
    }

    /// Counts bytes that a person is about to store, if a measure says that there is room for them.
    pub(crate) fn admit(&self, person: PersonId, bytes: u64) -> bool {
        let mut known = self.lock();
        let Some(known) = known.get_mut(&person).filter(|known| known.since.elapsed() < GOOD_FOR) else {
            return false;
        };
        let sum = known.stored.saturating_add(bytes);
        if sum > known.limit {
            return false;
        }
        known.stored = sum;
        true
    }

    /// What is left for a person after the last measure.
    pub(crate) fn room(&self, person: PersonId) -> u64 {
        self.lock().get(&person).map_or(0, |known| known.limit.saturating_sub(known.stored))
    }

    /// Takes note of what was measured, and of what this person may store.
    pub(crate) fn measured(&self, person: PersonId, stored: u64, limit: u64) {
        let mut known = self.lock();
        if known.len() >= KNOWN_AT_MOST {
            known.clear();
        }
        known.insert(person, Known { stored, limit, since: Instant::now() });
    }

    /// Lets go of what is known of a person: it is looked at anew.
    pub(crate) fn forget(&self, person: PersonId) {
        self.lock().remove(&person);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<PersonId, Known>> {
        self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_admitted_before_it_was_measured() {
        let quota = Quota::new(100);
        assert!(!quota.admit(PersonId(1), 1));
        quota.measured(PersonId(1), 0, 100);
        assert!(quota.admit(PersonId(1), 1));
        assert!(!quota.admit(PersonId(2), 1));
    }

    #[test]
    fn what_was_admitted_counts() {
        let quota = Quota::new(100);
        quota.measured(PersonId(1), 60, 100);
        assert!(quota.admit(PersonId(1), 30));
        assert_eq!(quota.room(PersonId(1)), 10);
        assert!(!quota.admit(PersonId(1), 11));
        assert!(!quota.admit(PersonId(1), u64::MAX));
        assert!(quota.admit(PersonId(1), 10));
    }
}
