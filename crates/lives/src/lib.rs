//! Lives: start, change, stop, and who may do what with them.
//!
//! * A live is running until somebody stops it, or until nothing came for longer than the server's patience; in
//!   the second case bytes that come make it running again ([`Lives::bytes_came`]).
//! * Who may read, change or publish to a live is decided in one place, by pure functions ([`may`]).
//! * Media addresses of lives that are not public carry a [`MediaTokens`] token, for players send no header.
//!
//! Times are arguments, in milliseconds of Unix time.

mod cache;
mod error;
mod live;
pub mod may;
mod media_token;
mod patience;
mod store;

use std::sync::Arc;
use std::time::{Duration, Instant};

use database::rusqlite::Connection;
use database::{Database, Migration, MigrationSet};

pub use error::Error;
pub use live::{Author, Change, Live, NewLive, PUBLISHABLE_AFTER_STOP, Visibility};
pub use media_token::MediaTokens;
pub use store::{Filter, Page};

/// The tables of this crate; they point to the `users` of the crate `accounts`.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    name: "lives",
    migrations: &[
        Migration { number: 1, name: "lives", sql: include_str!("../migrations/001_lives.sql"), then: None },
        Migration {
            number: 2,
            name: "when a live was stopped",
            sql: include_str!("../migrations/002_stopped_at.sql"),
            then: None,
        },
    ],
};

/// The lives of this server; clones share everything.
#[derive(Clone)]
pub struct Lives {
    inner: Arc<Inner>,
}

struct Inner {
    database: Database,
    running_per_person: u32,
    heard: patience::Heard,
    cache: cache::Cache,
}

impl Lives {
    /// Lives kept in `database` (whose migrations include [`MIGRATIONS`]); a person may have
    /// `running_per_person` of them running at once. Patience with the running ones counts from now: while the
    /// server was away nothing could come.
    ///
    /// # Errors
    /// The database failed.
    pub async fn open(database: Database, running_per_person: u32) -> Result<Self, Error> {
        let running = database.read(store::running).await?;
        let heard = patience::Heard::new(running, Instant::now());
        let cache = cache::Cache::default();
        Ok(Self { inner: Arc::new(Inner { database, running_per_person, heard, cache }) })
    }

    /// Starts a live of `author`; the second value is its stream key, which is kept hashed only.
    ///
    /// # Errors
    /// A text too long, too many running lives.
    pub async fn start(&self, author: i64, new: NewLive, now_ms: i64) -> Result<(Live, String), Error> {
        let new = new.checked()?;
        let stream_key = live::new_stream_key();
        let limit = self.inner.running_per_person;
        let hash = live::hash(&stream_key);
        let live =
            self.inner.database.write(move |c| store::insert(c, author, &new, &hash, limit, now_ms)).await?;
        self.inner.heard.from(live.id, Instant::now());
        Ok((live, stream_key))
    }

    /// One live.
    ///
    /// # Errors
    /// [`Error::NoSuchLive`], also for one that is being deleted.
    pub async fn get(&self, id: i64) -> Result<Arc<Live>, Error> {
        if let Some(live) = self.inner.cache.get(id, Instant::now()) {
            return Ok(live);
        }
        let generation = self.inner.cache.generation();
        let live = Arc::new(self.inner.database.read(move |c| store::get(c, id)).await?);
        self.inner.cache.put(Arc::clone(&live), generation, Instant::now());
        Ok(live)
    }

    /// The live with this stream key, whether it may still be used or not.
    ///
    /// # Errors
    /// [`Error::NoSuchLive`].
    pub async fn by_stream_key(&self, stream_key: &str) -> Result<Live, Error> {
        let hash = live::hash(stream_key);
        self.inner.database.read(move |c| store::by_stream_key(c, &hash)).await
    }

