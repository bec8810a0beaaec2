//! The recordings of `testdata/`, as they are and cut to their first seconds by their structure.

use std::path::{Path, PathBuf};

use promises::repository;

use super::made::Made;
use super::mp4::Movie;
use super::webm::Document;

/// How much of each recording is kept.
const KEPT_MS: i64 = 2_000;

/// A recording to be changed.
#[derive(Debug, Clone)]
pub(crate) struct Recording {
    /// Its path below `testdata/`.
    pub(crate) name: String,
    pub(crate) content: Content,
    /// The file as it is.
    pub(crate) bytes: Vec<u8>,
}

/// What is in it.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    Webm(Document),
    Mp4(Movie),
}

impl Recording {
    pub(crate) fn is_webm(&self) -> bool {
        matches!(self.content, Content::Webm(_))
    }

    /// The file as it is, with where its frames lie when it is written anew.
    pub(crate) fn whole(&self) -> Made {
        let made = match &self.content {
            Content::Webm(_) => Document::read(&self.bytes).write(),
            Content::Mp4(_) => {
                let movie = Movie::read(&self.bytes).expect("it was read before");
                let boxes = movie.boxes();
                movie.write(&boxes)
            }
        };
        Made { bytes: self.bytes.clone(), ..made }
    }

    /// How its changed files are called.
    pub(crate) fn extension(&self) -> &'static str {
        if self.is_webm() { "mkv" } else { "mp4" }
    }

    /// Whether it says itself what of it is shown.
    pub(crate) fn has_edits(&self) -> bool {
        match &self.content {
            Content::Webm(_) => false,
            Content::Mp4(movie) => movie.tracks.iter().any(|track| track.edits.is_some()),
        }
    }

    /// Whether its times are odd already: those of the replay are then not compared.
    pub(crate) fn is_odd(&self) -> bool {
        self.name.starts_with("found")
    }
}

/// Every recording of `testdata/` that the server takes, in the order of their names.
pub(crate) fn read() -> Vec<Recording> {
    let root = repository().join("testdata");
    let mut paths = Vec::new();
    for folder in [root.clone(), root.join("made"), root.join("found")] {
        if let Ok(entries) = std::fs::read_dir(folder) {
            paths.extend(entries.flatten().map(|entry| entry.path()));
        }
    }
    paths.sort();
    paths.iter().filter_map(|path| read_one(&root, path)).collect()
}

fn read_one(root: &Path, path: &PathBuf) -> Option<Recording> {
    let is_webm = match path.extension()?.to_str()? {
        "webm" | "mkv" => true,
        "mp4" => false,
        _ => return None,
    };
    let bytes = std::fs::read(path).ok()?;
    let content = if is_webm {
        let mut document = Document::read(&bytes);
        document.cut(KEPT_MS);
        Content::Webm(document)
    } else {
        let mut movie = Movie::read(&bytes)?;
        movie.cut(KEPT_MS);
        Content::Mp4(movie)
    };
    let name = path.strip_prefix(root).ok()?.to_string_lossy().into_owned();
    Some(Recording { name, content, bytes })
}
