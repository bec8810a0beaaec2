//! The same messages in other layouts, to compare with: written by one thread straight into SQLite.

use std::path::Path;
use std::time::Instant;

use chat::message_id;
use database::{Database, MigrationSet};
use ids::{PersonId, Seq};
use rusqlite::{Connection, params};
use timeline::Position;

use super::{AUTHORS, LIVE, WRITERS};

/// A message before anybody decided how to keep it.
pub(crate) struct Said {
    pub(crate) seq: i64,
    pub(crate) at: Position,
    pub(crate) author: i64,
    pub(crate) sent_ms: i64,
    pub(crate) client_id: [u8; 16],
    pub(crate) text: String,
}

/// What one would write first: the same things in the same indexes, times and ids as text, a search index that keeps
/// what it indexes.
const PLAIN: &str = "
    CREATE TABLE messages (
        id INTEGER PRIMARY KEY, live_id INTEGER NOT NULL, seq INTEGER NOT NULL, author_id INTEGER NOT NULL,
        created_at TEXT NOT NULL, kind TEXT NOT NULL, take INTEGER NOT NULL, ms INTEGER NOT NULL,
        deleted INTEGER NOT NULL, on_replay INTEGER NOT NULL, reply_to INTEGER, mentions TEXT, client_id TEXT,
        content TEXT NOT NULL
    );
    CREATE UNIQUE INDEX messages_by_number ON messages (live_id, seq);
    CREATE INDEX messages_by_position ON messages (live_id, take, ms);
    CREATE INDEX messages_by_author ON messages (author_id, created_at);
    CREATE UNIQUE INDEX messages_by_client ON messages (live_id, author_id, client_id);
    CREATE VIRTUAL TABLE messages_search USING fts5 (content, tokenize = 'unicode61 remove_diacritics 2');";

/// The tables up to this migration are those of the layout before.
const BEFORE: usize = 5;

/// Keeps messages in the plain layout; how many a second.
pub(crate) fn plain(path: &Path, said: &[Said]) -> f64 {
    Connection::open(path).unwrap().execute_batch(PLAIN).unwrap();
    in_batches(path, said, |conn, one| {
        let mut keep = conn
            .prepare_cached(
                "INSERT INTO messages VALUES (?1, ?2, ?3, ?4, ?5, 'text', ?6, ?7, 0, 0, NULL, NULL, ?8, ?9)",
            )
            .unwrap();
        let (time, client_id) = (wire::Time(one.sent_ms).to_string(), uuid(one.client_id));
        let Said { seq, at, author, text, .. } = one;
        keep.execute(params![seq, LIVE.0, seq, author, time, at.take, at.ms, client_id, text]).unwrap();
        index(conn, *seq, "content", text);
    })
}

/// Keeps messages in the layout before this one; how many a second.
pub(crate) fn before(path: &Path, said: &[Said]) -> f64 {
    let before = MigrationSet { name: "chat", migrations: &chat::MIGRATIONS.migrations[..BEFORE] };
    drop(Database::open(path, &[before]).unwrap());
    in_batches(path, said, |conn, one| {
        let id = message_id(LIVE, Seq(one.seq)).0;
        let mut keep = conn
            .prepare_cached("INSERT INTO messages VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 0, NULL, ?7, NULL)")
            .unwrap();
        keep.execute(params![id, LIVE.0, one.at.take, one.at.ms, one.author, one.sent_ms, one.text]).unwrap();
        conn.prepare_cached("INSERT INTO chat_sent VALUES (?1, ?2, ?3, ?4)")
            .unwrap()
            .execute(params![LIVE.0, one.author, one.client_id, id])
            .unwrap();
        index(conn, id, "content", &one.text);
    })
}

/// A row of our own layout, made already.
pub(crate) struct Row {
    id: i64,
    place: i64,
    author: i64,
    sent: i64,
    content: chat::Packed,
    key: i64,
    words: String,
}

