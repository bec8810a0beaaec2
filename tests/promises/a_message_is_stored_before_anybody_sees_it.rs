//! Messages are durable before they are announced, come to every viewer in one order, and are never doubled.

use promises::talk::Talk;
use promises::{Live, Person, Server};
use serde_json::{Value, json};

async fn say(person: &Person, live: &Live, content: &str) -> Value {
    person.api.post(&live.path("chat/"), json!({"content": content})).await.expect(201).json()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_talk_both_ways_in_one_order() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let viewer = server.person("Binta").await;
    let mut first = Talk::open(&server, &live, "?after=0").await;
    let mut second = Talk::open(&server, &live, "?after=0").await;
    first.authenticate(&author).await;
    second.authenticate(&viewer).await;
    for turn in 0..10 {
        let id = |who: u32| format!("00000000-0000-4000-8000-{who:06}{turn:06}");
        first.send(json!({"type": "send", "client_id": id(1), "content": format!("Awa {turn}")})).await;
        second.send(json!({"type": "send", "client_id": id(2), "content": format!("Binta {turn}")})).await;
    }
    let (one, two) = (first.collect(20).await, second.collect(20).await);
    assert_eq!(one, two, "the same order for both");
    let numbers: Vec<_> = one.iter().map(|message| message["seq"].as_u64()).collect();
    assert_eq!(numbers, (1..=20).map(Some).collect::<Vec<_>>(), "no hole and no double");
    let history = server.anonymous().get(&live.path("chat/messages/")).await.expect(200).json();
    assert_eq!(history, Value::Array(one));
    let ack = first.next_of("ack").await;
    assert_eq!(ack["message"]["author"]["first_name"], "Awa");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_announced_survives_kill_nine() {
    let mut server = Server::start().await;
    let (author, live) = server.live().await;
    let mut talk = Talk::open(&server, &live, "?after=0").await;
    let mut seen = Vec::new();
    for number in 0..5 {
        say(&author, &live, &format!("numéro {number}")).await;
        seen.extend(talk.collect(1).await);
    }
    server.kill_nine().await;
    server.restart().await;
    let history = server.anonymous().get(&live.path("chat/messages/")).await.expect(200).json();
    assert_eq!(history, Value::Array(seen));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reconnecting_viewer_resumes_with_no_hole_and_no_double() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    for number in 0..30 {
        say(&author, &live, &format!("numéro {number}")).await;
    }
    let mut talk = Talk::open(&server, &live, "?after=12").await;
    let missed = talk.collect(18).await;
    let numbers: Vec<_> = missed.iter().filter_map(|message| message["seq"].as_u64()).collect();
    assert_eq!(numbers, (13..=30).collect::<Vec<_>>());
    say(&author, &live, "la suite").await;
    assert_eq!(talk.collect(1).await[0]["seq"], 31);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_client_id_is_the_same_message() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let body = json!({"content": "Une fois", "client_id": "6f3d2c5e-90f5-4e0e-8a0e-111111111111"});
    let first = author.api.post(&live.path("chat/"), body.clone()).await.expect(201).json();
    let again = author.api.post(&live.path("chat/"), body).await.expect(200).json();
    assert_eq!(first, again);
    let mut talk = Talk::open(&server, &live, "?after=0").await;
    talk.authenticate(&author).await;
    let frame =
        json!({"type": "send", "content": "Une fois", "client_id": "6f3d2c5e-90f5-4e0e-8a0e-111111111111"});
    talk.send(frame).await;
    assert_eq!(talk.next_of("ack").await["message"]["id"], first["id"]);
    let history = author.api.get(&live.path("chat/messages/")).await.expect(200).json();
    assert_eq!(history.as_array().map(Vec::len), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_windows_replies_search_and_deletion() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let viewer = server.person("Binta").await;
    let first = say(&author, &live, "Le thiéboudienne est prêt").await;
    let reply = json!({"content": "J'arrive", "reply_to": first["id"]});
    let reply = viewer.api.post(&live.path("chat/"), reply).await.expect(201).json();
    assert_eq!(reply["reply_to"], first["id"]);
    for number in 0..23 {
        say(&viewer, &live, &format!("ligne {number}")).await;
    }
    let api = server.anonymous();
    let page = api.get(&live.path("chat/messages/?page=2&page_size=10")).await.expect(200).json();
    assert_eq!(page["count"], 25);
    assert_eq!(page["results"][0]["seq"], 11, "page 1 is the oldest");
    assert!(page["next"].as_str().is_some_and(|url| url.starts_with("http")), "{page}");
    let next = api.get(page["next"].as_str().expect("next")).await.expect(200).json();
    assert_eq!(next["results"].as_array().map(Vec::len), Some(5));
    assert!(next["next"].is_null());
    let window = api.get(&live.path("chat/messages/?before=20&limit=5")).await.expect(200).json();
    let numbers: Vec<_> = window.as_array().expect("a list").iter().map(|m| m["seq"].as_u64()).collect();
    assert_eq!(numbers, [15, 16, 17, 18, 19].map(Some));
    let found = api.get(&live.path("chat/messages/?q=thieboudienne")).await.expect(200).json();
    assert_eq!(found[0]["id"], first["id"], "accents are ignored: {found}");

    let stranger = server.person("Modou").await;
    let path = live.path(&format!("chat/{}/", reply["id"]));
    let _ = stranger.api.delete(&path).await.refusal(403);
    viewer.api.delete(&path).await.must_be(204);
    let history = api.get(&live.path("chat/messages/")).await.expect(200).json();
    assert_eq!(history[1]["deleted"], true);
    assert_eq!(history[1]["content"], "");
    assert_eq!(history[1]["seq"], 2, "a deleted message keeps its place");
    assert_eq!(history.as_array().map(Vec::len), Some(25));
}

#[tokio::test(flavor = "multi_thread")]
async fn reactions_are_counted_and_the_conversation_is_exported() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    say(&author, &live, "Bonjour \"à\" tous; =1+1").await;
    for _ in 0..3 {
        let body = json!({"content": "❤️", "type": "reaction"});
        let answer = author.api.post(&live.path("chat/"), body).await.expect(201).json();
        assert!(answer["seq"].is_null(), "{answer}");
    }
    let counted = author.api.get(&live.path("chat/reactions/")).await.expect(200).json();
    assert_eq!(counted["totals"]["❤️"], 3, "{counted}");
    let history = author.api.get(&live.path("chat/messages/")).await.expect(200).json();
    assert_eq!(history.as_array().map(Vec::len), Some(1), "a reaction is not in the history");
    for (format, start) in [("json", "["), ("csv", ""), ("vtt", "WEBVTT")] {
        let export = author.api.get(&live.path(&format!("chat/export/?format={format}"))).await.expect(200);
        assert!(
            export.text().trim_start_matches('\u{feff}').starts_with(start),
            "{format}: {}",
            export.text()
        );
        assert!(export.text().contains("Bonjour"), "{format}: {}", export.text());
    }
}
