use ids::{EventId, LiveId, UnixMs};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, params};

use crate::{Event, EventKind};

/// Events kept. A listener that is further behind than this takes the rows as they are.
const KEPT: i64 = 65_536;

/// Writes an event down. There is one writer, so ids are in the order of the commits: nobody who follows them sees a
/// higher one before a lower one.
pub(super) fn put(
    connection: &Connection,
    live: LiveId,
    kind: EventKind,
    at: UnixMs,
) -> Result<EventId, database::Error> {
    connection.prepare_cached("INSERT INTO outbox (live, kind, at) VALUES (?, ?, ?)")?.execute(params![
        live.0,
        kind.name(),
        at.0
    ])?;
    let id = connection.last_insert_rowid();
    connection.prepare_cached("DELETE FROM outbox WHERE id <= ?")?.execute([id - KEPT])?;
    Ok(EventId(id))
}

pub(super) fn events(
    connection: &Connection,
    after: EventId,
    limit: u32,
) -> Result<Vec<Event>, database::Error> {
    let mut statement = connection
        .prepare_cached("SELECT id, live, kind, at FROM outbox WHERE id > ? ORDER BY id LIMIT ?")?;
    let events = statement.query_map(params![after.0, limit], |row| {
        let kind: String = row.get(2)?;
        let unknown = |error: String| rusqlite::Error::FromSqlConversionFailure(2, Type::Text, error.into());
        Ok(Event {
            id: EventId(row.get(0)?),
            live: LiveId(row.get(1)?),
            kind: kind.parse().map_err(unknown)?,
            at: UnixMs(row.get(3)?),
        })
    })?;
    Ok(events.collect::<Result<_, _>>()?)
}

/// SQLite remembers the highest id that there ever was, also of rows that are gone.
pub(super) fn newest(connection: &Connection) -> Result<EventId, database::Error> {
    let mut statement = connection.prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'")?;
    let newest = statement.query_row([], |row| row.get(0).map(EventId)).optional()?;
    Ok(newest.unwrap_or_default())
}
