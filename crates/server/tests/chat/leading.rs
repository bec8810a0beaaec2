//! Leading a conversation over HTTP.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Person, World};

impl World {
    async fn lead(
        &self,
        method: Method,
        live: i64,
        path: &str,
        who: Option<&Person>,
        body: Value,
    ) -> (u16, Value) {
        let answer = self.send(method, &format!("/api/posts/live/{live}/chat/{path}"), who, body).await;
        let status = answer.status().as_u16();
        (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or(Value::Null))
    }
}

#[tokio::test]
async fn a_moderator_of_the_live_silences_and_the_viewers_see_the_rules() {
    let world = World::new().await;
    let (ada, zoe, max) = (world.person("ada").await, world.person("zoe").await, world.person("max").await);
    let live = world.live(&ada, "public").await;
    let first = world.say(live, &max, "à épingler").await;
    let mut viewer = world.open(live, "").await;
    let name = format!("moderators/{}/", zoe.id);
    assert_eq!(world.lead(Method::PUT, live, &name, None, json!({})).await.0, 401);
    assert_eq!(world.lead(Method::PUT, live, &name, Some(&zoe), json!({})).await.0, 403);
    assert_eq!(world.lead(Method::PUT, live, &name, Some(&ada), json!({})).await.0, 204);

    let rules = json!({"slow_ms": 3_600_000, "pinned": first["id"], "words": ["crétin"]});
    let (status, shown) = world.lead(Method::PATCH, live, "rules/", Some(&zoe), rules).await;
    assert_eq!((status, &shown["words"]), (200, &json!(["crétin"])));
    assert_eq!(viewer.next("rules").await["rules"]["pinned"], first);
    let (_, public) = world.lead(Method::GET, live, "rules/", None, Value::Null).await;
    assert_eq!((&public["slow_ms"], &public["words"]), (&3_600_000.into(), &Value::Null));
    assert_eq!(world.post(live, &max, json!({"content": "trop tôt"})).await.0, 429);
    let unpinned =
        world.lead(Method::PATCH, live, "rules/", Some(&zoe), json!({"slow_ms": 0, "pinned": null})).await;
    assert_eq!(unpinned.1["pinned"], Value::Null);
    assert_eq!(world.post(live, &max, json!({"content": "sale CRETIN"})).await.0, 422);

    let silence = format!("sanctions/{}/", max.id);
    let (status, _) = world.lead(Method::PUT, live, &silence, Some(&zoe), json!({"seconds": 600})).await;
    assert_eq!(status, 204);
    assert_eq!(world.post(live, &max, json!({"content": "encore moi"})).await.0, 403);
    let (_, list) = world.lead(Method::GET, live, "sanctions/", Some(&zoe), Value::Null).await;
    assert_eq!(list[0]["person_id"], max.id);
    assert_eq!(world.lead(Method::DELETE, live, &silence, Some(&zoe), Value::Null).await.0, 204);
    world.say(live, &max, "merci").await;
    let ban = world.lead(Method::PUT, live, &silence, Some(&zoe), json!({"delete_messages": true})).await;
    assert_eq!(ban.0, 204);
    assert_eq!(viewer.next("deleted").await["seqs"], json!([2, 1]));
    assert_eq!(world.lead(Method::GET, live, "acts/", Some(&max), Value::Null).await.0, 403);
    let (_, acts) = world.lead(Method::GET, live, "acts/", Some(&ada), Value::Null).await;
    assert!(acts.as_array().unwrap().iter().any(|act| act["act"] == "ban" && act["by_id"] == zoe.id));
}

#[tokio::test]
async fn a_held_message_is_answered_202_and_seen_once_approved() {
    let world = World::new().await;
    let (ada, zoe) = (world.person("ada").await, world.person("zoe").await);
    let live = world.live(&ada, "public").await;
    world.lead(Method::PATCH, live, "rules/", Some(&ada), json!({"hold": true})).await;
    let (status, message) = world.post(live, &zoe, json!({"content": "puis-je ?"})).await;
    assert_eq!((status, &message["held"], &message["seq"]), (202, &true.into(), &Value::Null));
    world.post(live, &zoe, json!({"content": "non"})).await;
    let (_, waiting) = world.lead(Method::GET, live, "held/", Some(&ada), Value::Null).await;
    let held = |index: usize| format!("held/{}/", waiting[index]["held_id"]);
    assert_eq!(world.lead(Method::POST, live, &held(0), Some(&zoe), Value::Null).await.0, 403);
    assert_eq!(world.lead(Method::DELETE, live, &held(1), Some(&ada), Value::Null).await.0, 204);
    assert_eq!(world.lead(Method::POST, live, &held(0), Some(&ada), Value::Null).await.1["seq"], 1);
    assert_eq!(world.lead(Method::POST, live, &held(0), Some(&ada), Value::Null).await.0, 404);
    let history = world.read(&format!("/api/posts/live/{live}/chat/")).await;
    assert_eq!((history.as_array().unwrap().len(), &history[0]["content"]), (1, &"puis-je ?".into()));
}

#[tokio::test]
async fn rules_out_of_bounds_are_refused() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let live = world.live(&ada, "public").await;
    let cases = [
        (json!({"slow_ms": -1}), 422),
        (json!({"slow_ms": 3_600_001}), 422),
        (json!({"pinned": 12}), 404),
        (json!({"words": ["x".repeat(61)]}), 422),
        (json!({"hold": "oui"}), 400),
        (json!({"slow_ms": 1.5}), 400),
    ];
    for (body, status) in cases {
        assert_eq!(
            world.lead(Method::PATCH, live, "rules/", Some(&ada), body.clone()).await.0,
            status,
            "{body}"
        );
    }
    let nobody = world.lead(Method::PUT, live, "sanctions/999/", Some(&ada), json!({})).await;
    assert_eq!(nobody.0, 404);
}

#[tokio::test]
async fn those_who_lead_learn_who_the_people_are_and_nobody_else_does() {
    let world = World::new().await;
    let (ada, zoe, max) = (world.person("ada").await, world.person("zoe").await, world.person("max").await);
    let live = world.live(&ada, "public").await;
    let ask = format!("people/?ids={},{},999999", zoe.id, max.id);
    assert_eq!(world.lead(Method::GET, live, &ask, None, Value::Null).await.0, 401);
    assert_eq!(world.lead(Method::GET, live, &ask, Some(&zoe), Value::Null).await.0, 403);
    let name = format!("moderators/{}/", zoe.id);
    assert_eq!(world.lead(Method::PUT, live, &name, Some(&ada), json!({})).await.0, 204);
    for leader in [&ada, &zoe] {
        let (status, people) = world.lead(Method::GET, live, &ask, Some(leader), Value::Null).await;
        assert_eq!(status, 200);
        let ids: Vec<_> = people.as_array().unwrap().iter().map(|person| person["id"].clone()).collect();
        assert_eq!(ids, [max.id, zoe.id], "by their names; whom nobody knows is left out");
        assert!(people[0]["email"].is_null() && people[0]["first_name"].is_string(), "{people}");
    }
    assert_eq!(world.lead(Method::GET, live, "people/?ids=x", Some(&ada), Value::Null).await.0, 400);
    assert_eq!(world.lead(Method::GET, live, "people/", Some(&ada), Value::Null).await.1, json!([]));
}
