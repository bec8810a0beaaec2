//! People: sign-up, sign-in, tokens, roles.
//!
//! * A password is kept as argon2id; hashing runs on blocking threads, a few at once.
//! * An access token is a short-lived signed JWT that names a person and nothing else: roles are read from the
//!   table, so taking one away works at once.
//! * A refresh token is random, kept hashed, and good for one use ([`Accounts::refresh`]).
//! * Tokens of other issuers ([`Issuer`]) are accepted as they are; a person is made at first sight.
//!
//! What is kept of them is kept by a [`Store`]: a trait, with an engine in a module of its own. The rules (what is a name,
//! when a refresh token is good) are here and the same for every engine. Times are arguments.

mod access;
mod administration;
mod attempts;
mod error;
mod guessable;
mod introduced;
mod issuer;
mod jwks;
mod keys;
mod names;
mod network;
mod one_time;
mod password;
mod people;
mod refresh;
mod registration;
pub mod store;
mod turns;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use ids::{PersonId, SignInId, UnixMs};
use storage::Rows;

pub use administration::{Invitation, OneTime};
pub use error::Error;
pub use issuer::{Issuer, IssuerKey};
pub use keys::SigningKey;
use network::Network;
pub use people::{Change, Name, NewPerson, Person, Role};
pub use registration::Registration;
pub use store::{Disabled, MIGRATIONS, Sqlite, Store, Wanted};
use store::{NewRow, NewSignIn, TokenHash, Verdict};
use turns::Asking;

/// How long a person and whether a sign-in holds are remembered: what another process changes is felt this late.
const PERSON_FRESH: Duration = Duration::from_secs(1);
/// People remembered at once.
const PEOPLE: u64 = 16_384;
/// How long a name is remembered. One that is changed here is seen at once.
const NAME_FRESH: Duration = Duration::from_secs(60);
/// Names remembered at once, and identities.
const NAMES: u64 = 65_536;
/// How long it is remembered who an outside identity is here, which does not change.
const IDENTITY_FRESH: Duration = Duration::from_secs(3_600);

/// How long tokens live and how many wrong passwords are let through.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Life of an access token.
    pub access_life: Duration,
    /// Life of a refresh token that nobody uses.
    pub refresh_life: Duration,
    /// Wrong passwords a minute for one account from one network; three times as many for one from all networks that it was
    /// never signed in from, twenty times as many from one network. Then [`Error::TooManyTries`].
    pub wrong_passwords_per_minute: u32,
    /// Who may sign up.
    pub registration: Registration,
    /// Registrations an hour from one network.
    pub registrations_per_hour: u32,
    /// Links to a new password that may be asked for an hour from one network.
    pub password_links_per_hour: u32,
    /// Whose tokens are accepted beside our own.
    pub issuers: Vec<Issuer>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            access_life: Duration::from_secs(60 * 60),
            refresh_life: Duration::from_secs(30 * 24 * 3600),
            wrong_passwords_per_minute: 10,
            registration: Registration::Open,
            registrations_per_hour: 1_000,
            password_links_per_hour: 100,
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
    store: Arc<dyn Store>,
    access: access::AccessTokens,
    refresh: refresh::RefreshTokens,
    passwords: password::Passwords,
    attempts: attempts::Attempts,
    registration: RwLock<Registration>,
    registrations: attempts::Hourly<Network>,
    /// Links to a new password that are asked for from one network, and made for one person.
    links_asked: attempts::Hourly<Network>,
    links_made: attempts::Hourly<PersonId>,
    /// What networks are hashed with.
    networks: [u8; 32],
    issuers: issuer::Issuers,
    people: Rows<PersonId, Arc<Person>>,
    sign_ins: Rows<SignInId, bool>,
    names: Rows<PersonId, Arc<Name>>,
    identities: Rows<(String, String), PersonId>,
}

