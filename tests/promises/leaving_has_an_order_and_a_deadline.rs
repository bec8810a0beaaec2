//! SIGTERM with viewers, a publisher and a conversation open: it leaves in time, with everything acknowledged kept.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use promises::talk::Talk;
use promises::{Server, recorded};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn with_open_tails_and_sockets() {
    let mut server = Server::start().await;
    let (mut author, live) = server.live().await;
    let bytes = recorded("webm_vp9_opus.webm");
    let mut upload = live.publish(&author.api, &bytes[..500_000]).await;
    author.api.post(&live.path("chat/"), json!({"content": "Je suis là"})).await.must_be(201);
    let mut tails = Vec::new();
    for track in ["video", "audio"] {
        let answer = author.api.open(&live.path(&format!("tail.mp4?track={track}&from_ms=0"))).await;
        let mut stream = answer.bytes_stream();
        assert!(stream.next().await.is_some_and(|piece| piece.is_ok()));
        tails.push(stream);
    }
    let mut talk = Talk::open(&server, &live, "?after=0").await;
    talk.collect(1).await;
    let begin = Instant::now();
    let status = server.terminate().await;
    assert!(status.success(), "{status}");
    assert!(begin.elapsed() < Duration::from_secs(12), "it took {:?}", begin.elapsed());
    let begin = Instant::now();
    server.restart().await;
    assert!(begin.elapsed() < Duration::from_secs(2), "ready after {:?}", begin.elapsed());
    author.follow(&server);
    upload.api = author.api.clone();
    assert_eq!(upload.durable().await, 500_000);
    upload.append(&bytes[500_000..]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_prints_one_line_and_answers_how_it_is() {
    let server = Server::start().await;
    let api = server.anonymous();
    api.get("/healthz").await.must_be(200);
    let metrics = api.get("/metrics").await.expect(200);
    assert!(metrics.text().contains("# "), "{}", metrics.text());
    let schema = api.get("/api/schema/").await.expect(200).json();
    assert!(
        schema["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")),
        "{}",
        schema["openapi"]
    );
    let paths = schema["paths"].as_object().expect("paths");
    for path in ["/api/posts/live/start/", "/api/posts/live/{id}/chat/", "/api/posts/live/{id}/replay.mp4"] {
        assert!(paths.contains_key(path), "{path} is not in the schema: {:?}", paths.keys());
    }
}
