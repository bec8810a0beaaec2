//! Arrows between crates point one way, `media` and `timeline` stay pure, and documents name what is there.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use promises::repository;
use serde_json::Value;

/// Which crates of the workspace each crate may depend on.
const ARROWS: &[(&str, &[&str])] = &[
    ("media", &[]),
    ("timeline", &["media"]),
    ("recorder", &["timeline", "media"]),
    ("ingest", &["recorder", "timeline", "media"]),
    ("delivery", &["recorder", "timeline", "media"]),
    ("ids", &[]),
    ("storage", &[]),
    ("database", &["storage"]),
    ("accounts", &["database", "storage", "ids"]),
    ("lives", &["database", "storage", "accounts", "ids"]),
    ("wire", &[]),
    ("webhooks", &["database", "storage", "ids"]),
    ("chat", &["database", "storage", "timeline", "ids", "wire"]),
];

/// What the pure crates must not see, directly or through others.
const IMPURE: &[&str] = &["tokio", "axum", "hyper", "rusqlite", "reqwest", "mio"];

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(repository())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo prints JSON")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn packages(metadata: &Value) -> &[Value] {
    metadata["packages"].as_array().expect("packages")
}

/// The names of the packages that a package needs to run (not its tests).
fn needs<'a>(metadata: &'a Value, name: &str) -> Vec<&'a str> {
    let package = packages(metadata).iter().find(|package| package["name"] == name);
    let package = package.unwrap_or_else(|| panic!("no crate {name}"));
    let dependencies = package["dependencies"].as_array().expect("dependencies");
    dependencies.iter().filter(|d| d["kind"] != "dev").map(|d| text(&d["name"])).collect()
}

#[test]
fn every_arrow_is_one_of_the_design() {
    let metadata = metadata();
    let members: BTreeSet<&str> = packages(&metadata)
        .iter()
        .filter(|package| package["source"].is_null())
        .map(|package| text(&package["name"]))
        .collect();
    let known: BTreeSet<&str> = ARROWS.iter().map(|&(name, _)| name).chain(["server", "promises"]).collect();
    let unknown: Vec<_> = members.difference(&known).collect();
    assert!(unknown.iter().all(|name| name.ends_with("fuzz") || name.ends_with("bench")), "{unknown:?}");
    for &(name, allowed) in ARROWS {
        for needed in needs(&metadata, name) {
            assert!(
                !members.contains(needed) || allowed.contains(&needed),
                "{name} depends on {needed}; it may depend on {allowed:?} only"
            );
        }
    }
    for name in members {
        assert!(!needs(&metadata, name).contains(&"server"), "{name} depends on server, which only wires");
    }
}

#[test]
fn media_and_timeline_are_pure() {
    let metadata = metadata();
    let nodes = metadata["resolve"]["nodes"].as_array().expect("nodes");
    for pure in ["media", "timeline"] {
        let mut waiting: Vec<&str> = packages(&metadata)
            .iter()
            .filter(|package| package["name"] == pure && package["source"].is_null())
            .map(|package| text(&package["id"]))
            .collect();
        let mut seen = BTreeSet::new();
        while let Some(id) = waiting.pop() {
            if !seen.insert(id) {
                continue;
            }
            let package = packages(&metadata).iter().find(|package| package["id"] == id).expect("a package");
            assert!(!IMPURE.contains(&text(&package["name"])), "{pure} sees {}", package["name"]);
            let node = nodes.iter().find(|node| node["id"] == id).expect("a node");
            for dependency in node["deps"].as_array().expect("deps") {
                let kinds = dependency["dep_kinds"].as_array().expect("kinds");
                if kinds.iter().any(|kind| kind["kind"].is_null()) {
                    waiting.push(text(&dependency["pkg"]));
                }
            }
        }
    }
}

