use ids::{EventId, LiveId, PersonId, UnixMs};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, params};

use super::outbox;
use crate::store::{NewRow, Row};
use crate::{Decision, Error, EventKind, Recorded};

/// What [`read`] reads.
pub(super) const COLUMNS: &str = "lives.id, author, lives.title, lives.description, lives.content, visibility, started_at, ended_at, \
     stopped_at, deleted_at, watch_key, stream_key, recorded, epoch, viewers, keep_ms, completed_at";

/// What a job on the rows returns that refuses nothing.
pub(super) type Kept<T> = Result<T, database::Error>;

pub(super) fn start(connection: &Connection, new: &NewRow, limit: u32) -> Result<(Row, EventId), Error> {
    let mut counting = connection.prepare_cached(
        "SELECT count(*) FROM lives WHERE author = ? AND ended_at IS NULL AND deleted_at IS NULL",
    )?;
    let running: u32 = counting.query_row([new.author.0], |row| row.get(0))?;
    if running >= limit {
        return Err(Error::TooManyRunning { limit });
    }
    let mut statement = connection.prepare_cached(
        "INSERT INTO lives (author, title, description, content, visibility, started_at, watch_key, stream_key,
                            recorded, keep_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    statement.execute(params![
        new.author.0,
        new.title,
        new.description,
        new.content,
        new.visibility.name(),
        new.started.0,
        new.watch_key,
        new.stream_key,
        written(&Recorded::default()),
        new.keep_ms,
    ])?;
    let id = LiveId(connection.last_insert_rowid());
    let event = outbox::put(connection, id, EventKind::Started, new.started)?;
    Ok((live(connection, id)?, event))
}

pub(super) fn decide(
    connection: &Connection,
    id: LiveId,
    decision: Decision,
    now: UnixMs,
) -> Result<(Row, Option<EventId>), Error> {
    let before = live(connection, id)?;
    let Some((row, kind)) = crate::decide(before.clone(), decision, now) else { return Ok((before, None)) };
    let mut statement = connection.prepare_cached(
        "UPDATE lives SET title = ?2, description = ?3, content = ?4, visibility = ?5, ended_at = ?6,
                          stopped = ?7 IS NOT NULL, stopped_at = ?7, deleted_at = ?8,
                          watch_key = ?9, stream_key = ?10, epoch = ?11, keep_ms = ?12,
                          completed_at = ?13
         WHERE id = ?1",
    )?;
    statement.execute(params![
        id.0,
        row.title,
        row.description,
        row.content,
        row.visibility.name(),
        row.ended.map(|at| at.0),
        row.stopped.map(|at| at.0),
        row.deleted.map(|at| at.0),
        row.watch_key,
        row.stream_key,
        row.epoch,
        row.keep_ms,
        row.completed.map(|at| at.0),
    ])?;
    let event = outbox::put(connection, id, kind, now)?;
    Ok((row, Some(event)))
}

pub(super) fn live(connection: &Connection, id: LiveId) -> Result<Row, Error> {
    let sql = format!("SELECT {COLUMNS} FROM lives WHERE id = ? AND deleted_at IS NULL");
    connection.prepare_cached(&sql)?.query_row([id.0], read).optional()?.ok_or(Error::NoSuchLive)
}

pub(super) fn by_stream_key(connection: &Connection, stream_key: &[u8; 32]) -> Result<Row, Error> {
    let sql = format!("SELECT {COLUMNS} FROM lives WHERE stream_key = ? AND deleted_at IS NULL");
    connection.prepare_cached(&sql)?.query_row([stream_key], read).optional()?.ok_or(Error::NoSuchLive)
}

pub(super) fn of_author(connection: &Connection, author: PersonId) -> Kept<Vec<LiveId>> {
    let mut statement = connection.prepare_cached("SELECT id FROM lives WHERE author = ? ORDER BY id")?;
    let ids = statement.query_map([author.0], |row| row.get(0).map(LiveId))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

pub(super) fn running(connection: &Connection) -> Kept<Vec<LiveId>> {
    ids(connection, "SELECT id FROM lives WHERE ended_at IS NULL AND deleted_at IS NULL")
}

pub(super) fn overdue(
    connection: &Connection,
    now: UnixMs,
    usually_ms: Option<i64>,
    limit: u32,
) -> Kept<Vec<LiveId>> {
    let mut statement = connection.prepare_cached(
        "SELECT id FROM lives WHERE ended_at < ?1 - coalesce(nullif(keep_ms, 0), ?2)
             AND keep_ms IS NOT 0 AND deleted_at IS NULL ORDER BY ended_at LIMIT ?3",
    )?;
    let ids = statement.query_map(params![now.0, usually_ms, limit], |row| row.get(0).map(LiveId))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

pub(super) fn plain_watch_keys(connection: &Connection) -> Kept<Vec<(LiveId, String)>> {
    let sql = "SELECT id, watch_key FROM lives WHERE substr(watch_key, 1, 3) <> 's1.'";
    let mut statement = connection.prepare(sql)?;
    let keys = statement.query_map([], |row| Ok((LiveId(row.get(0)?), row.get(1)?)))?;
    Ok(keys.collect::<Result<_, _>>()?)
}

pub(super) fn replace_watch_keys(connection: &Connection, keys: &[(LiveId, String, String)]) -> Kept<()> {
    let mut statement =
        connection.prepare_cached("UPDATE lives SET watch_key = ?3 WHERE id = ?1 AND watch_key = ?2")?;
    for (id, before, after) in keys {
        statement.execute(params![id.0, before, after])?;
    }
    Ok(())
}

pub(super) fn kept(connection: &Connection) -> Kept<Vec<LiveId>> {
    ids(connection, "SELECT id FROM lives WHERE deleted_at IS NULL ORDER BY id")
}

pub(super) fn recorded(connection: &Connection) -> Kept<Vec<(LiveId, Recorded)>> {
    let sql = format!("SELECT {COLUMNS} FROM lives WHERE deleted_at IS NULL ORDER BY lives.id");
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_map([], read)?.collect::<Result<Vec<_>, _>>()?;
    Ok(rows.into_iter().map(|row| (row.id, row.recorded.unwrap_or_default())).collect())
}

pub(super) fn half_deleted(connection: &Connection) -> Kept<Vec<LiveId>> {
    ids(connection, "SELECT id FROM lives WHERE deleted_at IS NOT NULL")
}

pub(super) fn incomplete(connection: &Connection) -> Kept<Vec<LiveId>> {
    ids(
        connection,
        "SELECT id FROM lives WHERE stopped_at IS NOT NULL AND completed_at IS NULL AND deleted_at IS NULL",
    )
}

pub(super) fn keep_recorded(connection: &Connection, recorded: &[(LiveId, Recorded)]) -> Kept<()> {
    let mut statement = connection.prepare_cached("UPDATE lives SET recorded = ?2 WHERE id = ?1")?;
    for (id, recorded) in recorded {
        statement.execute(params![id.0, written(recorded)])?;
    }
    Ok(())
}

pub(super) fn keep_viewers(connection: &Connection, viewers: &[(LiveId, i64)]) -> Kept<()> {
    let mut adding = connection.prepare_cached(
        "INSERT INTO viewers (live, viewer) SELECT id, ?2 FROM lives WHERE id = ?1 ON CONFLICT DO NOTHING",
    )?;
    let mut counting = connection.prepare_cached("UPDATE lives SET viewers = viewers + 1 WHERE id = ?1")?;
    for (live, viewer) in viewers {
        if adding.execute([live.0, *viewer])? > 0 {
            counting.execute([live.0])?;
        }
    }
    Ok(())
}

pub(super) fn purge(connection: &Connection, id: LiveId) -> Kept<()> {
    connection
        .prepare_cached("DELETE FROM lives WHERE id = ? AND deleted_at IS NOT NULL")?
        .execute([id.0])?;
    Ok(())
}

fn ids(connection: &Connection, sql: &str) -> Kept<Vec<LiveId>> {
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_map([], |row| row.get(0).map(LiveId))?.collect::<Result<_, _>>()?)
}

fn written(recorded: &Recorded) -> Option<String> {
    serde_json::to_string(recorded).ok()
}

pub(super) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    let visibility: String = row.get(5)?;
    let unknown = |error: String| rusqlite::Error::FromSqlConversionFailure(5, Type::Text, error.into());
    let time = |column: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(UnixMs));
    let recorded: Option<String> = row.get(12)?;
    Ok(Row {
        id: LiveId(row.get(0)?),
        author: PersonId(row.get(1)?),
        title: row.get(2)?,
        description: row.get(3)?,
        content: row.get(4)?,
        visibility: visibility.parse().map_err(unknown)?,
        started: UnixMs(row.get(6)?),
        ended: time(7)?,
        stopped: time(8)?,
        deleted: time(9)?,
        watch_key: row.get(10)?,
        stream_key: row.get(11)?,
        // What a newer version wrote and this one cannot read is worked out again.
        recorded: recorded.and_then(|text| serde_json::from_str(&text).ok()),
        epoch: row.get(13)?,
        viewers: u64::try_from(row.get::<_, i64>(14)?).unwrap_or(0),
        keep_ms: row.get(15)?,
        completed: time(16)?,
    })
}
