use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use crate::Error;
use crate::keys::keyed_hash;

/// How long after its use a refresh token still gets the answer it got first.
const REPEATABLE_MS: i64 = 60_000;

/// Sign-ins of one person that are remembered after they have expired. What has expired is forgotten only beyond so
/// many, the oldest first: a clock that is wrong for an hour would otherwise end every sign-in for good.
const REMEMBERED: i64 = 32;

/// Makes refresh tokens. The next token of a sign-in is a keyed hash of the one before, so that the same answer
/// can be given twice although only hashes are kept.
pub(crate) struct RefreshTokens {
    key: [u8; 32],
    life_ms: i64,
}

/// The first token of a sign-in.
pub(crate) struct Beginning {
    person: i64,
    token: String,
    now_ms: i64,
    life_ms: i64,
}

/// A token on its way to being exchanged for `next`.
pub(crate) struct Rotation {
    hash: [u8; 32],
    next: String,
    now_ms: i64,
    life_ms: i64,
}

struct Kept {
    family: i64,
    person: i64,
    revoked: bool,
    expires_ms: i64,
    used_ms: Option<i64>,
}

impl RefreshTokens {
    pub(crate) fn new(key: [u8; 32], life: Duration) -> Self {
        Self { key, life_ms: i64::try_from(life.as_millis()).unwrap_or(i64::MAX / 4) }
    }

    pub(crate) fn beginning(&self, person: i64, now_ms: i64) -> Beginning {
        let token = written(&rand::random());
        Beginning { person, token, now_ms, life_ms: self.life_ms }
    }

    pub(crate) fn rotation(&self, token: &str, now_ms: i64) -> Rotation {
        let next = written(&keyed_hash(&self.key, &[token.as_bytes()]));
        Rotation { hash: hash(token), next, now_ms, life_ms: self.life_ms }
    }
}

impl Beginning {
    pub(crate) fn run(self, connection: &Connection) -> Result<String, Error> {
        connection
            .prepare_cached(
                "DELETE FROM refresh_families WHERE person = ?1 AND expires_at < ?2 AND id NOT IN
                 (SELECT id FROM refresh_families WHERE person = ?1 ORDER BY id DESC LIMIT ?3)",
            )?
            .execute(params![self.person, self.now_ms, REMEMBERED])?;
        let expires_ms = self.now_ms.saturating_add(self.life_ms);
        connection
            .prepare_cached("INSERT INTO refresh_families (person, expires_at) VALUES (?, ?)")?
            .execute(params![self.person, expires_ms])?;
        insert(connection, connection.last_insert_rowid(), &self.token, expires_ms)?;
        Ok(self.token)
    }
}

impl Rotation {
    /// The person, when the answer was first given, and the next refresh token. The outer result is the
    /// database's; the inner one is the answer: a revocation is kept although the caller is refused.
    pub(crate) fn run(self, connection: &Connection) -> Result<Result<(i64, i64, String), Error>, Error> {
        let Some(mut kept) = find(connection, &self.hash)? else { return Ok(Err(Error::InvalidToken)) };
        self.shorten(connection, &mut kept)?;
        if kept.revoked || kept.expires_ms <= self.now_ms {
            return Ok(Err(Error::InvalidToken));
        }
        if let Some(used_ms) = kept.used_ms {
            // Used in the future: the clock was set back, and how long ago it was is not known.
            if self.now_ms.saturating_sub(used_ms).saturating_abs() > REPEATABLE_MS {
                revoke_family(connection, kept.family)?;
                return Ok(Err(Error::InvalidToken));
            }
            return Ok(Ok((kept.person, used_ms, self.next)));
        }
        let expires_ms = self.now_ms.saturating_add(self.life_ms);
        connection
            .prepare_cached("UPDATE refresh_tokens SET used_at = ? WHERE hash = ?")?
            .execute(params![self.now_ms, self.hash])?;
        connection
            .prepare_cached("UPDATE refresh_families SET expires_at = ? WHERE id = ?")?
            .execute(params![expires_ms, kept.family])?;
        insert(connection, kept.family, &self.next, expires_ms)?;
        Ok(Ok((kept.person, self.now_ms, self.next)))
    }
}

impl Rotation {
    /// A token that is good for longer than any is made was made while the clock stood in the future: from now on it
    /// has a life like any other, however long nobody uses it.
    fn shorten(&self, connection: &Connection, kept: &mut Kept) -> Result<(), Error> {
        let longest_ms = self.now_ms.saturating_add(self.life_ms);
        if kept.expires_ms <= longest_ms.saturating_add(REPEATABLE_MS) {
            return Ok(());
        }
        kept.expires_ms = longest_ms;
        connection
            .prepare_cached("UPDATE refresh_tokens SET expires_at = min(expires_at, ?2) WHERE family = ?1")?
            .execute(params![kept.family, longest_ms])?;
        connection
            .prepare_cached("UPDATE refresh_families SET expires_at = min(expires_at, ?2) WHERE id = ?1")?
            .execute(params![kept.family, longest_ms])?;
        Ok(())
    }
}

/// What is kept of a token.
pub(crate) fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Ends the sign-in that the token with this hash belongs to, if there is one.
pub(crate) fn revoke(connection: &Connection, hash: &[u8; 32]) -> Result<(), Error> {
    match find(connection, hash)? {
        Some(kept) => revoke_family(connection, kept.family),
        None => Ok(()),
    }
}

fn revoke_family(connection: &Connection, family: i64) -> Result<(), Error> {
    connection.prepare_cached("UPDATE refresh_families SET revoked = 1 WHERE id = ?")?.execute([family])?;
    Ok(())
}

fn find(connection: &Connection, hash: &[u8; 32]) -> Result<Option<Kept>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT family, person, revoked, refresh_tokens.expires_at, used_at
         FROM refresh_tokens JOIN refresh_families ON refresh_families.id = family WHERE hash = ?",
    )?;
    let kept = statement.query_row([hash], |row| {
        Ok(Kept {
            family: row.get(0)?,
            person: row.get(1)?,
            revoked: row.get(2)?,
            expires_ms: row.get(3)?,
            used_ms: row.get(4)?,
        })
    });
    Ok(kept.optional()?)
}

fn insert(connection: &Connection, family: i64, token: &str, expires_ms: i64) -> Result<(), Error> {
    connection
        .prepare_cached("INSERT INTO refresh_tokens (hash, family, expires_at) VALUES (?, ?, ?)")?
        .execute(params![hash(token), family, expires_ms])?;
    Ok(())
}

fn written(bytes: &[u8; 32]) -> String {
    format!("rt_{}", URL_SAFE_NO_PAD.encode(bytes))
}
