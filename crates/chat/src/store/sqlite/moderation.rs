//! Moderation in SQL: every function runs inside the caller's transaction, and writes down the act it does.

use ids::{ActId, HeldId, LiveId, MessageId, PersonId, Seq, UnixMs};
use rusqlite::{Connection, OptionalExtension, Row, params};
use timeline::Position;

use super::acts::note;
use super::desk::{Desk, remember_sent};
use super::gate::in_live;
use super::{Kept, messages};
use crate::mentions::{self, Mention};
use crate::message::{Draft, Kind, Message, message_id, seq_in};
use crate::moderation::{Acting, Held, Rules, RulesChange, Sanction, WordList};
use crate::store::{Deletion, Posting};
use crate::{Error, Refusal, compression};

/// Messages that one ban takes away at most, the newest.
const BAN_DELETES: usize = 1_000;
const HELD: &str = "SELECT h.id, h.created_at, h.kind, h.take, h.ms, h.reply_to, h.on_replay, h.content, h.client_id, \
     h.author_id, h.mentions FROM chat_held h";

/// How a conversation is moderated, with its pinned message.
pub(super) fn rules(conn: &Connection, live_id: LiveId) -> Kept<Rules> {
    let mut statement = conn.prepare_cached("SELECT person_id FROM chat_moderators WHERE live_id = ?1")?;
    let moderators =
        statement.query_map([live_id.0], |row| row.get(0).map(PersonId))?.collect::<rusqlite::Result<_>>()?;
    let version = conn
        .prepare_cached("SELECT coalesce(max(id), 0) FROM chat_acts WHERE live_id = ?1")?
        .query_row([live_id.0], |row| row.get(0).map(ActId))?;
    let led = conn
        .prepare_cached(
            "SELECT slow_ms, hold, pinned, words, show_members FROM chat_rules WHERE live_id = ?1",
        )?
        .query_row([live_id.0], |row| {
            let words: String = row.get(3)?;
            Ok((row.get(0)?, row.get(1)?, row.get::<_, Option<i64>>(2)?, words, row.get(4)?))
        })
        .optional()?;
    let Some((slow_ms, hold, pinned, words, show_members)) = led else {
        return Ok(Rules { version, moderators, ..Rules::default() });
    };
    let pinned =
        pinned.map(|seq| messages::by_id(conn, message_id(live_id, Seq(seq)))).transpose()?.flatten();
    let words = WordList::kept(&words);
    let pinned = pinned.map(Box::new);
    Ok(Rules { version, slow_ms, hold, show_members, pinned, words, moderators })
}

/// Changes how a conversation is moderated.
pub(super) fn change_rules(conn: &Connection, acting: Acting, change: &RulesChange) -> Result<Rules, Error> {
    let live_id = acting.live_id;
    let pinned = match change.pinned {
        Some(Some(id)) => Some(Some(existing(conn, live_id, id)?)),
        Some(None) => Some(None),
        None => None,
    };
    conn.execute("INSERT OR IGNORE INTO chat_rules (live_id) VALUES (?1)", [live_id.0])?;
    if let Some(slow_ms) = change.slow_ms {
        conn.execute("UPDATE chat_rules SET slow_ms = ?2 WHERE live_id = ?1", [live_id.0, slow_ms])?;
        note(conn, acting, "slow", None, &slow_ms.to_string())?;
    }
    if let Some(hold) = change.hold {
        conn.execute("UPDATE chat_rules SET hold = ?2 WHERE live_id = ?1", params![live_id.0, hold])?;
        note(conn, acting, "hold", None, if hold { "on" } else { "off" })?;
    }
    if let Some(shown) = change.show_members {
        conn.execute(
            "UPDATE chat_rules SET show_members = ?2 WHERE live_id = ?1",
            params![live_id.0, shown],
        )?;
        note(conn, acting, "show members", None, if shown { "on" } else { "off" })?;
    }
    if let Some(words) = &change.words {
        let lines = words.words().join("\n");
        conn.execute("UPDATE chat_rules SET words = ?2 WHERE live_id = ?1", params![live_id.0, lines])?;
        note(conn, acting, "words", None, &words.words().len().to_string())?;
    }
    if let Some(pinned) = pinned {
        conn.execute(
            "UPDATE chat_rules SET pinned = ?2 WHERE live_id = ?1",
            params![live_id.0, pinned.map(|seq| seq.0)],
        )?;
        note(conn, acting, "pin", pinned.map(|seq| message_id(live_id, seq).0), "")?;
    }
    Ok(rules(conn, live_id)?)
}

