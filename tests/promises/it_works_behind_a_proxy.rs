//! nginx and Caddy, configured as `docs/INTEGRATE.md` has it, on a name of its own and under a path of somebody else's: pages and what
//! they load, addresses in answers, uploads and tails as they grow, WebSockets, playlists.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use promises::proxies::{Place, Program, Proxied};
use promises::{Api, Live, Person, Upload, recorded};
use reqwest::{Method, Url};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

const PATIENCE: Duration = Duration::from_secs(20);
const RECORDING: &str = "webm_vp9_opus.webm";

async fn all_of_it_works(program: Program, place: Place) {
    let proxied = Proxied::start(program, place).await;
    let api = Api::new(&proxied.base);
    the_pages_find_what_they_load(&proxied, &api).await;
    let answer = api
        .post(
            "/api/users/register/",
            json!({"email": "awa@exemple.sn", "password": "une phrase assez longue", "first_name": "Awa"}),
        )
        .await;
    let author = Person::signed_in(&api, "awa@exemple.sn", &answer.expect(201).json());
    let live = author.start_live(json!({"visibility": "unlisted"})).await;
    for field in ["upload_url", "watch_url"] {
        assert!(live.started[field].as_str().is_some_and(|url| url.starts_with(&proxied.base)), "{field}");
    }
    bytes_go_through_as_they_come(&proxied, &author, &live).await;
    the_conversation_is_heard(&proxied, &author, &live).await;
    live.stop(&author.api).await;
    a_player_finds_all_parts(&proxied, &author, &live).await;
}

async fn the_pages_find_what_they_load(proxied: &Proxied, api: &Api) {
    let base = Url::parse(&proxied.base).expect("an address");
    let under = base.path().trim_end_matches('/');
    for path in ["/", "/live/1", "/embed/", "/embed/1", "/login"] {
        let path = format!("{under}{path}");
        let page = api.get(&path).await;
        // What is there to be copied is not loaded.
        let html = without_samples(&page.whole_text());
        let address = Url::parse(&api.url(&path)).expect("an address");
        let mut count = 0;
        for attribute in ["src=\"", "href=\""] {
            for value in html.split(attribute).skip(1).filter_map(|rest| rest.split('"').next()) {
                let loaded = address.join(value).expect("an address");
                assert!(loaded.as_str().starts_with(&proxied.base), "{path} loads {loaded}");
                let status = reqwest::get(loaded.clone()).await.expect("an answer").status();
                assert_eq!(status, 200, "{path} loads {loaded}");
                count += 1;
            }
        }
        assert!(count >= 3, "{path}: {html}");
    }
}

/// A page without what stands between `<code` and `</code>`.
fn without_samples(html: &str) -> String {
    let rest = |piece: &str| piece.split_once("</code>").map(|(_, rest)| rest.to_owned());
    html.split("<code")
        .enumerate()
        .filter_map(|(at, piece)| if at == 0 { Some(piece.to_owned()) } else { rest(piece) })
        .collect()
}

/// A tail shows the first bytes of a request that goes on.
async fn bytes_go_through_as_they_come(proxied: &Proxied, author: &Person, live: &Live) {
    let upload = Upload::create(&author.api, live).await;
    let bytes = Bytes::from(recorded(RECORDING));
    let half = bytes.len() / 2;
    let (pieces, coming) = mpsc::channel::<Bytes>(1);
    let body = futures_util::stream::unfold(coming, |mut coming| async {
        let piece = coming.recv().await?;
        Some((Ok::<_, std::io::Error>(piece), coming))
    });
    let request = author.api.request(Method::PATCH, &upload.location);
    let request = request
        .header("Tus-Resumable", "1.0.0")
        .header("Upload-Offset", "0")
        .header("Content-Type", promises::upload::SLICE)
        .body(reqwest::Body::wrap_stream(body));
    let appended = tokio::spawn(async move { request.send().await.expect("an answer").status() });
    pieces.send(bytes.slice(..half)).await.expect("the request goes on");
    let tail = author.api.request(Method::GET, &live.path("tail.webm?from_ms=0")).send();
    let tail = tokio::time::timeout(PATIENCE, tail).await.expect("a head").expect("an answer");
    let mut tail = tail.error_for_status().expect("200").bytes_stream();
    let first = tokio::time::timeout(PATIENCE, tail.next()).await.expect("bytes while others still come");
    assert!(first.is_some_and(|bytes| bytes.is_ok_and(|bytes| !bytes.is_empty())));
    let shown = live.shown(&author.api).await;
    let (mut socket, _) = connect_async(of_socket(&shown["tail_url"])).await.expect("a WebSocket of tails");
    let said = next_text(&mut socket).await;
    assert_eq!(said["type"], "take", "{said}");
    pieces.send(bytes.slice(half..)).await.expect("the request goes on");
    drop(pieces);
    assert_eq!(appended.await.expect("the request ends"), 204);
    assert!(upload.location.starts_with(&proxied.base), "{}", upload.location);
}

