//! A running server is backed up, and what was acknowledged before is in what is restored of it, to the byte.

use std::path::Path;

use promises::{Api, Live, Person, Server, Upload, frames, recorded};
use serde_json::json;

async fn back_up(server: &Server, to: &Path) -> (bool, String) {
    let (status, text) = server.command(&["backup", to.to_str().expect("text")]).await;
    (status.success(), text)
}

/// A server on what was restored of a backup.
async fn restored(from: &Path) -> Server {
    let data = tempfile::tempdir().expect("a temporary directory");
    let mut command = tokio::process::Command::new(promises::server::program());
    command.arg("restore").arg(from).arg("--data-dir").arg(data.path());
    let output = command.output().await.expect("the program can be started");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    Server::on(data).await
}

/// The same person at another server with the same keys.
fn at(server: &Server, person: &Person) -> Api {
    server.anonymous().with_token(&person.access)
}

async fn said(api: &Api, live: &Live) -> Vec<String> {
    let history = api.get(&live.path("chat/messages/")).await.expect(200).json();
    let messages = history.as_array().expect("a list").iter();
    messages.map(|message| message["content"].as_str().expect("text").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_is_published_and_talked() {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let ended = author.start_live(json!({"title": "Hier"})).await;
    let bytes = recorded("webm_vp9_opus.webm");
    ended.publish(&author.api, &bytes).await;
    ended.stop(&author.api).await;
    let running = author.start_live(json!({"title": "Ce soir"})).await;
    let mut upload = Upload::create(&author.api, &running).await;
    let copies = tempfile::tempdir().expect("a temporary directory");
    let copy = copies.path().join("copy");
    for (number, slice) in bytes.chunks(bytes.len() / 4 + 1).enumerate() {
        upload.append(slice).await;
        let content = format!("message {number}");
        author.api.post(&running.path("chat/"), json!({"content": content})).await.must_be(201);
        let acknowledged = (upload.offset, number + 1);

        // More comes while it is copied.
        let talking = {
            let (api, path) = (author.api.clone(), running.path("chat/"));
            tokio::spawn(async move {
                loop {
                    api.post(&path, json!({"content": "entre-temps"})).await.must_be(201);
                }
            })
        };
        let (done, text) = back_up(&server, &copy).await;
        talking.abort();
        assert!(done, "{text}");

        let other = restored(&copy).await;
        let api = at(&other, &author);
        let place = upload.location.replace(server.base(), other.base());
        let head = api.head(&place).await.expect(200);
        let offset: u64 = head.header("upload-offset").parse().expect("an offset");
        assert!(offset >= acknowledged.0, "{offset} of {} bytes are there", acknowledged.0);
        let messages = said(&api, &running).await;
        for number in 0..acknowledged.1 {
            let content = format!("message {number}");
            assert_eq!(messages.iter().filter(|said| **said == content).count(), 1, "{content}");
        }
        let replay = ended.replay(&api, "mp4").await.expect(200);
        frames::must_equal(&frames::by_our_reader(&bytes), &frames::by_our_reader(&replay.body), 0);
    }
    // The whole of it can be published there to its end.
    let (done, text) = back_up(&server, &copy).await;
    assert!(done, "{text}");
    let other = restored(&copy).await;
    let api = at(&other, &author);
    running.stop(&api).await;
    let replay = running.replay(&api, "mp4").await.expect(200);
    frames::must_equal(&frames::by_our_reader(&bytes), &frames::by_our_reader(&replay.body), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_did_not_change_is_not_copied_again_and_what_was_deleted_is_gone() {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let mut lives = Vec::new();
    for title in ["gardé", "effacé zanzibarique"] {
        let live = author.start_live(json!({"title": title})).await;
        live.publish(&author.api, &recorded("webm_vp9_opus.webm")).await.complete().await;
        live.stop(&author.api).await;
        lives.push(live);
    }
    let copies = tempfile::tempdir().expect("a temporary directory");
    let copy = copies.path().join("copy");
    let (done, text) = back_up(&server, &copy).await;
    assert!(done, "{text}");
    assert!(holds(&copy, b"zanzibarique"));
    // Times of files are no finer than a moment.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let (done, _) = back_up(&server, &copy).await;
    assert!(done);
    let (_, text) = back_up(&server, &copy).await;
    assert!(text.contains("of which 0 were copied"), "{text}");
    author.api.delete(&lives[1].path("")).await.must_be(204);
    let (done, text) = back_up(&server, &copy).await;
    assert!(done && text.contains("backup of 1 lives"), "{text}");
    assert!(!copy.join(format!("lives/{}", lives[1].id)).exists());
    assert!(!holds(&copy, b"zanzibarique"), "its words are in no file");
    let other = restored(&copy).await;
    let api = at(&other, &author);
    api.get(&lives[0].path("")).await.must_be(200);
    api.get(&lives[1].path("")).await.must_be(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_killed_leaves_the_one_before() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    live.publish(&author.api, &recorded("webm_vp9_opus.webm")).await;
    let copies = tempfile::tempdir().expect("a temporary directory");
    let copy = copies.path().join("copy");
    let restore = async |from: &Path, to: &Path| {
        let mut command = tokio::process::Command::new(promises::server::program());
        command.arg("restore").arg(from).arg("--data-dir").arg(to);
        let output = command.output().await.expect("started");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (done, text) = back_up(&server, &copy).await;
    assert!(done, "{text}");
    for wait_ms in [5, 10, 20, 40, 80] {
        author.api.post(&live.path("chat/"), json!({"content": format!("{wait_ms}")})).await.must_be(201);
        let mut command = tokio::process::Command::new(promises::server::program());
        command.arg("backup").arg(&copy).arg("--data-dir").arg(server.data());
        let mut child = command.spawn().expect("started");
        tokio::time::sleep(std::time::Duration::from_millis(wait_ms)).await;
        child.kill().await.expect("killed");
        let target = copies.path().join(format!("restored-{wait_ms}"));
        let (done, text) = restore(&copy, &target).await;
        assert!(done, "killed after {wait_ms} ms: {text}");
        let (done, text) = restore(&copy, &target).await;
        assert!(!done && text.contains("not empty"), "{text}");
    }
    let (done, text) = restore(server.data(), &copies.path().join("x")).await;
    assert!(!done && text.contains("no backup"), "{text}");
    let (done, text) = back_up(&server, &server.data().join("inside")).await;
    assert!(!done && text.contains("hold itself"), "{text}");
}

/// Whether any file below a folder holds these bytes.
fn holds(folder: &Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(folder).expect("a folder").flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return holds(&path, bytes);
        }
        std::fs::read(&path).expect("readable").windows(bytes.len()).any(|window| window == bytes)
    })
}
