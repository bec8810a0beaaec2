use rusqlite::ErrorCode;

/// Why the database did not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// No room left on the disk: nothing of the job was kept.
    #[error("the disk is full")]
    Full,
    /// Too many jobs wait already; the same job may be tried again later.
    #[error("too many jobs are waiting for the database")]
    Overloaded,
    /// The database is closed: the server is leaving.
    #[error("the database is closed")]
    Closed,
    /// The job panicked; nothing of it was kept.
    #[error("a database job panicked")]
    Panicked,
    /// The file was written by a newer version of this program.
    #[error("the database has {set} migration {number}, which this version does not know")]
    TooNew {
        /// Whose tables.
        set: String,
        /// The newest migration in the file.
        number: u32,
    },
    /// A unique or foreign key, or a check, refuses the row.
    #[error("the database refuses the row: {0}")]
    Constraint(String),
    /// Anything else that SQLite or the disk says.
    #[error("the database failed: {0}")]
    Failed(String),
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Overloaded,
            Some(ErrorCode::ConstraintViolation) => Self::Constraint(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl From<Error> for storage::Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Full => Self::Full,
            Error::Overloaded => Self::Overloaded,
            Error::Closed => Self::Closed,
            Error::Panicked => Self::Panicked,
            other => Self::Failed(other.to_string()),
        }
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::StorageFull {
            return Self::Full;
        }
        Self::Failed(error.to_string())
    }
}