impl Accounts {
    /// People kept in `store`, tokens signed with `key`.
    #[must_use]
    pub fn new(store: impl Store, key: &SigningKey, settings: Settings) -> Self {
        let inner = Inner {
            store: Arc::new(store),
            access: access::AccessTokens::new(&key.derive("access token"), settings.access_life),
            refresh: refresh::RefreshTokens::new(key.derive("refresh token"), settings.refresh_life),
            passwords: password::Passwords::new(),
            attempts: attempts::Attempts::new(settings.wrong_passwords_per_minute),
            registration: RwLock::new(settings.registration),
            registrations: attempts::Hourly::new(settings.registrations_per_hour),
            links_asked: attempts::Hourly::new(settings.password_links_per_hour),
            links_made: attempts::Hourly::new(one_time::MADE_AN_HOUR),
            networks: key.derive("network"),
            issuers: issuer::Issuers::new(settings.issuers),
            people: Rows::new(PEOPLE, PERSON_FRESH),
            sign_ins: Rows::new(PEOPLE, PERSON_FRESH),
            names: Rows::new(NAMES, NAME_FRESH),
            identities: Rows::new(NAMES, IDENTITY_FRESH),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Who may sign up.
    #[must_use]
    pub fn registration(&self) -> Registration {
        *self.inner.registration.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes who may sign up, wrong passwords, registrations and links from these settings, from now on. What else they say
    /// stays as it was when this was made.
    pub fn set_limits(&self, settings: &Settings) {
        *self.inner.registration.write().unwrap_or_else(PoisonError::into_inner) = settings.registration;
        self.inner.attempts.set(settings.wrong_passwords_per_minute);
        self.inner.registrations.set(settings.registrations_per_hour);
        self.inner.links_asked.set(settings.password_links_per_hour);
    }

    /// Signs somebody up and in. `address` is where the request comes from; `invitation` is asked for where nobody signs up
    /// without, and used up by it.
    ///
    /// # Errors
    /// The e-mail address is taken or is none, the password is too short, a name too long, unseen or a disguise;
    /// [`Error::RegistrationClosed`], [`Error::NoInvitation`], [`Error::TooManyTries`].
    pub async fn register(
        &self,
        new: NewPerson,
        invitation: Option<&str>,
        address: IpAddr,
        now: UnixMs,
    ) -> Result<(Person, Tokens), Error> {
        let invitation = self.invited(invitation, now).await?;
        let new = new.checked()?;
        let network = Network::of(address);
        self.inner.registrations.count(network, Instant::now())?;
        self.no_disguise(None, &new.first_name, &new.last_name).await?;
        let row = NewRow { invitation, ..self.row(new, &[], Asking::Stranger(network), now).await? };
        let person = self.inner.store.add(row).await?;
        let tokens = self.sign_in(person.id, network, now).await?;
        Ok((person, tokens))
    }

    /// Adds a person with roles, without signing in: whoever may do that stands for their address.
    ///
    /// # Errors
    /// As [`Accounts::register`] about what is written.
    pub async fn add(&self, new: NewPerson, roles: &[Role], now: UnixMs) -> Result<Person, Error> {
        let row = self.row(new.checked()?, roles, Asking::Known, now).await?;
        self.inner.store.add(NewRow { verified: true, ..row }).await
    }

    /// Signs somebody in by e-mail address and password. `address` is where the request comes from.
    ///
    /// # Errors
    /// [`Error::WrongPassword`], also when nobody has that address; [`Error::TooManyTries`]; [`Error::Disabled`] to those who
    /// know the password; [`Error::Overloaded`] while too many strangers try.
    pub async fn login(
        &self,
        email: &str,
        password: String,
        address: IpAddr,
        now: UnixMs,
    ) -> Result<(Person, Tokens), Error> {
        let email = people::normalised(email);
        let network = Network::of(address);
        let found = self.inner.store.credentials(email.clone(), self.hash_of(network)).await?;
        let known = found.as_ref().is_some_and(|found| found.known_there);
        let attempt = self.inner.attempts.begin(network, &email, known, Instant::now())?;
        let asking = if known { Asking::Known } else { Asking::Stranger(network) };
        let kept = found.as_ref().and_then(|found| found.password.clone());
        let right = self.inner.passwords.verify(password, kept, asking).await?;
        let Some(found) = found.filter(|_| right) else {
            return Err(Error::WrongPassword);
        };
        attempt.succeeded();
        if found.disabled {
            return Err(Error::Disabled);
        }
        let person = self.person(found.person).await?;
        let tokens = self.sign_in(person.id, network, now).await?;
        Ok((person, tokens))
    }

    /// Exchanges a refresh token for the next pair. The same token again within 60 s gets the same answer (its
    /// first answer may have been lost on the way); later it is taken for stolen, and every token of that
    /// sign-in ends.
    ///
    /// # Errors
    /// [`Error::InvalidToken`].
    pub async fn refresh(&self, token: &str, now: UnixMs) -> Result<Tokens, Error> {
        let next = self.inner.refresh.after(token);
        let life = self.inner.refresh.life();
        let rule = Box::new(move |row| refresh::judge(row, now, life));
        let exchanged = self.inner.store.exchange(refresh::hash(token), refresh::hash(&next), rule).await?;
        match exchanged {
            Some((person, sign_in, Verdict::Repeat { issued } | Verdict::Rotate { issued, .. })) => {
                Ok(Tokens { access: self.inner.access.make(person, sign_in, issued)?, refresh: next })
            }
            Some((_, sign_in, Verdict::Revoke)) => {
                self.inner.sign_ins.forget(&sign_in).await;
                Err(Error::InvalidToken)
            }
            Some((_, _, Verdict::Refuse)) | None => Err(Error::InvalidToken),
        }
    }

    /// Ends the sign-in of a refresh token: its tokens are worth nothing from now on. An unknown token is no error.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn logout(&self, token: &str) -> Result<(), Error> {
        if let Some(ended) = self.inner.store.sign_out(refresh::hash(token)).await? {
            self.inner.sign_ins.forget(&ended).await;
        }
        Ok(())
    }

    /// Ends the sign-in of an access token. Another issuer's token is that issuer's to end, and a worthless one is no error.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn logout_bearer(&self, token: &str, now: UnixMs) -> Result<(), Error> {
        if let Ok(access::Bearer { sign_in: Some(id), .. }) = self.inner.access.check(token, now) {
            self.inner.store.end_sign_in(id).await?;
            self.inner.sign_ins.forget(&id).await;
        }
        Ok(())
    }

    /// Ends every sign-in of somebody.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn logout_all(&self, person: PersonId) -> Result<(), Error> {
        let ended = self.inner.store.end_sign_ins(person).await?;
        self.forget_sign_ins(&ended).await;
        Ok(())
    }

