//! A bad network between real clients and the server: a proxy that delays, cuts, loses, doubles and reorders requests.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use promises::Server;
use promises::random::Random;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::crowd::{Acknowledged, Author, Publisher, Reader, SOURCES, Shared, Signpost, Source, lock};

const PUBLISHERS: usize = 2;
const AUTHORS: u64 = 3;
const READERS: usize = 2;
/// A client gives an answer up after this long.
const ATTEMPT: Duration = Duration::from_secs(2);
/// A request's head and body are at most this long here.
const REQUEST: usize = 1 << 20;
/// Of a hundred requests so many are lost, on their way there or the answer on its way back.
const LOST: usize = 20;

/// So many short runs; answers what was counted.
pub(crate) async fn run(count: u64, seed: u64) -> String {
    let mut random = Random::new(seed);
    let counts = Arc::new(Counts::default());
    let (mut recordings, mut messages) = (0, 0);
    for _ in 0..count {
        let (published, kept) = one_run(&mut random, &counts).await;
        recordings += published;
        messages += kept;
    }
    let mut told =
        format!("{recordings} recordings with every frame once, {messages} messages once in one order");
    write!(told, "; {counts:?}").expect("a text takes words");
    told
}

async fn one_run(random: &mut Random, counts: &Arc<Counts>) -> (u64, u64) {
    let server = Server::configured(&[], &[("COMMUNICONNECT_LOG", "error")]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let upstream = server.address().to_owned();
    let proxy = tokio::spawn(accept(listener, upstream, Random::new(random.number()), Arc::clone(counts)));
    let signpost = Signpost::new(false);
    signpost.point(Some(&base));

    let (_, talk) = server.live().await;
    let acknowledged = Acknowledged::default();
    let mut authors = JoinSet::new();
    for number in 0..AUTHORS {
        let (person, live) = (server.person("Binta").await, talk.clone());
        let acknowledged = Arc::clone(&acknowledged);
        let author = Author { number, person, live, every: Duration::from_millis(50), acknowledged };
        authors.spawn(author.run(signpost.place().hurried(ATTEMPT)));
    }
    let mut readers = JoinSet::new();
    let seen: Vec<Shared<Vec<String>>> = (0..READERS).map(|_| Shared::default()).collect();
    for seen in &seen {
        readers.spawn(Reader { live: talk.clone(), seen: Arc::clone(seen) }.run(signpost.place()));
    }
    let mut publishers = JoinSet::new();
    for _ in 0..PUBLISHERS {
        let source = Arc::new(Source::read(SOURCES[random.between(0, SOURCES.len() - 1)]));
        let (author, stage) = (server.person("Awa").await, Shared::default());
        let random = Random::new(random.number());
        let mut publisher = Publisher { author, source, stage, random, pace: (60_000, 40) };
        let place = signpost.place().hurried(ATTEMPT);
        publishers.spawn(async move { publisher.record(&place).await });
    }
    while let Some(ended) = publishers.join_next().await {
        ended.expect("a publisher finds every frame");
    }
    signpost.end();
    let mut sent = 0;
    while let Some(ended) = authors.join_next().await {
        sent += ended.expect("an author is believed");
    }
    while let Some(ended) = readers.join_next().await {
        ended.expect("a reader finds no hole and no double");
    }
    let kept = history(&server, &talk).await;
    assert_eq!(kept.len() as u64, sent, "each message is stored once");
    for (seq, content) in lock(&acknowledged).iter() {
        assert_eq!(kept.get(*seq as usize - 1), Some(content), "message {seq}");
    }
    assert!(seen.iter().all(|seen| kept.starts_with(&lock(seen))), "one order for all");
    proxy.abort();
    (PUBLISHERS as u64, sent)
}

async fn history(server: &Server, talk: &promises::Live) -> Vec<String> {
    let history = server.anonymous().get(&talk.path("chat/messages/")).await.expect(200).json();
    let list = history.as_array().expect("messages");
    list.iter().map(|message| message["content"].as_str().unwrap_or_default().to_owned()).collect()
}

/// What the proxy did.
#[derive(Debug, Default)]
struct Counts {
    requests: AtomicU64,
    lost_requests: AtomicU64,
    lost_answers: AtomicU64,
    cut_in_the_body: AtomicU64,
    half_open: AtomicU64,
    doubled: AtomicU64,
    doubled_late: AtomicU64,
    delayed: AtomicU64,
    sockets_cut: AtomicU64,
}

async fn accept(listener: TcpListener, upstream: String, mut random: Random, counts: Arc<Counts>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let (random, counts) = (Random::new(random.number()), Arc::clone(&counts));
        connections.spawn(talk(client, upstream.clone(), random, counts));
        while connections.try_join_next().is_some() {}
    }
}

/// What happens to a request.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Passes,
    Late(Duration),
    Lost,
    AnswerLost,
    CutAt(usize),
    HalfOpen,
    Doubled,
    DoubledLate(Duration),
}

