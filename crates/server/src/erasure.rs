//! What becomes of people behind the requests: changes of other processes are heard, and those who are to be erased are.

use std::collections::HashMap;
use std::time::Duration;

use accounts::Name;
use ids::PersonId;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::clock::now_ms;
use crate::names;

/// How often other processes' changes of people are looked for.
const LOOK: Duration = Duration::from_millis(500);
/// How long after the first time somebody's words are looked for once more: whoever was still writing has been cut by then.
const ONCE_MORE: Duration = Duration::from_millis(2_500);
/// How long to wait before an erasure that failed is tried again.
const AGAIN: Duration = Duration::from_secs(10);
/// People who are erased at once.
const AT_ONCE: usize = 8;

/// Lets this process forget what it remembers of people whom another one changed (the command line beside the server), hear
/// what that decided of lives, and show new names, until the server leaves. `newest` is the last change that is known.
pub(crate) async fn hear_changes(app: App, newest: i64) {
    let mut newest = newest;
    let mut ticks = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            () = app.leaving.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = app.lifecycle.look().await {
            tracing::warn!(%error, "what others decided of lives cannot be read");
        }
        match app.accounts.changes(newest).await {
            Ok(changes) => {
                for (number, person) in changes {
                    newest = number;
                    show(&app, person).await;
                }
            }
            Err(error) => tracing::warn!(%error, "changes of people cannot be read"),
        }
    }
}

async fn show(app: &App, person: PersonId) {
    app.accounts.forget(person).await;
    if let Ok(person) = app.accounts.person(person).await {
        app.quota.set_own(person.id, person.quota);
        app.chat.renamed(&names::author(&Name::from(&person)));
    }
}

/// Erases those who are to be erased, also those whom an earlier process did not finish, until the server leaves.
pub(crate) async fn erase(app: App) {
    let mut at_work: HashMap<PersonId, JoinHandle<()>> = HashMap::new();
    let mut ticks = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            () = app.leaving.cancelled() => return,
            () = app.erasing.begun() => {}
            _ = ticks.tick() => {}
        }
        at_work.retain(|_, task| !task.is_finished());
        match app.accounts.to_erase().await {
            Ok(people) => {
                for person in people {
                    if at_work.len() < AT_ONCE && !at_work.contains_key(&person) {
                        at_work.insert(person, app.tasks.spawn(erase_one(app.clone(), person)));
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "it cannot be read who is to be erased"),
        }
    }
}

/// Erases somebody, as far as it goes: what is left is in the rows, and goes next time.
async fn erase_one(app: App, person: PersonId) {
    let leaving = app.leaving.clone();
    let erased = async {
        match erase_all(&app, person).await {
            Ok(()) => tracing::info!(%person, "erased"),
            Err(error) => {
                tracing::error!(%person, error, "somebody could not be erased yet");
                tokio::time::sleep(AGAIN).await;
            }
        }
    };
    tokio::select! {
        () = leaving.cancelled() => {}
        () = erased => {}
    }
}

async fn erase_all(app: &App, person: PersonId) -> Result<(), String> {
    erase_lives(app, person).await?;
    app.chat.erase(person).await.map_err(said)?;
    app.engines.forget_deleted().await.map_err(said)?;
    tokio::time::sleep(ONCE_MORE).await;
    if app.chat.erase(person).await.map_err(said)? {
        app.engines.forget_deleted().await.map_err(said)?;
    }
    app.accounts.erase(person).await.map_err(said)
}

async fn erase_lives(app: &App, person: PersonId) -> Result<(), String> {
    let lives = app.lives.of_author(person).await.map_err(said)?;
    for live in &lives {
        match app.lifecycle.begin_deletion(*live, now_ms()).await {
            Ok(()) | Err(lives::Error::NoSuchLive) => {}
            Err(error) => return Err(said(error)),
        }
    }
    for live in &lives {
        app.listeners.heard(*live).await;
    }
    let left = app.lives.of_author(person).await.map_err(said)?;
    if left.is_empty() { Ok(()) } else { Err(format!("{} lives could not be deleted", left.len())) }
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}
