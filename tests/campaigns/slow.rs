//! Two hundred of a thousand viewers of a live stop reading: the server's memory hardly grows, and who reads is not kept
//! waiting. The same live is watched twice, without and with those who stop; what the others wait is compared.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use promises::random::Random;
use promises::{Live, Server, Upload, recorded};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::crowd::{Shared, lock};

const READING: usize = 800;
const STOPPED: usize = 200;
/// A viewer who reads nothing costs the server at most this much memory.
const CAP: u64 = 64 << 10;
/// A fragment is at a viewer who reads this long after its acknowledgement.
const IN_TIME: Duration = Duration::from_secs(1);
/// Those who stop lengthen what the others wait at most by this; asserted in the long form, where enough is measured.
const LONGER: f64 = 1.5;
/// From so many lives on the form is long.
const LONG: usize = 5;
/// How much of a recording is sent, and what of it before anybody watches, in bytes.
const SENT: usize = 450_000;
const BEFORE: usize = 150_000;
/// Slices have so many bytes.
const SLICE: (usize, usize) = (10_000, 40_000);
/// Pieces that come so long after an acknowledgement are of the next.
const PATIENCE: Duration = Duration::from_secs(5);

/// So many lives; answers what was measured.
pub(crate) async fn run(count: u64, seed: u64) -> String {
    let mut random = Random::new(seed);
    let mut told = Vec::new();
    let mut ratios = Vec::new();
    for _ in 0..count {
        let (ratio, sentence) = one_live(&mut random).await;
        ratios.push(ratio);
        told.push(sentence);
    }
    ratios.sort_by(f64::total_cmp);
    let median = ratios[ratios.len() / 2];
    told.push(format!("others wait {median:.2} times as long (median of {})", ratios.len()));
    assert!(ratios.len() < LONG || median < LONGER, "{}", told.join("\n"));
    told.join("\n")
}

/// When pieces came to those who read.
type Arrivals = Shared<Vec<Instant>>;

async fn one_live(random: &mut Random) -> (f64, String) {
    let mut server = Server::configured(&[], &[("COMMUNICONNECT_LOG", "warn")]).await;
    let bytes = &recorded("webm_vp8_opus.webm")[..SENT];
    let alone = watch(&server, bytes, random, 0).await;
    // A process of its own for each, so that memory is counted from the same place.
    server.terminate().await;
    let server = Server::configured(&[], &[("COMMUNICONNECT_LOG", "warn")]).await;
    let beside = watch(&server, bytes, random, STOPPED).await;
    let each = beside.grown / STOPPED as u64;
    assert!(each < CAP, "each viewer who stopped costs {each} bytes");
    let ratio = beside.p95().as_secs_f64() / alone.p95().as_secs_f64();
    let sentence = format!(
        "{STOPPED} of {} viewers stopped: {} KiB of memory for each (cap {}); pieces are at the others {} ms (p50), {} ms \
         (p95) after they were sent, without those who stopped {} ms, {} ms; the slowest piece of one viewer {} ms after its \
         acknowledgement",
        READING + STOPPED,
        each >> 10,
        CAP >> 10,
        beside.p50().as_millis(),
        beside.p95().as_millis(),
        alone.p50().as_millis(),
        alone.p95().as_millis(),
        beside.slowest.as_millis(),
    );
    (ratio, sentence)
}

/// What was measured of one live.
struct Watched {
    /// How long after its slice was sent each piece was at each reader, sorted.
    delays: Vec<Duration>,
    /// The longest that the viewer waited who had a connection and a task to itself.
    slowest: Duration,
    /// By how much the server's memory grew from when all had come.
    grown: u64,
}

impl Watched {
    fn p50(&self) -> Duration {
        self.delays[self.delays.len() / 2]
    }

    fn p95(&self) -> Duration {
        self.delays[self.delays.len() * 95 / 100]
    }
}

async fn watch(server: &Server, bytes: &[u8], random: &mut Random, stopping: usize) -> Watched {
    let (author, live) = server.live().await;
    let mut upload = Upload::create(&author.api, &live).await;
    let (start, rest) = bytes.split_at(BEFORE);
    upload.append(start).await;
    let path = live.path("tail.webm?from_ms=0");
    let arrivals = Arrivals::default();
    let mut reading = read_together(&author.api, &path, &arrivals).await;
    let mut stopped = Vec::new();
    for _ in 0..stopping {
        stopped.push(one_that_stops(server.address(), &path).await);
    }
    let mut fast = author.api.open(&path).await.bytes_stream();
    while tokio::time::timeout(Duration::from_millis(500), fast.next()).await.is_ok() {}
    let before = server.resident_memory();
    let (mut peak, mut slowest, mut pieces) = (before, Duration::ZERO, 0);
    let mut delays = Vec::new();
    for slice in random.cut(rest, SLICE.0, SLICE.1) {
        lock(&arrivals).clear();
        let sent = Instant::now();
        upload.append(slice).await;
        let begin = Instant::now();
        // Not every slice ends a fragment: silence is no delay, what comes must have come soon.
        while let Ok(Some(piece)) = tokio::time::timeout(Duration::from_millis(250), fast.next()).await {
            piece.expect("the fast viewer goes on");
            slowest = slowest.max(begin.elapsed());
            pieces += 1;
        }
        let came = std::mem::take(&mut *lock(&arrivals));
        delays.extend(came.iter().map(|at| at.saturating_duration_since(sent)).filter(|at| *at < PATIENCE));
        peak = peak.max(server.resident_memory());
    }
    assert!(pieces > 5 && slowest < IN_TIME, "{pieces} pieces, the slowest after {slowest:?}");
    finish(&mut upload, &live, &author.api, &mut reading, rest.len() / 2).await;
    delays.sort();
    assert!(delays.len() > READING, "{} pieces came to those who read", delays.len());
    Watched { delays, slowest, grown: peak.saturating_sub(before) }
}

/// Viewers who read what comes and note when.
async fn read_together(api: &promises::Api, path: &str, arrivals: &Arrivals) -> JoinSet<usize> {
    let mut reading = JoinSet::new();
    for _ in 0..READING {
        let answer = api.open(path).await;
        assert_eq!(answer.status().as_u16(), 200);
        let arrivals = arrivals.clone();
        reading.spawn(async move {
            let mut read = 0;
            let mut pieces = answer.bytes_stream();
            while let Some(Ok(piece)) = pieces.next().await {
                read += piece.len();
                lock(&arrivals).push(Instant::now());
            }
            read
        });
    }
    reading
}

/// The live ends; everybody who read got it.
async fn finish(
    upload: &mut Upload,
    live: &Live,
    api: &promises::Api,
    reading: &mut JoinSet<usize>,
    at_least: usize,
) {
    upload.complete().await;
    live.stop(api).await;
    while let Some(read) = reading.join_next().await {
        let read = read.expect("a viewer reads to the end");
        assert!(read > at_least, "a viewer who read got {read} bytes");
    }
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
