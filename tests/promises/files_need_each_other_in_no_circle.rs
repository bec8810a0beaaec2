//! No file of ours needs another that needs it in turn, however far around: each can be read with what stands below it.
//!
//! A file needs another where a `use`, a path or an import in it names something of the other. Set aside are tests, re-exports (a
//! name counts as of the file that has it), and what a file takes from the module it is part of.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use promises::repository;

/// Files that are tied to one another as yet. Nothing may be added; what is untied is taken off.
const TIED: &[&str] = &[
    "crates/media/src/codec/access.rs",
    "crates/media/src/codec/mod.rs",
    "crates/media/src/codec/nal.rs",
    "crates/media/src/codec/picture.rs",
    "crates/media/src/codec/start.rs",
    "crates/media/src/container/mp4/edits.rs",
    "crates/media/src/container/mp4/hidden.rs",
    "crates/media/src/container/mp4/movie.rs",
    "crates/media/src/container/mp4/table.rs",
    "crates/media/src/container/mp4/take.rs",
    "crates/media/src/container/webm/odd.rs",
    "crates/media/src/container/webm/proof.rs",
    "crates/media/src/container/webm/read.rs",
    "crates/media/src/track.rs",
];

/// What each file needs, by the names of the files.
type Needs = BTreeMap<String, BTreeSet<String>>;

#[test]
fn no_crate_has_a_circle() {
    let crates = std::fs::read_dir(repository().join("crates")).expect("the crates");
    let mut circles = Vec::new();
    for one in crates.map(|entry| entry.expect("a crate").path()) {
        circles.extend(circles_of(&rust::needs(&one.join("src"))));
    }
    assert!(circles.is_empty(), "files in circles:\n{}", circles.join("\n"));
}

#[test]
fn neither_the_package_nor_the_pages_have_a_circle() {
    let mut circles = circles_of(&typescript::needs(&repository().join("sdk/src")));
    circles.extend(circles_of(&typescript::needs(&repository().join("web/src"))));
    assert!(circles.is_empty(), "files in circles:\n{}", circles.join("\n"));
}

#[test]
fn a_circle_is_found_and_said() {
    let pairs = [("a", vec!["b"]), ("b", vec!["c"]), ("c", vec!["a", "d"]), ("d", vec![])];
    let needs: Needs = pairs
        .into_iter()
        .map(|(from, to)| (from.to_owned(), to.into_iter().map(str::to_owned).collect()))
        .collect();
    assert_eq!(circles_of(&needs), ["a -> b, b -> c, c -> a"]);
    let source = "use super::b::{C, D as E};\npub use super::d::F;\n// crate::e::G\n#[cfg(test)]\nmod tests { use crate::f::H; }\nfn f() { crate::g::h(\"crate::i::J\") }";
    let paths: Vec<_> =
        rust::paths(&rust::without_tests(source)).into_iter().map(|path| path.join("::")).collect();
    assert_eq!(paths, ["crate::g::h", "super::b::C", "super::b::D"]);
}

/// The circles, each as the needs that make it up.
fn circles_of(needs: &Needs) -> Vec<String> {
    let reached: BTreeMap<&String, BTreeSet<&String>> =
        needs.keys().map(|from| (from, reachable(needs, from))).collect();
    let together =
        |one: &String, other: &String| reached[one].contains(other) && reached[other].contains(one);
    let mut told = BTreeSet::new();
    let mut circles = Vec::new();
    for file in needs.keys().filter(|file| reached[file].contains(file)) {
        if !told.insert(file) {
            continue;
        }
        let circle: Vec<&String> = needs.keys().filter(|other| together(file, other)).collect();
        told.extend(&circle);
        if circle.iter().all(|file| TIED.contains(&file.as_str())) {
            continue;
        }
        let inside = |from: &&String| {
            needs[*from].iter().filter(|to| circle.contains(to)).cloned().collect::<Vec<_>>()
        };
        let arrows =
            circle.iter().flat_map(|from| inside(from).into_iter().map(move |to| format!("{from} -> {to}")));
        circles.push(arrows.collect::<Vec<_>>().join(", "));
    }
    circles
}

fn reachable<'a>(needs: &'a Needs, from: &String) -> BTreeSet<&'a String> {
    let mut waiting: Vec<&String> = needs[from].iter().collect();
    let mut seen = BTreeSet::new();
    while let Some(file) = waiting.pop() {
        if seen.insert(file) {
            waiting.extend(needs.get(file).into_iter().flatten());
        }
    }
    seen
}

/// The files below a directory with one of these endings.
fn files(directory: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![directory.to_path_buf()];
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).expect("a directory is read");
            waiting.extend(entries.map(|entry| entry.expect("an entry").path()));
        } else if path.extension().is_some_and(|ending| endings.iter().any(|wanted| ending == *wanted)) {
            found.push(path);
        }
    }
    found
}

