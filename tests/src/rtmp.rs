//! An RTMP publisher of our own, which shares nothing with the product: it says what it is told to, right or wrong.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Live;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of our chunks: those that the protocol begins with.
const CHUNK: usize = 128;

/// A connection.
#[derive(Debug)]
pub struct Rtmp {
    stream: TcpStream,
}

/// What a server says of a stream: `onStatus`, or `_error`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// As `NetStream.Publish.Start`.
    pub code: String,
    /// For a person to read.
    pub description: String,
}

/// AMF0, as much of it as is said here.
pub mod amf {
    /// A text.
    #[must_use]
    pub fn text(text: &str) -> Vec<u8> {
        [&[2][..], &name(text)].concat()
    }

    /// A number.
    #[must_use]
    pub fn number(number: f64) -> Vec<u8> {
        [&[0][..], &number.to_be_bytes()].concat()
    }

    /// Nothing.
    #[must_use]
    pub fn null() -> Vec<u8> {
        vec![5]
    }

    /// An object of texts.
    #[must_use]
    pub fn object(members: &[(&str, &str)]) -> Vec<u8> {
        let members = members.iter().flat_map(|(key, value)| [name(key), text(value)].concat());
        [3].into_iter().chain(members).chain([0, 0, 9]).collect()
    }

    /// Objects in one another.
    #[must_use]
    pub fn nested(depth: usize) -> Vec<u8> {
        [[3, 0, 1, b'a'].repeat(depth), null(), [0, 0, 9].repeat(depth)].concat()
    }

    fn name(text: &str) -> Vec<u8> {
        let len = u16::try_from(text.len()).expect("a short text");
        [&len.to_be_bytes()[..], text.as_bytes()].concat()
    }
}

/// `host:port` of an address as `rtmp://host:port/live`.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn host(live: &Live) -> String {
    let url = live.started["rtmp_url"].as_str().expect("RTMP is on");
    let host = url.strip_prefix("rtmp://").and_then(|rest| rest.strip_suffix("/live"));
    host.unwrap_or_else(|| panic!("no address of RTMP: {url}")).to_owned()
}

impl Rtmp {
    /// A connection that has said nothing yet.
    pub async fn open(host: &str) -> Self {
        Self { stream: TcpStream::connect(host).await.expect("the server listens") }
    }

    /// The same after the handshake.
    pub async fn shaken(host: &str) -> Self {
        let mut rtmp = Self::open(host).await;
        rtmp.shake().await.expect("the handshake is answered");
        rtmp
    }

    async fn shake(&mut self) -> std::io::Result<()> {
        let packet: Vec<u8> = (0..1_536_u32).map(|at| (at % 251) as u8).collect();
        self.raw(&[&[3][..], &packet].concat()).await;
        let mut answer = vec![0; 1 + 2 * 1_536];
        tokio::time::timeout(PATIENCE, self.stream.read_exact(&mut answer)).await??;
        assert!(answer[0] == 3 && answer[1 + 1_536..] == packet, "our packet comes back");
        self.raw(&answer[1..=1_536]).await;
        Ok(())
    }

    /// The same after `connect`, as encoders say it.
    pub async fn connected(host: &str) -> Self {
        let mut rtmp = Self::shaken(host).await;
        rtmp.connect().await;
        rtmp
    }

    async fn connect(&mut self) {
        let asked =
            amf::object(&[("app", "live"), ("type", "nonprivate"), ("tcUrl", "rtmp://a.example/live")]);
        self.command(&[amf::text("connect"), amf::number(1.0), asked]).await;
    }

