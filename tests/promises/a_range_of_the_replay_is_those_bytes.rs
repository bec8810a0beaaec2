//! Range, If-Range and HEAD on the replay, during the live too.

use promises::random::Random;
use promises::{Api, Live, Person, Server, recorded};
use reqwest::Method;

async fn kept(server: &Server) -> (Person, Live) {
    let (author, live) = server.live().await;
    live.publish(&author.api, &recorded("webm_vp9_opus.webm")).await;
    live.stop(&author.api).await;
    (author, live)
}

async fn ranges_agree(api: &Api, path: &str) {
    let whole = api.get(path).await.expect(200);
    let size = whole.body.len();
    assert_eq!(whole.header("accept-ranges"), "bytes");
    assert_eq!(whole.header("content-length"), size.to_string());
    let etag = whole.header("etag").to_owned();
    assert!(etag.starts_with('"') && etag.len() > 4, "a strong ETag: {etag}");
    let mut random = Random::new(3);
    let mut ranges = vec![(0, 0), (0, size - 1), (size - 1, size - 1), (0, 1), (1, 2)];
    for _ in 0..60 {
        let first = random.between(0, size - 1);
        ranges.push((first, random.between(first, (first + 70_000).min(size - 1))));
    }
    for (first, last) in ranges {
        let part = api.get_range(path, &format!("{first}-{last}")).await.expect(206);
        assert_eq!(part.header("content-range"), format!("bytes {first}-{last}/{size}"));
        assert_eq!(part.header("content-length"), (last - first + 1).to_string());
        assert_eq!(part.header("etag"), etag);
        assert!(part.body == whole.body[first..=last], "{path}: bytes {first}-{last}");
    }
    let open = api.get_range(path, &format!("{}-", size - 1000)).await.expect(206);
    assert!(open.body == whole.body[size - 1000..]);
    let suffix = api.get_range(path, "-777").await.expect(206);
    assert!(suffix.body == whole.body[size - 777..]);
    let long = api.get_range(path, &format!("{}-{}", size - 10, size + 10_000)).await.expect(206);
    assert!(long.body == whole.body[size - 10..]);
    let beyond = api.get_range(path, &format!("{size}-")).await.expect(416);
    assert_eq!(beyond.header("content-range"), format!("bytes */{size}"));
    for nonsense in ["x-y", "5-2", "-"] {
        let answer = api.get_range(path, nonsense).await;
        assert!(matches!(answer.status, 200 | 416), "Range: bytes={nonsense} gave {}", answer.status);
    }
    let head = api.head(path).await.expect(200);
    assert_eq!(head.header("content-length"), size.to_string());
    assert_eq!(head.header("etag"), etag);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_the_mp4() {
    let server = Server::start().await;
    let (author, live) = kept(&server).await;
    ranges_agree(&author.api, &live.path("replay.mp4")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_the_webm() {
    let server = Server::start().await;
    let (author, live) = kept(&server).await;
    ranges_agree(&author.api, &live.path("replay.webm")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_the_sound() {
    let server = Server::start().await;
    let (author, live) = kept(&server).await;
    ranges_agree(&author.api, &live.path("audio.m4a")).await;
    ranges_agree(&author.api, &live.path("audio.webm")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn if_range_and_if_none_match() {
    let server = Server::start().await;
    let (author, live) = kept(&server).await;
    let path = live.path("replay.mp4");
    let whole = author.api.get(&path).await.expect(200);
    let etag = whole.header("etag").to_owned();
    let ranged = |value: &str| {
        let request = author.api.request(Method::GET, &path);
        author.api.send(request.header("Range", "bytes=10-19").header("If-Range", value.to_owned()))
    };
    assert!(ranged(&etag).await.expect(206).body == whole.body[10..20]);
    let stale = ranged("\"another\"").await.expect(200);
    assert_eq!(stale.body.len(), whole.body.len());
    let request = author.api.request(Method::GET, &path).header("If-None-Match", &etag);
    let unchanged = author.api.send(request).await.expect(304);
    assert!(unchanged.body.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_has_a_name() {
    let server = Server::start().await;
    let (author, live) = kept(&server).await;
    let answer = author.api.head(&live.path("replay.mp4?download=1")).await.expect(200);
    let disposition = answer.header("content-disposition");
    assert!(disposition.starts_with("attachment") && disposition.contains(".mp4"), "{disposition}");
    assert_eq!(answer.header("content-type"), "video/mp4");
}
