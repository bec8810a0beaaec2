//! What goes on while rights change: each kind of answer that does not end by itself soon.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use promises::carried::{Came, Carried};
use promises::{Answer, Api};
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use super::model::{Act, Right};
use super::world::{BEFORE, World};
use crate::crowd::lock;

/// What is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Tail,
    /// The tails over a WebSocket.
    Carried,
    /// Playlists that are waited for, one after the other.
    Playlist,
    /// A file of which one is in the middle.
    File,
    Conversation,
}

pub(crate) const KINDS: [Kind; 5] =
    [Kind::Tail, Kind::Carried, Kind::Playlist, Kind::File, Kind::Conversation];

impl Kind {
    /// What it takes the right to.
    pub(crate) fn act(self) -> Act {
        if self == Self::Conversation { Act::Read } else { Act::Watch }
    }

    /// Whether something comes of it all the time, as long as a live goes on.
    pub(crate) fn always_comes(self) -> bool {
        self != Self::Conversation
    }
}

/// Bytes that a reader of a file takes at once, so often.
const SIP: usize = 8 << 10;
const SIPS: Duration = Duration::from_millis(100);
/// The room for what such a reader has not taken.
const ROOM: u32 = 16 << 10;

/// Something that is open.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) kind: Kind,
    pub(crate) live: usize,
    pub(crate) right: Right,
    seen: Arc<Seen>,
    task: JoinHandle<()>,
}

/// What was seen of it.
#[derive(Debug)]
struct Seen {
    came: Mutex<Instant>,
    ended: Mutex<Option<(Instant, String)>>,
    /// A reader of a file takes all that there is.
    hurries: AtomicBool,
}

impl Seen {
    fn more(&self) {
        *lock(&self.came) = Instant::now();
    }

