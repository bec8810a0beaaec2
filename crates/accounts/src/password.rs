use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

use crate::Error;

/// Passwords that may wait for their turn; more are refused as [`Error::Overloaded`].
const WAITING: usize = 1_024;

/// Hashes and checks passwords with argon2id (RFC 9106; 19 MiB, two passes), as many at once as there are
/// processors: each costs tens of milliseconds of one of them.
pub(crate) struct Passwords {
    turn: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Passwords {
    pub(crate) fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(2, usize::from);
        Self { turn: Arc::new(Semaphore::new(processors)), waiting: AtomicUsize::new(0) }
    }

    pub(crate) async fn hash(&self, password: String) -> Result<String, Error> {
        self.in_turn(move || make(&password)).await?
    }

    /// Whether `password` is the one whose hash is `kept`. Without a hash the work is done all the same, so that
    /// the time taken does not tell whether an address is known.
    pub(crate) async fn verify(&self, password: String, kept: Option<String>) -> Result<bool, Error> {
        self.in_turn(move || {
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
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let _waiting = Waiting::enter(&self.waiting)?;
        let turn = Arc::clone(&self.turn).acquire_owned().await.map_err(internal)?;
        let working = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        working.await.map_err(internal)
    }
}

struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize) -> Result<Self, Error> {
        let waiting = Self(count);
        if count.fetch_add(1, Ordering::Relaxed) >= WAITING { Err(Error::Overloaded) } else { Ok(waiting) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn make(password: &str) -> Result<String, Error> {
    let hash: PasswordHash = Argon2::default().hash_password(password.as_bytes()).map_err(internal)?;
    Ok(hash.to_string())
}

fn internal(error: impl std::fmt::Display) -> Error {
    Error::Internal(error.to_string())
}