/// The number of a message that is there to be read.
fn existing(conn: &Connection, live_id: LiveId, id: MessageId) -> Result<Seq, Error> {
    let seq = seq_in(live_id, id).ok_or(Refusal::NoMessage)?;
    match messages::by_id(conn, id)? {
        Some(message) if !message.deleted => Ok(seq),
        _ => Err(Refusal::NoMessage.into()),
    }
}

/// Makes somebody moderator of a live, or no longer.
pub(super) fn set_moderator(
    conn: &Connection,
    acting: Acting,
    person_id: PersonId,
    named: bool,
) -> Kept<Rules> {
    let sql = if named {
        "INSERT OR IGNORE INTO chat_moderators VALUES (?1, ?2)"
    } else {
        "DELETE FROM chat_moderators WHERE live_id = ?1 AND person_id = ?2"
    };
    conn.execute(sql, [acting.live_id.0, person_id.0])?;
    note(conn, acting, if named { "moderator" } else { "no moderator" }, Some(person_id.0), "")?;
    rules(conn, acting.live_id)
}

/// Keeps somebody from writing, and takes their messages away if asked.
pub(super) fn sanction(conn: &Connection, acting: Acting, sanction: Sanction) -> Kept<Vec<Deletion>> {
    let live_id = acting.live_id;
    conn.execute(
        "INSERT OR REPLACE INTO chat_sanctions VALUES (?1, ?2, ?3)",
        params![live_id.0, sanction.person_id.0, sanction.until_ms.map(|until| until.0)],
    )?;
    let (act, detail) = match sanction.until_ms {
        Some(until) => ("silence", wire::Time(until.0).to_string()),
        None => ("ban", String::new()),
    };
    note(conn, acting, act, Some(sanction.person_id.0), &detail)?;
    if !sanction.delete_messages {
        return Ok(Vec::new());
    }
    let mut statement = conn.prepare_cached(
        "SELECT id FROM messages WHERE author_id = ?1 AND id BETWEEN ?2 AND ?3 AND flags & 1 = 0 ORDER BY id DESC",
    )?;
    let ids = statement
        .query_map(in_live(sanction.person_id, live_id), |row| row.get(0).map(MessageId))?
        .take(BAN_DELETES)
        .collect::<rusqlite::Result<Vec<_>>>()?;
    ids.into_iter().map(|id| messages::erase(conn, acting, id, sanction.person_id)).collect()
}

/// Lets somebody write again.
pub(super) fn lift(conn: &Connection, acting: Acting, person_id: PersonId) -> Kept<()> {
    let sql = "DELETE FROM chat_sanctions WHERE live_id = ?1 AND person_id = ?2";
    if conn.execute(sql, [acting.live_id.0, person_id.0])? > 0 {
        note(conn, acting, "lift", Some(person_id.0), "")?;
    }
    Ok(())
}

