//! The one owner of a live's life.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ids::{EventId, LiveId, PersonId, UnixMs};
use storage::Failure;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::live::{self, new_watch_key};
use crate::row::{NewRow, Row};
use crate::{Change, Decision, Error, Event, Live, Lives, NewLive, timeout};

/// Events read at once.
const EVENTS: u32 = 256;

/// Decides whether lives run, end and go: nobody else does. Each decision is a row and an event in the outbox, written
/// together.
///
/// Listeners follow the outbox ([`Lifecycle::events`]). A crash between the commit and a listener loses nothing: a
/// listener that keeps its state in memory loses that with the process, and at the start begins with the rows as they
/// are ([`Lifecycle::running`], [`Lifecycle::half_deleted`]) and the newest event; one whose state outlives the process
/// keeps the id of the last event it has done beside it and goes on from there. For that the order at the start is: ask
/// for the newest event first, then for the rows. What happens between the two is then seen twice, never missed; events
/// say what is so, not what to add, and twice is as good as once.
#[derive(Clone)]
pub struct Lifecycle {
    lives: Lives,
    inner: Arc<Inner>,
}

struct Inner {
    running_per_person: AtomicU32,
    heard: timeout::Heard,
    newest: watch::Sender<EventId>,
}

impl Lifecycle {
    /// Takes charge of these lives; a person may have `running_per_person` of them running at once. Patience with the
    /// running ones counts from now: while the server was away nothing could come.
    pub async fn open(lives: Lives, running_per_person: u32) -> Result<Self, Error> {
        let newest = watch::Sender::new(lives.store().newest_event().await?);
        let heard = timeout::Heard::new(lives.store().running().await?, Instant::now());
        let running_per_person = AtomicU32::new(running_per_person);
        Ok(Self { lives, inner: Arc::new(Inner { running_per_person, heard, newest }) })
    }

    /// Another number of lives that a person may have running at once, from now on.
    pub fn set_running_per_person(&self, running_per_person: u32) {
        self.inner.running_per_person.store(running_per_person, Ordering::Relaxed);
    }

    /// Starts a live of `author`; the second value is its stream key, which is kept hashed only.
    ///
    /// # Errors
    /// A text too long, too many running lives.
    pub async fn start(&self, author: PersonId, new: NewLive, now: UnixMs) -> Result<(Live, String), Error> {
        let NewLive { title, description, content, visibility, keep_ms } = new.checked()?;
        let key = live::new_stream_key();
        let (watch_key, stream_key) = (self.lives.seal(&new_watch_key()), live::hash(&key));
        let started = now;
        let new = NewRow {
            author,
            title,
            description,
            content,
            visibility,
            started,
            watch_key,
            stream_key,
            keep_ms,
        };
        let limit = self.inner.running_per_person.load(Ordering::Relaxed);
        let (row, event) = self.lives.store().start(new, limit).await?;
        self.inner.heard.from(row.id, Instant::now());
        self.tell(event);
        Ok((self.lives.with_author(row).await?, key))
    }

    /// Changes what is said about a live, or who may see it.
    ///
    /// # Errors
    /// A text too long, [`Error::NoSuchLive`].
    pub async fn change(&self, id: LiveId, change: Change, now: UnixMs) -> Result<Live, Error> {
        let row = self.decide(id, Decision::Change(change.checked()?), now).await?.0;
        self.lives.with_author(row).await
    }

    /// Gives an unlisted live another address to be watched by; the one before opens nothing any more, nor do tokens for
    /// media that it gave.
    ///
    /// # Errors
    /// [`Error::NoSuchLive`].
    pub async fn renew_watch_key(&self, id: LiveId, now: UnixMs) -> Result<Live, Error> {
        let key = self.lives.seal(&new_watch_key());
        let row = self.decide(id, Decision::NewWatchKey(key), now).await?.0;
        self.lives.with_author(row).await
    }

    /// Gives a live another stream key, which is answered and kept hashed only; the one before opens nothing any more.
    ///
    /// # Errors
    /// [`Error::NoSuchLive`].
    pub async fn renew_stream_key(&self, id: LiveId, now: UnixMs) -> Result<String, Error> {
        let key = live::new_stream_key();
        self.decide(id, Decision::NewStreamKey(live::hash(&key)), now).await?;
        Ok(key)
    }

    /// Stops a live for good. Stopping again changes nothing.
    ///
    /// # Errors
    /// [`Error::NoSuchLive`].
    pub async fn stop(&self, id: LiveId, now: UnixMs) -> Result<Live, Error> {
        let (row, _) = self.decide(id, Decision::Stop, now).await?;
        self.inner.heard.forget(id);
        self.lives.with_author(row).await
    }

    /// All that had come of a live when it was stopped is part of its replay: says so once. Of one that was not stopped,
    /// nothing.
    ///
    /// # Errors
    /// [`Error::NoSuchLive`].
    pub async fn complete(&self, id: LiveId, now: UnixMs) -> Result<(), Error> {
        self.decide(id, Decision::Complete, now).await?;
        Ok(())
    }

