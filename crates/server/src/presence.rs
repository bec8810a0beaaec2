use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How many watch each live now. As many entries as lives are watched.
#[derive(Clone, Default)]
pub(crate) struct Viewers(Arc<Mutex<HashMap<i64, usize>>>);

/// Somebody who watches, until this is dropped.
pub(crate) struct Viewing {
    live: i64,
    viewers: Viewers,
}

impl Viewers {
    /// Somebody begins to watch.
    pub(crate) fn enter(&self, live: i64) -> Viewing {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(live).or_default() += 1;
        Viewing { live, viewers: self.clone() }
    }

    /// How many watch this live.
    pub(crate) fn count(&self, live: i64) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&live).copied().unwrap_or(0)
    }

    /// How many watch any live.
    pub(crate) fn all(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }
}

impl Drop for Viewing {
    fn drop(&mut self) {
        let mut counts = self.viewers.0.lock().unwrap_or_else(PoisonError::into_inner);
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

    #[test]
    fn viewers_are_counted_while_they_watch() {
        let viewers = Viewers::default();
        let (first, second) = (viewers.enter(1), viewers.enter(1));
        let _other = viewers.enter(2);
        assert_eq!((viewers.count(1), viewers.count(2), viewers.all()), (2, 1, 3));
        drop(first);
        drop(second);
        assert_eq!((viewers.count(1), viewers.all()), (0, 1));
    }
}