    fn end(&self, how: impl Into<String>) {
        lock(&self.ended).get_or_insert((Instant::now(), how.into()));
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Open {
    /// When and how it ended.
    pub(crate) fn ended(&self) -> Option<(Instant, String)> {
        lock(&self.seen.ended).clone()
    }

    /// When something came last.
    pub(crate) fn came(&self) -> Instant {
        *lock(&self.seen.came)
    }

    /// Reads all that there is: what a reader had in hand counts for nothing.
    pub(crate) fn hurry(&self) {
        self.seen.hurries.store(true, Ordering::Relaxed);
    }
}

/// Opens what the model allows.
///
/// # Panics
/// The server refuses.
pub(crate) async fn open(world: &World, kind: Kind, live: usize, right: Right) -> Open {
    let seen = Arc::new(Seen {
        came: Mutex::new(Instant::now()),
        ended: Mutex::default(),
        hurries: AtomicBool::new(false),
    });
    let task = match kind {
        Kind::Tail => tail(world, live, right, Arc::clone(&seen)).await,
        Kind::Carried => match carry(world, live, right).await {
            Ok(carried) => tokio::spawn(follow(carried, Arc::clone(&seen))),
            Err(status) => panic!("the tails of live {live} by {right:?}: {status}"),
        },
        Kind::Playlist => {
            let (api, path) = world.asking(right, live, "hls/video.m3u8");
            tokio::spawn(wait_for_playlists(api, path, Arc::clone(&seen)))
        }
        Kind::File => file(world, live, right, Arc::clone(&seen)).await,
        Kind::Conversation => conversation(world, live, right, Arc::clone(&seen)).await,
    };
    Open { kind, live, right, seen, task }
}

/// The tails over a WebSocket, or the status with which they are refused.
pub(crate) async fn carry(world: &World, live: usize, right: Right) -> Result<Carried, u16> {
    let (bearer, query) = world.coming(right);
    let bearer = bearer.map(|token| format!("Bearer {token}"));
    let headers: Vec<_> = bearer.iter().map(|value| ("authorization", value.as_str())).collect();
    Carried::ask(&world.server, &world.lives[live], &format!("?{query}"), &headers).await
}

async fn tail(world: &World, live: usize, right: Right, seen: Arc<Seen>) -> JoinHandle<()> {
    let (api, path) = world.asking(right, live, &format!("tail.mp4?take={}", BEFORE + 1));
    let answer = api.open(&path).await;
    assert_eq!(answer.status(), 200, "the tail of live {live} by {right:?}");
    tokio::spawn(async move {
        let mut pieces = answer.bytes_stream();
        while let Some(Ok(_)) = pieces.next().await {
            seen.more();
        }
        seen.end("the tail ends");
    })
}

async fn follow(mut carried: Carried, seen: Arc<Seen>) {
    loop {
        match carried.next_within(Duration::from_secs(600)).await {
            Some(Came::Bytes(..)) => {
                seen.more();
                carried.take().await;
            }
            Some(Came::Told(_)) => seen.more(),
            Some(Came::Closed(code)) => return seen.end(format!("closed with {code:?}")),
            None => return seen.end("nothing came for ten minutes"),
        }
    }
}

async fn wait_for_playlists(api: Api, path: String, seen: Arc<Seen>) {
    let joint = if path.contains('?') { "&" } else { "?" };
    let (mut next, mut before) = (String::new(), String::new());
    loop {
        let answer: Answer = api.send(api.request(Method::GET, &format!("{path}{next}"))).await;
        match answer.status {
            200 => {
                let playlist = answer.whole_text();
                next = next_part(&playlist, joint);
                // Whoever has what there is asks again in a while.
                if playlist == before {
                    tokio::time::sleep(SIPS).await;
                }
                before = playlist;
            }
            // What was waited for has not come.
            503 => {}
            status => return seen.end(format!("{status}: {}", answer.text())),
        }
        seen.more();
    }
}

/// The question for what comes after this playlist (RFC 8216bis, 6.2.5.2).
fn next_part(playlist: &str, joint: &str) -> String {
    let segments = playlist.matches("#EXTINF").count();
    let unfinished = playlist.rsplit("#EXTINF").next().unwrap_or_default();
    let parts = unfinished.matches("#EXT-X-PART:").count();
    format!("{joint}_HLS_msn={segments}&_HLS_part={parts}")
}

async fn file(world: &World, live: usize, right: Right, seen: Arc<Seen>) -> JoinHandle<()> {
    let (bearer, query) = world.coming(right);
    let path = world.lives[live].path(&format!("replay.mp4?{query}"));
    let bearer = bearer.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let address = world.server.address();
    let head = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nRange: bytes=100-\r\n{bearer}\r\n");
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(ROOM).expect("a small buffer");
    let mut stream = socket.connect(address.parse().expect("an address")).await.expect("the server listens");
    stream.write_all(head.as_bytes()).await.expect("the server reads");
    let mut status = [0; 12];
    stream.read_exact(&mut status).await.expect("the server answers");
    assert_eq!(String::from_utf8_lossy(&status), "HTTP/1.1 206", "the file of live {live} by {right:?}");
    tokio::spawn(sip(stream, seen))
}

/// Takes a little at a time; a file that is whole is no file that was cut.
async fn sip(mut stream: TcpStream, seen: Arc<Seen>) {
    let mut room = vec![0; SIP];
    let mut head = Vec::new();
    let mut left = None;
    loop {
        let read = match stream.read(&mut room).await {
            Ok(0) | Err(_) => break,
            Ok(read) => read,
        };
        seen.more();
        left = match left {
            None => {
                head.extend_from_slice(&room[..read]);
                body_left(&head)
            }
            Some(left) => Some(left - read as u64),
        };
        if left == Some(0) {
            return seen.end(WHOLE);
        }
        if !seen.hurries.load(Ordering::Relaxed) {
            tokio::time::sleep(SIPS).await;
        }
    }
    seen.end("the file is cut");
}

/// How a file ends that came whole.
pub(crate) const WHOLE: &str = "the file came whole";

/// Bytes of the body that are to come behind this beginning of an answer.
fn body_left(answer: &[u8]) -> Option<u64> {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?.trim().parse::<u64>();
    Some(length.expect("a length") - (answer.len() - end) as u64)
}

async fn conversation(world: &World, live: usize, right: Right, seen: Arc<Seen>) -> JoinHandle<()> {
    let (bearer, query) = world.coming(right);
    let path = world.lives[live].path(&format!("chat/ws/?{query}"));
    // As pages do it: without a right of theirs first where they sign in once connected.
    let url = format!("ws://{}{path}", world.server.address());
    let mut request = tokio_tungstenite::tungstenite::client::IntoClientRequest::into_client_request(url)
        .expect("an address");
    if let Some(token) = bearer {
        let value = format!("Bearer {token}").parse().expect("a header");
        request.headers_mut().insert("authorization", value);
    }
    let (mut socket, _) = connect_async(request)
        .await
        .unwrap_or_else(|error| panic!("the conversation of live {live} by {right:?}: {error}"));
    tokio::spawn(async move {
        loop {
            match socket.next().await {
                Some(Ok(Message::Close(frame))) => {
                    return seen.end(format!("closed with {:?}", frame.map(|frame| u16::from(frame.code))));
                }
                Some(Ok(_)) => seen.more(),
                Some(Err(error)) => return seen.end(error.to_string()),
                None => return seen.end(json!("closed").to_string()),
            }
        }
    })
}
