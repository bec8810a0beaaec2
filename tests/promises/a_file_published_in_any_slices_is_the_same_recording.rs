//! However a recording is cut on its way, what is kept is the same: the parser's state outlives a request.

use std::path::PathBuf;

use bytes::Bytes;
use promises::random::Random;
use promises::tools::{Packet, packets};
use promises::{Live, Person, Server, Upload, blobs, recorded};
use serde_json::json;

/// What is kept of a live: the packets of its replay and what the timeline says of its takes.
async fn kept(author: &Person, live: &Live, container: &str) -> (Vec<Packet>, Vec<serde_json::Value>) {
    live.stop(&author.api).await;
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path: PathBuf = directory.path().join(format!("replay.{container}"));
    std::fs::write(&path, live.replay(&author.api, container).await.body)
        .expect("the replay is written down");
    let timeline = live.timeline(&author.api).await;
    let takes = timeline["takes"].as_array().expect("takes").clone();
    let tracks = takes.iter().flat_map(|take| take["tracks"].as_array().expect("tracks").clone()).collect();
    (packets(&path).await, tracks)
}

async fn published(
    author: &Person,
    container: &str,
    slices: &[&[u8]],
) -> (Vec<Packet>, Vec<serde_json::Value>) {
    let live = author.start_live(json!({})).await;
    let mut upload = Upload::create(&author.api, &live).await;
    for slice in slices {
        upload.append(slice).await;
    }
    kept(author, &live, container).await
}

async fn sliced_anyhow(name: &str, container: &str) {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let bytes = recorded(name);
    let whole = published(&author, container, &[&bytes]).await;
    assert!(whole.0.len() > 100, "{name}: only {} packets", whole.0.len());

    let as_the_browser_cut = blobs(name);
    let slices: Vec<&[u8]> = as_the_browser_cut.iter().map(Vec::as_slice).collect();
    assert_eq!(whole, published(&author, container, &slices).await, "{name} in the browser's blobs");

    let slices = Random::new(7).cut(&bytes, 1, 20_000);
    assert_eq!(whole, published(&author, container, &slices).await, "{name} in random slices");

    let (start, rest) = bytes.split_at(300);
    let slices: Vec<&[u8]> = start.chunks(1).chain([rest]).collect();
    assert_eq!(whole, published(&author, container, &slices).await, "{name} with 300 requests of one byte");
}

#[tokio::test(flavor = "multi_thread")]
async fn webm_with_vp9() {
    sliced_anyhow("webm_vp9_opus.webm", "mp4").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn webm_with_vp8() {
    sliced_anyhow("webm_vp8_opus.webm", "webm").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn webm_with_av1() {
    sliced_anyhow("webm_av1_opus.webm", "mp4").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn matroska_with_h264() {
    sliced_anyhow("mkv_avc1_opus.mkv", "mp4").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fragmented_mp4() {
    sliced_anyhow("mp4_av01_opus.mp4", "mp4").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_file_one_byte_at_a_time_in_one_request() {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let bytes = recorded("audio_webm_opus.webm");
    let whole = published(&author, "mp4", &[&bytes]).await;
    let live = author.start_live(json!({})).await;
    let upload = Upload::create(&author.api, &live).await;
    let bytes: Bytes = bytes.into();
    let total = bytes.len();
    let one_by_one = (0..total).map(move |at| Ok::<_, std::io::Error>(bytes.slice(at..=at)));
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(one_by_one));
    let answer = author.api.send(upload.patch_request(0, body, &[])).await.expect(204);
    assert_eq!(answer.header("upload-offset"), total.to_string());
    assert_eq!(whole, kept(&author, &live, "mp4").await);
}
