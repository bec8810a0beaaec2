//! Whoever joins is served from memory, and whoever stops reading is let go: nobody costs the others anything.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::join_all;
use promises::talk::Talk;
use promises::{Live, Person, Server};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

/// Viewers who join, so many at once.
const JOINING: (usize, usize) = (1_000, 200);
/// Readings of the database that all of them may cost together.
const HANDFUL: u64 = 8;
/// Readers who stop reading.
const STOPPED: usize = 40;
/// Messages that are said meanwhile, of two kilobytes each: for each who stopped several times what the kernel holds.
const SAID: usize = 2_000;
/// What the server may grow meanwhile; all that the stopped did not take is three times as much.
const MEMORY: u64 = 64 << 20;
/// When they must have been let go.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_who_join_read_the_database_a_handful_of_times() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    for number in 1..=200 {
        author.api.post(&live.path("chat/"), json!({"content": format!("{number}")})).await.must_be(201);
    }
    let before = frames(&server, "database").await;
    for _ in 0..JOINING.0 / JOINING.1 {
        join_all((0..JOINING.1).map(|_| join(&server, &live))).await;
    }
    let read = frames(&server, "database").await - before;
    assert!(read <= HANDFUL, "{read} readings of the database");
    assert!(frames(&server, "memory").await >= JOINING.0 as u64 * 2, "a page and the newest messages each");
}

/// As the page does: the newest page, then what came since and what comes.
async fn join(server: &Server, live: &Live) {
    let page = server.anonymous().get(&live.path("chat/messages/?before=1000000&limit=50")).await;
    let page = page.expect(200).json();
    assert_eq!((page[0]["seq"].as_i64(), page[49]["seq"].as_i64()), (Some(151), Some(200)));
    let mut talk = Talk::open(server, live, "?after=190").await;
    assert_eq!(talk.collect(10).await.last().map(|message| message["seq"].clone()), Some(json!(200)));
}

async fn frames(server: &Server, from: &str) -> u64 {
    metric(server, &format!("communiconnect_conversation_frames_total{{from=\"{from}\"}}")).await
}

async fn metric(server: &Server, name: &str) -> u64 {
    let answer = server.anonymous().get("/metrics").await.expect(200);
    let text = String::from_utf8_lossy(&answer.body);
    let value = text.lines().find_map(|line| line.strip_prefix(name));
    value.and_then(|value| value.trim().parse().ok()).unwrap_or_else(|| panic!("no {name} in {text}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_who_stop_are_let_go_and_miss_nothing() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let mut stopped = Vec::new();
    for _ in 0..STOPPED {
        stopped.push(open_narrow(&server, &live, 0).await);
    }
    let before = server.resident_memory();
    let mut reader = Talk::open(&server, &live, "?after=0").await;
    let reading = tokio::spawn(async move { reader.collect(SAID).await });
    say(&author, &live).await;
    let read =
        tokio::time::timeout(PATIENCE, reading).await.expect("who reads has everything").expect("read");
    in_order(&read.iter().map(seq).collect::<Vec<_>>());
    let grown = server.resident_memory().saturating_sub(before);
    assert!(grown < MEMORY, "{grown} bytes for {STOPPED} readers who take nothing");
    let begin = Instant::now();
    while metric(&server, "communiconnect_viewers").await > 0 {
        assert!(begin.elapsed() < PATIENCE, "who takes nothing is let go");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    for mut socket in stopped.into_iter().take(3) {
        let mut seen = read_on(&mut socket, usize::MAX).await;
        assert!(seen.len() < SAID, "not everything was kept for who took nothing");
        let mut again = open_narrow(&server, &live, seen.len()).await;
        seen.extend(read_on(&mut again, SAID - seen.len()).await);
        in_order(&seen);
    }
}

/// Several messages at a time, as fast as they are answered.
async fn say(author: &Person, live: &Live) {
    let content = "tout le monde dit la même chose ".repeat(60);
    let path = live.path("chat/");
    for _ in 0..SAID / 20 {
        let posts = (0..20).map(|_| author.api.post(&path, json!({"content": content})));
        join_all(posts).await.into_iter().for_each(|answer| answer.must_be(201));
    }
}

fn seq(message: &Value) -> i64 {
    message["seq"].as_i64().expect("a number")
}

fn in_order(seen: &[i64]) {
    assert!(seen.iter().copied().eq(1..=SAID as i64), "each message once and in order: {seen:?}");
}

/// A connection that holds little on the way, as one to a phone does.
async fn open_narrow(server: &Server, live: &Live, after: usize) -> WebSocketStream<TcpStream> {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4 << 10).expect("a small buffer");
    let address = server.address().parse().expect("an address");
    let stream = socket.connect(address).await.expect("the server listens");
    let path = live.path(&format!("chat/ws/?after={after}"));
    client_async(format!("ws://{address}{path}"), stream).await.expect("an upgrade").0
}

/// Numbers of the messages until there are so many or the connection ends.
async fn read_on(socket: &mut WebSocketStream<TcpStream>, count: usize) -> Vec<i64> {
    let mut seen = Vec::new();
    while seen.len() < count
        && let Some(Ok(frame)) = socket.next().await
    {
        if let Message::Text(text) = frame {
            let frame: Value = serde_json::from_str(&text).expect("a frame is JSON");
            seen.extend(frame["messages"].as_array().into_iter().flatten().map(seq));
        }
    }
    seen
}