    /// A publisher of a live, let in.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn publishing(live: &Live) -> Self {
        let mut rtmp = Self::connected(&host(live)).await;
        let status = rtmp.publish(&live.key).await;
        assert_eq!(status.code, "NetStream.Publish.Start", "{}", status.description);
        rtmp
    }

    /// A publisher of a live, let in; `None` when nobody listens or the connection is cut on the way.
    ///
    /// # Panics
    /// When the server refuses it.
    pub async fn let_in(host: &str, key: &str) -> Option<Self> {
        let mut rtmp = Self { stream: TcpStream::connect(host).await.ok()? };
        rtmp.shake().await.ok()?;
        rtmp.connect().await;
        rtmp.ask(key).await;
        let status = rtmp.status().await?;
        assert_eq!(status.code, "NetStream.Publish.Start", "{}", status.description);
        Some(rtmp)
    }

    /// Asks to publish; the answer.
    pub async fn publish(&mut self, name: &str) -> Status {
        self.ask(name).await;
        self.status().await.expect("publish is answered")
    }

    async fn ask(&mut self, name: &str) {
        for before in ["releaseStream", "FCPublish"] {
            self.command(&[amf::text(before), amf::number(2.0), amf::null(), amf::text(name)]).await;
        }
        self.command(&[amf::text("createStream"), amf::number(4.0), amf::null()]).await;
        let live = amf::text("live");
        self.command(&[amf::text("publish"), amf::number(5.0), amf::null(), amf::text(name), live]).await;
    }

    /// Says that the stream has ended, and waits until the server has it, whose answers come in the order of our messages;
    /// false when the connection is cut before.
    pub async fn ended(mut self) -> bool {
        self.command(&[amf::text("deleteStream"), amf::number(6.0), amf::null(), amf::number(1.0)]).await;
        self.command(&[amf::text("createStream"), amf::number(7.0), amf::null()]).await;
        while let Some((kind, payload)) = self.next().await {
            if kind == 20 && payload.ends_with(&1_f64.to_be_bytes()) {
                return true;
            }
        }
        false
    }

    /// Sends a command of these values.
    pub async fn command(&mut self, values: &[Vec<u8>]) {
        self.message(3, 20, 0, &values.concat()).await;
    }

    /// Sends a message on a chunk stream: its type, its time in milliseconds and what it says. What the server does not
    /// take any more is no failure: it may have closed.
    pub async fn message(&mut self, id: u8, kind: u8, time: u32, payload: &[u8]) {
        let bytes = message(id, kind, time, payload);
        self.raw(&bytes).await;
    }

    /// The same, for whom it matters whether the connection still stands.
    ///
    /// # Errors
    /// The server has closed it, or is gone.
    pub async fn try_message(&mut self, id: u8, kind: u8, time: u32, payload: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(&message(id, kind, time, payload)).await
    }

    /// Sends bytes as they are.
    pub async fn raw(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// What the server says next of a stream or of the connection; `None` when it closes.
    ///
    /// # Panics
    /// When it does neither in time.
    pub async fn status(&mut self) -> Option<Status> {
        loop {
            let (kind, payload) = self.next().await?;
            let said = |word: &str| value(&payload, word);
            if kind == 20
                && let Some(code) = said("code")
            {
                let description = said("description").unwrap_or_default();
                if code != "NetConnection.Connect.Success" {
                    return Some(Status { code, description });
                }
            }
        }
    }

    /// The type of the next message of the server and what it says; `None` when it closes.
    ///
    /// # Panics
    /// When it does neither in time.
    pub async fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        let next = tokio::time::timeout(PATIENCE, self.read()).await;
        next.expect("the server says something, or closes")
    }

    async fn read(&mut self) -> Option<(u8, Vec<u8>)> {
        // Whole headers, and chunks that hold each of its messages.
        let mut header = [0; 12];
        self.stream.read_exact(&mut header).await.ok()?;
        let length = u32::from_be_bytes([0, header[4], header[5], header[6]]);
        let mut payload = vec![0; length as usize];
        self.stream.read_exact(&mut payload).await.ok()?;
        Some((header[7], payload))
    }

    /// Waits until the server has closed.
    ///
    /// # Panics
    /// When it does not in time.
    pub async fn must_close(mut self) {
        while self.next().await.is_some() {}
    }

    /// Cuts the connection: nothing is said, the other side hears of it at once.
    pub fn cut(self) {
        self.stream.set_zero_linger().expect("a socket");
    }
}

/// A message in chunks.
#[must_use]
pub fn message(id: u8, kind: u8, time: u32, payload: &[u8]) -> Vec<u8> {
    const EXTENDED: u32 = 0xff_ffff;
    let extended = time.to_be_bytes();
    let extended = if time >= EXTENDED { &extended[..] } else { &[] };
    let (short, length) = (time.min(EXTENDED).to_be_bytes(), (payload.len() as u32).to_be_bytes());
    let mut bytes = vec![id];
    bytes.extend_from_slice(&short[1..]);
    bytes.extend_from_slice(&length[1..]);
    bytes.extend([kind, 1, 0, 0, 0]);
    bytes.extend_from_slice(extended);
    for (number, piece) in payload.chunks(CHUNK).enumerate() {
        if number > 0 {
            bytes.push(0xc0 | id);
            bytes.extend_from_slice(extended);
        }
        bytes.extend_from_slice(piece);
    }
    bytes
}

/// The text behind a name in AMF0.
fn value(payload: &[u8], name: &str) -> Option<String> {
    let found = payload.windows(name.len()).position(|window| window == name.as_bytes())?;
    let rest = payload.get(found + name.len()..)?;
    let (&[marker, high, low], text) = rest.split_first_chunk::<3>()?;
    let text = text.get(..usize::from(u16::from_be_bytes([high, low])))?;
    (marker == 2).then(|| String::from_utf8_lossy(text).into_owned())
}
