//! Taking out of the files what was deleted.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::{Error, connect};

/// Pages of a search index that are merged by one job at most, so that the writer is soon free again.
const PAGES: u32 = 256;
/// Bytes of a database that is written anew as a whole at most: more would hold up the writer for too long.
const WRITTEN_ANEW: i64 = 64 << 20;

/// Merges some of a search index: what is merged leaves out the words of rows that are gone. Whether there is more to merge
/// (FTS5 documentation, section 6.7).
pub(crate) fn merge(connection: &Connection, index: &str) -> Result<bool, Error> {
    let changes = || connection.query_row("SELECT total_changes()", [], |row| row.get::<_, i64>(0));
    let before = changes()?;
    let sql = format!("INSERT INTO {index} ({index}, rank) VALUES ('merge', -{PAGES})");
    connection.execute(&sql, [])?;
    // The command itself counts as one.
    Ok(changes()? - before >= 2)
}

/// Writes the file anew, where it is not large, and folds the log into it until nothing is left of the log.
pub(crate) fn fold(path: &Path) -> Result<(), Error> {
    let connection = connect(path, OpenFlags::default())?;
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let bytes = number("PRAGMA page_count")? * number("PRAGMA page_size")?;
    if bytes <= WRITTEN_ANEW {
        connection.execute_batch("VACUUM")?;
    }
    // The first number is 1 when somebody was in the way.
    if number("PRAGMA wal_checkpoint(TRUNCATE)")? == 0 { Ok(()) } else { Err(Error::Overloaded) }
}
