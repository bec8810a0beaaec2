//! No other site's page may read the API unless it is on the list; what it may read then includes what tus needs.

use promises::{Api, Server};
use reqwest::Method;

async fn asked_by(api: &Api, origin: &str) -> promises::Answer {
    api.send(api.request(Method::GET, "/api/posts/live/").header("Origin", origin)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_by_default() {
    let server = Server::start().await;
    let answer = asked_by(&server.anonymous(), "https://ailleurs.example").await;
    assert_eq!(answer.header("access-control-allow-origin"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn those_on_the_list() {
    let server = Server::configured(&["--cors-origins", "https://app.exemple.sn"], &[]).await;
    let api = server.anonymous();
    let answer = asked_by(&api, "https://app.exemple.sn").await;
    assert_eq!(answer.header("access-control-allow-origin"), "https://app.exemple.sn");
    let exposed = answer.header("access-control-expose-headers").to_lowercase();
    for header in
        ["location", "upload-offset", "upload-length", "tus-resumable", "etag", "content-range", "live-take"]
    {
        assert!(exposed.contains(header), "{header} is not in {exposed}");
    }
    for other in
        ["https://app.exemple.sn.evil.example", "https://evil.example", "null", "http://app.exemple.sn"]
    {
        assert_eq!(asked_by(&api, other).await.header("access-control-allow-origin"), "", "{other}");
    }
    let preflight =
        api.request(Method::OPTIONS, "/api/posts/live/1/upload/").header("Origin", "https://app.exemple.sn");
    let preflight = preflight.header("Access-Control-Request-Method", "PATCH");
    let preflight = preflight
        .header("Access-Control-Request-Headers", "authorization,tus-resumable,upload-offset,content-type");
    let answer = api.send(preflight).await;
    assert!(matches!(answer.status, 200 | 204), "{}", answer.status);
    assert!(answer.header("access-control-allow-methods").contains("PATCH"));
    assert!(answer.header("access-control-allow-headers").to_lowercase().contains("upload-offset"));
}
