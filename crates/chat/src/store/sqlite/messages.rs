//! Messages in SQL: every function runs inside the caller's transaction; what it did before it fails, the caller undoes.

use ids::{Change, LiveId, MessageId, PersonId, Seq, UnixMs};
use rusqlite::{Connection, OptionalExtension, Row, params};
use timeline::Position;

use super::{Kept, acts, unpack};
use crate::mentions;
use crate::message::{Author, Draft, Kind, Message, POSITION_LIMIT_MS, SEQ_LIMIT, message_id, seq_in};
use crate::moderation::Acting;
use crate::search::{self, Query};
use crate::store::{Counters, Deleting, Deletion, Posting, ReactionCount};
use crate::window::{Stretch, Window};
use crate::{Error, Refusal, rules};

/// Messages put into the search index by one [`index`] at most, so that the writer is soon free again.
pub(super) const INDEX_BATCH: i64 = 1_000;

/// Every table with rows of lives, but for the messages, whose ids tell their live.
const TABLES: [&str; 10] = [
    "chat_sent",
    "chat_deletions",
    "chat_reactions",
    "chat_counters",
    "chat_rules",
    "chat_moderators",
    "chat_sanctions",
    "chat_held",
    "chat_acts",
    "chat_reports",
];
const DELETED: i64 = 1;
pub(super) const ON_REPLAY: i64 = 2;
pub(super) const EMOJI: i64 = 4;
/// Bits of a place that are its milliseconds; its take is above them.
const PLACE_BITS: u32 = 27;
const SELECT: &str = "SELECT m.id, m.place, m.sent + (SELECT base_ms FROM chat_counters c WHERE c.live_id = m.id >> 24), \
     m.flags, m.reply_to, m.mentions, m.content, m.author_id FROM messages m";
/// Messages with all the words of a query that are looked at for its phrases, the newest.
const CANDIDATES: u32 = 20_000;

/// A position as it is kept, in the order of the take and the time in it.
pub(super) fn place(position: Position) -> i64 {
    i64::from(position.take) << PLACE_BITS | position.ms.clamp(0, (1 << PLACE_BITS) - 1)
}

fn position(place: i64) -> Position {
    let take = u32::try_from(place >> PLACE_BITS).unwrap_or(0);
    Position { take, ms: place & ((1 << PLACE_BITS) - 1) }
}

/// Takes a message's content away, everywhere it is kept; its number stays. `None` when it was gone already.
pub(super) fn delete(conn: &Connection, deleting: Deleting) -> Result<Option<Deletion>, Error> {
    let Deleting { acting, message_id: id, moderates } = deleting;
    seq_in(acting.live_id, id).ok_or(Refusal::NoMessage)?;
    let (author_id, flags): (PersonId, i64) = conn
        .prepare_cached("SELECT author_id, flags FROM messages WHERE id = ?1")?
        .query_row([id.0], |row| Ok((PersonId(row.get(0)?), row.get(1)?)))
        .optional()?
        .ok_or(Refusal::NoMessage)?;
    rules::may_delete(author_id, acting.by_id, moderates)?;
    if flags & DELETED != 0 { Ok(None) } else { Ok(Some(erase(conn, acting, id, author_id)?)) }
}

