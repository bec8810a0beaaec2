//! The WebSocket: the same order for everybody, nothing missed, nothing doubled, nothing before its time.

use futures_util::SinkExt;
use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::world::{Socket, World, seqs};

#[tokio::test]
async fn two_viewers_see_the_same_messages_in_the_same_order() {
    let world = World::new().await;
    let (ada, zoe) = (world.person("ada").await, world.person("zoe").await);
    let live = world.live(&ada, "public").await;
    let (mut first, mut second) = (world.open(live, "").await, world.open(live, "?after=0").await);
    let mut writer = world.open(live, "").await;
    writer.authenticate(&zoe).await;
    for turn in 0..20 {
        writer
            .send(json!({"type": "send", "client_id": format!("00000000-0000-0000-0000-{turn:012}"),
            "content": format!("par la prise {turn}")}))
            .await;
        world.say(live, &ada, &format!("par HTTP {turn}")).await;
    }
    let (seen, also) = (first.messages_upto(40).await, second.messages_upto(40).await);
    assert_eq!(seqs(&seen), (1..=40).collect::<Vec<_>>());
    assert_eq!(seen, also);
    let own: Vec<_> = seen.iter().filter(|message| message["author"]["id"] == zoe.id).collect();
    assert!(
        own.iter().enumerate().all(|(turn, message)| message["content"] == format!("par la prise {turn}"))
    );
    let history = world.read(&format!("/api/posts/live/{live}/chat/messages/")).await;
    assert_eq!(history.as_array().unwrap(), &seen);
}

#[tokio::test]
async fn a_message_is_acknowledged_under_its_client_id_and_kept_once() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let live = world.live(&ada, "public").await;
    let mut socket = world.open(live, "").await;
    socket.authenticate(&ada).await;
    let id = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
    for _ in 0..3 {
        socket.send(json!({"type": "send", "client_id": id, "content": "une fois"})).await;
        let ack = socket.next("ack").await;
        assert_eq!((&ack["client_id"], &ack["message"]["seq"]), (&id.into(), &1.into()));
    }
    socket.send(json!({"type": "send", "client_id": id.replace('3', "4"), "content": "👏", "kind": "emoji", "reply_to": 0})).await;
    let refused = socket.next("refused").await;
    assert_eq!((&refused["status"], &refused["client_id"]), (&422.into(), &id.replace('3', "4").into()));
}

#[tokio::test]
async fn who_comes_back_goes_on_where_they_were() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let live = world.live(&ada, "public").await;
    for turn in 0..10 {
        world.say(live, &ada, &format!("{turn}")).await;
    }
    let mut socket = world.open(live, "").await;
    assert_eq!(seqs(&socket.messages_upto(10).await), (1..=10).collect::<Vec<_>>());
    drop(socket);
    let third = world.read(&format!("/api/posts/live/{live}/chat/")).await[2]["id"].clone();
    world
        .send(Method::DELETE, &format!("/api/posts/live/{live}/chat/{third}/"), Some(&ada), Value::Null)
        .await;
    for turn in 10..300 {
        world.say(live, &ada, &format!("{turn}")).await;
    }
    let mut back = world.open(live, "?after=10&since=0").await;
    assert_eq!(back.next("deleted").await, json!({"type": "deleted", "seqs": [3], "change": 1}));
    assert_eq!(seqs(&back.messages_upto(300).await), (11..=300).collect::<Vec<_>>());
    let mut beyond = world.open(live, "?after=100000").await;
    world.say(live, &ada, "encore").await;
    assert_eq!(seqs(&beyond.messages_upto(301).await), [301]);
}

#[tokio::test]
async fn a_deletion_reaches_every_viewer() {
    let world = World::new().await;
    let (ada, zoe) = (world.person("ada").await, world.person("zoe").await);
    let live = world.live(&ada, "public").await;
    let message = world.say(live, &zoe, "à effacer").await;
    let mut viewers = Vec::new();
    for _ in 0..3 {
        let mut viewer = world.open(live, "").await;
        viewer.messages_upto(1).await;
        viewers.push(viewer);
    }
    let path = format!("/api/posts/live/{live}/chat/{}/", message["id"]);
    assert_eq!(world.send(Method::DELETE, &path, Some(&ada), Value::Null).await.status(), 204);
    for viewer in &mut viewers {
        assert_eq!(viewer.next("deleted").await, json!({"type": "deleted", "seqs": [1], "change": 1}));
    }
    let mut late = world.open(live, "").await;
    let seen = late.messages_upto(1).await;
    assert_eq!((&seen[0]["deleted"], &seen[0]["content"]), (&true.into(), &"".into()));
}

#[tokio::test]
async fn a_members_live_says_nothing_before_a_sign_in() {
    let world = World::new().await;
    let (ada, zoe) = (world.person("ada").await, world.person("zoe").await);
    let live = world.live(&ada, "members").await;
    world.say(live, &ada, "entre nous").await;
    let mut socket = world.open(live, "").await;
    socket.send(json!({"type": "send", "client_id": null, "content": "et moi ?"})).await;
    // What comes first is the refusal: nothing of the conversation came before it.
    let Message::Text(first) = socket.frame().await else { panic!("no text") };
    let first: Value = serde_json::from_str(&first).unwrap();
    assert_eq!((&first["type"], &first["status"]), (&"refused".into(), &401.into()));
    socket.authenticate(&zoe).await;
    assert_eq!(socket.messages_upto(1).await[0]["content"], "entre nous");
    while socket.next("live").await["live"]["viewers"] != 1 {}
    socket.authenticate(&ada).await;
    socket.send(json!({"type": "send", "content": "moi aussi"})).await;
    assert_eq!(socket.next("ack").await["message"]["author"]["id"], ada.id);
}

