//! A client that begins with HTTP/2 on the plain port is answered in it: publishing and many tails on one connection.

use promises::{Server, Upload, recorded, tools};
use tokio::process::Command;

/// Tails that one connection carries at once.
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
    let mut arguments = vec!["-Z", "--parallel-max", "50", "-w", "%{http_version} %{num_connects}\n"];
    for copy in &copies {
        arguments.extend(["-o", copy, &tail]);
    }
    let mut watching = curl(&arguments);
    let watching = tokio::spawn(async move { tools::succeed(&mut watching).await });

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
    let watched = watching.await.expect("the tails end with their take");
    let connects: Vec<String> = String::from_utf8_lossy(&watched).lines().map(str::to_owned).collect();
    assert_eq!(connects.len(), TAILS);
    assert!(connects.iter().all(|line| line.starts_with("2 ")), "{connects:?}");
    assert!(connects.iter().filter(|line| line.ends_with(" 0")).count() > TAILS / 2, "{connects:?}");
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
