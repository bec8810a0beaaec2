//! People: sign-up, sign-in, tokens, roles.
//!
//! * A password is kept as argon2id; hashing runs on blocking threads, a few at once.
//! * An access token is a short-lived signed JWT that names a person and nothing else: roles are read from the
//!   table, so taking one away works at once.
//! * A refresh token is random, kept hashed, and good for one use ([`Accounts::refresh`]).
//! * Tokens of other issuers ([`Issuer`]) are accepted as they are; a person is made at first sight.
//!
//! Times are arguments, in milliseconds of Unix time.

mod access;
mod attempts;
mod cache;
mod error;
mod issuer;
mod jwks;
mod keys;
mod password;
mod people;
mod refresh;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use database::{Database, Migration, MigrationSet};

pub use error::Error;
pub use issuer::{Issuer, IssuerKey};
pub use keys::SigningKey;
pub use people::{Change, NewPerson, Person, Role};

/// The tables of this crate.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    name: "accounts",
    migrations: &[Migration {
        number: 1,
        name: "people",
        sql: include_str!("../migrations/001_people.sql"),
        then: None,
    }],
};

/// How long tokens live and how many wrong passwords are let through.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Life of an access token.
    pub access_life: Duration,
    /// Life of a refresh token that nobody uses.
    pub refresh_life: Duration,
    /// Wrong passwords a minute for one e-mail address from one network address; then 429.
    pub wrong_passwords_per_minute: u32,
    /// Whose tokens are accepted beside our own.
    pub issuers: Vec<Issuer>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            access_life: Duration::from_secs(15 * 60),
            refresh_life: Duration::from_secs(30 * 24 * 3600),
            wrong_passwords_per_minute: 10,
            issuers: Vec::new(),
        }
    }
}

/// What somebody holds after signing in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// Goes with each request, as a bearer.
    pub access: String,
    /// Exchanged once for the next pair.
    pub refresh: String,
}

/// The people of this server; clones share everything.
#[derive(Clone)]
pub struct Accounts {
    inner: Arc<Inner>,
}

struct Inner {
    database: Database,
    access: access::AccessTokens,
    refresh: refresh::RefreshTokens,
    passwords: password::Passwords,
    attempts: attempts::Attempts,
    issuers: issuer::Issuers,
    cache: cache::Cache,
}

