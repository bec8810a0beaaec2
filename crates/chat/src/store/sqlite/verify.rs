//! Looks the stored conversations over, changing nothing.

use rusqlite::Connection;

use super::Kept;

/// What is asked of the rows, and the sentence about each row that comes back (two numbers: the live and another one).
const QUESTIONS: [(&str, &str); 6] = [
    (
        "SELECT c.live_id, c.last_seq FROM chat_counters c WHERE c.last_seq <> \
         (SELECT count(*) FROM messages m WHERE m.id > c.live_id << 24 AND m.id <= (c.live_id << 24) + 16777215)",
        "does not have all the messages it counted: the newest is number",
    ),
    (
        "SELECT id >> 24, max(id) & 16777215 FROM messages GROUP BY id >> 24 HAVING max(id) & 16777215 <> \
         coalesce((SELECT last_seq FROM chat_counters c WHERE c.live_id = messages.id >> 24), 0)",
        "has a message beyond the newest it counted, number",
    ),
    (
        "SELECT id >> 24, id & 16777215 FROM messages m WHERE reply_to IS NOT NULL AND (reply_to >= id & 16777215 \
         OR NOT EXISTS (SELECT 1 FROM messages a WHERE a.id = (m.id >> 24 << 24) + m.reply_to))",
        "has a reply to a message that is not there, number",
    ),
    (
        "SELECT id >> 24, id & 16777215 FROM messages WHERE flags & 1 = 1 AND (content <> '' OR mentions IS NOT NULL)",
        "still has the content of a deleted message, number",
    ),
    (
        "SELECT id >> 24, id & 16777215 FROM messages m WHERE flags & 1 = 1 AND NOT EXISTS \
         (SELECT 1 FROM chat_deletions d WHERE d.live_id = m.id >> 24 AND d.seq = m.id & 16777215)",
        "does not know of the deletion of message number",
    ),
    (
        "SELECT live_id, change FROM chat_counters c WHERE change <> \
         (SELECT count(*) FROM chat_deletions d WHERE d.live_id = c.live_id)",
        "does not have all the deletions it counted:",
    ),
];
/// Sentences for each question at most.
const SENTENCES: usize = 20;

/// What is wrong with the conversations, one sentence each; empty when all is well.
pub(super) fn verify(conn: &Connection) -> Kept<Vec<String>> {
    let mut found = Vec::new();
    for (question, sentence) in QUESTIONS {
        let mut statement = conn.prepare(question)?;
        let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
        for row in rows.take(SENTENCES) {
            let (live_id, number) = row?;
            found.push(format!("the conversation of live {live_id} {sentence} {number}"));
        }
    }
    Ok(found)
}
