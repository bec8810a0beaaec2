//! People in SQLite.

mod changes;
mod links;
mod outbox;
mod people;
mod sign_ins;

use async_trait::async_trait;
use database::{Database, Migration, MigrationSet};
use ids::{PersonId, SignInId, UnixMs};
use storage::Failure;

use super::{
    Credentials, Disabled, NewIdentity, NewLink, NewRow, NewSignIn, Rule, Store, TokenHash, Verdict, Wanted,
};
use crate::{Change, Error, Name, Person, Role};

/// The tables of this crate.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    name: "accounts",
    migrations: &[
        Migration {
            number: 1,
            name: "people",
            sql: include_str!("../../../migrations/001_people.sql"),
            then: None,
        },
        Migration {
            number: 2,
            name: "sign-ins end",
            sql: include_str!("../../../migrations/002_sign_ins_end.sql"),
            then: None,
        },
        Migration {
            number: 3,
            name: "put out and let in",
            sql: include_str!("../../../migrations/003_put_out_and_let_in.sql"),
            then: None,
        },
        Migration {
            number: 4,
            name: "mailed links",
            sql: include_str!("../../../migrations/004_mailed_links.sql"),
            then: None,
        },
        Migration {
            number: 5,
            name: "outbox, quota",
            sql: include_str!("../../../migrations/005_outbox.sql"),
            then: None,
        },
    ],
};

/// People kept in a database that has [`MIGRATIONS`].
#[derive(Clone)]
pub struct Sqlite(Database);

impl Sqlite {
    /// The people in this database.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self(database)
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn add(&self, new: NewRow) -> Result<Person, Error> {
        self.0.write(move |c| people::insert(c, &new)).await
    }

    async fn person(&self, id: PersonId) -> Result<Person, Error> {
        self.0.read(move |c| people::get(c, id)).await
    }

    async fn by_email(&self, email: String) -> Result<Person, Error> {
        self.0.read(move |c| people::by_email(c, &email)).await
    }

    async fn people(&self, wanted: Wanted) -> Result<(u64, Vec<Person>), Failure> {
        Ok(self.0.read(move |c| people::list(c, &wanted)).await?)
    }

    async fn has_people(&self) -> Result<bool, Failure> {
        Ok(self.0.read(people::any).await?)
    }

    async fn names(&self, ids: Vec<PersonId>) -> Result<Vec<Name>, Failure> {
        Ok(self.0.read(move |c| people::names(c, &ids)).await?)
    }

    async fn staff(&self) -> Result<Vec<Name>, Failure> {
        Ok(self.0.read(people::staff).await?)
    }

    async fn credentials(&self, email: String, network: TokenHash) -> Result<Option<Credentials>, Failure> {
        Ok(self.0.read(move |c| people::credentials(c, &email, &network)).await?)
    }

    async fn change(&self, id: PersonId, change: Change) -> Result<Person, Error> {
        self.0.write(move |c| people::change(c, id, &change)).await
    }

    async fn set_role(&self, id: PersonId, role: Role, given: bool) -> Result<Person, Error> {
        self.0.write(move |c| people::set_role(c, id, role, given)).await
    }

    async fn disable(&self, id: PersonId, at: Option<UnixMs>) -> Result<(Person, Vec<SignInId>), Error> {
        let job = move |c: &rusqlite::Connection| {
            people::disable(c, id, at)?;
            let ended = if at.is_some() { sign_ins::end_all(c, id)? } else { Vec::new() };
            links::forget(c, id)?;
            Ok((people::get(c, id)?, ended))
        };
        self.0.write(job).await
    }

    async fn begin_erasure(&self, id: PersonId, now: UnixMs) -> Result<Vec<SignInId>, Error> {
        let job = move |c: &rusqlite::Connection| {
            let ended = sign_ins::end_all(c, id)?;
            people::begin_erasure(c, id, now)?;
            Ok(ended)
        };
        self.0.write(job).await
    }

    async fn to_erase(&self) -> Result<Vec<PersonId>, Failure> {
        Ok(self.0.read(people::to_erase).await?)
    }

    async fn erase(&self, id: PersonId) -> Result<(), Failure> {
        Ok(self.0.write(move |c| people::erase(c, id)).await?)
    }

    async fn changes(&self, after: i64) -> Result<Vec<(i64, PersonId)>, Failure> {
        Ok(self.0.read(move |c| changes::after(c, after)).await?)
    }

    async fn newest_change(&self) -> Result<i64, Failure> {
        Ok(self.0.read(changes::newest).await?)
    }

