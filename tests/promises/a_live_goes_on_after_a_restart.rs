//! SIGTERM during a live, and the same directory again: lives, takes, messages and people are there, and the
//! publisher goes on in the same live.

use promises::{Server, Upload, blobs, frames, recorded};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn people_messages_and_the_upload_are_there() {
    let mut server = Server::start().await;
    let (mut author, live) = server.live().await;
    let mut viewer = server.person("Binta").await;
    let name = "webm_vp9_opus.webm";
    let blobs = blobs(name);
    let mut upload = Upload::create(&author.api, &live).await;
    let (first, rest) = blobs.split_at(blobs.len() / 2);
    for blob in first {
        upload.append(blob).await;
    }
    for text in ["Bonjour !", "On vous voit bien."] {
        viewer.api.post(&live.path("chat/"), json!({"content": text})).await.must_be(201);
    }
    let before = live.shown(&author.api).await;
    let messages = viewer.api.get(&live.path("chat/messages/")).await.expect(200).json();

    let status = server.terminate().await;
    assert!(status.success(), "SIGTERM ends it with {status}");
    server.restart().await;
    author.follow(&server);
    viewer.follow(&server);
    upload.api = author.api.clone();

    let after = live.shown(&author.api).await;
    for field in ["id", "title", "state", "started_at", "saved_ms", "messages", "revision"] {
        assert_eq!(before[field], after[field], "{field}");
    }
    assert_eq!(viewer.api.get(&live.path("chat/messages/")).await.expect(200).json(), messages);
    assert_eq!(upload.durable().await, upload.offset);
    for blob in rest {
        upload.append(blob).await;
    }
    upload.complete().await;
    live.stop(&author.api).await;
    let timeline = live.timeline(&author.api).await;
    assert_eq!(timeline["takes"].as_array().map(Vec::len), Some(1), "a restart is no new take: {timeline}");
    let replay = live.replay(&author.api, "mp4").await;
    frames::must_equal(&frames::by_our_reader(&recorded(name)), &frames::by_our_reader(&replay.body), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_signed_in_stays_signed_in() {
    let mut server = Server::start().await;
    let mut person = server.person("Awa").await;
    server.terminate().await;
    server.restart().await;
    person.follow(&server);
    person.api.get("/api/users/my-profile/").await.must_be(200);
    let body = json!({"email": person.email, "password": promises::people::PASSWORD});
    person.api.post("/api/users/login/", body).await.must_be(200);
    let body = json!({"refresh": person.refresh});
    person.api.post("/api/users/token/refresh/", body).await.must_be(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_upload_after_the_restart_is_a_new_take_of_the_same_live() {
    let mut server = Server::start().await;
    let (mut author, live) = server.live().await;
    live.publish(&author.api, &recorded("webm_vp9_opus.webm")).await;
    server.kill_nine().await;
    server.restart().await;
    author.follow(&server);
    let mut second = Upload::create(&author.api, &live).await;
    second.append(&recorded("webm_vp9_opus.webm")).await;
    live.stop(&author.api).await;
    let timeline = live.timeline(&author.api).await;
    let takes = timeline["takes"].as_array().expect("takes");
    assert_eq!(takes.len(), 2, "{timeline}");
    assert_eq!(takes[1]["offset_ms"], takes[0]["duration_ms"], "takes follow one another: {timeline}");
    let replay = live.replay(&author.api, "mp4").await;
    let once = frames::by_our_reader(&recorded("webm_vp9_opus.webm"));
    let twice = frames::by_our_reader(&replay.body);
    for (one, two) in once.iter().zip(&twice) {
        assert_eq!(one.frames.len() * 2, two.frames.len(), "both takes in one file");
    }
}
