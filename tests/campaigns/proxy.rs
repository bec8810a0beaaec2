//! A proxy in user space between clients and the server: what a bad network does to requests.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use promises::random::Random;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::crowd::{Shared, lock};

/// A request's head and body are at most this long here.
const REQUEST: usize = 1 << 20;
/// Of a hundred requests so many are lost, on their way there or the answer on its way back.
const LOST: usize = 20;
/// Neither side of a half-open connection hears of the other for so long.
const HALF_OPEN: Duration = Duration::from_secs(4);

/// What the proxy did.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    requests: AtomicU64,
    lost_requests: AtomicU64,
    lost_answers: AtomicU64,
    cut_in_the_body: AtomicU64,
    half_open: AtomicU64,
    doubled: AtomicU64,
    doubled_late: AtomicU64,
    delayed: AtomicU64,
    overtaken: AtomicU64,
    sockets_cut: AtomicU64,
    addresses: AtomicU64,
}

/// Where requests go, and from which address they seem to come.
#[derive(Debug, Clone)]
struct Route {
    upstream: SocketAddr,
    from: Ipv4Addr,
}

impl Route {
    async fn connect(&self) -> std::io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((self.from, 0)))?;
        socket.connect(self.upstream).await
    }
}

/// The network between the clients of one run and its server.
#[derive(Debug)]
pub(crate) struct Network {
    route: Shared<Route>,
    counts: Arc<Counts>,
    accepting: JoinHandle<()>,
}

impl Network {
    /// A network to the server at `upstream` (`127.0.0.1:PORT`), and the base URL at which clients reach it.
    pub(crate) async fn to(upstream: &str, random: &mut Random, counts: &Arc<Counts>) -> (Self, String) {
        let upstream = upstream.parse().expect("the address of a server");
        let route = Arc::new(Route { upstream, from: Ipv4Addr::LOCALHOST }.into());
        let (accepting, base) = listen(&route, random, counts).await;
        (Self { route, counts: Arc::clone(counts), accepting }, base)
    }

    /// The clients' address changes, as from Wi-Fi to the phone's own network: every connection dies without a word, the
    /// next come from somewhere else. What was on its way may still arrive. Answers the new base URL.
    pub(crate) async fn change_address(&mut self, random: &mut Random) -> String {
        self.accepting.abort();
        let last = u8::try_from(random.between(2, 254)).unwrap_or(2);
        lock(&self.route).from = Ipv4Addr::new(127, 0, 0, last);
        self.counts.addresses.fetch_add(1, Ordering::Relaxed);
        let (accepting, base) = listen(&self.route, random, &self.counts).await;
        self.accepting = accepting;
        base
    }

    /// The server answers at another address from now on.
    pub(crate) fn lead_to(&self, upstream: &str) {
        lock(&self.route).upstream = upstream.parse().expect("the address of a server");
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn listen(
    route: &Shared<Route>,
    random: &mut Random,
    counts: &Arc<Counts>,
) -> (JoinHandle<()>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let work = accept(listener, Arc::clone(route), Random::new(random.number()), Arc::clone(counts));
    (tokio::spawn(work), base)
}

async fn accept(listener: TcpListener, route: Shared<Route>, mut random: Random, counts: Arc<Counts>) {
    // They end with this task.
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let (random, counts) = (Random::new(random.number()), Arc::clone(&counts));
        connections.spawn(talk(client, Arc::clone(&route), random, counts));
        while connections.try_join_next().is_some() {}
    }
}

/// What happens to a request.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Passes,
    Late(Duration),
    /// Its sender gives it up and sends the next, which arrives first.
    Overtaken(Duration),
    Lost,
    AnswerLost,
    CutAt(usize),
    HalfOpen,
    Doubled,
    DoubledLate(Duration),
}

