use rusqlite::types::{Type, Value};
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use crate::live::new_watch_key;
use crate::{Author, Change, Error, Live, NewLive};

const COLUMNS: &str = "lives.id, author, first_name, last_name, profile_picture, title, description, content,
    visibility, started_at, ended_at, stopped, watch_key, stream_key, stopped_at";
const FROM: &str = "FROM lives JOIN users ON users.id = author";

/// Words of a search at most; the others are left out.
const WORDS: usize = 16;

/// Which lives a list shows.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Running ones only, or ended ones only.
    pub running: Option<bool>,
    /// Words that the title, description or content hold; accents and case do not matter.
    pub words: Option<String>,
    /// Whether members' lives are listed too.
    pub members: bool,
    /// Only lives of this person, and then also the unlisted ones.
    pub of: Option<i64>,
}

/// Some lives of a list.
#[derive(Debug)]
pub struct Page {
    /// How many there are in all.
    pub count: u64,
    /// Those of this page, the newest first.
    pub lives: Vec<Live>,
}

/// The lives of a person, those being deleted too.
pub(crate) fn of_author(connection: &Connection, author: i64) -> Result<Vec<i64>, Error> {
    let mut statement = connection.prepare_cached("SELECT id FROM lives WHERE author = ?")?;
    let ids = statement.query_map([author], |row| row.get(0))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

pub(crate) fn insert(
    connection: &Connection,
    author: i64,
    new: &NewLive,
    stream_key: &[u8; 32],
    limit: u32,
    now_ms: i64,
) -> Result<Live, Error> {
    let mut counting = connection.prepare_cached(
        "SELECT count(*) FROM lives WHERE author = ? AND ended_at IS NULL AND deleted_at IS NULL",
    )?;
    let running: u32 = counting.query_row([author], |row| row.get(0))?;
    if running >= limit {
        return Err(Error::TooManyRunning { limit });
    }
    let mut statement = connection.prepare_cached(
        "INSERT INTO lives (author, title, description, content, visibility, started_at, watch_key, stream_key)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    statement.execute(params![
        author,
        new.title,
        new.description,
        new.content,
        new.visibility.name(),
        now_ms,
        new_watch_key(),
        stream_key,
    ])?;
    get(connection, connection.last_insert_rowid())
}

pub(crate) fn get(connection: &Connection, id: i64) -> Result<Live, Error> {
    let sql = format!("SELECT {COLUMNS} {FROM} WHERE lives.id = ? AND deleted_at IS NULL");
    connection.prepare_cached(&sql)?.query_row([id], live).optional()?.ok_or(Error::NoSuchLive)
}

pub(crate) fn by_stream_key(connection: &Connection, stream_key: &[u8; 32]) -> Result<Live, Error> {
    let sql = format!("SELECT {COLUMNS} {FROM} WHERE stream_key = ? AND deleted_at IS NULL");
    connection.prepare_cached(&sql)?.query_row([stream_key], live).optional()?.ok_or(Error::NoSuchLive)
}

pub(crate) fn list(
    connection: &Connection,
    filter: &Filter,
    page: u32,
    page_size: u32,
) -> Result<Page, Error> {
    let (condition, mut values) = condition(filter);
    let counting = format!("SELECT count(*) FROM lives WHERE {condition}");
    let count: i64 =
        connection.prepare_cached(&counting)?.query_row(params_from_iter(&values), |row| row.get(0))?;
    let sql = format!("SELECT {COLUMNS} {FROM} WHERE {condition} ORDER BY lives.id DESC LIMIT ? OFFSET ?");
    values.push(Value::Integer(page_size.into()));
    values.push(Value::Integer(i64::from(page.saturating_sub(1)) * i64::from(page_size)));
    let mut statement = connection.prepare_cached(&sql)?;
    let lives = statement.query_map(params_from_iter(&values), live)?.collect::<Result<_, _>>()?;
    Ok(Page { count: u64::try_from(count).unwrap_or(0), lives })
}

fn condition(filter: &Filter) -> (String, Vec<Value>) {
    let mut parts = vec!["deleted_at IS NULL"];
    let mut values = Vec::new();
    match filter.running {
        Some(true) => parts.push("ended_at IS NULL"),
        Some(false) => parts.push("ended_at IS NOT NULL"),
        None => {}
    }
    match (filter.of, filter.members) {
        (Some(person), _) => {
            parts.push("author = ?");
            values.push(Value::Integer(person));
        }
        (None, true) => parts.push("visibility IN ('public', 'members')"),
        (None, false) => parts.push("visibility = 'public'"),
    }
    if let Some(words) = filter.words.as_deref().filter(|words| !words.trim().is_empty()) {
        parts.push("lives.id IN (SELECT rowid FROM lives_search WHERE lives_search MATCH ?)");
        values.push(Value::Text(search(words)));
    }
    (parts.join(" AND "), values)
}