    /// Notes that a publisher of this live was heard. Costs nothing while the live runs; one that was abandoned runs
    /// again. Whether that is so now.
    ///
    /// # Errors
    /// [`Error::NoSuchLive`], [`Error::Storage`].
    pub async fn bytes_came(&self, id: LiveId, now: UnixMs) -> Result<bool, Error> {
        if self.inner.heard.again(id, Instant::now()) || self.lives.get(id).await?.stopped_ms.is_some() {
            return Ok(false);
        }
        let (row, event) = self.decide(id, Decision::Resume, now).await?;
        if row.ended.is_none() {
            self.inner.heard.from(id, Instant::now());
        }
        Ok(event.is_some())
    }

    /// Ends the lives that nothing came for during `timeout`, as of when they were last heard, and says which.
    ///
    /// # Errors
    /// [`Error::Storage`]; those lives are ended at the next call.
    pub async fn end_abandoned(
        &self,
        now: Instant,
        now_ms: UnixMs,
        timeout: Duration,
    ) -> Result<Vec<LiveId>, Error> {
        let mut deciding = JoinSet::new();
        for (id, since) in self.inner.heard.take_abandoned(now, timeout) {
            let silent = i64::try_from(now.duration_since(since).as_millis()).unwrap_or(0);
            let (lifecycle, heard) = (self.clone(), now_ms.plus_ms(-silent));
            deciding.spawn(async move {
                let decided = lifecycle.decide(id, Decision::Abandon { heard }, now_ms).await;
                (id, since, decided)
            });
        }
        let (mut ended, mut failed) = (Vec::new(), None);
        while let Some(Ok((id, since, decided))) = deciding.join_next().await {
            match decided {
                Ok((_, Some(_))) => ended.push(id),
                Ok((_, None)) | Err(Error::NoSuchLive) => {}
                Err(error) => {
                    self.inner.heard.from(id, since);
                    failed = Some(error);
                }
            }
        }
        failed.map_or(Ok(ended), Err)
    }

    /// Begins to delete a live: from now on nobody finds it. Its bytes and its conversation go next, then
    /// [`Lifecycle::purge`] takes the row; what a crash leaves between the two is in [`Lifecycle::half_deleted`].
    ///
    /// # Errors
    /// [`Error::NoSuchLive`].
    pub async fn begin_deletion(&self, id: LiveId, now: UnixMs) -> Result<(), Error> {
        self.decide(id, Decision::Delete, now).await?;
        self.inner.heard.forget(id);
        Ok(())
    }

    /// Begins to delete lives that were kept for as long as they are, those that ended first before others, and says which: at
    /// most so many as are looked at at once. Called again until there are none. `usually_ms` is how long one without a rule of
    /// its own is kept after its end; for ever if `None`.
    ///
    /// # Errors
    /// [`Error::Storage`]; what was begun goes on.
    pub async fn delete_overdue(&self, usually_ms: Option<i64>, now: UnixMs) -> Result<Vec<LiveId>, Error> {
        let old = self.lives.store().overdue(now, usually_ms, EVENTS).await?;
        for id in &old {
            match self.begin_deletion(*id, now).await {
                Ok(()) | Err(Error::NoSuchLive) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(old)
    }

    /// Deletes the row of a live of which nothing else is left.
    pub async fn purge(&self, id: LiveId) -> Result<(), Failure> {
        self.lives.store().purge(id).await
    }

    /// Lives that were stopped and of which it was not yet said that they are complete.
    pub async fn incomplete(&self) -> Result<Vec<LiveId>, Failure> {
        self.lives.store().incomplete().await
    }

    /// Lives whose deletion was begun and not finished.
    pub async fn half_deleted(&self) -> Result<Vec<LiveId>, Failure> {
        self.lives.store().half_deleted().await
    }

    /// Lives that run.
    pub async fn running(&self) -> Result<Vec<LiveId>, Failure> {
        self.lives.store().running().await
    }

    /// Follows the id of the newest event: a sign to read [`Lifecycle::events`], which may tell of several at once.
    #[must_use]
    pub fn newest(&self) -> watch::Receiver<EventId> {
        self.inner.newest.subscribe()
    }

    /// Looks whether another process decided something, and wakes those who follow.
    pub async fn look(&self) -> Result<(), Failure> {
        self.tell(self.lives.store().newest_event().await?);
        Ok(())
    }

    /// The oldest events after this one, 256 at most; none when there are no newer ones.
    pub async fn events(&self, after: EventId) -> Result<Vec<Event>, Failure> {
        self.lives.store().events(after, EVENTS).await
    }

    async fn decide(
        &self,
        id: LiveId,
        decision: Decision,
        now: UnixMs,
    ) -> Result<(Row, Option<EventId>), Error> {
        let decided = self.lives.store().decide(id, decision, now).await;
        self.lives.forget(id).await;
        let (row, event) = decided?;
        if let Some(event) = event {
            self.tell(event);
        }
        Ok((row, event))
    }

    /// Wakes the listeners. Answers to several decisions may come here in any order.
    fn tell(&self, event: EventId) {
        self.inner.newest.send_if_modified(|newest| {
            let newer = event > *newest;
            *newest = event.max(*newest);
            newer
        });
    }
}
