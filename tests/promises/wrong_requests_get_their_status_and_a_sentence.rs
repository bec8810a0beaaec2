//! Every refusal is a problem document with its status and a sentence, in French unless English is preferred.

use promises::{Live, Person, Server, Upload, recorded};
use reqwest::Method;
use serde_json::{Value, json};

/// One wrong request: what it is, its method, its path, its JSON, and what it must get.
type Wrong = (&'static str, Method, String, Option<Value>, u16);

fn wrong_requests(live: &Live) -> Vec<Wrong> {
    let start = || "/api/posts/live/start/".to_owned();
    let chat = || live.path("chat/");
    let register = || "/api/users/register/".to_owned();
    let long: String = "é".repeat(2_001);
    let get = |what, path: String, status| (what, Method::GET, path, None, status);
    let post = |what, path: String, body: Value, status| (what, Method::POST, path, Some(body), status);
    vec![
        get("a live that is not there", "/api/posts/live/999999/".into(), 404),
        get("a path that is not there", "/api/posts/nothing/".into(), 404),
        get("the replay of a live that is not there", "/api/posts/live/999999/replay.mp4".into(), 404),
        get("page 0", "/api/posts/live/?page=0".into(), 400),
        get("a page that is no number", "/api/posts/live/?page=deux".into(), 400),
        get("a page of 0", "/api/posts/live/?page_size=0".into(), 400),
        get("page 0 of the conversation", live.path("chat/messages/?page=0"), 400),
        get("a position that is no number", live.path("tail.mp4?from_ms=hier"), 400),
        get("mine, neither true nor false", "/api/posts/live/?mine=AAA".into(), 400),
        get("download, neither true nor false", live.path("replay.mp4?download=AAA"), 400),
        post("a number for a title", start(), json!({"title": 7}), 400),
        post("an unknown visibility", start(), json!({"visibility": "secret"}), 422),
        post("a message of nothing", chat(), json!({"content": ""}), 422),
        post("a message of spaces", chat(), json!({"content": " \n\t "}), 422),
        post("a message of 2,001 characters", chat(), json!({"content": long}), 422),
        post("a message without content", chat(), json!({}), 400),
        post("an unknown kind of message", chat(), json!({"content": "x", "type": "shout"}), 422),
        post("an answer to nothing", chat(), json!({"content": "x", "reply_to": 123_456}), 422),
        post(
            "a position in no take",
            chat(),
            json!({"content": "x", "position": {"take": 99, "ms": 0}}),
            422,
        ),
        post("a list for a message", chat(), json!(["x"]), 400),
        post(
            "an address that is none",
            register(),
            json!({"email": "awa", "password": "longue phrase"}),
            422,
        ),
        post("a short password", register(), json!({"email": "a@b.sn", "password": "1234567"}), 422),
        post(
            "a wrong password",
            "/api/users/login/".into(),
            json!({"email": "a@b.sn", "password": "x"}),
            401,
        ),
        post(
            "a refresh token that is none",
            "/api/users/token/refresh/".into(),
            json!({"refresh": "x"}),
            401,
        ),
        post("a live that is not there", "/api/posts/live/999999/stop/".into(), json!({}), 404),
    ]
}

async fn refused(author: &Person, language: &'static str) -> Vec<(String, u16, String)> {
    let live = author.start_live(json!({})).await;
    live.publish(&author.api, &recorded("webm_vp9_opus.webm")[..200_000]).await;
    let api = author.api.speaking(language);
    let mut sentences = Vec::new();
    for (what, method, path, body, status) in wrong_requests(&live) {
        let mut request = api.request(method, &path);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = api.send(request).await;
        let told = answer.status;
        // Where the contract says "malformed" or "understood but refused", both are an honest answer to the value.
        let close = matches!((status, told), (400, 422) | (422, 400));
        let sentence = answer.refusal(if close { told } else { status });
        sentences.push((what.to_owned(), told, sentence));
    }
    sentences
}

#[tokio::test(flavor = "multi_thread")]
async fn in_french_and_in_english() {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let french = refused(&author, "fr-SN,fr;q=0.9,en;q=0.5").await;
    let english = refused(&author, "en-GB,en;q=0.9,fr;q=0.3").await;
    for ((what, status, french), (_, other, english)) in french.iter().zip(&english) {
        assert_eq!(status, other, "{what}");
        assert_ne!(french, english, "{what}: one sentence for both languages");
        for sentence in [french, english] {
            assert!(!sentence.contains("crates/") && !sentence.contains("panicked"), "{what}: {sentence}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_no_json_or_no_text() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    for body in
        [&b"{\"content\": "[..], b"", b"\xFF\xFE\xFD", b"{\"content\": \"\xC3\x28\"}", b"<html></html>"]
    {
        let request = author.api.request(Method::POST, &live.path("chat/")).body(body.to_vec());
        let _ = author.api.send(request).await.refusal(400);
    }
    let large = format!("{{\"content\": \"{}\"}}", "x".repeat(3_000_000));
    let request = author.api.request(Method::POST, &live.path("chat/")).body(large);
    let _ = author.api.send(request).await.refusal(413);
    let history = author.api.get(&live.path("chat/messages/")).await.expect(200).json();
    assert_eq!(history, json!([]), "nothing was stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_breaks_the_protocol() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let bytes = recorded("webm_vp9_opus.webm");
    let create = |headers: Vec<(&'static str, String)>| {
        let mut request = author.api.request(Method::POST, &live.path("upload/"));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        author.api.send(request)
    };
    let version = || ("Tus-Resumable", "1.0.0".to_owned());
    let _ = create(vec![version()]).await.refusal(400);
    let _ = create(vec![version(), ("Upload-Defer-Length", "2".into())]).await.refusal(400);
    let _ = create(vec![version(), ("Upload-Length", "many".into())]).await.refusal(400);
    let giant = (1_u64 << 50).to_string();
    let _ = create(vec![version(), ("Upload-Length", giant)]).await.refusal_of(&[413, 507]);
    let old = create(vec![("Tus-Resumable", "0.2.2".into()), ("Upload-Defer-Length", "1".into())]).await;
    assert_eq!(old.header("tus-version"), "1.0.0");
    let _ = old.refusal(412);

    let mut upload = Upload::create(&author.api, &live).await;
    upload.append(&bytes[..50_000]).await;
    let _ = upload.patch_at(49_999, &bytes[49_999..60_000], &[]).await.refusal(409);
    let _ = upload.patch_at(50_001, &bytes[50_001..60_000], &[]).await.refusal(409);
    assert_eq!(upload.durable().await, 50_000);
    let request = upload.patch_request(50_000, bytes[50_000..60_000].to_vec().into(), &[]);
    let request = request.header("Content-Type", "video/webm");
    let status = author.api.send(request).await.status;
    assert!(matches!(status, 204 | 415), "two media types: {status}");
    upload.offset = upload.durable().await;
    let wrong_sum = [("Upload-Checksum", "sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA=")];
    let at = usize::try_from(upload.offset).expect("fits");
    let _ = upload.patch_at(upload.offset, &bytes[at..at + 1_000], &wrong_sum).await.refusal(460);
    assert_eq!(upload.durable().await, upload.offset, "a slice with a wrong sum is not kept at all");
    let unknown = [("Upload-Checksum", "crc99 AAAA")];
    let _ = upload.patch_at(upload.offset, &bytes[at..at + 1_000], &unknown).await.refusal(400);
    upload.append(&bytes[at..]).await;
    let gone = Upload { location: live.path("upload/none/"), ..upload.clone() };
    let _ = gone.patch_at(0, b"x", &[]).await.refusal(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_does_not_exist() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let request = author.api.request(Method::PUT, &live.path("timeline/"));
    let _ = author.api.send(request).await.refusal(405);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_path_answers_with_and_without_its_final_slash() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    for path in ["/api/posts/live/", "/api/posts/", "/api/users/my-profile/", "/api/schema/", "/api/docs/"] {
        author.api.get(path).await.must_be(200);
        author.api.get(path.trim_end_matches('/')).await.must_be(200);
    }
    for rest in ["", "timeline/", "chat/messages/", "chat/"] {
        author.api.get(&live.path(rest)).await.must_be(200);
        author.api.get(live.path(rest).trim_end_matches('/')).await.must_be(200);
    }
    author.api.post(live.path("stop/").trim_end_matches('/'), json!({})).await.must_be(200);
}
