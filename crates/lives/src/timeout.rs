use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ids::LiveId;

/// When each running live was last heard. As many entries as lives run.
pub(crate) struct Heard(Mutex<HashMap<LiveId, Instant>>);

impl Heard {
    pub(crate) fn new(running: Vec<LiveId>, now: Instant) -> Self {
        Self(Mutex::new(running.into_iter().map(|id| (id, now)).collect()))
    }

    /// Counts the patience with a live from `now`.
    pub(crate) fn from(&self, id: LiveId, now: Instant) {
        self.lock().insert(id, now);
    }

    /// Counts it anew if the live is known to run; says whether it is.
    pub(crate) fn again(&self, id: LiveId, now: Instant) -> bool {
        match self.lock().get_mut(&id) {
            Some(heard) => {
                *heard = now;
                true
            }
            None => false,
        }
    }

    pub(crate) fn forget(&self, id: LiveId) {
        self.lock().remove(&id);
    }

    /// Removes and returns those not heard for `timeout`.
    pub(crate) fn take_abandoned(&self, now: Instant, timeout: Duration) -> Vec<(LiveId, Instant)> {
        self.lock().extract_if(|_, heard| now.saturating_duration_since(*heard) >= timeout).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<LiveId, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
