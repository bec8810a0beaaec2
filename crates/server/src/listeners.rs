//! Those in this process who follow what becomes of lives: the recorder, presence, and whoever deletes what is left.
//!
//! They read the outbox, event by event. The events of one live are heard one after the other; those of different lives at
//! once, for what follows a stop takes as long as its last frames take to be durable.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use ids::{EventId, LiveId};
use lives::{Event, EventKind};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::{http, recorded};

/// How long to wait before the outbox is read again that could not be read.
const AGAIN: Duration = Duration::from_secs(1);
/// Lives whose last event is remembered before those that are done with are let go.
const REMEMBERED: usize = 1_024;

/// How far the listeners have come.
#[derive(Default)]
pub(crate) struct Listeners {
    progress: watch::Sender<Progress>,
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
    app: App,
    event: EventId,
}

impl Listeners {
    /// Waits until all that was decided of this live so far has been heard: an answer that says it is stopped comes after
    /// everything received is durable.
    pub(crate) async fn heard(&self, app: &App, live: LiveId) {
        let newest = *app.lifecycle.newest().borrow();
        let done = |progress: &Progress| {
            progress.read >= newest && !progress.busy.values().any(|busy| *busy == live)
        };
        // The sender lives as long as the application does.
        let _ = self.progress.subscribe().wait_for(done).await;
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.app.listeners.progress.send_modify(|progress| {
            progress.busy.remove(&self.event);
        });
    }
}

/// Brings the listeners to where the rows are, and lets them follow from there.
///
/// They keep what they know in memory, so nothing of the past is owed to them: whatever a crash left between a commit and
/// them, the rows say how it is. The place in the outbox is taken first. What is decided while the rows are read is then
/// heard once more, which changes nothing; in the other order it could be missed.
pub(crate) async fn begin(app: &App) -> Result<JoinHandle<()>, storage::Failure> {
    let from = *app.lifecycle.newest().borrow();
    for live in app.lifecycle.running().await? {
        app.recorder.set_running(live.0, true).await;
    }
    // A deletion that a crash interrupted: its event is in the past, its row says how far it is.
    for live in app.lifecycle.half_deleted().await? {
        http::finish_deletion(app, live).await;
    }
    app.listeners.progress.send_modify(|progress| progress.read = from);
    Ok(tokio::spawn(follow(app.clone(), from)))
}

async fn follow(app: App, from: EventId) {
    let mut newest = app.lifecycle.newest();
    let mut after = from;
    let mut last: HashMap<LiveId, JoinHandle<()>> = HashMap::new();
    loop {
        // Before the outbox is read, so that what is written meanwhile is a change.
        newest.borrow_and_update();
        match app.lifecycle.events(after).await {
            Ok(events) if events.is_empty() => {
                if newest.changed().await.is_err() {
                    return;
                }
            }
            Ok(events) => {
                for event in events {
                    after = event.id;
                    give(&app, event, &mut last);
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
fn give(app: &App, event: Event, last: &mut HashMap<LiveId, JoinHandle<()>>) {
    app.listeners.progress.send_modify(|progress| {
        progress.busy.insert(event.id, event.live);
        progress.read = event.id;
    });
    if last.len() >= REMEMBERED {
        last.retain(|_, task| !task.is_finished());
    }
    let before = last.remove(&event.live);
    let at_work = AtWork { app: app.clone(), event: event.id };
    let task = app.tasks.spawn(async move {
        if let Some(before) = before {
            // One that panicked said so itself; the next event is heard all the same.
            let _ = before.await;
        }
        hear(&at_work.app, event).await;
        drop(at_work);
    });
    last.insert(event.live, task);
}

async fn hear(app: &App, event: Event) {
    let live = event.live;
    match event.kind {
        EventKind::Started | EventKind::Resumed => app.recorder.set_running(live.0, true).await,
        EventKind::Abandoned | EventKind::Stopped => {
            recorded::stop(app, live).await;
            app.summaries.keep_now(app, live).await;
        }
        EventKind::Changed => {}
        EventKind::Deleted => http::finish_deletion(app, live).await,
    }
    app.chat_states.look_again(live);
}