fn named(path: &Path) -> String {
    path.strip_prefix(repository()).unwrap_or(path).display().to_string()
}

mod rust {
    use super::*;

    /// A module: where it stands in its crate.
    type Module = Vec<String>;

    struct Crate {
        files: BTreeMap<Module, PathBuf>,
        sources: BTreeMap<Module, String>,
        /// Names that a module hands on, with the paths under which it has them.
        handed_on: BTreeMap<Module, Vec<(String, Vec<String>)>>,
    }

    pub(super) fn needs(source: &Path) -> Needs {
        let read = Crate::read(source);
        let mut needs = Needs::new();
        for (module, text) in &read.sources {
            let needed = needs.entry(named(&read.files[module])).or_default();
            for path in paths(text) {
                let of = read.owner(module, &path, 0);
                if let Some(of) = of.filter(|of| of != module && !module.starts_with(of)) {
                    needed.insert(named(&read.files[&of]));
                }
            }
        }
        needs
    }

    impl Crate {
        fn read(source: &Path) -> Self {
            let mut read =
                Self { files: BTreeMap::new(), sources: BTreeMap::new(), handed_on: BTreeMap::new() };
            for path in files(source, &["rs"]) {
                let inside = path.strip_prefix(source).expect("below the sources").with_extension("");
                let mut module: Module =
                    inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
                if module.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
                    module.pop();
                }
                let text = without_tests(&std::fs::read_to_string(&path).expect("a source is text"));
                // `main.rs` stands on the library.
                if path.ends_with("main.rs") {
                    continue;
                }
                read.handed_on.insert(module.clone(), handed_on(&text));
                read.sources.insert(module.clone(), text);
                read.files.insert(module, path);
            }
            read
        }

