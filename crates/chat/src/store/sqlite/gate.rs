//! What the rules ask for before somebody writes, in SQL.

use ids::{HeldId, LiveId, PersonId, Seq, UnixMs};
use rusqlite::{Connection, OptionalExtension, params};

use super::{Kept, outbox};
use crate::mentions::{self, Mention};
use crate::message::{Draft, Kind, SEQ_LIMIT, message_id};
use crate::store::{Event, EventKind, Posting};

/// Whether anybody is silenced or banned in a live, or was.
pub(super) fn has_sanctions(conn: &Connection, live_id: LiveId) -> Kept<bool> {
    Ok(conn.prepare_cached("SELECT 1 FROM chat_sanctions WHERE live_id = ?1 LIMIT 1")?.exists([live_id.0])?)
}

/// Until when somebody may not write, if they are silenced; `Some(None)` if they are banned.
pub(super) fn sanction(conn: &Connection, posting: Posting) -> Kept<Option<Option<UnixMs>>> {
    Ok(conn
        .prepare_cached("SELECT until_ms FROM chat_sanctions WHERE live_id = ?1 AND person_id = ?2")?
        .query_row([posting.live_id.0, posting.author_id.0], |row| {
            Ok(row.get::<_, Option<i64>>(0)?.map(UnixMs))
        })
        .optional()?)
}

/// When somebody wrote last.
pub(super) fn last_sent(conn: &Connection, posting: Posting) -> Kept<Option<UnixMs>> {
    let [person_id, first, last] = in_live(posting.author_id, posting.live_id);
    Ok(conn
        .prepare_cached(
            "SELECT sent + (SELECT base_ms FROM chat_counters WHERE live_id = ?4) FROM messages \
             WHERE author_id = ?1 AND id BETWEEN ?2 AND ?3 ORDER BY id DESC LIMIT 1",
        )?
        .query_row([person_id, first, last, posting.live_id.0], |row| row.get(0).map(UnixMs))
        .optional()?)
}

/// How many messages of a live wait for approval.
pub(super) fn waiting(conn: &Connection, live_id: LiveId) -> Kept<i64> {
    let mut statement = conn.prepare_cached("SELECT count(*) FROM chat_held WHERE live_id = ?1")?;
    Ok(statement.query_row([live_id.0], |row| row.get(0))?)
}

/// Those of a draft's mentions who moderate the live, write in it, or are its author.
pub(super) fn taking_part(
    conn: &Connection,
    posting: Posting,
    draft: &Draft,
    wanted: &[Mention],
) -> Kept<Vec<Mention>> {
    let mut found = Vec::new();
    for mention in wanted {
        if draft.host == Some(mention.id) || takes_part(conn, posting, mention.id)? {
            found.push(mention.clone());
        }
    }
    Ok(found)
}

fn takes_part(conn: &Connection, posting: Posting, id: PersonId) -> Kept<bool> {
    if posting.author_id == id {
        return Ok(true);
    }
    let mut wrote =
        conn.prepare_cached("SELECT 1 FROM messages WHERE author_id = ?1 AND id BETWEEN ?2 AND ?3 LIMIT 1")?;
    let mut moderates =
        conn.prepare_cached("SELECT 1 FROM chat_moderators WHERE live_id = ?1 AND person_id = ?2")?;
    Ok(wrote.exists(in_live(id, posting.live_id))? || moderates.exists([posting.live_id.0, id.0])?)
}

/// Puts a message aside until a moderator approves it, and writes down that it waits. The same `client_id` again finds it there.
pub(super) fn hold(
    conn: &Connection,
    posting: Posting,
    draft: &Draft,
    reply_to: Option<Seq>,
    mentions: &[Mention],
) -> Kept<()> {
    let held = conn
        .prepare_cached(
            "INSERT OR IGNORE INTO chat_held \
         (live_id, author_id, created_at, kind, take, ms, reply_to, on_replay, content, client_id, \
         mentions) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            posting.live_id.0,
            posting.author_id.0,
            posting.now_ms.0,
            draft.kind == Kind::Emoji,
            draft.position.take,
            draft.position.ms,
            reply_to.map(|seq| seq.0),
            posting.on_replay,
            draft.content,
            draft.client_id,
            mentions::packed(mentions),
        ])?;
    if held == 0 {
        return Ok(());
    }
    let event = Event {
        number: 0,
        live_id: posting.live_id,
        person_id: posting.author_id,
        at_ms: posting.now_ms,
        kind: EventKind::Held(HeldId(conn.last_insert_rowid())),
    };
    outbox::put(conn, event)
}

/// A person, and the first and last ids that their messages in a live may have.
pub(super) fn in_live(person_id: PersonId, live_id: LiveId) -> [i64; 3] {
    [person_id.0, message_id(live_id, Seq(1)).0, message_id(live_id, SEQ_LIMIT).0]
}
