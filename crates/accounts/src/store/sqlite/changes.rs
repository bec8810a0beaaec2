//! Whose row was changed: how other processes hear of it.

use ids::PersonId;
use rusqlite::Connection;

/// What a job on the rows returns that refuses nothing.
type Kept<T> = Result<T, database::Error>;

/// Changes that are remembered. Who is further behind reads people anew in any case.
const REMEMBERED: i64 = 10_000;

pub(super) fn note(connection: &Connection, person: PersonId) -> Kept<()> {
    connection.prepare_cached("INSERT INTO user_changes (person) VALUES (?)")?.execute([person.0])?;
    let oldest = connection.last_insert_rowid() - REMEMBERED;
    connection.prepare_cached("DELETE FROM user_changes WHERE id < ?")?.execute([oldest])?;
    Ok(())
}

pub(super) fn after(connection: &Connection, after: i64) -> Kept<Vec<(i64, PersonId)>> {
    let mut statement =
        connection.prepare_cached("SELECT id, person FROM user_changes WHERE id > ? ORDER BY id")?;
    let changes = statement.query_map([after], |row| Ok((row.get(0)?, PersonId(row.get(1)?))))?;
    Ok(changes.collect::<Result<_, _>>()?)
}

pub(super) fn newest(connection: &Connection) -> Kept<i64> {
    let mut statement = connection.prepare_cached("SELECT coalesce(max(id), 0) FROM user_changes")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}
