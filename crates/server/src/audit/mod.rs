//! The audit log: who did what, from where, and how it ended. A file of JSON lines, for whoever runs the server and for programs
//! that read along (fail2ban).
//!
//! A line is written at the end of the file by one write, before its act is answered. It holds no token, no key, no password, no
//! address of e-mail and no text that somebody wrote. Its first fields (`time`, `from`, `what`, `outcome`) are the server's own
//! words and stand in this order, so that whoever reads along need not understand JSON to trust them.

mod file;
mod refusals;

use std::borrow::Cow;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ids::PersonId;
use serde::Serialize;
use serde_json::{Map, Value};
use wire::Time;

use crate::clock::now_ms;
use file::LogFile;
use refusals::Refusals;

/// The file of a data directory that says where its audit log is: commands write theirs there too.
const PLACE: &str = "audit-log.path";

/// The audit log, or none; clones share it.
#[derive(Clone, Default)]
pub(crate) struct AuditLog(Option<Arc<Mutex<Kept>>>);

struct Kept {
    file: LogFile,
    refusals: Refusals,
}

/// Where an act comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Origin {
    /// Over the network.
    Address(IpAddr),
    /// The command line.
    CommandLine,
    /// The server itself, by a rule that it was given.
    #[default]
    Server,
}

/// How an act ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    /// As it was asked.
    #[default]
    Done,
    /// The one who asked may not (401, 403), or not so often (429).
    Refused,
    /// Otherwise: it was asked wrongly, or could not be done.
    Failed,
    /// Whoever asked went away before the answer: it may have been done.
    Cut,
}

/// An act, to be written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Act {
    /// What it is: a word of the list in `docs/OPERATING.md`, or the method and the form of the path that was refused.
    pub(crate) what: Cow<'static, str>,
    /// Where it comes from.
    pub(crate) from: Origin,
    /// How it ended.
    pub(crate) outcome: Outcome,
    /// The status of its answer, if it has one.
    pub(crate) status: Option<u16>,
    /// Who did it, where that is known.
    pub(crate) who: Option<PersonId>,
    /// On what: the numbers of a live, a message, a person.
    pub(crate) on: Map<String, Value>,
    /// What else is worth knowing: numbers, yes or no, words of the interface.
    pub(crate) detail: Map<String, Value>,
    /// The number that a proxy or a client gave the request.
    pub(crate) request: Option<String>,
}

/// A line of the file. The order of its fields is a promise.
#[derive(Serialize)]
struct Line<'a> {
    time: Time,
    from: Cow<'static, str>,
    what: &'a str,
    outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    who: Option<PersonId>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    on: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    detail: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<&'a str>,
}

impl AuditLog {
    /// The log in this file; none without a path.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub(crate) fn open(path: Option<&Path>) -> io::Result<Self> {
        let Some(path) = path else { return Ok(Self::default()) };
        let file = LogFile::open(std::path::absolute(path)?)?;
        Ok(Self(Some(Arc::new(Mutex::new(Kept { file, refusals: Refusals::default() })))))
    }

    /// Whether there is one.
    pub(crate) fn is_kept(&self) -> bool {
        self.0.is_some()
    }

    /// Writes an act. What cannot be written is said in the server's log.
    pub(crate) fn write(&self, act: &Act) {
        let Some(kept) = &self.0 else { return };
        let now = now_ms();
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if act.outcome != Outcome::Done
            && let Origin::Address(address) = act.from
        {
            let (has_a_line, left_out) = kept.refusals.admit(address, now);
            if left_out > 0 {
                let detail = Map::from_iter([("times".to_owned(), left_out.into())]);
                kept.append(&Act { what: "left-out".into(), outcome: act.outcome, detail, ..Act::default() });
            }
            if !has_a_line {
                return;
            }
        }
        kept.append(act);
    }
}

impl Kept {
    fn append(&mut self, act: &Act) {
        let line = Line {
            time: Time(now_ms().0),
            from: act.from.name(),
            what: &act.what,
            outcome: act.outcome,
            status: act.status,
            who: act.who,
            on: &act.on,
            detail: &act.detail,
            request: act.request.as_deref(),
        };
        // Strings, numbers and maps of them are always written.
        let mut text = serde_json::to_vec(&line).unwrap_or_default();
        text.push(b'\n');
        if let Err(error) = self.file.append(&text) {
            tracing::error!(%error, what = %act.what, "the audit log cannot be written");
        }
    }
}

impl Origin {
    fn name(self) -> Cow<'static, str> {
        match self {
            Self::Address(address) => address.to_canonical().to_string().into(),
            Self::CommandLine => "command line".into(),
            Self::Server => "server".into(),
        }
    }
}

impl Outcome {
    /// How an answer with this status says that it ended.
    pub(crate) fn of(status: u16) -> Self {
        match status {
            100..=399 => Self::Done,
            401 | 403 | 429 => Self::Refused,
            _ => Self::Failed,
        }
    }
}

/// Keeps in the data directory where its audit log is, or that there is none.
///
/// # Errors
/// The file there cannot be written.
pub(crate) fn keep_place(data_dir: &Path, path: Option<&Path>) -> io::Result<()> {
    let place = data_dir.join(PLACE);
    match path {
        Some(path) => {
            let path = std::path::absolute(path)?;
            std::fs::write(place, path.as_os_str().as_encoded_bytes())
        }
        None => match std::fs::remove_file(place) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        },
    }
}

/// Where the audit log of a data directory is, as the last server there was told.
pub(crate) fn place(data_dir: &Path) -> Option<PathBuf> {
    let path = std::fs::read_to_string(data_dir.join(PLACE)).ok()?;
    Some(PathBuf::from(path)).filter(|path| path.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_fields_are_the_servers_own_and_nothing_breaks_a_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit.jsonl");
        let log = AuditLog::open(Some(&path)).unwrap();
        let act = Act {
            what: "sign-in".into(),
            from: Origin::Address("::ffff:192.0.2.1".parse().unwrap()),
            outcome: Outcome::of(401),
            status: Some(401),
            request: Some("\"\n{\"time\"".to_owned()),
            ..Act::default()
        };
        log.write(&act);
        let text = std::fs::read_to_string(&path).unwrap();
        let (time, rest) = text.split_once("Z\",").unwrap();
        assert!(time.starts_with("{\"time\":\"20"), "{text}");
        let begins = "\"from\":\"192.0.2.1\",\"what\":\"sign-in\",\"outcome\":\"refused\",\"status\":401,\"who\":null,";
        assert!(rest.starts_with(begins), "{text}");
        assert_eq!(text.lines().count(), 1);
    }

    #[test]
    fn a_directory_keeps_where_its_log_is() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(place(directory.path()), None);
        keep_place(directory.path(), Some(Path::new("/var/log/a.jsonl"))).unwrap();
        assert_eq!(place(directory.path()), Some(PathBuf::from("/var/log/a.jsonl")));
        keep_place(directory.path(), None).unwrap();
        keep_place(directory.path(), None).unwrap();
        assert_eq!(place(directory.path()), None);
    }
}
