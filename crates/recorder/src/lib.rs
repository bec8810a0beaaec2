//! Bodies on storage: append, make durable, recover, read.
//!
//! On disk a live is a folder that stands by itself:
//!
//! ```text
//! lives/7/revision                    how often earlier positions moved
//! lives/7/takes/1/take.json           when its recorder started, which upload it came by
//! lives/7/takes/1/video.mp4           a body: init, then fragments; playable at every instant, also without us
//! lives/7/takes/1/video.idx           what is in each fragment; made again from the body when it is missing
//! lives/7/takes/1/audio.mp4 …
//! lives/7/uploads/UPLOAD.journal      what was received and is in no fragment yet, and how long the bodies are
//! lives/7/unread/UPLOAD.log           what was received and no frame was made of, see [`unread`]
//! ```
//!
//! The order of one acknowledgement is that of [`write`](mod@write): fragments are appended to their bodies and synced;
//! then the [`journal`] says how long the bodies are and keeps the rest of what was received, and is synced; then the
//! fragments are announced to viewers and the publisher is answered. What stands in a body past the journal's word was
//! never acknowledged nor shown, and is cut off when the live is opened again.
//!
//! # Errors
//! What touches the storage fails as the storage does: with [`Error::Full`] where there is no room, else with
//! [`Error::Io`]. Items whose errors say more, or after which something holds or must be done, have a section of their own.

mod bodies;
mod body;
mod disk;
mod durable;
mod index_file;
pub mod journal;
mod load;
mod mark;
mod read_only;
mod recording;
mod running;
mod scan;
mod store;
pub mod unread;
pub mod verify;
pub mod write;

pub use disk::{Disk, DiskFile, LocalDisk};
pub use mark::TakeMark;
pub use read_only::ReadOnlyDisk;
pub use recording::Recording;
pub use store::Recorder;

use std::io;

/// Why something could not be stored or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No space is left, or only the reserve.
    #[error("the disk is full")]
    Full,
    /// The storage failed.
    #[error("the storage failed: {0}")]
    Io(io::Error),
    /// More of a live cannot be read than is kept of one.
    #[error("more than {limit} bytes of this live cannot be read")]
    UnreadFull {
        /// The bytes that are kept.
        limit: u64,
    },
    /// A live has as many takes as one may have.
    #[error("a live has at most {limit} takes")]
    TooManyTakes {
        /// The takes that one may have.
        limit: u32,
    },
    /// A live has as many fragments as one may have that hold next to nothing.
    #[error("a live has at most {limit} fragments for so few bytes")]
    TooManyFragments {
        /// Those that one may have, whatever is in them.
        limit: u64,
    },
    /// What is stored is not what was written.
    #[error("what is stored is damaged: {0}")]
    Damaged(String),
    /// A task of ours panicked or was cut off: a fault of the program, whatever the storage holds.
    #[error("a task of the server failed: {0}")]
    Failed(String),
}

impl From<tokio::task::JoinError> for Error {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io(error),
        }
    }
}

/// Runs work that blocks on the storage on a thread where that is allowed.
///
/// # Errors
/// Those of the work, and [`Error::Failed`] where it panicked.
pub async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(Error::from(error).into()))
}
