use ids::{PersonId, UnixMs};
use rusqlite::{Connection, OptionalExtension, params};

use crate::store::{NewSignIn, RefreshRow, Rule, Ruling, TokenHash, Verdict};

/// What a job on the rows returns that refuses nothing.
type Kept<T> = Result<T, database::Error>;

/// The row that all refresh tokens of one sign-in share.
#[derive(Clone, Copy)]
struct Family(i64);

pub(super) fn begin(connection: &Connection, new: &NewSignIn) -> Kept<()> {
    connection
        .prepare_cached(
            "DELETE FROM refresh_families WHERE person = ?1 AND expires_at < ?2 AND id NOT IN
             (SELECT id FROM refresh_families WHERE person = ?1 ORDER BY id DESC LIMIT ?3)",
        )?
        .execute(params![new.person.0, new.now.0, new.remembered])?;
    connection
        .prepare_cached("INSERT INTO refresh_families (person, expires_at) VALUES (?, ?)")?
        .execute(params![new.person.0, new.expires.0])?;
    insert(connection, Family(connection.last_insert_rowid()), &new.token, new.expires)
}

/// A refusal is an answer, not an error: the revocation that goes with it is kept.
pub(super) fn exchange(
    connection: &Connection,
    token: &TokenHash,
    next: &TokenHash,
    rule: Rule,
) -> Kept<Option<(PersonId, Verdict)>> {
    let Some((family, row)) = find(connection, token)? else { return Ok(None) };
    let Ruling { shortened, verdict } = rule(row);
    if let Some(longest) = shortened {
        shorten(connection, family, longest)?;
    }
    match verdict {
        Verdict::Refuse | Verdict::Repeat { .. } => {}
        Verdict::Revoke => revoke_family(connection, family)?,
        Verdict::Rotate { issued, expires } => {
            connection
                .prepare_cached("UPDATE refresh_tokens SET used_at = ? WHERE hash = ?")?
                .execute(params![issued.0, token])?;
            connection
                .prepare_cached("UPDATE refresh_families SET expires_at = ? WHERE id = ?")?
                .execute([expires.0, family.0])?;
            insert(connection, family, next, expires)?;
        }
    }
    Ok(Some((row.person, verdict)))
}

pub(super) fn revoke(connection: &Connection, token: &TokenHash) -> Kept<()> {
    match find(connection, token)? {
        Some((family, _)) => revoke_family(connection, family),
        None => Ok(()),
    }
}

fn shorten(connection: &Connection, family: Family, longest: UnixMs) -> Kept<()> {
    connection
        .prepare_cached("UPDATE refresh_tokens SET expires_at = min(expires_at, ?2) WHERE family = ?1")?
        .execute([family.0, longest.0])?;
    connection
        .prepare_cached("UPDATE refresh_families SET expires_at = min(expires_at, ?2) WHERE id = ?1")?
        .execute([family.0, longest.0])?;
    Ok(())
}

fn revoke_family(connection: &Connection, family: Family) -> Kept<()> {
    connection.prepare_cached("UPDATE refresh_families SET revoked = 1 WHERE id = ?")?.execute([family.0])?;
    Ok(())
}

fn find(connection: &Connection, token: &TokenHash) -> Kept<Option<(Family, RefreshRow)>> {
    let mut statement = connection.prepare_cached(
        "SELECT family, person, revoked, refresh_tokens.expires_at, used_at
         FROM refresh_tokens JOIN refresh_families ON refresh_families.id = family WHERE hash = ?",
    )?;
    let kept = statement.query_row([token], |row| {
        let kept = RefreshRow {
            person: PersonId(row.get(1)?),
            revoked: row.get(2)?,
            expires: UnixMs(row.get(3)?),
            used: row.get::<_, Option<i64>>(4)?.map(UnixMs),
        };
        Ok((Family(row.get(0)?), kept))
    });
    Ok(kept.optional()?)
}

fn insert(connection: &Connection, family: Family, token: &TokenHash, expires: UnixMs) -> Kept<()> {
    connection
        .prepare_cached("INSERT INTO refresh_tokens (hash, family, expires_at) VALUES (?, ?, ?)")?
        .execute(params![token, family.0, expires.0])?;
    Ok(())
}
