//! One server on one data directory: whoever writes recordings holds its lock.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Error, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// The file that is locked. It stays; what counts is the lock on it, which the system lets go with the process, however
/// that ends.
const NAME: &str = "in-use.lock";
/// Bytes of it that are read.
const LONGEST: u64 = 4_096;

/// The right to write the recordings of a data directory. The commands that only read, and those that only change rows of
/// the database, need none.
#[derive(Debug)]
pub struct InUse {
    file: File,
}

/// Why a data directory cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Somebody else has it.
    #[error(
        "{} is in use by another process{holder}: only one server at a time works on a data directory; stop it first, or \
         give this one another --data-dir",
        directory.display()
    )]
    Taken {
        /// The directory.
        directory: PathBuf,
        /// Its process, in brackets, where that is known.
        holder: String,
    },
    /// The storage does not let it be locked.
    #[error("{} cannot be locked: {error}", path.display())]
    Unlockable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: Error,
    },
}

impl InUse {
    /// Takes a data directory for as long as the answer is held. Does not wait.
    ///
    /// # Errors
    /// Somebody else has it, or it cannot be locked.
    pub fn take(directory: &Path) -> Result<Self, Refused> {
        let path = directory.join(NAME);
        let unlockable = |error| Refused::Unlockable { path: path.clone(), error };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path).map_err(unlockable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Refused::Taken { directory: directory.to_owned(), holder: holder(&mut file) });
            }
            Err(TryLockError::Error(error)) => return Err(unlockable(error)),
        }
        let held = Self { file };
        held.write("");
        Ok(held)
    }

    /// Tells other processes where people find the server that holds the directory.
    pub(crate) fn tell(&self, public_url: &str) {
        self.write(public_url);
    }

    /// The process and its address, a line each. Only for those who ask: a directory that cannot be written is found out by
    /// whoever writes more.
    fn write(&self, public_url: &str) {
        let mut file = &self.file;
        let text = format!("{}\n{public_url}\n", std::process::id());
        let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(text.as_bytes()));
    }
}

impl InUse {
    /// Whether somebody has a data directory now. Changes nothing there.
    pub fn is_taken(directory: &Path) -> bool {
        let lock = File::open(directory.join(NAME));
        lock.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }
}

/// Where people find the server that works on a directory; `None` where none does. Empty until it serves.
pub(crate) fn server_of(directory: &Path) -> Option<String> {
    let mut file = File::open(directory.join(NAME)).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Some(lines(&mut file).1),
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

/// The number of the process that has the lock, in brackets.
fn holder(file: &mut File) -> String {
    lines(file).0.parse::<u32>().map_or_else(|_| String::new(), |id| format!(" ({id})"))
}

/// What whoever has the lock wrote there.
fn lines(file: &mut File) -> (String, String) {
    let mut text = String::new();
    let _ = file.take(LONGEST).read_to_string(&mut text);
    let mut lines = text.lines().map(|line| line.trim().to_owned());
    (lines.next().unwrap_or_default(), lines.next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_had_once_and_again_after_it_was_let_go() {
        let directory = tempfile::tempdir().unwrap();
        let held = InUse::take(directory.path()).unwrap();
        let refused = InUse::take(directory.path()).unwrap_err().to_string();
        assert!(refused.contains(&format!("({})", std::process::id())), "{refused}");
        assert_eq!(server_of(directory.path()).as_deref(), Some(""));
        held.tell("https://live.example.org");
        assert_eq!(server_of(directory.path()).as_deref(), Some("https://live.example.org"));
        drop(held);
        assert_eq!(server_of(directory.path()), None);
        InUse::take(directory.path()).unwrap();
    }
}