    async fn set_quota(&self, id: PersonId, bytes: Option<u64>) -> Result<Person, Error> {
        self.0.write(move |c| people::set_quota(c, id, bytes)).await
    }

    async fn disabled(&self, after: i64, limit: u32) -> Result<Vec<Disabled>, Failure> {
        Ok(self.0.read(move |c| outbox::disabled(c, after, limit)).await?)
    }

    async fn newest_disabled(&self) -> Result<i64, Failure> {
        Ok(self.0.read(outbox::newest).await?)
    }

    async fn add_password_link(&self, new: NewLink) -> Result<(), Failure> {
        Ok(self.0.write(move |c| links::add(c, &new)).await?)
    }

    async fn password_link(&self, token: TokenHash, now: UnixMs) -> Result<Option<PersonId>, Failure> {
        Ok(self.0.read(move |c| links::person(c, &token, now)).await?)
    }

    async fn use_password_link(
        &self,
        token: TokenHash,
        password: String,
        new: NewSignIn,
    ) -> Result<(SignInId, Vec<SignInId>), Error> {
        let job = move |c: &rusqlite::Connection| {
            if links::person(c, &token, new.now)? != Some(new.person) {
                return Err(Error::NoLink);
            }
            if links::is_mailed(c, &token)? {
                people::verify(c, new.person)?;
            }
            Ok(new_password(c, &password, &new)?)
        };
        self.0.write(job).await
    }

    async fn add_invitation(&self, token: TokenHash, expires: UnixMs, now: UnixMs) -> Result<(), Failure> {
        Ok(self.0.write(move |c| links::add_invitation(c, &token, expires, now)).await?)
    }

    async fn invitations(&self, now: UnixMs) -> Result<Vec<(TokenHash, UnixMs)>, Failure> {
        Ok(self.0.read(move |c| links::invitations(c, now)).await?)
    }

    async fn is_invited(&self, token: TokenHash, now: UnixMs) -> Result<bool, Failure> {
        Ok(self.0.read(move |c| links::is_invited(c, &token, now)).await?)
    }

    async fn by_identity(&self, issuer: String, subject: String) -> Result<Option<PersonId>, Failure> {
        Ok(self.0.read(move |c| people::by_identity(c, &issuer, &subject)).await?)
    }

    async fn add_identity(&self, new: NewIdentity) -> Result<PersonId, Failure> {
        Ok(self.0.write(move |c| people::insert_identity(c, &new)).await?)
    }

    async fn change_password(
        &self,
        password: String,
        new: NewSignIn,
    ) -> Result<(SignInId, Vec<SignInId>), Failure> {
        Ok(self.0.write(move |c| new_password(c, &password, &new)).await?)
    }

    async fn begin_sign_in(&self, new: NewSignIn) -> Result<SignInId, Failure> {
        Ok(self.0.write(move |c| sign_ins::begin(c, &new)).await?)
    }

    async fn is_signed_in(&self, id: SignInId, now: UnixMs) -> Result<bool, Failure> {
        Ok(self.0.read(move |c| sign_ins::holds(c, id, now)).await?)
    }

    async fn end_sign_in(&self, id: SignInId) -> Result<(), Failure> {
        Ok(self.0.write(move |c| sign_ins::end(c, id)).await?)
    }

    async fn end_sign_ins(&self, person: PersonId) -> Result<Vec<SignInId>, Failure> {
        Ok(self.0.write(move |c| sign_ins::end_all(c, person)).await?)
    }

    async fn exchange(
        &self,
        token: TokenHash,
        next: TokenHash,
        rule: Rule,
    ) -> Result<Option<(PersonId, SignInId, Verdict)>, Failure> {
        Ok(self.0.write(move |c| sign_ins::exchange(c, &token, &next, rule)).await?)
    }

    async fn sign_out(&self, token: TokenHash) -> Result<Option<SignInId>, Failure> {
        Ok(self.0.write(move |c| sign_ins::end_of_token(c, &token)).await?)
    }
}

/// Another password, and one sign-in in the place of all others and of the link.
fn new_password(
    connection: &rusqlite::Connection,
    password: &str,
    new: &NewSignIn,
) -> Result<(SignInId, Vec<SignInId>), database::Error> {
    people::set_password(connection, new.person, password)?;
    links::forget(connection, new.person)?;
    let ended = sign_ins::end_all(connection, new.person)?;
    Ok((sign_ins::begin(connection, new)?, ended))
}

impl From<database::Error> for Error {
    fn from(error: database::Error) -> Self {
        Self::Storage(error.into())
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        database::Error::from(error).into()
    }
}
