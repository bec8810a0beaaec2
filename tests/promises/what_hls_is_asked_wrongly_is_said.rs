//! HLS gives to whoever may watch, for as long as they may, with what caches must know; and what is asked wrongly gets its
//! status and a sentence, at once or when it was waited for long enough.

use std::time::{Duration, Instant};

use promises::{Api, Live, Server, Upload, blobs, hls, recorded};
use serde_json::json;

/// What a live that runs is waited for: three target durations.
const HOLD: Duration = Duration::from_secs(18);

async fn running(author: &Api, live: &Live) -> Upload {
    let mut upload = Upload::create(author, live).await;
    let blobs = blobs("webm_vp9_opus.webm");
    for blob in &blobs[..blobs.len() / 2] {
        upload.append(blob).await;
    }
    upload
}

async fn playlist(api: &Api, address: &str) -> hls::Playlist {
    hls::read(&api.get(address).await.expect(200).whole_text()).expect("a playlist")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_future_and_what_never_was() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let _upload = running(&author.api, &live).await;
    let anonymous = server.anonymous();
    let newest = playlist(&anonymous, &live.path("hls/video.m3u8")).await;
    let growing = newest.segments.len();
    let at_once = Instant::now();
    for question in [
        format!("_HLS_msn={}", growing + 2),
        format!("_HLS_msn={}&_HLS_part=0", growing + 2),
        format!("_HLS_msn={growing}&_HLS_part=500"),
        "_HLS_msn=18446744073709551615&_HLS_part=18446744073709551615".to_owned(),
        "_HLS_msn=99999999999999999999999".to_owned(),
        "_HLS_msn=-1".to_owned(),
        "_HLS_skip=AAA".to_owned(),
        "_HLS_msn=0&_HLS_part=-1".to_owned(),
        "_HLS_msn=1.5".to_owned(),
        "_HLS_msn=".to_owned(),
        "_HLS_part=0".to_owned(),
    ] {
        let _ = anonymous.get(&live.path(&format!("hls/video.m3u8?{question}"))).await.refusal(400);
    }
    let segment = newest.segments[0].uri.clone();
    let (place, _) = segment.rsplit_once(".m4s").expect("a segment");
    for file in [
        format!("{place}.999.m4s"),
        format!("{place}.-1.m4s"),
        format!("{place}.4294967296.m4s"),
        format!("{place}e0.m4s"),
        format!("{place}e99999999.m4s"),
        segment.replace("video/1/", "video/2/"),
        segment.replace("video/1/", "video/-1/"),
        segment.replace("video/1/", "video/99999999999999999999/"),
        segment.replace("video/1/", "words/1/"),
        segment.replace("/0-", "/-5-"),
        segment.replace("/0-", "/999999999999999-"),
        "video/1/0-4000000000.0.m4s".to_owned(),
        "video/1/init.mp4x".to_owned(),
        "video/1/..%2f..%2finit.mp4".to_owned(),
        "video/2/init.mp4".to_owned(),
        "video/1/0-0.0.m4s.m4s".to_owned(),
    ] {
        let _ = anonymous.get(&live.path(&format!("hls/{file}"))).await.refusal(404);
    }
    assert!(at_once.elapsed() < Duration::from_secs(5), "nothing of this is waited for");
    for file in ["index.m3u8", "video.m3u8", &segment] {
        let _ = anonymous.get(&format!("/api/posts/live/999999/hls/{file}")).await.refusal(404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_come_is_waited_for_and_then_said() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let _upload = running(&author.api, &live).await;
    let anonymous = server.anonymous();
    let newest = playlist(&anonymous, &live.path("hls/video.m3u8")).await;
    // The last frames of who sends nothing for a while make a part of their own.
    let hint = newest.hint.expect("a part is hinted at");
    anonymous.get(&live.path(&format!("hls/{hint}"))).await.must_be(200);
    let newest = playlist(&anonymous, &live.path("hls/video.m3u8")).await;
    let growing = newest.segments.len();
    let hint = newest.hint.expect("a part is hinted at");
    let questions = [
        format!("video.m3u8?_HLS_msn={}&_HLS_part=0", growing + 1),
        format!("video.m3u8?_HLS_msn={growing}"),
        hint,
    ];
    let began = Instant::now();
    let asking = questions.map(|question| {
        let (api, path) = (anonymous.clone(), live.path(&format!("hls/{question}")));
        tokio::spawn(async move { api.get(&path).await.refusal(503) })
    });
    for asked in asking {
        let _ = asked.await.expect("an answer");
    }
    let held = began.elapsed();
    assert!((HOLD..HOLD + Duration::from_secs(4)).contains(&held), "held for {held:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hinted_part_comes_when_it_is_there() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let mut upload = running(&author.api, &live).await;
    let newest = playlist(&author.api, &live.path("hls/video.m3u8")).await;
    let hint = live.path(&format!("hls/{}", newest.hint.expect("a part is hinted at")));
    let api = author.api.clone();
    let coming = tokio::spawn(async move { api.get(&hint).await.expect(200) });
    let blobs = blobs("webm_vp9_opus.webm");
    for blob in &blobs[blobs.len() / 2..] {
        upload.append(blob).await;
    }
    let came = coming.await.expect("it comes");
    assert!(came.body.len() > 100, "{} bytes", came.body.len());
    let later = playlist(&author.api, &live.path("hls/video.m3u8")).await;
    assert!(later.segments.len() > newest.segments.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn caches_are_told_how_long_and_ranges_are_answered() {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    for (visibility, shared) in [("public", "public"), ("members", "private")] {
        let live = author.start_live(json!({"visibility": visibility})).await;
        running(&author.api, &live).await;
        let index = author.api.get(&live.path("hls/index.m3u8")).await.expect(200);
        assert_eq!(index.header("content-type"), "application/vnd.apple.mpegurl");
        let asked = author.api.get(&live.path("hls/video.m3u8?_HLS_msn=0&_HLS_part=0")).await.expect(200);
        let newest = playlist(&author.api, &live.path("hls/video.m3u8")).await;
        let segment =
            author.api.get(&live.path(&format!("hls/{}", newest.segments[0].uri))).await.expect(200);
        assert_eq!(segment.header("content-type"), "video/mp4");
        for answer in [&index, &asked, &segment] {
            let caching = answer.header("cache-control");
            assert!(caching.starts_with(shared), "{}: {caching}", answer.what);
            let shared_s = caching.split(", ").find_map(|word| word.strip_prefix("s-maxage="));
            let shared_s = shared_s.or(caching.split(", ").find_map(|word| word.strip_prefix("max-age=")));
            let is_short = shared_s.is_none_or(|seconds| seconds.parse::<u32>().expect("a number") <= 60);
            assert!(shared == "private" || is_short, "{}: {caching}", answer.what);
        }
        assert!(segment.header("cache-control").ends_with("immutable"));
        let path = live.path(&format!("hls/{}", newest.segments[0].uri));
        let range = author.api.get_range(&path, "10-19").await.expect(206);
        assert_eq!(range.body[..], segment.body[10..20]);
        let head = author.api.head(&path).await.expect(200);
        assert_eq!(head.header("content-length"), segment.body.len().to_string());
        let request = author.api.request(reqwest::Method::GET, &path);
        let known = request.header("If-None-Match", segment.header("etag"));
        author.api.send(known).await.must_be(304);
        let _ = author.api.get_range(&path, "99999999-").await.refusal(416);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_that_is_not_public_is_watched_by_its_token_and_by_no_other() {
    let server = Server::start().await;
    let (author, member) = (server.person("Awa").await, server.person("Modou").await);
    let anonymous = server.anonymous();
    let mut tokens = Vec::new();
    for visibility in ["members", "unlisted"] {
        let live = author.start_live(json!({"visibility": visibility})).await;
        live.publish(&author.api, &recorded("webm_vp9_opus.webm")).await;
        let address = live.shown(&author.api).await["hls_url"].as_str().expect("hls_url").to_owned();
        let (_, token) = address.split_once("?token=").unwrap_or_else(|| panic!("no token in {address}"));
        tokens.push((live.clone(), token.to_owned()));
        let index = anonymous.get(&address).await.expect(200).whole_text();
        let video = format!("video.m3u8?token={token}");
        assert!(index.contains(&video), "the same token, and no newer one: {index}");
        let playlist = playlist(&anonymous, &live.path(&format!("hls/{video}"))).await;
        let mut named: Vec<&String> = playlist.segments.iter().map(|segment| &segment.uri).collect();
        named.extend(playlist.segments.iter().filter_map(|segment| segment.map.as_ref()));
        named.extend(playlist.open.parts.iter().map(|part| &part.uri));
        for uri in named {
            assert!(uri.ends_with(&format!("?token={token}")), "{uri}");
            anonymous.get(&live.path(&format!("hls/{uri}"))).await.must_be(200);
            let bare = uri.split_once('?').expect("a token").0;
            let _ = anonymous.get(&live.path(&format!("hls/{bare}"))).await.refusal(404);
        }
        let _ = anonymous.get(&live.path("hls/index.m3u8")).await.refusal(404);
    }
    member.api.get(&tokens[0].0.path("hls/index.m3u8")).await.must_be(200);
    let _ = member.api.get(&tokens[1].0.path("hls/index.m3u8")).await.refusal(404);
    for (mine, other) in [(0, 1), (1, 0)] {
        let crossed = tokens[mine].0.path(&format!("hls/index.m3u8?token={}", tokens[other].1));
        let _ = anonymous.get(&crossed).await.refusal(404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_is_gone_for_who_waits_as_well() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let _upload = running(&author.api, &live).await;
    let anonymous = server.anonymous();
    let newest = playlist(&anonymous, &live.path("hls/video.m3u8")).await;
    let path = live.path(&format!("hls/video.m3u8?_HLS_msn={}&_HLS_part=0", newest.segments.len() + 1));
    let api = anonymous.clone();
    let waiting = tokio::spawn(async move { api.get(&path).await });
    // The one who waits was heard before the deletion, or is told of it at once: both are 404.
    author.api.delete(&live.path("")).await.must_be(204);
    let ended = tokio::time::timeout(Duration::from_secs(2), waiting).await.expect("in time");
    let _ = ended.expect("an answer").refusal(404);
    for file in ["index.m3u8", "video.m3u8", &newest.segments[0].uri, "video/1/init.mp4"] {
        let _ = anonymous.get(&live.path(&format!("hls/{file}"))).await.refusal(404);
    }
}
