//! What administrators do with people: the part of [`Accounts`] that is theirs. Who is one is for the caller to see.

use std::net::IpAddr;
use std::time::Instant;

use ids::{PersonId, UnixMs};
use storage::Failure;

use crate::network::Network;
use crate::store::{Disabled, NewLink, TokenHash, Wanted};
use crate::turns::Asking;
use crate::{Accounts, Error, Person, Role, Tokens, one_time, people, refresh};

/// Entries of the outbox that are read at once.
const ENTRIES: u32 = 256;

/// An invitation that was made and not yet used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// What tells it from others; opens nothing.
    pub id: String,
    /// When it ends.
    pub expires: UnixMs,
}

/// A link that is good once, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneTime {
    /// What stands in the link; kept hashed only.
    pub token: String,
    /// When it ends.
    pub expires: UnixMs,
}

impl Accounts {
    /// The person with this address.
    ///
    /// # Errors
    /// [`Error::NoSuchPerson`].
    pub async fn by_email(&self, email: &str) -> Result<Person, Error> {
        self.inner.store.by_email(people::normalised(email)).await
    }

    /// How many people there are that are wanted, and some of them, the newest first.
    pub async fn people(&self, wanted: Wanted) -> Result<(u64, Vec<Person>), Failure> {
        self.inner.store.people(wanted).await
    }

    /// Gives a role to somebody, or takes it away.
    ///
    /// # Errors
    /// [`Error::NoSuchPerson`].
    pub async fn set_role(&self, id: PersonId, role: Role, given: bool) -> Result<Person, Error> {
        let person = self.inner.store.set_role(id, role, given).await;
        self.forget(id).await;
        person
    }

    /// Lets somebody do nothing any more: their sign-ins, those of other issuers and their links are worth nothing from now on.
    ///
    /// # Errors
    /// [`Error::NoSuchPerson`].
    pub async fn disable(&self, id: PersonId, now: UnixMs) -> Result<Person, Error> {
        self.set_disabled(id, Some(now)).await
    }

    /// Lets somebody in again: they may sign in anew.
    ///
    /// # Errors
    /// [`Error::NoSuchPerson`].
    pub async fn enable(&self, id: PersonId) -> Result<Person, Error> {
        self.set_disabled(id, None).await
    }

    async fn set_disabled(&self, id: PersonId, at: Option<UnixMs>) -> Result<Person, Error> {
        let changed = self.inner.store.disable(id, at).await;
        self.forget(id).await;
        let (person, ended) = changed?;
        self.forget_sign_ins(&ended).await;
        Ok(person)
    }

    /// Says how many bytes of recordings somebody may keep; `None`: as many as everybody.
    ///
    /// # Errors
    /// [`Error::NoSuchPerson`].
    pub async fn set_quota(&self, id: PersonId, bytes: Option<u64>) -> Result<Person, Error> {
        let person = self.inner.store.set_quota(id, bytes).await;
        self.forget(id).await;
        person
    }

    /// Begins to erase somebody: what is known of them goes at once, and nobody finds them any more. What they said and
    /// published goes next, by whoever keeps that; then [`Accounts::erase`] takes the row. Those between the two are in
    /// [`Accounts::to_erase`].
    ///
    /// An issuer's person who comes again is a new one.
    ///
    /// # Errors
    /// [`Error::NoSuchPerson`].
    pub async fn begin_erasure(&self, id: PersonId, now: UnixMs) -> Result<(), Error> {
        let ended = self.inner.store.begin_erasure(id, now).await;
        self.forget(id).await;
        self.forget_sign_ins(&ended?).await;
        Ok(())
    }

    /// Those whose erasure was begun and not finished.
    pub async fn to_erase(&self) -> Result<Vec<PersonId>, Failure> {
        self.inner.store.to_erase().await
    }

    /// Deletes the row of somebody of whom nothing else is left.
    pub async fn erase(&self, id: PersonId) -> Result<(), Failure> {
        self.inner.store.erase(id).await?;
        self.forget(id).await;
        Ok(())
    }

    /// Whose rows were changed after this change, each with its number, in their order: by this process and by others.
    pub async fn changes(&self, after: i64) -> Result<Vec<(i64, PersonId)>, Failure> {
        self.inner.store.changes(after).await
    }

    /// The number of the newest change; 0 without any.
    pub async fn newest_change(&self) -> Result<i64, Failure> {
        self.inner.store.newest_change().await
    }

