//! What is read: whole, in pages, in windows, found by words; the same after a restart.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::world::{World, seqs};

async fn conversation(count: i64) -> (World, i64, String) {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let live = world.live(&ada, "public").await;
    for seq in 1..=count {
        let position = json!({"take": 1, "ms": seq * 100});
        let body = json!({"content": format!("Numéro {seq}, c'est l'été"), "position": position});
        assert_eq!(world.post(live, &ada, body).await.0, 201);
    }
    let path = format!("/api/posts/live/{live}/chat/messages/");
    (world, live, path)
}

#[tokio::test]
async fn pages_are_oldest_first_and_never_shift() {
    let (world, _, path) = conversation(23).await;
    let page = world.read(&format!("{path}?page=1&page_size=10")).await;
    assert_eq!(page["count"], 23);
    assert_eq!(seqs(page["results"].as_array().unwrap()), (1..=10).collect::<Vec<_>>());
    assert!(page["previous"].is_null());
    let mut all = Vec::new();
    let mut next = Some(format!("{path}?page_size=10"));
    while let Some(address) = next {
        let relative = address.split_once("/api/").map(|(_, rest)| format!("/api/{rest}")).unwrap();
        let page = world.read(&relative).await;
        all.extend(seqs(page["results"].as_array().unwrap()));
        next = page["next"].as_str().map(str::to_owned);
    }
    assert_eq!(all, (1..=23).collect::<Vec<_>>());
    assert_eq!(world.read(&format!("{path}?page=9")).await["results"], json!([]));
    for bad in ["page=0", "page=-1", "page=x", "page_size=0", "page=1&page_size=201"] {
        assert_eq!(world.get(&format!("{path}?{bad}"), None).await.status(), 400, "{bad}");
    }
}

#[tokio::test]
async fn windows_by_number_and_of_the_timeline() {
    let (world, _, path) = conversation(60).await;
    let window = async |query: &str| seqs(world.read(&format!("{path}?{query}")).await.as_array().unwrap());
    assert_eq!(window("after=55").await, [56, 57, 58, 59, 60]);
    assert_eq!(window("after=10&limit=2").await, [11, 12]);
    assert_eq!(window("before=4").await, [1, 2, 3]);
    assert_eq!(window("before=60&limit=2").await, [58, 59]);
    assert_eq!(window("after=0").await.len(), 50);
    assert_eq!(window("after=10&before=13").await, [11, 12]);
    assert_eq!(window("from_ms=1000&to_ms=1300").await, [10, 11, 12]);
    assert_eq!(window("from_ms=5900").await, [59, 60]);
    assert_eq!(window("to_ms=250").await, [1, 2]);
    assert_eq!(window("from_ms=-5&to_ms=101").await, [1]);
    assert_eq!(window("from_ms=2000&to_ms=1000").await, [0_i64; 0]);
    assert_eq!(window("from_ms=0&limit=3").await, [1, 2, 3]);
    for bad in [
        "after=x",
        "before=1.5",
        "from_ms=abc",
        "after=1&limit=0",
        "after=99999999999999999999",
        "on_replay=2",
    ] {
        assert_eq!(world.get(&format!("{path}?{bad}"), None).await.status(), 400, "{bad}");
    }
}

#[tokio::test]
async fn a_search_ignores_accents_and_answers_the_newest_first() {
    let (world, _, path) = conversation(5).await;
    let found = async |words: &str| seqs(world.read(&format!("{path}?q={words}")).await.as_array().unwrap());
    assert_eq!(found("ete").await, [5, 4, 3, 2, 1]);
    assert_eq!(found("%C3%89T%C3%89%20numero%203").await, [3]);
    assert_eq!(found("rien").await, [0_i64; 0]);
    assert_eq!(found("%22%2A%28").await, [0_i64; 0]);
    assert_eq!(found("").await, [0_i64; 0]);
}

#[tokio::test]
async fn a_long_history_comes_whole_and_is_the_same_after_a_restart() {
    let (mut world, _, path) = conversation(1_201).await;
    let before = world.read(&path).await;
    assert!(seqs(before.as_array().unwrap()).into_iter().eq(1..=1_201));
    world.restart().await;
    assert_eq!(world.read(&path).await, before);
    assert_eq!(world.read(&format!("{path}?q=numero%201201")).await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_window_is_not_sent_again_to_whom_it_is_known_until_something_in_it_changes() {
    let (world, live, path) = conversation(3).await;
    let client = reqwest::Client::new();
    let url = format!("http://{}{path}?after=0", world.address);
    let first = client.get(&url).send().await.unwrap();
    let tag = first.headers()["etag"].clone();
    assert_eq!(first.headers()["chat-change"], "0");
    let again = async || client.get(&url).header("if-none-match", &tag).send().await.unwrap().status();
    assert_eq!(again().await, StatusCode::NOT_MODIFIED);
    let messages: Value = first.json().await.unwrap();
    let ada = world.person("moderatrice").await;
    let refused = world
        .send(
            reqwest::Method::DELETE,
            &format!("/api/posts/live/{live}/chat/{}/", messages[0]["id"]),
            Some(&ada),
            json!({}),
        )
        .await;
    assert_eq!(refused.status(), 403);
    assert_eq!(again().await, StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn what_was_said_and_from_where_it_was_read_is_in_the_metrics() {
    let (world, live, _) = conversation(3).await;
    world.open(live, "").await.messages_upto(3).await;
    let metrics = world.get("/metrics", None).await.text().await.unwrap();
    assert!(metrics.contains("\ncommuniconnect_messages_total 3\n"), "{metrics}");
    assert!(metrics.contains("\ncommuniconnect_conversation_frames_total{from=\"memory\"} 1\n"), "{metrics}");
}

#[tokio::test]
async fn a_deleted_live_takes_its_conversation_with_it() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let live = world.live(&ada, "public").await;
    world.say(live, &ada, "à oublier").await;
    let path = format!("/api/posts/live/{live}/");
    assert_eq!(world.send(reqwest::Method::DELETE, &path, Some(&ada), json!({})).await.status(), 204);
    for rest in
        ["", "chat/", "chat/messages/?q=oublier", "chat/reactions/", "chat/export/?format=csv", "chat/rules/"]
    {
        assert_eq!(world.get(&format!("{path}{rest}"), Some(&ada)).await.status(), 404, "{rest}");
    }
}