async fn the_conversation_is_heard(proxied: &Proxied, author: &Person, live: &Live) {
    let address = format!("{}{}", proxied.base.replacen("http", "ws", 1), live.path("chat/ws/"));
    let key = live.started["watch_url"].as_str().and_then(|url| url.split_once('?')).expect("a key").1;
    let (mut socket, _) = connect_async(format!("{address}?{key}")).await.expect("a WebSocket");
    let auth = json!({"type": "auth", "token": author.access}).to_string();
    socket.send(Message::text(auth)).await.expect("it is open");
    author.api.post(&live.path("chat/"), json!({"content": "Bonjour"})).await.must_be(201);
    loop {
        let frame = next_text(&mut socket).await;
        if frame["type"] == "messages" {
            assert_eq!(frame["messages"][0]["content"], "Bonjour");
            return;
        }
    }
}

/// What is named in a playlist, as players find it.
async fn a_player_finds_all_parts(proxied: &Proxied, author: &Person, live: &Live) {
    let shown = live.shown(&author.api).await;
    for url in [&shown["hls_url"], &shown["replay"]["webm"], &shown["poster_url"]] {
        let url = url.as_str().expect("an address");
        assert!(url.starts_with(&proxied.base), "{url}");
        assert_eq!(reqwest::get(url).await.expect("an answer").status(), 200, "{url}");
    }
    let mut lists = vec![Url::parse(shown["hls_url"].as_str().expect("playlists")).expect("an address")];
    let mut media = 0;
    while let Some(list) = lists.pop() {
        let text = reqwest::get(list.clone()).await.expect("an answer").text().await.expect("text");
        for uri in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let address = list.join(uri).expect("an address");
            if address.path().ends_with(".m3u8") {
                lists.push(address);
            } else {
                assert_eq!(
                    reqwest::get(address.clone()).await.expect("an answer").status(),
                    200,
                    "{address}"
                );
                media += 1;
            }
        }
    }
    assert!(media >= 4, "{media} segments");
}

fn of_socket(url: &Value) -> String {
    let url = url.as_str().expect("an address");
    format!("ws{}", url.trim_start_matches("http").trim_start_matches("ws"))
}

async fn next_text<S>(socket: &mut S) -> Value
where
    S: StreamExt<Item = Result<Message, tokio_tungstenite::tungstenite::Error>> + Unpin,
{
    loop {
        let frame = tokio::time::timeout(PATIENCE, socket.next()).await.expect("a frame in time");
        if let Message::Text(text) = frame.expect("it stays open").expect("a frame") {
            return serde_json::from_str(&text).expect("JSON");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_nginx_on_a_name_of_its_own() {
    all_of_it_works(Program::Nginx, Place::OwnName).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_nginx_under_a_path() {
    all_of_it_works(Program::Nginx, Place::UnderAPath).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_caddy_on_a_name_of_its_own() {
    all_of_it_works(Program::Caddy, Place::OwnName).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_caddy_under_a_path() {
    all_of_it_works(Program::Caddy, Place::UnderAPath).await;
}
