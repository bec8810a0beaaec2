//! The conversations of all lives: the front door of this crate.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ids::{Change, LiveId, MessageId, PersonId, Seq, UnixMs};
use storage::Failure;
use timeline::PlayClock;
use tokio::sync::OnceCell;

use crate::hub::Hub;
use crate::log::Log;
use crate::mentions::{self, Mention};
use crate::message::{Author, Draft, Message, message_id, place};
use crate::moderation::{Acting, Speaker};
use crate::names::Names;
use crate::queue::Queue;
use crate::reactions::{BURST, Reactions};
use crate::search::Query;
use crate::store::{Counters, Deleting, Deletion, Order, Posted, Posting, Standing, Store};
use crate::tallies::Tallies;
use crate::viewer::Viewer;
use crate::window::{Window, WindowCursor};
use crate::{Error, compression, rules};

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
/// Messages that are erased at once, so that others are soon served again.
const ERASED: u32 = 200;
/// Conversations kept in memory before those that nobody looks at are let go.
const HUBS: usize = 1_024;

/// All conversations. Clones share the same ones.
#[derive(Clone)]
pub struct Chat {
    inner: Arc<Inner>,
}

struct Inner {
    log: Log,
    posts: Arc<Queue>,
    tallies: Arc<Tallies>,
    hubs: Mutex<HashMap<LiveId, Arc<OnceCell<Arc<Hub>>>>>,
}

