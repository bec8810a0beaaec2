//! What happened in conversations that others are told, in SQL.

use ids::{HeldId, LiveId, MessageId, PersonId, ReportId, UnixMs};
use rusqlite::{Connection, OptionalExtension, params};

use super::Kept;
use crate::store::{Event, EventKind};

/// Rows kept. Who is further behind misses the oldest.
const KEPT: i64 = 65_536;

pub(super) fn put(conn: &Connection, event: Event) -> Kept<()> {
    let Event { live_id, person_id, at_ms, kind, .. } = event;
    let (name, number, message_id) = match kind {
        EventKind::Held(held) => ("held", held.0, None),
        EventKind::Reported(report, message) => ("reported", report.0, Some(message.0)),
    };
    conn.prepare_cached(
        "INSERT INTO chat_outbox (live_id, kind, number, message_id, person_id, at_ms) VALUES (?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![live_id.0, name, number, message_id, person_id.0, at_ms.0])?;
    let oldest = conn.last_insert_rowid() - KEPT;
    conn.prepare_cached("DELETE FROM chat_outbox WHERE id <= ?")?.execute([oldest])?;
    Ok(())
}

pub(super) fn events(conn: &Connection, after: i64, limit: u32) -> Kept<Vec<Event>> {
    let mut statement = conn.prepare_cached(
        "SELECT id, live_id, kind, number, message_id, person_id, at_ms FROM chat_outbox \
         WHERE id > ?1 ORDER BY id LIMIT ?2",
    )?;
    let rows = statement.query_map(params![after, limit], |row| {
        let (kind, number, message): (String, i64, Option<i64>) = (row.get(2)?, row.get(3)?, row.get(4)?);
        Ok(Event {
            number: row.get(0)?,
            live_id: LiveId(row.get(1)?),
            kind: match (kind.as_str(), message) {
                ("reported", Some(message)) => EventKind::Reported(ReportId(number), MessageId(message)),
                _ => EventKind::Held(HeldId(number)),
            },
            person_id: PersonId(row.get(5)?),
            at_ms: UnixMs(row.get(6)?),
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// SQLite remembers the highest id that there ever was, also of rows that are gone.
pub(super) fn newest(conn: &Connection) -> Kept<i64> {
    let mut statement = conn.prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'chat_outbox'")?;
    Ok(statement.query_row([], |row| row.get(0)).optional()?.unwrap_or(0))
}
