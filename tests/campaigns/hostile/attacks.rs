//! Attacks by whoever may connect, and by whoever may sign up. Each goes on until a moment, and tells what came of it.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use promises::people::PASSWORD;
use promises::{Live, Person, Server, rtmp, tools};
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use super::watch::Waits;

/// Connections of those who come from one address.
const CROWD: usize = 300;
/// Strangers who sign in at once.
const STRANGERS: u32 = 1_300;
/// How long somebody waits for an answer that they do not care about.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long whoever looks at a live waits for what comes next.
const LOOK: Duration = Duration::from_secs(2);
/// A drop of what is slow, so often.
const DROP: Duration = Duration::from_millis(200);

/// What an attacker has.
pub(crate) struct Stage<'a> {
    pub(crate) server: &'a Server,
    /// A public live with something to read.
    pub(crate) live: &'a Live,
    /// Somebody who signed up to attack.
    pub(crate) attacker: &'a Person,
    /// Somebody who signed in before, from another address.
    pub(crate) known: &'a Person,
    /// When it is over.
    pub(crate) until: Instant,
}

/// How often each status came; 0 for no answer.
type Statuses = BTreeMap<u16, usize>;

impl Stage<'_> {
    fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    async fn connect(&self, from: Ipv4Addr) -> std::io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((from, 0).into())?;
        socket.connect(self.server.address().parse().expect("an address")).await
    }

    /// A crowd from one address that begins by saying this, and then a byte now and then.
    async fn drip(&self, last: u8, begin: &str, byte: &[u8]) -> String {
        let mut crowd = Vec::new();
        for _ in 0..CROWD {
            if let Ok(mut stream) = self.connect(Ipv4Addr::new(127, 0, 0, last)).await {
                let _ = stream.write_all(begin.as_bytes()).await;
                crowd.push(stream);
            }
        }
        while !self.is_over() {
            for stream in &mut crowd {
                let _ = stream.try_write(byte);
            }
            tokio::time::sleep(DROP).await;
        }
        format!("{} connections", crowd.len())
    }

    pub(crate) async fn half_heads(&self) -> String {
        self.drip(2, "GET /healthz HTTP/1.1\r\nHost: a.example\r\nX-Slow: ", b"a").await
    }

    pub(crate) async fn slow_bodies(&self) -> String {
        let head = "POST /api/users/login/ HTTP/1.1\r\nHost: a.example\r\nContent-Length: 9000\r\n\r\n{";
        self.drip(3, head, b" ").await
    }

    pub(crate) async fn slow_readers(&self) -> String {
        let address = self.server.address();
        let head = format!("GET {} HTTP/1.1\r\nHost: {address}\r\n\r\n", self.live.path("replay.mp4"));
        let mut crowd = Vec::new();
        for _ in 0..CROWD {
            let socket = TcpSocket::new_v4().expect("a socket");
            socket.set_recv_buffer_size(4_096).expect("a small buffer");
            socket.bind((Ipv4Addr::new(127, 0, 0, 4), 0).into()).expect("an address of the loopback network");
            if let Ok(mut stream) = socket.connect(address.parse().expect("an address")).await {
                let _ = stream.write_all(head.as_bytes()).await;
                crowd.push(stream);
            }
        }
        tokio::time::sleep_until(self.until.into()).await;
        format!("{} readers", crowd.len())
    }

    /// More connections than one address may have.
    pub(crate) async fn connections(&self) -> String {
        let mut held = Vec::new();
        while !self.is_over() && held.len() < 3 * CROWD {
            if let Ok(stream) = self.connect(Ipv4Addr::new(127, 0, 0, 5)).await {
                held.push(stream);
            }
        }
        tokio::time::sleep_until(self.until.into()).await;
        let mut refused = 0;
        for stream in &held {
            let mut start = [0; 12];
            refused +=
                usize::from(stream.try_read(&mut start).is_ok_and(|read| &start[..read] == b"HTTP/1.1 503"));
        }
        format!("{} connections of one address, {refused} of them refused", held.len())
    }

    /// The answer to a request that is said on a connection of its own.
    async fn ask(&self, from: Ipv4Addr, request: &str) -> u16 {
        let asking = async {
            let mut stream = self.connect(from).await.ok()?;
            // It may be refused before all of it is said.
            let _ = stream.write_all(request.as_bytes()).await;
            let mut start = [0; 12];
            stream.read_exact(&mut start).await.ok()?;
            String::from_utf8_lossy(&start[9..]).parse().ok()
        };
        tokio::time::timeout(PATIENCE, asking).await.ok().flatten().unwrap_or(0)
    }

    fn login(&self, email: &str, password: &str) -> String {
        let body = json!({"email": email, "password": password}).to_string();
        let (address, length) = (self.server.address(), body.len());
        format!(
            "POST /api/users/login/ HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    }

    /// As many strangers as there are addresses for, all at once; how long somebody known waited meanwhile.
    pub(crate) async fn sign_ins(&self) -> (Waits, Waits, String) {
        let own = Ipv4Addr::LOCALHOST;
        let known = self.login(&self.known.email, PASSWORD);
        let mut usual = Vec::new();
        for _ in 0..5 {
            let begin = Instant::now();
            assert_eq!(self.ask(own, &known).await, 200);
            usual.push(begin.elapsed());
        }
        let strangers = async {
            let all = (0..STRANGERS).map(|number| async move {
                let from = Ipv4Addr::new(127, 1, (number / 200) as u8, (number % 200) as u8 + 1);
                self.ask(from, &self.login(&format!("inconnu{number}@exemple.sn"), "un mot de passe")).await
            });
            let answers = futures_util::future::join_all(all).await;
            answers.into_iter().fold(Statuses::new(), |mut counts, status| {
                *counts.entry(status).or_default() += 1;
                counts
            })
        };
        let mut waits = Vec::new();
        let mut strangers = std::pin::pin!(strangers);
        let statuses = loop {
            let begin = Instant::now();
            let one = self.ask(own, &known);
            tokio::pin!(one);
            let mut ended = None;
            let status = loop {
                tokio::select! {
                    status = &mut one => break status,
                    statuses = &mut strangers, if ended.is_none() => ended = Some(statuses),
                }
            };
            assert_eq!(status, 200, "whoever is known is let in");
            waits.push(begin.elapsed());
            if let Some(statuses) = ended {
                break statuses;
            }
        };
        (Waits::of(usual), Waits::of(waits), format!("{} sign-ins of strangers: {statuses:?}", STRANGERS))
    }

    /// Sockets of the conversation of which each says as much as it can.
    pub(crate) async fn sockets(&self) -> String {
        let url = format!("ws://{}{}", self.server.address(), self.live.path("chat/ws/"));
        let mut crowd = JoinSet::new();
        for _ in 0..CROWD / 3 {
            let (url, until) = (url.clone(), self.until);
            crowd.spawn(async move {
                let Ok((mut socket, _)) = connect_async(&url).await else { return 0 };
                let mut said = 0;
                while Instant::now() < until {
                    let frame = Message::text(r#"{"type":"send","client_id":"x","content":"flood"}"#);
                    if socket.send(frame).await.is_err() {
                        break;
                    }
                    said += 1;
                }
                said
            });
        }
        let mut said = 0;
        while let Some(one) = crowd.join_next().await {
            said += one.expect("a socket ends");
        }
        format!("{} sockets said {said} frames", CROWD / 3)
    }

    /// Uploads that are begun and never used.
    pub(crate) async fn uploads(&self) -> String {
        let live = self.attacker.start_live(json!({})).await;
        let api = &self.attacker.api;
        let mut statuses = Statuses::new();
        while !self.is_over() {
            let one = || async {
                let request = api.request(Method::POST, &live.path("upload/"));
                let request = request.header("Tus-Resumable", "1.0.0").header("Upload-Defer-Length", "1");
                api.send(request).await.status
            };
            for status in futures_util::future::join_all((0..8).map(|_| one())).await {
                *statuses.entry(status).or_default() += 1;
            }
        }
        let descriptors = self.server.descriptors();
        api.delete(&live.path("")).await.must_be(204);
        format!("uploads begun: {statuses:?}, {descriptors} descriptors")
    }

    /// Requests of many on connections of their own, one after the other.
    async fn flood(&self, last: u8, at_once: usize, request: &str) -> String {
        let from = Ipv4Addr::new(127, 0, 0, last);
        let one = || async {
            let mut statuses = Statuses::new();
            while !self.is_over() {
                *statuses.entry(self.ask(from, request).await).or_default() += 1;
            }
            statuses
        };
        let mut all = Statuses::new();
        for statuses in futures_util::future::join_all((0..at_once).map(|_| one())).await {
            statuses.into_iter().for_each(|(status, count)| *all.entry(status).or_default() += count);
        }
        format!("{all:?}")
    }

    fn get(&self, path: &str, headers: &str) -> String {
        let address = self.server.address();
        format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n")
    }

    pub(crate) async fn ranges(&self) -> String {
        let ranges: Vec<_> = (0..2_000).map(|at| format!("{}-{}", at * 7, at * 7)).collect();
        let header = format!("Range: bytes={}\r\n", ranges.join(","));
        self.flood(6, 32, &self.get(&self.live.path("replay.mp4"), &header)).await
    }

    pub(crate) async fn headers(&self) -> String {
        let many: String = (0..90).map(|at| format!("X-{at}: {}\r\n", "a".repeat(600))).collect();
        let (few, more) = (self.get("/healthz", &many), self.get("/healthz", &many.repeat(4)));
        let (few, more) = tokio::join!(self.flood(7, 16, &few), self.flood(7, 16, &more));
        format!("{few}, {more}")
    }

    pub(crate) async fn searches(&self) -> String {
        let asked = [
            self.get("/api/search/?q=a*%20OR%20b*", ""),
            self.get("/api/posts/live/?q=march*&page_size=200", ""),
            self.get(&self.live.path("chat/messages/"), ""),
            self.get(&self.live.path("chat/messages/?q=bonjour*"), ""),
        ];
        let floods = asked.iter().zip(8..).map(|(request, last)| self.flood(last, 12, request));
        futures_util::future::join_all(floods).await.join(", ")
    }

    pub(crate) async fn rtmp_silence(&self) -> String {
        let host = rtmp::host(self.live);
        let mut held = Vec::new();
        for _ in 0..CROWD {
            held.extend(TcpStream::connect(&host).await.ok());
        }
        tokio::time::sleep_until(self.until.into()).await;
        format!("{} silent connections", held.len())
    }

    /// Pictures that take long to decode, all of one person; how long another's poster takes meanwhile.
    pub(crate) async fn pictures(&self, posters: &Posters) -> (Duration, String) {
        let mut crowd = JoinSet::new();
        for live in &posters.noise {
            let (api, path) = (self.server.anonymous(), live.path("poster.jpg"));
            crowd.spawn(async move { api.get(&path).await.status });
        }
        tokio::task::yield_now().await;
        let begin = Instant::now();
        let anonymous = self.server.anonymous();
        let mut asked = 0;
        let neutral = anonymous.get(&posters.empty.path("poster.jpg")).await.expect(200).body;
        while anonymous.get(&posters.honest.path("poster.jpg")).await.expect(200).body == neutral {
            asked += 1;
            assert!(begin.elapsed() < PATIENCE, "a poster that is asked for {asked} times is not there");
        }
        let waited = begin.elapsed();
        while crowd.join_next().await.is_some() {}
        (waited, format!("{} pictures of noise", posters.noise.len()))
    }
}

/// Lives whose posters are asked for.
pub(crate) struct Posters {
    noise: Vec<Live>,
    honest: Live,
    empty: Live,
}

impl Posters {
    /// One person's lives of noise, another's of something.
    pub(crate) async fn publish(attacker: &Person, honest: &Person) -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let path = folder.path().join("noise.mkv");
        let mut command = tokio::process::Command::new(tools::ffmpeg());
        let picture = "color=c=gray:s=1920x1080:r=1:d=1,noise=alls=100:allf=t";
        command.args(["-v", "error", "-f", "lavfi", "-i", picture, "-pix_fmt", "yuv420p"]);
        command.args(["-c:v", "libx264", "-preset", "ultrafast", "-qp", "20", "-threads", "1"]).arg(&path);
        tools::succeed(&mut command).await;
        let bytes = std::fs::read(&path).expect("ffmpeg wrote it");
        let mut noise = Vec::new();
        for _ in 0..8 {
            let live = attacker.start_live(json!({})).await;
            live.publish(&attacker.api, &bytes).await.complete().await;
            noise.push(live);
        }
        let live = honest.start_live(json!({})).await;
        live.publish(&honest.api, &promises::recorded("webm_vp9_opus.webm")).await.complete().await;
        Self { noise, honest: live, empty: honest.start_live(json!({})).await }
    }
}

/// What is read of a live by whoever looks at it, in every way there is; bytes.
pub(crate) async fn look_at(server: &Server, live: &Live) -> u64 {
    let api = server.anonymous();
    let mut bytes = 0;
    for rest in [
        "",
        "timeline/",
        "replay.mp4",
        "replay.webm",
        "audio.m4a",
        "audio.webm",
        "replay.mp4?video=slides",
        "hls/index.m3u8",
        "hls/video.m3u8",
        "hls/audio.m3u8",
        "poster.jpg",
        "tail.mp4?from_ms=0",
    ] {
        // What never began is waited for.
        let path = live.path(rest);
        let Ok(answer) = tokio::time::timeout(LOOK, api.open(&path)).await else { continue };
        let mut pieces = answer.bytes_stream();
        while let Ok(Some(Ok(piece))) = tokio::time::timeout(LOOK, pieces.next()).await {
            bytes += piece.len() as u64;
        }
    }
    bytes
}
