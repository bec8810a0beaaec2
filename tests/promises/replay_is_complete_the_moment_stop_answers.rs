//! Nothing is copied or rewritten at the stop: the answer comes at once and the replay is whole.

use std::time::{Duration, Instant};

use promises::{Server, Upload, blobs, frames, recorded, tools};

async fn complete(name: &str, container: &str) {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let mut upload = Upload::create(&author.api, &live).await;
    for blob in blobs(name) {
        upload.append(&blob).await;
    }
    let begin = Instant::now();
    let receipt = live.stop(&author.api).await;
    assert!(begin.elapsed() < Duration::from_secs(1), "stop took {:?}", begin.elapsed());
    assert_eq!(receipt["video_saved"], true, "{receipt}");
    assert_eq!(receipt["video_id"], live.id, "{receipt}");
    assert!(receipt["message"].is_string() && receipt["gaps"].is_array(), "{receipt}");

    let url = receipt["replay_url"].as_str().expect("the replay is there").to_owned();
    author.api.get(&url).await.must_be(200);
    let replay = live.replay(&author.api, container).await;
    let sent = frames::by_our_reader(&recorded(name));
    frames::must_equal(&sent, &frames::by_our_reader(&replay.body), 0);

    let last = sent.iter().flat_map(|track| &track.frames).map(|frame| frame.ms).max().expect("frames");
    let address = author.api.url(&live.path(&format!("replay.{container}")));
    let description = tools::probe(&address).await;
    let duration: f64 =
        description["format"]["duration"].as_str().and_then(|s| s.parse().ok()).expect("finite");
    let beyond = duration * 1000.0 - last as f64;
    assert!((0.0..=150.0).contains(&beyond), "{duration} s, and the last frame begins at {last} ms");
    let told = receipt["duration_ms"].as_i64().expect("duration_ms");
    assert!((told as f64 - duration * 1000.0).abs() <= 2.0, "told {told} ms, the file says {duration} s");

    let shown = live.shown(&author.api).await;
    assert_eq!(shown["state"], "ended");
    assert!(shown["ended_at"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_vp9() {
    complete("webm_vp9_opus.webm", "mp4").await;
    complete("webm_vp9_opus.webm", "webm").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_av1() {
    complete("webm_av1_opus.webm", "mp4").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_h264() {
    complete("mkv_avc1_opus.mkv", "mp4").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_vp8() {
    complete("webm_vp8_opus.webm", "webm").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_seeks_anywhere_in_any_order() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let bytes = recorded("webm_vp9_opus.webm");
    live.publish(&author.api, &bytes).await;
    live.stop(&author.api).await;
    let video = frames::by_our_reader(&bytes).swap_remove(0);
    for container in ["mp4", "webm"] {
        let url = author.api.url(&live.path(&format!("replay.{container}")));
        for second in [17.3, 2.0, 11.1, 0.0, 19.0, 5.5] {
            let found = tools::picture_after_seek(&url, second).await;
            let nearest =
                video.frames.iter().map(|frame| (frame.ms as f64 - found).abs()).fold(f64::MAX, f64::min);
            assert!(nearest <= 5.0, "{container}: a picture at {found} ms, which none of the source has");
            let off = found - second * 1000.0;
            assert!((-10.0..=250.0).contains(&off), "{container}: asked {second} s, found {found} ms");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn its_head_stands_before_the_media() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    live.publish(&author.api, &recorded("webm_vp9_opus.webm")).await;
    live.stop(&author.api).await;
    let mp4 = live.replay(&author.api, "mp4").await.body;
    let moov = mp4.windows(4).position(|four| four == b"moov").expect("a moov");
    let mdat = mp4.windows(4).position(|four| four == b"mdat").expect("an mdat");
    assert!(moov < mdat, "moov at {moov}, mdat at {mdat}");
    let webm = live.replay(&author.api, "webm").await.body;
    let cues =
        webm.windows(4).position(|four| four == [0x1C, 0x53, 0xBB, 0x6B]).expect("Cues or a seek to them");
    let cluster = webm.windows(4).position(|four| four == [0x1F, 0x43, 0xB6, 0x75]).expect("a Cluster");
    assert!(cues < cluster, "Cues at {cues}, the first Cluster at {cluster}");
}

#[tokio::test(flavor = "multi_thread")]
async fn listening_without_the_picture_costs_only_the_sound() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    live.publish(&author.api, &recorded("webm_vp9_opus.webm")).await;
    live.stop(&author.api).await;
    for path in ["audio.m4a", "audio.webm"] {
        let url = author.api.url(&live.path(path));
        let streams = tools::probe(&url).await["streams"].as_array().expect("streams").clone();
        assert_eq!(streams.len(), 1, "{path}");
        assert_eq!(streams[0]["codec_name"], "opus", "{path}");
        tools::decode(&url).await;
    }
}
