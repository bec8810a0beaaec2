use ids::{UnixMs, WebhookId};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Kept;
use crate::store::NewRow;
use crate::{Error, Secret, Webhook};

/// What [`read`] reads.
const COLUMNS: &str = "id, url, events, allow_private, paused_at, created_at, \
     (SELECT count(*) FROM webhook_deliveries WHERE webhook = webhooks.id AND state = 0), \
     (SELECT count(*) FROM webhook_deliveries WHERE webhook = webhooks.id AND state = 2)";

pub(super) fn add(connection: &Connection, new: &NewRow, limit: u32) -> Result<Webhook, Error> {
    let there: u32 = connection.query_row("SELECT count(*) FROM webhooks", [], |row| row.get(0))?;
    if there >= limit {
        return Err(Error::TooMany { limit });
    }
    connection.execute(
        "INSERT INTO webhooks (url, secret, events, allow_private, created_at) VALUES (?, ?, ?, ?, ?)",
        params![new.url, new.secret.written(), new.events, new.allow_private, new.now.0],
    )?;
    let id = WebhookId(connection.last_insert_rowid());
    keep_positions(connection, id, &new.positions)?;
    get(connection, id)
}

pub(super) fn keep_positions(
    connection: &Connection,
    id: WebhookId,
    positions: &[(String, i64)],
) -> Kept<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO webhook_positions VALUES (?1, ?2, ?3)
         ON CONFLICT (webhook, source) DO UPDATE SET position = excluded.position",
    )?;
    for (source, position) in positions {
        statement.execute(params![id.0, source, position])?;
    }
    Ok(())
}

pub(super) fn all(connection: &Connection) -> Kept<Vec<Webhook>> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM webhooks ORDER BY id"))?;
    Ok(statement.query_map([], read)?.collect::<Result<_, _>>()?)
}

pub(super) fn get(connection: &Connection, id: WebhookId) -> Result<Webhook, Error> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM webhooks WHERE id = ?"))?;
    statement.query_row([id.0], read).optional()?.ok_or(Error::NoSuchWebhook)
}

pub(super) fn secret(connection: &Connection, id: WebhookId) -> Result<Secret, Error> {
    let mut statement = connection.prepare_cached("SELECT secret FROM webhooks WHERE id = ?")?;
    let kept = statement.query_row([id.0], |row| read_secret(row, 0)).optional()?;
    kept.ok_or(Error::NoSuchWebhook)
}

pub(super) fn read_secret(row: &Row<'_>, column: usize) -> rusqlite::Result<Secret> {
    let text: String = row.get(column)?;
    text.parse().map_err(|error: String| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, error.into())
    })
}

/// Whoever is paused already is so since then.
pub(super) fn pause(connection: &Connection, id: WebhookId, at: Option<UnixMs>) -> Result<Webhook, Error> {
    connection.execute(
        "UPDATE webhooks SET paused_at = iif(?2 IS NULL, NULL, coalesce(paused_at, ?2)) WHERE id = ?1",
        params![id.0, at.map(|at| at.0)],
    )?;
    get(connection, id)
}

pub(super) fn remove(connection: &Connection, id: WebhookId) -> Result<(), Error> {
    let removed = connection.execute("DELETE FROM webhooks WHERE id = ?", [id.0])?;
    if removed == 0 { Err(Error::NoSuchWebhook) } else { Ok(()) }
}

pub(super) fn positions(connection: &Connection) -> Kept<Vec<(WebhookId, String, i64)>> {
    let mut statement =
        connection.prepare_cached("SELECT webhook, source, position FROM webhook_positions")?;
    let rows = statement.query_map([], |row| Ok((WebhookId(row.get(0)?), row.get(1)?, row.get(2)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Webhook> {
    let events: String = row.get(2)?;
    let count = |column: usize| row.get::<_, i64>(column).map(|count| u64::try_from(count).unwrap_or(0));
    Ok(Webhook {
        id: WebhookId(row.get(0)?),
        url: row.get(1)?,
        // An event that this version does not know does not happen in it.
        events: events.split(' ').filter_map(|name| name.parse().ok()).collect(),
        allow_private: row.get(3)?,
        paused: row.get::<_, Option<i64>>(4)?.map(UnixMs),
        created: UnixMs(row.get(5)?),
        waiting: count(6)?,
        set_aside: count(7)?,
    })
}
