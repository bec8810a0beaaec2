use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use hmac::{Hmac, Mac};
use sha2::Sha256;

const LENGTH: usize = 32;

/// The secret that every token of this server is signed with, through keys derived from it for one use each.
pub struct SigningKey([u8; LENGTH]);

impl SigningKey {
    /// Reads the key from `path`; makes it, readable by its owner alone, if it is not there.
    ///
    /// # Errors
    /// The file cannot be read or written, or does not hold 32 bytes.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        match File::open(path) {
            Ok(file) => Self::read(file),
            Err(error) if error.kind() == ErrorKind::NotFound => Self::make(path),
            Err(error) => Err(error),
        }
    }

    /// A key for one use, named by `purpose`: knowing it tells nothing about the others.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> [u8; LENGTH] {
        keyed_hash(&self.0, &[purpose.as_bytes()])
    }

    fn read(file: File) -> std::io::Result<Self> {
        let mut bytes = Vec::new();
        file.take(LENGTH as u64 + 1).read_to_end(&mut bytes)?;
        let wrong = |_| std::io::Error::new(ErrorKind::InvalidData, "the signing key must be 32 bytes");
        Ok(Self(bytes.try_into().map_err(wrong)?))
    }

    /// Written beside and renamed, so that a crash never leaves half a key. The file beside is locked: a command that
    /// runs while the first server starts takes that server's key.
    fn make(path: &Path) -> std::io::Result<Self> {
        let key: [u8; LENGTH] = rand::random();
        let beside = path.with_extension("new");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&beside)?;
        file.lock()?;
        if let Ok(made) = File::open(path) {
            let _ = std::fs::remove_file(&beside);
            return Self::read(made);
        }
        file.set_len(0)?;
        file.write_all(&key)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)?;
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(Self(key))
    }
}

/// HMAC-SHA-256 (RFC 2104) of `parts`, one after the other.
pub(crate) fn keyed_hash(key: &[u8; LENGTH], parts: &[&[u8]]) -> [u8; LENGTH] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_is_its_owners_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("signing.key");
        let first = SigningKey::open(&path).unwrap();
        let second = SigningKey::open(&path).unwrap();
        assert_eq!(first.derive("a"), second.derive("a"));
        assert_ne!(first.derive("a"), first.derive("b"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn processes_that_start_together_have_one_key() {
        for _ in 0..20 {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("signing.key");
            let open = || SigningKey::open(&path).unwrap().derive("a");
            let keys = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
            });
            assert!(keys.iter().all(|key| *key == keys[0]));
        }
    }

    #[test]
    fn a_file_that_holds_no_key_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("signing.key");
        std::fs::write(&path, b"short").unwrap();
        assert_eq!(SigningKey::open(&path).err().map(|e| e.kind()), Some(ErrorKind::InvalidData));
    }
}
