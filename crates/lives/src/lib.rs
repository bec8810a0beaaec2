//! Lives: start, change, stop, and who may do what with them.
//!
//! * A live is running until somebody stops it, or until nothing came for longer than the server waits; in the second case
//!   bytes that come make it running again. [`Lifecycle`] alone decides that, and writes each decision into the outbox,
//!   which listeners follow.
//! * Who may read, change or publish to a live is decided in one place, by pure functions ([`policy`]).
//! * Media addresses of lives that are not public carry a [`MediaTokens`] token, for players send no header.
//! * What is kept is kept by a [`Store`]: a trait, with an engine in a module of its own.
//!
//! Times are arguments.

mod decision;
mod error;
mod event;
mod lifecycle;
mod live;
mod media_token;
pub mod policy;
mod recorded;
mod row;
pub mod store;
mod timeout;
mod visibility;
mod watch_key;

use std::sync::Arc;
use std::time::Duration;

use accounts::Accounts;
use ids::{LiveId, PersonId};
use storage::{Failure, Rows};

pub use accounts::Name as Author;
pub use decision::{Decision, decide};
pub use error::Error;
pub use event::{Event, EventKind};
pub use lifecycle::Lifecycle;
pub use live::{Change, Live, NewLive, PUBLISHABLE_AFTER_STOP};
pub use media_token::MediaTokens;
pub use recorded::{Recorded, RecordedTake, Ways};
use row::Row;
pub use store::{MIGRATIONS, Sqlite, Store};
pub use visibility::Visibility;
pub use watch_key::WatchKeys;

/// How long a live is remembered: its author's new name is seen this late, and what another process changes.
const FRESH: Duration = Duration::from_secs(1);
/// Lives remembered at once.
const REMEMBERED: u64 = 4_096;

/// Which lives a list shows.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Running ones only, or ended ones only.
    pub running: Option<bool>,
    /// Words that the title, description or content hold; accents and case do not matter.
    pub words: Option<String>,
    /// Whether members' lives are listed too.
    pub members: bool,
    /// Only lives of this person, and then also the unlisted ones.
    pub of: Option<PersonId>,
    /// Whether everybody's lives are listed, whoever may see them: for whoever runs the server.
    pub all: bool,
    /// Only lives of this person, and of those what everybody sees.
    pub by: Option<PersonId>,
}

/// Some lives of a list.
#[derive(Debug)]
pub struct Page {
    /// How many there are in all; of a search, a thousand at most are counted.
    pub count: u64,
    /// Those of this page, the newest first.
    pub lives: Vec<Live>,
}

/// The lives of this server, to be read; clones share everything. What becomes of them is for [`Lifecycle`] to say.
#[derive(Clone)]
pub struct Lives {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn Store>,
    accounts: Accounts,
    watch_keys: WatchKeys,
    rows: Rows<LiveId, Arc<Live>>,
}

impl Lives {
    /// Lives kept in `store`, of people of whom `accounts` knows the names; their watch keys are sealed by `watch_keys`.
    #[must_use]
    pub fn new(store: impl Store, accounts: Accounts, watch_keys: WatchKeys) -> Self {
        let rows = Rows::new(REMEMBERED, FRESH);
        Self { inner: Arc::new(Inner { store: Arc::new(store), accounts, watch_keys, rows }) }
    }

    /// One live. Remembered: thousands of viewers of one live ask for the same row.
    ///
    /// # Errors
    /// [`Error::NoSuchLive`], also for one that is being deleted.
    pub async fn get(&self, id: LiveId) -> Result<Arc<Live>, Error> {
        let read = || async { self.with_author(self.store().live(id).await?).await.map(Arc::new) };
        self.inner.rows.get(&id, read).await
    }

    /// The live with this stream key, whether it may still be used or not.
    ///
    /// # Errors
    /// [`Error::NoSuchLive`].
    pub async fn by_stream_key(&self, stream_key: &str) -> Result<Live, Error> {
        self.with_author(self.store().by_stream_key(live::hash(stream_key)).await?).await
    }

    /// A page of lives, the newest first.
    pub async fn list(&self, filter: Filter, page: u32, page_size: u32) -> Result<Page, Failure> {
        let skip = u64::from(page.saturating_sub(1)) * u64::from(page_size);
        let (count, rows) = self.store().list(filter, skip, page_size).await?;
        Ok(Page { count, lives: self.with_authors(rows).await? })
    }

    /// The ids of all lives of a person.
    pub async fn of_author(&self, author: PersonId) -> Result<Vec<LiveId>, Failure> {
        self.store().of_author(author).await
    }

    /// Seals the watch keys that an earlier version kept as they are. Whether there were any: then they are in what the store has
    /// written over, too.
    pub async fn seal_watch_keys(&self) -> Result<bool, Failure> {
        let plain = self.store().plain_watch_keys().await?;
        let sealed: Vec<_> = plain.iter().map(|(id, key)| (*id, key.clone(), self.seal(key))).collect();
        let are_some = !sealed.is_empty();
        self.store().replace_watch_keys(sealed).await?;
        Ok(are_some)
    }

    /// A watch key as it is kept.
    pub(crate) fn seal(&self, watch_key: &str) -> String {
        self.inner.watch_keys.seal(watch_key)
    }

    /// Keeps what lists show of what is recorded of these lives.
    pub async fn keep_recorded(&self, recorded: Vec<(LiveId, Recorded)>) -> Result<(), Failure> {
        self.store().keep_recorded(recorded).await
    }

    /// Counts those who have watched a live, each by what they are known by: once, however often they come.
    pub async fn keep_viewers(&self, viewers: Vec<(LiveId, i64)>) -> Result<(), Failure> {
        let lives: Vec<LiveId> = viewers.iter().map(|(live, _)| *live).collect();
        let kept = self.store().keep_viewers(viewers).await;
        for live in lives {
            self.forget(live).await;
        }
        kept
    }

    pub(crate) fn store(&self) -> &dyn Store {
        self.inner.store.as_ref()
    }

    pub(crate) async fn forget(&self, id: LiveId) {
        self.inner.rows.forget(&id).await;
    }

    pub(crate) async fn with_author(&self, row: Row) -> Result<Live, Error> {
        let lives = self.with_authors(vec![row]).await?;
        lives.into_iter().next().ok_or(Error::NoSuchLive)
    }

    async fn with_authors(&self, rows: Vec<Row>) -> Result<Vec<Live>, Failure> {
        let names = self.inner.accounts.names(rows.iter().map(|row| row.author).collect()).await?;
        let author = |id: PersonId| names.get(&id).map_or_else(|| gone(id), |name| Author::clone(name));
        let opened = |mut row: Row| {
            row.watch_key = self.inner.watch_keys.open(row.watch_key);
            row
        };
        Ok(rows
            .into_iter()
            .map(|row| (author(row.author), row))
            .map(|(by, row)| Live::of(opened(row), by))
            .collect())
    }
}

/// Somebody whose account is gone.
fn gone(id: PersonId) -> Author {
    Author {
        id,
        first_name: String::new(),
        last_name: String::new(),
        profile_picture: None,
        external_id: None,
    }
}
