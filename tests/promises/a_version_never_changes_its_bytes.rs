//! For one `v` the bytes and the strong ETag stay the same until the live is deleted, whatever comes later.

use promises::{Api, Live, Server, Upload, blobs};

async fn address(api: &Api, live: &Live) -> String {
    let shown = live.shown(api).await;
    let url = shown["replay"]["mp4"].as_str().unwrap_or_else(|| panic!("no replay in {shown}"));
    assert!(url.contains("v="), "{url}");
    url.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_live_grows_ends_and_the_server_restarts() {
    let mut server = Server::start().await;
    let (mut author, live) = server.live().await;
    let blobs = blobs("webm_vp9_opus.webm");
    let mut upload = Upload::create(&author.api, &live).await;
    let mut versions = Vec::new();
    for (number, blob) in blobs.iter().enumerate() {
        upload.append(blob).await;
        if number % 6 == 4 {
            let url = address(&author.api, &live).await;
            let answer = author.api.get(&url).await.expect(200);
            versions.push((url, answer.header("etag").to_owned(), answer.body));
        }
    }
    assert!(versions.len() >= 3);
    live.stop(&author.api).await;
    server.kill_nine().await;
    server.restart().await;
    author.follow(&server);
    for (url, etag, body) in &versions {
        let again = author.api.get(url).await.expect(200);
        assert_eq!(again.header("etag"), etag, "{url}");
        assert!(again.body == *body, "{url}: {} bytes now, {} then", again.body.len(), body.len());
        let middle = body.len() / 2;
        let part = author.api.get_range(url, &format!("{middle}-")).await.expect(206);
        assert!(part.body == body[middle..], "a download of {url} is resumed");
    }
    let sizes: Vec<usize> = versions.iter().map(|(_, _, body)| body.len()).collect();
    assert!(sizes.is_sorted() && sizes.first() < sizes.last(), "later versions hold more: {sizes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_version_the_newest_is_given_and_named() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let blobs = blobs("webm_vp9_opus.webm");
    let mut upload = Upload::create(&author.api, &live).await;
    for blob in &blobs[..8] {
        upload.append(blob).await;
    }
    let early = live.replay(&author.api, "mp4").await;
    assert!(early.header("cache-control").contains("no-cache"), "{}", early.header("cache-control"));
    let named = early.header("content-location").to_owned();
    assert!(named.contains("v="), "{named}");
    for blob in &blobs[8..] {
        upload.append(blob).await;
    }
    let late = live.replay(&author.api, "mp4").await;
    assert!(late.body.len() > early.body.len());
    assert_ne!(late.header("etag"), early.header("etag"));
    let again = author.api.get(&named).await.expect(200);
    assert!(again.body == early.body, "{named} is what was given then");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_gone_with_the_live() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let mut upload = Upload::create(&author.api, &live).await;
    for blob in &blobs("webm_vp9_opus.webm")[..8] {
        upload.append(blob).await;
    }
    let url = address(&author.api, &live).await;
    author.api.get(&url).await.must_be(200);
    author.api.delete(&live.path("")).await.must_be(204);
    author.api.get(&url).await.must_be(404);
    author.api.get(&live.path("replay.mp4")).await.must_be(404);
}