#[tokio::test]
async fn how_the_live_stands_is_told_at_once_and_when_it_changes() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let live = world.live(&ada, "public").await;
    let mut socket = world.open(live, "").await;
    assert_eq!(socket.next("live").await["live"]["state"], "live");
    world.send(Method::POST, &format!("/api/posts/live/{live}/stop/"), Some(&ada), json!({})).await;
    while socket.next("live").await["live"]["state"] != "ended" {}
    world.send(Method::DELETE, &format!("/api/posts/live/{live}/"), Some(&ada), json!({})).await;
    assert_eq!(socket.close_code().await, Some(4404));
}

#[tokio::test]
async fn reactions_are_shown_together() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let live = world.live(&ada, "public").await;
    let mut socket = world.open(live, "").await;
    socket.authenticate(&ada).await;
    for _ in 0..50 {
        socket.send(json!({"type": "send", "content": "❤️", "kind": "reaction", "position": {"take": 1, "ms": 1200}})).await;
    }
    let mut counted = 0;
    while counted < 50 {
        let frame = socket.next("reactions").await;
        assert_eq!(frame["position_ms"], 1_000);
        counted += frame["counts"]["❤️"].as_i64().unwrap();
    }
    assert_eq!(counted, 50);
    let reactions = world.read(&format!("/api/posts/live/{live}/chat/reactions/")).await;
    assert_eq!(reactions["totals"]["❤️"], 50);
}

#[tokio::test]
async fn what_is_no_frame_of_ours_is_refused_and_the_connection_stays() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let live = world.live(&ada, "public").await;
    let mut socket = world.open(live, "").await;
    for frame in [
        "",
        "pas du JSON",
        "[]",
        "null",
        "{}",
        r#"{"type": 5}"#,
        r#"{"type": "dance"}"#,
        r#"{"type": "send"}"#,
        r#"{"type": "auth"}"#,
    ] {
        socket.inner.send(Message::text(frame)).await.unwrap();
        assert_eq!(socket.next("refused").await["status"], 400, "{frame}");
    }
    socket.send(json!({"type": "auth", "token": "faux"})).await;
    assert_eq!(socket.next("refused").await["status"], 401);
    socket.send(json!({"type": "send", "client_id": "a", "content": "sans nom"})).await;
    let refused = socket.next("refused").await;
    assert_eq!((&refused["status"], &refused["client_id"]), (&401.into(), &"a".into()));
    socket.authenticate(&ada).await;
    socket.send(json!({"type": "send", "content": "x".repeat(2_001)})).await;
    assert_eq!(socket.next("refused").await["status"], 422);
}

#[tokio::test]
async fn frames_too_large_or_not_text_end_the_connection_and_no_other() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let live = world.live(&ada, "public").await;
    let mut other = world.open(live, "").await;
    let mut large = world.open(live, "").await;
    // The server may end the connection while the rest of the frame is still being sent.
    let _ = large.inner.send(Message::text("x".repeat(1 << 20))).await;
    assert!(matches!(large.close_code().await, Some(1009) | None));
    let mut binary = world.open(live, "").await;
    binary.inner.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(binary.close_code().await, Some(1003));
    let mut pings = world.open(live, "").await;
    for _ in 0..10_000 {
        if pings.inner.feed(Message::Ping(Vec::new().into())).await.is_err() {
            break;
        }
    }
    let _ = pings.inner.flush().await;
    assert!(matches!(pings.close_code().await, Some(1008) | None));
    world.say(live, &ada, "tout va bien").await;
    assert_eq!(seqs(&other.messages_upto(1).await), [1]);
}

#[tokio::test]
async fn a_connection_is_refused_like_a_request() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let unlisted = world.live(&ada, "unlisted").await;
    let public = world.live(&ada, "public").await;
    let status = async |live: i64, origin: Option<&str>| {
        let url = format!("ws://{}/api/posts/live/{live}/chat/ws/", world.address);
        let mut request = url.into_client_request().unwrap();
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().unwrap());
        }
        match connect_async(request).await {
            Ok(_) => 101,
            Err(Error::Http(response)) => response.status().as_u16(),
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(status(unlisted, None).await, 404);
    assert_eq!(status(999, None).await, 404);
    assert_eq!(status(public, Some("https://ailleurs.example")).await, 403);
    assert_eq!(status(public, Some(&format!("http://{}", world.address))).await, 101);
    let plain = world.get(&format!("/api/posts/live/{public}/chat/ws/"), None).await;
    assert!(plain.status().is_client_error());
}

#[tokio::test]
async fn leaving_says_so_to_those_connected() {
    let mut world = World::new().await;
    let ada = world.person("ada").await;
    let live = world.live(&ada, "public").await;
    let mut socket: Socket = world.open(live, "").await;
    socket.next("live").await;
    world.restart().await;
    assert_eq!(socket.close_code().await, Some(1001));
}
