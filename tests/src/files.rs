//! What stands in the files of a data directory, byte by byte.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The files below a directory that hold one of these words, with it. In any case of ASCII letters: a search index keeps
/// words in lower case.
#[must_use]
pub fn holding(directory: &Path, words: &[&str]) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        let Ok(entries) = std::fs::read_dir(&directory) else { continue };
        for entry in entries.filter_map(Result::ok) {
            let path = entry.path();
            if path.is_dir() {
                directories.push(path);
            } else if let Ok(bytes) = std::fs::read(&path) {
                let bytes = bytes.to_ascii_lowercase();
                let here = words.iter().filter(|word| holds(&bytes, word.to_ascii_lowercase().as_bytes()));
                found.extend(here.map(|word| (path.clone(), (*word).to_owned())));
            }
        }
    }
    found
}

/// What the files below a directory take on the disk, in bytes. Files that go meanwhile count for nothing.
#[must_use]
pub fn bytes_on_disk(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok);
    let of = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => bytes_on_disk(&entry.path()),
        // Blocks of 512 bytes, whatever those of the file system are (stat(2)).
        Ok(found) => found.blocks() * 512,
        Err(_) => 0,
    };
    entries.map(of).sum()
}

fn holds(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}
