//! A line between one person and the server: a proxy that breaks each connection, so many times, and then holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use promises::random::Random;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What the lines did, and what was sent twice.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) cut: AtomicU64,
    pub(crate) cut_in_what_is_sent: AtomicU64,
    pub(crate) cut_in_what_is_answered: AtomicU64,
    pub(crate) answers_lost: AtomicU64,
    pub(crate) sent_again: AtomicU64,
    pub(crate) sent_twice_at_once: AtomicU64,
    pub(crate) sent_over_http_too: AtomicU64,
}

/// A line; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Line {
    /// Where the person connects.
    pub(crate) address: String,
    left: Arc<AtomicU64>,
    accepting: JoinHandle<()>,
}

/// How a connection breaks.
#[derive(Debug, Clone, Copy)]
enum Break {
    /// After a while, wherever its bytes are.
    Later(Duration),
    /// After so many bytes towards the server.
    Sending(usize),
    /// After so many bytes from the server.
    Answering(usize),
    /// What the server says is lost from a moment on, then the connection breaks.
    Deaf(Duration, Duration),
}

impl Break {
    fn any(random: &mut Random) -> Self {
        let ms = |random: &mut Random, low, high| Duration::from_millis(random.between(low, high) as u64);
        match random.between(0, 3) {
            0 => Self::Later(ms(random, 5, 300)),
            1 => Self::Sending(random.between(1, 3_000)),
            2 => Self::Answering(random.between(1, 30_000)),
            _ => Self::Deaf(ms(random, 5, 150), ms(random, 20, 150)),
        }
    }
}

impl Line {
    /// A line to the server that breaks so many times.
    pub(crate) async fn open(upstream: &str, cuts: u64, mut random: Random, counts: Arc<Counts>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let (upstream, left) = (upstream.to_owned(), Arc::new(AtomicU64::new(cuts)));
        let still = Arc::clone(&left);
        let accepting = tokio::spawn(async move {
            // One person has one connection at a time.
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&upstream).await else { continue };
                if still.load(Ordering::Relaxed) == 0 {
                    tokio::spawn(hold(client, server));
                    continue;
                }
                break_so(client, server, Break::any(&mut random), &counts).await;
                counts.cut.fetch_add(1, Ordering::Relaxed);
                still.fetch_sub(1, Ordering::Relaxed);
            }
        });
        Self { address, left, accepting }
    }

    /// Whether it breaks no more.
    pub(crate) fn holds(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn hold(mut client: TcpStream, mut server: TcpStream) {
    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
}

/// Carries bytes until the connection breaks; at the latest after a while, so that a silent one breaks too.
async fn break_so(client: TcpStream, server: TcpStream, how: Break, counts: &Counts) {
    const AT_LAST: Duration = Duration::from_millis(400);
    let count = |counter: &AtomicU64| counter.fetch_add(1, Ordering::Relaxed);
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let (up, down, life) = match how {
        Break::Later(life) => (usize::MAX, usize::MAX, life),
        Break::Sending(bytes) => (bytes, usize::MAX, AT_LAST),
        Break::Answering(bytes) => (usize::MAX, bytes, AT_LAST),
        Break::Deaf(hearing, deaf) => {
            count(&counts.answers_lost);
            let mut sending = tokio::spawn(carry(from_client, to_server, usize::MAX));
            let answering = tokio::time::timeout(hearing, carry(from_server, to_client, usize::MAX));
            if answering.await.is_err() {
                let _ = tokio::time::timeout(deaf, &mut sending).await;
            }
            sending.abort();
            return;
        }
    };
    tokio::select! {
        () = tokio::time::sleep(life) => {}
        () = carry(from_client, to_server, up) => drop(count(&counts.cut_in_what_is_sent)),
        () = carry(from_server, to_client, down) => drop(count(&counts.cut_in_what_is_answered)),
    }
}

/// Carries at most so many bytes, until either side ends.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut left: usize) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let count = count.min(left);
        if to.write_all(&buffer[..count]).await.is_err() || count == left {
            return;
        }
        left -= count;
    }
}
