//! How much people store, each of them and all together, and how much room there is: measured now and then, counted in between.
//!
//! Bytes that are about to come have a [`Room`]: as much of the quota as was announced is theirs until they have come or do not
//! come any more, so that many requests at once do not have it each. What came is counted until the next measure.
//!
//! Where little is left, of the disk or of what all may store together, not everybody is refused at once: whoever stores more
//! than is left is, so those who take most are the first, and those who take little the last.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ids::PersonId;

/// How long it is good what was measured of a person.
const GOOD_FOR: Duration = Duration::from_secs(10);
/// How long it is good what was measured of all, which costs a look at every file.
const ALL_GOOD_FOR: Duration = Duration::from_secs(60);
/// How long it is good what is left of the disk, where others write too.
const DISK_GOOD_FOR: Duration = Duration::from_secs(1);
/// People known at once; over it all are measured again who store nothing just now.
const KNOWN_AT_MOST: usize = 10_000;
/// Bytes of one request that came and may not be on the disk yet: a measure does not see them, so they stay promised.
const IN_HAND: u64 = 2 << 20;
/// Of what all may store together, the last tenth is little.
const LITTLE: u64 = 10;

/// What may be stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Bytes of one person.
    pub(crate) person: u64,
    /// Bytes of all together; without it only the disk limits them.
    pub(crate) all: Option<u64>,
    /// From so many bytes of the disk on, those that are kept free left out, little is left.
    pub(crate) little: u64,
}

/// Why there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoRoom {
    /// What was measured is too old to say so.
    Unmeasured,
    /// This person stores all that one person may.
    Person,
    /// All together store what they may.
    All,
    /// Little is left, and this person stores more than that.
    Little,
}

/// What was measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measure {
    /// Bytes that the person stores, where that was measured.
    pub(crate) person: Option<u64>,
    /// Bytes that all store, where that was measured.
    pub(crate) all: Option<u64>,
    /// Bytes of the disk that are left, without those that are kept free.
    pub(crate) left: u64,
}

/// What is known of what people store.
#[derive(Debug)]
pub(crate) struct Quota {
    limits: Mutex<Limits>,
    known: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    people: HashMap<PersonId, Known>,
    /// What some people may store, of whom something else was said than of all.
    own: HashMap<PersonId, u64>,
    all: Known,
    /// What is left of the disk, and since when that is known.
    left: Option<(u64, Instant)>,
}

/// Bytes: those that are stored, and those that are promised room.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    stored: u64,
    promised: u64,
    since: Option<Instant>,
}

/// Room for bytes that are about to come, until this is dropped.
#[derive(Debug)]
pub(crate) struct Room {
    quota: Arc<Quota>,
    person: PersonId,
    /// What may still come.
    bytes: u64,
    /// What came last.
    in_hand: u64,
}

