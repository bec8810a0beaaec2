//! A copy of a data directory that can be gone back to: `communiconnect backup` and `communiconnect restore`.
//!
//! Rows are copied first, as one snapshot, then the files of the lives that these rows name. Bodies only grow, so that what
//! the rows speak of is in them whenever they are read; what came meanwhile is in the copy too. Files of one live are
//! copied in the order in which they depend on each other: a journal before what it vouches for.
//!
//! Killed at any moment, a backup leaves the one before it: rows are put in place last. Everything that was acknowledged
//! before it began is in it.

use std::collections::BTreeSet;
use std::fs::{File, FileTimes};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use ids::LiveId;
use serde::{Deserialize, Serialize};

use crate::{data_dir, engines, offline, recorded};

/// What says that a folder is a backup.
const MARK: &str = "backup.json";
/// The form of a backup: a newer one is not read.
const FORM: u32 = 1;
/// The ending of what is not whole yet.
const PART: &str = "part";
/// What changed less than this before it was copied is copied again the next time: times of files are no finer.
const SETTLED: Duration = Duration::from_secs(2);
/// How often a live is copied again of which files went while it was copied.
const AGAIN: usize = 20;
/// Files beside the lives that belong to a data directory.
const BESIDE: &[&str] = &["signing.key"];

/// What a folder says of itself.
#[derive(Debug, Serialize, Deserialize)]
struct Mark {
    form: u32,
    /// When the newest backup in it began, in milliseconds of Unix time; `None` before the first has ended.
    of: Option<i64>,
}

/// What a backup holds.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Copied {
    /// How many lives.
    pub(crate) lives: usize,
    /// Bytes of their files.
    pub(crate) bytes: u64,
    /// How many of these had changed since the backup before, and were copied.
    pub(crate) new_bytes: u64,
}

/// Copies a data directory, also that of a running server, into a folder: an empty one, or that of an earlier backup,
/// which is brought up to date. `tell` hears how far it is.
///
/// # Errors
/// A sentence: it is no data directory, the folder holds something else, or the storage failed. The backup before stays.
pub(crate) fn backup(from: &Path, to: &Path, tell: &mut dyn FnMut(&str)) -> Result<Copied, String> {
    let begun = crate::clock::now_ms().0;
    engines::existing(from)?;
    if lies_in(to, from) {
        return Err(format!("{} lies in the data directory: it would hold itself", to.display()));
    }
    prepare(to)?;
    tell("rows");
    let rows = to.join("rows").with_extension(PART);
    remove(&rows)?;
    engines::snapshot(from, &rows)?;
    let lives = engines::lives_of(&rows)?;
    let mut copied = Copied { lives: lives.len(), ..Copied::default() };
    for (number, live) in lives.iter().enumerate() {
        copy_live(from, to, *live, &mut copied)?;
        tell(&format!("lives {} of {}, {} MB", number + 1, lives.len(), copied.bytes / 1_000_000));
    }
    for name in BESIDE {
        copy(&from.join(name), &to.join(name), &mut copied)
            .map_err(|error| said(&from.join(name), &error))?;
    }
    std::fs::rename(&rows, engines::path(to)).map_err(|error| said(&rows, &error))?;
    forget_others(to, &lives)?;
    sync_folder(to)?;
    write_mark(to, Some(begun))?;
    tell("checking");
    let mut wrong = engines::verify(to)?;
    wrong.extend(recorded::verify(to));
    if wrong.is_empty() { Ok(copied) } else { Err(wrong.join("\n")) }
}

/// Makes a data directory of a backup, and says of which lives it holds more than the rows know.
///
/// # Errors
/// A sentence: the folder is no backup or was never finished, the data directory holds something, or what was copied is
/// not as it should be.
pub(crate) fn restore(from: &Path, to: &Path, tell: &mut dyn FnMut(&str)) -> Result<Vec<String>, String> {
    match read_mark(from)? {
        Some(Mark { form, .. }) if form > FORM => {
            return Err(format!("{} was written by a newer program", from.display()));
        }
        Some(Mark { of: Some(_), .. }) => {}
        Some(_) => return Err(format!("the first backup into {} was never finished", from.display())),
        None => return Err(format!("{} is no backup", from.display())),
    }
    if to.exists() && !data_dir::is_empty(to).map_err(|error| said(to, &error))? {
        return Err(format!(
            "{} is not empty: a backup is restored into a directory of its own",
            to.display()
        ));
    }
    data_dir::make(to).map_err(|error| error.to_string())?;
    let mut copied = Copied::default();
    for file in files(from).map_err(|error| said(from, &error))? {
        let is_part = file.extension().is_some_and(|ending| ending == PART);
        if is_part || file == Path::new(MARK) {
            continue;
        }
        copy(&from.join(&file), &to.join(&file), &mut copied).map_err(|error| said(&file, &error))?;
    }
    sync_folder(to)?;
    tell("checking");
    let mut wrong = engines::verify(to)?;
    wrong.extend(recorded::verify(to));
    if !wrong.is_empty() {
        return Err(wrong.join("\n"));
    }
    offline::grown(to)
}

