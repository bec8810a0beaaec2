//! How a live stands, told to all who watch it: worked out once a second for a live, however many watch.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use ids::LiveId;
use lives::{Live, Lives};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use wire::frames::{LiveUpdate, ServerFrame};
use wire::timeline::LiveState;

use super::answers::state;
use crate::presence::Viewers;
use crate::recorded::Recordings;

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

/// From what it is worked out.
#[derive(Clone)]
pub(crate) struct Sources {
    pub(crate) lives: Lives,
    pub(crate) recordings: Recordings,
    pub(crate) viewers: Viewers,
    pub(crate) leaving: CancellationToken,
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
    pub(super) async fn follow(&self, sources: &Sources, live: &Arc<Live>) -> watch::Receiver<State> {
        if let Some(kept) = self.lock().get(&live.id) {
            return kept.state.subscribe();
        }
        let first = sources.state(live.id, Some(Arc::clone(live))).await;
        let mut states = self.lock();
        if let Some(kept) = states.get(&live.id) {
            return kept.state.subscribe();
        }
        let (sender, receiver) = watch::channel(first);
        let decided = Arc::new(Notify::new());
        states.insert(live.id, Followed { state: sender.clone(), decided: Arc::clone(&decided) });
        drop(states);
        tokio::spawn(work_out(sources.clone(), self.clone(), live.id, sender, decided));
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
    sources: Sources,
    states: States,
    live_id: LiveId,
    sender: watch::Sender<State>,
    decided: Arc<Notify>,
) {
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            () = sources.leaving.cancelled() => return,
            _ = ticks.tick() => {}
            () = decided.notified() => {}
        }
        if states.let_go(live_id, &sender) {
            return;
        }
        let live = match sources.lives.get(live_id).await {
            Ok(live) => Some(live),
            Err(lives::Error::NoSuchLive) => None,
            Err(_) => continue,
        };
        let now = sources.state(live_id, live).await;
        sender.send_if_modified(|kept| {
            let changed = *kept != now;
            *kept = now;
            changed
        });
    }
}

impl Sources {
    async fn state(&self, live_id: LiveId, live: Option<Arc<Live>>) -> State {
        let summary = self.recordings.summary(live_id).await;
        let update = LiveUpdate {
            state: live.as_deref().map_or(LiveState::Ended, state),
            revision: summary.revision,
            saved_ms: summary.saved_ms,
            viewers: self.viewers.count(live_id) as u64,
        };
        // Strings and numbers are always written.
        let frame = serde_json::to_string(&ServerFrame::Live { live: update }).unwrap_or_default();
        State { live, frame: frame.into() }
    }
}
