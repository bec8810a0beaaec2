//! A live is watched at one URL by a bare player, from the newest keyframe or from any earlier moment.

use std::time::Duration;

use futures_util::StreamExt;
use promises::frames;
use promises::{Api, Live, Server, Upload, blobs, recorded, tools};
use serde_json::json;

/// Follows a tail in ffmpeg while the recording is published, and gives what it wrote down.
async fn followed(name: &str, container: &str) -> (tempfile::TempDir, std::path::PathBuf, u64) {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let mut upload = Upload::create(&author.api, &live).await;
    let blobs = blobs(name);
    let (first, rest) = blobs.split_at(blobs.len() / 2);
    for blob in first {
        upload.append(blob).await;
    }
    let saved = live.shown(&author.api).await["saved_ms"].as_u64().expect("saved_ms");
    assert!(saved > 1_000, "half of it was published, {saved} ms are saved");

    let directory = tempfile::tempdir().expect("a temporary directory");
    // Written down as Matroska: ffmpeg's own MP4 trims the last packet of Opus away with an edit list.
    let copy = directory.path().join("copy.mkv");
    let mut command = tokio::process::Command::new(tools::ffmpeg());
    let url = author.api.url(&live.path(&format!("tail.{container}?from_ms=0")));
    command.args(["-v", "error", "-i", &url, "-map", "0", "-c", "copy", "-y"]).arg(&copy);
    let player = tokio::spawn(async move { tools::succeed(&mut command).await });
    for blob in rest {
        upload.append(blob).await;
    }
    live.stop(&author.api).await;
    let ended = tokio::time::timeout(Duration::from_secs(20), player).await;
    ended.expect("the tail ends with its take").expect("ffmpeg plays the tail");
    (directory, copy, saved)
}

