//! A live is kept for so many days after its end, where whoever runs the server says so; then nothing is left of it.

use std::time::Duration;

use promises::{Server, recorded};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn and_then_nothing_is_left_of_it() {
    // Somewhat less than two seconds.
    let mut server = Server::configured(&["--keep-days", "0.00002"], &[]).await;
    let mut author = server.person("Awa").await;
    let old = author.start_live(json!({"title": "Vieux"})).await;
    old.publish(&author.api, &recorded("webm_vp9_opus.webm")).await;
    old.stop(&author.api).await;
    let running = author.start_live(json!({"title": "En cours"})).await;
    old.shown(&author.api).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    server.terminate().await;
    server.restart().await;
    author.follow(&server);
    let folder = server.data().join(format!("lives/{}", old.id));
    let since = std::time::Instant::now();
    while author.api.get(&old.path("")).await.status != 404 || folder.exists() {
        assert!(since.elapsed() < Duration::from_secs(10), "it is still there");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    author.api.get(&running.path("")).await.must_be(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_may_have_a_rule_of_its_own_within_what_the_operator_lets_its_author() {
    // Somewhat less than two seconds for all, and a day for whoever asks for longer.
    let options = ["--keep-days", "0.00002", "--keep-days-at-most", "1"];
    let mut server = Server::configured(&options, &[]).await;
    let (mut author, mut moderator) = (server.person("Awa").await, server.person("Fatou").await);
    let (status, text) = server.command(&["user", "role", &moderator.email, "moderator", "--yes"]).await;
    assert!(status.success(), "{text}");
    let day = author.start_live(json!({"keep_days": 1})).await;
    let usual = author.start_live(json!({"keep_days": null})).await;
    let for_ever = author.start_live(json!({})).await;
    let again = author.start_live(json!({"keep_days": 0.5})).await;
    assert_eq!(day.shown(&author.api).await["keep_days"], 1);
    assert_eq!(again.shown(&author.api).await["keep_days"], 0.5);
    assert_eq!(for_ever.shown(&author.api).await["keep_days"], serde_json::Value::Null);
    for more in [json!(2), json!(0), json!("forever")] {
        let sentence = author.api.patch(&for_ever.path(""), json!({"keep_days": more})).await.refusal(403);
        assert!(sentence.contains("1 jours au plus"), "{sentence}");
    }
    for wrong in [json!(-1), json!("toujours"), json!(40_000)] {
        let _ = author.api.patch(&for_ever.path(""), json!({"keep_days": wrong})).await.refusal(422);
    }
    let shown = moderator.api.patch(&for_ever.path(""), json!({"keep_days": "forever"})).await.expect(200);
    assert_eq!(shown.json()["keep_days"], 0);
    author.api.patch(&for_ever.path(""), json!({"title": "Gardé"})).await.must_be(200);
    let shown = author.api.patch(&again.path(""), json!({"keep_days": null})).await.expect(200).json();
    assert_eq!(shown["keep_days"], serde_json::Value::Null);
    for live in [&day, &usual, &for_ever, &again] {
        live.stop(&author.api).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    server.terminate().await;
    server.restart().await;
    author.follow(&server);
    moderator.follow(&server);
    for gone in [&usual, &again] {
        promises::within(Duration::from_secs(10), "it is let go", async || {
            author.api.get(&gone.path("")).await.status == 404
        })
        .await;
    }
    day.shown(&author.api).await;
    assert_eq!(for_ever.shown(&moderator.api).await["keep_days"], 0);
}
