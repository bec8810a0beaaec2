//! The embedded database: one SQLite file, one writer with group commit, a pool of readers, migrations.
//!
//! * A write is a job: a closure over a transaction of its own (a savepoint). One thread runs the jobs in the
//!   order of their coming and lets many share one commit; a job is answered only after the commit that holds
//!   it, so what was answered is durable (WAL, `synchronous=FULL`).
//! * A read runs on one of a few reader connections, each job on one snapshot.
//! * What is deleted is overwritten (`secure_delete`); [`Database::forget_deleted`] leaves nothing of it in the files.
//! * Each crate with tables brings its own numbered migrations ([`MigrationSet`]); they only go forward.

mod error;
mod forget;
mod look;
mod migrate;
mod read;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use error::Error;
pub use look::Look;
pub use migrate::{Migration, MigrationSet};
pub use rusqlite;
use rusqlite::{Connection, OpenFlags};
use storage::Stopwatch;

/// Prepared statements kept by each connection.
const STATEMENT_CACHE: usize = 128;
/// How long a connection waits for a lock of another process (the command line beside the server).
const BUSY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

/// A handle on the database; clones share the same writer and readers.
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    writer: write::Writer,
    commits: Arc<Stopwatch>,
    readers: read::Readers,
}

impl Database {
    /// Opens (and makes, if it is not there) the database at `path` and brings it up to date: `sets` are
    /// applied in their order, each from its first migration not yet applied.
    ///
    /// Blocks on the disk: call it before serving, or on a blocking thread.
    ///
    /// # Errors
    /// The file cannot be opened or written, is no database, or comes from a newer program.
    pub fn open(path: &Path, sets: &[MigrationSet]) -> Result<Self, Error> {
        let mut connection = connect(path, OpenFlags::default())?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "wal_autocheckpoint", 1_000)?;
        connection.pragma_update(None, "journal_size_limit", 16 << 20)?;
        migrate::apply(&mut connection, sets)?;
        sync_directory(path)?;
        let readers = read::Readers::open(path)?;
        let commits = Arc::<Stopwatch>::default();
        let writer = write::Writer::start(connection, Arc::clone(&commits))?;
        Ok(Self { inner: Arc::new(Inner { path: path.to_owned(), writer, commits, readers }) })
    }

    /// Runs `job` in a transaction of its own and answers once it is durable.
    ///
    /// An `Err` of the job undoes what the job did, and nothing else. When the commit fails, every job in it
    /// fails, whatever the job itself returned. Once given to the writer the job runs, also if the caller
    /// stops waiting.
    ///
    /// # Errors
    /// What the job returns, or an [`Error`] of the writer: too many jobs waiting, a full disk, a closed database.
    pub async fn write<T, E>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.inner.writer.run(job).await
    }

    /// Runs `job` on a snapshot of the database, on a blocking thread.
    ///
    /// # Errors
    /// What the job returns, or an [`Error`] of the pool.
    pub async fn read<T, E>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.inner.readers.run(job).await
    }

    /// Leaves nothing in the database's files of what was deleted: words in these search indexes (FTS5) of rows that are gone,
    /// stale copies of rows in the gaps of pages, and what the log holds. Others are served meanwhile; a file of more than
    /// 64 MiB keeps its gaps, in which SQLite may have left copies of what it moved.
    ///
    /// # Errors
    /// Those of [`Database::write`]; somebody read for longer than the log could wait. What was not done is done by the next call.
    pub async fn forget_deleted(&self, indexes: &'static [&'static str]) -> Result<(), Error> {
        for index in indexes {
            while self.write(move |connection| forget::merge(connection, index)).await? {}
        }
        let path = self.inner.path.clone();
        let folded = tokio::task::spawn_blocking(move || forget::fold(&path)).await;
        folded.map_err(|_| Error::Panicked)?
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// What keeps it from answering.
    pub async fn answers(&self) -> Result<(), Error> {
        self.read(|connection| Ok(connection.query_row("SELECT 1", [], |_| Ok(()))?)).await
    }

    /// Whether the database takes writes: its header is written as it is, durably, which changes nothing.
    ///
    /// # Errors
    /// Those of [`Database::write`].
    pub async fn takes_writes(&self) -> Result<(), Error> {
        self.write(|connection| {
            let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
            Ok(connection.pragma_update(None, "user_version", version)?)
        })
        .await
    }

    /// How long each commit takes, its sync included.
    #[must_use]
    pub fn commits(&self) -> &Stopwatch {
        &self.inner.commits
    }

    /// Jobs that wait for the writer.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.inner.writer.waiting()
    }

    /// Bytes of the log that stands beside the file (SQLite, "Write-Ahead Logging").
    #[must_use]
    pub fn log_bytes(&self) -> u64 {
        let mut log = self.inner.path.clone().into_os_string();
        log.push("-wal");
        std::fs::metadata(log).map_or(0, |log| log.len())
    }

    /// Finishes the writes in hand, folds the log into the file and closes it. Later writes fail with
    /// [`Error::Closed`].
    pub async fn close(&self) {
        self.inner.writer.close().await;
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, Error> {
    configure(Connection::open_with_flags(path, flags & !OpenFlags::SQLITE_OPEN_URI)?)
}

fn configure(connection: Connection) -> Result<Connection, Error> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // What is deleted is overwritten with zeros.
    connection.pragma_update(None, "secure_delete", true)?;
    Ok(connection)
}

/// Makes the file's name as durable as its content.
fn sync_directory(path: &Path) -> Result<(), Error> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    std::fs::File::open(directory.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(())
}
