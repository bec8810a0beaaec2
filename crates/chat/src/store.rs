//! The conversation in SQL. Every function runs on a connection given to it, inside the caller's transaction; what it
//! did before it fails, the caller undoes.

use rusqlite::{Connection, OptionalExtension, Row, params};
use timeline::Position;

use crate::message::{message_id, seq_in};
use crate::moderation::store::{self as moderation, Leading};
use crate::search::{self, Query};
use crate::{Author, Error, Kind, Message, POSITION_LIMIT_MS, Refusal, SEQ_LIMIT, mentions, packing};

/// One deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deletion {
    /// Which deletion of its live it is, from 1.
    pub change: i64,
    /// Number of the message that went.
    pub seq: i64,
}

/// Messages put into the search index by one [`index`] at most, so that the writer is soon free again.
pub(crate) const INDEX_BATCH: i64 = 1_000;

/// Where a conversation stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Number of the newest message, 0 without any: also how many were ever numbered.
    pub last_seq: i64,
    /// How many deletions there were.
    pub change: i64,
    /// How many messages are still there to read.
    pub messages: i64,
}

/// Reactions of one second of a take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReactionCount {
    /// The second's start.
    pub position: Position,
    /// The emoji.
    pub emoji: String,
    /// How often it was sent.
    pub count: i64,
}

/// Every table with rows of lives, but for the messages, whose ids tell their live.
const TABLES: [&str; 9] = [
    "chat_sent",
    "chat_deletions",
    "chat_reactions",
    "chat_counters",
    "chat_rules",
    "chat_moderators",
    "chat_sanctions",
    "chat_held",
    "chat_acts",
];
const DELETED: i64 = 1;
pub(crate) const ON_REPLAY: i64 = 2;
pub(crate) const EMOJI: i64 = 4;
/// Bits of a place that are its milliseconds; its take is above them.
const PLACE_BITS: u32 = 27;
const SELECT: &str = "SELECT m.id, m.place, m.sent + (SELECT base_ms FROM chat_counters c WHERE c.live_id = m.id >> 24), \
     m.flags, m.reply_to, m.mentions, m.content, m.author_id, u.first_name, u.last_name, u.profile_picture \
     FROM messages m LEFT JOIN users u ON u.id = m.author_id";
/// Messages with all the words of a query that are looked at for its phrases, the newest.
const CANDIDATES: u32 = 20_000;

/// A position as it is kept, in the order of the take and the time in it.
pub(crate) fn place(position: Position) -> i64 {
    i64::from(position.take) << PLACE_BITS | position.ms.clamp(0, (1 << PLACE_BITS) - 1)
}

fn position(place: i64) -> Position {
    let take = u32::try_from(place >> PLACE_BITS).unwrap_or(0);
    Position { take, ms: place & ((1 << PLACE_BITS) - 1) }
}

/// Somebody whose account is gone.
pub(crate) fn nobody(id: i64) -> Author {
    Author { id, first_name: String::new(), last_name: String::new(), profile_picture: None }
}

