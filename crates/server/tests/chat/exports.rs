//! The conversation as files.

use serde_json::{Value, json};

use crate::world::World;

#[tokio::test]
async fn a_conversation_is_exported_as_json_csv_and_vtt() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let live = world.live(&ada, "public").await;
    for (content, ms) in [("second <b>", 2_000), ("premier, \"dit\"", 500), ("effacé", 700)] {
        world.post(live, &ada, json!({"content": content, "position": {"take": 1, "ms": ms}})).await;
    }
    let gone = world.read(&format!("/api/posts/live/{live}/chat/")).await[2]["id"].clone();
    let path = format!("/api/posts/live/{live}/chat/{gone}/");
    assert_eq!(world.send(reqwest::Method::DELETE, &path, Some(&ada), Value::Null).await.status(), 204);

    let export = async |format: &str| {
        world.get(&format!("/api/posts/live/{live}/chat/export/?format={format}"), None).await
    };
    let json = export("json").await;
    assert!(json.headers()["content-disposition"].to_str().unwrap().contains(".json"));
    let messages: Vec<Value> = json.json().await.unwrap();
    assert_eq!((messages.len(), &messages[2]["content"]), (3, &"".into()));

    let csv = export("csv").await;
    assert!(csv.headers()["content-type"].to_str().unwrap().starts_with("text/csv"));
    let csv = csv.text().await.unwrap();
    assert_eq!(csv.lines().count(), 3, "{csv}");
    assert!(csv.contains("\"premier, \"\"dit\"\"\""));

    let vtt = export("vtt").await;
    assert!(vtt.headers()["content-type"].to_str().unwrap().starts_with("text/vtt"));
    let vtt = vtt.text().await.unwrap();
    assert!(vtt.starts_with("WEBVTT\n\n2\n00:00:00.500 --> "), "{vtt}");
    assert!(vtt.contains("<v ada Ndiaye>second &lt;b&gt;</v>") && !vtt.contains("effacé"));
    assert_eq!(export("pdf").await.status(), 400);
}

#[tokio::test]
async fn an_empty_conversation_is_exported_too() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let live = world.live(&ada, "public").await;
    let export = async |format: &str| {
        world
            .get(&format!("/api/posts/live/{live}/chat/export/?format={format}"), None)
            .await
            .text()
            .await
            .unwrap()
    };
    assert_eq!(export("json").await, "[]");
    assert_eq!(export("csv").await.lines().count(), 1);
    assert_eq!(export("vtt").await, "WEBVTT\n\n");
}
