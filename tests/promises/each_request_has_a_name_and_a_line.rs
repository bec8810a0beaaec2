//! Each request has a name, given or made, on its answer and in the access log, which holds neither keys nor tokens.

use promises::{Api, Server};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

async fn asked(api: &Api, path: &str, id: &str) -> String {
    let answer = api.send(api.request(Method::GET, path).header("X-Request-Id", id)).await;
    answer.header("x-request-id").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_taken_over_or_made_and_answered() {
    let server = Server::start().await;
    let api = server.anonymous();
    let longest = "x".repeat(128);
    for id in ["a", "Req_1.2-3", longest.as_str()] {
        assert_eq!(asked(&api, "/healthz", id).await, id);
        assert_eq!(asked(&api, "/api/nothing", id).await, id, "refusals have it too");
    }
    let long = "x".repeat(129);
    for id in ["a b", "a;b", "\"", long.as_str()] {
        let made = asked(&api, "/", id).await;
        assert!(made != id && made.len() == 32, "{id} became {made}");
    }
    let made =
        [api.get("/").await, api.get("/").await].map(|answer| answer.header("x-request-id").to_owned());
    assert!(made[0] != made[1] && !made[0].is_empty(), "{made:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_answer_leaves_a_line_of_json() {
    let server = Server::configured(&["--access-log", "json"], &[]).await;
    let (author, live) = server.live().await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let path = live.path("chat/?token=verysecret&key=alsosecret");
    let request = author.api.request(Method::GET, &path);
    let request = request.header("X-Request-Id", "mine-1").header("traceparent", trace);
    let answer = author.api.send(request.header("User-Agent", "a \"test\"")).await.expect(200);
    let line: Value = serde_json::from_str(&server.printed("mine-1").await).expect("a line is JSON");
    let said = json!({
        "request_id": "mine-1", "method": "GET", "path": live.path("chat/"), "status": 200, "bytes": answer.body.len(),
        "address": "127.0.0.1", "user_agent": "a \"test\"", "traceparent": trace,
    });
    for (name, value) in said.as_object().expect("an object") {
        assert_eq!(&line[name], value, "{name} of {line}");
    }
    assert!(line["duration_ms"].as_f64().is_some_and(|ms| ms > 0.0), "{line}");
    assert!(line["time"].as_str().is_some_and(|time| time.ends_with('Z') && time.len() == 24), "{line}");
    for secret in ["verysecret", "alsosecret", author.access.as_str()] {
        assert!(!line.to_string().contains(secret) && !server.log().contains(secret), "{secret} is logged");
    }
    asked(&server.anonymous(), "/api/nothing", "refused-1").await;
    let line: Value = serde_json::from_str(&server.printed("refused-1").await).expect("a line is JSON");
    assert_eq!((&line["status"], line.get("traceparent")), (&json!(404), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_a_span_for_each_request() {
    let collector = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let url = format!("http://{}", collector.local_addr().expect("it has an address"));
    let server = Server::configured(&["--otlp", &url], &[]).await;
    let api = server.anonymous();
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let request =
        api.request(Method::GET, "/healthz").header("traceparent", trace).header("X-Request-Id", "r1");
    api.send(request).await.must_be(200);
    let (head, body) = taken(&collector).await;
    assert!(head.starts_with("POST /v1/traces HTTP/1.1"), "{head}");
    let resource = &body["resourceSpans"][0];
    assert_eq!(resource["resource"]["attributes"][0]["value"]["stringValue"], "communiconnect");
    let span = &resource["scopeSpans"][0]["spans"][0];
    assert_eq!(span["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(span["parentSpanId"], "00f067aa0ba902b7");
    assert!(span["attributes"].to_string().contains("\"r1\""), "{span}");
}

/// The next request that somebody sends, answered.
async fn taken(listener: &TcpListener) -> (String, Value) {
    let (mut stream, _) = listener.accept().await.expect("somebody comes");
    let mut came = Vec::new();
    loop {
        stream.read_buf(&mut came).await.expect("it sends");
        let text = String::from_utf8_lossy(&came).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        if length == Some(body.len()) {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await.expect("it reads");
            return (head.to_owned(), serde_json::from_str(body).expect("it is JSON"));
        }
    }
}
