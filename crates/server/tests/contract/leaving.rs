use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use server::Written;

use crate::server::Server;

#[tokio::test]
async fn a_server_that_nobody_holds_leaves_at_once() {
    let server = Server::start().await;
    // An idle connection is kept open by the client.
    assert_eq!(server.get("/healthz").await.status, 200);
    let began = Instant::now();
    server.leave().await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_request_that_does_not_end_is_cut_at_the_deadline() {
    let server = Server::with(Written { leaving_s: Some(0.3), ..Written::default() }).await;
    let awa = server.person("awa").await;
    let never = futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>();
    let held = server.request(Method::POST, "/api/posts/live/start/").bearer_auth(awa);
    let held = tokio::spawn(held.body(reqwest::Body::wrap_stream(never)).send());
    // The request is on its way once the server counts nothing new but this connection; a second one proves that
    // the first does not keep others out.
    assert_eq!(server.get("/healthz").await.status, 200);
    let began = Instant::now();
    server.leave().await;
    let took = began.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    held.abort();
}

#[tokio::test]
async fn a_second_server_on_the_same_data_sees_what_the_first_kept() {
    let server = Server::start().await;
    let awa = server.person("awa").await;
    let live = server.live(&awa, json!({"title": "Avant"})).await;
    let server = Server::at(server.leave().await, Written::default()).await;
    let read = server.get(&format!("/api/posts/live/{}/", live["live_id"])).await.json();
    assert_eq!(read["title"], "Avant");
}
