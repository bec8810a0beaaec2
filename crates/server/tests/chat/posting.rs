//! What is sent: kept, kept once, or refused with its status and a sentence.

use std::num::NonZeroU32;

use reqwest::Method;
use serde_json::{Value, json};
use server::Written;

use crate::world::World;

#[tokio::test]
async fn the_two_lines_of_the_guide_work() {
    let world = World::new().await;
    let (ada, zoe) = (world.person("ada").await, world.person("zoe").await);
    let live = world.live(&ada, "public").await;
    let body = br#"{"content": "Test message"}"#.to_vec();
    let path = format!("/api/posts/live/{live}/chat/");
    let answer = world.raw(Method::POST, &path, Some(&zoe), body).await;
    assert_eq!(answer.status(), 201);
    let message: Value = answer.json().await.unwrap();
    assert_eq!((&message["seq"], &message["content"]), (&1.into(), &"Test message".into()));
    assert_eq!((&message["type"], &message["reply_to"]), (&"text".into(), &Value::Null));
    assert_eq!((&message["deleted"], &message["author"]["first_name"]), (&false.into(), &"zoe".into()));
    assert_eq!(message["position"], json!({"take": 1, "ms": 0}));
    assert!(message["timestamp"].as_str().unwrap().ends_with('Z') && message["author"]["email"].is_null());
    for list in ["messages/", "messages", ""] {
        let answer = world.get(&format!("{path}{list}"), Some(&zoe)).await;
        assert_eq!(answer.json::<Value>().await.unwrap(), json!([message]), "{list}");
    }
    let shown = world.read(&format!("/api/posts/live/{live}/")).await;
    assert_eq!(shown["messages"], 1);
}

#[tokio::test]
async fn the_same_client_id_answers_with_the_message_already_kept() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let live = world.live(&ada, "public").await;
    let body = |content| json!({"content": content, "client_id": "3f2504e0-4f89-41d3-9a0c-0305e82c3301"});
    let (created, first) = world.post(live, &ada, body("un")).await;
    let (again, second) = world.post(live, &ada, body("autre chose")).await;
    assert_eq!((created, again), (201, 200));
    assert_eq!(first, second);
    assert_eq!(
        world.read(&format!("/api/posts/live/{live}/chat/messages/")).await.as_array().unwrap().len(),
        1
    );
}

#[tokio::test]
async fn bad_messages_have_each_their_status_and_sentence() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let (live, other) = (world.live(&ada, "public").await, world.live(&ada, "public").await);
    let elsewhere = world.say(other, &ada, "ailleurs").await["id"].clone();
    let cases = [
        (json!({"content": ""}), 422),
        (json!({"content": "   \n"}), 422),
        (json!({"content": "\u{200B}\u{202E}\u{2060}"}), 422),
        (json!({"content": "é".repeat(2_001)}), 422),
        (json!({"content": "oui", "type": "image"}), 422),
        (json!({"content": "oui", "type": "emoji"}), 422),
        (json!({"content": "❤️❤️", "type": "reaction"}), 422),
        (json!({"content": "oui", "reply_to": 99}), 422),
        (json!({"content": "oui", "reply_to": elsewhere}), 422),
        (json!({"content": "oui", "client_id": "pas un uuid"}), 422),
        (json!({"content": "oui", "position": {"take": 7, "ms": 0}}), 422),
        (json!({"content": "oui", "position": {"take": -1, "ms": 0}}), 422),
        (json!({"content": "oui", "position": {"take": 1, "ms": -1}}), 422),
        (json!({"content": "oui", "position": {"take": 1, "ms": 86_400_001}}), 422),
        (json!({"content": "oui", "position": {"take": 1}}), 400),
        (json!({"content": "oui", "position": "fin"}), 400),
        (json!({"content": 5}), 400),
        (json!({"text": "oui"}), 400),
        (json!([]), 400),
    ];
    for (body, status) in cases {
        let (answered, problem) = world.post(live, &ada, body.clone()).await;
        assert_eq!(answered, status, "{body} {problem}");
        assert_eq!(problem["status"], status);
        assert!(
            problem["error"].as_str().unwrap().len() > 10 && problem["error"] == problem["detail"],
            "{problem}"
        );
    }
    let path = format!("/api/posts/live/{live}/chat/");
    for bytes in [&b"{\"content\": \"\xFF\"}"[..], b"content=oui", b"{", b"{\"content\": \"\\ud800\"}"] {
        let answer = world.raw(Method::POST, &path, Some(&ada), bytes.to_vec()).await;
        assert_eq!(answer.status(), 400, "{bytes:?}");
    }
    let too_large = world.raw(Method::POST, &path, Some(&ada), vec![b' '; 2 << 20]).await;
    assert_eq!(too_large.status(), 413);
    assert_eq!(world.read(&format!("{path}messages/")).await, json!([]));
    let (status, _) = world.post(live, &ada, json!({"content": "é".repeat(2_000)})).await;
    assert_eq!(status, 201);
}