/// Makes the folder a backup's, if it is one already or empty.
fn prepare(to: &Path) -> Result<(), String> {
    if read_mark(to)?.is_some() {
        return Ok(());
    }
    if to.exists() && !data_dir::is_empty(to).map_err(|error| said(to, &error))? {
        return Err(format!("{} holds something that is no backup", to.display()));
    }
    data_dir::make(to).map_err(|error| error.to_string())?;
    write_mark(to, None)
}

fn copy_live(from: &Path, to: &Path, live: LiveId, copied: &mut Copied) -> Result<(), String> {
    let folder = Path::new("lives").join(live.to_string());
    for _ in 0..AGAIN {
        let mut of_this = Copied::default();
        match copy_folder(&from.join(&folder), &to.join(&folder), &mut of_this) {
            Ok(()) => {
                copied.bytes += of_this.bytes;
                copied.new_bytes += of_this.new_bytes;
                return Ok(());
            }
            // An upload was finished, or the live deleted, meanwhile: what is left belongs together.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(said(&folder, &error)),
        }
    }
    Err(format!("{} changed again and again while it was copied", folder.display()))
}

/// Copies what has changed, and lets go of what is there no more.
fn copy_folder(from: &Path, to: &Path, copied: &mut Copied) -> std::io::Result<()> {
    let mut files = match files(from) {
        Ok(files) => files,
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    files.sort_by_key(|file| (rank(file), file.clone()));
    for file in &files {
        copy(&from.join(file), &to.join(file), copied)?;
    }
    let there: BTreeSet<&PathBuf> = files.iter().collect();
    let kept = if to.exists() { self::files(to)? } else { Vec::new() };
    for gone in kept.iter().filter(|file| !there.contains(file)) {
        std::fs::remove_file(to.join(gone))?;
    }
    Ok(())
}

/// In which order files of a live are copied: what vouches for others first, so that it never speaks of more than they hold.
fn rank(file: &Path) -> u8 {
    let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    match (file.starts_with("takes"), ending) {
        (false, "journal") => 0,
        (false, _) => 1,
        (true, "idx") => 2,
        (true, _) => 3,
    }
}

/// Copies a file that is not there yet as it is, so that it is whole under its name or not there.
fn copy(from: &Path, to: &Path, copied: &mut Copied) -> std::io::Result<()> {
    let source = std::fs::metadata(from)?;
    let changed = source.modified()?;
    copied.bytes += source.len();
    let known = std::fs::metadata(to);
    if known.is_ok_and(|known| known.len() == source.len() && known.modified().is_ok_and(|at| at == changed))
    {
        return Ok(());
    }
    copied.new_bytes += source.len();
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let part = to.with_added_extension(PART);
    std::fs::copy(from, &part)?;
    let file = File::options().write(true).open(&part)?;
    let is_settled = SystemTime::now().duration_since(changed).is_ok_and(|age| age > SETTLED);
    let kept = if is_settled { changed } else { changed - Duration::from_nanos(1) };
    file.set_times(FileTimes::new().set_modified(kept))?;
    file.sync_all()?;
    std::fs::rename(&part, to)
}

/// Lets go of lives that the rows do not name: what was deleted is in no backup any more.
fn forget_others(to: &Path, lives: &[LiveId]) -> Result<(), String> {
    let folder = to.join("lives");
    if !folder.exists() {
        return Ok(());
    }
    for entry in std::fs::read_dir(&folder).map_err(|error| said(&folder, &error))? {
        let entry = entry.map_err(|error| said(&folder, &error))?;
        let live = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if !live.is_some_and(|live| lives.contains(&live)) {
            std::fs::remove_dir_all(entry.path()).map_err(|error| said(&entry.path(), &error))?;
        }
    }
    Ok(())
}

/// All files below a folder, by their paths from it.
fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(inner) = folders.pop() {
        for entry in std::fs::read_dir(folder.join(&inner))? {
            let entry = entry?;
            let path = inner.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    Ok(found)
}

fn read_mark(folder: &Path) -> Result<Option<Mark>, String> {
    let path = folder.join(MARK);
    match std::fs::read(&path) {
        Ok(bytes) => {
            serde_json::from_slice(&bytes).map(Some).map_err(|error| format!("{}: {error}", path.display()))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(said(&path, &error)),
    }
}

fn write_mark(folder: &Path, of: Option<i64>) -> Result<(), String> {
    let path = folder.join(MARK);
    let part = path.with_added_extension(PART);
    let text = serde_json::to_string(&Mark { form: FORM, of }).unwrap_or_default();
    let written = std::fs::write(&part, text).and_then(|()| File::open(&part)?.sync_all());
    written.and_then(|()| std::fs::rename(&part, &path)).map_err(|error| said(&path, &error))?;
    sync_folder(folder)
}

fn lies_in(inner: &Path, outer: &Path) -> bool {
    let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let outer = std::fs::canonicalize(outer).unwrap_or_else(|_| whole(outer));
    std::fs::canonicalize(inner).unwrap_or_else(|_| whole(inner)).starts_with(outer)
}

fn remove(file: &Path) -> Result<(), String> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(said(file, &error)),
        _ => Ok(()),
    }
}

fn sync_folder(folder: &Path) -> Result<(), String> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| said(folder, &error))
}

fn said(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}
