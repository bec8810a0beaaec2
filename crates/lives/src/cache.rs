use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::Live;

/// How long a live is remembered: its author's new name is seen this late.
const FRESH: Duration = Duration::from_secs(3);
/// Lives remembered at once; when there are more, all are forgotten.
const LIVES: usize = 4_096;

/// The lives asked for last: thousands of viewers of one live ask for the same row.
#[derive(Default)]
pub(crate) struct Cache(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    lives: HashMap<i64, (Instant, Arc<Live>)>,
    generation: u64,
}

impl Cache {
    pub(crate) fn get(&self, id: i64, now: Instant) -> Option<Arc<Live>> {
        let kept = self.lock();
        kept.lives
            .get(&id)
            .filter(|(since, _)| now.duration_since(*since) < FRESH)
            .map(|(_, l)| Arc::clone(l))
    }

    /// To be asked before the row is read, and given back with it.
    pub(crate) fn generation(&self) -> u64 {
        self.lock().generation
    }

    /// Remembers a row, unless something was changed since it was read.
    pub(crate) fn put(&self, live: Arc<Live>, generation: u64, now: Instant) {
        let mut kept = self.lock();
        if kept.generation != generation {
            return;
        }
        if kept.lives.len() >= LIVES {
            kept.lives.clear();
        }
        kept.lives.insert(live.id, (now, live));
    }

    pub(crate) fn forget(&self, id: i64) {
        let mut kept = self.lock();
        kept.generation += 1;
        kept.lives.remove(&id);
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
