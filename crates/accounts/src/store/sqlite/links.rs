//! Links that are good once: to a password, and to an account.

use ids::{PersonId, UnixMs};
use rusqlite::{Connection, OptionalExtension, params};

use crate::store::{NewLink, TokenHash};

/// What a job on the rows returns that refuses nothing.
type Kept<T> = Result<T, database::Error>;

pub(super) fn add(connection: &Connection, new: &NewLink) -> Kept<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO password_links (person, hash, expires_at, mailed) VALUES (?, ?, ?, ?)",
        )?
        .execute(params![new.person.0, new.token, new.expires.0, new.mailed])?;
    Ok(())
}

/// Whether a link was sent to the address of its person.
pub(super) fn is_mailed(connection: &Connection, token: &TokenHash) -> Kept<bool> {
    let mut statement =
        connection.prepare_cached("SELECT 1 FROM password_links WHERE hash = ? AND mailed")?;
    Ok(statement.exists([token])?)
}

pub(super) fn person(connection: &Connection, token: &TokenHash, now: UnixMs) -> Kept<Option<PersonId>> {
    let mut statement =
        connection.prepare_cached("SELECT person FROM password_links WHERE hash = ? AND expires_at > ?")?;
    Ok(statement.query_row(params![token, now.0], |row| row.get(0).map(PersonId)).optional()?)
}

pub(super) fn forget(connection: &Connection, id: PersonId) -> Kept<()> {
    connection.prepare_cached("DELETE FROM password_links WHERE person = ?")?.execute([id.0])?;
    Ok(())
}

pub(super) fn add_invitation(
    connection: &Connection,
    token: &TokenHash,
    expires: UnixMs,
    now: UnixMs,
) -> Kept<()> {
    connection.prepare_cached("DELETE FROM invitations WHERE expires_at <= ?")?.execute([now.0])?;
    connection
        .prepare_cached("INSERT INTO invitations (hash, expires_at) VALUES (?, ?)")?
        .execute(params![token, expires.0])?;
    Ok(())
}

pub(super) fn invitations(connection: &Connection, now: UnixMs) -> Kept<Vec<(TokenHash, UnixMs)>> {
    let mut statement = connection.prepare_cached(
        "SELECT hash, expires_at FROM invitations WHERE expires_at > ? ORDER BY expires_at DESC, hash",
    )?;
    let found = statement.query_map([now.0], |row| Ok((row.get(0)?, UnixMs(row.get(1)?))))?;
    Ok(found.collect::<Result<_, _>>()?)
}

pub(super) fn is_invited(connection: &Connection, token: &TokenHash, now: UnixMs) -> Kept<bool> {
    let mut statement =
        connection.prepare_cached("SELECT 1 FROM invitations WHERE hash = ? AND expires_at > ?")?;
    Ok(statement.exists(params![token, now.0])?)
}

/// Uses an invitation up; whether it was good.
pub(super) fn use_invitation(connection: &Connection, token: &TokenHash, now: UnixMs) -> Kept<bool> {
    let mut statement =
        connection.prepare_cached("DELETE FROM invitations WHERE hash = ? AND expires_at > ?")?;
    Ok(statement.execute(params![token, now.0])? > 0)
}
