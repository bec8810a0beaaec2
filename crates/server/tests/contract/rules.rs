use reqwest::Method;
use serde_json::{Value, json};
use server::Written;

use crate::server::{Server, answer};

#[tokio::test]
async fn every_path_answers_with_and_without_its_final_slash() {
    let server = Server::start().await;
    for path in ["/api/posts/live", "/api/posts", "/api/schema", "/api/docs", "/healthz"] {
        let (without, with) = (server.get(path).await, server.get(&format!("{path}/")).await);
        assert_eq!((without.status.as_u16(), with.status.as_u16()), (200, 200), "{path}");
        assert_eq!(without.body, with.body);
    }
}

#[tokio::test]
async fn a_post_may_say_which_method_it_means() {
    let server = Server::start().await;
    let awa = server.person("awa").await;
    let live = server.live(&awa, json!({})).await;
    let path = format!("/api/posts/live/{}/", live["live_id"]);
    let meant = |method: &'static str, body: &'static str| {
        let request = server.request(Method::POST, &path).header("X-HTTP-Method-Override", method);
        answer(request.bearer_auth(&awa).body(body))
    };
    assert_eq!(meant("patch", "{\"title\": \"Vu\"}").await.json()["title"], "Vu");
    assert_eq!(meant("DELETE", "").await.status, 204);
}

#[tokio::test]
async fn errors_are_french_unless_english_is_preferred() {
    let server = Server::start().await;
    let asked = |wish: &'static str| {
        answer(server.request(Method::GET, "/api/posts/live/1/").header("accept-language", wish))
    };
    let english = asked("en-GB, fr;q=0.5").await;
    assert_eq!(english.json()["detail"], "There is no such live.");
    assert_eq!((english.header("content-language"), english.header("vary")), ("en", "Accept-Language"));
    asked("fr, en;q=0.9").await.refuses(404, "Ce live n'existe pas");
    let unknown = answer(server.request(Method::GET, "/api/nowhere").header("accept-language", "en")).await;
    assert_eq!(unknown.json()["title"], "Not found");
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_and_not_a_page() {
    let server = Server::start().await;
    for path in ["/api", "/api/", "/api/nowhere/", "/api/posts/live/1/nowhere/", "/api/posts/live/x/"] {
        assert_eq!(server.get(path).await.status, 404, "{path}");
        assert_eq!(server.get(path).await.header("content-type"), "application/problem+json");
    }
    for number in ["0", "-1", "x", "99999999999999999999", "1e3", "%00"] {
        server.get(&format!("/api/posts/live/{number}/")).await.refuses(404, "n'existe pas");
    }
}

#[tokio::test]
async fn a_wrong_method_is_told_which_are_right() {
    let server = Server::start().await;
    let refused = answer(server.request(Method::DELETE, "/api/users/login/")).await;
    refused.refuses(405, "Allow");
    assert_eq!(refused.header("allow"), "POST");
    answer(server.request(Method::POST, "/studio")).await.refuses(405, "Allow");
}

#[tokio::test]
async fn bodies_that_are_no_json_are_refused_whatever_they_are() {
    let server = Server::start().await;
    let awa = server.person("awa").await;
    let start = |body: Vec<u8>| {
        answer(server.request(Method::POST, "/api/posts/live/start/").bearer_auth(&awa).body(body))
    };
    start(b"{\"title\": \"\xff\"}".to_vec()).await.refuses(400, "UTF-8");
    start(b"title=x".to_vec()).await.refuses(400, "JSON valide (ligne 1");
    start(b"{\"title\": \"x\"".to_vec()).await.refuses(400, "JSON valide");
    start(b"<html>".to_vec()).await.refuses(400, "JSON valide");
    start("[".repeat(200_000).into_bytes()).await.refuses(400, "JSON valide");
    start(vec![b' '; (1 << 20) + 1]).await.refuses(413, "1 Mio");
    assert_eq!(server.get("/api/posts/live/").await.json()["count"], 0);
    assert_eq!(start(b" \n".to_vec()).await.status, 201);
}

