use std::net::SocketAddr;
use std::path::PathBuf;

use crate::in_use::Refused;

/// Why the server could not serve.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the data directory.
    #[error("{}: {error}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Others may read the data directory, and there is something in it.
    #[error(
        "others on this machine can read {}, where passwords' hashes, keys and recordings are kept; close it first: \
         chmod 700 '{}'", .0.display(), .0.display()
    )]
    OpenToOthers(PathBuf),
    /// The key that tokens are signed with is not there, and people are.
    #[error(
        "{} is missing, though there are people in the database. Put it back from a backup. A new one ends every sign-in and \
         every link to media; to begin with one all the same: head -c 32 /dev/urandom > '{}'", .0.display(), .0.display()
    )]
    NoKey(PathBuf),
    /// Another server works on the data directory.
    #[error(transparent)]
    InUse(#[from] Refused),
    /// No client of HTTP can be made, with which others are told what happens.
    #[error("webhooks cannot be sent: {0}")]
    Client(String),
    /// The recordings.
    #[error("the recordings cannot be opened: {0}")]
    Recorder(#[from] recorder::Error),
    /// The lives in the database.
    #[error(transparent)]
    Lives(#[from] lives::Error),
    /// Mail cannot be sent.
    #[error(transparent)]
    Mail(#[from] crate::mail::MailError),
    /// The database.
    #[error("the database cannot be opened: {0}")]
    Storage(#[from] storage::Failure),
    /// The access log.
    #[error("the access log cannot be written: {0}")]
    AccessLog(std::io::Error),
    /// The system does not tell signals.
    #[error("SIGHUP cannot be listened for: {0}")]
    Signal(std::io::Error),
    /// The certificate.
    #[error(transparent)]
    Tls(#[from] crate::tls::Error),
    /// The address is taken, or not ours.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
}
