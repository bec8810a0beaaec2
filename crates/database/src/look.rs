//! Looking at a database without changing anything, whoever left it there and how.

use std::ffi::OsString;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use crate::{Error, configure};

/// A database that is only looked at.
#[derive(Debug)]
pub struct Look {
    connection: Connection,
    /// Where a copy of it lies, if it had to be copied.
    _copy: Option<TempDir>,
}

impl Deref for Look {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl Look {
    /// Opens the database at `path` to be read. `is_served`: whether a process has it open.
    ///
    /// Nothing is written beside it, and the directory may be one that cannot be written to. SQLite reads a database in WAL
    /// mode beside its other users through a file that they share; where there are none it would make that file anew. So a
    /// database that was closed is read as one that nobody changes, and one whose process was killed, of which a part
    /// stands in the log, is copied first.
    ///
    /// # Errors
    /// The file is not there, or cannot be copied or opened.
    pub fn at(path: &Path, is_served: bool) -> Result<Self, Error> {
        if is_served {
            return Ok(Self { connection: open(path)?, _copy: None });
        }
        let log = beside(path, "-wal");
        let is_closed = std::fs::metadata(&log).map_or(true, |log| log.len() == 0);
        if is_closed {
            return Ok(Self { connection: open_unchanging(path)?, _copy: None });
        }
        let copy = tempfile::tempdir()?;
        let copied = copy.path().join("database");
        std::fs::copy(path, &copied)?;
        std::fs::copy(&log, beside(&copied, "-wal"))?;
        Ok(Self { connection: open(&copied)?, _copy: Some(copy) })
    }

    /// Copies all of it as it is at this moment into a new file, durably, without what was deleted.
    ///
    /// # Errors
    /// The file is there, or cannot be written.
    pub fn copy_into(&self, path: &Path) -> Result<(), Error> {
        let name = path.to_str().ok_or_else(|| std::io::Error::other("the path is not UTF-8"))?;
        self.execute("VACUUM INTO ?1", [name])?;
        Ok(std::fs::File::open(path)?.sync_all()?)
    }

    /// Looks it over: what SQLite's own check finds wrong, one sentence each, and rows that point nowhere. Empty means
    /// sound.
    ///
    /// # Errors
    /// The file cannot be read as a database at all.
    pub fn check(&self) -> Result<Vec<String>, Error> {
        let mut found: Vec<String> = self
            .prepare("PRAGMA integrity_check(100)")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        found.retain(|line| line != "ok");
        let mut dangling = self.prepare("PRAGMA foreign_key_check")?;
        let mut rows = dangling.query([])?;
        while let Some(row) = rows.next()? {
            let (table, id, parent): (String, Option<i64>, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let id = id.unwrap_or(-1);
            found.push(format!("{table} row {id} points to a row of {parent} that is not there"));
        }
        Ok(found)
    }
}

fn open(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    configure(Connection::open_with_flags(path, flags)?)
}

/// Opens a file that nobody changes (SQLite, "URI Filenames", `immutable`).
fn open_unchanging(path: &Path) -> Result<Connection, Error> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let path = std::path::absolute(path)?;
    let mut address = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                address.push(char::from(*byte))
            }
            other => address.push_str(&format!("%{other:02X}")),
        }
    }
    address.push_str("?immutable=1");
    configure(Connection::open_with_flags(address, flags)?)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path.as_os_str());
    name.push(ending);
    PathBuf::from(name)
}
