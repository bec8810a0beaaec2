//! Those in this process who follow what becomes of lives: the recorder, presence, and whoever deletes what is left.
//!
//! They read the outbox, event by event. The events of one live are heard one after the other; those of different lives at
//! once, for what follows a stop takes as long as its last frames take to be durable.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use chat::Chat;
use ids::{EventId, LiveId};
use lives::{Event, EventKind, Lifecycle};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use crate::clock::now_ms;
use crate::http::chat_state::States;
use crate::recorded::Recordings;
use crate::summaries::Summaries;

/// How long to wait before the outbox is read again that could not be read.
const AGAIN: Duration = Duration::from_secs(1);
/// Lives whose last event is remembered before those that are done with are let go.
const REMEMBERED: usize = 1_024;

/// The listeners, and how far they have come; clones share it.
#[derive(Clone)]
pub(crate) struct Listeners {
    followers: Followers,
    progress: watch::Sender<Progress>,
}

/// Who follows, and what they follow.
#[derive(Clone)]
pub(crate) struct Followers {
    pub(crate) lifecycle: Lifecycle,
    pub(crate) recordings: Recordings,
    pub(crate) summaries: Arc<Summaries>,
    pub(crate) chat: Chat,
    pub(crate) chat_states: States,
    /// Where what they do runs: leaving waits for it.
    pub(crate) tasks: TaskTracker,
}

#[derive(Default)]
struct Progress {
    /// All events up to this one were given to them.
    read: EventId,
    /// Those that they are not done with, and whose they are. As many entries as events are at work.
    busy: BTreeMap<EventId, LiveId>,
}

/// Takes an event off those that are at work, also when hearing it panicked: whoever waits for it goes on.
struct AtWork {
    progress: watch::Sender<Progress>,
    event: EventId,
}

impl Listeners {
    /// Nobody hears anything before [`Listeners::begin`].
    pub(crate) fn new(followers: Followers) -> Self {
        Self { followers, progress: watch::Sender::default() }
    }

    /// Waits until all that was decided of this live so far has been heard: an answer that says it is stopped comes after
    /// everything received is durable.
    pub(crate) async fn heard(&self, live: LiveId) {
        let newest = *self.followers.lifecycle.newest().borrow();
        let done = |progress: &Progress| {
            progress.read >= newest && !progress.busy.values().any(|busy| *busy == live)
        };
        // The sender lives as long as this does.
        let _ = self.progress.subscribe().wait_for(done).await;
    }

    /// Brings the listeners to where the rows are, and lets them follow from there.
    ///
    /// They keep what they know in memory, so nothing of the past is owed to them: whatever a crash left between a commit
    /// and them, the rows say how it is. The place in the outbox is taken first. What is decided while the rows are read is
    /// then heard once more, which changes nothing; in the other order it could be missed.
    pub(crate) async fn begin(&self) -> Result<JoinHandle<()>, storage::Failure> {
        let Followers { lifecycle, recordings, .. } = &self.followers;
        let from = *lifecycle.newest().borrow();
        for live in lifecycle.running().await? {
            recordings.run(live).await;
        }
        // A deletion that a crash interrupted: its event is in the past, its row says how far it is.
        for live in lifecycle.half_deleted().await? {
            self.followers.finish_deletion(live).await;
        }
        // So was a stop.
        for live in lifecycle.incomplete().await? {
            self.followers.close(live).await;
            self.followers.complete(live).await;
        }
        self.progress.send_modify(|progress| progress.read = from);
        Ok(tokio::spawn(self.clone().follow(from)))
    }

    async fn follow(self, from: EventId) {
        let mut newest = self.followers.lifecycle.newest();
        let mut after = from;
        let mut last: HashMap<LiveId, JoinHandle<()>> = HashMap::new();
        loop {
            // Before the outbox is read, so that what is written meanwhile is a change.
            newest.borrow_and_update();
            match self.followers.lifecycle.events(after).await {
                Ok(events) if events.is_empty() => {
                    if newest.changed().await.is_err() {
                        return;
                    }
                }
                Ok(events) => {
                    for event in events {
                        after = event.id;
                        self.give(event, &mut last);
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "the outbox cannot be read");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    /// Lets an event be heard, after the one before it of the same live.
    fn give(&self, event: Event, last: &mut HashMap<LiveId, JoinHandle<()>>) {
        self.progress.send_modify(|progress| {
            progress.busy.insert(event.id, event.live);
            progress.read = event.id;
        });
        if last.len() >= REMEMBERED {
            last.retain(|_, task| !task.is_finished());
        }
        let live = event.live;
        let before = last.remove(&live);
        let at_work = AtWork { progress: self.progress.clone(), event: event.id };
        let followers = self.followers.clone();
        let task = self.followers.tasks.spawn(async move {
            if let Some(before) = before {
                // One that panicked said so itself; the next event is heard all the same.
                let _ = before.await;
            }
            followers.hear(event).await;
            drop(at_work);
        });
        last.insert(live, task);
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.progress.send_modify(|progress| {
            progress.busy.remove(&self.event);
        });
    }
}

impl Followers {
    async fn hear(&self, event: Event) {
        let live = event.live;
        match event.kind {
            EventKind::Started | EventKind::Resumed => self.recordings.run(live).await,
            EventKind::Abandoned => self.close(live).await,
            EventKind::Stopped => {
                self.close(live).await;
                self.complete(live).await;
            }
            EventKind::Completed | EventKind::Changed => {}
            EventKind::Deleted => self.finish_deletion(live).await,
        }
        self.chat_states.look_again(live);
    }

    /// Everything received is durable and part of the recording, and lists show it.
    async fn close(&self, live: LiveId) {
        self.recordings.stop(live).await;
        self.summaries.keep_now(live).await;
    }

    /// Says so. What fails, or is cut by a crash, is said at the next start.
    async fn complete(&self, live: LiveId) {
        match self.lifecycle.complete(live, now_ms()).await {
            Ok(()) | Err(lives::Error::NoSuchLive) => {}
            Err(error) => tracing::error!(%live, %error, "could not say that a replay is complete"),
        }
    }

    /// Deletes the bytes, then the conversation, then the row, which says until then that there is something left to delete.
    /// What fails is tried again at the next start.
    async fn finish_deletion(&self, live: LiveId) {
        if let Err(error) = self.recordings.delete(live).await {
            tracing::error!(%live, error, "could not delete a recording");
            return;
        }
        // A long conversation goes piece by piece, so that nobody else waits for it.
        if let Err(error) = self.chat.forget(live).await {
            tracing::error!(%live, %error, "could not delete a conversation");
            return;
        }
        if let Err(error) = self.lifecycle.purge(live).await {
            tracing::error!(%live, %error, "could not delete the row of a live");
        }
    }
}
