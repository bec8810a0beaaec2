//! The conversations of all lives: the front door of this crate.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use database::Database;
use timeline::PlayClock;
use tokio::sync::OnceCell;

use crate::hub::Hub;
use crate::moderation::store as moderation;
use crate::posting::{self, Gate, Posted, Posting};
use crate::queue::{Order, Queue};
use crate::reactions::BURST;
use crate::search::Query;
use crate::store::{self, Stretch};
use crate::{
    Author, Counters, Deletion, Draft, Error, Message, Refusal, Rules, Speaker, Viewer, packing, place,
};

/// Most messages read at once. Whoever asks for more is given this many.
pub const PAGE_LIMIT: u32 = 500;
/// Most messages a search finds.
pub const SEARCH_LIMIT: u32 = 200;
/// Seconds and emoji of reactions that one answer counts apart.
const REACTIONS_LIMIT: u32 = 100_000;
/// Newest messages a conversation starts with in memory.
const WARM: u32 = 200;
/// How long messages wait for company before they are put into the search index.
const INDEX_AFTER: Duration = Duration::from_millis(500);
/// Conversations kept in memory before those that nobody looks at are let go.
const HUBS: usize = 1_024;

/// All conversations. Clones share the same ones.
#[derive(Clone)]
pub struct Chat {
    inner: Arc<Inner>,
}

struct Inner {
    database: Database,
    posts: Arc<Queue>,
    tallies: Arc<Tallies>,
    hubs: Mutex<HashMap<i64, Arc<OnceCell<Arc<Hub>>>>>,
}

/// What was done since the start, counted for whoever runs the server.
#[derive(Debug, Default)]
pub struct Tallies {
    /// Messages and reactions stored.
    pub posted: AtomicU64,
    /// Frames for viewers and pages made of the newest messages, which are kept in memory.
    pub from_memory: AtomicU64,
    /// Frames, pages and the newest messages themselves read from the database.
    pub from_database: AtomicU64,
}

/// A window by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// From the number after this one on.
    After(i64),
    /// Up to the number before this one.
    Before(i64),
    /// After the first number and before the second, from the first on.
    Between(i64, i64),
}

/// Reactions of a live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reactions {
    /// Every emoji and how often it was sent, the most frequent first.
    pub totals: Vec<(String, i64)>,
    /// Counts by second of the timeline, in its order.
    pub seconds: Vec<(i64, BTreeMap<String, i64>)>,
}

/// Where the reading of a window of the timeline has come to.
#[derive(Debug, Clone)]
pub struct WindowCursor {
    live_id: i64,
    clock: Arc<PlayClock>,
    /// What is still to be read, the next one last.
    stretches: Vec<Stretch>,
}

impl WindowCursor {
    /// A cursor over the messages at `from_ms..to_ms` of the timeline, in its order.
    #[must_use]
    pub fn new(live_id: i64, clock: Arc<PlayClock>, from_ms: i64, to_ms: i64) -> Self {
        let stretch = |(take, from_ms, to_ms)| Stretch { take, from_ms, to_ms, last: None };
        let stretches = clock.window(from_ms, to_ms).into_iter().rev().map(stretch).collect();
        Self { live_id, clock, stretches }
    }

    /// The clock by which the window was laid.
    #[must_use]
    pub fn clock(&self) -> &PlayClock {
        &self.clock
    }
}

