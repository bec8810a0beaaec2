use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::Person;

/// How long a person is remembered: a role changed by another process is felt this late.
const FRESH: Duration = Duration::from_secs(5);
/// People remembered at once; when there are more, everybody is forgotten.
const PEOPLE: usize = 16_384;

/// The people who spoke last, so that a request does not read the table just to know who asks.
#[derive(Default)]
pub(crate) struct Cache {
    people: Mutex<HashMap<i64, (Instant, Arc<Person>)>>,
    identities: Mutex<HashMap<(String, String), i64>>,
}

impl Cache {
    pub(crate) fn get(&self, id: i64, now: Instant) -> Option<Arc<Person>> {
        let people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        people.get(&id).filter(|(since, _)| now.duration_since(*since) < FRESH).map(|(_, p)| Arc::clone(p))
    }

    pub(crate) fn put(&self, person: Arc<Person>, now: Instant) {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        if people.len() >= PEOPLE {
            people.clear();
        }
        people.insert(person.id, (now, person));
    }

    pub(crate) fn forget(&self, id: i64) {
        self.people.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    pub(crate) fn person_of(&self, identity: &(String, String)) -> Option<i64> {
        self.identities.lock().unwrap_or_else(PoisonError::into_inner).get(identity).copied()
    }

    pub(crate) fn remember(&self, identity: (String, String), person: i64) {
        let mut identities = self.identities.lock().unwrap_or_else(PoisonError::into_inner);
        if identities.len() >= PEOPLE {
            identities.clear();
        }
        identities.insert(identity, person);
    }
}
