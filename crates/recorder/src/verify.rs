//! Checking what is stored, without changing anything.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::Path;

use media::Kind;

use crate::body::{body_name, init};
use crate::disk::read_all;
use crate::index_file::{MAX_INDEX, index_entries};
use crate::load::{body_container, description, never_began};
use crate::scan::{self, Scan};
use crate::{Disk, Error, TakeMark, journal, unread};

/// What was checked, and what is wrong with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Bodies that were read to their end.
    pub bodies: u64,
    /// Fragments whose checksums were compared.
    pub fragments: u64,
    /// Journals that were read.
    pub journals: u64,
    /// Stretches that are kept unread and whose checksums were compared.
    pub unread: u64,
    /// A sentence for each thing that is wrong.
    pub problems: Vec<String>,
}

/// Checks every body, index, journal and log of unread bytes below a data directory: each body must be an init and whole
/// fragments up to where its journal says, each fragment must have the checksum that its index keeps.
pub fn verify(disk: &dyn Disk, data_dir: &Path) -> Result<Report, Error> {
    let mut report = Report::default();
    let root = data_dir.join("lives");
    for live in disk.list(&root)? {
        let folder = root.join(&live);
        match verify_live(disk, &folder, &mut report) {
            // Its journals go first: a server is deleting it meanwhile.
            Err(Error::Io(error))
                if error.kind() == ErrorKind::NotFound && uploads(disk, &folder)?.is_empty() => {}
            checked => checked?,
        }
    }
    Ok(report)
}

/// The names in the folder of a live's uploads.
fn uploads(disk: &dyn Disk, live: &Path) -> Result<Vec<String>, Error> {
    Ok(disk.list(&live.join("uploads"))?)
}

fn verify_live(disk: &dyn Disk, live: &Path, report: &mut Report) -> Result<(), Error> {
    // Before the journals: the journal of a take that is there is there too, and a server may be at work here.
    let takes = disk.list(&live.join("takes"))?;
    let marks = verify_journals(disk, live, report)?;
    report.unread += unread::verify(disk, live, |problem| report.problems.push(problem))?;
    for take in takes {
        let folder = live.join("takes").join(&take);
        let Some(description) = description(disk, &folder) else {
            if never_began(disk, &folder)? {
                continue;
            }
            report.problems.push(format!("{}: take.json cannot be read", folder.display()));
            continue;
        };
        let mark = match marks.get(&description.upload) {
            None => None,
            Some(marks) => match marks.iter().find(|mark| mark.number == description.number) {
                // What its journal does not name was never acknowledged: opening the live removes it.
                None => continue,
                mark => mark.copied(),
            },
        };
        for kind in [Kind::Video, Kind::Audio] {
            verify_body(disk, &folder, kind, mark.map(|mark| mark.len(kind)), report)?;
        }
    }
    Ok(())
}

/// Checks the journals of a live; answers the marks of each upload.
fn verify_journals(
    disk: &dyn Disk,
    live: &Path,
    report: &mut Report,
) -> Result<HashMap<String, Vec<TakeMark>>, Error> {
    let mut marks = HashMap::new();
    for name in uploads(disk, live)? {
        let path = live.join("uploads").join(&name);
        let Some(upload) = name.strip_suffix(".journal") else { continue };
        match journal::read(disk, &path) {
            Ok(content) => {
                report.journals += 1;
                if let Some(at) = content.damage {
                    let harm = if content.is_broken {
                        "what its upload acknowledged since then is known from the bodies alone"
                    } else {
                        "nothing is lost by it"
                    };
                    report.problems.push(format!("{}: damaged at byte {at}; {harm}", path.display()));
                }
                marks.insert(upload.to_owned(), content.checkpoint.marks);
            }
            Err(Error::Io(error)) if error.kind() == ErrorKind::NotFound => return Err(error.into()),
            Err(error) => report.problems.push(format!("{}: {error}", path.display())),
        }
    }
    Ok(marks)
}