/// The same for a message that is there, of that author.
pub(super) fn erase(conn: &Connection, acting: Acting, id: MessageId, author_id: PersonId) -> Kept<Deletion> {
    let live_id = acting.live_id.0;
    let seq = id.0 & SEQ_LIMIT.0;
    conn.prepare_cached(
        "DELETE FROM messages_search WHERE rowid = ?1 \
         AND (SELECT indexed_seq FROM chat_counters WHERE live_id = ?2) >= ?3",
    )?
    .execute([id.0, live_id, seq])?;
    conn.prepare_cached(
        "UPDATE messages SET content = '', mentions = NULL, flags = flags | ?2 WHERE id = ?1",
    )?
    .execute([id.0, DELETED])?;
    let change: i64 = conn
        .prepare_cached(
            "UPDATE chat_counters SET change = change + 1, deleted = deleted + 1 WHERE live_id = ?1 RETURNING change",
        )?
        .query_row([live_id], |row| row.get(0))?;
    conn.prepare_cached("INSERT INTO chat_deletions VALUES (?1, ?2, ?3, ?4, ?5)")?.execute([
        live_id,
        change,
        seq,
        acting.by_id.0,
        acting.now_ms.0,
    ])?;
    acts::forget_reports(conn, id)?;
    let deletion = Deletion { change: Change(change), seq: Seq(seq) };
    if acts::unpin(conn, acting.live_id, deletion.seq)? {
        acts::note(conn, acting, "pin", None, "")?;
    }
    if author_id != acting.by_id {
        acts::note(conn, acting, "delete", Some(id.0), "")?;
    }
    Ok(deletion)
}

