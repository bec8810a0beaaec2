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