fn verify_body(
    disk: &dyn Disk,
    folder: &Path,
    kind: Kind,
    mark: Option<u64>,
    report: &mut Report,
) -> Result<(), Error> {
    if mark == Some(0) {
        return Ok(());
    }
    let found = body_container(disk, folder, kind)?;
    let Some(container) = found else {
        if mark.is_some() {
            report.problems.push(format!("{}: the {kind:?} body is missing", folder.display()));
        }
        return Ok(());
    };
    let path = folder.join(body_name(kind, container));
    let body = disk.open(&path)?;
    let len = body.len()?;
    let end = mark.unwrap_or(len);
    if len < end {
        report.problems.push(format!("{}: {len} bytes long, {end} were acknowledged", path.display()));
        return Ok(());
    }
    report.bodies += 1;
    let found = match scan::init(body.as_ref(), container, end) {
        Err(Error::Damaged(_)) => None,
        found => found?,
    };
    let Some((track, head)) = found else {
        report.problems.push(format!("{}: its init cannot be read", path.display()));
        return Ok(());
    };
    if head != init(&track, container) {
        report.problems.push(format!("{}: its init is not what was written", path.display()));
    }
    let index = read_all(disk, &path.with_extension("idx"), MAX_INDEX).unwrap_or_default();
    let entries = index_entries(&index, head.len() as u64, end);
    let mut scan = Scan::new(body.as_ref(), container, &track, head.len() as u64, end);
    let mut number = 0;
    while scan.at() < end {
        let at = scan.at();
        let Some((_, bytes)) = scan.next()? else {
            report.problems.push(format!("{}: no whole fragment at byte {at}", path.display()));
            return Ok(());
        };
        report.fragments += 1;
        if entries.get(number).is_some_and(|entry| entry.crc != crc32fast::hash(bytes)) {
            report
                .problems
                .push(format!("{}: the fragment at byte {at} is not what was written", path.display()));
        }
        number += 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::*;
    use crate::journal::{Checkpoint, Journal};
    use crate::{LocalDisk, Recorder};

    /// A live whose journal names these marks, with a take of which a cut of the power left an empty body.
    async fn problems(marks: impl Fn(u32) -> Vec<TakeMark>) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let recorder = Recorder::open(folder.path(), 0).unwrap();
        let recording = recorder.recording(1).await.unwrap();
        let number = recording.begin_take("upload", 0, 0).unwrap().mark().number;
        std::fs::write(recording.beside("takes").join(number.to_string()).join("audio.mp4"), b"").unwrap();
        let checkpoint = Checkpoint { marks: marks(number), state: Bytes::new() };
        Journal::create(Arc::new(LocalDisk), recording.uploads_dir().join("upload.journal"), &checkpoint)
            .unwrap();
        verify(&LocalDisk, folder.path()).unwrap().problems
    }

    #[tokio::test]
    async fn what_a_crash_left_and_nobody_was_told_of_is_no_damage() {
        assert_eq!(problems(|_| Vec::new()).await, [""; 0]);
        let mark = |number| TakeMark { number, started_at_ms: 0, base_ms: 0, video: 0, audio: 0 };
        assert_eq!(problems(|number| vec![mark(number)]).await, [""; 0]);
    }

    #[tokio::test]
    async fn a_body_that_was_acknowledged_and_is_empty_is_damage() {
        let mark = |number| TakeMark { number, started_at_ms: 0, base_ms: 0, video: 0, audio: 7 };
        assert_eq!(problems(|number| vec![mark(number)]).await.len(), 1);
    }

    #[tokio::test]
    async fn a_take_that_a_crash_kept_from_beginning_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let take = folder.path().join("lives/1/takes/1");
        std::fs::create_dir_all(&take).unwrap();
        std::fs::write(take.join("take.json.new"), b"{").unwrap();
        assert_eq!(verify(&LocalDisk, folder.path()).unwrap().problems, [""; 0]);
        let recorder = Recorder::open(folder.path(), 0).unwrap();
        assert!(recorder.recording(1).await.unwrap().timeline().takes().is_empty());
        assert!(!take.exists());
    }
}
