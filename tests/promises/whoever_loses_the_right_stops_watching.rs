//! A right to watch is looked at while it is used: whoever loses it stops watching, at once and not at the next request.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use promises::talk::Talk;
use promises::{Api, Live, Person, Server, Upload, recorded};
use serde_json::{Value, json};

/// What is promised: two seconds. The machine may be busy.
const SOON: Duration = Duration::from_secs(4);

/// A live of half a recording that goes on, seen by whoever has the key of its address.
async fn unlisted(server: &Server) -> (Person, Live, Upload, String) {
    let author = server.person("Awa").await;
    let live = author.start_live(json!({"visibility": "unlisted"})).await;
    let bytes = recorded("webm_vp9_opus.webm");
    let upload = live.publish(&author.api, &bytes[..bytes.len() / 2]).await;
    let watch = live.started["watch_url"].as_str().expect("watch_url").to_owned();
    let key = watch.split_once('?').expect("a key").1.to_owned();
    (author, live, upload, key)
}

/// The token in an address of media.
fn token(shown: &Value) -> String {
    let address = shown["replay"]["mp4"].as_str().expect("an address of the replay");
    let token = address.split(['?', '&']).find(|part| part.starts_with("token="));
    token.expect("a token").to_owned()
}

/// Reads an answer to its end, which must come soon.
async fn ends_soon(answer: reqwest::Response, why: &str) {
    assert_eq!(answer.status(), 200, "{why}");
    let mut stream = answer.bytes_stream();
    let end = async { while let Some(Ok(_)) = stream.next().await {} };
    tokio::time::timeout(SOON, end).await.unwrap_or_else(|_| panic!("{why}: the tail goes on"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_media_opens_media_and_nothing_else() {
    let server = Server::start().await;
    let (author, live, _upload, key) = unlisted(&server).await;
    author.api.post(&live.path("chat/"), json!({"content": "Entre nous"})).await.must_be(201);
    let nobody = server.anonymous();
    let shown = nobody.get(&live.path(&format!("?{key}"))).await.expect(200).json();
    let token = token(&shown);
    for place in ["replay.mp4", "audio.m4a", "poster.jpg"] {
        nobody.get(&live.path(&format!("{place}?{token}"))).await.must_be(200);
    }
    assert_eq!(nobody.open(&live.path(&format!("tail.mp4?{token}"))).await.status(), 200);
    let closed = [
        "",
        "timeline/",
        "chat/",
        "chat/messages/",
        "chat/messages/?q=nous&",
        "chat/export/",
        "chat/reactions/",
        "chat/rules/",
        "chat/here/",
        "chat/ws/",
    ];
    for place in closed {
        let place = if place.ends_with('&') { place.to_owned() } else { format!("{place}?") };
        let answer = nobody.get(&live.path(&format!("{place}{token}"))).await;
        assert_eq!(answer.status, 404, "{place}: {}", answer.text());
    }
    nobody.get(&format!("/api/posts/{}/?{token}", live.id)).await.must_be(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_visibility_ends_what_is_open_and_every_token_before_it() {
    let server = Server::start().await;
    let (author, live, _upload, key) = unlisted(&server).await;
    let nobody = server.anonymous();
    let token = token(&nobody.get(&live.path(&format!("?{key}"))).await.expect(200).json());
    let by_key = nobody.open(&live.path(&format!("tail.mp4?{key}"))).await;
    let by_token = nobody.open(&live.path(&format!("tail.mp4?track=audio&{token}"))).await;
    author.api.patch(&live.path(""), json!({"visibility": "members"})).await.must_be(200);
    ends_soon(by_key, "by the key").await;
    ends_soon(by_token, "by a token").await;
    nobody.get(&live.path(&format!("replay.mp4?{token}"))).await.must_be(404);
    author.api.patch(&live.path(""), json!({"visibility": "unlisted"})).await.must_be(200);
    nobody.get(&live.path(&format!("replay.mp4?{token}"))).await.must_be(404);
    nobody.get(&live.path(&format!("?{key}"))).await.must_be(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_of_the_address_ends_the_one_before() {
    let server = Server::start().await;
    let (author, live, _upload, key) = unlisted(&server).await;
    let nobody = server.anonymous();
    let open = nobody.open(&live.path(&format!("tail.mp4?{key}"))).await;
    let _ = nobody.post(&live.path("watch-key/"), json!({})).await.refusal(401);
    let _ = server
        .person("Modou")
        .await
        .api
        .post(&live.path("watch-key/"), json!({}))
        .await
        .refusal_of(&[403, 404]);
    let renewed = author.api.post(&live.path("watch-key/"), json!({})).await.expect(200).json();
    ends_soon(open, "by the key before").await;
    let _ = nobody.get(&live.path(&format!("?{key}"))).await.refusal(404);
    let new = renewed["watch_key"].as_str().expect("watch_key");
    nobody.get(&live.path(&format!("?key={new}"))).await.must_be(200);
    assert!(renewed["watch_url"].as_str().expect("watch_url").ends_with(new));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_live_ends_for_those_who_watch() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let bytes = recorded("webm_vp9_opus.webm");
    let _upload = live.publish(&author.api, &bytes[..bytes.len() / 2]).await;
    let open = server.anonymous().open(&live.path("tail.mp4")).await;
    author.api.delete(&live.path("")).await.must_be(204);
    ends_soon(open, "a deleted live").await;
}

/// What a member of a members' live has open: a tail by their token, and the conversation.
async fn member_of(server: &Server) -> (Person, Live, Upload, Person) {
    let author = server.person("Awa").await;
    let live = author.start_live(json!({"visibility": "members"})).await;
    let bytes = recorded("webm_vp9_opus.webm");
    let upload = live.publish(&author.api, &bytes[..bytes.len() / 2]).await;
    (author, live, upload, server.person("Modou").await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_ends_takes_what_is_open_with_it() {
    let server = Server::start().await;
    let (_author, live, _upload, member) = member_of(&server).await;
    let open = member.api.open(&live.path("tail.mp4")).await;
    let mut talk = Talk::open(&server, &live, "").await;
    talk.authenticate(&member).await;
    member.api.post("/api/users/logout-all/", json!({})).await.must_be(204);
    ends_soon(open, "a sign-in that ended").await;
    assert_eq!(talk.closed(SOON).await, 4401, "with a fresh token they may come back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_at_its_end_takes_what_is_open_with_it() {
    let server = Server::configured(&["--access-token-s", "8"], &[]).await;
    let author = server.person("Awa").await;
    let live = author.start_live(json!({"visibility": "members"})).await;
    let bytes = recorded("webm_vp9_opus.webm");
    let _upload = live.publish(&author.api, &bytes[..bytes.len() / 2]).await;
    let member = server.person("Modou").await;
    let since = Instant::now();
    let mut talk = Talk::open(&server, &live, "").await;
    talk.authenticate(&member).await;
    let open = member.api.open(&live.path("tail.mp4")).await;
    assert_eq!(talk.closed(Duration::from_secs(8) + SOON).await, 4401);
    ends_soon(open, "a token at its end").await;
    assert!(since.elapsed() >= Duration::from_secs(4), "not before its end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_that_is_being_read_is_cut() {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let live = author.start_live(json!({"visibility": "unlisted"})).await;
    // More than what lies in the buffers on the way.
    for _ in 0..24 {
        live.publish(&author.api, &recorded("webm_vp9_opus.webm")).await;
    }
    let key =
        live.started["watch_url"].as_str().expect("watch_url").split_once('?').expect("a key").1.to_owned();
    let answer = server.anonymous().open(&live.path(&format!("replay.mp4?{key}"))).await;
    let length = answer.content_length().expect("an exact length");
    let mut stream = answer.bytes_stream();
    stream.next().await.expect("it begins").expect("and is read");
    author.api.patch(&live.path(""), json!({"visibility": "members"})).await.must_be(200);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let mut got = 0;
    let cut = loop {
        match stream.next().await {
            Some(Ok(bytes)) => got += bytes.len() as u64,
            Some(Err(_)) => break true,
            None => break false,
        }
    };
    assert!(cut, "{got} of {length} bytes came after the right was lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_key_is_renewed_stops_its_live_and_changes_nothing_else() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let by = |key: &str| -> Api { server.anonymous().with_token(key) };
    let old = by(&live.key);
    let renewed = author.api.post(&live.path("stream-key/"), json!({})).await.expect(200).json();
    let new = by(renewed["stream_key"].as_str().expect("stream_key"));
    let creation = |api: &Api| {
        api.request(reqwest::Method::POST, &live.path("upload/"))
            .header("Tus-Resumable", "1.0.0")
            .header("Upload-Defer-Length", "1")
    };
    let _ = old.send(creation(&old)).await.refusal(403);
    new.send(creation(&new)).await.must_be(201);
    let _ = new.patch(&live.path(""), json!({"title": "x"})).await.refusal(403);
    let _ = new.post(&live.path("stream-key/"), json!({})).await.refusal(403);
    let _ = new.delete(&live.path("")).await.refusal(403);
    let _ = old.post(&live.path("stop/"), json!({})).await.refusal(403);
    new.post(&live.path("stop/"), json!({})).await.must_be(200);
    assert_eq!(live.shown(&author.api).await["state"], "ended");
}
