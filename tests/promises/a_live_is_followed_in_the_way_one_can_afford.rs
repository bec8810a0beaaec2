//! Each way of following a live says what it costs, and costs that: picture and sound, keyframes with the sound, the sound
//! alone, the conversation.

use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use promises::talk::Talk;
use promises::{Server, Upload, blobs, frames, recorded, tools};
use reqwest::header::ACCEPT_ENCODING;
use serde_json::json;

/// The slides that a recording has, in milliseconds from its first keyframe: that one, then the first at least 5 s later.
fn slides(name: &str) -> Vec<i64> {
    let frames = frames::by_our_reader(&recorded(name));
    let keys = frames[0].frames.iter().filter(|frame| frame.key).map(|frame| frame.ms);
    keys.fold(Vec::new(), |mut slides, ms| {
        if slides.last().is_none_or(|last| ms - last >= 5_000) {
            slides.push(ms);
        }
        slides
    })
}

/// When each packet of a track of a file is shown, in milliseconds, and whether it is a keyframe.
async fn shown(file: &Path, kind: &str) -> Vec<(i64, bool)> {
    let packets = tools::packets(file).await.into_iter().filter(|packet| packet.kind == kind);
    packets.map(|packet| (packet.pts_ms.round() as i64, packet.key)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_costs_what_it_says() {
    for (name, file, sound) in [
        ("webm_vp9_opus.webm", "replay.mp4", "audio.m4a"),
        ("webm_vp8_opus.webm", "replay.webm", "audio.m4a"),
        ("mkv_avc1_opus.mkv", "replay.mp4", "audio.m4a"),
    ] {
        let server = Server::start().await;
        let (author, live) = server.live().await;
        live.publish(&author.api, &recorded(name)).await;
        for number in 0..40 {
            let content = format!("Bonsoir à tous, message numéro {number} de ce soir");
            author.api.post(&live.path("chat/"), json!({"content": content})).await.must_be(201);
        }
        let running = live.shown(&author.api).await["cost"].clone();
        live.stop(&author.api).await;
        let cost = live.shown(&author.api).await["cost"].clone();
        let len = async |path: String| author.api.get(&live.path(&path)).await.expect(200).body.len() as u64;
        let ways = [
            ("video", len(file.to_owned()).await),
            ("slides", len(format!("{file}?video=slides")).await),
            ("audio", len(sound.to_owned()).await),
        ];
        for (way, bytes) in ways {
            assert_eq!(cost[way], bytes, "{name}: {way}");
            let about = running[way].as_u64().unwrap_or_else(|| panic!("{name}: no {way} in {running}"));
            assert!(
                about.abs_diff(bytes) * 10 <= bytes,
                "{name}: {way} was said to be {about}, it is {bytes}"
            );
        }
        // As it goes over the network, not as a client unpacks it.
        let history = reqwest::Client::new().get(author.api.url(&live.path("chat/messages/")));
        let history = history.header(ACCEPT_ENCODING, "gzip").send().await.expect("the history");
        assert_eq!(history.headers()["content-encoding"], "gzip");
        let history = history.bytes().await.expect("the history");
        let (said, sent) = (cost["chat"].as_u64().expect("chat"), history.len() as u64);
        assert!(
            said.abs_diff(sent) * 10 <= sent,
            "{name}: the conversation was said to be {said}, it is {sent}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_that_is_not_there_costs_null() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let cost = live.shown(&author.api).await["cost"].clone();
    assert!(cost["video"].is_null() && cost["slides"].is_null() && cost["audio"].is_null(), "{cost}");
    live.publish(&author.api, &recorded("audio_webm_opus.webm")).await;
    live.stop(&author.api).await;
    let cost = live.shown(&author.api).await["cost"].clone();
    assert!(cost["video"].is_null() && cost["slides"].is_null() && cost["audio"].is_u64(), "{cost}");
}

#[tokio::test(flavor = "multi_thread")]
async fn slides_are_keyframes_five_seconds_apart_with_the_whole_sound() {
    for (name, ending) in
        [("webm_vp9_opus.webm", "mp4"), ("webm_vp8_opus.webm", "webm"), ("mkv_avc1_opus.mkv", "mp4")]
    {
        let server = Server::start().await;
        let (author, live) = server.live().await;
        live.publish(&author.api, &recorded(name)).await;
        live.stop(&author.api).await;
        let whole = live.replay(&author.api, ending).await.expect(200);
        let answer = author.api.get(&live.path(&format!("replay.{ending}?video=slides"))).await.expect(200);
        assert!(answer.header("content-location").contains("video=slides"));
        assert_ne!(answer.header("etag"), whole.header("etag"), "other bytes have another name");
        let again = author.api.get(answer.header("content-location")).await.expect(200);
        assert_eq!(again.body, answer.body);
        let directory = tempfile::tempdir().expect("a temporary directory");
        let (file, other) = (directory.path().join("slides"), directory.path().join("whole"));
        std::fs::write(&file, &answer.body).expect("written");
        std::fs::write(&other, &whole.body).expect("written");
        tools::decode(file.to_str().expect("text")).await;
        let pictures = shown(&file, "video").await;
        assert!(pictures.iter().all(|(_, key)| *key), "{name}: {pictures:?}");
        let expected = slides(name);
        let times: Vec<i64> = pictures.iter().map(|(ms, _)| ms - pictures[0].0 + expected[0]).collect();
        assert_eq!(times.len(), expected.len(), "{name}: {times:?}, {expected:?}");
        assert!(
            times.iter().zip(&expected).all(|(got, ms)| got.abs_diff(*ms) <= 1),
            "{name}: {times:?}, {expected:?}"
        );
        assert_eq!(shown(&file, "audio").await, shown(&other, "audio").await, "{name}: the whole sound");
        let refused = author.api.get(&live.path(&format!("replay.{ending}?video=AAA"))).await;
        let _ = refused.refusal(400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_of_slides_is_followed_while_it_comes() {
    for (name, ending) in [("webm_vp9_opus.webm", "mp4"), ("webm_vp8_opus.webm", "webm")] {
        let server = Server::start().await;
        let (author, live) = server.live().await;
        let mut upload = Upload::create(&author.api, &live).await;
        let blobs = blobs(name);
        let (first, rest) = blobs.split_at(blobs.len() / 3);
        for blob in first {
            upload.append(blob).await;
        }
        let answer = author.api.open(&live.path(&format!("tail.{ending}?from_ms=0&video=slides"))).await;
        assert_eq!(answer.status(), 200);
        let reading = tokio::spawn(async move {
            let mut stream = answer.bytes_stream();
            let mut all = Vec::new();
            while let Some(piece) = stream.next().await {
                all.extend_from_slice(&piece.expect("readable"));
            }
            all
        });
        for blob in rest {
            upload.append(blob).await;
        }
        live.stop(&author.api).await;
        let all =
            tokio::time::timeout(Duration::from_secs(10), reading).await.expect("it ends").expect("read");
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = directory.path().join("tail");
        std::fs::write(&file, &all).expect("written");
        tools::decode(file.to_str().expect("text")).await;
        let pictures = shown(&file, "video").await;
        assert_eq!(pictures.len(), slides(name).len(), "{name}: {pictures:?}");
        let sound = frames::by_our_reader(&recorded(name))[1].frames.len();
        assert!(shown(&file, "audio").await.len().abs_diff(sound) <= 1, "{name}: the whole sound");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_watched_ten_seconds_is_counted_once() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let bytes = recorded("webm_vp9_opus.webm");
    let _upload = live.publish(&author.api, &bytes[..bytes.len() / 2]).await;
    let member = server.person("Modou").await;
    let (mut one, mut two) = (Talk::open(&server, &live, "").await, Talk::open(&server, &live, "").await);
    one.authenticate(&member).await;
    two.authenticate(&member).await;
    let _anonymous = server.anonymous().open(&live.path("tail.mp4")).await;
    let short = server.anonymous().open(&live.path("tail.mp4")).await;
    assert_eq!(live.shown(&author.api).await["viewers_total"], 0);
    drop(short);
    let since = Instant::now();
    while live.shown(&author.api).await["viewers_total"].as_u64() < Some(2) {
        assert!(
            since.elapsed() < Duration::from_secs(20),
            "a member and somebody without a name have watched"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(since.elapsed() > Duration::from_secs(8), "they are counted after ten seconds");
    drop((one, two));
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(live.shown(&author.api).await["viewers_total"], 2, "each once");
}
