//! `verify` reads every body and index, changes nothing, and says what is wrong.

use std::path::{Path, PathBuf};

use promises::{Server, recorded};

#[tokio::test(flavor = "multi_thread")]
async fn in_any_body() {
    let mut server = Server::start().await;
    let (author, live) = server.live().await;
    live.publish(&author.api, &recorded("webm_vp9_opus.webm")).await;
    live.stop(&author.api).await;
    server.terminate().await;
    let (status, text) = server.command(&["verify"]).await;
    assert!(status.success(), "a sound directory: {text}");

    let largest = files(server.data()).into_iter().max_by_key(|path| size(path)).expect("files");
    let mut bytes = std::fs::read(&largest).expect("the body is read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    std::fs::write(&largest, &bytes).expect("the bit is flipped");
    let (status, text) = server.command(&["verify"]).await;
    assert_eq!(status.code(), Some(1), "{}: {text}", largest.display());
    assert!(text.len() > 10, "it says what is wrong");
    assert!(std::fs::read(&largest).expect("still there") == bytes, "it changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_is_exported_as_one_file() {
    let mut server = Server::start().await;
    let (author, live) = server.live().await;
    live.publish(&author.api, &recorded("webm_vp9_opus.webm")).await;
    live.stop(&author.api).await;
    server.terminate().await;
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("live.mp4");
    let id = live.id.to_string();
    let (status, text) = server.command(&["export", &id, "-o", file.to_str().expect("text")]).await;
    assert!(status.success(), "{text}");
    promises::tools::decode(file.to_str().expect("text")).await;
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |data| data.len())
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = path.to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(files(&path));
        } else if ![".db", ".sqlite", "-wal", "-shm", ".log"].iter().any(|end| name.contains(end)) {
            found.push(path);
        }
    }
    found
}
