//! People in a conversation: whom a message mentions, who is here, under which name they stand.

use std::num::NonZeroU32;

use reqwest::Method;
use serde_json::{Value, json};
use server::Written;

use crate::world::{Person, World};

fn ids(message: &Value) -> Vec<i64> {
    let mentions = message["mentions"].as_array().map(Vec::as_slice).unwrap_or_default();
    mentions.iter().map(|mention| mention["id"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn a_message_mentions_those_who_have_a_part_in_the_conversation_and_nobody_else() {
    let world = World::new().await;
    let (ada, zoe, max) = (world.person("ada").await, world.person("zoe").await, world.person("max").await);
    let (eve, moderator) = (world.person("eve").await, world.person("moderatrice").await);
    let live = world.live(&ada, "public").await;
    let other = world.live(&ada, "public").await;
    world.say(live, &zoe, "me voici").await;
    world.say(other, &eve, "ailleurs").await;
    let named = format!("/api/posts/live/{live}/chat/moderators/{}/", moderator.id);
    assert_eq!(world.send(Method::PUT, &named, Some(&ada), json!({})).await.status(), 204);

    let all = [zoe.id, ada.id, eve.id, 999, max.id, moderator.id, zoe.id];
    let mut viewer = world.open(live, "?after=1").await;
    let (status, message) =
        world.post(live, &max, json!({"content": "@zoe @ada bonjour", "mentions": all})).await;
    assert_eq!((status, ids(&message)), (201, vec![zoe.id, ada.id, max.id, moderator.id]));
    assert_eq!(message["mentions"][0], json!({"id": zoe.id, "first_name": "zoe", "last_name": "Ndiaye"}));
    assert_eq!(viewer.messages_upto(2).await, std::slice::from_ref(&message));
    let history = world.read(&format!("/api/posts/live/{live}/chat/")).await;
    assert_eq!(history[1], message);
    assert!(history[0].get("mentions").is_none());
    let csv = world.get(&format!("/api/posts/live/{live}/chat/export/?format=csv"), None).await;
    assert!(csv.text().await.unwrap().contains("\"zoe Ndiaye, ada Ndiaye, max Ndiaye, moderatrice Ndiaye\""));

    let mut socket = world.open(live, "").await;
    socket.authenticate(&zoe).await;
    socket.send(json!({"type": "send", "content": "oui @max", "mentions": [max.id]})).await;
    assert_eq!(ids(&socket.next("ack").await["message"]), [max.id]);

    for (mentions, expected) in [(json!(vec![1; 11]), 422), (json!(["zoe"]), 400), (json!(5), 400)] {
        let (status, _) = world.post(live, &max, json!({"content": "oui", "mentions": mentions})).await;
        assert_eq!(status, expected, "{mentions}");
    }
    let path = format!("/api/posts/live/{live}/chat/{}/", message["id"]);
    assert_eq!(world.send(Method::DELETE, &path, Some(&max), Value::Null).await.status(), 204);
    let history = world.read(&format!("/api/posts/live/{live}/chat/")).await;
    assert_eq!((&history[1]["content"], ids(&history[1]).len()), (&"".into(), 0));
}

#[tokio::test]
async fn a_message_that_waited_for_approval_keeps_its_mentions() {
    let world = World::new().await;
    let (ada, zoe) = (world.person("ada").await, world.person("zoe").await);
    let live = world.live(&ada, "public").await;
    let lead = async |method, path: &str, body| {
        world.send(method, &format!("/api/posts/live/{live}/chat/{path}"), Some(&ada), body).await
    };
    lead(Method::PATCH, "rules/", json!({"hold": true})).await;
    world.post(live, &zoe, json!({"content": "puis-je ?", "mentions": [ada.id]})).await;
    let held: Value = lead(Method::GET, "held/", Value::Null).await.json().await.unwrap();
    assert_eq!(ids(&held[0]["message"]), [ada.id]);
    let approve = format!("held/{}/", held[0]["held_id"]);
    let kept: Value = lead(Method::POST, &approve, Value::Null).await.json().await.unwrap();
    assert_eq!(ids(&kept), [ada.id]);
}

#[tokio::test]
async fn who_is_here_is_counted_for_all_and_named_where_the_live_allows() {
    let world = World::new().await;
    let (ada, zoe) = (world.person("ada").await, world.person("zoe").await);
    let live = world.live(&ada, "public").await;
    let here = async |who: Option<&Person>| {
        let answer = world.get(&format!("/api/posts/live/{live}/chat/here/"), who).await;
        assert_eq!(answer.status(), 200);
        answer.json::<Value>().await.unwrap()
    };
    assert_eq!(here(None).await, json!({"count": 0, "shown": false, "members": []}));
    let (mut first, mut second) = (world.open(live, "").await, world.open(live, "").await);
    let mut third = world.open(live, "").await;
    for socket in [&mut first, &mut second] {
        socket.authenticate(&zoe).await;
    }
    third.next("live").await;
    assert_eq!(here(Some(&zoe)).await, json!({"count": 2, "shown": false, "members": []}));
    let own = json!({"id": zoe.id, "first_name": "zoe", "last_name": "Ndiaye", "profile_picture": null});
    assert_eq!(here(Some(&ada)).await, json!({"count": 2, "shown": true, "members": [own]}));

    let rules = format!("/api/posts/live/{live}/chat/rules/");
    let changed = world.send(Method::PATCH, &rules, Some(&ada), json!({"show_members": true})).await;
    assert_eq!(changed.json::<Value>().await.unwrap()["show_members"], true);
    assert_eq!(first.next("rules").await["rules"]["show_members"], true);
    assert_eq!(here(None).await["members"], json!([own]));
    let hidden = world.live(&ada, "members").await;
    assert_eq!(world.get(&format!("/api/posts/live/{hidden}/chat/here/"), None).await.status(), 404);
}

#[tokio::test]
async fn a_changed_name_stands_beside_messages_written_before() {
    let world = World::new().await;
    let (ada, zoe) = (world.person("ada").await, world.person("zoe").await);
    let live = world.live(&ada, "public").await;
    world.say(live, &zoe, "sous l'ancien nom").await;
    world.post(live, &ada, json!({"content": "@zoe", "mentions": [zoe.id]})).await;
    let before = world.open(live, "").await.messages_upto(2).await;
    assert_eq!(before[0]["author"]["first_name"], "zoe");
    let change = json!({"first_name": "Zoé", "profile_picture": "https://exemple.sn/z.jpg"});
    let answer = world.send(Method::PATCH, "/api/users/my-profile/", Some(&zoe), change).await;
    assert_eq!(answer.status(), 200);
    let after = world.open(live, "").await.messages_upto(2).await;
    assert_eq!(after[0]["author"]["first_name"], "Zoé");
    assert_eq!(after[0]["author"]["profile_picture"], "https://exemple.sn/z.jpg");
    assert_eq!(after[1]["mentions"][0]["first_name"], "Zoé");
    assert_eq!(&after, world.read(&format!("/api/posts/live/{live}/chat/")).await.as_array().unwrap());
}

#[tokio::test]
async fn a_flood_over_the_socket_hears_when_to_go_on() {
    let limits = Written {
        message_burst: NonZeroU32::new(3),
        messages_per_s: NonZeroU32::new(1),
        ..Written::default()
    };
    let world = World::with(limits).await;
    let ada = world.person("ada").await;
    let live = world.live(&ada, "public").await;
    let mut socket = world.open(live, "").await;
    socket.authenticate(&ada).await;
    for turn in 0..50 {
        socket.send(json!({"type": "send", "client_id": null, "content": format!("vite {turn}")})).await;
    }
    let refused = socket.next("refused").await;
    assert_eq!((&refused["status"], &refused["retry_after_s"]), (&429.into(), &1.into()), "{refused}");
    assert!(refused["error"].as_str().unwrap().contains("1 s"));
    socket.send(json!({"type": "send", "content": ""})).await;
}