#[tokio::test]
async fn who_may_not_write_hears_why() {
    let world = World::new().await;
    let (ada, zoe) = (world.person("ada").await, world.person("zoe").await);
    let members = world.live(&ada, "members").await;
    let unlisted = world.live(&ada, "unlisted").await;
    let say = |live: i64| format!("/api/posts/live/{live}/chat/");
    let body = || json!({"content": "oui"});
    assert_eq!(world.send(Method::POST, &say(members), None, body()).await.status(), 401);
    assert_eq!(world.send(Method::POST, &say(members), None, json!({})).await.status(), 401);
    assert_eq!(world.send(Method::POST, &say(members), Some(&zoe), body()).await.status(), 201);
    assert_eq!(world.send(Method::POST, &say(unlisted), Some(&zoe), body()).await.status(), 404);
    assert_eq!(world.send(Method::POST, &say(unlisted), Some(&ada), body()).await.status(), 201);
    assert_eq!(world.send(Method::POST, &say(999), Some(&zoe), body()).await.status(), 404);
    assert_eq!(world.get(&format!("{}messages/", say(members)), None).await.status(), 404);
    assert_eq!(world.get(&format!("{}messages/", say(members)), Some(&zoe)).await.status(), 200);
    let mut wrong = zoe.clone();
    wrong.token.push('x');
    assert_eq!(world.send(Method::POST, &say(members), Some(&wrong), body()).await.status(), 401);
}

#[tokio::test]
async fn a_flood_is_answered_429_and_others_go_on() {
    let limits = Written {
        message_burst: NonZeroU32::new(5),
        messages_per_s: NonZeroU32::new(1),
        ..Written::default()
    };
    let world = World::with(limits).await;
    let (ada, zoe) = (world.person("ada").await, world.person("zoe").await);
    let live = world.live(&ada, "public").await;
    let path = format!("/api/posts/live/{live}/chat/");
    let mut refused = None;
    for _ in 0..10 {
        let answer = world.send(Method::POST, &path, Some(&ada), json!({"content": "vite"})).await;
        if answer.status() == 429 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("ten at once are too many");
    let wait: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=2).contains(&wait));
    world.say(live, &zoe, "tranquille").await;
}

#[tokio::test]
async fn a_message_to_a_live_that_has_ended_is_kept_and_marked() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let live = world.live(&ada, "public").await;
    world.say(live, &ada, "pendant").await;
    let stopped =
        world.send(Method::POST, &format!("/api/posts/live/{live}/stop/"), Some(&ada), json!({})).await;
    assert_eq!(stopped.json::<Value>().await.unwrap()["messages"], 1);
    let (status, late) =
        world.post(live, &ada, json!({"content": "après", "position": {"take": 1, "ms": 1_500}})).await;
    assert_eq!((status, &late["on_replay"], &late["position"]["ms"]), (201, &true.into(), &1_500.into()));
    let path = format!("/api/posts/live/{live}/chat/messages/?after=0&on_replay=false");
    assert_eq!(world.read(&path).await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn only_its_author_and_those_who_lead_delete_a_message() {
    let world = World::new().await;
    let (ada, zoe, max) = (world.person("ada").await, world.person("zoe").await, world.person("max").await);
    let live = world.live(&ada, "public").await;
    let (first, second) = (world.say(live, &zoe, "un secret").await, world.say(live, &zoe, "deux").await);
    let delete = async |message: &Value, who| {
        let path = format!("/api/posts/live/{live}/chat/{}/", message["id"]);
        world.send(Method::DELETE, &path, who, Value::Null).await.status().as_u16()
    };
    assert_eq!(delete(&first, None).await, 401);
    assert_eq!(delete(&first, Some(&max)).await, 403);
    assert_eq!(delete(&json!({"id": 12}), Some(&ada)).await, 404);
    assert_eq!(delete(&json!({"id": "abc"}), Some(&ada)).await, 404);
    assert_eq!(delete(&first, Some(&zoe)).await, 204);
    assert_eq!(delete(&first, Some(&zoe)).await, 204);
    assert_eq!(delete(&second, Some(&ada)).await, 204);
    let history = world.read(&format!("/api/posts/live/{live}/chat/messages/")).await;
    for (index, message) in history.as_array().unwrap().iter().enumerate() {
        assert_eq!((&message["deleted"], &message["content"]), (&true.into(), &"".into()));
        assert_eq!(message["seq"], index + 1);
    }
    assert_eq!(world.read(&format!("/api/posts/live/{live}/chat/messages/?q=secret")).await, json!([]));
    assert_eq!(world.read(&format!("/api/posts/live/{live}/")).await["messages"], 0);
}

#[tokio::test]
async fn reactions_are_counted_by_emoji_and_second() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let live = world.live(&ada, "public").await;
    for (content, ms) in [("❤️", 100), ("❤", 900), ("👍", 1_000)] {
        let body = json!({"content": content, "type": "reaction", "position": {"take": 1, "ms": ms}});
        let (status, message) = world.post(live, &ada, body).await;
        assert_eq!((status, &message["seq"], &message["id"]), (201, &Value::Null, &Value::Null));
    }
    let reactions = world.read(&format!("/api/posts/live/{live}/chat/reactions/")).await;
    assert_eq!(reactions["totals"], json!({"❤️": 2, "👍": 1}));
    assert_eq!(
        reactions["seconds"],
        json!([{"position_ms": 0, "counts": {"❤️": 2}}, {"position_ms": 1_000, "counts": {"👍": 1}}])
    );
    assert_eq!(world.read(&format!("/api/posts/live/{live}/chat/")).await, json!([]));
}
