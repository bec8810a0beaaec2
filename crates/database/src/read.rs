use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

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
        let turn = Arc::clone(&self.turn).acquire_owned().await.map_err(|_| Error::Closed)?;
        let free = Arc::clone(&self.free);
        let work = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let lent = Lent::take(free).ok_or(Error::Closed)?;
            lent.snapshot(job)
        });
        work.await.map_err(|_| Error::Panicked)?
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
