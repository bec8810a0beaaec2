//! Bytes that are no recording are refused at the door, with the place where they went wrong; what came before stays.

use promises::random::Random;
use promises::{Server, Upload, frames, recorded, tools};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_recording_at_all() {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let page = b"<!DOCTYPE html><html><head><title>404</title></head><body>Not here</body></html>".repeat(50);
    let zeros = vec![0; 200_000];
    let mut random = Random::new(5);
    let noise: Vec<u8> = (0..200_000).map(|_| random.number() as u8).collect();
    let jpeg = [&[0xFF, 0xD8, 0xFF, 0xE0][..], &[7; 5_000]].concat();
    for (name, bytes) in
        [("a page", page.as_slice()), ("zeros", &zeros), ("noise", &noise), ("a photograph", &jpeg)]
    {
        let live = author.start_live(json!({})).await;
        let upload = Upload::create(&author.api, &live).await;
        let answer = upload.patch_at(0, bytes, &[]).await;
        assert!(matches!(answer.status, 415 | 422), "{name}: {} {}", answer.status, answer.text());
        let status = answer.status;
        let sentence = answer.refusal(status);
        assert!(sentence.chars().any(|letter| letter.is_ascii_digit()), "{name}: no place in {sentence:?}");
        let shown = live.shown(&author.api).await;
        assert_eq!(shown["saved_ms"], 0, "{name}");
        assert!(shown["replay"].is_null(), "{name}: {shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webm_whose_first_megabyte_is_junk() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let mut random = Random::new(6);
    let mut bytes: Vec<u8> = (0..1_000_000).map(|_| random.number() as u8).collect();
    bytes.extend(recorded("webm_vp9_opus.webm"));
    let upload = Upload::create(&author.api, &live).await;
    let answer = upload.patch_at(0, &bytes, &[]).await;
    let status = answer.status;
    assert!(matches!(status, 415 | 422), "{status} {}", answer.text());
    let _ = answer.refusal(status);
    live.publish(&author.api, &recorded("webm_vp9_opus.webm")).await;
    assert!(
        live.shown(&author.api).await["saved_ms"].as_u64() > Some(15_000),
        "a good upload is taken after it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_of_nothing() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let mut upload = Upload::create(&author.api, &live).await;
    upload.append(b"").await;
    upload.complete().await;
    let receipt = live.stop(&author.api).await;
    assert_eq!(receipt["video_saved"], false, "{receipt}");
    assert_eq!(receipt["duration_ms"], 0, "{receipt}");
    assert!(receipt["replay_url"].is_null(), "{receipt}");
    let _ = author.api.get(&live.path("replay.mp4")).await.refusal(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_cut_anywhere_plays_up_to_the_cut() {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let mut random = Random::new(8);
    for name in ["webm_vp9_opus.webm", "mkv_avc1_opus.mkv", "mp4_av01_opus.mp4"] {
        let bytes = recorded(name);
        let cut = &bytes[..random.between(bytes.len() / 2, bytes.len() - 1)];
        let live = author.start_live(json!({})).await;
        let mut upload = live.publish(&author.api, cut).await;
        upload.complete().await;
        live.stop(&author.api).await;
        let url = author.api.url(&live.path("replay.mp4"));
        tools::decode(&url).await;
        let sent = frames::by_our_reader(cut);
        let kept = frames::by_our_reader(&live.replay(&author.api, "mp4").await.body);
        frames::must_equal(&sent, &kept, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn junk_in_the_middle_costs_what_it_hit_and_nothing_before_it() {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let bytes = recorded("webm_vp9_opus.webm");
    let (good, rest) = bytes.split_at(400_000);
    let mut random = Random::new(9);
    let noise: Vec<u8> = (0..30_000).map(|_| random.number() as u8).collect();
    let live = author.start_live(json!({})).await;
    let mut upload = Upload::create(&author.api, &live).await;
    upload.append(good).await;
    let before = live.shown(&author.api).await["saved_ms"].as_u64().expect("saved_ms");
    let _ = upload.patch_at(upload.offset, &noise, &[]).await;
    let offset = upload.durable().await;
    let _ = upload.patch_at(offset, &rest[30_000..], &[]).await;
    live.stop(&author.api).await;
    let after = live.shown(&author.api).await["duration_ms"].as_u64().expect("duration_ms");
    assert!(after >= before, "{before} ms were saved, {after} ms are left");
    let takes = live.timeline(&author.api).await["takes"].as_array().expect("takes").len();
    for take in 1..=takes {
        let url = author.api.url(&live.path(&format!("replay.mp4?take={take}")));
        tools::probe(&url).await;
    }
    let sent = frames::by_our_reader(good);
    let first_take = author.api.get(&live.path("replay.mp4?take=1")).await.expect(200);
    let kept = frames::by_our_reader(&first_take.body);
    for (sent, kept) in sent.iter().zip(&kept) {
        let common = sent.frames.len().min(kept.frames.len()).saturating_sub(1);
        assert!(common + 2 >= sent.frames.len(), "{} of {} frames", kept.frames.len(), sent.frames.len());
        assert!(sent.frames[..common] == kept.frames[..common], "what came before the junk is as it was");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_codec_that_is_not_taken_is_named() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("vorbis.webm");
    let mut command = tokio::process::Command::new(tools::ffmpeg());
    command.args(["-v", "error", "-f", "lavfi", "-i", "sine=d=2", "-c:a", "libvorbis", "-y"]).arg(&file);
    tools::succeed(&mut command).await;
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let upload = Upload::create(&author.api, &live).await;
    let bytes = std::fs::read(&file).expect("ffmpeg wrote it");
    let sentence = upload.patch_at(0, &bytes, &[]).await.refusal(415);
    assert!(sentence.to_lowercase().contains("vorbis"), "{sentence}");
}
