//! Whoever gets a copy of the database has no key by it: stream keys and tokens are hashed, watch keys sealed by the server's own
//! key, those of an earlier version too, and the author reads them where they stand.

use promises::{Person, Server, files};
use serde_json::json;

/// The key in the address of an unlisted live.
fn key_in(address: &serde_json::Value) -> String {
    let address = address.as_str().expect("an address");
    address.split_once("?key=").expect("it holds a key").1.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_kept_sealed_and_open_what_they_opened() {
    let mut server = Server::start().await;
    let mut author = server.person("Awa").await;
    let live = author.start_live(json!({"visibility": "unlisted"})).await;
    let first = key_in(&live.started["watch_url"]);
    let renewed = author.api.post(&live.path("watch-key/"), json!({})).await.expect(200).json();
    let second = renewed["watch_key"].as_str().expect("a key").to_owned();
    assert_eq!(key_in(&renewed["watch_url"]), second);
    let kept = files::holding(server.data(), &[&first, &second, &live.key, &author.access, &author.refresh]);
    assert!(kept.is_empty(), "{kept:?}");

    server.terminate().await;
    server.restart().await;
    author.follow(&server);
    assert_eq!(key_in(&live.shown(&author.api).await["watch_url"]), second);
    let with = |key: &str| live.path(&format!("?key={key}"));
    server.anonymous().get(&with(&second)).await.must_be(200);
    server.anonymous().get(&with(&first)).await.must_be(404);
    server.anonymous().get(&with("")).await.must_be(404);

    // A copy of the rows, beside another key: what it seals opens nothing, and its author makes it anew.
    server.terminate().await;
    std::fs::write(server.data().join("signing.key"), [7; 32]).expect("another key");
    server.restart().await;
    let body = json!({"email": author.email, "password": promises::people::PASSWORD});
    let answer = server.anonymous().post("/api/users/login/", body).await.expect(200).json();
    let author = Person::signed_in(&server.anonymous(), &author.email, &answer);
    for key in [second.as_str(), "", &first] {
        server.anonymous().get(&with(key)).await.must_be(404);
    }
    let renewed = author.api.post(&live.path("watch-key/"), json!({})).await.expect(200).json();
    server.anonymous().get(&with(renewed["watch_key"].as_str().expect("a key"))).await.must_be(200);
}
