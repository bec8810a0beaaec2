//! People in SQLite.

mod people;
mod sign_ins;

use async_trait::async_trait;
use database::{Database, Migration, MigrationSet};
use ids::{PersonId, SignInId, UnixMs};
use storage::Failure;

use super::{Credentials, NewIdentity, NewRow, NewSignIn, Rule, Store, TokenHash, Verdict};
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

    async fn names(&self, ids: Vec<PersonId>) -> Result<Vec<Name>, Failure> {
        Ok(self.0.read(move |c| people::names(c, &ids)).await?)
    }

    async fn credentials(&self, email: String) -> Result<Option<Credentials>, Failure> {
        Ok(self.0.read(move |c| people::credentials(c, &email)).await?)
    }

    async fn change(&self, id: PersonId, change: Change) -> Result<Person, Error> {
        self.0.write(move |c| people::change(c, id, &change)).await
    }

    async fn set_role(&self, email: String, role: Role, given: bool) -> Result<Person, Error> {
        self.0.write(move |c| people::set_role(c, &email, role, given)).await
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
        let change = move |c: &rusqlite::Connection| {
            people::set_password(c, new.person, &password)?;
            let ended = sign_ins::end_all(c, new.person)?;
            Ok::<_, database::Error>((sign_ins::begin(c, &new)?, ended))
        };
        Ok(self.0.write(change).await?)
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