    /// Who was put out, as the oldest entries of the outbox after this one say, some hundred at most.
    pub async fn disabled(&self, after: i64) -> Result<Vec<Disabled>, Failure> {
        self.inner.store.disabled(after, ENTRIES).await
    }

    /// The number of the newest such entry that there ever was; 0 without any.
    pub async fn newest_disabled(&self) -> Result<i64, Failure> {
        self.inner.store.newest_disabled().await
    }

    /// A link by which somebody gives themselves a new password, once within 24 hours. An earlier one is worth nothing any more.
    ///
    /// # Errors
    /// [`Error::NoSuchPerson`]; [`Error::NoPassword`] for people without an address, who sign in elsewhere; [`Error::Disabled`].
    pub async fn password_link(&self, id: PersonId, now: UnixMs) -> Result<OneTime, Error> {
        let person = self.person(id).await?;
        if person.disabled.is_some() {
            return Err(Error::Disabled);
        }
        person.email.ok_or(Error::NoPassword)?;
        Ok(self.make_password_link(id, false, now).await?)
    }

    /// Counts somebody who asks for a link to a new password, whoever they are.
    ///
    /// # Errors
    /// [`Error::TooManyTries`] from this network, [`Error::Overloaded`].
    pub fn count_asked_link(&self, address: IpAddr) -> Result<(), Error> {
        self.inner.links_asked.count(Network::of(address), Instant::now())
    }

    /// A link to a new password to be sent to whoever has this address, and them. `None` where nobody has it, they are out, or
    /// three were made within the hour: then the newest of those stays good, so that nobody is locked out by asking for
    /// another. Whoever uses it has shown that the address is theirs.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn link_to_mail(&self, email: &str, now: UnixMs) -> Result<Option<(Person, OneTime)>, Error> {
        let person = match self.by_email(email).await {
            Err(Error::NoSuchPerson) => return Ok(None),
            found => found?,
        };
        if person.disabled.is_some() || self.inner.links_made.count(person.id, Instant::now()).is_err() {
            return Ok(None);
        }
        let link = self.make_password_link(person.id, true, now).await?;
        Ok(Some((person, link)))
    }

    async fn make_password_link(&self, id: PersonId, mailed: bool, now: UnixMs) -> Result<OneTime, Failure> {
        let link = OneTime { token: one_time::token(), expires: now.plus(one_time::PASSWORD_LINK) };
        let token = refresh::hash(&link.token);
        self.inner
            .store
            .add_password_link(NewLink { person: id, token, expires: link.expires, mailed })
            .await?;
        Ok(link)
    }

    /// Uses such a link: the person has the new password, all their sign-ins end, and they are signed in. `address` is where
    /// the request comes from.
    ///
    /// # Errors
    /// [`Error::NoLink`]; [`Error::BadPassword`], [`Error::CommonPassword`], with which the link stays good.
    pub async fn reset_password(
        &self,
        token: &str,
        new: String,
        address: IpAddr,
        now: UnixMs,
    ) -> Result<(Person, Tokens), Error> {
        let hash = refresh::hash(token);
        let id = self.inner.store.password_link(hash, now).await?.ok_or(Error::NoLink)?;
        let person = self.person(id).await?;
        let email = person.email.as_deref().unwrap_or_default();
        people::check_password(&new, email, [&person.first_name, &person.last_name])?;
        let password = self.inner.passwords.hash(new, Asking::Known).await?;
        let (refresh, sign_in) = self.new_sign_in(id, Some(Network::of(address)), now);
        let (begun, ended) = self.inner.store.use_password_link(hash, password, sign_in).await?;
        self.forget_sign_ins(&ended).await;
        self.forget(id).await;
        let tokens = Tokens { access: self.inner.access.make(id, begun, now)?, refresh };
        Ok((person, tokens))
    }

    /// A link by which somebody signs up, once within seven days.
    pub async fn invite(&self, now: UnixMs) -> Result<OneTime, Failure> {
        let link = OneTime { token: one_time::token(), expires: now.plus(one_time::INVITATION) };
        self.inner.store.add_invitation(refresh::hash(&link.token), link.expires, now).await?;
        Ok(link)
    }

    /// The invitations that are good, those that end last first.
    pub async fn invitations(&self, now: UnixMs) -> Result<Vec<Invitation>, Failure> {
        let kept = self.inner.store.invitations(now).await?;
        let short = |hash: TokenHash| hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        Ok(kept.into_iter().map(|(hash, expires)| Invitation { id: short(hash), expires }).collect())
    }
}
