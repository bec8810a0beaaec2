use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use tokio::sync::oneshot;

use crate::Error;
use crate::turns::{Asking, Turns};

/// Hashes and checks passwords with argon2id (RFC 9106; 19 MiB, two passes), as many at once as there are
/// processors: each costs tens of milliseconds of one of them.
///
/// By threads of its own: what one hash needed of memory its thread keeps for the next. On the hundreds that the runtime has
/// for whatever blocks, a flood of sign-ins would leave a gigabyte behind.
pub(crate) struct Passwords {
    turns: Turns,
    work: mpsc::Sender<Work>,
}

type Work = Box<dyn FnOnce() + Send>;

impl Passwords {
    pub(crate) fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(2, usize::from);
        let (work, given) = mpsc::channel::<Work>();
        let given = Arc::new(Mutex::new(given));
        for _ in 0..processors {
            let given = Arc::clone(&given);
            std::thread::spawn(move || {
                loop {
                    let next = given.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    // They end with whoever gives them work.
                    let Ok(work) = next else { return };
                    let _ = catch_unwind(AssertUnwindSafe(work));
                }
            });
        }
        Self { turns: Turns::new(processors), work }
    }

    pub(crate) async fn hash(&self, password: String, asking: Asking) -> Result<String, Error> {
        self.in_turn(asking, move || make(&password)).await?
    }

    /// Whether `password` is the one whose hash is `kept`. Without a hash the work is done all the same, so that
    /// the time taken does not tell whether an address is known.
    pub(crate) async fn verify(
        &self,
        password: String,
        kept: Option<String>,
        asking: Asking,
    ) -> Result<bool, Error> {
        self.in_turn(asking, move || {
            let Some(kept) = kept else {
                return make(&password).map(|_| false);
            };
            let kept = PasswordHash::new(&kept).map_err(internal)?;
            Ok(Argon2::default().verify_password(password.as_bytes(), &kept).is_ok())
        })
        .await?
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        asking: Asking,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let turn = self.turns.take(asking).await?;
        let (tell, told) = oneshot::channel();
        let work = Box::new(move || {
            let done = work();
            drop(turn);
            let _ = tell.send(done);
        });
        self.work.send(work).map_err(internal)?;
        told.await.map_err(internal)
    }
}

fn make(password: &str) -> Result<String, Error> {
    let hash: PasswordHash = Argon2::default().hash_password(password.as_bytes()).map_err(internal)?;
    Ok(hash.to_string())
}

fn internal(error: impl std::fmt::Display) -> Error {
    Error::Internal(error.to_string())
}
