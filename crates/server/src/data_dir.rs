//! The directory in which everything is kept: nobody else's to read.

use std::io;
use std::path::Path;

use crate::error::Error;

/// What this process makes from now on is its owner's alone.
pub(crate) fn keep_private() {
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
}

/// Makes the directory, closed to others. An empty one that is there is closed.
///
/// # Errors
/// It cannot be made; [`Error::OpenToOthers`] where it holds something and others may read it: whoever opened it may mean
/// it, and must say so by closing it.
pub(crate) fn make(path: &Path) -> Result<(), Error> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let failed = |error| Error::File { path: path.to_owned(), error };
    builder.create(path).map_err(failed)?;
    if !is_open_to_others(path).map_err(failed)? {
        return Ok(());
    }
    if !is_empty(path).map_err(failed)? {
        return Err(Error::OpenToOthers(path.to_owned()));
    }
    close(path).map_err(failed)
}

/// Whether there is nothing in it but what a file system of its own has from the start.
pub(crate) fn is_empty(path: &Path) -> io::Result<bool> {
    for entry in std::fs::read_dir(path)? {
        if entry?.file_name() != "lost+found" {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(unix)]
fn is_open_to_others(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::metadata(path)?.permissions().mode() & 0o077 != 0)
}

#[cfg(unix)]
fn close(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn is_open_to_others(_path: &Path) -> io::Result<bool> {
    Ok(false)
}

#[cfg(not(unix))]
fn close(_path: &Path) -> io::Result<()> {
    Ok(())
}