fn fate(random: &mut Random, len: usize) -> Fate {
    match random.between(0, 99) {
        roll if roll < LOST / 2 => Fate::Lost,
        roll if roll < LOST => Fate::AnswerLost,
        20..30 => Fate::CutAt(random.between(1, len)),
        30..33 => Fate::HalfOpen,
        33..45 => Fate::Doubled,
        45..55 => Fate::DoubledLate(Duration::from_millis(random.between(1, 800) as u64)),
        55..75 => Fate::Late(Duration::from_millis(random.between(1, 300) as u64)),
        75..77 => Fate::Late(Duration::from_millis(random.between(300, 5_000) as u64)),
        _ => Fate::Passes,
    }
}

/// One connection of a client, a request at a time; each goes to the server on a connection of its own.
async fn talk(mut client: TcpStream, upstream: String, mut random: Random, counts: Arc<Counts>) {
    let count = |counter: &AtomicU64| counter.fetch_add(1, Ordering::Relaxed);
    while let Some(request) = read_message(&mut client).await {
        if is_upgrade(&request) {
            let stay = Duration::from_millis(random.between(50, 4_000) as u64);
            count(&counts.sockets_cut);
            // A WebSocket lives for a while and is then cut, wherever it is in its bytes.
            let _ = tokio::time::timeout(stay, tunnel(client, &upstream, &request)).await;
            return;
        }
        count(&counts.requests);
        let request = closing(&request);
        let answer = match fate(&mut random, request.len()) {
            Fate::Passes => ask(&upstream, &request).await,
            Fate::Late(delay) => {
                count(&counts.delayed);
                tokio::time::sleep(delay).await;
                ask(&upstream, &request).await
            }
            Fate::Lost => {
                count(&counts.lost_requests);
                return;
            }
            Fate::AnswerLost => {
                count(&counts.lost_answers);
                ask(&upstream, &request).await;
                return;
            }
            Fate::CutAt(len) => {
                count(&counts.cut_in_the_body);
                ask_in_part(&upstream, &request[..len]).await;
                return;
            }
            Fate::HalfOpen => {
                count(&counts.half_open);
                half_open(client, &upstream, &request).await;
                return;
            }
            Fate::Doubled => {
                count(&counts.doubled);
                let (answer, _) = tokio::join!(ask(&upstream, &request), ask(&upstream, &request));
                answer
            }
            Fate::DoubledLate(delay) => {
                count(&counts.doubled_late);
                let (again, to) = (request.clone(), upstream.clone());
                tokio::spawn(async move {
                    tokio::time::sleep(delay).await;
                    ask(&to, &again).await;
                });
                ask(&upstream, &request).await
            }
        };
        let Some(answer) = answer else { return };
        if client.write_all(&answer).await.is_err() {
            return;
        }
    }
}

/// Sends a whole request and reads the answer to its end.
async fn ask(upstream: &str, request: &[u8]) -> Option<Vec<u8>> {
    let mut server = TcpStream::connect(upstream).await.ok()?;
    server.write_all(request).await.ok()?;
    let mut answer = Vec::new();
    let read = server.read_to_end(&mut answer);
    tokio::time::timeout(Duration::from_secs(10), read).await.ok()?.ok()?;
    (!answer.is_empty()).then_some(answer)
}

/// Sends the beginning of a request and closes the connection.
async fn ask_in_part(upstream: &str, beginning: &[u8]) {
    let Ok(mut server) = TcpStream::connect(upstream).await else { return };
    let _ = server.write_all(beginning).await;
    let _ = server.shutdown().await;
}

/// Half of the request reaches the server, and neither side hears of the other again for a while.
async fn half_open(client: TcpStream, upstream: &str, request: &[u8]) {
    let Ok(mut server) = TcpStream::connect(upstream).await else { return };
    let _ = server.write_all(&request[..request.len() / 2]).await;
    tokio::time::sleep(ATTEMPT * 2).await;
    drop((client, server));
}

async fn tunnel(mut client: TcpStream, upstream: &str, request: &[u8]) -> std::io::Result<()> {
    let mut server = TcpStream::connect(upstream).await?;
    server.write_all(request).await?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

/// A request with a body of a known length; `None` at the end of the connection.
async fn read_message(client: &mut TcpStream) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    loop {
        if let Some(head) = message.windows(4).position(|window| window == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&message[..head]).to_lowercase();
            let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.map_or(Ok(0), |word| word.trim().parse()).ok()?;
            if message.len() >= head + 4 + length {
                return Some(message);
            }
        }
        if message.len() > REQUEST || client.read_buf(&mut message).await.ok()? == 0 {
            return None;
        }
    }
}

/// The request, asking that its connection ends with the answer.
fn closing(request: &[u8]) -> Vec<u8> {
    let line = request.windows(2).position(|window| window == b"\r\n").unwrap_or(0);
    [&request[..line], b"\r\nConnection: close", &request[line..]].concat()
}

fn is_upgrade(request: &[u8]) -> bool {
    String::from_utf8_lossy(&request[..request.len().min(1_000)])
        .to_lowercase()
        .contains("upgrade: websocket")
}
