//! Recording is upstream of viewing: viewers that stop reading cost no frame, no delay and no memory to speak of.

use std::time::{Duration, Instant};

use promises::{Server, Upload, blobs, frames, recorded};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Viewers that ask for the live and never read the answer.
const SLEEPERS: usize = 100;
/// Memory that one of them may cost: its socket's buffers are the kernel's, the rest is a cursor.
const MEMORY_EACH: u64 = 512 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_that_sleep() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let name = "webm_vp9_opus.webm";
    let blobs = blobs(name);
    let mut upload = Upload::create(&author.api, &live).await;
    for blob in &blobs[..5] {
        upload.append(blob).await;
    }
    let before = server.resident_memory();
    let mut sleepers = Vec::new();
    for number in 0..SLEEPERS {
        let mut socket = TcpStream::connect(server.address()).await.expect("the server listens");
        let track = if number % 2 == 0 { "video" } else { "audio" };
        let path = live.path(&format!("tail.mp4?from_ms=0&track={track}"));
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", server.address());
        socket.write_all(request.as_bytes()).await.expect("the server reads");
        sleepers.push(socket);
    }
    let awake = {
        let mut socket = TcpStream::connect(server.address()).await.expect("the server listens");
        let path = live.path("tail.mp4?from_ms=0&track=video");
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", server.address());
        socket.write_all(request.as_bytes()).await.expect("the server reads");
        tokio::spawn(async move {
            let mut all = Vec::new();
            socket.read_to_end(&mut all).await.map(|_| all)
        })
    };
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
    let seen = tokio::time::timeout(Duration::from_secs(10), awake).await;
    let seen = seen.expect("the tail ends").expect("read").expect("read");
    let video =
        frames::by_our_reader(&recorded(name))[0].frames.iter().flat_map(|f| &f.units).map(Vec::len).sum();
    assert!(seen.len() > video, "{} bytes of at least {video} came to the viewer who reads", seen.len());
    let replay = live.replay(&author.api, "mp4").await;
    frames::must_equal(&frames::by_our_reader(&recorded(name)), &frames::by_our_reader(&replay.body), 0);
}
