//! Moderation in SQL: every function runs inside the caller's transaction, and writes down the act it does.

use rusqlite::{Connection, OptionalExtension, Row, params};
use timeline::Position;

use crate::message::{Draft, Kind, Message, SEQ_LIMIT, message_id, seq_in};
use crate::moderation::{Act, Held, Rules, RulesChange, Sanction, WordList};
use crate::posting::{Desk, Posting, remember_sent};
use crate::store::{self, Deletion};
use crate::{Error, Mention, Refusal, mentions, packing};

/// Messages that may wait for approval in one live. A further one is refused.
const HELD_LIMIT: i64 = 1_000;
/// Messages that one ban takes away at most, the newest.
const BAN_DELETES: usize = 1_000;
const HELD: &str = "SELECT h.id, h.created_at, h.kind, h.take, h.ms, h.reply_to, h.on_replay, h.content, h.client_id, \
     h.author_id, h.mentions FROM chat_held h";

/// Somebody who leads a conversation, when and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Leading {
    pub(crate) live_id: i64,
    pub(crate) by_id: i64,
    pub(crate) now_ms: i64,
}

/// How a conversation is led, with its pinned message.
pub(crate) fn rules(conn: &Connection, live_id: i64) -> Result<Rules, Error> {
    let mut statement = conn.prepare_cached("SELECT person_id FROM chat_moderators WHERE live_id = ?1")?;
    let moderators = statement.query_map([live_id], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let version = conn
        .prepare_cached("SELECT coalesce(max(id), 0) FROM chat_acts WHERE live_id = ?1")?
        .query_row([live_id], |row| row.get(0))?;
    let led = conn
        .prepare_cached(
            "SELECT slow_ms, hold, pinned, words, show_members FROM chat_rules WHERE live_id = ?1",
        )?
        .query_row([live_id], |row| {
            let words: String = row.get(3)?;
            Ok((row.get(0)?, row.get(1)?, row.get::<_, Option<i64>>(2)?, words, row.get(4)?))
        })
        .optional()?;
    let Some((slow_ms, hold, pinned, words, show_members)) = led else {
        return Ok(Rules { version, moderators, ..Rules::default() });
    };
    let pinned = pinned.map(|seq| store::by_id(conn, message_id(live_id, seq))).transpose()?.flatten();
    let words = WordList::new(words.lines().map(str::to_owned)).unwrap_or_default();
    let pinned = pinned.map(Box::new);
    Ok(Rules { version, slow_ms, hold, show_members, pinned, words, moderators })
}

/// Changes how a conversation is led.
pub(crate) fn change_rules(
    conn: &Connection,
    leading: Leading,
    change: &RulesChange,
) -> Result<Rules, Error> {
    let Leading { live_id, .. } = leading;
    let pinned = match change.pinned {
        Some(Some(id)) => Some(Some(existing(conn, live_id, id)?)),
        other => other,
    };
    conn.execute("INSERT OR IGNORE INTO chat_rules (live_id) VALUES (?1)", [live_id])?;
    if let Some(slow_ms) = change.slow_ms {
        conn.execute("UPDATE chat_rules SET slow_ms = ?2 WHERE live_id = ?1", [live_id, slow_ms])?;
        note(conn, leading, "slow", None, &slow_ms.to_string())?;
    }
    if let Some(hold) = change.hold {
        conn.execute("UPDATE chat_rules SET hold = ?2 WHERE live_id = ?1", params![live_id, hold])?;
        note(conn, leading, "hold", None, if hold { "on" } else { "off" })?;
    }
    if let Some(shown) = change.show_members {
        conn.execute("UPDATE chat_rules SET show_members = ?2 WHERE live_id = ?1", params![live_id, shown])?;
        note(conn, leading, "show members", None, if shown { "on" } else { "off" })?;
    }
    if let Some(words) = &change.words {
        let lines = words.words().join("\n");
        conn.execute("UPDATE chat_rules SET words = ?2 WHERE live_id = ?1", params![live_id, lines])?;
        note(conn, leading, "words", None, &words.words().len().to_string())?;
    }
    if let Some(pinned) = pinned {
        conn.execute("UPDATE chat_rules SET pinned = ?2 WHERE live_id = ?1", params![live_id, pinned])?;
        note(conn, leading, "pin", pinned.map(|seq| message_id(live_id, seq)), "")?;
    }
    rules(conn, live_id)
}

/// The number of a message that is there to be read.
fn existing(conn: &Connection, live_id: i64, id: i64) -> Result<i64, Error> {
    let seq = seq_in(live_id, id).ok_or(Refusal::NoMessage)?;
    match store::by_id(conn, id)? {
        Some(message) if !message.deleted => Ok(seq),
        _ => Err(Refusal::NoMessage.into()),
    }
}

/// Takes the pin from a message that was deleted.
pub(crate) fn unpin(conn: &Connection, live_id: i64, seq: i64) -> Result<bool, Error> {
    let changed = conn
        .prepare_cached("UPDATE chat_rules SET pinned = NULL WHERE live_id = ?1 AND pinned = ?2")?
        .execute([live_id, seq])?;
    Ok(changed > 0)
}

/// Makes somebody moderator of a live, or no longer.
pub(crate) fn set_moderator(
    conn: &Connection,
    leading: Leading,
    person_id: i64,
    named: bool,
) -> Result<Rules, Error> {
    let known = conn.prepare_cached("SELECT 1 FROM users WHERE id = ?1")?.exists([person_id])?;
    if named && !known {
        return Err(Refusal::NoPerson.into());
    }
    let sql = if named {
        "INSERT OR IGNORE INTO chat_moderators VALUES (?1, ?2)"
    } else {
        "DELETE FROM chat_moderators WHERE live_id = ?1 AND person_id = ?2"
    };
    conn.execute(sql, [leading.live_id, person_id])?;
    note(conn, leading, if named { "moderator" } else { "no moderator" }, Some(person_id), "")?;
    rules(conn, leading.live_id)
}

/// Keeps somebody from writing, and takes their messages away if asked.
pub(crate) fn sanction(
    conn: &Connection,
    leading: Leading,
    sanction: Sanction,
) -> Result<Vec<Deletion>, Error> {
    let Leading { live_id, by_id, now_ms } = leading;
    let known = conn.prepare_cached("SELECT 1 FROM users WHERE id = ?1")?.exists([sanction.person_id])?;
    if !known {
        return Err(Refusal::NoPerson.into());
    }
    conn.execute(
        "INSERT OR REPLACE INTO chat_sanctions VALUES (?1, ?2, ?3)",
        params![live_id, sanction.person_id, sanction.until_ms],
    )?;
    let (act, detail) = match sanction.until_ms {
        Some(until) => ("silence", wire::Time(until).to_string()),
        None => ("ban", String::new()),
    };
    note(conn, leading, act, Some(sanction.person_id), &detail)?;
    if !sanction.delete_messages {
        return Ok(Vec::new());
    }
    let mut statement = conn.prepare_cached(
        "SELECT id FROM messages WHERE author_id = ?1 AND id BETWEEN ?2 AND ?3 AND flags & 1 = 0 ORDER BY id DESC",
    )?;
    let ids = statement
        .query_map(in_live(sanction.person_id, live_id), |row| row.get(0))?
        .take(BAN_DELETES)
        .collect::<rusqlite::Result<Vec<i64>>>()?;
    let deletions = ids.into_iter().map(|id| store::delete(conn, live_id, id, by_id, true, now_ms));
    Ok(deletions.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// Lets somebody write again.
pub(crate) fn lift(conn: &Connection, leading: Leading, person_id: i64) -> Result<(), Error> {
    let sql = "DELETE FROM chat_sanctions WHERE live_id = ?1 AND person_id = ?2";
    if conn.execute(sql, [leading.live_id, person_id])? > 0 {
        note(conn, leading, "lift", Some(person_id), "")?;
    }
    Ok(())
}

/// Who may not write in a live now.
pub(crate) fn sanctions(conn: &Connection, live_id: i64, now_ms: i64) -> Result<Vec<Sanction>, Error> {
    let mut statement = conn.prepare_cached(
        "SELECT person_id, until_ms FROM chat_sanctions \
         WHERE live_id = ?1 AND (until_ms IS NULL OR until_ms > ?2) ORDER BY person_id LIMIT 1000",
    )?;
    let rows = statement.query_map([live_id, now_ms], |row| {
        Ok(Sanction { person_id: row.get(0)?, until_ms: row.get(1)?, delete_messages: false })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Whether anybody is silenced or banned in a live, or was.
pub(crate) fn has_sanctions(conn: &Connection, live_id: i64) -> Result<bool, Error> {
    Ok(conn.prepare_cached("SELECT 1 FROM chat_sanctions WHERE live_id = ?1 LIMIT 1")?.exists([live_id])?)
}

/// Refuses somebody who is silenced or banned.
pub(crate) fn is_allowed(conn: &Connection, posting: Posting) -> Result<(), Error> {
    let sanctioned: Option<Option<i64>> = conn
        .prepare_cached("SELECT until_ms FROM chat_sanctions WHERE live_id = ?1 AND person_id = ?2")?
        .query_row([posting.live_id, posting.author_id], |row| row.get(0))
        .optional()?;
    match sanctioned {
        Some(None) => Err(Refusal::Banned.into()),
        Some(Some(until_ms)) if until_ms > posting.now_ms => Err(Refusal::Silenced { until_ms }.into()),
        _ => Ok(()),
    }
}

/// Refuses somebody who wrote a moment ago.
pub(crate) fn is_slow_enough(conn: &Connection, posting: Posting, slow_ms: i64) -> Result<(), Error> {
    let [person_id, first, last] = in_live(posting.author_id, posting.live_id);
    let last: Option<i64> = conn
        .prepare_cached(
            "SELECT sent + (SELECT base_ms FROM chat_counters WHERE live_id = ?4) FROM messages \
             WHERE author_id = ?1 AND id BETWEEN ?2 AND ?3 ORDER BY id DESC LIMIT 1",
        )?
        .query_row([person_id, first, last, posting.live_id], |row| row.get(0))
        .optional()?;
    // A message of the future was written before the clock was set back: nobody waits for that.
    match last.filter(|last| *last > posting.now_ms - slow_ms && *last <= posting.now_ms) {
        Some(last) => Err(Refusal::TooSoon { wait_ms: (last + slow_ms - posting.now_ms).max(1) }.into()),
        None => Ok(()),
    }
}

/// A person, and the first and last ids that their messages in a live may have.
fn in_live(person_id: i64, live_id: i64) -> [i64; 3] {
    [person_id, message_id(live_id, 1), message_id(live_id, SEQ_LIMIT)]
}

/// Puts a message aside until a moderator approves it. The same `client_id` again finds it there.
pub(crate) fn hold(
    conn: &Connection,
    posting: Posting,
    draft: &Draft,
    reply_to: Option<i64>,
    mentions: &[Mention],
) -> Result<(), Error> {
    let waiting: i64 = conn
        .prepare_cached("SELECT count(*) FROM chat_held WHERE live_id = ?1")?
        .query_row([posting.live_id], |row| row.get(0))?;
    if waiting >= HELD_LIMIT {
        return Err(Refusal::Full.into());
    }
    conn.prepare_cached(
        "INSERT OR IGNORE INTO chat_held \
         (live_id, author_id, created_at, kind, take, ms, reply_to, on_replay, content, client_id, \
         mentions) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        posting.live_id,
        posting.author_id,
        posting.now_ms,
        draft.kind == Kind::Emoji,
        draft.position.take,
        draft.position.ms,
        reply_to,
        posting.on_replay,
        draft.content,
        draft.client_id,
        mentions::packed(mentions),
    ])?;
    Ok(())
}

/// The oldest messages that wait for approval.
pub(crate) fn held(conn: &Connection, live_id: i64, limit: u32) -> Result<Vec<Held>, Error> {
    let mut statement =
        conn.prepare_cached(&format!("{HELD} WHERE h.live_id = ?1 ORDER BY h.id LIMIT ?2"))?;
    let rows = statement
        .query_map(params![live_id, limit], |row| read_held(row, live_id))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let mut desk = Desk::new(conn);
    let held = |(id, posting, draft): (i64, Posting, Draft)| {
        let mentions = mentions::named_all(conn, draft.mentions.iter().copied())?;
        Ok(Held { id, message: Message { mentions, ..desk.message(posting, &draft, None, None)? } })
    };
    rows.into_iter().map(held).collect()
}

/// Takes a message out of those that wait: stores it when it is approved.
pub(crate) fn decide(
    conn: &Connection,
    leading: Leading,
    held_id: i64,
    approved: bool,
) -> Result<Option<Message>, Error> {
    let (_, posting, draft) = conn
        .prepare_cached(&format!("{HELD} WHERE h.id = ?1 AND h.live_id = ?2"))?
        .query_row([held_id, leading.live_id], |row| read_held(row, leading.live_id))
        .optional()?
        .ok_or(Refusal::NoMessage)?;
    conn.execute("DELETE FROM chat_held WHERE id = ?1", [held_id])?;
    note(
        conn,
        leading,
        if approved { "approve" } else { "reject" },
        Some(posting.author_id),
        &draft.content,
    )?;
    if approved {
        let mut desk = Desk::new(conn);
        let mentions = mentions::named_all(conn, draft.mentions.iter().copied())?;
        let message = desk.keep(posting, &draft, &packing::pack(&draft.content), mentions)?;
        desk.close()?;
        return Ok(Some(message));
    }
    remember_sent(conn, posting, &draft, None)?;
    Ok(None)
}

fn read_held(row: &Row<'_>, live_id: i64) -> rusqlite::Result<(i64, Posting, Draft)> {
    let posting = Posting { live_id, author_id: row.get(9)?, on_replay: row.get(6)?, now_ms: row.get(1)? };
    let draft = Draft {
        kind: if row.get(2)? { Kind::Emoji } else { Kind::Text },
        content: row.get(7)?,
        reply_to: row.get::<_, Option<i64>>(5)?.map(|seq| message_id(live_id, seq)),
        client_id: row.get(8)?,
        position: Position { take: row.get(3)?, ms: row.get(4)? },
        mentions: row.get_ref(10)?.as_blob_or_null()?.map_or_else(Vec::new, mentions::unpacked),
        host: None,
    };
    Ok((row.get(0)?, posting, draft))
}

/// Writes an act down.
pub(crate) fn note(
    conn: &Connection,
    leading: Leading,
    act: &str,
    subject: Option<i64>,
    detail: &str,
) -> Result<(), Error> {
    conn.prepare_cached(
        "INSERT INTO chat_acts (live_id, at_ms, by_id, act, subject, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![leading.live_id, leading.now_ms, leading.by_id, act, subject, detail])?;
    Ok(())
}

/// The acts before the one with this id, newest first.
pub(crate) fn acts(conn: &Connection, live_id: i64, before: i64, limit: u32) -> Result<Vec<Act>, Error> {
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
