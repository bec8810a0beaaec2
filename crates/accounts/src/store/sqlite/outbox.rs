//! What happened to people that others are told.

use ids::{PersonId, UnixMs};
use rusqlite::{Connection, OptionalExtension, params};

use crate::store::Disabled;

/// What a job on the rows returns that refuses nothing.
type Kept<T> = Result<T, database::Error>;

/// Rows kept. Who is further behind misses the oldest.
const KEPT: i64 = 10_000;
/// Somebody was put out.
const DISABLED: &str = "disabled";

pub(super) fn put_disabled(connection: &Connection, person: PersonId, at: UnixMs) -> Kept<()> {
    connection
        .prepare_cached("INSERT INTO user_outbox (person, kind, at) VALUES (?, ?, ?)")?
        .execute(params![person.0, DISABLED, at.0])?;
    let oldest = connection.last_insert_rowid() - KEPT;
    connection.prepare_cached("DELETE FROM user_outbox WHERE id <= ?")?.execute([oldest])?;
    Ok(())
}

pub(super) fn disabled(connection: &Connection, after: i64, limit: u32) -> Kept<Vec<Disabled>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, person, at FROM user_outbox WHERE id > ?1 AND kind = ?2 ORDER BY id LIMIT ?3",
    )?;
    let rows = statement.query_map(params![after, DISABLED, limit], |row| {
        Ok(Disabled { number: row.get(0)?, person: PersonId(row.get(1)?), at: UnixMs(row.get(2)?) })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// SQLite remembers the highest id that there ever was, also of rows that are gone.
pub(super) fn newest(connection: &Connection) -> Kept<i64> {
    let mut statement =
        connection.prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'user_outbox'")?;
    Ok(statement.query_row([], |row| row.get(0)).optional()?.unwrap_or(0))
}
