use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::rows::{COLUMNS, Kept, read};
use crate::Filter;
use crate::store::Row;

/// Words of a search at most; the others are left out.
const WORDS: usize = 16;
/// Letters of a word of a search at most: the index knows the lives of every beginning up to this length. The others are
/// left out: words that begin alike for so long are one word.
const LETTERS: usize = 20;
/// Lives that a search counts at most: counting all that a frequent word finds costs more than showing a page of them.
const COUNTED: u32 = 1_000;

pub(super) fn list(connection: &Connection, filter: &Filter, skip: u64, limit: u32) -> Kept<(u64, Vec<Row>)> {
    let words = filter.words.as_deref().filter(|words| !words.trim().is_empty()).map(search);
    let (condition, values) = condition(filter);
    let (from, match_words) = match words {
        // From the index, which knows the lives of a word by their number, the newest first.
        Some(_) => {
            ("lives_search CROSS JOIN lives ON lives.id = lives_search.rowid", " AND lives_search MATCH ?")
        }
        None => ("lives", ""),
    };
    let number = if words.is_some() { "lives_search.rowid" } else { "lives.id" };
    let mut values: Vec<Value> = values.into_iter().chain(words.map(Value::Text)).collect();
    let count = if match_words.is_empty() {
        kept_count(connection, filter)?
    } else {
        let sql = format!(
            "SELECT count(*) FROM (SELECT 1 FROM {from} WHERE {condition}{match_words} LIMIT {COUNTED})"
        );
        connection.prepare_cached(&sql)?.query_row(params_from_iter(&values), |row| row.get(0))?
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM {from} WHERE {condition}{match_words} ORDER BY {number} DESC LIMIT ? OFFSET ?"
    );
    values.push(Value::Integer(limit.into()));
    values.push(Value::Integer(i64::try_from(skip).unwrap_or(i64::MAX)));
    let mut statement = connection.prepare_cached(&sql)?;
    let lives = statement.query_map(params_from_iter(&values), read)?.collect::<Result<_, _>>()?;
    Ok((u64::try_from(count).unwrap_or(0), lives))
}

/// How many there are, from the counts that triggers keep: a dozen rows at most.
fn kept_count(connection: &Connection, filter: &Filter) -> Kept<i64> {
    let mut statement = connection.prepare_cached(
        "SELECT coalesce(sum(lives), 0) FROM live_counts
         WHERE author = ?1 AND (?4 OR visibility = 'public' OR (?2 AND visibility = 'members'))
           AND (?3 IS NULL OR running = ?3)",
    )?;
    // The counts of all people together stand under 0.
    let author = filter.of.or(filter.by).map_or(0, |person| person.0);
    let values = (author, filter.members, filter.running, filter.of.is_some() || filter.all);
    Ok(statement.query_row(values, |row| row.get(0))?)
}

fn condition(filter: &Filter) -> (String, Vec<Value>) {
    let mut parts = vec!["deleted_at IS NULL"];
    let mut values = Vec::new();
    match filter.running {
        Some(true) => parts.push("ended_at IS NULL"),
        Some(false) => parts.push("ended_at IS NOT NULL"),
        None => {}
    }
    if let Some(person) = filter.by {
        parts.push("author = ?");
        values.push(Value::Integer(person.0));
    }
    match (filter.of, filter.members) {
        (Some(person), _) => {
            parts.push("author = ?");
            values.push(Value::Integer(person.0));
        }
        (None, _) if filter.all => {}
        // The plus keeps SQLite from an index by which the lives of a page would have to be sorted, or all ended ones looked at
        // to find the few that run: in the order of their numbers a page is read and no more.
        (None, true) => parts.push("+visibility IN ('public', 'members')"),
        (None, false) if filter.running == Some(true) => parts.push("+visibility = 'public'"),
        (None, false) => parts.push("visibility = 'public'"),
    }
    (parts.join(" AND "), values)
}

/// A query of FTS5 for text that holds words beginning with each of these. Quoted, so that nothing in them is
/// taken for an operator (FTS5 documentation, section 3.1).
fn search(words: &str) -> String {
    let words = words.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).take(WORDS);
    let beginning = |word: &str| format!("\"{}\"*", word.chars().take(LETTERS).collect::<String>());
    let query = words.map(beginning).collect::<Vec<_>>().join(" ");
    // No word at all is in no text.
    if query.is_empty() { "\"\"".to_owned() } else { query }
}
