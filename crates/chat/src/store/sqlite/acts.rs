//! Acts of those who moderate, in SQL.

use rusqlite::{Connection, params};

use super::Kept;
use crate::moderation::{Act, Acting};

/// Writes an act down.
pub(super) fn note(
    conn: &Connection,
    acting: Acting,
    act: &str,
    subject: Option<i64>,
    detail: &str,
) -> Kept<()> {
    conn.prepare_cached(
        "INSERT INTO chat_acts (live_id, at_ms, by_id, act, subject, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![acting.live_id, acting.now_ms, acting.by_id, act, subject, detail])?;
    Ok(())
}

/// The acts before the one with this id, newest first.
pub(super) fn acts(conn: &Connection, live_id: i64, before: i64, limit: u32) -> Kept<Vec<Act>> {
    let mut statement = conn.prepare_cached(
        "SELECT id, at_ms, by_id, act, subject, detail FROM chat_acts \
         WHERE live_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
    )?;
    let rows = statement.query_map(params![live_id, before, limit], |row| {
        Ok(Act {
            id: row.get(0)?,
            at_ms: row.get(1)?,
            by_id: row.get(2)?,
            act: row.get(3)?,
            subject: row.get(4)?,
            detail: row.get(5)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Takes the pin from a message that was deleted.
pub(super) fn unpin(conn: &Connection, live_id: i64, seq: i64) -> Kept<bool> {
    let changed = conn
        .prepare_cached("UPDATE chat_rules SET pinned = NULL WHERE live_id = ?1 AND pinned = ?2")?
        .execute([live_id, seq])?;
    Ok(changed > 0)
}
