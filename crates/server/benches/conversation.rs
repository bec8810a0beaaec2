//! The conversation under load: `cargo bench -p server --bench conversation`.
//!
//! Starts the real program, and from this process, open loop: acknowledgements of messages at 100 and 1,000 a second over
//! 200 connections; 50, 150 and 300 messages a second to 1,000 viewers; 2,000 viewers that come at once. Prints times,
//! and the CPU seconds and memory of the server. One process on the same machine loads it: give both their own cores
//! (`taskset`) for numbers to compare.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark stops at the first failure and prints"
)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

const PEOPLE: usize = 20;

struct Server {
    child: Child,
    address: String,
    _directory: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_communiconnect"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(directory.path().join("data"))
            .env("COMMUNICONNECT_MESSAGES_PER_S", "100000")
            .env("COMMUNICONNECT_MESSAGE_BURST", "100000")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        let address = ready.trim().strip_prefix("ready http://").unwrap().to_owned();
        Self { child, address, _directory: directory }
    }

    /// CPU seconds used so far, and bytes of memory in use.
    fn costs(&self) -> (f64, f64) {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
        (ticks / 100.0, fields[21].parse::<f64>().unwrap() * 4_096.0)
    }

    async fn open(&self, live: i64, query: &str) -> Socket {
        let url = format!("ws://{}/api/posts/live/{live}/chat/ws/{query}", self.address);
        connect_async(url).await.unwrap().0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::main]
async fn main() {
    let server = Arc::new(Server::start());
    let mut tokens = Vec::new();
    for index in 0..PEOPLE {
        tokens.push(register(&server, index).await);
    }
    for rate in [100, 1_000] {
        let live = start_live(&server, &tokens[0]).await;
        acknowledgements(&server, live, &tokens, rate).await;
    }
    let live = start_live(&server, &tokens[0]).await;
    fan_out(&server, live, &tokens).await;
    arrivals(&server, live).await;
}

async fn post(server: &Server, path: &str, token: Option<&str>, body: Value) -> Value {
    let mut request =
        reqwest::Client::new().post(format!("http://{}{path}", server.address)).body(body.to_string());
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    request.send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
}

async fn register(server: &Server, index: usize) -> String {
    let body = json!({"email": format!("p{index}@exemple.sn"), "password": "une phrase assez longue",
        "first_name": "Awa", "last_name": "Ndiaye"});
    let answer = post(server, "/api/users/register/", None, body).await;
    answer["tokens"]["access"].as_str().unwrap().to_owned()
}

async fn start_live(server: &Server, token: &str) -> i64 {
    post(server, "/api/posts/live/start/", Some(token), json!({})).await["live_id"].as_i64().unwrap()
}

async fn writers(server: &Server, live: i64, tokens: &[String], count: usize) -> Vec<Socket> {
    let mut writers = Vec::new();
    for index in 0..count {
        // A writer who wants nothing of the past.
        let mut socket = server.open(live, "?after=1000000").await;
        let auth = json!({"type": "auth", "token": tokens[index % tokens.len()]});
        socket.send(Message::text(auth.to_string())).await.unwrap();
        writers.push(socket);
    }
    writers
}

fn send_frame(at: Duration) -> Message {
    let content = format!("Bonsoir à tous, quelle belle image depuis Dakar ! {}", at.as_micros());
    Message::text(json!({"type": "send", "client_id": null, "content": content}).to_string())
}

/// The microseconds since the start that a message says it was sent at.
fn sent_at(message: &Value) -> Duration {
    let at = message["content"].as_str().unwrap().rsplit(' ').next().unwrap();
    Duration::from_micros(at.parse().unwrap())
}