/// Takes a message's content away, everywhere it is kept; its number stays. `None` when it was gone already.
pub(crate) fn delete(
    conn: &Connection,
    live_id: i64,
    id: i64,
    caller_id: i64,
    moderates: bool,
    now_ms: i64,
) -> Result<Option<Deletion>, Error> {
    let seq = seq_in(live_id, id).ok_or(Refusal::NoMessage)?;
    let (author_id, flags): (i64, i64) = conn
        .prepare_cached("SELECT author_id, flags FROM messages WHERE id = ?1")?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?
        .ok_or(Refusal::NoMessage)?;
    if author_id != caller_id && !moderates {
        return Err(Refusal::NotYours.into());
    }
    if flags & DELETED != 0 {
        return Ok(None);
    }
    conn.prepare_cached(
        "DELETE FROM messages_search WHERE rowid = ?1 \
         AND (SELECT indexed_seq FROM chat_counters WHERE live_id = ?2) >= ?3",
    )?
    .execute([id, live_id, seq])?;
    conn.prepare_cached(
        "UPDATE messages SET content = '', mentions = NULL, flags = flags | ?2 WHERE id = ?1",
    )?
    .execute([id, DELETED])?;
    let change: i64 = conn
        .prepare_cached(
            "UPDATE chat_counters SET change = change + 1, deleted = deleted + 1 WHERE live_id = ?1 RETURNING change",
        )?
        .query_row([live_id], |row| row.get(0))?;
    conn.prepare_cached("INSERT INTO chat_deletions VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute([live_id, change, seq, caller_id, now_ms])?;
    let leading = Leading { live_id, by_id: caller_id, now_ms };
    if moderation::unpin(conn, live_id, seq)? {
        moderation::note(conn, leading, "pin", None, "")?;
    }
    if author_id != caller_id {
        moderation::note(conn, leading, "delete", Some(id), "")?;
    }
    Ok(Some(Deletion { change, seq }))
}

/// Puts the messages of a live that are not in the search index there, at most [`INDEX_BATCH`]. How many are left.
pub(crate) fn index(conn: &Connection, live_id: i64) -> Result<i64, Error> {
    let (indexed, last): (i64, i64) = conn
        .prepare_cached("SELECT indexed_seq, last_seq FROM chat_counters WHERE live_id = ?1")?
        .query_row([live_id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?
        .unwrap_or_default();
    let upto = last.min(indexed + INDEX_BATCH);
    if upto > indexed {
        let mut read = conn.prepare_cached(
            "SELECT id, content FROM messages WHERE id > ?1 AND id <= ?2 AND flags & 1 = 0",
        )?;
        let mut keep = conn.prepare_cached("INSERT INTO messages_search (rowid, words) VALUES (?1, ?2)")?;
        let mut rows = read.query([message_id(live_id, indexed), message_id(live_id, upto)])?;
        while let Some(row) = rows.next()? {
            let text = packing::unpack(row.get_ref(1)?).map_err(rusqlite::Error::from)?;
            keep.execute(params![row.get::<_, i64>(0)?, search::words(&text)])?;
        }
        conn.prepare_cached("UPDATE chat_counters SET indexed_seq = ?2 WHERE live_id = ?1")?
            .execute([live_id, upto])?;
    }
    Ok(last - upto)
}

/// How many messages of a live are not in the search index yet.
pub(crate) fn unindexed(conn: &Connection, live_id: i64) -> Result<i64, Error> {
    Ok(conn
        .prepare_cached("SELECT last_seq - indexed_seq FROM chat_counters WHERE live_id = ?1")?
        .query_row([live_id], |row| row.get(0))
        .optional()?
        .unwrap_or(0))
}

/// Messages removed by one [`forget_some`], so that the writer is soon free again.
const FORGET_BATCH: i64 = 1_000;

/// Removes the newest messages of a live that is being deleted, and what is remembered of their sending. Whether there
/// is more. What is left is a sound conversation.
pub(crate) fn forget_some(conn: &Connection, live_id: i64) -> Result<bool, Error> {
    let sent = conn.execute(
        "DELETE FROM chat_sent WHERE (live_id, key) IN \
         (SELECT live_id, key FROM chat_sent WHERE live_id = ?1 LIMIT ?2)",
        [live_id, FORGET_BATCH],
    )?;
    let last = counters(conn, live_id)?.last_seq;
    let kept = (last - FORGET_BATCH).max(0);
    let (first, end) = (message_id(live_id, kept), message_id(live_id, last));
    conn.execute("DELETE FROM messages_search WHERE rowid > ?1 AND rowid <= ?2", [first, end])?;
    conn.execute("DELETE FROM messages WHERE id > ?1 AND id <= ?2", [first, end])?;
    conn.execute("DELETE FROM chat_deletions WHERE live_id = ?1 AND seq > ?2", [live_id, kept])?;
    conn.execute(
        "UPDATE chat_counters SET last_seq = ?2, indexed_seq = min(indexed_seq, ?2), (change, deleted) = \
         (SELECT count(*), count(*) FROM chat_deletions WHERE live_id = ?1) WHERE live_id = ?1",
        [live_id, kept],
    )?;
    Ok(kept > 0 || sent > 0)
}

/// Removes everything that was said in a live. The live itself is somebody else's to remove, in the same transaction.
///
/// # Errors
///
/// SQLite's.
pub fn forget(conn: &Connection, live_id: i64) -> rusqlite::Result<()> {
    let (first, last) = (message_id(live_id, 1), message_id(live_id, SEQ_LIMIT));
    conn.execute(
        "DELETE FROM messages_search WHERE rowid IN (SELECT id FROM messages WHERE id BETWEEN ?1 AND ?2 AND id <= \
         (SELECT (live_id << 24) | indexed_seq FROM chat_counters WHERE live_id = ?3))",
        [first, last, live_id],
    )?;
    conn.execute("DELETE FROM messages WHERE id BETWEEN ?1 AND ?2", [first, last])?;
    for table in TABLES {
        conn.execute(&format!("DELETE FROM {table} WHERE live_id = ?1"), [live_id])?;
    }
    Ok(())
}

/// Where a conversation stands.
///
/// # Errors
///
/// SQLite's.
pub fn counters(conn: &Connection, live_id: i64) -> rusqlite::Result<Counters> {
    conn.prepare_cached("SELECT last_seq, change, last_seq - deleted FROM chat_counters WHERE live_id = ?1")?
        .query_row([live_id], |row| {
            Ok(Counters { last_seq: row.get(0)?, change: row.get(1)?, messages: row.get(2)? })
        })
        .optional()
        .map(Option::unwrap_or_default)
}

/// At most `limit` messages numbered from `after + 1` to `upto`, oldest first.
pub(crate) fn after(
    conn: &Connection,
    live_id: i64,
    after: i64,
    upto: i64,
    limit: u32,
) -> Result<Vec<Message>, Error> {
    let mut statement =
        conn.prepare_cached(&format!("{SELECT} WHERE m.id > ?1 AND m.id <= ?2 ORDER BY m.id LIMIT ?3"))?;
    let bounds = params![bound(live_id, after), bound(live_id, upto), limit];
    messages(conn, statement.query_map(bounds, read)?)
}

/// The `limit` messages just before number `before`, oldest first.
pub(crate) fn before(
    conn: &Connection,
    live_id: i64,
    before: i64,
    limit: u32,
) -> Result<Vec<Message>, Error> {
    let mut statement =
        conn.prepare_cached(&format!("{SELECT} WHERE m.id >= ?1 AND m.id < ?2 ORDER BY m.id DESC LIMIT ?3"))?;
    let bounds = params![bound(live_id, 1), bound(live_id, before), limit];
    let mut messages = messages(conn, statement.query_map(bounds, read)?)?;
    messages.reverse();
    Ok(messages)
}

/// A stretch of a take, the place to go on from in it, and how much of it to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) take: u32,
    pub(crate) from_ms: i64,
    pub(crate) to_ms: i64,
    /// The `ms` and `id` of the last message read.
    pub(crate) last: Option<(i64, i64)>,
}

/// At most `limit` messages whose positions lie in a stretch, by position, then by number.
pub(crate) fn stretch(
    conn: &Connection,
    live_id: i64,
    stretch: Stretch,
    limit: u32,
) -> Result<Vec<Message>, Error> {
    let at = |ms| place(Position { take: stretch.take, ms });
    let (ms, id) = stretch.last.unwrap_or((stretch.from_ms, 0));
    let mut statement = conn.prepare_cached(&format!(
        "{SELECT} WHERE m.id >> 24 = ?1 AND (m.place, m.id) > (?2, ?3) AND m.place < ?4 \
         ORDER BY m.place, m.id LIMIT ?5"
    ))?;
    // The end of a stretch may lie beyond what a take can hold.
    let bounds = params![live_id, at(ms), id, at(stretch.to_ms.min(POSITION_LIMIT_MS + 1)), limit];
    messages(conn, statement.query_map(bounds, read)?)
}

/// At most `limit` messages that fit a query, newest first.
pub(crate) fn search(
    conn: &Connection,
    live_id: i64,
    query: &Query,
    limit: u32,
) -> Result<Vec<Message>, Error> {
    let mut statement = conn.prepare_cached(&format!(
        "{SELECT} JOIN messages_search s ON s.rowid = m.id \
         WHERE messages_search MATCH ?1 AND s.rowid BETWEEN ?2 AND ?3 ORDER BY s.rowid DESC LIMIT ?4"
    ))?;
    let most = if query.is_loose() { limit } else { CANDIDATES };
    let bounds = params![query.must, bound(live_id, 1), bound(live_id, SEQ_LIMIT), most];
    let fits = |message: &rusqlite::Result<Message>| {
        message.as_ref().map_or(true, |message| query.fits(&message.content))
    };
    let found = statement.query_map(bounds, read)?.filter(fits).take(limit as usize);
    messages(conn, found)
}

/// One message.
pub(crate) fn by_id(conn: &Connection, id: i64) -> Result<Option<Message>, Error> {
    let mut statement = conn.prepare_cached(&format!("{SELECT} WHERE m.id = ?1"))?;
    Ok(messages(conn, statement.query_map([id], read)?)?.pop())
}

/// At most `limit` deletions after the one numbered `since`, in their order.
pub(crate) fn deletions(
    conn: &Connection,
    live_id: i64,
    since: i64,
    limit: u32,
) -> Result<Vec<Deletion>, Error> {
    let mut statement = conn.prepare_cached(
        "SELECT change, seq FROM chat_deletions WHERE live_id = ?1 AND change > ?2 ORDER BY change LIMIT ?3",
    )?;
    let rows = statement.query_map(params![live_id, since, limit], |row| {
        Ok(Deletion { change: row.get(0)?, seq: row.get(1)? })
    })?;
    collect(rows)
}

/// Every emoji sent in a live and how often, the most frequent first.
pub(crate) fn reaction_totals(conn: &Connection, live_id: i64) -> Result<Vec<(String, i64)>, Error> {
    let mut statement = conn.prepare_cached(
        "SELECT emoji, SUM(count) FROM chat_reactions WHERE live_id = ?1 GROUP BY emoji ORDER BY 2 DESC, 1",
    )?;
    collect(statement.query_map([live_id], |row| Ok((row.get(0)?, row.get(1)?)))?)
}

/// At most `limit` counts of reactions, by take, second and emoji.
pub(crate) fn reactions(conn: &Connection, live_id: i64, limit: u32) -> Result<Vec<ReactionCount>, Error> {
    let mut statement = conn.prepare_cached(
        "SELECT take, second, emoji, count FROM chat_reactions WHERE live_id = ?1 \
         ORDER BY take, second, emoji LIMIT ?2",
    )?;
    let rows = statement.query_map(params![live_id, limit], |row| {
        let position = Position { take: row.get(0)?, ms: row.get::<_, i64>(1)? * 1_000 };
        Ok(ReactionCount { position, emoji: row.get(2)?, count: row.get(3)? })
    })?;
    collect(rows)
}

/// The id of a number that came from outside, kept inside its live.
fn bound(live_id: i64, seq: i64) -> i64 {
    message_id(live_id, seq.clamp(0, SEQ_LIMIT))
}

fn collect<T>(rows: impl Iterator<Item = rusqlite::Result<T>>) -> Result<Vec<T>, Error> {
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The messages of rows that [`read`] read, mentions with their names.
fn messages(
    conn: &Connection,
    rows: impl Iterator<Item = rusqlite::Result<Message>>,
) -> Result<Vec<Message>, Error> {
    let mut messages: Vec<Message> = collect(rows)?;
    mentions::name(conn, &mut messages)?;
    Ok(messages)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Message> {
    let (id, flags, author_id): (i64, i64, i64) = (row.get(0)?, row.get(3)?, row.get(7)?);
    let live_id = id >> 24;
    let author = match row.get(8)? {
        None => nobody(author_id),
        Some(first_name) => {
            Author { id: author_id, first_name, last_name: row.get(9)?, profile_picture: row.get(10)? }
        }
    };
    let mentioned = row.get_ref(5)?.as_blob_or_null()?.map_or_else(Vec::new, mentions::unpacked);
    Ok(Message {
        live_id,
        seq: seq_in(live_id, id),
        content: packing::unpack(row.get_ref(6)?)?,
        created_at_ms: row.get(2)?,
        kind: if flags & EMOJI == 0 { Kind::Text } else { Kind::Emoji },
        reply_to: row.get(4)?,
        position: position(row.get(1)?),
        author,
        mentions: mentioned.into_iter().map(mentions::unnamed).collect(),
        deleted: flags & DELETED != 0,
        on_replay: flags & ON_REPLAY != 0,
        held: false,
    })
}
