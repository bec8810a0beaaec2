use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::{Error, connect};

/// Reader connections: reads in progress at once.
const READERS: usize = 4;
/// Memory that one reader maps of the file, in bytes.
const MAPPED: i64 = 256 << 20;

pub(crate) struct Readers {
    free: Arc<Mutex<Vec<Connection>>>,
    turn: Arc<Semaphore>,
}

impl Readers {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let connections = (0..READERS).map(|_| open_reader(path)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { free: Arc::new(Mutex::new(connections)), turn: Arc::new(Semaphore::new(READERS)) })
    }

    pub(crate) async fn run<T, E>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (turn, free) = (Arc::clone(&self.turn), Arc::clone(&self.free));
        // Waits in a task of its own: a caller that is not polled for a while would be given a turn and not take it, and
        // one that waits for another reading meanwhile would never be. A caller that goes away takes the task along.
        let mut waiting = JoinSet::new();
        waiting.spawn(async move {
            let turn = turn.acquire_owned().await.map_err(|_| Error::Closed)?;
            let work = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                let lent = Lent::take(free).ok_or(Error::Closed)?;
                lent.snapshot(job)
            });
            work.await.map_err(|_| Error::Panicked)?
        });
        match waiting.join_next().await {
            Some(Ok(result)) => result,
            Some(Err(_)) | None => Err(Error::Panicked.into()),
        }
    }
}

/// A connection on loan; it goes back to the pool also when the job panics.
struct Lent {
    connection: Option<Connection>,
    pool: Arc<Mutex<Vec<Connection>>>,
}

impl Lent {
    fn take(pool: Arc<Mutex<Vec<Connection>>>) -> Option<Self> {
        let connection = pool.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        Some(Self { connection: Some(connection), pool })
    }

    /// Runs `job` in one read transaction, so that all its queries see the same state.
    fn snapshot<T, E: From<Error>>(&self, job: impl FnOnce(&Connection) -> Result<T, E>) -> Result<T, E> {
        let connection = self.connection.as_ref().ok_or(Error::Closed)?;
        let transaction = connection.unchecked_transaction().map_err(Error::from)?;
        let result = job(&transaction);
        transaction.finish().map_err(Error::from)?;
        result
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.pool.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
    }
}

fn open_reader(path: &Path) -> Result<Connection, Error> {
    let connection = connect(path, rusqlite::OpenFlags::default())?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "mmap_size", MAPPED)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::sync::mpsc;
    use std::task::{Context, Waker};
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn callers_who_are_not_polled_hold_up_nobody() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.sqlite");
        drop(connect(&path, rusqlite::OpenFlags::default()).unwrap());
        let readers = Arc::new(Readers::open(&path).unwrap());
        let (go, wait) = mpsc::channel::<()>();
        let wait = Arc::new(Mutex::new(wait));
        let busy: Vec<_> = (0..READERS)
            .map(|_| {
                let (readers, wait) = (Arc::clone(&readers), Arc::clone(&wait));
                tokio::spawn(async move {
                    let job = move |_: &Connection| Ok::<_, Error>(wait.lock().unwrap().recv().is_ok());
                    readers.run(job).await.unwrap()
                })
            })
            .collect();
        while readers.turn.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let read = || Box::pin(readers.run(|_| Ok::<_, Error>(())));
        let mut asleep: Vec<_> = (0..READERS).map(|_| read()).collect();
        let mut context = Context::from_waker(Waker::noop());
        for one in &mut asleep {
            assert!(one.as_mut().poll(&mut context).is_pending());
        }
        for _ in 0..READERS {
            go.send(()).unwrap();
        }
        for job in busy {
            assert!(job.await.unwrap());
        }
        let soon = tokio::time::timeout(Duration::from_secs(20), read()).await;
        soon.expect("a turn comes").unwrap();
    }
}