impl Chat {
    /// The conversations kept in `store`, of people whose names `names` knows.
    #[must_use]
    pub fn new(store: impl Store, names: impl Names) -> Self {
        Self {
            inner: Arc::new(Inner {
                log: Log::new(store, names),
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
    /// A [`crate::Refusal`], or [`Error::Storage`]. Nothing is kept then.
    pub async fn post(
        &self,
        live_id: LiveId,
        author: Speaker,
        on_replay: bool,
        draft: Draft,
        clock: Arc<PlayClock>,
    ) -> Result<Posted, Error> {
        let posting = Posting { live_id, author_id: author.id, on_replay, now_ms: UnixMs::now() };
        let hub = self.hub(live_id, &clock).await?;
        let gate = rules::gate(&hub.rules(), author.id, author.leads, &draft)?;
        let order = Order {
            posting,
            author: self.log().author(author.id).await?,
            packed: compression::pack(&draft.content),
            mentions: self.wanted(&draft).await?,
            draft,
            gate,
        };
        let chat = self.clone();
        let announce = move |posted: &Posted| chat.announce(posted, &hub, &clock);
        let Posted { message, created } = self.inner.posts.store(self.log(), order, announce).await?;
        if created {
            return Ok(Posted { message, created });
        }
        // What was kept the first time is read back, and comes without names.
        Ok(Posted { message: self.log().shown(message).await, created })
    }

    /// Those of a draft's mentions who exist, each once, in their order.
    async fn wanted(&self, draft: &Draft) -> Result<Vec<Mention>, Error> {
        if draft.mentions.is_empty() {
            return Ok(Vec::new());
        }
        let ids = draft.mentions.iter().copied().take(mentions::LIMIT).collect();
        let mention = |Author { id, first_name, last_name, .. }| Mention { id, first_name, last_name };
        Ok(self.log().people(ids).await?.into_iter().map(mention).collect())
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
    pub(crate) fn index_later(&self, live_id: LiveId, hub: &Arc<Hub>) {
        if !hub.begin_indexing() {
            return;
        }
        let (log, hub) = (self.log().clone(), Arc::clone(hub));
        tokio::spawn(async move {
            tokio::time::sleep(INDEX_AFTER).await;
            hub.end_indexing();
            if let Err(error) = log.store().index(live_id).await {
                tracing::warn!(live = %live_id, %error, "the next search has to make itself ready");
            }
        });
    }

    /// Deletes a message: its author may, and whoever moderates the live. Deleting it again changes nothing.
    ///
    /// # Errors
    ///
    /// [`crate::Refusal::NoMessage`], [`crate::Refusal::NotYours`], or [`Error::Storage`].
    pub async fn delete(
        &self,
        live_id: LiveId,
        message_id: MessageId,
        caller: Speaker,
        clock: &Arc<PlayClock>,
    ) -> Result<Option<Deletion>, Error> {
        let hub = self.hub(live_id, clock).await?;
        let moderates = caller.leads || hub.rules().names(caller.id);
        let acting = Acting { live_id, by_id: caller.id, now_ms: UnixMs::now() };
        let (log, deleting) = (self.log().clone(), Deleting { acting, message_id, moderates });
        let carried = tokio::spawn(async move {
            let (deletion, rules) = log.store().delete(deleting).await?;
            if let Some(deletion) = deletion {
                hub.deleted(deletion);
                hub.set_rules(log.shown_rules(rules).await);
            }
            Ok(deletion)
        });
        carried.await.map_err(|_| Failure::Panicked)?
    }

    /// Shows what is kept in memory under the name and picture that somebody has now.
    pub fn renamed(&self, person: &Author) {
        let hubs: Vec<_> = self.lock_hubs().values().filter_map(|cell| cell.get().cloned()).collect();
        for hub in hubs {
            hub.renamed(person);
        }
    }

    /// The people with these ids who exist, by their names, as everybody sees them.
    pub async fn people(&self, ids: Vec<PersonId>) -> Result<Vec<Author>, Error> {
        let mut people = self.log().people(ids).await?;
        people.sort_by(|a, b| (&a.first_name, &a.last_name, a.id).cmp(&(&b.first_name, &b.last_name, b.id)));
        Ok(people)
    }

    /// Removes the conversation of a live, some messages at a time: others go on writing meanwhile.
    pub async fn forget(&self, live_id: LiveId) -> Result<(), Error> {
        self.log().store().forget(live_id).await?;
        self.lock_hubs().remove(&live_id);
        Ok(())
    }

    /// Takes away all that somebody said, in every live: their messages keep their places, empty, and viewers see them go.
    /// Reactions are counted without a name and stay. Answers whether there was any message.
    ///
    /// # Errors
    /// Those of the store; what is left is taken by the next call.
    pub async fn erase(&self, person: PersonId) -> Result<bool, Error> {
        let mut after = MessageId(0);
        loop {
            let erased = self.log().store().erase_some(person, after, UnixMs::now(), ERASED).await?;
            let Some((live, last)) = erased.last() else { break };
            after = message_id(*live, last.seq);
            for (live, deletion) in &erased {
                if let Some(hub) = self.known(*live) {
                    hub.deleted(*deletion);
                }
            }
            let lives: BTreeSet<LiveId> = erased.iter().map(|(live, _)| *live).collect();
            for live in lives {
                self.look_at_rules(live).await?;
            }
        }
        self.renamed(&Author::unnamed(person));
        Ok(after > MessageId(0))
    }

    /// Shows the rules as they are kept: a pin goes with its message.
    async fn look_at_rules(&self, live: LiveId) -> Result<(), Error> {
        if let Some(hub) = self.known(live) {
            hub.set_rules(self.log().standing(live, 0).await?.rules);
        }
        Ok(())
    }

    /// Where a conversation stands.
    pub async fn counters(&self, live_id: LiveId) -> Result<Counters, Error> {
        if let Some(hub) = self.known(live_id) {
            return Ok(hub.counters());
        }
        Ok(self.log().store().counters(vec![live_id]).await?.pop().unwrap_or_default())
    }

    /// How many messages each of these lives has to read, at once; in their order.
    pub async fn message_counts(&self, lives: Vec<LiveId>) -> Result<Vec<i64>, Error> {
        let counters = self.log().store().counters(lives).await?;
        Ok(counters.into_iter().map(|counters| counters.messages).collect())
    }

    /// Messages numbered from `after + 1` to `upto`, oldest first, at most [`PAGE_LIMIT`] at once.
    pub async fn range(&self, live_id: LiveId, after: Seq, upto: Seq) -> Result<Vec<Message>, Error> {
        let window = Window::Between(after, upto.plus(1));
        Ok(self.log().window(live_id, window, PAGE_LIMIT).await?)
    }

    /// At most `limit` messages of a window by number, oldest first, at most [`PAGE_LIMIT`] at once.
    pub async fn window(&self, live_id: LiveId, window: Window, limit: u32) -> Result<Vec<Message>, Error> {
        let limit = limit.min(PAGE_LIMIT);
        if let Some(found) = self.known(live_id).and_then(|hub| hub.window(window, limit)) {
            self.inner.tallies.from_memory.fetch_add(1, Ordering::Relaxed);
            return Ok(found);
        }
        self.inner.tallies.from_database.fetch_add(1, Ordering::Relaxed);
        Ok(self.log().window(live_id, window, limit).await?)
    }

    /// The next messages of a window of the timeline, at most [`PAGE_LIMIT`]; none when it has been read. In the order
    /// of the timeline, with their places on it.
    pub async fn on_timeline(&self, cursor: &mut WindowCursor) -> Result<Vec<(i64, Message)>, Error> {
        while let Some(stretch) = cursor.stretches.last().copied() {
            let live_id = cursor.live_id;
            let messages = self.log().stretch(live_id, stretch, PAGE_LIMIT).await?;
            let last = messages
                .last()
                .and_then(|message| Some((message.position.ms, message_id(live_id, message.seq?))));
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
    pub async fn search(&self, live_id: LiveId, words: &str) -> Result<Vec<Message>, Error> {
        let Some(query) = Query::new(words) else { return Ok(Vec::new()) };
        let found = self.log().store().search(live_id, query, SEARCH_LIMIT).await?;
        Ok(self.log().named(found).await?)
    }

    /// The same over all lives, of those with a lower id, the highest first: at most [`SEARCH_LIMIT`]. Whether the asker may
    /// see their lives is not looked at here.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn search_everywhere(&self, words: &str, before: MessageId) -> Result<Vec<Message>, Error> {
        let Some(query) = Query::new(words) else { return Ok(Vec::new()) };
        let found = self.log().store().search_everywhere(query, before, SEARCH_LIMIT).await?;
        Ok(self.log().named(found).await?)
    }

    /// The reactions of a live, by emoji and by second of the timeline.
    pub async fn reactions(&self, live_id: LiveId, clock: &PlayClock) -> Result<Reactions, Error> {
        let (totals, counts) = self.log().store().reactions(live_id, REACTIONS_LIMIT).await?;
        let mut seconds: BTreeMap<i64, BTreeMap<String, i64>> = BTreeMap::new();
        for count in counts {
            let second = seconds.entry(place(clock, count.position)).or_default();
            *second.entry(count.emoji).or_default() += count.count;
        }
        Ok(Reactions { totals, seconds: seconds.into_iter().collect() })
    }

    /// A cursor into the conversation for somebody who has seen the messages up to number `after` and, if `since` is
    /// given, wants to hear of the deletions after that one.
    pub async fn subscribe(
        &self,
        live_id: LiveId,
        after: Option<Seq>,
        since: Option<Change>,
        clock: &Arc<PlayClock>,
    ) -> Result<Viewer, Error> {
        let hub = self.hub(live_id, clock).await?;
        hub.set_clock(clock);
        let (log, tallies) = (self.log().clone(), Arc::clone(&self.inner.tallies));
        Ok(Viewer::new(log, tallies, hub, live_id, after, since))
    }

    /// The fan-out of a live, made when it is first asked for. Who posts asks before storing, so that nothing stored
    /// is left out between the reading of the newest messages and the first announcement.
    pub(crate) async fn hub(&self, live_id: LiveId, clock: &Arc<PlayClock>) -> Result<Arc<Hub>, Error> {
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
                let Standing { counters, newest, rules } = self.log().standing(live_id, WARM).await?;
                self.inner.tallies.from_database.fetch_add(1, Ordering::Relaxed);
                Ok::<_, Error>(Arc::new(Hub::new(counters, newest, rules, Arc::clone(clock))))
            })
            .await?;
        Ok(Arc::clone(made))
    }

    /// The fan-out of a live, if it is there.
    fn known(&self, live_id: LiveId) -> Option<Arc<Hub>> {
        self.lock_hubs().get(&live_id)?.get().cloned()
    }

    pub(crate) fn log(&self) -> &Log {
        &self.inner.log
    }

    fn lock_hubs(&self) -> std::sync::MutexGuard<'_, HashMap<LiveId, Arc<OnceCell<Arc<Hub>>>>> {
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

impl std::fmt::Debug for Chat {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Chat").finish_non_exhaustive()
    }
}
