use ids::{DeliveryId, UnixMs, WebhookId};
use rusqlite::{Connection, Row, params};

use super::webhooks::{get, keep_positions, read_secret};
use super::{Kept, code};
use crate::store::{Attempt, Due, NewDelivery};
use crate::{Delivery, Error, State};

/// What [`read`] reads.
const COLUMNS: &str = "d.id, d.message, d.subject, d.kind, d.body, d.happened_at, d.state, d.attempts, d.first_tried_at, \
     d.last_tried_at, d.next_at, d.outcome";

pub(super) fn take(
    connection: &Connection,
    id: WebhookId,
    positions: &[(String, i64)],
    events: &[NewDelivery],
) -> Kept<()> {
    let is_there = connection.prepare_cached("SELECT 1 FROM webhooks WHERE id = ?")?.exists([id.0])?;
    if !is_there {
        return Ok(());
    }
    keep_positions(connection, id, positions)?;
    let mut statement = connection.prepare_cached(
        "INSERT INTO webhook_deliveries (webhook, message, subject, kind, body, happened_at, next_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0)",
    )?;
    for event in events {
        statement.execute(params![
            id.0,
            event.message,
            event.subject,
            event.kind,
            event.body,
            event.happened.0
        ])?;
    }
    Ok(())
}

/// The first of each subject is found in the index of what waits, and nowhere else.
pub(super) fn due(connection: &Connection, now: UnixMs, limit: u32) -> Kept<Vec<Due>> {
    let sql = format!(
        "WITH firsts AS (SELECT min(id) AS id FROM webhook_deliveries WHERE state = 0 GROUP BY webhook, subject),
              places AS (SELECT d.id, row_number() OVER (PARTITION BY d.webhook ORDER BY d.next_at, d.id) AS place
                         FROM firsts CROSS JOIN webhook_deliveries d ON d.id = firsts.id
                         WHERE d.next_at <= ?1 AND d.webhook IN (SELECT id FROM webhooks WHERE paused_at IS NULL))
         SELECT {COLUMNS}, w.id, w.url, w.secret, w.allow_private
         FROM places CROSS JOIN webhook_deliveries d ON d.id = places.id JOIN webhooks w ON w.id = d.webhook
         WHERE place <= ?2 ORDER BY d.next_at, d.id"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let due = statement.query_map(params![now.0, limit], |row| {
        Ok(Due {
            delivery: read(row)?,
            webhook: WebhookId(row.get(12)?),
            url: row.get(13)?,
            secret: read_secret(row, 14)?,
            allow_private: row.get(15)?,
        })
    })?;
    Ok(due.collect::<Result<_, _>>()?)
}

pub(super) fn settle(connection: &Connection, attempt: &Attempt, kept: u32) -> Kept<()> {
    connection
        .prepare_cached(
            "UPDATE webhook_deliveries SET state = ?2, attempts = attempts + 1, last_tried_at = ?3,
                    first_tried_at = coalesce(first_tried_at, ?3), next_at = ?4, outcome = ?5
             WHERE id = ?1 AND state = 0",
        )?
        .execute(params![
            attempt.delivery.0,
            code(attempt.state),
            attempt.at.0,
            attempt.next.0,
            attempt.outcome
        ])?;
    if attempt.state != State::Waiting {
        connection
            .prepare_cached(
                "DELETE FROM webhook_deliveries WHERE state = ?2
                   AND webhook = (SELECT webhook FROM webhook_deliveries WHERE id = ?1)
                   AND id <= (SELECT id FROM webhook_deliveries WHERE state = ?2
                              AND webhook = (SELECT webhook FROM webhook_deliveries WHERE id = ?1)
                              ORDER BY id DESC LIMIT 1 OFFSET ?3)",
            )?
            .execute(params![attempt.delivery.0, code(attempt.state), kept])?;
    }
    Ok(())
}

pub(super) fn list(
    connection: &Connection,
    id: WebhookId,
    state: Option<State>,
    skip: u64,
    limit: u32,
) -> Kept<(u64, Vec<Delivery>)> {
    const WANTED: &str = "d.webhook = ?1 AND (?2 IS NULL OR d.state = ?2)";
    let state = state.map(code);
    let count: i64 = connection
        .prepare_cached(&format!("SELECT count(*) FROM webhook_deliveries d WHERE {WANTED}"))?
        .query_row(params![id.0, state], |row| row.get(0))?;
    let sql = format!(
        "SELECT {COLUMNS} FROM webhook_deliveries d WHERE {WANTED} ORDER BY d.id DESC LIMIT ?3 OFFSET ?4"
    );
    let skip = i64::try_from(skip).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement.query_map(params![id.0, state, limit, skip], read)?;
    Ok((u64::try_from(count).unwrap_or(0), found.collect::<Result<_, _>>()?))
}

/// What waits already only comes at once.
pub(super) fn replay(
    connection: &Connection,
    id: WebhookId,
    delivery: Option<DeliveryId>,
    now: UnixMs,
) -> Result<u64, Error> {
    get(connection, id)?;
    let again = connection.execute(
        "UPDATE webhook_deliveries
         SET next_at = ?3, attempts = iif(state = 0, attempts, 0),
             first_tried_at = iif(state = 0, first_tried_at, NULL), state = 0
         WHERE webhook = ?1 AND iif(?2 IS NULL, state = 2, id = ?2)",
        params![id.0, delivery.map(|delivery| delivery.0), now.0],
    )?;
    if delivery.is_some() && again == 0 {
        return Err(Error::NoSuchDelivery);
    }
    Ok(again as u64)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    let time = |column: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(UnixMs));
    Ok(Delivery {
        id: DeliveryId(row.get(0)?),
        message: row.get(1)?,
        subject: row.get(2)?,
        kind: row.get(3)?,
        body: row.get(4)?,
        happened: UnixMs(row.get(5)?),
        state: match row.get::<_, i64>(6)? {
            0 => State::Waiting,
            1 => State::Delivered,
            _ => State::SetAside,
        },
        attempts: row.get(7)?,
        first_tried: time(8)?,
        last_tried: time(9)?,
        next: UnixMs(row.get(10)?),
        outcome: row.get(11)?,
    })
}
