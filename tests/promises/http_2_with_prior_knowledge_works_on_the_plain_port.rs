//! A client that begins with HTTP/2 on the plain port is answered in it: publishing, and many tails.

use promises::{Server, Upload, recorded, tools};
use tokio::process::Command;

/// Tails at once.
const TAILS: usize = 20;

fn curl(arguments: &[&str]) -> Command {
    let mut command = Command::new("curl");
    command.args(["-sS", "--http2-prior-knowledge"]).args(arguments);
    command
}

async fn said(arguments: &[&str]) -> String {
    String::from_utf8_lossy(&tools::succeed(&mut curl(arguments)).await).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_and_watching() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let name = "webm_vp9_opus.webm";
    let upload = Upload::create(&author.api, &live).await;
    let bearer = format!("Authorization: Bearer {}", author.access);

    let directory = tempfile::tempdir().expect("a temporary directory");
    let copies: Vec<String> =
        (0..TAILS).map(|number| directory.path().join(number.to_string()).display().to_string()).collect();
    let tail = format!("{}{}", server.base(), live.path("tail.mp4?track=video&from_ms=0"));
    // Each on a connection of its own: the curl of Debian 12 cannot begin several requests on one it has just opened.
    let mut watching = tokio::task::JoinSet::new();
    for copy in &copies {
        let mut one = curl(&["-w", "%{http_version}", "-o", copy, &tail]);
        watching.spawn(async move { tools::succeed(&mut one).await });
    }

    let file = format!("@{}", promises::recording(name).display());
    let url = author.api.url(&upload.location);
    let sent = said(&[
        "-X",
        "PATCH",
        &url,
        "-H",
        &bearer,
        "-H",
        "Tus-Resumable: 1.0.0",
        "-H",
        "Upload-Offset: 0",
        "-H",
        "Content-Type: application/offset+octet-stream",
        "--data-binary",
        &file,
        "-D",
        "-",
        "-o",
        "/dev/null",
        "-w",
        "%{http_version}",
    ])
    .await;
    let length = recorded(name).len();
    assert!(sent.starts_with("HTTP/2 204") && sent.ends_with('2'), "{sent}");
    assert!(sent.contains(&format!("upload-offset: {length}\r\n")), "{sent}");

    live.stop(&author.api).await;
    let versions = watching.join_all().await;
    assert_eq!(versions.len(), TAILS, "the tails end with their take");
    assert!(versions.iter().all(|version| version == b"2"), "{versions:?}");
    let whole = author.api.get(&live.path("tail.mp4?track=video&from_ms=0")).await.expect(200).body;
    for copy in &copies {
        assert!(std::fs::read(copy).expect("a copy") == whole, "{copy}");
    }
    let shown = said(&[&format!("{}{}", server.base(), live.path(""))]).await;
    assert!(shown.contains(&format!("\"watch_url\":\"{}/live/", server.base())), "{shown}");
    // The same port, the other version.
    live.replay(&author.api, "mp4").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_beyond_its_limit_is_refused_and_the_next_request_is_answered() {
    let server = Server::start().await;
    let url = format!("{}/healthz", server.base());
    let large = format!("X-Large: {}", "x".repeat(90_000));
    let status = ["-o", "/dev/null", "-w", "%{http_code}", url.as_str()];
    let refused = tools::run(&mut curl(&[&["-H", large.as_str()], status.as_slice()].concat())).await;
    assert_ne!(String::from_utf8_lossy(&refused.stdout), "200");
    assert_eq!(said(&status).await, "200");
}