/// Puts the messages of a live that are not in the search index there, at most [`INDEX_BATCH`]. How many are left.
pub(super) fn index(conn: &Connection, live_id: LiveId) -> Kept<i64> {
    let (indexed, last): (i64, i64) = conn
        .prepare_cached("SELECT indexed_seq, last_seq FROM chat_counters WHERE live_id = ?1")?
        .query_row([live_id.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?
        .unwrap_or_default();
    let upto = last.min(indexed + INDEX_BATCH);
    if upto > indexed {
        let mut read = conn.prepare_cached(
            "SELECT id, content FROM messages WHERE id > ?1 AND id <= ?2 AND flags & 1 = 0",
        )?;
        let mut keep = conn.prepare_cached("INSERT INTO messages_search (rowid, words) VALUES (?1, ?2)")?;
        let mut rows = read.query([message_id(live_id, Seq(indexed)).0, message_id(live_id, Seq(upto)).0])?;
        while let Some(row) = rows.next()? {
            let text = unpack(row.get_ref(1)?).map_err(rusqlite::Error::from)?;
            keep.execute(params![row.get::<_, i64>(0)?, search::words(&text)])?;
        }
        conn.prepare_cached("UPDATE chat_counters SET indexed_seq = ?2 WHERE live_id = ?1")?
            .execute([live_id.0, upto])?;
    }
    Ok(last - upto)
}

/// How many messages of a live are not in the search index yet.
pub(super) fn unindexed(conn: &Connection, live_id: LiveId) -> Kept<i64> {
    Ok(conn
        .prepare_cached("SELECT last_seq - indexed_seq FROM chat_counters WHERE live_id = ?1")?
        .query_row([live_id.0], |row| row.get(0))
        .optional()?
        .unwrap_or(0))
}

/// Messages removed by one [`forget_some`], so that the writer is soon free again.
const FORGET_BATCH: i64 = 1_000;

/// Removes the newest messages of a live that is being deleted, and what is remembered of their sending. Whether there
/// is more. What is left is a sound conversation.
pub(super) fn forget_some(conn: &Connection, live_id: LiveId) -> Kept<bool> {
    let sent = conn.execute(
        "DELETE FROM chat_sent WHERE (live_id, key) IN \
         (SELECT live_id, key FROM chat_sent WHERE live_id = ?1 LIMIT ?2)",
        [live_id.0, FORGET_BATCH],
    )?;
    let last = counters(conn, live_id)?.last_seq;
    let kept = last.plus(-FORGET_BATCH).max(Seq(0));
    let (first, end) = (message_id(live_id, kept).0, message_id(live_id, last).0);
    conn.execute("DELETE FROM messages_search WHERE rowid > ?1 AND rowid <= ?2", [first, end])?;
    conn.execute("DELETE FROM messages WHERE id > ?1 AND id <= ?2", [first, end])?;
    conn.execute("DELETE FROM chat_deletions WHERE live_id = ?1 AND seq > ?2", [live_id.0, kept.0])?;
    conn.execute(
        "UPDATE chat_counters SET last_seq = ?2, indexed_seq = min(indexed_seq, ?2), (change, deleted) = \
         (SELECT count(*), count(*) FROM chat_deletions WHERE live_id = ?1) WHERE live_id = ?1",
        [live_id.0, kept.0],
    )?;
    Ok(kept > Seq(0) || sent > 0)
}

/// Removes everything that is left of what was said in a live.
pub(super) fn forget(conn: &Connection, live_id: LiveId) -> Kept<()> {
    let (first, last) = (message_id(live_id, Seq(1)).0, message_id(live_id, SEQ_LIMIT).0);
    conn.execute(
        "DELETE FROM messages_search WHERE rowid IN (SELECT id FROM messages WHERE id BETWEEN ?1 AND ?2 AND id <= \
         (SELECT (live_id << 24) | indexed_seq FROM chat_counters WHERE live_id = ?3))",
        [first, last, live_id.0],
    )?;
    conn.execute("DELETE FROM messages WHERE id BETWEEN ?1 AND ?2", [first, last])?;
    for table in TABLES {
        conn.execute(&format!("DELETE FROM {table} WHERE live_id = ?1"), [live_id.0])?;
    }
    Ok(())
}

/// Where a conversation stands.
pub(super) fn counters(conn: &Connection, live_id: LiveId) -> Kept<Counters> {
    let counters = conn
        .prepare_cached("SELECT last_seq, change, last_seq - deleted FROM chat_counters WHERE live_id = ?1")?
        .query_row([live_id.0], |row| {
            let (last_seq, change) = (Seq(row.get(0)?), Change(row.get(1)?));
            Ok(Counters { last_seq, change, messages: row.get(2)? })
        })
        .optional()?;
    Ok(counters.unwrap_or_default())
}

/// At most `limit` messages of a window by number, oldest first.
pub(super) fn window(conn: &Connection, live_id: LiveId, window: Window, limit: u32) -> Kept<Vec<Message>> {
    match window {
        Window::After(seq) => after(conn, live_id, seq, SEQ_LIMIT, limit),
        Window::Before(seq) => before(conn, live_id, seq, limit),
        Window::Between(seq, end) => after(conn, live_id, seq, end.plus(-1), limit),
    }
}

/// At most `limit` messages numbered from `after + 1` to `upto`, oldest first.
pub(super) fn after(
    conn: &Connection,
    live_id: LiveId,
    after: Seq,
    upto: Seq,
    limit: u32,
) -> Kept<Vec<Message>> {
    let mut statement =
        conn.prepare_cached(&format!("{SELECT} WHERE m.id > ?1 AND m.id <= ?2 ORDER BY m.id LIMIT ?3"))?;
    let bounds = params![bound(live_id, after), bound(live_id, upto), limit];
    collect(statement.query_map(bounds, read)?)
}

/// The `limit` messages just before number `before`, oldest first.
pub(super) fn before(conn: &Connection, live_id: LiveId, before: Seq, limit: u32) -> Kept<Vec<Message>> {
    let mut statement =
        conn.prepare_cached(&format!("{SELECT} WHERE m.id >= ?1 AND m.id < ?2 ORDER BY m.id DESC LIMIT ?3"))?;
    let bounds = params![bound(live_id, Seq(1)), bound(live_id, before), limit];
    let mut messages = collect(statement.query_map(bounds, read)?)?;
    messages.reverse();
    Ok(messages)
}

/// At most `limit` messages whose positions lie in a stretch, by position, then by number.
pub(super) fn stretch(
    conn: &Connection,
    live_id: LiveId,
    stretch: Stretch,
    limit: u32,
) -> Kept<Vec<Message>> {
    let at = |ms| place(Position { take: stretch.take, ms });
    let (ms, id) = stretch.last.unwrap_or((stretch.from_ms, MessageId(0)));
    let mut statement = conn.prepare_cached(&format!(
        "{SELECT} WHERE m.id >> 24 = ?1 AND (m.place, m.id) > (?2, ?3) AND m.place < ?4 \
         ORDER BY m.place, m.id LIMIT ?5"
    ))?;
    // The end of a stretch may lie beyond what a take can hold.
    let bounds = params![live_id.0, at(ms), id.0, at(stretch.to_ms.min(POSITION_LIMIT_MS + 1)), limit];
    collect(statement.query_map(bounds, read)?)
}

/// At most `limit` messages that fit a query, newest first.
pub(super) fn search(conn: &Connection, live_id: LiveId, query: &Query, limit: u32) -> Kept<Vec<Message>> {
    search_between(conn, query, (bound(live_id, Seq(1)), bound(live_id, SEQ_LIMIT)), limit)
}

/// The same of all lives, of those with a lower id.
pub(super) fn search_everywhere(
    conn: &Connection,
    query: &Query,
    before: MessageId,
    limit: u32,
) -> Kept<Vec<Message>> {
    search_between(conn, query, (0, before.0.saturating_sub(1)), limit)
}

fn search_between(
    conn: &Connection,
    query: &Query,
    (first, last): (i64, i64),
    limit: u32,
) -> Kept<Vec<Message>> {
    let mut statement = conn.prepare_cached(&format!(
        "{SELECT} JOIN messages_search s ON s.rowid = m.id \
         WHERE messages_search MATCH ?1 AND s.rowid BETWEEN ?2 AND ?3 ORDER BY s.rowid DESC LIMIT ?4"
    ))?;
    let most = if query.is_loose() { limit } else { CANDIDATES };
    let bounds = params![query.must, first, last, most];
    let fits = |message: &rusqlite::Result<Message>| {
        message.as_ref().map_or(true, |message| query.fits(&message.content))
    };
    let found = statement.query_map(bounds, read)?.filter(fits).take(limit as usize);
    collect(found)
}

/// Lives with messages that are not in the search index yet.
pub(super) fn with_unindexed(conn: &Connection) -> Kept<Vec<LiveId>> {
    let mut statement =
        conn.prepare_cached("SELECT live_id FROM chat_counters WHERE last_seq > indexed_seq")?;
    let lives = statement.query_map([], |row| row.get(0).map(LiveId))?;
    collect(lives)
}

/// One message.
pub(super) fn by_id(conn: &Connection, id: MessageId) -> Kept<Option<Message>> {
    let mut statement = conn.prepare_cached(&format!("{SELECT} WHERE m.id = ?1"))?;
    Ok(collect(statement.query_map([id.0], read)?)?.pop())
}

/// At most `limit` messages of somebody that are there to be read, those with ids after this one, by their ids.
pub(super) fn of_author(
    conn: &Connection,
    author_id: PersonId,
    after: MessageId,
    limit: u32,
) -> Kept<Vec<Message>> {
    let sql =
        format!("{SELECT} WHERE m.author_id = ?1 AND m.id > ?2 AND m.flags & 1 = 0 ORDER BY m.id LIMIT ?3");
    let mut statement = conn.prepare_cached(&sql)?;
    collect(statement.query_map(params![author_id.0, after.0, limit], read)?)
}

/// At most `limit` deletions after the one numbered `since`, in their order.
pub(super) fn deletions(
    conn: &Connection,
    live_id: LiveId,
    since: Change,
    limit: u32,
) -> Kept<Vec<Deletion>> {
    let mut statement = conn.prepare_cached(
        "SELECT change, seq FROM chat_deletions WHERE live_id = ?1 AND change > ?2 ORDER BY change LIMIT ?3",
    )?;
    let rows = statement.query_map(params![live_id.0, since.0, limit], |row| {
        Ok(Deletion { change: Change(row.get(0)?), seq: Seq(row.get(1)?) })
    })?;
    collect(rows)
}

/// Every emoji sent in a live and how often, the most frequent first.
pub(super) fn reaction_totals(conn: &Connection, live_id: LiveId) -> Kept<Vec<(String, i64)>> {
    let mut statement = conn.prepare_cached(
        "SELECT emoji, SUM(count) FROM chat_reactions WHERE live_id = ?1 GROUP BY emoji ORDER BY 2 DESC, 1",
    )?;
    collect(statement.query_map([live_id.0], |row| Ok((row.get(0)?, row.get(1)?)))?)
}

/// At most `limit` counts of reactions, by take, second and emoji.
pub(super) fn reactions(conn: &Connection, live_id: LiveId, limit: u32) -> Kept<Vec<ReactionCount>> {
    let mut statement = conn.prepare_cached(
        "SELECT take, second, emoji, count FROM chat_reactions WHERE live_id = ?1 \
         ORDER BY take, second, emoji LIMIT ?2",
    )?;
    let rows = statement.query_map(params![live_id.0, limit], |row| {
        let position = Position { take: row.get(0)?, ms: row.get::<_, i64>(1)? * 1_000 };
        Ok(ReactionCount { position, emoji: row.get(2)?, count: row.get(3)? })
    })?;
    collect(rows)
}

/// The id of a number that came from outside, kept inside its live.
fn bound(live_id: LiveId, seq: Seq) -> i64 {
    message_id(live_id, seq.clamp(Seq(0), SEQ_LIMIT)).0
}

fn collect<T>(rows: impl Iterator<Item = rusqlite::Result<T>>) -> Kept<Vec<T>> {
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// A message as it is read, without reading it; its author and those it mentions are unnamed.
pub(super) fn written(posting: Posting, draft: &Draft, seq: Option<Seq>, reply_to: Option<Seq>) -> Message {
    Message {
        live_id: posting.live_id,
        seq,
        content: draft.content.clone(),
        created_at_ms: posting.now_ms,
        kind: draft.kind,
        reply_to,
        position: draft.position,
        author: Author::unnamed(posting.author_id),
        mentions: Vec::new(),
        deleted: false,
        on_replay: posting.on_replay,
        held: false,
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Message> {
    let (id, flags): (i64, i64) = (row.get(0)?, row.get(3)?);
    let (live_id, author_id) = (LiveId(id >> 24), PersonId(row.get(7)?));
    let mentioned = row.get_ref(5)?.as_blob_or_null()?.map_or_else(Vec::new, mentions::unpacked);
    Ok(Message {
        live_id,
        seq: seq_in(live_id, MessageId(id)),
        content: unpack(row.get_ref(6)?)?,
        created_at_ms: UnixMs(row.get(2)?),
        kind: if flags & EMOJI == 0 { Kind::Text } else { Kind::Emoji },
        reply_to: row.get::<_, Option<i64>>(4)?.map(Seq),
        position: position(row.get(1)?),
        author: Author::unnamed(author_id),
        mentions: mentioned.into_iter().map(mentions::unnamed).collect(),
        deleted: flags & DELETED != 0,
        on_replay: flags & ON_REPLAY != 0,
        held: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_are_written_in_two_ways_are_found_in_both() {
        for (said, asked) in
            [("Straße", "strasse"), ("STRASSE", "straße"), ("cœur", "coeur"), ("Ɗaado", "daado")]
        {
            assert!(finds(said, asked), "{asked} in {said}");
        }
        assert!(finds("𞤀𞤣𞤤𞤢𞤥", "𞤢𞤣𞤤𞤢𞤥"), "letters that SQLite does not know, in either case");
    }

    #[test]
    fn a_word_is_found_inside_a_run_of_signs() {
        let said = "我今天去了图书馆看书, iPhone15を買った, 학교에서";
        for asked in
            ["图书馆", "图书", "书", "馆看书", "今天", "買", "iphone15", "학교", "\"图书馆看\"", "図"]
        {
            assert_eq!(finds(said, asked), asked != "図", "{asked}");
        }
        assert!(!finds("图书 书馆", "图书馆"), "each two follow each other, all three do not");
        assert!(finds("ภาษาไทย", "ไทย") && finds("ｶﾞｷﾞｸﾞ", "ギグ"));
    }

    #[test]
    fn an_emoji_is_found_whatever_its_skin() {
        for (said, asked) in
            [("bravo🎉", "🎉"), ("👍🏽", "👍"), ("👍", "👍🏿"), ("j'❤ ça", "❤️"), ("🇸🇳 !", "🇸🇳"), ("👨‍👩‍👧", "👩")]
        {
            assert!(finds(said, asked), "{asked} in {said}");
        }
        assert!(!finds("🇸🇪🇳🇬", "🇸🇳") && !finds("🎉", "🎈"));
    }

    /// Bytes of the index for each message of so many, and bytes of their text.
    fn cost(count: usize, say: impl Fn(&mut u64) -> String) -> (usize, usize) {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(INDEX).unwrap();
        let (mut random, mut said) = (7_u64, 0);
        for batch in 0..count / 200 {
            let writing = connection.transaction().unwrap();
            for number in 0..200 {
                let text = say(&mut random);
                said += text.len();
                let row = (batch * 200 + number + 1) as i64;
                let values = rusqlite::params![row, search::words(&text)];
                writing.execute("INSERT INTO s (rowid, words) VALUES (?1, ?2)", values).unwrap();
            }
            writing.commit().unwrap();
        }
        let number = |of: &str| connection.query_row(of, [], |row| row.get::<_, i64>(0)).unwrap();
        let pages = number("PRAGMA page_count") - number("PRAGMA freelist_count");
        ((pages * number("PRAGMA page_size")) as usize / count, said / count)
    }

    fn below(random: &mut u64, most: u64) -> u64 {
        *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*random >> 33) % most
    }

    /// Words are said as often as in any language: few of them nearly always, most of them hardly ever.
    fn word(random: &mut u64) -> u64 {
        let (one, other) = (below(random, 70), below(random, 70));
        one * other
    }

    #[test]
    fn the_index_costs_less_than_three_times_the_text() {
        const SYLLABLES: [&str; 16] = [
            "ma", "lo", "ti", "ken", "sa", "rou", "di", "pel", "vé", "on", "bra", "chi", "fu", "ner", "gou",
            "zi",
        ];
        let spoken = |random: &mut u64| {
            let count = 2 + below(random, 11);
            let say = |random: &mut u64| {
                let word = word(random) as usize;
                [SYLLABLES[word % 16], SYLLABLES[word / 16 % 16], SYLLABLES[word / 256 % 16]].concat()
            };
            (0..count).map(|_| say(random)).collect::<Vec<_>>().join(" ")
        };
        let written = |random: &mut u64| {
            let count = 4 + below(random, 20);
            let sign = |random: &mut u64| char::from_u32(0x4e00 + word(random) as u32).unwrap();
            (0..count).map(|_| sign(random)).collect::<String>()
        };
        let (words, signs) = (cost(10_000, spoken), cost(10_000, written));
        eprintln!("bytes of the index and of the text of a message: words {words:?}, signs {signs:?}");
        for (index, text) in [words, signs] {
            assert!(index < 3 * text, "{index} bytes of index for {text} of text");
        }
    }

    const INDEX: &str = "CREATE VIRTUAL TABLE s USING fts5 (words, content = '', contentless_delete = 1, detail = none, \
                         tokenize = \"unicode61 remove_diacritics 0\")";

    /// Whether a message is found by a query, as the index tells.
    fn finds(said: &str, asked: &str) -> bool {
        let query = Query::new(asked).unwrap();
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(INDEX).unwrap();
        connection.execute("INSERT INTO s (rowid, words) VALUES (1, ?1)", [search::words(said)]).unwrap();
        let mut found = connection.prepare("SELECT 1 FROM s WHERE s MATCH ?1").unwrap();
        found.exists([&query.must]).unwrap() && query.fits(said)
    }
}