#[tokio::test]
async fn the_schema_describes_only_what_is_there() {
    let server = Server::start().await;
    let schema = server.get("/api/schema/").await.json();
    assert_eq!(schema["openapi"], "3.1.0");
    // A door that `whip_url` says is closed.
    let closed = |path: &str| path.ends_with("/whip/");
    for (path, methods) in schema["paths"].as_object().unwrap() {
        let asked = path.replace("{id}", "1").replace("{upload}", "none").replace("{message_id}", "1");
        for method in methods.as_object().unwrap().keys().filter(|_| !closed(path)) {
            let method: Method = method.to_uppercase().parse().unwrap();
            let answered = answer(server.request(method.clone(), &asked)).await;
            assert_ne!(answered.status, 405, "{method} {path}");
            let nothing_there = answered.body.contains("Il n'y a rien à cette adresse");
            assert!(!nothing_there, "{method} {path}");
        }
    }
    assert!(server.get("/api/docs/").await.body.contains("/api/posts/live/{id}/chat/messages/"));
}

#[tokio::test]
async fn other_origins_are_let_in_only_when_listed() {
    let written =
        Written { cors_origins: Some(vec!["https://app.example".to_owned()]), ..Written::default() };
    let server = Server::with(written).await;
    let from = |origin: &'static str, method: Method| {
        server.request(method, "/api/posts/live/").header("origin", origin)
    };
    let listed = answer(from("https://app.example", Method::GET)).await;
    assert_eq!(listed.header("access-control-allow-origin"), "https://app.example");
    for exposed in ["Location", "Upload-Offset", "ETag", "Live-Take", "Retry-After", "Content-Range"] {
        assert!(listed.header("access-control-expose-headers").contains(exposed), "{exposed}");
    }
    let other = answer(from("https://evil.example", Method::GET)).await;
    assert_eq!((other.status.as_u16(), other.header("access-control-allow-origin")), (200, ""));
    let preflight =
        |origin| answer(from(origin, Method::OPTIONS).header("access-control-request-method", "PATCH"));
    let allowed = preflight("https://app.example").await;
    assert_eq!(allowed.status, 204);
    assert!(allowed.header("access-control-allow-methods").contains("PATCH"));
    assert!(allowed.header("access-control-allow-headers").contains("Authorization"));
    assert_eq!(preflight("https://evil.example").await.header("access-control-allow-methods"), "");
}

#[tokio::test]
async fn links_begin_with_the_name_that_the_client_used_or_the_configured_one() {
    let watch_url = async |written: Written, headers: &[(&str, &str)]| -> Value {
        let server = Server::with(written).await;
        let awa = server.person("awa").await;
        let mut request = server.request(Method::POST, "/api/posts/live/start/").bearer_auth(awa);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request).await.json()["watch_url"].clone()
    };
    let proxied = [("host", "live.example:8443"), ("x-forwarded-proto", "https")];
    assert_eq!(watch_url(Written::default(), &proxied).await, "http://live.example:8443/live/1");
    let trusting = Written { trust_proxy: Some(true), ..Written::default() };
    assert_eq!(watch_url(trusting, &proxied).await, "https://live.example:8443/live/1");
    let named = Written { public_url: Some("https://public.example/".to_owned()), ..Written::default() };
    assert_eq!(watch_url(named, &proxied).await, "https://public.example/live/1");
}

#[tokio::test]
async fn health_and_metrics_are_there_to_be_asked() {
    let server = Server::start().await;
    assert_eq!(server.get("/healthz").await.body, "ok\n");
    let awa = server.person("awa").await;
    server.live(&awa, json!({})).await;
    let metrics = server.get("/metrics").await;
    assert!(metrics.header("content-type").starts_with("text/plain; version=0.0.4"));
    assert!(metrics.body.contains("communiconnect_lives_running 1\n"), "{}", metrics.body);
    assert!(metrics.body.contains("communiconnect_http_requests_total{status=\"2xx\"} 3\n"));
}
