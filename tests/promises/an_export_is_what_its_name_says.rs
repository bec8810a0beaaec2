//! `export` and `verify` take a data directory as it was left, change nothing in it, and write what was asked for.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use promises::{Live, Person, Server, Upload, frames, recorded, tools};

/// Every file below a folder: its bytes and when they were written.
fn everything(folder: &Path) -> BTreeMap<String, (Vec<u8>, SystemTime)> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(everything(&path));
        } else {
            let written = entry.metadata().and_then(|data| data.modified()).expect("a time");
            found.insert(path.display().to_string(), (std::fs::read(&path).expect("readable"), written));
        }
    }
    found
}

async fn with(name: &str) -> (Server, Person, Live) {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    live.publish(&author.api, &recorded(name)).await;
    author.api.post(&live.path("chat/"), serde_json::json!({"content": "Bonsoir"})).await.must_be(201);
    (server, author, live)
}

async fn export(server: &Server, live: &Live, output: &Path) -> (bool, String) {
    let (status, text) =
        server.command(&["export", &live.id.to_string(), "-o", output.to_str().expect("text")]).await;
    (status.success(), text)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_was_closed_and_one_that_was_killed_stay_as_they_are() {
    for killed in [false, true] {
        let (mut server, _author, live) = with("webm_vp9_opus.webm").await;
        if killed {
            server.kill_nine().await;
        } else {
            server.terminate().await;
        }
        let before = everything(server.data());
        let (status, text) = server.command(&["verify"]).await;
        assert!(status.success(), "killed: {killed}: {text}");
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = directory.path().join("live.mp4");
        let (done, text) = export(&server, &live, &file).await;
        assert!(done, "killed: {killed}: {text}");
        tools::decode(file.to_str().expect("text")).await;
        let after = everything(server.data());
        let names = |all: &BTreeMap<String, _>| all.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&before), names(&after), "killed: {killed}");
        assert!(before == after, "killed: {killed}: bytes or times of files have changed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_the_log_of_a_killed_server_is_verified_too() {
    let (mut server, _author, _live) = with("webm_vp9_opus.webm").await;
    server.kill_nine().await;
    let log = server.data().join("communiconnect.sqlite-wal");
    let mut bytes = std::fs::read(&log).expect("a log");
    assert!(bytes.len() > 4_096, "the last rows stand in it");
    let (status, text) = server.command(&["verify"]).await;
    assert!(status.success(), "{text}");
    // A page of the log is another table's page now: its checksum is wrong, and what follows it is not there.
    let middle = bytes.len() / 2;
    bytes.truncate(middle);
    std::fs::write(&log, &bytes).expect("written");
    let _ = server.command(&["verify"]).await;
    assert_eq!(std::fs::read(&log).expect("a log"), bytes, "it changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ending_that_lies_is_refused_and_the_right_one_named() {
    let (server, _author, live) = with("webm_vp8_opus.webm").await;
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (name, named) in [("x.mp4", "x.webm"), ("x.mkv", "x.webm"), ("x.m4a", "x.webm")] {
        let file = directory.path().join(name);
        let (done, text) = export(&server, &live, &file).await;
        assert!(!done && text.contains(named), "{name}: {text}");
        assert!(!file.exists(), "nothing is written");
    }
    for name in ["x.webm", "X2.WEBM", "without"] {
        let file = directory.path().join(name);
        let (done, text) = export(&server, &live, &file).await;
        assert!(done, "{name}: {text}");
        assert_eq!(std::fs::read(&file).expect("a file")[..4], [0x1a, 0x45, 0xdf, 0xa3], "{name} is WebM");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn takes_that_differ_become_a_folder() {
    let (server, author, live) = with("webm_vp8_opus.webm").await;
    let mut second = Upload::create(&author.api, &live).await;
    second.append(&recorded("mkv_avc1_opus.mkv")).await;
    live.stop(&author.api).await;
    let directory = tempfile::tempdir().expect("a temporary directory");
    for name in ["all.webm", "all.mp4"] {
        let (done, text) = export(&server, &live, &directory.path().join(name)).await;
        assert!(!done && text.contains("-o all"), "{name}: {text}");
    }
    let folder = directory.path().join("all");
    let (done, text) = export(&server, &live, &folder).await;
    assert!(done, "{text}");
    let mut names: Vec<String> = everything(&folder).into_keys().collect();
    names.iter_mut().for_each(|name| *name = name.rsplit('/').next().unwrap_or_default().to_owned());
    assert_eq!(names, ["playlist.m3u8", "take-001.webm", "take-002.mp4"]);
    for (name, source) in [("take-001.webm", "webm_vp8_opus.webm"), ("take-002.mp4", "mkv_avc1_opus.mkv")] {
        let bytes = std::fs::read(folder.join(name)).expect("a take");
        frames::must_equal(&frames::by_our_reader(&recorded(source)), &frames::by_our_reader(&bytes), 1);
    }
    let playlist = std::fs::read_to_string(folder.join("playlist.m3u8")).expect("a playlist");
    assert!(playlist.starts_with("#EXTM3U\n#EXTINF:") && playlist.ends_with("take-002.mp4\n"), "{playlist}");
    let (done, text) = export(&server, &live, &folder).await;
    assert!(!done, "a folder that is there is not written over: {text}");
}
