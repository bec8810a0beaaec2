//! What is sent to confuse, to flood or to fill: refused with a sentence, and nobody else notices.

use std::num::NonZeroU32;

use futures_util::SinkExt;
use reqwest::Method;
use serde_json::{Value, json};
use server::Written;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::world::{World, seqs};

#[tokio::test]
async fn what_shows_nothing_is_empty_and_what_turns_text_around_is_taken_out() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let live = world.live(&ada, "public").await;
    let invisible = [
        "\u{200B}\u{200C}\u{200D}",
        "\u{2800}\u{3164}",
        "\u{E0041}\u{E007F}",
        "\u{202E}\u{2066}",
        "\u{AD} \u{34F}",
    ];
    for content in invisible {
        assert_eq!(world.post(live, &ada, json!({"content": content})).await.0, 422, "{content:?}");
    }
    for (sent, kept) in [
        ("\u{202E}annulé\u{202C}", "annulé"),
        ("a\u{2066}b\u{2069}c", "abc"),
        ("\u{FEFF}bon\u{0}jour\u{1B}", "bonjour"),
        ("\u{200B} oui \u{2060}", "oui"),
        ("un\r\ndeux\u{2028}trois", "un\ndeux\ntrois"),
        // What letters and emoji of many languages are made of stays.
        ("👩\u{200D}💻 می\u{200C}خواهم", "👩\u{200D}💻 می\u{200C}خواهم"),
    ] {
        assert_eq!(world.say(live, &ada, sent).await["content"], kept, "{sent:?}");
    }
}

#[tokio::test]
async fn each_refusal_has_a_sentence_in_french_and_in_english() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let live = world.live(&ada, "public").await;
    let url = format!("http://{}/api/posts/live/{live}/chat/", world.address);
    let client = reqwest::Client::new();
    let told = async |body: &Value, language: &str| {
        let request = client.post(&url).bearer_auth(&ada.token).header("accept-language", language);
        let answer = request.body(body.to_string()).send().await.unwrap();
        assert_eq!(answer.headers()["content-language"], language);
        answer.json::<Value>().await.unwrap()["detail"].as_str().unwrap().to_owned()
    };
    for body in [
        json!({"content": " "}),
        json!({"content": "x".repeat(2_001)}),
        json!({"content": "x", "type": "image"}),
        json!({"content": "x", "type": "emoji"}),
        json!({"content": "x", "type": "reaction"}),
        json!({"content": "x", "reply_to": 5}),
        json!({"content": "x", "client_id": "5"}),
        json!({"content": "x", "position": {"take": 9, "ms": 0}}),
        json!({"content": "x", "mentions": vec![1; 11]}),
        json!({"content": 5}),
    ] {
        let (french, english) = (told(&body, "fr").await, told(&body, "en").await);
        assert!(french.len() > 15 && english.len() > 15 && french != english, "{body}: {french} / {english}");
    }
}

#[tokio::test]
async fn packed_bodies_and_packed_frames_are_not_unpacked() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let live = world.live(&ada, "public").await;
    let url = format!("http://{}/api/posts/live/{live}/chat/", world.address);
    // An empty gzip member: whoever unpacks it reads nothing, whoever does not finds no JSON.
    let gzip = vec![0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for coding in ["gzip", "br", "zstd"] {
        let request =
            reqwest::Client::new().post(&url).bearer_auth(&ada.token).header("content-encoding", coding);
        let answer = request.body(gzip.clone()).send().await.unwrap();
        assert!([400, 415].contains(&answer.status().as_u16()), "{coding} {}", answer.status());
        assert!(answer.json::<Value>().await.unwrap()["error"].as_str().unwrap().len() > 10);
    }
    let mut request =
        format!("ws://{}/api/posts/live/{live}/chat/ws/", world.address).into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-extensions", "permessage-deflate".parse().unwrap());
    let (_, answer) = connect_async(request).await.unwrap();
    assert!(answer.headers().get("sec-websocket-extensions").is_none());
    // A frame that claims to be packed all the same.
    let mut claims = world.open(live, "").await;
    let mut frame = Frame::message(vec![1, 2, 3], OpCode::Data(Data::Text), true);
    frame.header_mut().rsv1 = true;
    claims.inner.send(Message::Frame(frame)).await.unwrap();
    assert!(claims.close_code().await.is_none_or(|code| (1002..=1009).contains(&code)));
    world.say(live, &ada, "tout va bien").await;
}

#[tokio::test]
async fn a_frame_that_is_not_utf8_ends_its_connection_and_no_other() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let live = world.live(&ada, "public").await;
    let mut other = world.open(live, "").await;
    let mut wrong = world.open(live, "").await;
    let frame = Frame::message(vec![b'{', 0xFF, 0xFE, b'}'], OpCode::Data(Data::Text), true);
    wrong.inner.send(Message::Frame(frame)).await.unwrap();
    assert!(wrong.close_code().await.is_none_or(|code| (1007..=1009).contains(&code)));
    world.say(live, &ada, "tout va bien").await;
    assert_eq!(seqs(&other.messages_upto(1).await), [1]);
}

