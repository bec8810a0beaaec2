use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};

use crate::Error;
use crate::turns::{Asking, Turns};

/// Hashes and checks passwords with argon2id (RFC 9106; 19 MiB, two passes), as many at once as there are
/// processors: each costs tens of milliseconds of one of them.
pub(crate) struct Passwords(Turns);

impl Passwords {
    pub(crate) fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(2, usize::from);
        Self(Turns::new(processors))
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
        let turn = self.0.take(asking).await?;
        let working = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        working.await.map_err(internal)
    }
}

fn make(password: &str) -> Result<String, Error> {
    let hash: PasswordHash = Argon2::default().hash_password(password.as_bytes()).map_err(internal)?;
    Ok(hash.to_string())
}

fn internal(error: impl std::fmt::Display) -> Error {
    Error::Internal(error.to_string())
}
