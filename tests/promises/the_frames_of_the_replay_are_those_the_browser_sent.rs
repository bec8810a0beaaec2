//! Nothing is re-encoded: per track the coded frames of the replay are those of the recorder, in order, none
//! missing, at the same times; judged by our own reader and, independently, by ffmpeg's.

use std::path::Path;

use promises::frames::{self, Frames};
use promises::{Api, Live, Server, Upload, blobs, recorded, recording, tools};

struct Kept {
    directory: tempfile::TempDir,
    files: Vec<std::path::PathBuf>,
}

/// Publishes a recording as its browser did, stops, and fetches the replay: one file, or one for each take.
async fn keep(name: &str, container: &str) -> Kept {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let mut upload = Upload::create(&author.api, &live).await;
    for blob in blobs(name) {
        upload.append(&blob).await;
    }
    upload.complete().await;
    live.stop(&author.api).await;
    let directory = tempfile::tempdir().expect("a temporary directory");
    let whole = author.api.get(&live.path(&format!("replay.{container}"))).await;
    let bodies = match whole.status {
        200 => vec![whole.body],
        406 => by_take(&author.api, &live, container).await,
        _ => panic!("{}: {} {}", whole.what, whole.status, whole.text()),
    };
    let mut files = Vec::new();
    for (number, body) in bodies.iter().enumerate() {
        let path = directory.path().join(format!("{number}.{container}"));
        std::fs::write(&path, body).expect("the replay is written down");
        files.push(path);
    }
    Kept { directory, files }
}

async fn by_take(api: &Api, live: &Live, container: &str) -> Vec<bytes::Bytes> {
    let timeline = live.timeline(api).await;
    let mut bodies = Vec::new();
    for take in timeline["takes"].as_array().expect("takes") {
        let path = live.path(&format!("replay.{container}?take={}", take["take"]));
        bodies.push(api.get(&path).await.expect(200).body);
    }
    bodies
}

async fn untouched(name: &str, container: &str) {
    let kept = keep(name, container).await;
    let [file] = kept.files.as_slice() else { panic!("{name}: {} files", kept.files.len()) };
    let source = recorded(name);
    let replay = std::fs::read(file).expect("the replay was written down");
    frames::must_equal(&frames::by_our_reader(&source), &frames::by_our_reader(&replay), 0);
    let sent = frames::by_ffmpeg(&recording(name)).await;
    let got = frames::by_ffmpeg(file).await;
    frames::must_equal(&with_opus_delay_set_aside(sent), &with_opus_delay_set_aside(got), 1);
    tools::decode(file.to_str().expect("a path of the tests is text")).await;
    drop(kept.directory);
}

/// ffmpeg takes an Opus track's pre-skip off its times in one container and not in the other: each track's times
/// are counted from its own first frame (our own reader compares the tracks' offset to each other, exactly).
fn with_opus_delay_set_aside(mut tracks: Vec<Frames>) -> Vec<Frames> {
    for track in &mut tracks {
        let first = track.frames.first().map_or(0, |frame| frame.ms);
        track.frames.iter_mut().for_each(|frame| frame.ms -= first);
    }
    tracks
}

#[tokio::test(flavor = "multi_thread")]
async fn vp9_of_chromium() {
    untouched("webm_vp9_opus.webm", "mp4").await;
    untouched("webm_vp9_opus.webm", "webm").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn av1_of_chromium() {
    untouched("webm_av1_opus.webm", "mp4").await;
    untouched("webm_av1_opus.webm", "webm").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vp8_of_chromium() {
    untouched("webm_vp8_opus.webm", "webm").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vp8_of_firefox() {
    untouched("ff_webm_vp8_opus.webm", "webm").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h264_of_chromium_nal_by_nal() {
    untouched("mkv_avc1_opus.mkv", "mp4").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_alone() {
    untouched("audio_webm_opus.webm", "mp4").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fragmented_mp4_of_chromium() {
    untouched("mp4_av01_opus.mp4", "mp4").await;
    untouched("mp4_vp9_opus.mp4", "mp4").await;
    untouched("mp4_avc1_kf1s.mp4", "mp4").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_with_a_pause() {
    untouched("pause_vp8.webm", "webm").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_changes_its_size() {
    untouched("resize_webm_vp9.webm", "mp4").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_h264_picture_that_changes_its_size_has_its_right_shape_in_every_take() {
    let name = "resize_mkv_avc1.mkv";
    let kept = keep(name, "mp4").await;
    let mut replay: Vec<Frames> = Vec::new();
    for file in &kept.files {
        for track in frames::by_ffmpeg(file).await {
            match replay.iter_mut().find(|known| known.kind == track.kind) {
                Some(known) => known.frames.extend(track.frames),
                None => replay.push(track),
            }
        }
    }
    let mut source = frames::by_ffmpeg(&recording(name)).await;
    // Each take counts from its own start: only the bytes and their order are compared here.
    for track in source.iter_mut().chain(&mut replay) {
        track.frames.iter_mut().for_each(|frame| frame.ms = 0);
    }
    frames::must_equal(&source, &replay, 0);
    let mut shapes = Vec::new();
    for file in &kept.files {
        shapes.extend(shape(file).await);
    }
    assert_eq!(shapes, [(640, 360), (360, 640), (320, 180)]);
}

/// The size of a file's picture, where it has one.
async fn shape(file: &Path) -> Option<(u64, u64)> {
    let description = tools::probe(file.to_str()?).await;
    let streams = description["streams"].as_array()?;
    let video = streams.iter().find(|stream| stream["codec_type"] == "video")?;
    Some((video["width"].as_u64()?, video["height"].as_u64()?))
}
