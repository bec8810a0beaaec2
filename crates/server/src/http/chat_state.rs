//! How a live stands, told to all who watch it: worked out once a second for a live, however many watch.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use ids::LiveId;
use lives::Live;
use tokio::sync::{Notify, watch};

use crate::app::App;
use crate::recorded;

/// How often it is worked out: changes are told at most as often.
const EVERY: Duration = Duration::from_secs(1);

/// How the watched lives stand. As many entries as lives are watched.
#[derive(Clone, Default)]
pub(crate) struct States(Arc<Mutex<HashMap<LiveId, Followed>>>);

/// A live that is watched.
struct Followed {
    state: watch::Sender<State>,
    /// Something was decided of it: it is looked at again at once.
    decided: Arc<Notify>,
}

/// How a live stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct State {
    /// The live; `None` once it is deleted.
    pub(super) live: Option<Arc<Live>>,
    /// The wire's frame.
    pub(super) frame: Utf8Bytes,
}

impl States {
    /// Follows a live. The first state is there at once.
    pub(super) async fn follow(&self, app: &App, live: &Arc<Live>) -> watch::Receiver<State> {
        if let Some(kept) = self.lock().get(&live.id) {
            return kept.state.subscribe();
        }
        let first = state(app, live.id, Some(Arc::clone(live))).await;
        let mut states = self.lock();
        if let Some(kept) = states.get(&live.id) {
            return kept.state.subscribe();
        }
        let (sender, receiver) = watch::channel(first);
        let decided = Arc::new(Notify::new());
        states.insert(live.id, Followed { state: sender.clone(), decided: Arc::clone(&decided) });
        drop(states);
        tokio::spawn(work_out(app.clone(), self.clone(), live.id, sender, decided));
        receiver
    }

    /// Something was decided of a live: those who watch it are told without waiting for the next second.
    pub(crate) fn look_again(&self, live: LiveId) {
        if let Some(followed) = self.lock().get(&live) {
            followed.decided.notify_one();
        }
    }

    /// Forgets a live that nobody follows any more.
    fn let_go(&self, live_id: LiveId, sender: &watch::Sender<State>) -> bool {
        let mut states = self.lock();
        let alone = sender.receiver_count() == 0;
        if alone {
            states.remove(&live_id);
        }
        alone
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<LiveId, Followed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn work_out(
    app: App,
    states: States,
    live_id: LiveId,
    sender: watch::Sender<State>,
    decided: Arc<Notify>,
) {
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            () = app.leaving.cancelled() => return,
            _ = ticks.tick() => {}
            () = decided.notified() => {}
        }
        if states.let_go(live_id, &sender) {
            return;
        }
        let live = match app.lives.get(live_id).await {
            Ok(live) => Some(live),
            Err(lives::Error::NoSuchLive) => None,
            Err(_) => continue,
        };
        let now = state(&app, live_id, live).await;
        sender.send_if_modified(|kept| {
            let changed = *kept != now;
            *kept = now;
            changed
        });
    }
}

async fn state(app: &App, live_id: LiveId, live: Option<Arc<Live>>) -> State {
    let summary = recorded::summary(app, live_id).await;
    let running = live.as_ref().is_some_and(|live| live.is_running());
    let frame = serde_json::json!({"type": "live", "live": {
        "state": if running { "live" } else { "ended" },
        "revision": summary.revision,
        "saved_ms": summary.saved_ms,
        "viewers": app.viewers.count(live_id),
    }});
    State { live, frame: frame.to_string().into() }
}
