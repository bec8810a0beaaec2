//! What was acknowledged and stands in no take: told, so that nothing is dropped without a word.

use media::Unread;

use crate::{Error, Recording};

/// Takes a piece of a source's input that no frame was made of. [`Write`](crate::write::Write) hands each over before
/// the checkpoint that lets go of its raw bytes; after a crash it may hand over once more what came since that
/// checkpoint.
///
/// # Errors
/// Those of the storage.
pub(crate) fn keep(recording: &Recording, source: &str, piece: &Unread) -> Result<(), Error> {
    let (dir, len) = (recording.beside(""), piece.bytes.len());
    tracing::warn!(dir = %dir.display(), source, offset = piece.offset, len, reason = ?piece.reason, "unread bytes");
    Ok(())
}
