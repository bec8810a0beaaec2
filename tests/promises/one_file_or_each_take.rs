//! A live is offered as one file where one can hold it; where none can, each take is.

use promises::{Server, frames, recorded};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn takes_that_no_file_holds_together_are_offered_one_by_one() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    assert_eq!(live.shown(&author.api).await["replay"], Value::Null, "nothing is durable yet");
    let sources = [recorded("mp4_avc1_kf1s.mp4"), recorded("webm_vp8_opus.webm")];
    live.publish(&author.api, &sources[0]).await;
    let alone = live.shown(&author.api).await;
    assert!(alone["replay"]["mp4"].is_string() && alone["replay"]["webm"].is_null(), "{alone}");
    assert!(alone.get("takes").is_none(), "one file is enough: {alone}");
    live.publish(&author.api, &sources[1]).await;
    let receipt = live.stop(&author.api).await;
    let shown = live.shown(&author.api).await;
    let replay = &shown["replay"];
    assert!(
        replay["mp4"].is_null() && replay["webm"].is_null(),
        "VP8 is in no MP4, H.264 in no WebM: {shown}"
    );
    assert_eq!(receipt["replay_url"], replay["audio"], "media or nothing");
    let takes = shown["takes"].as_array().expect("takes");
    assert_eq!(takes.iter().map(|take| take["take"].clone()).collect::<Vec<_>>(), [json!(1), json!(2)]);
    let listed = author.api.get("/api/posts/live/?mine=true").await.expect(200).json();
    assert_eq!(listed["results"][0]["takes"], shown["takes"], "lists say the same");
    for ((take, source), container) in takes.iter().zip(&sources).zip(["mp4", "webm"]) {
        let url = take["replay"][container].as_str().expect("an address");
        let other = if container == "mp4" { "webm" } else { "mp4" };
        assert!(take["replay"][other].is_null(), "{take}");
        let file = author.api.get(&url[url.find("/api/").expect("a path")..]).await.expect(200);
        frames::must_equal(&frames::by_our_reader(source), &frames::by_our_reader(&file.body), 1);
    }
}
