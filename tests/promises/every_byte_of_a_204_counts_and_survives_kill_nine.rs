//! `Upload-Offset` is a promise: so many bytes are durable, the unfinished end of a frame too.

use std::time::Duration;

use promises::random::Random;
use promises::{Server, Upload, frames, recorded};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test(flavor = "multi_thread")]
async fn the_publisher_goes_on_where_the_killed_server_stopped() {
    let mut server = Server::start().await;
    let (mut author, live) = server.live().await;
    let bytes = recorded("webm_vp9_opus.webm");
    let mut upload = Upload::create(&author.api, &live).await;
    let mut random = Random::new(11);
    let slices = random.cut(&bytes, 1, 60_000);
    for (number, slice) in slices.iter().enumerate() {
        upload.append(slice).await;
        if number % 7 == 3 {
            server.kill_nine().await;
            server.restart().await;
            author.follow(&server);
            upload.api = author.api.clone();
            assert_eq!(upload.durable().await, upload.offset, "after kill -9 number {}", number / 7);
        }
    }
    live.stop(&author.api).await;
    let replay = live.replay(&author.api, "mp4").await;
    frames::must_equal(&frames::by_our_reader(&bytes), &frames::by_our_reader(&replay.body), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_kept_is_watched_after_kill_nine_without_a_publisher() {
    let mut server = Server::start().await;
    let (mut author, live) = server.live().await;
    let bytes = recorded("mkv_avc1_opus.mkv");
    let half = &bytes[..bytes.len() / 2];
    live.publish(&author.api, half).await;
    let before = live.timeline(&author.api).await;
    server.kill_nine().await;
    server.restart().await;
    author.follow(&server);
    let after = live.timeline(&author.api).await;
    assert_eq!(before["takes"], after["takes"], "the same takes, frame for frame");
    live.stop(&author.api).await;
    let replay = live.replay(&author.api, "mp4").await;
    let sent = frames::by_our_reader(half);
    let kept = frames::by_our_reader(&replay.body);
    for (sent, kept) in sent.iter().zip(&kept) {
        // The last frame is held back until its successor or the end of the upload is known.
        assert!(
            sent.frames.len() - kept.frames.len() <= 1,
            "{} sent, {} kept",
            sent.frames.len(),
            kept.frames.len()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_cut_short_keeps_what_arrived() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let bytes = recorded("webm_vp9_opus.webm");
    let mut upload = Upload::create(&author.api, &live).await;
    upload.append(&bytes[..10_001]).await;

    let mut socket = begin_patch(&server, &author.access, &upload, 500_000).await;
    socket.write_all(&bytes[10_001..75_000]).await.expect("the server reads");
    socket.shutdown().await.expect("the connection is cut");
    // The server closes its side once it has dealt with what arrived.
    let mut answer = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(10), socket.read_to_end(&mut answer)).await;
    assert!(closed.is_ok(), "the server holds on to a connection that was cut");

    assert_eq!(upload.durable().await, 75_000);
    upload.offset = 75_000;
    upload.append(&bytes[75_000..]).await;
    live.stop(&author.api).await;
    let replay = live.replay(&author.api, "mp4").await;
    frames::must_equal(&frames::by_our_reader(&bytes), &frames::by_our_reader(&replay.body), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_request_ends_an_older_one_that_hangs() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let bytes = recorded("webm_vp9_opus.webm");
    let mut upload = Upload::create(&author.api, &live).await;
    let mut hanging = begin_patch(&server, &author.access, &upload, 500_000).await;
    hanging.write_all(&bytes[..30_000]).await.expect("the server reads");

    // Which of the two requests the server sees first is open: a publisher asks again after a conflict.
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    let answer = loop {
        assert!(tokio::time::Instant::now() < deadline, "the upload does not go on");
        let durable = tokio::time::timeout(Duration::from_secs(5), upload.durable()).await;
        upload.offset = durable.expect("HEAD does not wait for a request that hangs");
        assert!(upload.offset <= 30_000);
        let at = usize::try_from(upload.offset).expect("an offset of the test fits");
        let patch = upload.patch_at(upload.offset, &bytes[at..], &[]);
        let answer =
            tokio::time::timeout(Duration::from_secs(10), patch).await.expect("PATCH does not wait either");
        if answer.status != 409 {
            break answer;
        }
    };
    assert_eq!(answer.expect(204).header("upload-offset"), bytes.len().to_string());

    let mut end = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(5), hanging.read_to_end(&mut end)).await;
    assert!(ended.is_ok(), "the older request is still open");
    live.stop(&author.api).await;
    let replay = live.replay(&author.api, "mp4").await;
    frames::must_equal(&frames::by_our_reader(&bytes), &frames::by_our_reader(&replay.body), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn once_all_has_come_the_offset_is_the_length_whatever_the_last_bytes_were_worth() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let bytes = recorded("webm_vp9_opus.webm");
    let cut = &bytes[..bytes.len() - 5];
    let length = cut.len().to_string();
    let mut upload = Upload::create_with(&author.api, &live, &[("Upload-Length", &length)]).await;
    upload.append(cut).await;
    assert_eq!(upload.durable().await, cut.len() as u64);
}

/// A PATCH on a connection of its own, of which only the head was sent.
async fn begin_patch(server: &Server, token: &str, upload: &Upload, length: usize) -> TcpStream {
    let url = upload.api.url(&upload.location);
    let path = url.strip_prefix(server.base()).expect("the upload is the server's").to_owned();
    let mut socket = TcpStream::connect(server.address()).await.expect("the server listens");
    let head = format!(
        "PATCH {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\nTus-Resumable: 1.0.0\r\n\
         Content-Type: application/offset+octet-stream\r\nUpload-Offset: {}\r\nContent-Length: {length}\r\n\r\n",
        server.address(),
        upload.offset,
    );
    socket.write_all(head.as_bytes()).await.expect("the server reads");
    socket
}