#[tokio::test(flavor = "multi_thread")]
async fn in_mp4_from_the_start_of_the_live() {
    let (_directory, copy, _) = followed("webm_vp9_opus.webm", "mp4").await;
    tools::decode(copy.to_str().expect("text")).await;
    let sent = frames::by_our_reader(&recorded("webm_vp9_opus.webm"));
    let got = frames::by_ffmpeg(&copy).await;
    for (sent, got) in sent.iter().zip(&got) {
        assert_eq!(
            sent.frames.len(),
            got.frames.len(),
            "every frame of {:?} came through the tail",
            sent.kind
        );
        assert!(sent.frames.iter().zip(&got.frames).all(|(a, b)| a.units == b.units), "{:?}", sent.kind);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_webm_from_the_start_of_the_live() {
    let (_directory, copy, _) = followed("webm_vp8_opus.webm", "webm").await;
    let sent = frames::by_our_reader(&recorded("webm_vp8_opus.webm"));
    let got = frames::by_ffmpeg(&copy).await;
    for (sent, got) in sent.iter().zip(&got) {
        assert_eq!(
            sent.frames.len(),
            got.frames.len(),
            "every frame of {:?} came through the tail",
            sent.kind
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_track_has_a_tail_of_its_own_and_says_its_take() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let bytes = recorded("mkv_avc1_opus.mkv");
    live.publish(&author.api, &bytes[..bytes.len() / 2]).await;
    let takes = live.timeline(&author.api).await["takes"].clone();
    for track in ["video", "audio"] {
        let answer = author.api.open(&live.path(&format!("tail.mp4?track={track}"))).await;
        assert_eq!(answer.status(), 200);
        let take = answer.headers().get("live-take").expect("Live-Take").to_str().expect("text").to_owned();
        assert_eq!(take, takes[0]["take"].to_string());
        let mut stream = answer.bytes_stream();
        let mut start = Vec::new();
        while start.len() < 2_000 {
            let piece = tokio::time::timeout(Duration::from_secs(2), stream.next()).await;
            start.extend_from_slice(
                &piece.expect("a tail opens with a burst").expect("open").expect("readable"),
            );
        }
        assert_eq!(&start[4..8], b"ftyp");
        let handler: &[u8] = if track == "video" { b"vide" } else { b"soun" };
        let other: &[u8] = if track == "video" { b"soun" } else { b"vide" };
        assert!(holds(&start, handler), "{track}");
        assert!(!holds(&start, other), "{track} alone");
    }
}

/// Where a tail begins, in milliseconds of the timeline.
async fn begins(api: &Api, live: &Live, tail: &str) -> i64 {
    let answer = api.open(&live.path(tail)).await;
    assert_eq!(answer.status(), 200);
    let position = answer.headers().get("live-position-ms").expect("Live-Position-Ms");
    position.to_str().expect("text").parse().expect("milliseconds")
}

/// The times of the keyframes of a recording, in milliseconds.
fn keyframes(name: &str) -> Vec<i64> {
    let frames = frames::by_our_reader(&recorded(name));
    frames[0].frames.iter().filter(|frame| frame.key).map(|frame| frame.ms).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_viewer_starts_at_the_newest_keyframe_and_not_at_the_beginning() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    live.publish(&author.api, &recorded("webm_vp9_opus.webm")).await;
    let keys = keyframes("webm_vp9_opus.webm");
    let position = begins(&author.api, &live, "tail.mp4?track=video").await;
    // The fragment of the very last one may not be complete.
    assert!(keys[keys.len() - 2..].contains(&position), "{position}, of {keys:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bare_tail_opens_with_two_groups_of_pictures_however_long_they_are() {
    // Every 5 s and every 8 s: with one group a `<video>` in Firefox shows nothing before the next keyframe comes.
    for (name, tail) in [("mp4_av01_opus.mp4", "tail.mp4"), ("ff_webm_vp8_opus.webm", "tail.webm")] {
        let server = Server::start().await;
        let (author, live) = server.live().await;
        live.publish(&author.api, &recorded(name)).await;
        let keys = keyframes(name);
        let position = begins(&author.api, &live, tail).await;
        assert_eq!(position, keys[keys.len() - 2], "{name}: of {keys:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_before_a_keyframe_that_is_coded_first_is_in_the_group_of_pictures_that_shows_it() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    // Keyframes are shown at 0.1 s and at 1.1 s; those of 0.95 to 1.05 s are coded after the second.
    live.publish(&author.api, &recorded("made/gst_hvc1_aac.mp4")).await;
    for (from_ms, begin) in [(950, 100), (1_050, 100), (1_120, 1_100)] {
        assert_eq!(
            begins(&author.api, &live, &format!("tail.mp4?track=video&from_ms={from_ms}")).await,
            begin,
            "{from_ms}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_the_codec_forbids_is_refused_and_the_other_is_named() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    live.publish(&author.api, &recorded("webm_vp8_opus.webm")).await;
    for path in ["tail.mp4", "replay.mp4"] {
        let sentence = author.api.get(&live.path(path)).await.refusal(406);
        assert!(sentence.contains(".webm"), "{sentence}");
    }
    let live = author.start_live(json!({})).await;
    live.publish(&author.api, &recorded("mkv_avc1_opus.mkv")).await;
    for path in ["tail.webm", "replay.webm"] {
        let sentence = author.api.get(&live.path(path)).await.refusal(406);
        assert!(sentence.contains(".mp4"), "{sentence}");
    }
}

fn holds(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

/// Reads what comes of an answer until it ends.
async fn to_its_end(answer: reqwest::Response) -> Vec<u8> {
    let mut stream = answer.bytes_stream();
    let mut all = Vec::new();
    while let Some(piece) = stream.next().await {
        all.extend_from_slice(&piece.expect("readable"));
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_with_its_upload_and_with_nothing_else() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let bytes = recorded("webm_vp9_opus.webm");
    let mut first = live.publish(&author.api, &bytes[..bytes.len() / 2]).await;
    let tail = author.api.open(&live.path("tail.mp4?from_ms=0&take=1")).await;
    let mut reading = tokio::spawn(to_its_end(tail));
    // Another take grows beside it, and ends.
    let mut second = live.publish(&author.api, &bytes).await;
    second.complete().await;
    let other = author.api.open(&live.path("tail.mp4?take=2")).await;
    tokio::time::timeout(Duration::from_secs(5), to_its_end(other)).await.expect("the other take has ended");
    let early = tokio::time::timeout(Duration::from_secs(2), &mut reading).await;
    assert!(early.is_err(), "its own goes on");
    first.append(&bytes[bytes.len() / 2..]).await;
    first.complete().await;
    let all = tokio::time::timeout(Duration::from_secs(5), reading).await.expect("it ends").expect("read");
    assert!(all.len() > bytes.len() / 2, "with all that came of it: {} of {}", all.len(), bytes.len());
    assert_eq!(live.shown(&author.api).await["state"], "live");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_it_is_known_which_takes_have_ended() {
    let mut server = Server::start().await;
    let (mut author, live) = server.live().await;
    let bytes = recorded("webm_vp9_opus.webm");
    let mut upload = live.publish(&author.api, &bytes).await;
    upload.complete().await;
    server.kill_nine().await;
    server.restart().await;
    author.follow(&server);
    let tail = author.api.open(&live.path("tail.mp4?take=1&from_ms=0")).await;
    tokio::time::timeout(Duration::from_secs(5), to_its_end(tail)).await.expect("it ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_first_byte_it_waits() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let api = author.api.clone();
    let path = live.path("tail.mp4");
    let opening = tokio::spawn(async move { api.open(&path).await });
    // Longer than any patience of a request: nothing is recorded yet.
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert!(!opening.is_finished(), "it waits");
    let _upload = live.publish(&author.api, &recorded("webm_vp9_opus.webm")).await;
    let answer =
        tokio::time::timeout(Duration::from_secs(5), opening).await.expect("it begins").expect("opened");
    assert_eq!(answer.status(), 200);
}