/// Who may not write in a live now.
pub(super) fn sanctions(conn: &Connection, live_id: LiveId, now_ms: UnixMs) -> Kept<Vec<Sanction>> {
    let mut statement = conn.prepare_cached(
        "SELECT person_id, until_ms FROM chat_sanctions \
         WHERE live_id = ?1 AND (until_ms IS NULL OR until_ms > ?2) ORDER BY person_id LIMIT 1000",
    )?;
    let rows = statement.query_map([live_id.0, now_ms.0], |row| {
        let until_ms = row.get::<_, Option<i64>>(1)?.map(UnixMs);
        Ok(Sanction { person_id: PersonId(row.get(0)?), until_ms, delete_messages: false })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The oldest messages that wait for approval.
pub(super) fn held(conn: &Connection, live_id: LiveId, limit: u32) -> Kept<Vec<Held>> {
    let mut statement =
        conn.prepare_cached(&format!("{HELD} WHERE h.live_id = ?1 ORDER BY h.id LIMIT ?2"))?;
    let rows = statement
        .query_map(params![live_id.0, limit], |row| read_held(row, live_id))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let held = |(id, posting, draft): (HeldId, Posting, Draft)| {
        let mentions = unnamed(&draft);
        Held { id, message: Message { mentions, ..messages::written(posting, &draft, None, None) } }
    };
    Ok(rows.into_iter().map(held).collect())
}

/// What somebody wrote that waits for approval, in all lives.
pub(super) fn held_of(conn: &Connection, author_id: PersonId) -> Kept<Vec<Message>> {
    let mut lives = conn.prepare_cached("SELECT DISTINCT live_id FROM chat_held WHERE author_id = ?1")?;
    let lives = lives.query_map([author_id.0], |row| row.get(0).map(LiveId))?;
    let mut found = Vec::new();
    for live_id in lives.collect::<rusqlite::Result<Vec<_>>>()? {
        let waiting = held(conn, live_id, u32::MAX)?.into_iter().map(|held| held.message);
        found.extend(waiting.filter(|message| message.author.id == author_id));
    }
    Ok(found)
}

/// Takes a message out of those that wait: stores it when it is approved.
pub(super) fn decide(
    conn: &Connection,
    acting: Acting,
    held_id: HeldId,
    approved: bool,
) -> Result<Option<Message>, Error> {
    let (_, posting, draft) = conn
        .prepare_cached(&format!("{HELD} WHERE h.id = ?1 AND h.live_id = ?2"))?
        .query_row([held_id.0, acting.live_id.0], |row| read_held(row, acting.live_id))
        .optional()?
        .ok_or(Refusal::NoMessage)?;
    conn.execute("DELETE FROM chat_held WHERE id = ?1", [held_id.0])?;
    note(
        conn,
        acting,
        if approved { "approve" } else { "reject" },
        Some(posting.author_id.0),
        &draft.content,
    )?;
    if approved {
        let mut desk = Desk::new(conn);
        let message = desk.keep(posting, &draft, &compression::pack(&draft.content), unnamed(&draft))?;
        desk.close()?;
        return Ok(Some(message));
    }
    remember_sent(conn, posting, &draft, None)?;
    Ok(None)
}

/// Whom a message that waits mentions: that they have a part in the conversation was looked up when it was sent.
fn unnamed(draft: &Draft) -> Vec<Mention> {
    draft.mentions.iter().copied().map(mentions::unnamed).collect()
}

fn read_held(row: &Row<'_>, live_id: LiveId) -> rusqlite::Result<(HeldId, Posting, Draft)> {
    let (author_id, now_ms) = (PersonId(row.get(9)?), UnixMs(row.get(1)?));
    let posting = Posting { live_id, author_id, on_replay: row.get(6)?, now_ms };
    let draft = Draft {
        kind: if row.get(2)? { Kind::Emoji } else { Kind::Text },
        content: row.get(7)?,
        reply_to: row.get::<_, Option<i64>>(5)?.map(|seq| message_id(live_id, Seq(seq))),
        client_id: row.get(8)?,
        position: Position { take: row.get(3)?, ms: row.get(4)? },
        mentions: row.get_ref(10)?.as_blob_or_null()?.map_or_else(Vec::new, mentions::unpacked),
        host: None,
    };
    Ok((HeldId(row.get(0)?), posting, draft))
}
