//! Bytes that were acknowledged and stand in no take are kept as they came and told: in the timeline, in the answer to stop,
//! to their author as a download. A newer program reads them again. A file that yields nothing is refused with its reason.

use promises::{Live, Person, Server, Upload, recorded, tools};
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

/// A recording that ends in the middle of a block, so many bytes before its end.
fn torn() -> Vec<u8> {
    let mut bytes = recorded("made/gst_vp9_opus.webm");
    bytes.truncate(20_001);
    bytes
}

/// An MP4 of which nothing can be read: no index, and a whole WebM where its media should be.
fn without_index() -> Vec<u8> {
    let inner = recorded("made/gst_vp9_opus.webm");
    let mut bytes = b"\0\0\0\x14ftypisom\0\0\0\0isom".to_vec();
    bytes.extend(u32::try_from(inner.len() + 8).expect("fits").to_be_bytes());
    bytes.extend(b"mdat");
    bytes.extend(inner);
    bytes
}

async fn unread(live: &Live, author: &Person) -> Vec<Value> {
    live.timeline(&author.api).await["unread"].as_array().expect("a list").clone()
}

/// The bytes of all stretches, as their author has them.
async fn fetched(live: &Live, author: &Person) -> Vec<u8> {
    let mut bytes = Vec::new();
    for stretch in unread(live, author).await {
        let answer = author.api.get(&live.path(&format!("unread/{}/", stretch["id"]))).await.expect(200);
        assert_eq!(answer.header("content-type"), "application/octet-stream");
        assert!(answer.header("content-disposition").starts_with("attachment"), "{:?}", answer.headers);
        assert_eq!(stretch["bytes"], answer.body.len(), "{stretch}");
        bytes.extend_from_slice(&answer.body);
    }
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn the_torn_end_of_a_recording_is_kept_and_survives_kill_nine() {
    let mut server = Server::start().await;
    let (mut author, live) = server.live().await;
    let bytes = torn();
    let mut upload = Upload::create(&author.api, &live).await;
    for slice in bytes.chunks(3_333) {
        upload.append(slice).await;
    }
    upload.complete().await;
    let stretches = unread(&live, &author).await;
    assert!(!stretches.is_empty(), "the torn end is told");
    for field in ["id", "take", "track", "position_ms", "bytes", "reason"] {
        assert!(stretches[0].get(field).is_some(), "{field}: {}", stretches[0]);
    }
    let kept = fetched(&live, &author).await;
    assert!(bytes.ends_with(&kept), "{} bytes are those that came", kept.len());
    server.kill_nine().await;
    server.restart().await;
    author.follow(&server);
    assert_eq!(unread(&live, &author).await, stretches);
    assert_eq!(fetched(&live, &author).await, kept);
    let receipt = live.stop(&author.api).await;
    assert_eq!(receipt["unread"].as_array(), Some(&stretches));
    let (status, text) = server.command(&["verify"]).await;
    assert!(status.success(), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_its_author_has_the_bytes_and_lets_them_go() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let mut upload = live.publish(&author.api, &torn()).await;
    upload.complete().await;
    let id = unread(&live, &author).await[0]["id"].clone();
    let path = live.path(&format!("unread/{id}/"));
    let stranger = server.person("Modou").await;
    let _ = server.anonymous().get(&path).await.refusal(401);
    let _ = stranger.api.get(&path).await.refusal(403);
    let _ = stranger.api.delete(&path).await.refusal(403);
    let _ = author.api.get(&live.path("unread/999/")).await.refusal(404);
    let whole = author.api.get(&path).await.expect(200).body;
    assert_eq!(author.api.get_range(&path, "1-3").await.expect(206).body, whole.slice(1..4));
    author.api.delete(&path).await.must_be(204);
    let _ = author.api.get(&path).await.refusal(404);
    assert_eq!(unread(&live, &author).await, Vec::<Value>::new());
    assert!(live.shown(&author.api).await["saved_ms"].as_u64() > Some(500), "the take stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_yields_nothing_is_refused_by_every_way_in_and_kept() {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let whole = recorded("made/gst_vp9_opus.webm");
    // The header alone: tracks are announced and never begin.
    let cluster = whole.windows(4).position(|id| id == [0x1F, 0x43, 0xB6, 0x75]).expect("a cluster");
    for (name, bytes) in [("a header", whole[..cluster].to_vec()), ("no index", without_index())] {
        let live = author.start_live(json!({})).await;
        let length = bytes.len().to_string();
        let upload = Upload::create_with(&author.api, &live, &[("Upload-Length", &length)]).await;
        let (first, last) = bytes.split_at(bytes.len() / 2);
        upload.patch_at(0, first, &[]).await.must_be(204);
        let refused = upload.patch_at(first.len() as u64, last, &[]).await;
        let _ = refused.refusal_of(&[415, 422]);
        assert_eq!(fetched(&live, &author).await, bytes, "{name}, of a known length");

        let live = author.start_live(json!({})).await;
        let upload = live.publish(&author.api, &bytes).await;
        let refused = upload.patch_at(upload.offset, b"", &[("Upload-Length", &length)]).await;
        let _ = refused.refusal_of(&[415, 422]);
        assert_eq!(fetched(&live, &author).await, bytes, "{name}, whose length came last");

        let live = author.start_live(json!({})).await;
        let upload = live.publish(&author.api, &bytes).await;
        let request = author.api.request(Method::DELETE, &upload.location).header("Tus-Resumable", "1.0.0");
        let _ = author.api.send(request).await.refusal_of(&[415, 422]);
        assert_eq!(fetched(&live, &author).await, bytes, "{name}, given up");

        let live = author.start_live(json!({})).await;
        let form = Form::new().part("video", Part::bytes(bytes.clone()).file_name("a"));
        let request = author.api.request(Method::POST, &live.path("upload-video/")).multipart(form);
        let _ = author.api.send(request).await.refusal_of(&[415, 422]);
        assert_eq!(fetched(&live, &author).await, bytes, "{name}, in a form");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_again_becomes_a_take_of_the_same_live() {
    let mut server = Server::start().await;
    let (mut author, live) = server.live().await;
    let upload = live.publish(&author.api, &without_index()).await;
    let length = upload.offset.to_string();
    let _ = upload.patch_at(upload.offset, b"", &[("Upload-Length", &length)]).await.refusal_of(&[415, 422]);
    let id = live.id.to_string();
    let (status, text) = server.command(&["reread", &id]).await;
    assert_eq!(status.code(), Some(1), "beside a server it is refused: {text}");
    server.terminate().await;
    let (status, text) = server.command(&["reread", &id]).await;
    assert!(status.success() && text.contains("1 takes"), "{text}");
    let (status, text) = server.command(&["reread", &id]).await;
    assert!(status.success() && text.contains("0 takes"), "again adds nothing: {text}");
    let (status, text) = server.command(&["verify"]).await;
    assert!(status.success(), "{text}");
    server.restart().await;
    author.follow(&server);
    live.stop(&author.api).await;
    let sent = promises::frames::by_our_reader(&recorded("made/gst_vp9_opus.webm"));
    let replay = live.replay(&author.api, "mp4").await;
    promises::frames::must_equal(&sent, &promises::frames::by_our_reader(&replay.body), 0);
    tools::decode(&author.api.url(&live.path("replay.mp4"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_the_limit_is_refused_and_nothing_before_is_lost() {
    let server = Server::configured(&["--unread-limit", "30000"], &[]).await;
    let (author, live) = server.live().await;
    let bytes = recorded("made/gst_vp9_opus.webm");
    let length = (bytes.len() + 500_000).to_string();
    let upload = Upload::create_with(&author.api, &live, &[("Upload-Length", &length)]).await;
    upload.patch_at(0, &bytes, &[]).await.must_be(204);
    // What no element begins with.
    let junk = vec![0_u8; 10_000];
    let mut at = bytes.len() as u64;
    let refused = loop {
        let answer = upload.patch_at(at, &junk, &[]).await;
        if answer.status != 204 {
            break answer;
        }
        at += junk.len() as u64;
        assert!(at < 600_000, "nothing was refused");
    };
    let _ = refused.refusal_of(&[413, 415, 422, 507]);
    assert_eq!(upload.durable().await, at);
    live.stop(&author.api).await;
    // Zeros are of no frame: the last block in front of them is whole.
    let sent = promises::frames::by_our_reader(&bytes);
    let replay = live.replay(&author.api, "mp4").await;
    promises::frames::must_equal(&sent, &promises::frames::by_our_reader(&replay.body), 1);
}
