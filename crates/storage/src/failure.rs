/// Why a store did not do what was asked. Nothing of it was kept.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// No room left where it is kept.
    #[error("there is no room left to store anything")]
    Full,
    /// Too much waits already; the same may be asked again a little later.
    #[error("too much waits to be stored")]
    Overloaded,
    /// The server is leaving.
    #[error("the store is closed")]
    Closed,
    /// A fault of ours: the job panicked. What is stored is sound.
    #[error("a job of the store panicked")]
    Panicked,
    /// Anything else that the engine says.
    #[error("the store failed: {0}")]
    Failed(String),
}

impl Failure {
    /// Whether whatever else is asked now would fail too: no single job is to blame.
    #[must_use]
    pub fn is_everybodys(&self) -> bool {
        matches!(self, Self::Full | Self::Overloaded | Self::Closed)
    }
}
