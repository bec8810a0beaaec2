//! Reports of messages, and bans in all lives, in SQL.

use ids::{LiveId, MessageId, PersonId, ReportId, UnixMs};
use rusqlite::{Connection, OptionalExtension, params};

use super::{Kept, messages, outbox};
use crate::message::seq_in;
use crate::moderation::{Ban, NewReport, Report};
use crate::store::{Event, EventKind};
use crate::{Error, Refusal};

/// Keeps a report, and the event with it. The same message reported again by the same person is the report that there is.
pub(super) fn report(conn: &Connection, new: &NewReport) -> Result<ReportId, Error> {
    let NewReport { acting, message_id, reason } = new;
    seq_in(acting.live_id, *message_id).ok_or(Refusal::NoMessage)?;
    let message = messages::by_id(conn, *message_id)?.filter(|message| !message.deleted);
    let author_id = message.ok_or(Refusal::NoMessage)?.author.id;
    let known = conn
        .prepare_cached("SELECT id FROM chat_reports WHERE message_id = ?1 AND by_id = ?2")?
        .query_row([message_id.0, acting.by_id.0], |row| row.get(0).map(ReportId))
        .optional()?;
    if let Some(known) = known {
        return Ok(known);
    }
    conn.prepare_cached(
        "INSERT INTO chat_reports (live_id, message_id, author_id, by_id, at_ms, reason) VALUES (?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        acting.live_id.0,
        message_id.0,
        author_id.0,
        acting.by_id.0,
        acting.now_ms.0,
        reason
    ])?;
    let id = ReportId(conn.last_insert_rowid());
    let event = Event {
        number: 0,
        live_id: acting.live_id,
        person_id: author_id,
        at_ms: acting.now_ms,
        kind: EventKind::Reported(id, *message_id),
    };
    outbox::put(conn, event)?;
    Ok(id)
}

pub(super) fn list(conn: &Connection, skip: u64, limit: u32) -> Kept<(u64, Vec<Report>)> {
    let count: i64 = conn.query_row("SELECT count(*) FROM chat_reports", [], |row| row.get(0))?;
    let mut statement = conn.prepare_cached(
        "SELECT id, message_id, by_id, at_ms, reason FROM chat_reports ORDER BY id DESC LIMIT ?1 OFFSET ?2",
    )?;
    let skip = i64::try_from(skip).unwrap_or(i64::MAX);
    let rows = statement
        .query_map(params![limit, skip], |row| {
            let message = MessageId(row.get(1)?);
            Ok((ReportId(row.get(0)?), message, PersonId(row.get(2)?), UnixMs(row.get(3)?), row.get(4)?))
        })?
        .collect::<rusqlite::Result<Vec<(_, _, _, _, String)>>>()?;
    let mut reports = Vec::with_capacity(rows.len());
    for (id, message, by_id, at_ms, reason) in rows {
        if let Some(message) = messages::by_id(conn, message)? {
            reports.push(Report { id, message, by_id, at_ms, reason });
        }
    }
    Ok((u64::try_from(count).unwrap_or(0), reports))
}

/// What somebody reported: of which message, when, and why.
pub(super) fn by(conn: &Connection, by_id: PersonId) -> Kept<Vec<(MessageId, UnixMs, String)>> {
    let mut statement = conn
        .prepare_cached("SELECT message_id, at_ms, reason FROM chat_reports WHERE by_id = ?1 ORDER BY id")?;
    let rows = statement
        .query_map([by_id.0], |row| Ok((MessageId(row.get(0)?), UnixMs(row.get(1)?), row.get(2)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Whether there was such a report.
pub(super) fn dismiss(conn: &Connection, id: ReportId) -> Kept<bool> {
    Ok(conn.execute("DELETE FROM chat_reports WHERE id = ?1", [id.0])? > 0)
}

pub(super) fn bans(
    conn: &Connection,
    live_id: Option<LiveId>,
    now_ms: UnixMs,
    skip: u64,
    limit: u32,
) -> Kept<(u64, Vec<Ban>)> {
    const WANTED: &str = "(?1 IS NULL OR live_id = ?1) AND (until_ms IS NULL OR until_ms > ?2)";
    let live = live_id.map(|live| live.0);
    let count: i64 = conn
        .prepare_cached(&format!("SELECT count(*) FROM chat_sanctions WHERE {WANTED}"))?
        .query_row(params![live, now_ms.0], |row| row.get(0))?;
    let sql = format!(
        "SELECT live_id, person_id, until_ms FROM chat_sanctions WHERE {WANTED} \
         ORDER BY live_id DESC, person_id LIMIT ?3 OFFSET ?4"
    );
    let skip = i64::try_from(skip).unwrap_or(i64::MAX);
    let mut statement = conn.prepare_cached(&sql)?;
    let bans = statement.query_map(params![live, now_ms.0, limit, skip], |row| {
        let until_ms = row.get::<_, Option<i64>>(2)?.map(UnixMs);
        Ok(Ban { live_id: LiveId(row.get(0)?), person_id: PersonId(row.get(1)?), until_ms })
    })?;
    Ok((u64::try_from(count).unwrap_or(0), bans.collect::<rusqlite::Result<_>>()?))
}
