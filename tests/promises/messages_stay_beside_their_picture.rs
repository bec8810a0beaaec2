//! A message is kept at the place its author was looking at, and stays beside that picture whatever comes later.

use promises::{Server, Upload, recorded};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn when_an_earlier_take_arrives_late() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let viewer = server.person("Binta").await;
    live.publish(&author.api, &recorded("webm_vp9_opus.webm")).await;
    let take = live.timeline(&author.api).await["takes"][0]["take"].clone();
    for ms in [1_500, 9_000] {
        let body = json!({"content": format!("à {ms}"), "position": {"take": take, "ms": ms}});
        let message = viewer.api.post(&live.path("chat/"), body).await.expect(201).json();
        assert_eq!(message["position"], json!({"take": take, "ms": ms}));
        assert_eq!(message["position_ms"], ms);
    }
    let metadata = [("Upload-Defer-Length", "1"), ("Upload-Metadata", "age_ms NjAwMDAw")];
    let mut late = Upload::create_with(&author.api, &live, &metadata).await;
    late.append(&recorded("webm_vp9_opus.webm")).await;
    late.complete().await;

    let timeline = live.timeline(&author.api).await;
    let takes = timeline["takes"].as_array().expect("takes");
    let moved = takes.iter().find(|known| known["take"] == take).expect("the first take is still there");
    let offset = moved["offset_ms"].as_i64().expect("offset_ms");
    assert!(offset > 15_000, "the late take stands before it: {timeline}");
    let messages = viewer.api.get(&live.path("chat/messages/")).await.expect(200).json();
    for (message, ms) in messages.as_array().expect("a list").iter().zip([1_500, 9_000]) {
        assert_eq!(message["position"], json!({"take": take, "ms": ms}), "what is stored never moves");
        assert_eq!(message["position_ms"], offset + ms, "its place on the timeline moves with its picture");
    }
    let window = format!("chat/messages/?from_ms={}&to_ms={}", offset + 1_000, offset + 2_000);
    let found = viewer.api.get(&live.path(&window)).await.expect(200).json();
    assert_eq!(found.as_array().map(Vec::len), Some(1), "{found}");
    assert_eq!(found[0]["content"], "à 1500");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_place_the_newest_picture_is_meant() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    live.publish(&author.api, &recorded("webm_vp9_opus.webm")).await;
    let saved = live.shown(&author.api).await["saved_ms"].as_i64().expect("saved_ms");
    let message = author.api.post(&live.path("chat/"), json!({"content": "Là"})).await.expect(201).json();
    let position = message["position_ms"].as_i64().expect("position_ms");
    assert!((position - saved).abs() <= 250, "at {position}, saved {saved}");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_replay_a_message_is_kept_at_the_place_it_names() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    live.publish(&author.api, &recorded("webm_vp9_opus.webm")).await;
    let take = live.timeline(&author.api).await["takes"][0]["take"].clone();
    live.stop(&author.api).await;
    let body = json!({"content": "Après coup", "position": {"take": take, "ms": 4_000}});
    let message = author.api.post(&live.path("chat/"), body).await.expect(201).json();
    assert_eq!(message["position_ms"], 4_000);
    let ahead = json!({"content": "Plus loin", "position": {"take": take, "ms": 80_000_000}});
    author.api.post(&live.path("chat/"), ahead).await.must_be(201);
    for ms in [-1_i64, 86_400_001] {
        let body = json!({"content": "Nulle part", "position": {"take": take, "ms": ms}});
        let _ = author.api.post(&live.path("chat/"), body).await.refusal(422);
    }
}
