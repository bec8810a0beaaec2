//! What a list shows of recordings stands in the rows of their lives: it is as exact as the live itself says, and a list of
//! fifty after a restart reads no recording.

use promises::people::{Live, Person};
use promises::{Server, recorded};
use serde_json::{Value, json};

/// Lives of a page.
const LIVES: usize = 50;
/// Bytes read by the process for one list at most. Half a recording of this test.
const READ: u64 = 400_000;

async fn listed(server: &Server) -> Vec<Value> {
    let page =
        server.anonymous().get(&format!("/api/posts/live/?page_size={LIVES}")).await.expect(200).json();
    assert_eq!(page["count"], LIVES);
    page["results"].as_array().expect("results").clone()
}

async fn ended_live(author: &Person, bytes: &[u8]) -> Live {
    let live = author.start_live(json!({})).await;
    live.publish(&author.api, bytes).await;
    live.stop(&author.api).await;
    live
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_fifty_after_a_restart_reads_none_and_shows_what_each_live_says() {
    let mut server = Server::start().await;
    let author = server.person("Awa").await;
    let bytes = recorded("webm_vp9_opus.webm");
    for _ in 0..LIVES {
        ended_live(&author, &bytes).await;
    }
    server.terminate().await;
    server.restart().await;
    let before = server.bytes_read();
    let results = listed(&server).await;
    let read = server.bytes_read() - before;
    assert!(read < READ, "{read} bytes were read for a list of {LIVES}");
    assert!(results.iter().all(|live| live["saved_ms"].as_u64() > Some(1_000)), "{:?}", results[0]);
    for live in [&results[0], &results[LIVES - 1]] {
        let path = format!("/api/posts/live/{}/", live["id"]);
        assert_eq!(server.anonymous().get(&path).await.expect(200).json(), *live, "a list says the same");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_a_kept_directory_shows_what_is_recorded_after_a_kill() {
    let mut server = Server::start().await;
    let author = server.person("Awa").await;
    let bytes = recorded("webm_vp9_opus.webm");
    let live = ended_live(&author, &bytes).await;
    let shown = live.shown(&author.api).await;
    server.kill_nine().await;
    server.restart().await;
    let page = server.anonymous().get("/api/posts/live/").await.expect(200).json();
    assert_eq!(page["results"][0]["saved_ms"], shown["saved_ms"], "kept before the stop was answered");
}
