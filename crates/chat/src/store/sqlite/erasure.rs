//! Erasing what somebody said, in SQL.

use ids::{LiveId, MessageId, PersonId, UnixMs};
use rusqlite::{Connection, params};

use super::{Kept, messages};
use crate::moderation::Acting;
use crate::store::Deletion;

/// What hangs on a person beside their messages, to be taken away when those are.
const THE_REST: [&str; 5] = [
    "DELETE FROM chat_held WHERE author_id = ?1",
    "DELETE FROM chat_moderators WHERE person_id = ?1",
    "DELETE FROM chat_sanctions WHERE person_id = ?1",
    "DELETE FROM chat_reports WHERE by_id = ?1 OR author_id = ?1",
    // An act about a message that waited has its text.
    "UPDATE chat_acts SET detail = '' WHERE subject = ?1 AND act IN ('approve', 'reject')",
];

/// Takes the content of somebody's next messages away; what else there is of them when there are none.
pub(super) fn erase_some(
    conn: &Connection,
    person_id: PersonId,
    after: MessageId,
    now_ms: UnixMs,
    limit: u32,
) -> Kept<Vec<(LiveId, Deletion)>> {
    let mut statement = conn.prepare_cached(
        "SELECT id FROM messages WHERE author_id = ?1 AND id > ?2 AND flags & 1 = 0 ORDER BY id LIMIT ?3",
    )?;
    let found = statement.query_map(params![person_id.0, after.0, limit], |row| row.get(0).map(MessageId))?;
    let ids = found.collect::<rusqlite::Result<Vec<_>>>()?;
    if ids.is_empty() {
        for sql in THE_REST {
            conn.prepare_cached(sql)?.execute([person_id.0])?;
        }
    }
    let mut erased = Vec::with_capacity(ids.len());
    for id in ids {
        let live_id = LiveId(id.0 >> 24);
        let acting = Acting { live_id, by_id: person_id, now_ms };
        erased.push((live_id, messages::erase(conn, acting, id, person_id)?));
    }
    Ok(erased)
}
