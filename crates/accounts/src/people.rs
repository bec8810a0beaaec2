use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::Error;
use crate::issuer::Identity;

/// Characters of a first or last name at most.
const NAME: usize = 150;
/// Characters of an e-mail address at most (RFC 5321, section 4.5.3.1, less the brackets).
const EMAIL: usize = 254;
/// Characters of a picture's address at most.
const PICTURE: usize = 2_000;
/// Characters of a password at least, and bytes at most.
const PASSWORD: (usize, usize) = (8, 1_024);

/// Somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Never used again for somebody else.
    pub id: i64,
    /// Lower case; only for themselves and administrators to see.
    pub email: Option<String>,
    /// May be empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// An http(s) address.
    pub profile_picture: Option<String>,
    /// Sorted, each once.
    pub roles: Vec<Role>,
}

/// What somebody may do beyond what is their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Everything.
    Admin,
    /// Change, stop and delete lives and messages of others.
    Moderator,
}

/// What it takes to sign up.
#[derive(Clone)]
pub struct NewPerson {
    /// Compared without regard to case.
    pub email: String,
    /// 8 characters or more.
    pub password: String,
    /// At most 150 characters.
    pub first_name: String,
    /// At most 150 characters.
    pub last_name: String,
}

/// What changes in a profile; `None` stays as it is.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// At most 150 characters.
    pub first_name: Option<String>,
    /// At most 150 characters.
    pub last_name: Option<String>,
    /// An http(s) address, or `Some(None)` to have none.
    pub profile_picture: Option<Option<String>>,
}

impl Person {
    /// Whether they are an administrator.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.roles.contains(&Role::Admin)
    }

    /// Whether they may moderate: moderators and administrators.
    #[must_use]
    pub fn is_moderator(&self) -> bool {
        !self.roles.is_empty()
    }
}

impl Role {
    /// Its name on the wire and in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Moderator => "moderator",
        }
    }
}

impl std::str::FromStr for Role {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "admin" => Ok(Self::Admin),
            "moderator" => Ok(Self::Moderator),
            _ => Err(format!("\"{name}\" is no role: admin or moderator")),
        }
    }
}

impl NewPerson {
    pub(crate) fn checked(mut self) -> Result<Self, Error> {
        self.email = normalised(&self.email);
        if !is_email(&self.email) {
            return Err(Error::BadEmail);
        }
        if self.password.chars().count() < PASSWORD.0 || self.password.len() > PASSWORD.1 {
            return Err(Error::BadPassword);
        }
        self.first_name = checked_name(&self.first_name)?;
        self.last_name = checked_name(&self.last_name)?;
        Ok(self)
    }
}

impl Change {
    pub(crate) fn checked(mut self) -> Result<Self, Error> {
        self.first_name = self.first_name.as_deref().map(checked_name).transpose()?;
        self.last_name = self.last_name.as_deref().map(checked_name).transpose()?;
        let picture = self.profile_picture.flatten_ref();
        if picture.is_some_and(|address| !is_picture(address)) {
            return Err(Error::BadPicture);
        }
        Ok(self)
    }
}

/// `Option<Option<String>>` seen as what it holds in the end.
trait FlattenRef {
    fn flatten_ref(&self) -> Option<&str>;
}

impl FlattenRef for Option<Option<String>> {
    fn flatten_ref(&self) -> Option<&str> {
        self.as_ref().and_then(Option::as_deref)
    }
}

/// An e-mail address as it is kept and compared.
pub(crate) fn normalised(email: &str) -> String {
    email.trim().to_lowercase()
}

pub(crate) fn is_email(email: &str) -> bool {
    let parts = email.rsplit_once('@');
    email.chars().count() <= EMAIL
        && parts.is_some_and(|(name, host)| !name.is_empty() && !name.contains('@') && !host.is_empty())
        && !email.chars().any(|c| c.is_whitespace() || c.is_control() || "<>()[],;:\\\"".contains(c))
}

fn is_picture(address: &str) -> bool {
    address.chars().count() <= PICTURE
        && (address.starts_with("https://") || address.starts_with("http://"))
        && !address.chars().any(|c| c.is_whitespace() || c.is_control())
}

fn checked_name(name: &str) -> Result<String, Error> {
    let name = name.trim();
    if name.chars().count() > NAME || name.chars().any(char::is_control) {
        return Err(Error::BadName);
    }
    Ok(name.to_owned())
}

pub(crate) fn insert(
    connection: &Connection,
    new: &NewPerson,
    password: &str,
    roles: &[Role],
    now_ms: i64,
) -> Result<Person, Error> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO users (email, password, first_name, last_name, created_at) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (email) DO NOTHING",
    )?;
    let row = params![new.email, password, new.first_name, new.last_name, now_ms];
    if statement.execute(row)? == 0 {
        return Err(Error::EmailTaken);
    }
    let id = connection.last_insert_rowid();
    for role in roles {
        put_role(connection, id, *role, true)?;
    }
    get(connection, id)
}