impl Row {
    pub(crate) fn of(one: &Said, base_ms: i64) -> Self {
        Self {
            id: message_id(LIVE, Seq(one.seq)).0,
            place: i64::from(one.at.take) << 27 | one.at.ms,
            author: one.author,
            sent: one.sent_ms - base_ms,
            content: chat::pack(&one.text),
            key: chat::sent_key(PersonId(one.author), &one.client_id),
            words: chat::search_words(&one.text),
        }
    }
}

/// The same rows as ours in the same tables, in transactions of as many messages as were on their way at once; how many
/// a second when the rows are there already (`ready`), and when each is made before it is written.
pub(crate) fn raw(path: &Path, said: &[Said], ready: bool) -> f64 {
    drop(Database::open(path, &[chat::MIGRATIONS]).unwrap());
    let base_ms = said.first().map_or(0, |one| one.sent_ms);
    let rows: Vec<Row> =
        if ready { said.iter().map(|one| Row::of(one, base_ms)).collect() } else { Vec::new() };
    in_batches(path, said, |conn, one| match rows.get(one.seq as usize - 1) {
        Some(row) => keep_row(conn, row),
        None => keep_row(conn, &Row::of(one, base_ms)),
    })
}

fn keep_row(conn: &Connection, row: &Row) {
    conn.prepare_cached("SELECT seq FROM chat_sent WHERE live_id = ?1 AND key = ?2")
        .unwrap()
        .exists([LIVE.0, row.key])
        .unwrap();
    conn.prepare_cached("INSERT INTO messages VALUES (?1, ?2, ?3, ?4, 0, NULL, NULL, ?5)")
        .unwrap()
        .execute(params![row.id, row.place, row.author, row.sent, row.content])
        .unwrap();
    let seq = row.id & chat::SEQ_LIMIT.0;
    conn.prepare_cached("INSERT INTO chat_sent VALUES (?1, ?2, ?3)")
        .unwrap()
        .execute([LIVE.0, row.key, seq])
        .unwrap();
    index(conn, row.id, "words", &row.words);
}

fn index(conn: &Connection, id: i64, column: &str, text: &str) {
    let sql = format!("INSERT INTO messages_search (rowid, {column}) VALUES (?1, ?2)");
    conn.prepare_cached(&sql).unwrap().execute(params![id, text]).unwrap();
}

fn in_batches(path: &Path, said: &[Said], keep: impl Fn(&Connection, &Said)) -> f64 {
    let conn = Connection::open(path).unwrap();
    conn.pragma_update(None, "journal_mode", "WAL").unwrap();
    conn.pragma_update(None, "synchronous", "FULL").unwrap();
    let begun = Instant::now();
    for batch in said.chunks(WRITERS) {
        conn.execute_batch("BEGIN IMMEDIATE").unwrap();
        for one in batch {
            keep(&conn, one);
        }
        conn.prepare_cached("INSERT OR REPLACE INTO chat_counters (live_id, last_seq) VALUES (?1, ?2)")
            .and_then(|mut keep| keep.execute(params![LIVE.0, batch.last().map(|one| one.seq)]))
            .ok();
        conn.execute_batch("COMMIT").unwrap();
    }
    said.len() as f64 / begun.elapsed().as_secs_f64()
}

fn uuid(bytes: [u8; 16]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// Bytes of each table and index for each message, the largest first; what search keeps taken together.
pub(crate) fn sizes(path: &Path, count: usize) -> Vec<(String, f64)> {
    let conn = Connection::open(path).unwrap();
    let mut statement = conn.prepare("SELECT name, sum(pgsize) FROM dbstat GROUP BY name").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, f64>(1)?))).unwrap();
    let mut sizes: Vec<(String, f64)> = Vec::new();
    for (name, bytes) in rows.map(Result::unwrap) {
        let name = if name.starts_with("messages_search") { "search".to_owned() } else { name };
        match sizes.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += bytes / count as f64,
            None => sizes.push((name, bytes / count as f64)),
        }
    }
    sizes.retain(|(_, bytes)| *bytes > 0.05);
    sizes.sort_by(|a, b| b.1.total_cmp(&a.1));
    sizes
}

/// The author of a message.
pub(crate) fn author(index: usize) -> i64 {
    1 + index as i64 % AUTHORS
}