/// A query of FTS5 for text that holds words beginning with each of these. Quoted, so that nothing in them is
/// taken for an operator (FTS5 documentation, section 3.1).
fn search(words: &str) -> String {
    let words = words.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).take(WORDS);
    let query = words.map(|word| format!("\"{word}\"*")).collect::<Vec<_>>().join(" ");
    // No word at all is in no text.
    if query.is_empty() { "\"\"".to_owned() } else { query }
}

pub(crate) fn change(connection: &Connection, id: i64, change: &Change) -> Result<Live, Error> {
    let mut statement = connection.prepare_cached(
        "UPDATE lives SET title = coalesce(?2, title), description = coalesce(?3, description),
                          content = coalesce(?4, content), visibility = coalesce(?5, visibility)
         WHERE id = ?1 AND deleted_at IS NULL",
    )?;
    let visibility = change.visibility.map(crate::Visibility::name);
    statement.execute(params![id, change.title, change.description, change.content, visibility])?;
    get(connection, id)
}

pub(crate) fn stop(connection: &Connection, id: i64, now_ms: i64) -> Result<Live, Error> {
    let mut statement = connection.prepare_cached(
        "UPDATE lives SET stopped = 1, stopped_at = ?2, ended_at = coalesce(ended_at, max(?2, started_at))
         WHERE id = ?1 AND stopped = 0 AND deleted_at IS NULL",
    )?;
    statement.execute([id, now_ms])?;
    get(connection, id)
}

/// Lets a live run again that ended by patience; says whether it runs now.
pub(crate) fn resume(connection: &Connection, id: i64) -> Result<bool, Error> {
    let mut statement = connection.prepare_cached(
        "UPDATE lives SET ended_at = NULL WHERE id = ? AND stopped = 0 AND deleted_at IS NULL",
    )?;
    Ok(statement.execute([id])? > 0)
}

/// Ends those of these lives that still run, each at its own time.
pub(crate) fn end_all(connection: &Connection, ends: &[(i64, i64)]) -> Result<Vec<i64>, Error> {
    let mut statement = connection.prepare_cached(
        "UPDATE lives SET ended_at = max(?2, started_at) WHERE id = ?1 AND ended_at IS NULL",
    )?;
    let mut ended = Vec::new();
    for (id, at) in ends {
        if statement.execute([id, at])? > 0 {
            ended.push(*id);
        }
    }
    Ok(ended)
}

pub(crate) fn running(connection: &Connection) -> Result<Vec<i64>, Error> {
    ids(connection, "SELECT id FROM lives WHERE ended_at IS NULL AND deleted_at IS NULL")
}

pub(crate) fn half_deleted(connection: &Connection) -> Result<Vec<i64>, Error> {
    ids(connection, "SELECT id FROM lives WHERE deleted_at IS NOT NULL")
}

pub(crate) fn mark_deleted(connection: &Connection, id: i64, now_ms: i64) -> Result<(), Error> {
    let mut statement =
        connection.prepare_cached("UPDATE lives SET deleted_at = ? WHERE id = ? AND deleted_at IS NULL")?;
    if statement.execute([now_ms, id])? == 0 { Err(Error::NoSuchLive) } else { Ok(()) }
}

pub(crate) fn purge(connection: &Connection, id: i64) -> Result<(), Error> {
    connection.prepare_cached("DELETE FROM lives WHERE id = ? AND deleted_at IS NOT NULL")?.execute([id])?;
    Ok(())
}

fn ids(connection: &Connection, sql: &str) -> Result<Vec<i64>, Error> {
    Ok(connection.prepare_cached(sql)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

fn live(row: &Row<'_>) -> rusqlite::Result<Live> {
    let visibility: String = row.get(8)?;
    let unknown = |error: String| rusqlite::Error::FromSqlConversionFailure(8, Type::Text, error.into());
    Ok(Live {
        id: row.get(0)?,
        author: Author {
            id: row.get(1)?,
            first_name: row.get(2)?,
            last_name: row.get(3)?,
            profile_picture: row.get(4)?,
        },
        title: row.get(5)?,
        description: row.get(6)?,
        content: row.get(7)?,
        visibility: visibility.parse().map_err(unknown)?,
        started_ms: row.get(9)?,
        ended_ms: row.get(10)?,
        stopped: row.get(11)?,
        watch_key: row.get(12)?,
        stream_key: row.get(13)?,
        stopped_ms: row.get(14)?,
    })
}