#[tokio::test]
async fn a_flood_of_searches_from_one_address_is_answered_429_and_a_person_there_goes_on() {
    let limits = Written {
        message_burst: NonZeroU32::new(5),
        messages_per_s: NonZeroU32::new(1),
        ..Written::default()
    };
    let world = World::with(limits).await;
    let ada = world.person("ada").await;
    let live = world.live(&ada, "public").await;
    world.say(live, &ada, "bonjour").await;
    let path = format!("/api/posts/live/{live}/chat/?q=bonjour");
    let mut answers = Vec::new();
    for _ in 0..40 {
        answers.push(world.get(&path, None).await);
    }
    let refused = answers.iter().find(|answer| answer.status() == 429).expect("forty at once are too many");
    let wait: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=2).contains(&wait));
    assert_eq!(world.get(&path, Some(&ada)).await.status(), 200);
    assert_eq!(world.get(&format!("/api/posts/live/{live}/chat/"), None).await.status(), 200);
}

#[tokio::test]
async fn a_deleted_message_is_gone_from_everywhere() {
    let mut world = World::new().await;
    let (ada, zoe) = (world.person("ada").await, world.person("zoe").await);
    let live = world.live(&ada, "public").await;
    world.say(live, &ada, "bonsoir").await;
    let at = json!({"content": "une chose indicible", "position": {"take": 1, "ms": 500}});
    let (_, secret) = world.post(live, &zoe, at).await;
    world.say(live, &ada, "au revoir").await;
    let chat = format!("/api/posts/live/{live}/chat/");
    let readings = [
        "",
        "messages/?page=1&page_size=2",
        "messages/?after=0",
        "messages/?before=9",
        "messages/?from_ms=0&to_ms=1000",
        "messages/?q=indicible",
        "export/?format=json",
        "export/?format=csv",
        "export/?format=vtt",
        "rules/",
    ];
    let lead = json!({"pinned": secret["id"]});
    assert_eq!(world.send(Method::PATCH, &format!("{chat}rules/"), Some(&ada), lead).await.status(), 200);
    let mut tags = Vec::new();
    for reading in readings {
        let answer = world.get(&format!("{chat}{reading}"), None).await;
        tags.push(answer.headers().get("etag").cloned());
        assert!(answer.text().await.unwrap().contains("indicible"), "{reading}");
    }
    assert!(tags[..6].iter().all(Option::is_some));
    let mut viewer = world.open(live, "").await;
    viewer.messages_upto(3).await;
    let path = format!("{chat}{}/", secret["id"]);
    assert_eq!(world.send(Method::DELETE, &path, Some(&ada), Value::Null).await.status(), 204);
    assert_eq!(viewer.next("deleted").await["seqs"], json!([2]));
    for restarted in [false, true] {
        for (reading, tag) in readings.iter().zip(&tags) {
            let answer = world.get(&format!("{chat}{reading}"), None).await;
            assert!(tag.is_none() || answer.headers().get("etag") != tag.as_ref(), "{reading}");
            assert!(!answer.text().await.unwrap().contains("indicible"), "{reading}");
        }
        let mut back = world.open(live, "?after=3&since=0").await;
        assert_eq!(back.next("deleted").await["seqs"], json!([2]));
        let mut late = world.open(live, "").await;
        let seen = late.messages_upto(3).await;
        assert_eq!((seqs(&seen), &seen[1]["content"]), (vec![1, 2, 3], &"".into()));
        if !restarted {
            world.restart().await;
        }
    }
}

#[tokio::test]
async fn a_search_finds_a_word_by_its_stem_and_quoted_words_as_they_stand() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let live = world.live(&ada, "public").await;
    for content in
        ["les chansons de Thiès", "une CHANSON à Thies", "elle chante bien", "bien elle chante", "Diop"]
    {
        world.say(live, &ada, content).await;
    }
    let found = async |words: &str| {
        let path = format!("/api/posts/live/{live}/chat/?q={words}");
        seqs(world.read(&path).await.as_array().unwrap())
    };
    assert_eq!(found("chanson").await, [2, 1]);
    assert_eq!(found("chansons%20thi%C3%A8s").await, [2, 1]);
    assert_eq!(found("%22chansons%22").await, [1]);
    assert_eq!(found("%22elle%20chante%22").await, [4, 3]);
    assert_eq!(found("%22bien%20elle%22").await, [4]);
    assert_eq!(found("chan*").await, [4, 3, 2, 1]);
    assert_eq!(found("diop").await, [5]);
}