async fn acknowledgements(server: &Arc<Server>, live: i64, tokens: &[String], rate: u32) {
    const CONNECTIONS: usize = 200;
    let seconds = 10;
    let start = Instant::now();
    let mut readers = Vec::new();
    let mut sinks = Vec::new();
    for socket in writers(server, live, tokens, CONNECTIONS).await {
        let (sink, mut stream) = socket.split();
        sinks.push(sink);
        readers.push(tokio::spawn(async move {
            let mut times = Vec::new();
            while let Some(Ok(Message::Text(text))) = stream.next().await {
                if text.starts_with(r#"{"type":"ack""#) {
                    let ack: Value = serde_json::from_str(&text).unwrap();
                    times.push(start.elapsed().saturating_sub(sent_at(&ack["message"])));
                }
            }
            times
        }));
    }
    let (cpu, _) = server.costs();
    let begun = Instant::now();
    for turn in 0..rate * seconds {
        tokio::time::sleep_until((begun + Duration::from_secs_f64(f64::from(turn) / f64::from(rate))).into())
            .await;
        let sink = &mut sinks[turn as usize % CONNECTIONS];
        sink.send(send_frame(start.elapsed())).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let spent = server.costs().0 - cpu;
    for mut sink in sinks {
        let _ = sink.close().await;
    }
    let mut times = Vec::new();
    for reader in readers {
        times.extend(reader.await.unwrap());
    }
    println!(
        "{rate} messages a second over {CONNECTIONS} connections: acknowledged {}, {}",
        times.len(),
        quantiles(times)
    );
    println!("  CPU of the server: {:.2} s of {seconds} s", spent);
}

async fn fan_out(server: &Arc<Server>, live: i64, tokens: &[String]) {
    const VIEWERS: usize = 1_000;
    let start = Instant::now();
    let before = server.costs().1;
    let delivered = Arc::new(AtomicU64::new(0));
    let (tell, told) = tokio::sync::watch::channel(());
    let times = Arc::new(std::sync::Mutex::new(Vec::new()));
    for viewer in 0..VIEWERS {
        let mut socket = server.open(live, "").await;
        let (delivered, times, mut told) = (Arc::clone(&delivered), Arc::clone(&times), told.clone());
        tokio::spawn(async move {
            loop {
                let text = tokio::select! {
                    _ = told.changed() => return,
                    frame = socket.next() => match frame {
                        Some(Ok(Message::Text(text))) => text,
                        Some(Ok(_)) => continue,
                        _ => return,
                    },
                };
                let count = text.matches(r#""seq":"#).count() as u64;
                delivered.fetch_add(count, Ordering::Relaxed);
                // One viewer in fifty looks at the time, so that looking costs little.
                if viewer % 50 == 0 && count > 0 {
                    let frame: Value = serde_json::from_str(&text).unwrap();
                    let now = start.elapsed();
                    let messages = frame["messages"].as_array().unwrap();
                    times.lock().unwrap().extend(messages.iter().map(|one| now.saturating_sub(sent_at(one))));
                }
            }
        });
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    println!("memory of an idle viewer: {:.1} kB", (server.costs().1 - before) / VIEWERS as f64 / 1_000.0);
    let mut writers = writers(server, live, tokens, PEOPLE).await;
    for rate in [50_u32, 150, 300] {
        let (seconds, cpu, counted) = (10, server.costs().0, delivered.load(Ordering::Relaxed));
        times.lock().unwrap().clear();
        let begun = Instant::now();
        for turn in 0..rate * seconds {
            tokio::time::sleep_until(
                (begun + Duration::from_secs_f64(f64::from(turn) / f64::from(rate))).into(),
            )
            .await;
            writers[turn as usize % PEOPLE].send(send_frame(start.elapsed())).await.unwrap();
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        let (count, spent) = (delivered.load(Ordering::Relaxed) - counted, server.costs().0 - cpu);
        let times = std::mem::take(&mut *times.lock().unwrap());
        println!("{rate} messages a second to {VIEWERS} viewers: {count} deliveries, {}", quantiles(times));
        println!("  {:.0} deliveries for each CPU second of the server", count as f64 / spent);
    }
    tell.send(()).unwrap();
}

async fn arrivals(server: &Arc<Server>, live: i64) {
    const VIEWERS: usize = 2_000;
    let newest = post_count(server, live).await;
    let begun = Instant::now();
    let arrivals: Vec<_> = (0..VIEWERS)
        .map(|_| {
            let server = Arc::clone(server);
            tokio::spawn(async move {
                let mut socket = server.open(live, &format!("?after={}", newest - 150)).await;
                let last = format!(r#""seq":{newest},"#);
                while let Some(Ok(frame)) = socket.next().await {
                    if let Message::Text(text) = frame
                        && text.contains(&last)
                    {
                        return (begun.elapsed(), socket);
                    }
                }
                panic!("a viewer was sent away");
            })
        })
        .collect();
    let mut times = Vec::new();
    let mut sockets = Vec::new();
    for arrival in arrivals {
        let (time, socket) = arrival.await.unwrap();
        times.push(time);
        sockets.push(socket);
    }
    println!("{VIEWERS} viewers come at once, 150 messages behind: {}", quantiles(times));
}

async fn post_count(server: &Server, live: i64) -> i64 {
    let url = format!("http://{}/api/posts/live/{live}/", server.address);
    let shown: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
    shown["messages"].as_i64().unwrap()
}

fn quantiles(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |part: usize| times.get(times.len() * part / 100).copied().unwrap_or_default();
    let last = times.last().copied().unwrap_or_default();
    format!("median {:.1?}, p99 {:.1?}, longest {last:.1?}", at(50), at(99))
}
