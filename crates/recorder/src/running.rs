use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Which lives run, as whoever decides that has told: a recording is loaded knowing whether more may come. As many entries
/// as lives run.
#[derive(Debug, Default)]
pub(crate) struct Running(Mutex<HashSet<i64>>);

impl Running {
    pub(crate) fn set(&self, live: i64, runs: bool) {
        if runs {
            self.lock().insert(live);
        } else {
            self.lock().remove(&live);
        }
    }

    pub(crate) fn contains(&self, live: i64) -> bool {
        self.lock().contains(&live)
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