pub(crate) fn get(connection: &Connection, id: i64) -> Result<Person, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT id, email, first_name, last_name, profile_picture,
                (SELECT group_concat(role, ' ' ORDER BY role) FROM roles WHERE person = users.id)
         FROM users WHERE id = ?",
    )?;
    statement.query_row([id], person).optional()?.ok_or(Error::NoSuchPerson)
}

/// The id and the password hash of whoever has this address.
pub(crate) fn credentials(
    connection: &Connection,
    email: &str,
) -> Result<Option<(i64, Option<String>)>, Error> {
    let mut statement = connection.prepare_cached("SELECT id, password FROM users WHERE email = ?")?;
    Ok(statement.query_row([email], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

pub(crate) fn change(connection: &Connection, id: i64, change: &Change) -> Result<Person, Error> {
    let mut statement = connection.prepare_cached(
        "UPDATE users SET first_name = coalesce(?2, first_name), last_name = coalesce(?3, last_name),
                           profile_picture = iif(?4, ?5, profile_picture)
         WHERE id = ?1",
    )?;
    let picture = change.profile_picture.flatten_ref();
    let row = params![id, change.first_name, change.last_name, change.profile_picture.is_some(), picture];
    statement.execute(row)?;
    get(connection, id)
}

pub(crate) fn set_role(
    connection: &Connection,
    email: &str,
    role: Role,
    given: bool,
) -> Result<Person, Error> {
    let (id, _) = credentials(connection, email)?.ok_or(Error::NoSuchPerson)?;
    put_role(connection, id, role, given)?;
    get(connection, id)
}

fn put_role(connection: &Connection, person: i64, role: Role, given: bool) -> Result<(), Error> {
    let sql = if given {
        "INSERT INTO roles (person, role) VALUES (?, ?) ON CONFLICT DO NOTHING"
    } else {
        "DELETE FROM roles WHERE person = ? AND role = ?"
    };
    connection.prepare_cached(sql)?.execute(params![person, role.name()])?;
    Ok(())
}

pub(crate) fn by_identity(
    connection: &Connection,
    issuer: &str,
    subject: &str,
) -> Result<Option<i64>, Error> {
    let mut statement =
        connection.prepare_cached("SELECT person FROM identities WHERE issuer = ? AND subject = ?")?;
    Ok(statement.query_row([issuer, subject], |row| row.get(0)).optional()?)
}

/// Makes the person of an outside identity. An address that somebody here has already is not taken over: it
/// would hand one person's account to another on an issuer's word.
pub(crate) fn insert_identity(
    connection: &Connection,
    identity: &Identity,
    now_ms: i64,
) -> Result<i64, Error> {
    if let Some(id) = by_identity(connection, &identity.issuer, &identity.subject)? {
        return Ok(id);
    }
    let email = match identity.email.as_deref().map(normalised).filter(|email| is_email(email)) {
        Some(email) if credentials(connection, &email)?.is_none() => Some(email),
        _ => None,
    };
    let first_name = checked_name(&identity.first_name).unwrap_or_default();
    let last_name = checked_name(&identity.last_name).unwrap_or_default();
    let picture = identity.picture.as_deref().filter(|address| is_picture(address));
    connection.execute(
        "INSERT INTO users (email, first_name, last_name, profile_picture, created_at) VALUES (?, ?, ?, ?, ?)",
        params![email, first_name, last_name, picture, now_ms],
    )?;
    let id = connection.last_insert_rowid();
    connection.execute(
        "INSERT INTO identities (issuer, subject, person) VALUES (?, ?, ?)",
        params![identity.issuer, identity.subject, id],
    )?;
    Ok(id)
}

fn person(row: &Row<'_>) -> rusqlite::Result<Person> {
    let roles: Option<String> = row.get(5)?;
    Ok(Person {
        id: row.get(0)?,
        email: row.get(1)?,
        first_name: row.get(2)?,
        last_name: row.get(3)?,
        profile_picture: row.get(4)?,
        roles: roles.iter().flat_map(|names| names.split(' ')).filter_map(|name| name.parse().ok()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_other_text() {
        for good in ["a@b", "prénom.nom+x@exemple.fr", "a@b.c"] {
            assert!(is_email(good), "{good}");
        }
        for bad in
            ["", "a", "@b", "a@", "a b@c", "a@b@c", "<a@b>", "a@b\n", &format!("{}@b", "x".repeat(300))]
        {
            assert!(!is_email(bad), "{bad}");
        }
    }

    #[test]
    fn a_picture_is_an_http_address() {
        assert!(is_picture("https://example.org/me.png"));
        for bad in ["javascript:alert(1)", "data:text/html,x", "//x", "https://a b"] {
            assert!(!is_picture(bad), "{bad}");
        }
    }
}