fn fate(random: &mut Random, len: usize) -> Fate {
    let mut within = |low: usize, high: usize| Duration::from_millis(random.between(low, high) as u64);
    let (soon, late, far) = (within(1, 300), within(1, 800), within(300, 5_000));
    match random.between(0, 99) {
        roll if roll < LOST / 2 => Fate::Lost,
        roll if roll < LOST => Fate::AnswerLost,
        20..30 => Fate::CutAt(random.between(1, len)),
        30..33 => Fate::HalfOpen,
        33..43 => Fate::Doubled,
        43..51 => Fate::DoubledLate(late),
        51..57 => Fate::Overtaken(late),
        57..75 => Fate::Late(soon),
        75..77 => Fate::Late(far),
        _ => Fate::Passes,
    }
}

/// One connection of a client, a request at a time; each goes to the server on a connection of its own.
async fn talk(mut client: TcpStream, route: Shared<Route>, mut random: Random, counts: Arc<Counts>) {
    let count = |counter: &AtomicU64| counter.fetch_add(1, Ordering::Relaxed);
    while let Some(request) = read_message(&mut client).await {
        let route = lock(&route).clone();
        if is_upgrade(&request) {
            let stay = Duration::from_millis(random.between(50, 4_000) as u64);
            count(&counts.sockets_cut);
            // A WebSocket lives for a while and is then cut, wherever it is in its bytes.
            let _ = tokio::time::timeout(stay, tunnel(client, &route, &request)).await;
            return;
        }
        count(&counts.requests);
        let request = closing(&request);
        let answer = match fate(&mut random, request.len()) {
            Fate::Passes => ask(&route, &request).await,
            Fate::Late(delay) => {
                count(&counts.delayed);
                tokio::time::sleep(delay).await;
                ask(&route, &request).await
            }
            Fate::Overtaken(delay) => {
                count(&counts.overtaken);
                later(route, request, delay);
                return;
            }
            Fate::Lost => {
                count(&counts.lost_requests);
                return;
            }
            Fate::AnswerLost => {
                count(&counts.lost_answers);
                ask(&route, &request).await;
                return;
            }
            Fate::CutAt(len) => {
                count(&counts.cut_in_the_body);
                ask_in_part(&route, &request[..len]).await;
                return;
            }
            Fate::HalfOpen => {
                count(&counts.half_open);
                half_open(client, &route, &request).await;
                return;
            }
            Fate::Doubled => {
                count(&counts.doubled);
                let (answer, _) = tokio::join!(ask(&route, &request), ask(&route, &request));
                answer
            }
            Fate::DoubledLate(delay) => {
                count(&counts.doubled_late);
                later(route.clone(), request.clone(), delay);
                ask(&route, &request).await
            }
        };
        let Some(answer) = answer else { return };
        if client.write_all(&answer).await.is_err() {
            return;
        }
    }
}

/// Sends a whole request and reads the answer to its end.
async fn ask(route: &Route, request: &[u8]) -> Option<Vec<u8>> {
    let mut server = route.connect().await.ok()?;
    server.write_all(request).await.ok()?;
    let mut answer = Vec::new();
    let read = server.read_to_end(&mut answer);
    tokio::time::timeout(Duration::from_secs(10), read).await.ok()?.ok()?;
    (!answer.is_empty()).then_some(answer)
}

/// Sends a request after a while, whatever has become of its sender.
fn later(route: Route, request: Vec<u8>, delay: Duration) {
    tokio::spawn(async move {
        tokio::time::sleep(delay).await;
        ask(&route, &request).await;
    });
}

/// Sends the beginning of a request and closes the connection.
async fn ask_in_part(route: &Route, beginning: &[u8]) {
    let Ok(mut server) = route.connect().await else { return };
    let _ = server.write_all(beginning).await;
    let _ = server.shutdown().await;
}

/// Half of the request reaches the server, and neither side hears of the other again for a while.
async fn half_open(client: TcpStream, route: &Route, request: &[u8]) {
    let Ok(mut server) = route.connect().await else { return };
    let _ = server.write_all(&request[..request.len() / 2]).await;
    tokio::time::sleep(HALF_OPEN).await;
    drop((client, server));
}

async fn tunnel(mut client: TcpStream, route: &Route, request: &[u8]) -> std::io::Result<()> {
    let mut server = route.connect().await?;
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
