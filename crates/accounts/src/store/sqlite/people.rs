use ids::{PersonId, UnixMs};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use super::{changes, links, outbox};
use crate::store::{Credentials, NewIdentity, NewRow, TokenHash, Wanted};
use crate::{Change, Error, Name, Person, Role};

/// What a job on the rows returns that refuses nothing.
type Kept<T> = Result<T, database::Error>;

/// What [`person`] reads.
const COLUMNS: &str = "id, email, first_name, last_name, profile_picture,
     (SELECT group_concat(role, ' ' ORDER BY role) FROM roles WHERE person = users.id),
     (SELECT min(subject) FROM identities WHERE person = users.id), verified, created_at, disabled_at,
     quota";
/// What hangs on a row and is known of a person.
const KNOWN_OF_THEM: [&str; 5] =
    ["roles", "identities", "password_links", "sign_in_networks", "refresh_families"];

pub(super) fn insert(connection: &Connection, new: &NewRow) -> Result<Person, Error> {
    if let Some(invitation) = &new.invitation
        && !links::use_invitation(connection, invitation, new.now)?
    {
        return Err(Error::NoInvitation);
    }
    let mut statement = connection.prepare_cached(
        "INSERT INTO users (email, password, first_name, last_name, created_at, verified) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (email) DO NOTHING",
    )?;
    let row = params![new.email, new.password, new.first_name, new.last_name, new.now.0, new.verified];
    if statement.execute(row)? == 0 {
        return Err(Error::EmailTaken);
    }
    let id = PersonId(connection.last_insert_rowid());
    for role in &new.roles {
        put_role(connection, id, *role, true)?;
    }
    get(connection, id)
}

pub(super) fn get(connection: &Connection, id: PersonId) -> Result<Person, Error> {
    one(connection, "id = ?", [id.0])
}

pub(super) fn by_email(connection: &Connection, email: &str) -> Result<Person, Error> {
    one(connection, "email = ?", [email])
}

fn one(connection: &Connection, condition: &str, value: impl Params) -> Result<Person, Error> {
    let sql = format!("SELECT {COLUMNS} FROM users WHERE {condition} AND erasing_at IS NULL");
    connection.prepare_cached(&sql)?.query_row(value, person).optional()?.ok_or(Error::NoSuchPerson)
}

/// Looks at every row: people are listed by administrators alone.
pub(super) fn list(connection: &Connection, wanted: &Wanted) -> Kept<(u64, Vec<Person>)> {
    const WANTED: &str = "erasing_at IS NULL AND (?1 IS NULL OR id = ?2 OR email LIKE ?1 ESCAPE '\\'
         OR first_name || ' ' || last_name LIKE ?1 ESCAPE '\\')";
    let words = wanted.words.as_deref().map(str::trim).filter(|words| !words.is_empty());
    let pattern = words.map(pattern);
    let id = words.and_then(|words| words.parse::<i64>().ok());
    let count: i64 = connection
        .prepare_cached(&format!("SELECT count(*) FROM users WHERE {WANTED}"))?
        .query_row(params![pattern, id], |row| row.get(0))?;
    let sql = format!("SELECT {COLUMNS} FROM users WHERE {WANTED} ORDER BY users.id DESC LIMIT ?3 OFFSET ?4");
    let skip = i64::try_from(wanted.skip).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(&sql)?;
    let people = statement.query_map(params![pattern, id, wanted.limit, skip], person)?;
    Ok((u64::try_from(count).unwrap_or(0), people.collect::<Result<_, _>>()?))
}

/// What holds these words, in SQL's own syntax.
fn pattern(words: &str) -> String {
    let mut pattern = String::from("%");
    for letter in words.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

pub(super) fn any(connection: &Connection) -> Kept<bool> {
    Ok(connection.prepare_cached("SELECT 1 FROM users LIMIT 1")?.exists([])?)
}

pub(super) fn names(connection: &Connection, ids: &[PersonId]) -> Kept<Vec<Name>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, first_name, last_name, profile_picture,
                (SELECT min(subject) FROM identities WHERE person = users.id)
         FROM users WHERE id = ?",
    )?;
    let mut names = Vec::with_capacity(ids.len());
    for id in ids {
        names.extend(statement.query_row([id.0], name).optional()?);
    }
    Ok(names)
}

