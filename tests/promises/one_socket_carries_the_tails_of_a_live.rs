//! A page that watches needs no endless request: one WebSocket carries the tails of both tracks, take after take, and what
//! comes is what the tails give.

use std::time::{Duration, Instant};

use promises::carried::{Came, Carried, CarriedTake};
use promises::{Api, Live, Server, Upload, blobs, recorded};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

/// Viewers who open it and read nothing.
const SLEEPERS: usize = 100;
/// Memory that one of them may cost.
const MEMORY_EACH: u64 = 512 * 1024;
/// What may be on its way to who does not say what was taken: 4 MiB, and a fragment.
const ON_THE_WAY: u64 = 5 << 20;
/// A right that ended is noticed by then.
const NOTICED: Duration = Duration::from_secs(2);

/// Holds each track of a take against the tail of it.
async fn must_be_its_tails(api: &Api, live: &Live, take: &CarriedTake) {
    let tracks = take.told["tracks"].as_array().expect("tracks");
    assert!(!tracks.is_empty());
    for track in tracks {
        let kind = track["kind"].as_str().expect("a kind");
        let mime = track["mime"].as_str().expect("a type");
        let container = if mime.starts_with(&format!("{kind}/webm;")) { "webm" } else { "mp4" };
        let path = format!(
            "tail.{container}?track={kind}&take={}&from_ms={}",
            take.told["take"], track["position_ms"]
        );
        let tail = api.get(&live.path(&path)).await.expect(200);
        assert_eq!(tail.header("live-position-ms"), track["position_ms"].to_string(), "{path}");
        let carried = &take.tracks[if kind == "video" { &1 } else { &2 }];
        assert!(carried == &tail.body, "{path}: {} bytes, carried {}", tail.body.len(), carried.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn byte_for_byte_and_take_after_take() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let mut early = Carried::open(&server, &live, "").await;
    let mut upload = Upload::create(&author.api, &live).await;
    for blob in blobs("webm_vp8_opus.webm") {
        upload.append(&blob).await;
    }
    let mut late = Carried::open(&server, &live, "?from_ms=0").await;
    for name in ["audio_webm_opus.webm", "made/gst_vp9_opus.webm"] {
        upload.append(&recorded(name)).await;
    }
    let following = tokio::spawn(async move { (early.whole().await, late.whole().await) });
    live.stop(&author.api).await;
    let (early, late) = following.await.expect("both come to the end");
    for takes in [&early, &late] {
        assert_eq!(takes.len(), 3);
        let tracks: Vec<_> = takes.iter().map(|take| take.tracks.len()).collect();
        assert_eq!(tracks, [2, 1, 2], "sound alone is a take of one track");
        for take in takes {
            must_be_its_tails(&author.api, &live, take).await;
        }
    }
    // Of a live that has ended it is the same.
    let replayed = Carried::open(&server, &live, "?from_ms=0").await.whole().await;
    assert_eq!(replayed.len(), 3);
    for (take, again) in late.iter().zip(&replayed) {
        assert!(take.told == again.told && take.tracks == again.tracks);
    }
    let sound = Carried::open(&server, &live, "?from_ms=0&track=audio").await.whole().await;
    assert!(sound.iter().all(|take| take.tracks.keys().eq([&2])));
    assert!(sound[0].told["tracks"][0]["position_ms"].is_null(), "a track that was not asked for is named");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_viewer_begins_at_the_newest_keyframe_with_the_sound_beside_it() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    live.publish(&author.api, &recorded("webm_vp9_opus.webm")).await;
    let mut carried = Carried::open(&server, &live, "").await;
    let Came::Told(told) = carried.next().await else { panic!("a take is told first") };
    let answer = author.api.open(&live.path("tail.mp4?track=video")).await;
    let newest = answer.headers()["live-position-ms"].to_str().expect("text").to_owned();
    let [video, audio] = [0, 1].map(|at| told["tracks"][at]["position_ms"].as_i64().expect("a place"));
    assert_eq!(video.to_string(), newest);
    assert!((video - 1_500..=video).contains(&audio), "{audio} beside {video}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_say_what_was_taken_is_sent_no_more() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let all: Vec<u8> = std::iter::repeat_n(recorded("webm_vp8_opus.webm"), 7).flatten().collect();
    live.publish(&author.api, &all).await;
    let mut carried = Carried::open(&server, &live, "?from_ms=0").await;
    while let Some(came) = carried.next_within(Duration::from_secs(2)).await {
        assert!(!matches!(came, Came::Closed(_)), "{came:?}");
        assert!(carried.came < ON_THE_WAY, "{} bytes came", carried.came);
    }
    let waited_at = carried.came;
    assert!(waited_at > 3 << 20);
    carried.take().await;
    live.stop(&author.api).await;
    while carried.end_or_take().await {}
    assert!(carried.came > waited_at + (1 << 20), "it went on, to {}", carried.came);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_that_sleep_cost_nobody_anything() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let blobs = blobs("webm_vp9_opus.webm");
    let mut upload = Upload::create(&author.api, &live).await;
    for blob in &blobs[..5] {
        upload.append(blob).await;
    }
    let before = server.resident_memory();
    let mut sleepers = Vec::new();
    for _ in 0..SLEEPERS {
        sleepers.push(Carried::open(&server, &live, "?from_ms=0").await);
    }
    let mut awake = Carried::open(&server, &live, "?from_ms=0").await;
    let awake = tokio::spawn(async move { awake.whole().await });
    let mut slowest = Duration::ZERO;
    for blob in &blobs[5..] {
        let begin = Instant::now();
        upload.append(blob).await;
        slowest = slowest.max(begin.elapsed());
    }
    assert!(slowest < Duration::from_secs(2), "an acknowledgement took {slowest:?}");
    let grown = server.resident_memory().saturating_sub(before);
    assert!(grown < SLEEPERS as u64 * MEMORY_EACH, "{grown} bytes for {SLEEPERS} viewers");
    live.stop(&author.api).await;
    let takes = awake.await.expect("the one who reads has it all");
    must_be_its_tails(&author.api, &live, &takes[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_watch_is_refused_and_who_may_no_more_is_told_so() {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let live = author.start_live(json!({"visibility": "members"})).await;
    live.publish(&author.api, &recorded("webm_vp9_opus.webm")).await;
    let bearer = format!("Bearer {}", server.person("Modou").await.access);
    let refused = Carried::ask(&server, &live, "", &[]).await;
    assert_eq!(refused.err(), Some(404), "nobody's");
    let foreign = [("authorization", bearer.as_str()), ("origin", "https://ailleurs.example")];
    assert_eq!(Carried::ask(&server, &live, "", &foreign).await.err(), Some(403), "a page of another site");
    let mut member =
        Carried::ask(&server, &live, "", &[("authorization", &bearer)]).await.expect("a member's");
    let address = live.shown(&author.api).await["tail_url"].as_str().expect("an address").to_owned();
    let (path, query) = address.split_once('?').expect("it carries a token");
    assert_eq!(path, format!("ws://{}{}", server.address(), live.path("tail/ws/")));
    let mut by_address = Carried::open(&server, &live, &format!("?{query}")).await;
    assert!(matches!(member.next().await, Came::Told(_)) && matches!(by_address.next().await, Came::Told(_)));

    let changed =
        author.api.patch(&live.path(""), json!({"visibility": "unlisted"})).await.expect(200).json();
    let begin = Instant::now();
    assert_eq!(member.end().await, Some(4403));
    assert!(begin.elapsed() < NOTICED, "{:?}", begin.elapsed());
    let key = changed["watch_url"].as_str().and_then(|url| url.split_once("key=")).expect("a key").1;
    let mut keyed = Carried::open(&server, &live, &format!("?key={key}")).await;
    author.api.delete(&live.path("")).await.must_be(204);
    assert_eq!(keyed.end().await, Some(4404));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_word_of_a_player_ends_it() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    assert_eq!(Carried::ask(&server, &live, "?take=7", &[]).await.err(), Some(404));
    assert_eq!(Carried::ask(&server, &live, "?track=smell", &[]).await.err(), Some(400));
    live.publish(&author.api, &recorded("webm_vp9_opus.webm")).await;
    let words = [
        (Message::text("{\"type\":\"taken\",\"bytes\":99999999999}"), 1008),
        (Message::text("{\"type\":\"taken\",\"bytes\":-1}"), 1008),
        (Message::text("more"), 1008),
        (Message::binary(vec![1, 2, 3]), 1003),
        (Message::text("x".repeat(4_000)), 1009),
    ];
    for (word, code) in words {
        let mut carried = Carried::open(&server, &live, "").await;
        carried.send(word.clone()).await;
        assert_eq!(carried.end().await, Some(code), "{word:?}");
    }
}
