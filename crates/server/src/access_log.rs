//! The access log: a line of JSON on standard output for each request, when its answer has gone.

use std::io::Write;
use std::net::IpAddr;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

use prometheus::IntCounter;
use serde::Serialize;

/// Lines that wait for whoever reads standard output; more are lost, and counted: no request waits for its log.
const WAITING: usize = 8_192;

/// What is said of a request.
#[derive(Debug, Serialize)]
pub(crate) struct Line<'a> {
    /// When it came (RFC 3339, UTC).
    pub(crate) time: String,
    pub(crate) request_id: &'a str,
    pub(crate) method: &'a str,
    /// Without what follows the question mark, where keys and tokens stand.
    pub(crate) path: &'a str,
    pub(crate) status: u16,
    /// Bytes of the answer's body that went.
    pub(crate) bytes: u64,
    /// Milliseconds from the head of the request to the end of its answer.
    pub(crate) duration_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user_agent: Option<&'a str>,
    /// As it came (W3C Trace Context, section 3.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) traceparent: Option<&'a str>,
}

/// The log; written by a thread of its own.
#[derive(Debug)]
pub(crate) struct AccessLog {
    lines: RwLock<Option<SyncSender<String>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    lost: IntCounter,
}

impl AccessLog {
    /// Begins to write to standard output. `lost` counts the lines that nobody took.
    ///
    /// # Errors
    /// No thread can be started.
    pub(crate) fn begin(lost: IntCounter) -> std::io::Result<Self> {
        let (lines, taken) = sync_channel(WAITING);
        let writer =
            std::thread::Builder::new().name("access-log".to_owned()).spawn(move || write(&taken))?;
        Ok(Self { lines: RwLock::new(Some(lines)), writer: Mutex::new(Some(writer)), lost })
    }

    /// Says what became of a request.
    pub(crate) fn say(&self, line: &Line<'_>) {
        // Strings and numbers are always written.
        let line = serde_json::to_string(line).unwrap_or_default();
        let lines = self.lines.read().unwrap_or_else(PoisonError::into_inner);
        if lines.as_ref().is_some_and(|lines| lines.try_send(line).is_err()) {
            self.lost.inc();
        }
    }

    /// Writes what waits, and ends. Blocks for as long as nobody reads it.
    pub(crate) fn close(&self) {
        self.lines.write().unwrap_or_else(PoisonError::into_inner).take();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if writer.is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("the writer of the access log panicked");
        }
    }
}

/// Writes lines together that wait together, until there are no more.
fn write(lines: &Receiver<String>) {
    while let Ok(first) = lines.recv() {
        let mut text = first;
        text.push('\n');
        for line in lines.try_iter().take(WAITING) {
            text.push_str(&line);
            text.push('\n');
        }
        let mut out = std::io::stdout().lock();
        // Whoever closed it does not want it.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}
