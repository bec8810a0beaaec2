//! What every door asks before it takes bytes for a live, and says when they come.

use std::sync::Arc;

use axum::http::StatusCode;
use lives::Live;
use tokio::task::spawn_blocking;

use crate::app::App;
use crate::clock::now_ms;
use crate::http::problem::{Problem, storage};

/// Refuses more of a person whose lives take all that one person may store, or would with the bytes announced.
pub(crate) async fn check_quota(app: &App, live: &Live, announced: u64) -> Result<(), Problem> {
    let author = live.author.id;
    if app.quota.admit(author, announced) {
        return Ok(());
    }
    let own = app.accounts.person(author).await.ok().and_then(|person| person.quota);
    let lives = app.lives.of_author(author).await?;
    let recorder = Arc::clone(&app.recorder);
    let adding =
        spawn_blocking(move || lives.into_iter().map(|id| recorder.stored(id.0)).sum::<Result<u64, _>>());
    let stored = adding.await.map_err(|_| Problem::of(StatusCode::INTERNAL_SERVER_ERROR))?;
    let stored = stored.map_err(|error| storage(&error))?;
    app.quota.measured(author, stored, own.unwrap_or(app.quota.usual()));
    if app.quota.admit(author, announced) {
        return Ok(());
    }
    Err(over_quota(app.quota.limit(author)))
}

/// 507: the lives of a person take all that one person may store.
pub(crate) fn over_quota(limit: u64) -> Problem {
    Problem::new(
        StatusCode::INSUFFICIENT_STORAGE,
        format!(
            "Vos lives atteignent la limite de {limit} octets ; supprimez-en pour en enregistrer d'autres."
        ),
        format!("Your lives reach the limit of {limit} bytes; delete some to record others."),
    )
}

/// Bytes come for a live: it is not abandoned, and runs again if it was thought so.
pub(crate) async fn hear(app: &App, live: &Live) {
    app.recordings.touch(live.id);
    match app.lifecycle.bytes_came(live.id, now_ms()).await {
        // Its tails are open again before the first of these bytes is shown.
        Ok(true) => app.listeners.heard(live.id).await,
        Ok(false) => {}
        Err(error) => tracing::warn!(live = %live.id, %error, "a live could not be told that bytes came"),
    }
}
