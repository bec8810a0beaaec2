//! Those who mean well while somebody attacks: how long each of them waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use promises::{Live, Person, Server, Upload, recorded};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::crowd::{Shared, lock};

/// How often somebody new comes and asks how the server is.
const VISITS: Duration = Duration::from_millis(50);
/// How often the publisher sends a slice, and its bytes.
const SLICES: Duration = Duration::from_millis(100);
const SLICE: usize = 8 << 10;
/// Who waits longer gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is measured, while it lasts.
#[derive(Debug)]
pub(crate) struct Watch {
    health: Shared<Vec<Duration>>,
    acknowledged: Shared<Vec<Duration>>,
    is_over: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
}

/// How long some waited, sorted.
#[derive(Debug, Clone)]
pub(crate) struct Waits(Vec<Duration>);

impl Waits {
    pub(crate) fn of(mut waits: Vec<Duration>) -> Self {
        waits.sort();
        Self(waits)
    }

    pub(crate) fn max(&self) -> Duration {
        self.0.last().copied().unwrap_or_default()
    }

    fn percentile(&self, of_hundred: usize) -> Duration {
        self.0.get(self.0.len() * of_hundred / 100).copied().unwrap_or_default()
    }
}

/// p50, p99 and the longest, in milliseconds.
impl std::fmt::Display for Waits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (half, most) = (self.percentile(50), self.percentile(99));
        write!(f, "{}/{}/{} ms", half.as_millis(), most.as_millis(), self.max().as_millis())
    }
}

impl Watch {
    pub(crate) async fn begin(server: &Server, publisher: &Person) -> Self {
        let (health, acknowledged) = (Shared::default(), Shared::default());
        let is_over = Arc::new(AtomicBool::new(false));
        let live = publisher.start_live(json!({"title": "Bien intentionné"})).await;
        let upload = Upload::create(&publisher.api, &live).await;
        let visiting = visit(server.address().to_owned(), Arc::clone(&health), Arc::clone(&is_over));
        let publishing =
            publish(publisher.clone(), live, upload, Arc::clone(&acknowledged), Arc::clone(&is_over));
        Self { health, acknowledged, is_over, tasks: vec![tokio::spawn(visiting), tokio::spawn(publishing)] }
    }

    /// What was measured since this was last asked: of visitors and of the publisher.
    pub(crate) fn take(&self) -> (Waits, Waits) {
        let taken = |from: &Shared<Vec<Duration>>| Waits::of(std::mem::take(&mut *lock(from)));
        (taken(&self.health), taken(&self.acknowledged))
    }

    pub(crate) async fn end(self) {
        self.is_over.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.expect("whoever means well is served");
        }
    }
}

/// Each time on a connection of their own.
async fn visit(address: String, waits: Shared<Vec<Duration>>, is_over: Arc<AtomicBool>) {
    let mut pace = tokio::time::interval(VISITS);
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !is_over.load(Ordering::Relaxed) {
        pace.tick().await;
        let begin = Instant::now();
        let answer = tokio::time::timeout(PATIENCE, health(&address)).await;
        let answer = answer.unwrap_or_else(|_| panic!("a visitor has no answer within {PATIENCE:?}"));
        assert!(answer.starts_with("HTTP/1.1 200"), "a visitor is served: {answer}");
        lock(&waits).push(begin.elapsed());
    }
}

async fn health(address: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("a request is taken");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// One recording after the other, a slice at a time.
async fn publish(
    person: Person,
    live: Live,
    mut upload: Upload,
    waits: Shared<Vec<Duration>>,
    is_over: Arc<AtomicBool>,
) {
    let bytes = recorded("webm_vp9_opus.webm");
    let mut pace = tokio::time::interval(SLICES);
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        for slice in bytes.chunks(SLICE) {
            if is_over.load(Ordering::Relaxed) {
                return;
            }
            pace.tick().await;
            let begin = Instant::now();
            upload.append(slice).await;
            lock(&waits).push(begin.elapsed());
        }
        upload.complete().await;
        upload = Upload::create(&person.api, &live).await;
    }
}
