//! Being away only marks a live; away for longer than the server's patience ends it, and bytes bring it back. Stopped
//! by its author it stays ended.

use std::time::Duration;

use promises::{Api, Live, Server, Upload, blobs, frames, recorded};

async fn until_state(api: &Api, live: &Live, state: &str) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while live.shown(api).await["state"] != state {
        assert!(tokio::time::Instant::now() < deadline, "it does not become {state}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_patience_of_two_seconds() {
    let server = Server::configured(&["--patience-s", "2"], &[]).await;
    let (author, live) = server.live().await;
    let name = "webm_vp9_opus.webm";
    let blobs = blobs(name);
    let mut upload = Upload::create(&author.api, &live).await;
    for blob in &blobs[..8] {
        upload.append(blob).await;
    }
    assert_eq!(live.shown(&author.api).await["state"], "live");
    until_state(&author.api, &live, "ended").await;
    assert!(live.shown(&author.api).await["ended_at"].is_string());
    upload.append(&blobs[8]).await;
    until_state(&author.api, &live, "live").await;
    assert!(live.shown(&author.api).await["ended_at"].is_null(), "it is live again");
    for blob in &blobs[9..] {
        upload.append(blob).await;
    }
    upload.complete().await;
    live.stop(&author.api).await;
    let timeline = live.timeline(&author.api).await;
    assert_eq!(timeline["takes"].as_array().map(Vec::len), Some(1), "one recorder, one take: {timeline}");
    let replay = live.replay(&author.api, "mp4").await;
    frames::must_equal(&frames::by_our_reader(&recorded(name)), &frames::by_our_reader(&replay.body), 0);
}
