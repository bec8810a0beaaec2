//! Whose keyframe is decoded next.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Keyframes that are decoded at once.
const AT_ONCE: usize = 2;

/// Turns, some at once, and one at once for everything of one person: they wait for their own before they stand in the line
/// of all, so that nobody is in it twice.
#[derive(Debug)]
pub(super) struct Turns {
    all: Arc<Semaphore>,
    own: Mutex<HashMap<i64, Weak<Semaphore>>>,
}

/// A turn, until this is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _own: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

impl Default for Turns {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(AT_ONCE)), own: Mutex::default() }
    }
}

impl Turns {
    /// Waits for a turn for something of this person.
    pub(super) async fn take(&self, person: i64) -> Option<Turn> {
        // Semaphores that are never closed always give.
        let own = self.own(person).acquire_owned().await.ok()?;
        let all = Arc::clone(&self.all).acquire_owned().await.ok()?;
        Some(Turn { _own: own, _all: all })
    }

    fn own(&self, person: i64) -> Arc<Semaphore> {
        let mut known = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = known.get(&person).and_then(Weak::upgrade) {
            return own;
        }
        known.retain(|_, own| own.strong_count() > 0);
        let own = Arc::new(Semaphore::new(1));
        known.insert(person, Arc::downgrade(&own));
        own
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn however_much_one_person_asks_for_another_has_a_turn_at_once() {
        let turns = Arc::new(Turns::default());
        let first = turns.take(1).await.unwrap();
        let mut waiting = Vec::new();
        for _ in 0..100 {
            let turns = Arc::clone(&turns);
            waiting.push(tokio::spawn(async move { turns.take(1).await.is_some() }));
        }
        tokio::task::yield_now().await;
        let other = tokio::time::timeout(Duration::from_secs(1), turns.take(2)).await;
        let other = other.expect("a turn at once").unwrap();
        let third = tokio::time::timeout(Duration::from_millis(10), turns.take(3)).await;
        assert!(third.is_err(), "so many at once");
        drop(other);
        // Nobody but the third waits in the line of all.
        drop(tokio::time::timeout(Duration::from_secs(1), turns.take(3)).await.expect("the next turn"));
        drop(first);
        for waits in waiting {
            assert!(waits.await.unwrap());
        }
        turns.take(4).await.unwrap();
        assert_eq!(turns.own.lock().unwrap().len(), 1, "who has nothing any more is forgotten");
    }
}
