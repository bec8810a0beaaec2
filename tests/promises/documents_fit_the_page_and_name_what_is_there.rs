//! Documents can be read beside the code, and a path that ARCHITECTURE.md gives leads somewhere.

use std::path::{Path, PathBuf};

use promises::repository;

/// Characters of the longest line of a document.
const WIDEST: usize = 130;
/// What others made, or the program: no documents of ours below.
const FOREIGN: &[&str] = &["target", "node_modules", "dist"];
/// The same, where it stands at the top.
const FOREIGN_AT_THE_TOP: &[&str] = &["data", "artifacts"];

#[test]
fn no_line_of_a_document_is_wider_than_the_page() {
    let mut wide = Vec::new();
    let documents = documents();
    assert!(documents.len() >= 8, "the documents are found: {documents:?}");
    for document in documents {
        let text = std::fs::read_to_string(&document).expect("a document is text");
        for (number, line) in text.lines().enumerate() {
            let width = line.chars().count();
            if width > WIDEST {
                wide.push(format!("{}:{}: {width} characters", document.display(), number + 1));
            }
        }
    }
    assert!(wide.is_empty(), "lines of more than {WIDEST} characters:\n{}", wide.join("\n"));
}

#[test]
fn every_path_of_the_architecture_leads_somewhere() {
    let text = std::fs::read_to_string(repository().join("ARCHITECTURE.md")).expect("the document");
    let named: Vec<String> = paths(&text);
    assert!(named.len() > 50, "paths are found: {named:?}");
    let sources = sources();
    let missing: Vec<_> = named.iter().filter(|path| !is_there(path, &sources)).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md names what is not there: {missing:#?}");
}

#[test]
fn a_path_that_leads_nowhere_is_found() {
    let text = "`crates/media/src/codec/{vp9,vp10}.rs`, `codec/`, `container/mp4/read`, `POST /api/x/`, `recorder::write`";
    let named = paths(text);
    assert_eq!(
        named,
        ["crates/media/src/codec/vp9.rs", "crates/media/src/codec/vp10.rs", "codec/", "container/mp4/read"]
    );
    let sources = sources();
    let missing: Vec<_> = named.iter().filter(|path| !is_there(path, &sources)).collect();
    assert_eq!(missing, ["crates/media/src/codec/vp10.rs"]);
}

/// The Markdown files of the repository.
fn documents() -> Vec<PathBuf> {
    let root = repository();
    let mut found = Vec::new();
    let mut waiting = vec![root.clone()];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder is read") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let is_foreign = name.starts_with('.')
                || FOREIGN.contains(&name.as_str())
                || (folder == root && FOREIGN_AT_THE_TOP.contains(&name.as_str()));
            if path.is_dir() && !is_foreign && !path.is_symlink() {
                waiting.push(path);
            } else if path.extension().is_some_and(|end| end == "md") {
                found.push(path);
            }
        }
    }
    found
}

/// The paths that stand between backticks, each alternative in braces as a path of its own.
fn paths(text: &str) -> Vec<String> {
    let spans = text.split('`').skip(1).step_by(2);
    spans.filter(|span| is_path(span)).flat_map(each_alternative).collect()
}

fn is_path(span: &str) -> bool {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./{},".contains(letter);
    let is_file = [".rs", ".md", ".sh", ".ts"].iter().any(|end| span.ends_with(end));
    span.chars().all(is_plain) && !span.starts_with('/') && (span.contains('/') || is_file)
}

fn each_alternative(pattern: &str) -> Vec<String> {
    let Some((before, rest)) = pattern.split_once('{') else { return vec![pattern.to_owned()] };
    let (names, after) = rest.split_once('}').expect("a brace is closed");
    names.split(',').flat_map(|name| each_alternative(&format!("{before}{name}{after}"))).collect()
}

/// The folders from which a path may be named: the top, and the sources of a crate, whose files go without their ending.
fn sources() -> Vec<PathBuf> {
    let crates = std::fs::read_dir(repository().join("crates")).expect("the crates");
    let mut sources: Vec<_> = crates.map(|entry| entry.expect("a crate").path().join("src")).collect();
    sources.push(repository());
    sources
}

fn is_there(path: &str, sources: &[PathBuf]) -> bool {
    let without_ending = |source: &Path| source.join(format!("{path}.rs"));
    sources.iter().any(|source| source.join(path).exists() || without_ending(source).exists())
}