pub(super) fn staff(connection: &Connection) -> Kept<Vec<Name>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, first_name, last_name, profile_picture, NULL FROM users
         WHERE id IN (SELECT person FROM roles) AND erasing_at IS NULL",
    )?;
    let names = statement.query_map([], name)?;
    Ok(names.collect::<Result<_, _>>()?)
}

pub(super) fn credentials(
    connection: &Connection,
    email: &str,
    network: &TokenHash,
) -> Kept<Option<Credentials>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, password, disabled_at IS NOT NULL,
                EXISTS (SELECT 1 FROM sign_in_networks WHERE person = users.id AND network = ?2)
         FROM users WHERE email = ?1",
    )?;
    let found = statement.query_row(params![email, network], |row| {
        Ok(Credentials {
            person: PersonId(row.get(0)?),
            password: row.get(1)?,
            disabled: row.get(2)?,
            known_there: row.get(3)?,
        })
    });
    Ok(found.optional()?)
}

/// Stands for it that somebody's address is theirs.
pub(super) fn verify(connection: &Connection, id: PersonId) -> Kept<()> {
    let mut statement = connection.prepare_cached("UPDATE users SET verified = 1 WHERE id = ?")?;
    statement.execute([id.0])?;
    changes::note(connection, id)
}

pub(super) fn change(connection: &Connection, id: PersonId, change: &Change) -> Result<Person, Error> {
    if let Some(email) = &change.email {
        let mut taken = connection.prepare_cached("SELECT 1 FROM users WHERE email = ?1 AND id <> ?2")?;
        if taken.exists(params![email, id.0])? {
            return Err(Error::EmailTaken);
        }
    }
    let mut statement = connection.prepare_cached(
        "UPDATE users SET first_name = coalesce(?2, first_name), last_name = coalesce(?3, last_name),
                           profile_picture = iif(?4, ?5, profile_picture),
                           email = coalesce(?6, email), verified = verified OR ?6 IS NOT NULL
         WHERE id = ?1 AND erasing_at IS NULL",
    )?;
    let picture = change.profile_picture.as_ref().and_then(Option::as_deref);
    let with_picture = change.profile_picture.is_some();
    let row = params![id.0, change.first_name, change.last_name, with_picture, picture, change.email];
    statement.execute(row)?;
    changes::note(connection, id)?;
    get(connection, id)
}

pub(super) fn set_password(connection: &Connection, id: PersonId, password: &str) -> Kept<()> {
    let mut statement = connection.prepare_cached("UPDATE users SET password = ?2 WHERE id = ?1")?;
    statement.execute(params![id.0, password])?;
    Ok(())
}

pub(super) fn set_role(
    connection: &Connection,
    id: PersonId,
    role: Role,
    given: bool,
) -> Result<Person, Error> {
    get(connection, id)?;
    put_role(connection, id, role, given)?;
    changes::note(connection, id)?;
    get(connection, id)
}

pub(super) fn set_quota(connection: &Connection, id: PersonId, bytes: Option<u64>) -> Result<Person, Error> {
    get(connection, id)?;
    let bytes = bytes.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
    connection.prepare_cached("UPDATE users SET quota = ?2 WHERE id = ?1")?.execute(params![id.0, bytes])?;
    changes::note(connection, id)?;
    get(connection, id)
}

/// Whoever is disabled already is so since then, and nobody is told again.
pub(super) fn disable(connection: &Connection, id: PersonId, at: Option<UnixMs>) -> Kept<()> {
    let changed = connection
        .prepare_cached(
            "UPDATE users SET disabled_at = ?2
             WHERE id = ?1 AND (disabled_at IS NULL) <> (?2 IS NULL) AND erasing_at IS NULL",
        )?
        .execute(params![id.0, at.map(|at| at.0)])?;
    if let Some(at) = at.filter(|_| changed > 0) {
        outbox::put_disabled(connection, id, at)?;
    }
    changes::note(connection, id)
}

