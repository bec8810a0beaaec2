use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::future::Cache;

/// How long a change is remembered: longer than any reading takes that began before it.
const REMEMBERED: Duration = Duration::from_secs(120);

/// Rows that were read last, remembered for a moment: many ask for the same row, and it is read once for all of them.
///
/// After [`Rows::forget`] nobody is given what was read before it, also when that reading is still on its way: readings
/// and changes are numbered, and what began before the last change of its key is read again.
pub struct Rows<K, V> {
    kept: Cache<K, Row<V>>,
    /// The number of the last change of each key.
    changed: Cache<K, u64>,
    changes: AtomicU64,
}

#[derive(Clone)]
struct Row<V> {
    /// The number of the newest change when its reading began.
    begun: u64,
    value: V,
}

impl<K, V> Rows<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Remembers the `most` rows asked for most, each for `fresh` at most: what another process changes is seen that late.
    #[must_use]
    pub fn new(most: u64, fresh: Duration) -> Self {
        Self {
            kept: Cache::builder().max_capacity(most).time_to_live(fresh).build(),
            changed: Cache::builder().max_capacity(most).time_to_live(REMEMBERED).build(),
            changes: AtomicU64::new(0),
        }
    }

    /// The row of `key`, read if it is not remembered. Those who ask while it is being read wait for that reading.
    ///
    /// # Errors
    /// What `read` returns; errors are not remembered.
    pub async fn get<E, F>(&self, key: &K, read: impl Fn() -> F) -> Result<V, E>
    where
        E: Clone + Send + Sync + 'static,
        F: Future<Output = Result<V, E>>,
    {
        loop {
            let begun = self.changes.load(Ordering::SeqCst);
            let reading = async { read().await.map(|value| Row { begun, value }) };
            let read = self.kept.try_get_with_by_ref(key, reading).await;
            let row = read.map_err(|error: Arc<E>| (*error).clone())?;
            if self.holds(key, &row).await {
                return Ok(row.value);
            }
            self.kept.invalidate(key).await;
        }
    }

    /// The rows of `keys`; what is not remembered is read at once, by `read`, which leaves out what is not there.
    ///
    /// # Errors
    /// What `read` returns.
    pub async fn get_all<E, F>(
        &self,
        keys: Vec<K>,
        read: impl FnOnce(Vec<K>) -> F,
    ) -> Result<HashMap<K, V>, E>
    where
        F: Future<Output = Result<Vec<(K, V)>, E>>,
    {
        let mut found = HashMap::new();
        let mut missing = Vec::new();
        for key in keys {
            if found.contains_key(&key) || missing.contains(&key) {
                continue;
            }
            match self.kept.get(&key).await {
                Some(row) if self.holds(&key, &row).await => drop(found.insert(key, row.value)),
                _ => missing.push(key),
            }
        }
        if missing.is_empty() {
            return Ok(found);
        }
        let begun = self.changes.load(Ordering::SeqCst);
        for (key, value) in read(missing).await? {
            self.kept.insert(key.clone(), Row { begun, value: value.clone() }).await;
            found.insert(key, value);
        }
        Ok(found)
    }

    /// The row of `key` was changed: it is read again by whoever asks next.
    pub async fn forget(&self, key: &K) {
        let change = self.changes.fetch_add(1, Ordering::SeqCst) + 1;
        self.changed.insert(key.clone(), change).await;
        self.kept.invalidate(key).await;
    }

    async fn holds(&self, key: &K, row: &Row<V>) -> bool {
        self.changed.get(key).await.is_none_or(|change| row.begun >= change)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use tokio::sync::{Notify, oneshot};

    use super::*;

    fn rows() -> Arc<Rows<i64, usize>> {
        Arc::new(Rows::new(100, Duration::from_secs(3_600)))
    }

    #[tokio::test]
    async fn a_crowd_reads_once() {
        let (rows, reads) = (rows(), AtomicUsize::new(0));
        let one = || rows.get(&1, || async { Ok::<_, ()>(reads.fetch_add(1, Ordering::SeqCst)) });
        let (a, b, c) = tokio::join!(one(), one(), one());
        assert_eq!((a, b, c, reads.load(Ordering::SeqCst)), (Ok(0), Ok(0), Ok(0), 1));
    }

    #[tokio::test]
    async fn what_was_read_before_a_change_is_not_given_after_it() {
        let (rows, go, reads) = (rows(), Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
        let (began, begun) = oneshot::channel();
        let reading = {
            let (rows, go, reads) = (Arc::clone(&rows), Arc::clone(&go), Arc::clone(&reads));
            let began = std::sync::Mutex::new(Some(began));
            tokio::spawn(async move {
                let read = || async {
                    let number = reads.fetch_add(1, Ordering::SeqCst);
                    let first = began.lock().unwrap().take();
                    if let Some(began) = first {
                        began.send(()).unwrap();
                        go.notified().await;
                    }
                    Ok::<_, ()>(number)
                };
                rows.get(&1, read).await
            })
        };
        begun.await.unwrap();
        rows.forget(&1).await;
        go.notify_one();
        assert_eq!(reading.await.unwrap(), Ok(1), "the reading that began before the change is not believed");
        assert_eq!(rows.get(&1, || async { Ok::<_, ()>(9) }).await, Ok(1));
    }

    #[tokio::test]
    async fn many_are_read_at_once_and_each_once() {
        let rows = rows();
        let read = |keys: Vec<i64>| async move {
            Ok::<_, ()>(keys.into_iter().filter(|key| *key < 10).map(|key| (key, key as usize)).collect())
        };
        let found = rows.get_all(vec![1, 2, 1, 99], read).await.unwrap();
        assert_eq!(found, HashMap::from([(1, 1), (2, 2)]));
        let again = rows.get_all(vec![1, 3], |keys| async move {
            assert_eq!(keys, [3]);
            Ok::<_, ()>(vec![(3, 3)])
        });
        assert_eq!(again.await.unwrap().len(), 2);
    }
}
