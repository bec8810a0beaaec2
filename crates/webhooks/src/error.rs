use storage::Failure;
use thiserror::Error as ThisError;

/// Why nothing was done.
#[derive(Debug, Clone, ThisError)]
pub enum Error {
    /// There is no such webhook.
    #[error("there is no such webhook")]
    NoSuchWebhook,
    /// It has no such delivery.
    #[error("this webhook has no such delivery")]
    NoSuchDelivery,
    /// The address, the secret or an event is none, in a sentence.
    #[error("{0}")]
    Bad(String),
    /// There are as many as there may be.
    #[error("there are {limit} webhooks already: no more are added")]
    TooMany {
        /// How many.
        limit: u32,
    },
    /// What is kept could not be read or written.
    #[error(transparent)]
    Storage(#[from] Failure),
}