pub(super) fn begin_erasure(connection: &Connection, id: PersonId, now: UnixMs) -> Result<(), Error> {
    let changed = connection
        .prepare_cached(
            "UPDATE users SET email = NULL, password = NULL, first_name = '', last_name = '', profile_picture = NULL,
                               verified = 0, disabled_at = coalesce(disabled_at, ?2), erasing_at = ?2
             WHERE id = ?1 AND erasing_at IS NULL",
        )?
        .execute([id.0, now.0])?;
    if changed == 0 {
        return Err(Error::NoSuchPerson);
    }
    for table in KNOWN_OF_THEM {
        connection.prepare_cached(&format!("DELETE FROM {table} WHERE person = ?"))?.execute([id.0])?;
    }
    Ok(changes::note(connection, id)?)
}

pub(super) fn to_erase(connection: &Connection) -> Kept<Vec<PersonId>> {
    let mut statement = connection.prepare_cached("SELECT id FROM users WHERE erasing_at IS NOT NULL")?;
    let people = statement.query_map([], |row| row.get(0).map(PersonId))?;
    Ok(people.collect::<Result<_, _>>()?)
}

pub(super) fn erase(connection: &Connection, id: PersonId) -> Kept<()> {
    connection
        .prepare_cached("DELETE FROM users WHERE id = ? AND erasing_at IS NOT NULL")?
        .execute([id.0])?;
    changes::note(connection, id)
}

fn put_role(connection: &Connection, person: PersonId, role: Role, given: bool) -> Kept<()> {
    let sql = if given {
        "INSERT INTO roles (person, role) VALUES (?, ?) ON CONFLICT DO NOTHING"
    } else {
        "DELETE FROM roles WHERE person = ? AND role = ?"
    };
    connection.prepare_cached(sql)?.execute(params![person.0, role.name()])?;
    Ok(())
}

pub(super) fn by_identity(connection: &Connection, issuer: &str, subject: &str) -> Kept<Option<PersonId>> {
    let mut statement =
        connection.prepare_cached("SELECT person FROM identities WHERE issuer = ? AND subject = ?")?;
    Ok(statement.query_row([issuer, subject], |row| row.get(0).map(PersonId)).optional()?)
}

pub(super) fn insert_identity(connection: &Connection, new: &NewIdentity) -> Kept<PersonId> {
    if let Some(id) = by_identity(connection, &new.issuer, &new.subject)? {
        return Ok(id);
    }
    let email = match &new.email {
        Some(email) if !has(connection, email)? => Some(email),
        _ => None,
    };
    connection.execute(
        "INSERT INTO users (email, verified, first_name, last_name, profile_picture, created_at)
         VALUES (?1, ?1 IS NOT NULL, ?2, ?3, ?4, ?5)",
        params![email, new.first_name, new.last_name, new.profile_picture, new.now.0],
    )?;
    let id = PersonId(connection.last_insert_rowid());
    connection.execute(
        "INSERT INTO identities (issuer, subject, person) VALUES (?, ?, ?)",
        params![new.issuer, new.subject, id.0],
    )?;
    Ok(id)
}

fn has(connection: &Connection, email: &str) -> Kept<bool> {
    Ok(connection.prepare_cached("SELECT 1 FROM users WHERE email = ?")?.exists([email])?)
}

fn name(row: &Row<'_>) -> rusqlite::Result<Name> {
    Ok(Name {
        id: PersonId(row.get(0)?),
        first_name: row.get(1)?,
        last_name: row.get(2)?,
        profile_picture: row.get(3)?,
        external_id: row.get(4)?,
    })
}

fn person(row: &Row<'_>) -> rusqlite::Result<Person> {
    let roles: Option<String> = row.get(5)?;
    Ok(Person {
        id: PersonId(row.get(0)?),
        email: row.get(1)?,
        first_name: row.get(2)?,
        last_name: row.get(3)?,
        profile_picture: row.get(4)?,
        roles: roles.iter().flat_map(|names| names.split(' ')).filter_map(|name| name.parse().ok()).collect(),
        external_id: row.get(6)?,
        verified: row.get(7)?,
        created: UnixMs(row.get(8)?),
        disabled: row.get::<_, Option<i64>>(9)?.map(UnixMs),
        quota: row.get::<_, Option<i64>>(10)?.and_then(|bytes| u64::try_from(bytes).ok()),
    })
}
