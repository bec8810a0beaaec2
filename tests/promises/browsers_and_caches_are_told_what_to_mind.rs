//! What is somebody's own is kept in no cache; pages say what they may do; a request is for one server.

use promises::{Server, recorded};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test(flavor = "multi_thread")]
async fn what_holds_a_token_or_a_key_is_not_stored() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let body = json!({"email": "awa2@exemple.sn", "password": promises::people::PASSWORD, "first_name": "A", "last_name": "B"});
    let answers = [
        server.anonymous().post("/api/users/register/", body).await.expect(201),
        author.api.post("/api/posts/live/start/", json!({"title": "x"})).await.expect(201),
        author.api.get("/api/users/my-profile/").await.expect(200),
        author.api.get(&live.path("")).await.expect(200),
        author.api.get("/api/posts/live/").await.expect(200),
        server.anonymous().get("/api/users/my-profile/").await.expect(401),
    ];
    for answer in answers {
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn media_stay_with_their_reader() {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    for visibility in ["public", "unlisted", "members"] {
        let live = author.start_live(json!({"visibility": visibility})).await;
        live.publish(&author.api, &recorded("webm_vp9_opus.webm")).await;
        live.stop(&author.api).await;
        let shown = live.shown(&author.api).await;
        let url = shown["replay"]["webm"].as_str().expect("a replay");
        let versioned = author.api.head(&url[url.find("/api/").expect("a path")..]).await.expect(200);
        assert_eq!(versioned.header("cache-control"), "private, max-age=31536000, immutable", "{visibility}");
        for path in ["replay.webm", "poster.jpg", "chat/messages/"] {
            let answer = author.api.get(&live.path(path)).await.expect(200);
            let caching = answer.header("cache-control");
            assert!(caching.contains("no-cache"), "{path} {caching}");
            assert_eq!(caching.contains("private"), visibility != "public", "{path} {caching}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_say_what_they_may_do_and_https_is_kept_to() {
    let server = Server::start().await;
    let page = server.anonymous().get("/").await.expect(200);
    assert!(page.header("permissions-policy").contains("camera=(self)"));
    assert_eq!(page.header("cross-origin-opener-policy"), "same-origin");
    assert_eq!(page.header("strict-transport-security"), "");
    let server = Server::configured(&["--public-url", "https://live.example.org"], &[]).await;
    let page = server.anonymous().get("/").await.expect(200);
    assert!(page.header("strict-transport-security").starts_with("max-age="));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_named_sites_frame_a_live_and_nothing_else_of_ours() {
    let origins = "https://app.example,https://school.example";
    let server = Server::configured(&["--frame-ancestors", origins], &[]).await;
    let policy = async |path: &str| {
        let page = server.anonymous().get(path).await.expect(200);
        page.header("content-security-policy").to_owned()
    };
    let framed = policy("/embed/7").await;
    let named = "frame-ancestors 'self' https://app.example https://school.example;";
    assert!(framed.contains(named), "{framed}");
    for path in ["/", "/live/7", "/studio"] {
        let policy = policy(path).await;
        assert!(policy.contains("frame-ancestors 'self';"), "{path}: {policy}");
    }
    let closed = Server::start().await;
    let page = closed.anonymous().get("/embed/7").await.expect(200);
    assert!(page.header("content-security-policy").contains("frame-ancestors 'self';"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_two_servers_is_refused() {
    let server = Server::start().await;
    let mut stream = TcpStream::connect(server.address()).await.expect("it listens");
    let request = "GET /healthz HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("it is taken");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_that_the_trusted_proxy_saw_is_the_last_one() {
    let server = Server::configured(&["--trust-proxy"], &[]).await;
    let (author, live) = server.live().await;
    let request = author
        .api
        .request(reqwest::Method::GET, &live.path(""))
        .header("X-Forwarded-Host", "evil.example, live.example.org")
        .header("X-Forwarded-Proto", "http, https");
    let shown = author.api.send(request).await.expect(200).json();
    let url = shown["watch_url"].as_str().expect("an address");
    assert!(url.starts_with("https://live.example.org/"), "{url}");
}
