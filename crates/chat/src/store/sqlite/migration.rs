//! The step from rows as they were up to version 5 to packed ones. It knows only the tables of that time.

use ids::PersonId;
use rusqlite::{Connection, OptionalExtension, params};

use crate::compression::{pack, sent_key};
use crate::search;

/// Copies every row into the packed tables, fills the search index anew, and puts the new tables in the old ones' place.
pub(super) fn pack_all(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch(
        "UPDATE chat_counters SET base_ms = coalesce((SELECT created_at FROM messages
             WHERE id = (SELECT min(id) FROM messages WHERE id > live_id << 24 AND id <= (live_id << 24) + 16777215)), 0),
             indexed_seq = last_seq;",
    )?;
    pack_messages(conn)?;
    pack_sent(conn)?;
    conn.execute_batch(
        "DROP TABLE messages;
         DROP TABLE chat_sent;
         ALTER TABLE messages_packed RENAME TO messages;
         ALTER TABLE chat_sent_packed RENAME TO chat_sent;
         CREATE INDEX messages_by_place ON messages (id >> 24, place);
         CREATE INDEX messages_by_author ON messages (author_id);",
    )
}

fn pack_messages(conn: &Connection) -> rusqlite::Result<()> {
    let mut read = conn.prepare(
        "SELECT id, take << 27 | ms, author_id,
             created_at - coalesce((SELECT base_ms FROM chat_counters c WHERE c.live_id = m.live_id), 0),
             (flags & 3) | CASE kind WHEN 1 THEN 4 ELSE 0 END, reply_to, mentions, content FROM messages m ORDER BY id",
    )?;
    let mut keep = conn.prepare("INSERT INTO messages_packed VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?;
    let mut index = conn.prepare("INSERT INTO messages_search (rowid, words) VALUES (?1, ?2)")?;
    let mut rows = read.query([])?;
    while let Some(row) = rows.next()? {
        let integer = |column| row.get::<_, i64>(column);
        let (id, flags, text): (i64, i64, String) = (row.get(0)?, row.get(4)?, row.get(7)?);
        let (reply_to, mentions): (Option<i64>, Option<Vec<u8>>) = (row.get(5)?, row.get(6)?);
        let packed = pack(&text);
        keep.execute(params![id, integer(1)?, integer(2)?, integer(3)?, flags, reply_to, mentions, packed])?;
        if flags & 1 == 0 {
            index.execute(params![id, search::words(&text)])?;
        }
    }
    Ok(())
}

fn pack_sent(conn: &Connection) -> rusqlite::Result<()> {
    let mut read =
        conn.prepare("SELECT live_id, author_id, client_id, message_id & 16777215 FROM chat_sent")?;
    let mut keep = conn.prepare("INSERT OR IGNORE INTO chat_sent_packed VALUES (?1, ?2, ?3)")?;
    let mut rows = read.query([])?;
    while let Some(row) = rows.next()? {
        // An id of another length was never written.
        if let Some(client_id) = row.get::<_, [u8; 16]>(2).optional()? {
            let key = sent_key(PersonId(row.get(1)?), &client_id);
            keep.execute(params![row.get::<_, i64>(0)?, key, row.get::<_, Option<i64>>(3)?])?;
        }
    }
    Ok(())
}
