/// Why something was refused.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// No live with this id or key.
    #[error("there is no such live")]
    NoSuchLive,
    /// More than 200 characters, or control characters.
    #[error("a title has at most 200 characters")]
    BadTitle,
    /// More than 5,000 characters, or control characters.
    #[error("a description has at most 5,000 characters")]
    BadDescription,
    /// More than 10,000 characters, or control characters.
    #[error("a content has at most 10,000 characters")]
    BadContent,
    /// Too many lives of one person run.
    #[error("at most {limit} lives of one person may run at once")]
    TooManyRunning {
        /// How many may.
        limit: u32,
    },
    /// What is kept could not be read or written.
    #[error(transparent)]
    Storage(#[from] storage::Failure),
}