impl Chat {
    /// The conversations kept in a database that has [`crate::MIGRATIONS`].
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self {
            inner: Arc::new(Inner {
                database,
                posts: Arc::default(),
                tallies: Arc::default(),
                hubs: Mutex::default(),
            }),
        }
    }

    /// What was done since the start.
    #[must_use]
    pub fn tallies(&self) -> &Tallies {
        &self.inner.tallies
    }

    /// Stores a message and answers when it is durable; the viewers hear of it after that. Once it waits for the
    /// database it is carried through, also when the caller stops waiting. Must be called inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// A [`crate::Refusal`] that needed the database to be found, or the database's failure. Nothing is kept then.
    pub async fn post(
        &self,
        live_id: i64,
        author: Speaker,
        on_replay: bool,
        draft: Draft,
        clock: Arc<PlayClock>,
    ) -> Result<Posted, Error> {
        let posting = Posting { live_id, author_id: author.id, on_replay, now_ms: now_ms() };
        let hub = self.hub(live_id, &clock).await?;
        let gate = gate(&hub.rules(), author.id, author.leads, &draft)?;
        let (chat, order) =
            (self.clone(), Order { posting, packed: packing::pack(&draft.content), draft, gate });
        let announce = move |posted: &Posted| chat.announce(posted, &hub, &clock);
        self.inner.posts.store(&self.inner.database, order, announce).await
    }

    /// Lets the viewers see what was stored.
    fn announce(&self, posted: &Posted, hub: &Arc<Hub>, clock: &Arc<PlayClock>) {
        if !posted.created || posted.message.held {
            return;
        }
        self.inner.tallies.posted.fetch_add(1, Ordering::Relaxed);
        if posted.message.seq.is_some() {
            self.index_later(posted.message.live_id, hub);
            announce(hub, posted.message.clone(), clock);
        } else if hub.gather(&posted.message, clock) {
            let hub = Arc::clone(hub);
            tokio::spawn(async move {
                tokio::time::sleep(BURST).await;
                hub.end_burst();
            });
        }
    }

    /// Puts what was said into the search index a little later, with what is said until then.
    pub(crate) fn index_later(&self, live_id: i64, hub: &Arc<Hub>) {
        if !hub.begin_indexing() {
            return;
        }
        let (database, hub) = (self.inner.database.clone(), Arc::clone(hub));
        tokio::spawn(async move {
            tokio::time::sleep(INDEX_AFTER).await;
            hub.end_indexing();
            // A search does what could not be done here.
            while let Ok(1..) = database.write(move |conn| store::index(conn, live_id)).await {}
        });
    }

    /// Deletes a message: its author may, and whoever moderates the live. Deleting it again changes nothing.
    ///
    /// # Errors
    ///
    /// [`crate::Refusal::NoMessage`], [`crate::Refusal::NotYours`], or the database's failure.
    pub async fn delete(
        &self,
        live_id: i64,
        message_id: i64,
        caller: Speaker,
        clock: &Arc<PlayClock>,
    ) -> Result<Option<Deletion>, Error> {
        let hub = self.hub(live_id, clock).await?;
        let moderates = caller.leads || hub.rules().names(caller.id);
        let database = self.inner.database.clone();
        let carried = tokio::spawn(async move {
            let job = move |conn: &rusqlite::Connection| {
                let deletion = store::delete(conn, live_id, message_id, caller.id, moderates, now_ms())?;
                Ok::<_, Error>((deletion, moderation::rules(conn, live_id)?))
            };
            let (deletion, rules) = database.write(job).await?;
            if let Some(deletion) = deletion {
                hub.deleted(deletion);
                hub.set_rules(rules);
            }
            Ok(deletion)
        });
        carried.await.map_err(|_| database::Error::Panicked)?
    }

    /// Shows what is kept in memory under the name and picture that somebody has now.
    pub fn renamed(&self, person: &Author) {
        let hubs: Vec<_> = self.lock_hubs().values().filter_map(|cell| cell.get().cloned()).collect();
        for hub in hubs {
            hub.renamed(person);
        }
    }

    /// The people with these ids who exist, by their names, as everybody sees them.
    ///
    /// # Errors
    ///
    /// The database's.
    pub async fn people(&self, ids: Vec<i64>) -> Result<Vec<Author>, Error> {
        let job = move |conn: &rusqlite::Connection| {
            let found = ids.into_iter().map(|id| posting::author(conn, id));
            found.filter_map(Result::transpose).collect::<Result<Vec<_>, _>>()
        };
        let mut people = self.inner.database.read(job).await?;
        people.sort_by(|a, b| (&a.first_name, &a.last_name, a.id).cmp(&(&b.first_name, &b.last_name, b.id)));
        Ok(people)
    }

    /// Removes the conversation of a live, some messages at a time: others go on writing meanwhile.
    ///
    /// # Errors
    ///
    /// The database's.
    pub async fn forget(&self, live_id: i64) -> Result<(), Error> {
        while self.inner.database.write(move |conn| store::forget_some(conn, live_id)).await? {}
        self.inner.database.write(move |conn| Ok::<_, Error>(store::forget(conn, live_id)?)).await?;
        self.lock_hubs().remove(&live_id);
        Ok(())
    }

    /// Where a conversation stands.
    ///
    /// # Errors
    ///
    /// The database's.
    pub async fn counters(&self, live_id: i64) -> Result<Counters, Error> {
        if let Some(hub) = self.known(live_id) {
            return Ok(hub.counters());
        }
        self.inner.database.read(move |conn| Ok(store::counters(conn, live_id)?)).await
    }

    /// How many messages each of these lives has to read, at once; in their order.
    ///
    /// # Errors
    ///
    /// The database's.
    pub async fn message_counts(&self, lives: Vec<i64>) -> Result<Vec<i64>, Error> {
        let job = move |conn: &rusqlite::Connection| {
            let counts = lives.into_iter().map(|live_id| Ok(store::counters(conn, live_id)?.messages));
            counts.collect::<Result<_, _>>()
        };
        self.inner.database.read(job).await
    }

    /// Messages numbered from `after + 1` to `upto`, oldest first, at most [`PAGE_LIMIT`] at once.
    ///
    /// # Errors
    ///
    /// The database's.
    pub async fn range(&self, live_id: i64, after: i64, upto: i64) -> Result<Vec<Message>, Error> {
        self.inner.database.read(move |conn| store::after(conn, live_id, after, upto, PAGE_LIMIT)).await
    }

    /// At most `limit` messages of a window by number, oldest first, at most [`PAGE_LIMIT`] at once.
    ///
    /// # Errors
    ///
    /// The database's.
    pub async fn window(&self, live_id: i64, window: Window, limit: u32) -> Result<Vec<Message>, Error> {
        let limit = limit.min(PAGE_LIMIT);
        if let Some(found) = self.known(live_id).and_then(|hub| hub.window(window, limit)) {
            self.inner.tallies.from_memory.fetch_add(1, Ordering::Relaxed);
            return Ok(found);
        }
        self.inner.tallies.from_database.fetch_add(1, Ordering::Relaxed);
        let job = move |conn: &rusqlite::Connection| match window {
            Window::After(seq) => store::after(conn, live_id, seq, crate::SEQ_LIMIT, limit),
            Window::Before(seq) => store::before(conn, live_id, seq, limit),
            Window::Between(seq, before) => store::after(conn, live_id, seq, before.saturating_sub(1), limit),
        };
        self.inner.database.read(job).await
    }

    /// The next messages of a window of the timeline, at most [`PAGE_LIMIT`]; none when it has been read. In the order
    /// of the timeline, with their places on it.
    ///
    /// # Errors
    ///
    /// The database's.
    pub async fn on_timeline(&self, cursor: &mut WindowCursor) -> Result<Vec<(i64, Message)>, Error> {
        while let Some(stretch) = cursor.stretches.last().copied() {
            let live_id = cursor.live_id;
            let job = move |conn: &rusqlite::Connection| store::stretch(conn, live_id, stretch, PAGE_LIMIT);
            let messages = self.inner.database.read(job).await?;
            let last = messages
                .last()
                .and_then(|message| Some((message.position.ms, crate::message_id(live_id, message.seq?))));
            match cursor.stretches.last_mut() {
                Some(stretch) if messages.len() == PAGE_LIMIT as usize => stretch.last = last,
                _ => drop(cursor.stretches.pop()),
            }
            if !messages.is_empty() {
                let placed = |message: Message| (place(&cursor.clock, message.position), message);
                return Ok(messages.into_iter().map(placed).collect());
            }
        }
        Ok(Vec::new())
    }

    /// Messages with all the words asked for, accents and case ignored, newest first, at most [`SEARCH_LIMIT`]. A word
    /// finds all that have its stem (French); one that ends in `*` stands for its beginning; words between double
    /// quotes are looked for as they are and follow each other.
    ///
    /// # Errors
    ///
    /// The database's.
    pub async fn search(&self, live_id: i64, words: &str) -> Result<Vec<Message>, Error> {
        let Some(query) = Query::new(words) else { return Ok(Vec::new()) };
        while self.inner.database.read(move |conn| store::unindexed(conn, live_id)).await? > 0 {
            self.inner.database.write(move |conn| store::index(conn, live_id)).await?;
        }
        self.inner.database.read(move |conn| store::search(conn, live_id, &query, SEARCH_LIMIT)).await
    }

    /// The reactions of a live, by emoji and by second of the timeline.
    ///
    /// # Errors
    ///
    /// The database's.
    pub async fn reactions(&self, live_id: i64, clock: &PlayClock) -> Result<Reactions, Error> {
        let job = move |conn: &rusqlite::Connection| {
            let totals = store::reaction_totals(conn, live_id)?;
            Ok::<_, Error>((totals, store::reactions(conn, live_id, REACTIONS_LIMIT)?))
        };
        let (totals, counts) = self.inner.database.read(job).await?;
        let mut seconds: BTreeMap<i64, BTreeMap<String, i64>> = BTreeMap::new();
        for count in counts {
            let second = seconds.entry(place(clock, count.position)).or_default();
            *second.entry(count.emoji).or_default() += count.count;
        }
        Ok(Reactions { totals, seconds: seconds.into_iter().collect() })
    }

    /// A cursor into the conversation for somebody who has seen the messages up to number `after` and, if `since` is
    /// given, wants to hear of the deletions after that one.
    ///
    /// # Errors
    ///
    /// The database's.
    pub async fn subscribe(
        &self,
        live_id: i64,
        after: Option<i64>,
        since: Option<i64>,
        clock: &Arc<PlayClock>,
    ) -> Result<Viewer, Error> {
        let hub = self.hub(live_id, clock).await?;
        hub.set_clock(clock);
        let (database, tallies) = (self.inner.database.clone(), Arc::clone(&self.inner.tallies));
        Ok(Viewer::new(database, tallies, hub, live_id, after, since))
    }

    /// The fan-out of a live, made when it is first asked for. Who posts asks before storing, so that nothing stored
    /// is left out between the reading of the newest messages and the first announcement.
    pub(crate) async fn hub(&self, live_id: i64, clock: &Arc<PlayClock>) -> Result<Arc<Hub>, Error> {
        let cell = {
            let mut hubs = self.lock_hubs();
            if hubs.len() >= HUBS && !hubs.contains_key(&live_id) {
                hubs.retain(|_, cell| {
                    Arc::strong_count(cell) > 1 || cell.get().is_some_and(|hub| Arc::strong_count(hub) > 1)
                });
            }
            Arc::clone(hubs.entry(live_id).or_default())
        };
        let made = cell
            .get_or_try_init(|| async {
                let job = move |conn: &rusqlite::Connection| {
                    let counters = store::counters(conn, live_id)?;
                    let newest = store::before(conn, live_id, counters.last_seq + 1, WARM)?;
                    Ok::<_, Error>((counters, newest, moderation::rules(conn, live_id)?))
                };
                let (counters, newest, rules) = self.inner.database.read(job).await?;
                self.inner.tallies.from_database.fetch_add(1, Ordering::Relaxed);
                Ok::<_, Error>(Arc::new(Hub::new(counters, newest, rules, Arc::clone(clock))))
            })
            .await?;
        Ok(Arc::clone(made))
    }

    /// The fan-out of a live, if it is there.
    fn known(&self, live_id: i64) -> Option<Arc<Hub>> {
        self.lock_hubs().get(&live_id)?.get().cloned()
    }

    pub(crate) fn database(&self) -> &Database {
        &self.inner.database
    }

    fn lock_hubs(&self) -> std::sync::MutexGuard<'_, HashMap<i64, Arc<OnceCell<Arc<Hub>>>>> {
        self.inner.hubs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets the viewers see a message, now or a little later.
pub(crate) fn announce(hub: &Arc<Hub>, message: Message, clock: &Arc<PlayClock>) {
    if let Some(due) = hub.announce(message, clock) {
        let hub = Arc::clone(hub);
        tokio::spawn(async move {
            tokio::time::sleep_until(due).await;
            hub.wake();
        });
    }
}

/// What a message must pass before it is kept, after those checks that need no database.
fn gate(rules: &Rules, author_id: i64, leads: bool, draft: &Draft) -> Result<Gate, Refusal> {
    if leads || rules.names(author_id) {
        return Ok(Gate::Open);
    }
    if rules.words.found_in(&draft.content) {
        return Err(Refusal::UnwantedWord);
    }
    Ok(Gate::Led { slow_ms: rules.slow_ms, hold: rules.hold })
}

impl std::fmt::Debug for Chat {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Chat").finish_non_exhaustive()
    }
}

pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
