//! An unlisted live is seen by whoever has its address, and by nobody else.

use promises::{Server, recorded};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn media_and_conversation_included() {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let stranger = server.person("Modou").await;
    let live = author.start_live(json!({"title": "En famille", "visibility": "unlisted"})).await;
    live.publish(&author.api, &recorded("webm_vp9_opus.webm")).await;
    author.api.post(&live.path("chat/"), json!({"content": "Entre nous"})).await.must_be(201);

    let watch = live.started["watch_url"].as_str().expect("watch_url").to_owned();
    let (_, key) = watch.split_once('?').unwrap_or_else(|| panic!("no key in {watch}"));
    let places =
        ["", "timeline/", "replay.mp4", "tail.mp4?from_ms=0", "audio.m4a", "chat/messages/", "poster.jpg"];
    for api in [&server.anonymous(), &stranger.api] {
        let _ = api.post(&live.path("chat/"), json!({"content": "x"})).await.refusal_of(&[401, 404]);
        for place in places {
            let _ = api.get(&live.path(place)).await.refusal(404);
        }
        for list in ["/api/posts/live/", "/api/posts/", "/api/posts/?is_live_post=true"] {
            let listed = api.get(list).await.expect(200).json();
            assert_eq!(listed["count"], 0, "{list}: {listed}");
        }
    }
    for place in ["", "timeline/", "replay.mp4", "audio.m4a", "chat/messages/"] {
        author.api.get(&live.path(place)).await.must_be(200);
        server.anonymous().get(&live.path(&format!("{place}?{key}"))).await.must_be(200);
    }
    let wrong = format!("{}0", &key[..key.len() - 1]);
    let wrong = if wrong == key { format!("{key}1") } else { wrong };
    let _ = server.anonymous().get(&live.path(&format!("?{wrong}"))).await.refusal(404);

    let shown = server.anonymous().get(&live.path(&format!("?{key}"))).await.expect(200).json();
    let replay = shown["replay"]["mp4"].as_str().expect("an address of the replay").to_owned();
    server.anonymous().get(&replay).await.must_be(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_one_live_opens_no_other() {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let mut keys = Vec::new();
    let mut lives = Vec::new();
    for _ in 0..2 {
        let live = author.start_live(json!({"visibility": "unlisted"})).await;
        let watch = live.started["watch_url"].as_str().expect("watch_url").to_owned();
        keys.push(watch.split_once('?').expect("a key").1.to_owned());
        lives.push(live);
    }
    let crossed = lives[0].path(&format!("?{}", keys[1]));
    let _ = server.anonymous().get(&crossed).await.refusal(404);
}
