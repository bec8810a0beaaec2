use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ids::{LiveId, PersonId};
use tokio::task::AbortHandle;

/// Who watched for so long is counted among those who watched.
const WATCHED: Duration = Duration::from_secs(10);

/// How many watch each live now. As many entries as lives are watched.
#[derive(Clone, Default)]
pub(crate) struct Viewers(Arc<Counted>);

#[derive(Default)]
struct Counted {
    now: Mutex<HashMap<LiveId, usize>>,
    /// Those who have watched for long enough and are not kept yet, by what they are known by: the number of a person, a
    /// negative one drawn for somebody who did not sign in.
    watched: Mutex<Vec<(LiveId, i64)>>,
}

/// Somebody who watches, until this is dropped.
pub(crate) struct Viewing {
    live: LiveId,
    viewers: Viewers,
    waiting: AbortHandle,
}

impl Viewers {
    /// Somebody begins to watch, by name if they have signed in.
    pub(crate) fn enter(&self, live: LiveId, person: Option<PersonId>) -> Viewing {
        *lock(&self.0.now).entry(live).or_default() += 1;
        let viewer = person.map_or_else(|| -i64::from(rand::random::<u32>()) - 1, |person| person.0);
        let counted = Arc::clone(&self.0);
        let waiting = tokio::spawn(async move {
            tokio::time::sleep(WATCHED).await;
            lock(&counted.watched).push((live, viewer));
        });
        Viewing { live, viewers: self.clone(), waiting: waiting.abort_handle() }
    }

    /// Those who have watched for long enough since this was last asked.
    pub(crate) fn take_watched(&self) -> Vec<(LiveId, i64)> {
        std::mem::take(&mut lock(&self.0.watched))
    }

    /// How many watch this live.
    pub(crate) fn count(&self, live: LiveId) -> usize {
        lock(&self.0.now).get(&live).copied().unwrap_or(0)
    }

    /// How many watch any live.
    pub(crate) fn all(&self) -> usize {
        lock(&self.0.now).values().sum()
    }
}

/// Who is connected to each conversation now. As many entries as conversations have readers.
#[derive(Clone, Default)]
pub(crate) struct Here(Arc<Mutex<HashMap<LiveId, Room>>>);

/// Those connected to one conversation.
#[derive(Default)]
struct Room {
    anonymous: usize,
    /// How many connections each person has.
    people: BTreeMap<PersonId, usize>,
}

/// Somebody who is connected, until this is dropped.
pub(crate) struct Present {
    live: LiveId,
    person: Option<PersonId>,
    here: Here,
}

impl Here {
    /// Somebody connects to the conversation of a live, by name if they have signed in.
    pub(crate) fn enter(&self, live: LiveId, person: Option<PersonId>) -> Present {
        self.change(live, |room| room.add(person));
        Present { live, person, here: self.clone() }
    }

    /// How many are here, a person once however often they are connected, and the ids of the first `limit` of those
    /// who have signed in.
    pub(crate) fn of(&self, live: LiveId, limit: usize) -> (usize, Vec<PersonId>) {
        let rooms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(room) = rooms.get(&live) else { return (0, Vec::new()) };
        (room.anonymous + room.people.len(), room.people.keys().copied().take(limit).collect())
    }

    fn change(&self, live: LiveId, change: impl FnOnce(&mut Room)) {
        let mut rooms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = rooms.entry(live).or_default();
        change(room);
        if room.anonymous == 0 && room.people.is_empty() {
            rooms.remove(&live);
        }
    }
}

impl Room {
    fn add(&mut self, person: Option<PersonId>) {
        match person {
            Some(person) => *self.people.entry(person).or_default() += 1,
            None => self.anonymous += 1,
        }
    }

    fn take(&mut self, person: Option<PersonId>) {
        let Some(person) = person else {
            self.anonymous = self.anonymous.saturating_sub(1);
            return;
        };
        if let Some(connections) = self.people.get_mut(&person) {
            *connections -= 1;
            if *connections == 0 {
                self.people.remove(&person);
            }
        }
    }
}

impl Present {
    /// Whoever is connected says who they are, perhaps somebody else than before.
    pub(crate) fn sign_in(&mut self, person: PersonId) {
        let before = self.person.replace(person);
        self.here.change(self.live, |room| {
            room.add(Some(person));
            room.take(before);
        });
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.here.change(self.live, |room| room.take(self.person));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Viewing {
    fn drop(&mut self) {
        self.waiting.abort();
        let mut counts = lock(&self.viewers.0.now);
        if let Some(count) = counts.get_mut(&self.live) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.live);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn viewers_are_counted_while_they_watch() {
        let viewers = Viewers::default();
        let (first, second) = (viewers.enter(LiveId(1), None), viewers.enter(LiveId(1), None));
        let _other = viewers.enter(LiveId(2), None);
        assert_eq!((viewers.count(LiveId(1)), viewers.count(LiveId(2)), viewers.all()), (2, 1, 3));
        drop(first);
        drop(second);
        assert_eq!((viewers.count(LiveId(1)), viewers.all()), (0, 1));
    }

    #[test]
    fn a_person_is_here_once_however_often_they_are_connected() {
        let here = Here::default();
        let (mut first, second, third) = (
            here.enter(LiveId(1), None),
            here.enter(LiveId(1), Some(PersonId(7))),
            here.enter(LiveId(1), None),
        );
        assert_eq!(here.of(LiveId(1), 10), (3, vec![PersonId(7)]));
        first.sign_in(PersonId(7));
        assert_eq!(here.of(LiveId(1), 10), (2, vec![PersonId(7)]));
        first.sign_in(PersonId(8));
        assert_eq!(
            (here.of(LiveId(1), 10), here.of(LiveId(1), 1)),
            ((3, vec![PersonId(7), PersonId(8)]), (3, vec![PersonId(7)]))
        );
        drop((first, second, third));
        assert_eq!(here.of(LiveId(1), 10), (0, Vec::new()));
        assert!(here.0.lock().unwrap().is_empty());
    }
}
