//! Two hundred of three hundred viewers of a live stop reading: the server's memory hardly grows, and who reads is not
//! kept waiting.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use promises::random::Random;
use promises::{Server, Upload, recorded};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

const READING: usize = 100;
const STOPPED: usize = 200;
/// A viewer who reads nothing costs the server at most this much memory.
const CAP: u64 = 64 << 10;
/// A fragment is at a viewer who reads this long after its acknowledgement.
const IN_TIME: Duration = Duration::from_secs(1);

/// So many lives; answers what was measured.
pub(crate) async fn run(count: u64, seed: u64) -> String {
    let mut random = Random::new(seed);
    let mut told = Vec::new();
    for _ in 0..count {
        told.push(one_live(&mut random).await);
    }
    told.join("; ")
}

async fn one_live(random: &mut Random) -> String {
    let server = Server::configured(&[], &[("COMMUNICONNECT_LOG", "warn")]).await;
    let (author, live) = server.live().await;
    let bytes = recorded("webm_vp8_opus.webm");
    let mut upload = Upload::create(&author.api, &live).await;
    let (start, rest) = bytes.split_at(150_000);
    upload.append(start).await;
    let path = live.path("tail.webm?from_ms=0");
    let mut reading = tokio::task::JoinSet::new();
    for _ in 0..READING {
        let answer = author.api.open(&path).await;
        assert_eq!(answer.status().as_u16(), 200);
        reading.spawn(async move {
            answer.bytes_stream().fold(0, async |sum, piece| sum + piece.map_or(0, |p| p.len())).await
        });
    }
    let mut stopped = Vec::new();
    for _ in 0..STOPPED {
        stopped.push(one_that_stops(server.address(), &path).await);
    }
    let mut fast = author.api.open(&path).await.bytes_stream();
    while tokio::time::timeout(Duration::from_millis(500), fast.next()).await.is_ok() {}
    let before = server.resident_memory();
    let mut peak = before;
    let mut delays = Vec::new();
    for slice in random.cut(rest, 10_000, 40_000) {
        upload.append(slice).await;
        let begin = Instant::now();
        // Not every slice ends a fragment: silence is no delay, what comes must have come soon.
        while let Ok(Some(piece)) = tokio::time::timeout(Duration::from_millis(250), fast.next()).await {
            piece.expect("the fast viewer goes on");
            delays.push(begin.elapsed());
        }
        peak = peak.max(server.resident_memory());
    }
    let worst = delays.iter().max().copied().expect("fragments came");
    assert!(delays.len() > 10 && worst < IN_TIME, "{} pieces, the slowest after {worst:?}", delays.len());
    let each = peak.saturating_sub(before) / STOPPED as u64;
    assert!(each < CAP, "each viewer who stopped costs {each} bytes, of {before} before");
    upload.complete().await;
    live.stop(&author.api).await;
    let mut least = usize::MAX;
    while let Some(read) = reading.join_next().await {
        least = least.min(read.expect("a viewer reads to the end"));
    }
    assert!(least > rest.len() / 2, "a viewer who read got {least} bytes");
    drop(stopped);
    format!(
        "{STOPPED} of {} viewers stopped: {} KiB more for each (cap {}), the slowest piece {} ms after its \
         acknowledgement",
        READING + STOPPED,
        each >> 10,
        CAP >> 10,
        worst.as_millis()
    )
}

/// A viewer who reads the head of the answer and then nothing more.
async fn one_that_stops(address: &str, path: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    let mut stream = socket.connect(address.parse().expect("an address")).await.expect("the server listens");
    let head = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("the server reads");
    let mut status = [0; 12];
    stream.read_exact(&mut status).await.expect("the server answers");
    assert_eq!(&status, b"HTTP/1.1 200");
    stream
}