    /// Changes somebody's password, ends all their sign-ins, and signs them in afresh. `address` is where the request comes
    /// from: wrong tries count as those of a sign-in.
    ///
    /// # Errors
    /// [`Error::WrongPassword`], [`Error::TooManyTries`]; [`Error::BadPassword`], [`Error::CommonPassword`] for the new one;
    /// [`Error::NoPassword`].
    pub async fn change_password(
        &self,
        id: PersonId,
        password: String,
        new: String,
        address: IpAddr,
        now: UnixMs,
    ) -> Result<(Person, Tokens), Error> {
        let person = self.person(id).await?;
        let email = person.email.clone().ok_or(Error::NoPassword)?;
        let network = Network::of(address);
        let found = self.inner.store.credentials(email.clone(), self.hash_of(network)).await?;
        let known = found.as_ref().is_some_and(|found| found.known_there);
        let attempt = self.inner.attempts.begin(network, &email, known, Instant::now())?;
        let kept = found.and_then(|found| found.password).ok_or(Error::NoPassword)?;
        if !self.inner.passwords.verify(password, Some(kept), Asking::Known).await? {
            return Err(Error::WrongPassword);
        }
        attempt.succeeded();
        people::check_password(&new, &email, [&person.first_name, &person.last_name])?;
        let hash = self.inner.passwords.hash(new, Asking::Known).await?;
        let (refresh, sign_in) = self.new_sign_in(id, Some(network), now);
        let (begun, ended) = self.inner.store.change_password(hash, sign_in).await?;
        self.forget_sign_ins(&ended).await;
        let tokens = Tokens { access: self.inner.access.make(id, begun, now)?, refresh };
        Ok((person, tokens))
    }

    /// Who holds this access token, ours or another issuer's.
    ///
    /// # Errors
    /// [`Error::InvalidToken`], also where its sign-in has ended; [`Error::ExpiredToken`]; [`Error::Disabled`]. What another
    /// process changed is felt a second later at most. Costs a look into memory while the person is remembered.
    pub async fn authenticate(&self, token: &str, now: UnixMs) -> Result<Arc<Person>, Error> {
        let id = match self.inner.access.check(token, now) {
            Ok(bearer) => self.signed_in(bearer, now).await?,
            Err(Error::InvalidToken) if !self.inner.issuers.is_empty() => {
                let identity = self.inner.issuers.check(token, now).await?;
                self.person_of(introduced::introduced(identity, now)).await?
            }
            Err(error) => return Err(error),
        };
        self.present(id).await.map_err(|error| match error {
            Error::NoSuchPerson => Error::InvalidToken,
            other => other,
        })
    }

    /// Somebody who may come in, as they were a second ago at most: this is asked for every request, and every second for
    /// what goes on.
    ///
    /// # Errors
    /// [`Error::NoSuchPerson`], [`Error::Disabled`].
    pub async fn present(&self, id: PersonId) -> Result<Arc<Person>, Error> {
        let read = || async move { self.person(id).await.map(Arc::new) };
        let person = self.inner.people.get(&id, read).await?;
        if person.disabled.is_some() { Err(Error::Disabled) } else { Ok(person) }
    }

    /// One person.
    ///
    /// # Errors
    /// [`Error::NoSuchPerson`].
    pub async fn person(&self, id: PersonId) -> Result<Person, Error> {
        self.inner.store.person(id).await
    }

    /// The names of those of these people who exist. Remembered: this is asked for every message and live that is shown.
    pub async fn names(&self, ids: Vec<PersonId>) -> Result<HashMap<PersonId, Arc<Name>>, storage::Failure> {
        let read = |missing| async move {
            let names = self.inner.store.names(missing).await?;
            Ok(names.into_iter().map(|name| (name.id, Arc::new(name))).collect())
        };
        self.inner.names.get_all(ids, read).await
    }

