//! What every door asks before it takes bytes for a live, and says when they come.

use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use axum::http::StatusCode;
use futures_util::{Stream, StreamExt, stream};
use ids::{LiveId, PersonId};
use lives::Live;
use recorder::Recorder;
use tokio::task::spawn_blocking;

use crate::app::App;
use crate::clock::now_ms;
use crate::http::problem::{Problem, storage};
use crate::quota::{Measure, NoRoom, Room};

/// Room for bytes of a live that are about to come.
///
/// # Errors
/// 507 where its author, or all together, would store too much.
pub(crate) async fn room(app: &App, live: &Live, bytes: u64) -> Result<Room, Problem> {
    let author = live.author.id;
    let mut refused = NoRoom::Unmeasured;
    // What was measured long ago may grow too old meanwhile: it is measured once more.
    for _ in 0..3 {
        let before = refused;
        match app.quota.room(author, bytes) {
            Ok(room) => return Ok(room),
            Err(no_room) => refused = no_room,
        }
        if refused != NoRoom::Unmeasured && refused == before {
            break;
        }
        measure(app, author, refused).await?;
    }
    Err(refusal(app, author, refused))
}

/// Refuses a whole file of a length for which there would be no room now.
pub(crate) fn check_length(app: &App, live: &Live, length: u64) -> Result<(), Problem> {
    match app.quota.is_too_much(live.author.id, length) {
        None | Some(NoRoom::Unmeasured) => Ok(()),
        Some(no_room) => Err(refusal(app, live.author.id, no_room)),
    }
}

/// Counts bytes that came for a live.
///
/// # Errors
/// As [`room`].
pub(crate) async fn count(app: &App, live: &Live, bytes: u64) -> Result<(), Problem> {
    room(app, live, bytes).await?.came(bytes);
    Ok(())
}

/// Counts bytes that came, in a room that grows where there is more.
///
/// # Errors
/// As [`room`].
pub(crate) async fn take(app: &App, live: &Live, room: &mut Room, bytes: u64) -> Result<(), Problem> {
    if !room.came(bytes) {
        room.add(self::room(app, live, bytes).await?);
        room.came(bytes);
    }
    Ok(())
}

/// Why the pieces of a body were cut by [`within`]; empty while they were not.
#[derive(Clone, Default)]
pub(crate) struct Cut(Arc<OnceLock<Problem>>);

impl Cut {
    /// The refusal, if there was one.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        self.0.get().cloned().map_or(Ok(()), Err)
    }
}

/// The pieces of a body, each counted as it comes: they end in an error where there is no room for the next, and `cut` knows why.
pub(crate) fn within<E>(
    app: &App,
    live: &Arc<Live>,
    room: Room,
    cut: &Cut,
    pieces: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
) -> impl Stream<Item = Result<Bytes, axum::Error>> + Send + 'static
where
    E: Into<axum::BoxError> + Send + 'static,
{
    let begun = (app.clone(), Arc::clone(live), room, cut.clone(), Box::pin(pieces));
    stream::unfold(Some(begun), |state| async move {
        let (app, live, mut room, cut, mut pieces) = state?;
        let piece = match pieces.next().await? {
            Ok(piece) => piece,
            Err(error) => return Some((Err(axum::Error::new(error)), None)),
        };
        let bytes = piece.len() as u64;
        if let Err(problem) = take(&app, &live, &mut room, bytes).await {
            let _ = cut.0.set(problem);
            return Some((Err(axum::Error::new("there is no room for it")), None));
        }
        Some((Ok(piece), Some((app, live, room, cut, pieces))))
    })
}

/// Measures what is not known, or was in the way.
async fn measure(app: &App, person: PersonId, no_room: NoRoom) -> Result<(), Problem> {
    let (must_measure_person, must_measure_all) = app.quota.must_measure(person, no_room);
    if must_measure_person {
        let own = app.accounts.person(person).await.ok().and_then(|person| person.quota);
        app.quota.set_own(person, own);
    }
    let lives = if must_measure_person { Some(app.lives.of_author(person).await?) } else { None };
    let recorder = Arc::clone(&app.recorder);
    let measuring = spawn_blocking(move || {
        let sum =
            |lives: Vec<LiveId>| lives.into_iter().map(|id| recorder.stored(id.0)).sum::<Result<u64, _>>();
        let person = lives.map(sum).transpose()?;
        let all = must_measure_all.then(|| Recorder::stored_in_all(&recorder)).transpose()?;
        Ok::<_, recorder::Error>(Measure { person, all, left: recorder.left()? })
    });
    let measure = measuring.await.map_err(|_| Problem::of(StatusCode::INTERNAL_SERVER_ERROR))?;
    app.quota.measured(person, measure.map_err(|error| storage(&error))?);
    Ok(())
}

/// 507: there is no room.
fn refusal(app: &App, author: PersonId, no_room: NoRoom) -> Problem {
    let full =
        |french: String, english: String| Problem::new(StatusCode::INSUFFICIENT_STORAGE, french, english);
    let limits = app.quota.limits();
    match no_room {
        NoRoom::Unmeasured => Problem::of(StatusCode::SERVICE_UNAVAILABLE).retry_after(1),
        NoRoom::Person => {
            let limit = app.quota.limit(author);
            full(
                format!("Vos lives atteignent la limite de {limit} octets ; supprimez-en pour en enregistrer d'autres."),
                format!("Your lives reach the limit of {limit} bytes; delete some to record others."),
            )
        }
        NoRoom::All => {
            let limit = limits.all.unwrap_or_default();
            full(
                format!("Les lives de ce serveur atteignent ensemble la limite de {limit} octets. Rien de ce qui est enregistré n'est perdu."),
                format!("The lives of this server together reach the limit of {limit} bytes. Nothing recorded is lost."),
            )
        }
        NoRoom::Little => full(
            "Il reste peu de place sur ce serveur, et vos lives en prennent plus que cela : supprimez-en, ou réessayez plus tard. \
             Rien de ce qui est enregistré n'est perdu."
                .to_owned(),
            "Little room is left on this server, and your lives take more than that: delete some, or try again later. Nothing \
             recorded is lost."
                .to_owned(),
        ),
    }
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