        /// The module that has what a path names, seen from a module.
        fn owner(&self, from: &Module, path: &[String], depth: u8) -> Option<Module> {
            let mut at = from.clone();
            let mut rest = path;
            match path.first().map(String::as_str)? {
                "crate" => {
                    at.clear();
                    rest = &path[1..];
                }
                "self" => rest = &path[1..],
                "super" => {
                    while rest.first().is_some_and(|part| part == "super") {
                        at.pop();
                        rest = &rest[1..];
                    }
                }
                first => {
                    at.push(first.to_owned());
                    if !self.files.contains_key(&at) {
                        return None;
                    }
                    rest = &path[1..];
                }
            }
            while let Some((part, after)) = rest.split_first() {
                at.push(part.clone());
                if self.files.contains_key(&at) {
                    rest = after;
                    continue;
                }
                at.pop();
                let handed = self.handed_on[&at].iter().find(|(name, _)| name == part);
                return match handed {
                    Some((_, path)) if depth < 4 => self.owner(&at, path, depth + 1).or(Some(at)),
                    _ => Some(at),
                };
            }
            Some(at)
        }
    }

    /// A source without comments, texts and what is compiled for tests alone.
    pub(super) fn without_tests(source: &str) -> String {
        let source = without_words(source);
        let mut kept = String::new();
        let mut rest = source.as_str();
        while let Some(at) = rest.find("#[cfg(test)]") {
            kept.push_str(&rest[..at]);
            rest = after_item(&rest[at + "#[cfg(test)]".len()..]);
        }
        kept.push_str(rest);
        kept
    }

    /// What stands after an item: a block, or a line that ends with a semicolon.
    fn after_item(text: &str) -> &str {
        let mut depth = 0_usize;
        for (at, letter) in text.char_indices() {
            match letter {
                ';' if depth == 0 => return &text[at + 1..],
                '{' => depth += 1,
                '}' if depth == 1 => return &text[at + 1..],
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        ""
    }

    fn without_words(source: &str) -> String {
        let mut kept = String::new();
        let mut rest = source;
        while let Some(letter) = rest.chars().next() {
            if rest.starts_with("//") {
                rest = rest.find('\n').map_or("", |end| &rest[end..]);
            } else if rest.starts_with("/*") {
                rest = rest.find("*/").map_or("", |end| &rest[end + 2..]);
            } else if rest.starts_with("'\"'") || rest.starts_with("b'\"'") {
                rest = &rest[rest.find("\"'").expect("it begins with it") + 2..];
            } else if rest.starts_with("r#\"") {
                rest = rest[3..].find("\"#").map_or("", |end| &rest[3 + end + 2..]);
            } else if letter == '"' {
                rest = after_text(&rest[1..]);
            } else {
                kept.push(letter);
                rest = &rest[letter.len_utf8()..];
            }
        }
        kept
    }

    fn after_text(text: &str) -> &str {
        let mut escaped = false;
        for (at, letter) in text.char_indices() {
            match letter {
                '\\' if !escaped => escaped = true,
                '"' if !escaped => return &text[at + 1..],
                _ => escaped = false,
            }
        }
        ""
    }

    /// The statements that begin with `use`, each with what stands before the word on its line.
    fn uses(source: &str) -> Vec<(&str, &str)> {
        let mut found = Vec::new();
        for (at, _) in source.match_indices("use ") {
            let line = source[..at].rfind('\n').map_or(0, |end| end + 1);
            let before = source[line..at].trim();
            let is_statement = before.is_empty() || before.starts_with("pub");
            if let Some(end) = source[at..].find(';').filter(|_| is_statement) {
                found.push((before, &source[at + 4..at + end]));
            }
        }
        found
    }

    /// The paths that a source names: of its `use` statements but re-exports, and in what it does.
    pub(super) fn paths(source: &str) -> Vec<Vec<String>> {
        let statements = uses(source);
        let mut code = source.to_owned();
        for (_, tree) in &statements {
            code = code.replace(&format!("use {tree};"), "");
        }
        let mut found: Vec<Vec<String>> = written(&code);
        for (before, tree) in statements {
            if before.is_empty() {
                found.extend(leaves(tree).into_iter().map(|(_, path)| path));
            }
        }
        found
    }

    fn handed_on(source: &str) -> Vec<(String, Vec<String>)> {
        uses(source)
            .into_iter()
            .filter(|(before, _)| !before.is_empty())
            .flat_map(|(_, tree)| leaves(tree))
            .collect()
    }

    /// Paths in code: words joined by `::`.
    fn written(code: &str) -> Vec<Vec<String>> {
        let is_word = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
        code.split(|letter| !is_word(letter))
            .filter(|word| word.contains("::") && !word.starts_with(':'))
            .map(|word| word.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect())
            .collect()
    }

    /// What a tree of a `use` brings in: names, and their paths.
    fn leaves(tree: &str) -> Vec<(String, Vec<String>)> {
        let tree = tree.trim();
        let Some(open) = tree.find('{') else {
            let (path, name) =
                tree.split_once(" as ").map_or((tree, None), |(path, name)| (path, Some(name.trim())));
            let path: Vec<String> = path.split("::").map(|part| part.trim().to_owned()).collect();
            let path = if path.last().is_some_and(|last| last == "self" || last == "*") {
                path[..path.len() - 1].to_vec()
            } else {
                path
            };
            let name = name.map(str::to_owned).or_else(|| path.last().cloned()).unwrap_or_default();
            return vec![(name, path)];
        };
        let front = &tree[..open];
        let inside = tree[open + 1..].strip_suffix('}').unwrap_or(&tree[open + 1..]);
        let mut branches = vec![String::new()];
        let mut depth = 0_usize;
        for letter in inside.chars() {
            match letter {
                ',' if depth == 0 => branches.push(String::new()),
                other => {
                    depth = match other {
                        '{' => depth + 1,
                        '}' => depth.saturating_sub(1),
                        _ => depth,
                    };
                    if let Some(branch) = branches.last_mut() {
                        branch.push(other);
                    }
                }
            }
        }
        let branches = branches.iter().map(|branch| branch.trim()).filter(|branch| !branch.is_empty());
        branches.flat_map(|branch| leaves(&format!("{front}{branch}"))).collect()
    }
}

mod typescript {
    use super::*;

    pub(super) fn needs(source: &Path) -> Needs {
        let all = files(source, &["ts", "svelte"]);
        let mut needs = Needs::new();
        for path in &all {
            let text = std::fs::read_to_string(path).expect("a source is text");
            let needed = needs.entry(named(path)).or_default();
            for from in imports(&text) {
                let target = path.parent().expect("a directory").join(from);
                let target = plain(&target);
                let candidates =
                    [target.clone(), target.with_extension("ts"), target.with_extension("svelte.ts")];
                let there =
                    candidates.into_iter().find(|candidate| all.contains(candidate) && candidate != path);
                needed.extend(there.map(|there| named(&there)));
            }
        }
        needs
    }

    /// The files that a module imports, at once or when it needs them; what it only hands on is set aside.
    fn imports(text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        for statement in text.split("import").skip(1) {
            let end = match statement.chars().next() {
                Some(' ') => statement.find(';'),
                Some('(') => statement.find(')'),
                _ => continue,
            };
            let quoted = statement[..end.unwrap_or(statement.len())].split(['\'', '"']).nth(1);
            found.extend(quoted.filter(|from| from.starts_with('.')));
        }
        found
    }

    /// The path without `.` and `..`.
    fn plain(path: &Path) -> PathBuf {
        let mut plain = PathBuf::new();
        for part in path.components() {
            match part {
                std::path::Component::CurDir => {}
                std::path::Component::ParentDir => {
                    plain.pop();
                }
                other => plain.push(other),
            }
        }
        plain
    }
}
