use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

/// A file that is only added to, its owner's alone. Whoever turns logs over (logrotate) may move it away at any time: what comes
/// next begins a new one in its place.
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
}

impl LogFile {
    /// # Errors
    /// It cannot be opened, or closed to others.
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        let file = opened(&path)?;
        Ok(Self { path, file })
    }

    /// Adds a line, by one write.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn append(&mut self, line: &[u8]) -> io::Result<()> {
        if self.has_moved()
            && let Ok(file) = opened(&self.path)
        {
            // Where there can be no new one, the moved one is better than none.
            self.file = file;
        }
        self.file.write_all(line)
    }

    fn has_moved(&self) -> bool {
        match (std::fs::metadata(&self.path), self.file.metadata()) {
            (Ok(there), Ok(ours)) => !is_one_file(&there, &ours),
            _ => true,
        }
    }
}

#[cfg(unix)]
fn is_one_file(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_one_file(_one: &Metadata, _other: &Metadata) -> bool {
    true
}

fn opened(path: &std::path::Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    // One that was there before may be open to others.
    #[cfg(unix)]
    if file.metadata()?.is_file() {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_moved_away_is_begun_anew_and_what_is_there_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let (path, old) = (directory.path().join("a"), directory.path().join("a.1"));
        std::fs::write(&path, "before\n").unwrap();
        let mut file = LogFile::open(path.clone()).unwrap();
        file.append(b"one\n").unwrap();
        std::fs::rename(&path, &old).unwrap();
        file.append(b"two\n").unwrap();
        std::fs::remove_file(&path).unwrap();
        File::create(&path).unwrap();
        file.append(b"three\n").unwrap();
        assert_eq!(std::fs::read_to_string(&old).unwrap(), "before\none\n");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "three\n");
    }
}
