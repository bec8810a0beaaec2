//! A finished MP4 whose index stands at its end is kept aside until it is whole, then read like any other.

use std::path::Path;

use promises::random::Random;
use promises::{Server, Upload, frames, recorded, recording, tools};
use serde_json::json;
use tokio::process::Command;

async fn remuxed(directory: &Path, name: &str, options: &[&str], extension: &str) -> Vec<u8> {
    let file = directory.join(format!("file.{extension}"));
    let mut command = Command::new(tools::ffmpeg());
    command
        .args(["-v", "error", "-i"])
        .arg(recording(name))
        .args(["-c", "copy"])
        .args(options)
        .arg("-y")
        .arg(&file);
    tools::succeed(&mut command).await;
    std::fs::read(&file).expect("ffmpeg wrote it")
}

#[tokio::test(flavor = "multi_thread")]
async fn with_its_length_told_and_in_slices() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let server = Server::start().await;
    let author = server.person("Awa").await;
    for options in [&["-movflags", "+faststart"][..], &[]] {
        let bytes = remuxed(directory.path(), "mp4_vp9_opus.mp4", options, "mp4").await;
        let live = author.start_live(json!({})).await;
        let length = bytes.len().to_string();
        let mut upload = Upload::create_with(&author.api, &live, &[("Upload-Length", &length)]).await;
        for slice in Random::new(4).cut(&bytes, 1_000, 90_000) {
            upload.append(slice).await;
        }
        live.stop(&author.api).await;
        let replay = live.replay(&author.api, "mp4").await;
        // Compared with what the browser recorded: ffmpeg took the recording apart, put it together, and lost nothing.
        let sent = frames::by_our_reader(&recorded("mp4_vp9_opus.mp4"));
        frames::must_equal(&sent, &frames::by_our_reader(&replay.body), 0);
        tools::decode(&author.api.url(&live.path("replay.mp4"))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn and_refused_where_it_ends_without_its_index() {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let bytes = recorded("made/finished_avc1_aac_moov_last.mp4");
    let cut = &bytes[..bytes.len() / 2];
    let length = cut.len().to_string();
    let says = |answer: promises::Answer| {
        let detail = answer.expect(422).json()["detail"].as_str().map(str::to_owned).unwrap_or_default();
        assert!(detail.contains("moov") && detail.contains(&length), "{detail}");
    };
    let live = author.start_live(json!({})).await;
    let told = Upload::create_with(&author.api, &live, &[("Upload-Length", &length)]).await;
    says(told.patch_at(0, cut, &[]).await);
    let mut deferred = Upload::create(&author.api, &live).await;
    deferred.append(cut).await;
    says(deferred.patch_at(deferred.offset, b"", &[("Upload-Length", &length)]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn across_kill_nine() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut server = Server::start().await;
    let (mut author, live) = server.live().await;
    let bytes = remuxed(directory.path(), "mp4_av01_opus.mp4", &[], "mp4").await;
    let length = bytes.len().to_string();
    let mut upload = Upload::create_with(&author.api, &live, &[("Upload-Length", &length)]).await;
    let (first, rest) = bytes.split_at(bytes.len() / 2);
    upload.append(first).await;
    server.kill_nine().await;
    server.restart().await;
    author.follow(&server);
    upload.api = author.api.clone();
    assert_eq!(upload.durable().await, first.len() as u64);
    upload.append(rest).await;
    live.stop(&author.api).await;
    let replay = live.replay(&author.api, "mp4").await;
    let sent = frames::by_our_reader(&recorded("mp4_av01_opus.mp4"));
    frames::must_equal(&sent, &frames::by_our_reader(&replay.body), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_webm_with_cues_too() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let bytes = remuxed(directory.path(), "webm_vp9_opus.webm", &["-cues_to_front", "1"], "webm").await;
    live.publish(&author.api, &bytes).await.complete().await;
    live.stop(&author.api).await;
    let replay = live.replay(&author.api, "webm").await;
    frames::must_equal(&frames::by_our_reader(&bytes), &frames::by_our_reader(&replay.body), 0);
}