#[test]
fn pure_crates_read_no_clock_and_no_file() {
    for pure in ["media", "timeline"] {
        let mut waiting = vec![repository().join("crates").join(pure).join("src")];
        while let Some(path) = waiting.pop() {
            if path.is_dir() {
                let entries = std::fs::read_dir(&path).expect("a directory is read");
                waiting.extend(entries.map(|entry| entry.expect("an entry").path()));
                continue;
            }
            let source = std::fs::read_to_string(&path).expect("a source is text");
            for word in ["std::fs", "std::net", "std::thread", "SystemTime::now", "Instant::now", "std::env"]
            {
                assert!(!source.contains(word), "{} uses {word}", path.display());
            }
        }
    }
}

/// Every file below a folder that ends in `.rs`, with its text.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut waiting = vec![repository().join(folder)];
    let mut found = Vec::new();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).expect("a directory is read");
            waiting.extend(entries.map(|entry| entry.expect("an entry").path()));
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = std::fs::read_to_string(&path).expect("a source is text");
            found.push((path, text));
        }
    }
    found
}

#[test]
fn only_an_engine_sees_its_database() {
    let engines = ["accounts", "lives", "chat", "webhooks"].map(|name| format!("{name}/src/store/sqlite"));
    for name in ["accounts", "lives", "chat", "webhooks", "server"] {
        for (path, text) in sources(&format!("crates/{name}/src")) {
            let shown = path.display().to_string();
            let is_engine = engines.iter().any(|engine| shown.contains(engine.as_str()));
            // The server picks the engines, in one file.
            if is_engine || shown.ends_with("server/src/engines.rs") {
                continue;
            }
            for word in ["rusqlite", "database::", "Connection"] {
                let seen = text.contains(word) && !(word == "Connection" && name == "server");
                assert!(!seen, "{shown} sees {word}");
            }
        }
    }
}

#[test]
fn no_crate_reads_a_table_of_another() {
    let tables = [
        (
            "accounts",
            [
                "users",
                "roles",
                "identities",
                "refresh_families",
                "refresh_tokens",
                "password_links",
                "invitations",
                "sign_in_networks",
                "user_changes",
                "user_outbox",
            ]
            .as_slice(),
        ),
        ("lives", ["lives", "outbox", "live_counts", "lives_search"].as_slice()),
        ("chat", ["messages", "messages_search", "chat_outbox", "chat_reports"].as_slice()),
        ("webhooks", ["webhooks", "webhook_positions", "webhook_deliveries"].as_slice()),
    ];
    for (owner, tables) in tables {
        for reader in ["accounts", "lives", "chat", "webhooks"].into_iter().filter(|reader| *reader != owner)
        {
            for (path, text) in sources(&format!("crates/{reader}/src/store")) {
                for (table, verb) in tables
                    .iter()
                    .flat_map(|table| ["FROM", "JOIN", "INTO", "UPDATE"].map(|verb| (table, verb)))
                {
                    let statement = format!("{verb} {table} ");
                    assert!(!text.contains(&statement), "{} says {statement}", path.display());
                }
            }
        }
    }
}

#[test]
fn paths_named_in_the_documents_exist() {
    let root = repository();
    let mut documents =
        vec![root.join("README.md"), root.join("CONTRIBUTING.md"), root.join("ARCHITECTURE.md")];
    let docs = std::fs::read_dir(root.join("docs")).into_iter().flatten().flatten();
    documents.extend(
        docs.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "md")),
    );
    let tops =
        ["crates/", "sdk/", "web/", "tests/", "docs/", "scripts/", "fuzz/", "bench/", "testdata/", ".ci/"];
    let mut missing = Vec::new();
    for document in documents.iter().filter(|path| path.exists()) {
        let text = std::fs::read_to_string(document).expect("a document is text");
        for word in text.split(|letter: char| letter.is_whitespace() || "`()[],;:\"'<>|".contains(letter)) {
            let word = word.trim_end_matches(['.', '/']);
            let pattern = word.contains(['*', '{', '$', '=']);
            if !pattern && tops.iter().any(|top| word.starts_with(top)) && !root.join(word).exists() {
                missing.push(format!("{} names {word}", document.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}