impl Quota {
    /// Nothing is known yet.
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits: Mutex::new(limits), known: Mutex::default() }
    }

    /// What may be stored.
    pub(crate) fn limits(&self) -> Limits {
        *self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Other limits from now on.
    pub(crate) fn set_limits(&self, limits: Limits) {
        *self.limits.lock().unwrap_or_else(PoisonError::into_inner) = limits;
    }

    /// Room for so many bytes of a person, if there is.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn room(self: &Arc<Self>, person: PersonId, bytes: u64) -> Result<Room, NoRoom> {
        let mut known = self.lock();
        known.check(&self.limits(), person, bytes)?;
        known.change(person, |one| one.promised = one.promised.saturating_add(bytes));
        drop(known);
        Ok(Room { quota: Arc::clone(self), person, bytes, in_hand: 0 })
    }

    /// Whether so many bytes of a person would be too many, by what is known now.
    pub(crate) fn is_too_much(&self, person: PersonId, bytes: u64) -> Option<NoRoom> {
        self.lock().check(&self.limits(), person, bytes).err()
    }

    /// Whether what a person stores, and whether what all store, is to be measured again: it is not known any more, or it was in
    /// the way. All are looked at once a second at most.
    pub(crate) fn must_measure(&self, person: PersonId, no_room: NoRoom) -> (bool, bool) {
        let known = self.lock();
        let is_in_the_way = no_room != NoRoom::Unmeasured;
        let one = known.people.get(&person).is_some_and(|one| one.is_good_for(GOOD_FOR));
        let good_for = if is_in_the_way { DISK_GOOD_FOR } else { ALL_GOOD_FOR };
        let all = self.limits().all.is_none() || known.all.is_good_for(good_for);
        (is_in_the_way || !one, !all)
    }

    /// What this person may store.
    pub(crate) fn limit(&self, person: PersonId) -> u64 {
        self.lock().own.get(&person).copied().unwrap_or(self.limits().person)
    }

    /// What this person may store from now on; `None`: as much as everybody.
    pub(crate) fn set_own(&self, person: PersonId, bytes: Option<u64>) {
        let mut known = self.lock();
        match bytes {
            Some(bytes) => known.own.insert(person, bytes),
            None => known.own.remove(&person),
        };
    }

    /// Forgets what was measured: something was deleted.
    pub(crate) fn forget(&self) {
        let mut known = self.lock();
        known.all.since = None;
        known.people.values_mut().for_each(|one| one.since = None);
    }

    /// Takes note of what was measured.
    pub(crate) fn measured(&self, person: PersonId, measure: Measure) {
        let mut known = self.lock();
        let now = Instant::now();
        if known.people.len() >= KNOWN_AT_MOST {
            known.people.retain(|_, one| one.promised > 0);
        }
        if let Some(stored) = measure.person {
            let one = known.people.entry(person).or_default();
            // What came lately may be gathered and on no disk yet: a measure takes nothing of it away. What was deleted was forgotten.
            let is_fresh = one.is_good_for(GOOD_FOR);
            one.stored = if is_fresh { one.stored.max(stored) } else { stored };
            one.since = if is_fresh { one.since } else { Some(now) };
        }
        if let Some(all) = measure.all {
            (known.all.stored, known.all.since) = (all, Some(now));
        }
        known.left = Some((measure.left, now));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room {
    /// Counts bytes that came, as far as there is room for them; whether there was.
    pub(crate) fn came(&mut self, bytes: u64) -> bool {
        if bytes > self.bytes {
            return false;
        }
        self.bytes -= bytes;
        self.in_hand += bytes;
        self.settle(self.in_hand.saturating_sub(IN_HAND), 0);
        true
    }

    /// What was promised is stored, and not promised any more, as so many bytes of it come no more.
    fn settle(&mut self, stored: u64, given_back: u64) {
        self.in_hand -= stored;
        self.quota.lock().change(self.person, |one| {
            one.promised = one.promised.saturating_sub(stored.saturating_add(given_back));
            one.stored = one.stored.saturating_add(stored);
        });
    }

    /// Has the room of another one too.
    pub(crate) fn add(&mut self, mut other: Self) {
        self.bytes = self.bytes.saturating_add(std::mem::take(&mut other.bytes));
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.settle(self.in_hand, self.bytes);
    }
}

impl State {
    fn check(&self, limits: &Limits, person: PersonId, bytes: u64) -> Result<(), NoRoom> {
        let one = self.people.get(&person).filter(|one| one.is_good_for(GOOD_FOR));
        let one = one.ok_or(NoRoom::Unmeasured)?.sum(bytes);
        let left = self.left.filter(|(_, since)| since.elapsed() < DISK_GOOD_FOR);
        let (left, _) = left.ok_or(NoRoom::Unmeasured)?;
        if one > self.own.get(&person).copied().unwrap_or(limits.person) {
            return Err(NoRoom::Person);
        }
        if let Some(limit) = limits.all {
            if !self.all.is_good_for(ALL_GOOD_FOR) {
                return Err(NoRoom::Unmeasured);
            }
            if self.all.sum(bytes) > limit {
                return Err(NoRoom::All);
            }
            is_among_the_last(one, limit.saturating_sub(self.all.sum(0)), limit / LITTLE)?;
        }
        // With nothing left nobody is, and the recorder says so.
        if left == 0 { Ok(()) } else { is_among_the_last(one, left, limits.little) }
    }

    fn change(&mut self, person: PersonId, change: impl Fn(&mut Known)) {
        change(self.people.entry(person).or_default());
        change(&mut self.all);
    }
}

impl Known {
    fn is_good_for(&self, time: Duration) -> bool {
        self.since.is_some_and(|since| since.elapsed() < time)
    }

    fn sum(&self, bytes: u64) -> u64 {
        self.stored.saturating_add(self.promised).saturating_add(bytes)
    }
}

/// Refuses whoever stores more than is left, where that is little.
fn is_among_the_last(stored: u64, left: u64, little: u64) -> Result<(), NoRoom> {
    if left < little && stored > left { Err(NoRoom::Little) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AWA: PersonId = PersonId(1);
    const ZOE: PersonId = PersonId(2);

    fn quota(person: u64, all: Option<u64>, little: u64) -> Arc<Quota> {
        Arc::new(Quota::new(Limits { person, all, little }))
    }

    fn measure(quota: &Quota, who: PersonId, person: u64, all: u64, left: u64) {
        quota.measured(who, Measure { person: Some(person), all: Some(all), left });
    }

    #[test]
    fn nothing_is_admitted_before_it_was_measured() {
        let quota = quota(100, None, 0);
        assert_eq!(quota.room(AWA, 1).err(), Some(NoRoom::Unmeasured));
        measure(&quota, AWA, 0, 0, 1_000);
        assert!(quota.room(AWA, 1).is_ok());
        assert_eq!(quota.room(ZOE, 1).err(), Some(NoRoom::Unmeasured));
        assert_eq!(quota.must_measure(ZOE, NoRoom::Unmeasured), (true, false));
        assert_eq!(quota.must_measure(AWA, NoRoom::Unmeasured), (false, false), "only the disk");
        assert_eq!(quota.must_measure(AWA, NoRoom::Person), (true, false), "something may have been deleted");
    }

    #[test]
    fn what_is_promised_and_what_came_counts_and_what_does_not_come_is_free_again() {
        let quota = quota(100, None, 0);
        measure(&quota, AWA, 60, 60, 1_000);
        let mut one = quota.room(AWA, 30).unwrap();
        assert_eq!(quota.room(AWA, 11).err(), Some(NoRoom::Person));
        assert_eq!(quota.room(AWA, u64::MAX).err(), Some(NoRoom::Person));
        assert!(one.came(20) && !one.came(11));
        measure(&quota, AWA, 60, 60, 1_000);
        assert_eq!(
            quota.room(AWA, 11).err(),
            Some(NoRoom::Person),
            "a measure that does not see them forgets none"
        );
        drop(one);
        let mut other = quota.room(AWA, 20).unwrap();
        assert!(other.came(20));
        drop(other);
        assert_eq!(quota.room(AWA, 1).err(), Some(NoRoom::Person));
        assert!(quota.room(AWA, 0).is_ok());
    }

    #[test]
    fn all_together_have_a_limit_too() {
        let quota = quota(1_000, Some(1_000), 0);
        measure(&quota, AWA, 10, 880, 9_000);
        measure(&quota, ZOE, 870, 880, 9_000);
        assert!(quota.room(ZOE, 10).is_ok());
        let _held = quota.room(AWA, 30).unwrap();
        assert_eq!(quota.room(ZOE, 1).err(), Some(NoRoom::Little), "who takes most is refused first");
        assert!(quota.room(AWA, 1).is_ok());
        assert_eq!(quota.room(AWA, 91).err(), Some(NoRoom::All));
    }

    #[test]
    fn near_the_reserve_those_who_take_most_are_refused_first() {
        let quota = quota(10_000, None, 500);
        let refused = |stored, left| {
            quota.forget();
            measure(&quota, AWA, stored, 0, left);
            quota.room(AWA, 0).err()
        };
        assert_eq!(refused(9_000, 500), None);
        assert_eq!(refused(9_000, 499), Some(NoRoom::Little));
        assert_eq!(refused(300, 499), None);
        assert_eq!(refused(300, 299), Some(NoRoom::Little));
        assert_eq!(refused(0, 1), None);
        assert_eq!(refused(9_000, 0), None, "the recorder says that the disk is full");
    }
}