    /// A page of lives, the newest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn list(&self, filter: Filter, page: u32, page_size: u32) -> Result<Page, Error> {
        self.inner.database.read(move |c| store::list(c, &filter, page, page_size)).await
    }

    /// Changes what is said about a live, or who may see it.
    ///
    /// # Errors
    /// A text too long, [`Error::NoSuchLive`].
    pub async fn change(&self, id: i64, change: Change) -> Result<Live, Error> {
        let change = change.checked()?;
        let live = self.inner.database.write(move |c| store::change(c, id, &change)).await;
        self.inner.cache.forget(id);
        live
    }

    /// Stops a live for good. Stopping again changes nothing.
    ///
    /// # Errors
    /// [`Error::NoSuchLive`].
    pub async fn stop(&self, id: i64, now_ms: i64) -> Result<Live, Error> {
        let live = self.inner.database.write(move |c| store::stop(c, id, now_ms)).await;
        self.inner.cache.forget(id);
        self.inner.heard.forget(id);
        live
    }

    /// The ids of all lives of a person.
    ///
    /// # Errors
    /// The database failed.
    pub async fn of_author(&self, author: i64) -> Result<Vec<i64>, Error> {
        self.inner.database.read(move |c| store::of_author(c, author)).await
    }

    /// Notes that a publisher of this live was heard. Costs nothing while the live runs; one that had ended by
    /// patience runs again.
    ///
    /// # Errors
    /// [`Error::NoSuchLive`], or the database failed.
    pub async fn bytes_came(&self, id: i64) -> Result<(), Error> {
        if self.inner.heard.again(id, Instant::now()) || self.get(id).await?.stopped {
            return Ok(());
        }
        let runs = self.inner.database.write(move |c| store::resume(c, id)).await?;
        self.inner.cache.forget(id);
        if runs {
            self.inner.heard.from(id, Instant::now());
        }
        Ok(())
    }

    /// Ends the lives that nothing came for during `patience`, as of when they were last heard, and says which.
    ///
    /// # Errors
    /// The database failed; those lives are ended at the next call.
    pub async fn end_abandoned(
        &self,
        now: Instant,
        now_ms: i64,
        patience: Duration,
    ) -> Result<Vec<i64>, Error> {
        let abandoned = self.inner.heard.take_abandoned(now, patience);
        if abandoned.is_empty() {
            return Ok(Vec::new());
        }
        let ends: Vec<(i64, i64)> = abandoned
            .iter()
            .map(|(id, heard)| {
                let silent = i64::try_from(now.duration_since(*heard).as_millis()).unwrap_or(0);
                (*id, now_ms.saturating_sub(silent))
            })
            .collect();
        let ended = self.inner.database.write(move |c| store::end_all(c, &ends)).await;
        for (id, heard) in abandoned {
            self.inner.cache.forget(id);
            if ended.is_err() {
                self.inner.heard.from(id, heard);
            }
        }
        ended
    }

    /// Begins to delete a live: from now on nobody finds it. Its bytes are deleted next, then [`Lives::purge`]
    /// takes the row; what a crash leaves between the two is in [`Lives::half_deleted`].
    ///
    /// # Errors
    /// [`Error::NoSuchLive`].
    pub async fn begin_deletion(&self, id: i64, now_ms: i64) -> Result<(), Error> {
        let begun = self.inner.database.write(move |c| store::mark_deleted(c, id, now_ms)).await;
        self.inner.cache.forget(id);
        self.inner.heard.forget(id);
        begun
    }

    /// Deletes the rows of a live whose bytes are gone, and in the same transaction what `also` deletes.
    ///
    /// # Errors
    /// The database failed, or `also` did.
    pub async fn purge(
        &self,
        id: i64,
        also: impl FnOnce(&Connection) -> Result<(), database::Error> + Send + 'static,
    ) -> Result<(), Error> {
        let purge = move |connection: &Connection| {
            also(connection)?;
            store::purge(connection, id)
        };
        self.inner.database.write(purge).await
    }

    /// Lives whose deletion was begun and not finished.
    ///
    /// # Errors
    /// The database failed.
    pub async fn half_deleted(&self) -> Result<Vec<i64>, Error> {
        self.inner.database.read(store::half_deleted).await
    }
}