    /// Changes somebody's profile.
    ///
    /// # Errors
    /// A name too long, unseen or a disguise, a picture that is no address, an address that is taken.
    pub async fn change(&self, id: PersonId, change: Change) -> Result<Person, Error> {
        let change = change.checked()?;
        if change.first_name.is_some() || change.last_name.is_some() {
            let now = self.person(id).await?;
            let first = change.first_name.as_ref().unwrap_or(&now.first_name);
            let last = change.last_name.as_ref().unwrap_or(&now.last_name);
            self.no_disguise(Some(id), first, last).await?;
        }
        let person = self.inner.store.change(id, change).await;
        self.forget(id).await;
        person
    }

    /// Reads somebody anew when they are next asked for: another process changed them.
    pub async fn forget(&self, id: PersonId) {
        self.inner.people.forget(&id).await;
        self.inner.names.forget(&id).await;
    }

    /// What is kept of somebody who signs up.
    async fn row(
        &self,
        new: NewPerson,
        roles: &[Role],
        asking: Asking,
        now: UnixMs,
    ) -> Result<NewRow, Error> {
        let NewPerson { email, password, first_name, last_name } = new;
        let password = self.inner.passwords.hash(password, asking).await?;
        let roles = roles.to_vec();
        Ok(NewRow { email, password, first_name, last_name, roles, verified: false, invitation: None, now })
    }

    /// The invitation that signing up uses up, where one is asked for.
    async fn invited(&self, invitation: Option<&str>, now: UnixMs) -> Result<Option<TokenHash>, Error> {
        match self.registration() {
            Registration::Open => Ok(None),
            Registration::Closed => Err(Error::RegistrationClosed),
            Registration::Invited => {
                let token = refresh::hash(invitation.ok_or(Error::NoInvitation)?);
                let good = self.inner.store.is_invited(token, now).await?;
                if good { Ok(Some(token)) } else { Err(Error::NoInvitation) }
            }
        }
    }

    /// Refuses a name that looks like that of somebody with a role, and is not the same.
    async fn no_disguise(
        &self,
        of: Option<PersonId>,
        first_name: &str,
        last_name: &str,
    ) -> Result<(), Error> {
        let staff = self.inner.store.staff().await?;
        let mut others = staff.iter().filter(|name| Some(name.id) != of);
        let disguised = others
            .any(|name| names::is_disguise([first_name, last_name], [&name.first_name, &name.last_name]));
        if disguised { Err(Error::Disguise) } else { Ok(()) }
    }

    fn hash_of(&self, network: Network) -> TokenHash {
        network.hash(&self.inner.networks)
    }

    async fn sign_in(&self, person: PersonId, network: Network, now: UnixMs) -> Result<Tokens, Error> {
        let (refresh, new) = self.new_sign_in(person, Some(network), now);
        let sign_in = self.inner.store.begin_sign_in(new).await?;
        Ok(Tokens { access: self.inner.access.make(person, sign_in, now)?, refresh })
    }

    /// A sign-in that begins now, and its first refresh token.
    fn new_sign_in(&self, person: PersonId, network: Option<Network>, now: UnixMs) -> (String, NewSignIn) {
        let refresh = refresh::RefreshTokens::first();
        let ends = now.plus(refresh::LONGEST);
        let new = NewSignIn {
            person,
            token: refresh::hash(&refresh),
            expires: now.plus(self.inner.refresh.life()).min(ends),
            ends,
            now,
            remembered: refresh::REMEMBERED,
            network: network.map(|network| self.hash_of(network)),
        };
        (refresh, new)
    }

    /// The person of a token of ours, if its sign-in still holds.
    async fn signed_in(&self, bearer: access::Bearer, now: UnixMs) -> Result<PersonId, Error> {
        let access::Bearer { person, sign_in: Some(sign_in) } = bearer else { return Ok(bearer.person) };
        let read = || self.inner.store.is_signed_in(sign_in, now);
        let holds = self.inner.sign_ins.get(&sign_in, read).await?;
        if holds { Ok(person) } else { Err(Error::InvalidToken) }
    }

    async fn forget_sign_ins(&self, ended: &[SignInId]) {
        for id in ended {
            self.inner.sign_ins.forget(id).await;
        }
    }

    /// The person behind an outside identity, made at first sight.
    async fn person_of(&self, new: store::NewIdentity) -> Result<PersonId, Error> {
        let key = (new.issuer.clone(), new.subject.clone());
        let read = || async {
            let known = self.inner.store.by_identity(new.issuer.clone(), new.subject.clone()).await?;
            match known {
                Some(id) => Ok(id),
                None => self.inner.store.add_identity(new.clone()).await,
            }
        };
        Ok(self.inner.identities.get(&key, read).await?)
    }
}
