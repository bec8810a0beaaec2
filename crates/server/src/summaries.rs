//! Keeps what lists show of recordings, and how many have watched, in the rows of their lives.
//!
//! A row is written at most once a second while its live grows, and when it stops. It may therefore be a second behind
//! after a crash; whoever opens the recording next has it looked at again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ids::LiveId;
use lives::{Lives, Recorded};
use tokio_util::sync::CancellationToken;

use crate::presence::Viewers;
use crate::recorded::Recordings;

/// How often rows are brought up to date.
const EVERY: Duration = Duration::from_secs(1);
/// Lives whose rows are known; when there are more, all are looked at anew, which writes what they hold already.
const KNOWN: usize = 4_096;

/// The rows, and what they hold as far as it is known.
pub(crate) struct Summaries {
    recordings: Recordings,
    lives: Lives,
    viewers: Viewers,
    kept: Mutex<HashMap<LiveId, Recorded>>,
}

impl Summaries {
    pub(crate) fn new(recordings: Recordings, lives: Lives, viewers: Viewers) -> Self {
        Self { recordings, lives, viewers, kept: Mutex::default() }
    }

    /// Counts those who have watched for long enough. Those of a moment in which the rows cannot be written are not counted:
    /// nothing was promised to them.
    async fn count_viewers(&self) {
        let watched = self.viewers.take_watched();
        if watched.is_empty() {
            return;
        }
        if let Err(error) = self.lives.keep_viewers(watched).await {
            tracing::warn!(%error, "those who watched could not be counted");
        }
    }

    /// Brings the row of this live up to date before it returns.
    pub(crate) async fn keep_now(&self, live: LiveId) {
        self.bring_up([live]).await;
    }

    async fn bring_up(&self, lives: impl IntoIterator<Item = LiveId>) {
        let mut behind = Vec::new();
        for live in lives {
            let Some(recorded) = self.recordings.now(live).await else { continue };
            if self.lock().get(&live) != Some(&recorded) {
                behind.push((live, recorded));
            }
        }
        if behind.is_empty() {
            return;
        }
        if let Err(error) = self.lives.keep_recorded(behind.clone()).await {
            tracing::warn!(%error, "what lists show could not be kept");
            behind.iter().for_each(|(live, _)| self.recordings.touch(*live));
            return;
        }
        let mut kept = self.lock();
        if kept.len() >= KNOWN {
            kept.clear();
        }
        kept.extend(behind);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<LiveId, Recorded>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Brings rows up to date until the server leaves, and once more then.
pub(crate) async fn keep(summaries: Arc<Summaries>, leaving: CancellationToken) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let last = tokio::select! {
            () = leaving.cancelled() => true,
            _ = ticks.tick() => false,
        };
        summaries.bring_up(summaries.recordings.touched()).await;
        summaries.count_viewers().await;
        if last {
            return;
        }
    }
}
