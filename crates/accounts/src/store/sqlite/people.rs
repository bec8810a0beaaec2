use ids::PersonId;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::store::{Credentials, NewIdentity, NewRow};
use crate::{Change, Error, Name, Person, Role};

/// What a job on the rows returns that refuses nothing.
type Kept<T> = Result<T, database::Error>;

pub(super) fn insert(connection: &Connection, new: &NewRow) -> Result<Person, Error> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO users (email, password, first_name, last_name, created_at) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (email) DO NOTHING",
    )?;
    let row = params![new.email, new.password, new.first_name, new.last_name, new.now.0];
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
    let mut statement = connection.prepare_cached(
        "SELECT id, email, first_name, last_name, profile_picture,
                (SELECT group_concat(role, ' ' ORDER BY role) FROM roles WHERE person = users.id),
                (SELECT min(subject) FROM identities WHERE person = users.id)
         FROM users WHERE id = ?",
    )?;
    statement.query_row([id.0], person).optional()?.ok_or(Error::NoSuchPerson)
}

pub(super) fn names(connection: &Connection, ids: &[PersonId]) -> Kept<Vec<Name>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, first_name, last_name, profile_picture,
                (SELECT min(subject) FROM identities WHERE person = users.id)
         FROM users WHERE id = ?",
    )?;
    let mut names = Vec::with_capacity(ids.len());
    for id in ids {
        let name = statement.query_row([id.0], |row| {
            Ok(Name {
                id: PersonId(row.get(0)?),
                first_name: row.get(1)?,
                last_name: row.get(2)?,
                profile_picture: row.get(3)?,
                external_id: row.get(4)?,
            })
        });
        names.extend(name.optional()?);
    }
    Ok(names)
}

pub(super) fn credentials(connection: &Connection, email: &str) -> Kept<Option<Credentials>> {
    let mut statement = connection.prepare_cached("SELECT id, password FROM users WHERE email = ?")?;
    let found = statement
        .query_row([email], |row| Ok(Credentials { person: PersonId(row.get(0)?), password: row.get(1)? }));
    Ok(found.optional()?)
}

pub(super) fn change(connection: &Connection, id: PersonId, change: &Change) -> Result<Person, Error> {
    let mut statement = connection.prepare_cached(
        "UPDATE users SET first_name = coalesce(?2, first_name), last_name = coalesce(?3, last_name),
                           profile_picture = iif(?4, ?5, profile_picture)
         WHERE id = ?1",
    )?;
    let picture = change.profile_picture.as_ref().and_then(Option::as_deref);
    let row = params![id.0, change.first_name, change.last_name, change.profile_picture.is_some(), picture];
    statement.execute(row)?;
    get(connection, id)
}

pub(super) fn set_password(connection: &Connection, id: PersonId, password: &str) -> Kept<()> {
    let mut statement = connection.prepare_cached("UPDATE users SET password = ?2 WHERE id = ?1")?;
    statement.execute(params![id.0, password])?;
    Ok(())
}

pub(super) fn set_role(
    connection: &Connection,
    email: &str,
    role: Role,
    given: bool,
) -> Result<Person, Error> {
    let Credentials { person, .. } = credentials(connection, email)?.ok_or(Error::NoSuchPerson)?;
    put_role(connection, person, role, given)?;
    get(connection, person)
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
        Some(email) if credentials(connection, email)?.is_none() => Some(email),
        _ => None,
    };
    connection.execute(
        "INSERT INTO users (email, first_name, last_name, profile_picture, created_at) VALUES (?, ?, ?, ?, ?)",
        params![email, new.first_name, new.last_name, new.profile_picture, new.now.0],
    )?;
    let id = PersonId(connection.last_insert_rowid());
    connection.execute(
        "INSERT INTO identities (issuer, subject, person) VALUES (?, ?, ?)",
        params![new.issuer, new.subject, id.0],
    )?;
    Ok(id)
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
    })
}
