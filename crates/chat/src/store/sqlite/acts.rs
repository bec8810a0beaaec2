//! Acts of those who moderate, in SQL.

use ids::{ActId, LiveId, MessageId, PersonId, Seq, UnixMs};
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
    .execute(params![acting.live_id.0, acting.now_ms.0, acting.by_id.0, act, subject, detail])?;
    Ok(())
}

/// The acts before the one with this id, newest first.
pub(super) fn acts(conn: &Connection, live_id: LiveId, before: ActId, limit: u32) -> Kept<Vec<Act>> {
    let mut statement = conn.prepare_cached(
        "SELECT id, at_ms, by_id, act, subject, detail FROM chat_acts \
         WHERE live_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
    )?;
    let rows = statement.query_map(params![live_id.0, before.0, limit], |row| {
        Ok(Act {
            id: ActId(row.get(0)?),
            at_ms: UnixMs(row.get(1)?),
            by_id: PersonId(row.get(2)?),
            act: row.get(3)?,
            subject: row.get(4)?,
            detail: row.get(5)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Takes the pin from a message that was deleted.
pub(super) fn unpin(conn: &Connection, live_id: LiveId, seq: Seq) -> Kept<bool> {
    let changed = conn
        .prepare_cached("UPDATE chat_rules SET pinned = NULL WHERE live_id = ?1 AND pinned = ?2")?
        .execute([live_id.0, seq.0])?;
    Ok(changed > 0)
}

/// What a message was reported for goes with it.
pub(super) fn forget_reports(conn: &Connection, id: MessageId) -> Kept<()> {
    conn.prepare_cached("DELETE FROM chat_reports WHERE message_id = ?1")?.execute([id.0])?;
    Ok(())
}
