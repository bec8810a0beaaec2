//! Keeps what lists show of recordings in the rows of their lives.
//!
//! A row is written at most once a second while its live grows, and when it stops. It may therefore be a second behind
//! after a crash; whoever opens the recording next has it looked at again.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ids::LiveId;
use lives::Recorded;

use crate::app::App;
use crate::recorded;

/// How often rows are brought up to date.
const EVERY: Duration = Duration::from_secs(1);
/// Lives whose rows are known; when there are more, all are looked at anew, which writes what they hold already.
const KNOWN: usize = 4_096;

/// Which rows may be behind, and what the others hold.
#[derive(Default)]
pub(crate) struct Summaries {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// As many as lives were looked at within a second.
    touched: HashSet<LiveId>,
    kept: HashMap<LiveId, Recorded>,
}

impl Summaries {
    /// This recording was opened, or grew: its row is looked at soon.
    pub(crate) fn touch(&self, live: LiveId) {
        self.lock().touched.insert(live);
    }

    /// Brings the row of this live up to date before it returns.
    pub(crate) async fn keep_now(&self, app: &App, live: LiveId) {
        self.bring_up(app, [live]).await;
    }

    async fn bring_up(&self, app: &App, lives: impl IntoIterator<Item = LiveId>) {
        let mut behind = Vec::new();
        for live in lives {
            let Some((recorded, _)) = recorded::now(app, live).await else { continue };
            if self.lock().kept.get(&live) != Some(&recorded) {
                behind.push((live, recorded));
            }
        }
        if behind.is_empty() {
            return;
        }
        if let Err(error) = app.lives.keep_recorded(behind.clone()).await {
            tracing::warn!(%error, "what lists show could not be kept");
            self.lock().touched.extend(behind.into_iter().map(|(live, _)| live));
            return;
        }
        let mut inner = self.lock();
        if inner.kept.len() >= KNOWN {
            inner.kept.clear();
        }
        inner.kept.extend(behind);
    }

    fn take(&self) -> HashSet<LiveId> {
        std::mem::take(&mut self.lock().touched)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Brings rows up to date until the server leaves, and once more then.
pub(crate) async fn keep(app: App) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let leaving = tokio::select! {
            () = app.leaving.cancelled() => true,
            _ = ticks.tick() => false,
        };
        app.summaries.bring_up(&app, app.summaries.take()).await;
        if leaving {
            return;
        }
    }
}
