//! What was still on the phone when the live was stopped is taken for 24 hours and stands where it belongs.

use promises::{Server, Upload, blobs, frames, recorded};
use reqwest::Method;

#[tokio::test(flavor = "multi_thread")]
async fn of_the_same_upload() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let name = "webm_vp9_opus.webm";
    let blobs = blobs(name);
    let mut upload = Upload::create(&author.api, &live).await;
    for blob in &blobs[..10] {
        upload.append(blob).await;
    }
    let receipt = live.stop(&author.api).await;
    let early = receipt["duration_ms"].as_u64().expect("duration_ms");
    for blob in &blobs[10..] {
        upload.append(blob).await;
    }
    upload.complete().await;
    let shown = live.shown(&author.api).await;
    assert_eq!(shown["state"], "ended", "stopped by its author, it stays ended");
    assert!(shown["duration_ms"].as_u64() > Some(early + 5_000), "{shown}");
    let replay = live.replay(&author.api, "mp4").await;
    frames::must_equal(&frames::by_our_reader(&recorded(name)), &frames::by_our_reader(&replay.body), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_earlier_recorder_that_comes_later() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let bytes = recorded("webm_vp9_opus.webm");
    live.publish(&author.api, &bytes).await;
    let before = live.timeline(&author.api).await;
    live.stop(&author.api).await;
    // age_ms 600000: this recorder started ten minutes ago, long before the other.
    let metadata =
        [("Upload-Defer-Length", "1"), ("Upload-Metadata", "age_ms NjAwMDAw,filetype dmlkZW8vd2VibQ==")];
    let mut late = Upload::create_with(&author.api, &live, &metadata).await;
    late.append(&recorded("webm_vp9_opus.webm")).await;
    late.complete().await;
    let after = live.timeline(&author.api).await;
    let takes = after["takes"].as_array().expect("takes");
    assert_eq!(takes.len(), 2, "{after}");
    assert!(after["revision"].as_u64() > before["revision"].as_u64(), "earlier positions moved: {after}");
    let first = before["takes"][0]["take"].clone();
    assert_eq!(takes[1]["take"], first, "the late take stands before the one that was there: {after}");
    assert_eq!(takes[1]["offset_ms"], takes[0]["duration_ms"], "{after}");
}

#[tokio::test(flavor = "multi_thread")]
async fn as_one_finished_file() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    live.stop(&author.api).await;
    let bytes = recorded("mp4_vp9_opus.mp4");
    let part = reqwest::multipart::Part::bytes(bytes.clone()).file_name("souvenir.mp4");
    let form = reqwest::multipart::Form::new().part("video", part);
    let request = author.api.request(Method::POST, &live.path("upload-video/")).multipart(form);
    let answer = author.api.send(request).await.expect(201).json();
    assert!(answer["media_id"].is_number() || answer["media_id"].is_string(), "{answer}");
    author.api.get(answer["file_url"].as_str().expect("file_url")).await.must_be(200);
    let replay = live.replay(&author.api, "mp4").await;
    frames::must_equal(&frames::by_our_reader(&bytes), &frames::by_our_reader(&replay.body), 0);
}
