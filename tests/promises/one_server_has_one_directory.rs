//! Two servers on one data directory would lose what was acknowledged: the second is refused. What only reads, or only
//! changes rows, works beside a server.

use std::process::Stdio;

use promises::{Server, Upload, frames, recorded, server};
use tokio::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn the_second_server_is_refused_in_a_sentence() {
    let mut first = Server::start().await;
    let (author, live) = first.live().await;
    let bytes = recorded("webm_vp9_opus.webm");
    let mut upload = Upload::create(&author.api, &live).await;
    upload.append(&bytes[..400_000]).await;
    for _ in 0..3 {
        let sentence = refused(&first).await;
        assert!(sentence.contains("in use") && sentence.contains("one server"), "{sentence}");
        assert!(
            sentence.contains(&first.data().display().to_string()),
            "it says which directory: {sentence}"
        );
        assert!(!sentence.contains("panicked"), "{sentence}");
    }
    upload.append(&bytes[400_000..]).await;
    upload.complete().await;
    live.stop(&author.api).await;
    let replay = live.replay(&author.api, "mp4").await;
    frames::must_equal(&frames::by_our_reader(&bytes), &frames::by_our_reader(&replay.body), 0);
    let (status, text) = first.command(&["verify"]).await;
    assert!(status.success(), "{text}");
    first.terminate().await;
    first.restart().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_leaves_the_directory_free() {
    let mut server = Server::start().await;
    for _ in 0..3 {
        server.kill_nine().await;
        server.restart().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_added_beside_a_server() {
    let server = Server::start().await;
    let add = ["user", "add", "modou@exemple.sn", "--password", promises::people::PASSWORD];
    let (status, text) = server.command(&add).await;
    assert!(status.success(), "{text}");
    let body = serde_json::json!({"email": "modou@exemple.sn", "password": promises::people::PASSWORD});
    server.anonymous().post("/api/users/login/", body).await.must_be(200);
    let (status, text) = server.command(&["user", "role", "modou@exemple.sn", "moderator", "--yes"]).await;
    assert!(status.success(), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_at_a_live_that_is_recorded_changes_nothing() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let bytes = recorded("webm_vp9_opus.webm");
    let mut upload = Upload::create(&author.api, &live).await;
    let directory = tempfile::tempdir().expect("a temporary directory");
    let id = live.id.to_string();
    for (number, slice) in bytes.chunks(60_000).enumerate() {
        upload.append(slice).await;
        let body = server.data().join(format!("lives/{id}/takes/1/video.mp4"));
        let before = std::fs::metadata(&body).map_or(0, |data| data.len());
        let (status, text) = server.command(&["verify"]).await;
        assert!(status.success(), "{text}");
        let file = directory.path().join(format!("{number}.mp4"));
        let (status, text) = server.command(&["export", &id, "-o", file.to_str().expect("text")]).await;
        assert!(status.success() || number == 0, "{text}");
        assert_eq!(std::fs::metadata(&body).map_or(0, |data| data.len()), before);
    }
    upload.complete().await;
    live.stop(&author.api).await;
    let replay = live.replay(&author.api, "mp4").await;
    frames::must_equal(&frames::by_our_reader(&bytes), &frames::by_our_reader(&replay.body), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn export_leaves_what_a_server_wrote_and_did_not_acknowledge_yet() {
    let mut server = Server::start().await;
    let (author, live) = server.live().await;
    live.publish(&author.api, &recorded("webm_vp9_opus.webm")).await;
    live.stop(&author.api).await;
    server.terminate().await;
    let id = live.id.to_string();
    let body = server.data().join(format!("lives/{id}/takes/1/video.mp4"));
    let mut longer = std::fs::read(&body).expect("the body");
    longer.extend_from_slice(b"the beginning of a fragment");
    std::fs::write(&body, &longer).expect("it grows");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("live.mp4");
    let (status, text) = server.command(&["export", &id, "-o", file.to_str().expect("text")]).await;
    assert!(status.success(), "{text}");
    assert_eq!(std::fs::read(&body).expect("the body"), longer, "nobody cut it");
    promises::tools::decode(file.to_str().expect("text")).await;
}

/// What a second server on the same directory says on its standard error, once it has failed.
async fn refused(first: &Server) -> String {
    let mut command = Command::new(server::program());
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(first.data());
    command.stdin(Stdio::null());
    let output = command.output().await.expect("the program can be started");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty(), "it is not ready: {output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}