impl Accounts {
    /// People kept in `database` (whose migrations include [`MIGRATIONS`]), tokens signed with `key`.
    #[must_use]
    pub fn new(database: Database, key: &SigningKey, settings: Settings) -> Self {
        let inner = Inner {
            database,
            access: access::AccessTokens::new(&key.derive("access token"), settings.access_life),
            refresh: refresh::RefreshTokens::new(key.derive("refresh token"), settings.refresh_life),
            passwords: password::Passwords::new(),
            attempts: attempts::Attempts::new(settings.wrong_passwords_per_minute),
            issuers: issuer::Issuers::new(settings.issuers),
            cache: cache::Cache::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Signs somebody up and in.
    ///
    /// # Errors
    /// The e-mail address is taken or is none, the password is too short, a name too long.
    pub async fn register(&self, new: NewPerson, now_ms: i64) -> Result<(Person, Tokens), Error> {
        let person = self.add(new, &[], now_ms).await?;
        let tokens = self.sign_in(person.id, now_ms).await?;
        Ok((person, tokens))
    }

    /// Adds a person with roles, without signing in.
    ///
    /// # Errors
    /// As [`Accounts::register`].
    pub async fn add(&self, new: NewPerson, roles: &[Role], now_ms: i64) -> Result<Person, Error> {
        let new = new.checked()?;
        let password = self.inner.passwords.hash(new.password.clone()).await?;
        let roles = roles.to_vec();
        self.inner.database.write(move |c| people::insert(c, &new, &password, &roles, now_ms)).await
    }

    /// Signs somebody in by e-mail address and password. `address` is where the request comes from.
    ///
    /// # Errors
    /// [`Error::WrongPassword`], also when nobody has that address; [`Error::TooManyTries`].
    pub async fn login(
        &self,
        email: &str,
        password: String,
        address: IpAddr,
        now_ms: i64,
    ) -> Result<(Person, Tokens), Error> {
        let email = people::normalised(email);
        let attempt = self.inner.attempts.begin(address, &email, Instant::now())?;
        let found = self.inner.database.read(move |c| people::credentials(c, &email)).await?;
        let (id, kept) = found.map_or((None, None), |(id, kept)| (Some(id), kept));
        let right = self.inner.passwords.verify(password, kept).await?;
        let Some(id) = id.filter(|_| right) else {
            return Err(Error::WrongPassword);
        };
        attempt.succeeded();
        let person = self.person(id).await?;
        let tokens = self.sign_in(id, now_ms).await?;
        Ok((person, tokens))
    }

    /// Exchanges a refresh token for the next pair. The same token again within 60 s gets the same answer (its
    /// first answer may have been lost on the way); later it is taken for stolen, and every token of that
    /// sign-in ends.
    ///
    /// # Errors
    /// [`Error::InvalidToken`].
    pub async fn refresh(&self, token: &str, now_ms: i64) -> Result<Tokens, Error> {
        let rotation = self.inner.refresh.rotation(token, now_ms);
        let (person, issued_ms, refresh) = self.inner.database.write(move |c| rotation.run(c)).await??;
        Ok(Tokens { access: self.inner.access.make(person, issued_ms)?, refresh })
    }

    /// Ends a sign-in: its refresh tokens are worth nothing from now on. An unknown token is no error.
    ///
    /// # Errors
    /// The database failed.
    pub async fn logout(&self, token: &str) -> Result<(), Error> {
        let hash = refresh::hash(token);
        self.inner.database.write(move |c| refresh::revoke(c, &hash)).await
    }

    /// Who holds this access token, ours or another issuer's.
    ///
    /// # Errors
    /// [`Error::InvalidToken`], [`Error::ExpiredToken`].
    pub async fn authenticate(&self, token: &str, now_ms: i64) -> Result<Arc<Person>, Error> {
        let id = match self.inner.access.check(token, now_ms) {
            Ok(id) => id,
            Err(Error::InvalidToken) if !self.inner.issuers.is_empty() => {
                let identity = self.inner.issuers.check(token, now_ms).await?;
                self.person_of(identity, now_ms).await?
            }
            Err(error) => return Err(error),
        };
        self.cached(id).await
    }

    /// One person.
    ///
    /// # Errors
    /// [`Error::NoSuchPerson`].
    pub async fn person(&self, id: i64) -> Result<Person, Error> {
        self.inner.database.read(move |c| people::get(c, id)).await
    }

    /// Changes somebody's profile.
    ///
    /// # Errors
    /// A name too long, a picture that is no address.
    pub async fn change(&self, id: i64, change: Change) -> Result<Person, Error> {
        let change = change.checked()?;
        let person = self.inner.database.write(move |c| people::change(c, id, &change)).await;
        self.inner.cache.forget(id);
        person
    }

    /// Gives a role to somebody, or takes it away.
    ///
    /// # Errors
    /// [`Error::NoSuchPerson`].
    pub async fn set_role(&self, email: &str, role: Role, given: bool) -> Result<Person, Error> {
        let email = people::normalised(email);
        let person = self.inner.database.write(move |c| people::set_role(c, &email, role, given)).await?;
        self.inner.cache.forget(person.id);
        Ok(person)
    }

    async fn sign_in(&self, person: i64, now_ms: i64) -> Result<Tokens, Error> {
        let access = self.inner.access.make(person, now_ms)?;
        let beginning = self.inner.refresh.beginning(person, now_ms);
        let refresh = self.inner.database.write(move |c| beginning.run(c)).await?;
        Ok(Tokens { access, refresh })
    }

    async fn cached(&self, id: i64) -> Result<Arc<Person>, Error> {
        if let Some(person) = self.inner.cache.get(id, Instant::now()) {
            return Ok(person);
        }
        let person = match self.person(id).await {
            Err(Error::NoSuchPerson) => return Err(Error::InvalidToken),
            other => Arc::new(other?),
        };
        self.inner.cache.put(Arc::clone(&person), Instant::now());
        Ok(person)
    }

    /// The person behind an outside identity, made at first sight.
    async fn person_of(&self, identity: issuer::Identity, now_ms: i64) -> Result<i64, Error> {
        if let Some(id) = self.inner.cache.person_of(&identity.key()) {
            return Ok(id);
        }
        let key = identity.key();
        let (issuer, subject) = key.clone();
        let known = self.inner.database.read(move |c| people::by_identity(c, &issuer, &subject)).await?;
        let id = match known {
            Some(id) => id,
            None => self.inner.database.write(move |c| people::insert_identity(c, &identity, now_ms)).await?,
        };
        self.inner.cache.remember(key, id);
        Ok(id)
    }
}
