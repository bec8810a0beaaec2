use ids::{PersonId, SignInId, UnixMs};
use rusqlite::{Connection, OptionalExtension, params};

use crate::store::{NewSignIn, RefreshRow, Rule, Ruling, TokenHash, Verdict};

/// What a job on the rows returns that refuses nothing.
type Kept<T> = Result<T, database::Error>;

pub(super) fn begin(connection: &Connection, new: &NewSignIn) -> Kept<SignInId> {
    connection
        .prepare_cached(
            "DELETE FROM refresh_families WHERE person = ?1 AND expires_at < ?2 AND id NOT IN
             (SELECT id FROM refresh_families WHERE person = ?1 ORDER BY id DESC LIMIT ?3)",
        )?
        .execute(params![new.person.0, new.now.0, new.remembered])?;
    connection
        .prepare_cached("INSERT INTO refresh_families (person, expires_at, ends_at) VALUES (?, ?, ?)")?
        .execute(params![new.person.0, new.expires.0, new.ends.0])?;
    let id = SignInId(connection.last_insert_rowid());
    insert(connection, id, &new.token, new.expires)?;
    if let Some(network) = &new.network {
        remember(connection, new, network)?;
    }
    Ok(id)
}

/// Remembers the network of a sign-in, and of the older ones as many as are to be.
fn remember(connection: &Connection, new: &NewSignIn, network: &TokenHash) -> Kept<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO sign_in_networks (person, network, at) VALUES (?, ?, ?)")?
        .execute(params![new.person.0, network, new.now.0])?;
    connection
        .prepare_cached(
            "DELETE FROM sign_in_networks WHERE person = ?1 AND network NOT IN
             (SELECT network FROM sign_in_networks WHERE person = ?1 ORDER BY at DESC LIMIT ?2)",
        )?
        .execute(params![new.person.0, new.remembered])?;
    Ok(())
}

pub(super) fn holds(connection: &Connection, id: SignInId, now: UnixMs) -> Kept<bool> {
    let mut statement = connection
        .prepare_cached("SELECT 1 FROM refresh_families WHERE id = ? AND revoked = 0 AND ends_at > ?")?;
    Ok(statement.exists([id.0, now.0])?)
}

pub(super) fn end(connection: &Connection, id: SignInId) -> Kept<()> {
    connection.prepare_cached("UPDATE refresh_families SET revoked = 1 WHERE id = ?")?.execute([id.0])?;
    Ok(())
}

pub(super) fn end_all(connection: &Connection, person: PersonId) -> Kept<Vec<SignInId>> {
    let mut statement = connection.prepare_cached(
        "UPDATE refresh_families SET revoked = 1 WHERE person = ? AND revoked = 0 RETURNING id",
    )?;
    let ended = statement.query_map([person.0], |row| row.get(0).map(SignInId))?;
    Ok(ended.collect::<Result<_, _>>()?)
}

pub(super) fn end_of_token(connection: &Connection, token: &TokenHash) -> Kept<Option<SignInId>> {
    let Some((id, _)) = find(connection, token)? else { return Ok(None) };
    end(connection, id)?;
    Ok(Some(id))
}

/// A refusal is an answer, not an error: the revocation that goes with it is kept.
pub(super) fn exchange(
    connection: &Connection,
    token: &TokenHash,
    next: &TokenHash,
    rule: Rule,
) -> Kept<Option<(PersonId, SignInId, Verdict)>> {
    let Some((sign_in, row)) = find(connection, token)? else { return Ok(None) };
    let Ruling { shortened, verdict } = rule(row);
    if let Some(longest) = shortened {
        shorten(connection, sign_in, longest)?;
    }
    match verdict {
        Verdict::Refuse | Verdict::Repeat { .. } => {}
        Verdict::Revoke => end(connection, sign_in)?,
        Verdict::Rotate { issued, expires } => {
            connection
                .prepare_cached("UPDATE refresh_tokens SET used_at = ? WHERE hash = ?")?
                .execute(params![issued.0, token])?;
            connection
                .prepare_cached("UPDATE refresh_families SET expires_at = ? WHERE id = ?")?
                .execute([expires.0, sign_in.0])?;
            insert(connection, sign_in, next, expires)?;
        }
    }
    Ok(Some((row.person, sign_in, verdict)))
}

fn shorten(connection: &Connection, sign_in: SignInId, longest: UnixMs) -> Kept<()> {
    connection
        .prepare_cached("UPDATE refresh_tokens SET expires_at = min(expires_at, ?2) WHERE family = ?1")?
        .execute([sign_in.0, longest.0])?;
    connection
        .prepare_cached("UPDATE refresh_families SET expires_at = min(expires_at, ?2) WHERE id = ?1")?
        .execute([sign_in.0, longest.0])?;
    Ok(())
}

fn find(connection: &Connection, token: &TokenHash) -> Kept<Option<(SignInId, RefreshRow)>> {
    let mut statement = connection.prepare_cached(
        "SELECT family, person, revoked OR disabled_at IS NOT NULL, refresh_tokens.expires_at, used_at, ends_at
         FROM refresh_tokens JOIN refresh_families ON refresh_families.id = family JOIN users ON users.id = person
         WHERE hash = ?",
    )?;
    let kept = statement.query_row([token], |row| {
        let kept = RefreshRow {
            person: PersonId(row.get(1)?),
            revoked: row.get(2)?,
            expires: UnixMs(row.get(3)?),
            used: row.get::<_, Option<i64>>(4)?.map(UnixMs),
            ends: UnixMs(row.get(5)?),
        };
        Ok((SignInId(row.get(0)?), kept))
    });
    Ok(kept.optional()?)
}

fn insert(connection: &Connection, sign_in: SignInId, token: &TokenHash, expires: UnixMs) -> Kept<()> {
    connection
        .prepare_cached("INSERT INTO refresh_tokens (hash, family, expires_at) VALUES (?, ?, ?)")?
        .execute(params![token, sign_in.0, expires.0])?;
    Ok(())
}
