//! A members' live is for whoever is signed in; its media addresses carry a token, since a `<video>` sends no header.

use std::time::Duration;

use futures_util::StreamExt;
use promises::talk::Talk;
use promises::{Server, recorded};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn in_every_place() {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let member = server.person("Modou").await;
    let live = author.start_live(json!({"visibility": "members"})).await;
    live.publish(&author.api, &recorded("webm_vp9_opus.webm")).await;
    for place in ["", "timeline/", "replay.mp4", "tail.mp4?from_ms=0", "audio.m4a", "chat/messages/"] {
        let _ = server.anonymous().get(&live.path(place)).await.refusal(404);
    }
    for place in ["", "timeline/", "replay.mp4", "audio.m4a", "chat/messages/"] {
        member.api.get(&live.path(place)).await.must_be(200);
    }
    let listed = server.anonymous().get("/api/posts/live/").await.expect(200).json();
    assert_eq!(listed["count"], 0, "the anonymous do not see it listed");
    let listed = member.api.get("/api/posts/live/").await.expect(200).json();
    assert_eq!(listed["count"], 1, "members do");
}

#[tokio::test(flavor = "multi_thread")]
async fn its_media_addresses_open_it_without_a_header_and_nothing_else() {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let member = server.person("Modou").await;
    let mut addresses = Vec::new();
    for _ in 0..2 {
        let live = author.start_live(json!({"visibility": "members"})).await;
        live.publish(&author.api, &recorded("webm_vp9_opus.webm")).await;
        let shown = live.shown(&member.api).await;
        let address = shown["replay"]["mp4"].as_str().expect("an address of the replay").to_owned();
        server.anonymous().get(&address).await.must_be(200);
        addresses.push((live, address));
    }
    let (_, first_query) = addresses[0].1.split_once('?').expect("a token");
    let _ =
        server.anonymous().get(&addresses[1].0.path(&format!("replay.mp4?{first_query}"))).await.refusal(404);

    let bearer =
        first_query.split('&').filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name != "v");
    let (_, token) = bearer.expect("a token beside the version");
    let thief = server.anonymous().with_token(token);
    let _ = thief.post("/api/posts/live/start/", json!({})).await.refusal(401);
    let _ = thief.post(&addresses[0].0.path("chat/"), json!({"content": "x"})).await.refusal_of(&[401, 404]);
}

#[tokio::test(flavor = "multi_thread")]
async fn its_conversation_says_nothing_before_one_has_said_who_one_is() {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let member = server.person("Modou").await;
    let live = author.start_live(json!({"visibility": "members"})).await;
    author.api.post(&live.path("chat/"), json!({"content": "Entre membres"})).await.must_be(201);
    let url = format!("ws://{}{}?after=0", server.address(), live.path("chat/ws/"));
    if let Ok((mut socket, _)) = tokio_tungstenite::connect_async(&url).await {
        let early = tokio::time::timeout(Duration::from_millis(500), socket.next()).await;
        if let Ok(Some(Ok(frame))) = early {
            assert!(!frame.to_string().contains("Entre membres"), "told to the anonymous: {frame}");
        }
    }
    let mut talk = Talk::open(&server, &live, "?after=0").await;
    talk.authenticate(&member).await;
    assert_eq!(talk.messages().await[0]["content"], "Entre membres");
}
