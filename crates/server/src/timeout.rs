use std::time::{Duration, Instant};

use crate::app::App;
use crate::audit::Act;
use crate::clock::now_ms;

/// Ends abandoned lives, until the server leaves.
pub(crate) async fn watch(app: App) {
    let mut changes = app.settings.changes();
    loop {
        let patience = app.settings.now().patience;
        let often = (patience / 8).clamp(Duration::from_millis(50), Duration::from_secs(5));
        tokio::select! {
            () = app.leaving.cancelled() => return,
            () = tokio::time::sleep(often) => {}
            _ = changes.changed() => continue,
        }
        match app.lifecycle.end_abandoned(Instant::now(), now_ms(), patience).await {
            Ok(ended) => {
                for live in ended {
                    tracing::info!(%live, "ended: nothing came for longer than the patience");
                }
            }
            Err(error) => tracing::warn!(%error, "could not end abandoned lives"),
        }
    }
}

/// How often frames are looked for whose successors do not come.
const LETTING_GO: Duration = Duration::from_millis(500);

/// Lets the last frames of silent uploads become part of their recordings, until the server leaves.
pub(crate) async fn let_frames_go(app: App) {
    let mut ticks = tokio::time::interval(LETTING_GO);
    loop {
        tokio::select! {
            () = app.leaving.cancelled() => return,
            _ = ticks.tick() => app.uploads.tick().await,
        }
    }
}

/// Removes what uploads of an earlier run left staged, though it was read.
pub(crate) async fn let_staged_go(app: App) {
    if let Err(error) = app.uploads.let_staged_go().await {
        tracing::warn!(%error, "could not remove staged files that were read");
    }
}

/// Ends files that are read only when they are whole and to which nothing comes any more, at the start and each hour, until the
/// server leaves: what can be read of them becomes part of their lives, the rest is kept unread.
pub(crate) async fn end_silent_files(app: App) {
    let patience_ms = i64::try_from(app.config.staged.as_millis()).unwrap_or(i64::MAX);
    let mut ticks = tokio::time::interval(OLD_LIVES);
    loop {
        tokio::select! {
            () = app.leaving.cancelled() => return,
            _ = ticks.tick() => {}
        }
        match app.uploads.end_silent(now_ms().plus_ms(patience_ms.saturating_neg()).0).await {
            Ok(lives) => {
                for live in lives {
                    tracing::info!(live, "a file was ended to which nothing came any more");
                    app.recordings.touch(ids::LiveId(live));
                }
            }
            Err(error) => tracing::warn!(%error, "could not end silent files"),
        }
    }
}

/// How often lives are looked for that are kept no longer.
const OLD_LIVES: Duration = Duration::from_secs(3_600);

/// Deletes lives that are kept no longer, at the start and each hour, until the server leaves.
pub(crate) async fn let_old_lives_go(app: App) {
    let mut changes = app.settings.changes();
    let mut ticks = tokio::time::interval(OLD_LIVES);
    loop {
        tokio::select! {
            () = app.leaving.cancelled() => return,
            _ = ticks.tick() => {}
            _ = changes.changed() => {}
        }
        let kept = app.settings.now().kept;
        let usually_ms = kept.map(|kept| i64::try_from(kept.as_millis()).unwrap_or(i64::MAX));
        loop {
            match app.lifecycle.delete_overdue(usually_ms, now_ms()).await {
                Ok(old) if old.is_empty() => break,
                Ok(old) => {
                    for live in old {
                        tracing::info!(%live, "deleted: it was kept for as long as lives are");
                        let on = std::iter::once(("live".to_owned(), live.0.into())).collect();
                        app.audit.write(&Act { what: "delete-live".into(), on, ..Act::default() });
                        app.listeners.heard(live).await;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "could not delete old lives");
                    break;
                }
            }
        }
    }
}
