//! Spans of requests for a collector of OpenTelemetry, by OTLP over HTTP, in JSON (OTLP specification 1.x, "OTLP/HTTP").

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use prometheus::IntCounter;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_util::sync::CancellationToken;

/// Spans that wait to be sent; more are lost, and counted: no request waits for them.
const WAITING: usize = 8_192;
/// Spans of one request to the collector.
const TOGETHER: usize = 512;
/// How long spans gather.
const GATHERED: Duration = Duration::from_secs(1);
/// How long the collector may take, and at the end.
const PATIENCE: Duration = Duration::from_secs(10);
const LAST_PATIENCE: Duration = Duration::from_secs(1);
/// What a collector's address ends with.
const PATH: &str = "/v1/traces";

/// What is said of a request that was answered.
#[derive(Debug)]
pub(crate) struct Span {
    /// The place in a trace that somebody began, where the request came with one (W3C Trace Context, section 3.2).
    pub(crate) traceparent: Option<String>,
    pub(crate) request_id: String,
    pub(crate) method: String,
    /// Without what follows the question mark.
    pub(crate) path: String,
    pub(crate) status: u16,
    pub(crate) bytes: u64,
    /// Milliseconds since 1970.
    pub(crate) began_ms: i64,
    pub(crate) took: Duration,
}

/// Where spans go.
#[derive(Debug)]
pub(crate) struct Spans {
    waiting: Sender<Span>,
    taken: Mutex<Option<Receiver<Span>>>,
    address: String,
    lost: IntCounter,
}

impl Spans {
    /// For the collector at this address, with or without the path of traces.
    pub(crate) fn new(address: &str, lost: IntCounter) -> Self {
        let (waiting, taken) = channel(WAITING);
        let address = if address.ends_with(PATH) { address.to_owned() } else { format!("{address}{PATH}") };
        Self { waiting, taken: Mutex::new(Some(taken)), address, lost }
    }

    /// Says what became of a request, unless whoever began the trace does not want it.
    pub(crate) fn say(&self, span: Span) {
        let is_wanted = span.traceparent.as_deref().is_none_or(is_sampled);
        if is_wanted && self.waiting.try_send(span).is_err() {
            self.lost.inc();
        }
    }

    /// Sends what comes, until the server leaves, and then what waits.
    pub(crate) async fn send(&self, leaving: CancellationToken) {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut taken) = taken else { return };
        let client = match Client::builder().timeout(PATIENCE).build() {
            Ok(client) => client,
            Err(error) => return tracing::error!(%error, "no spans are sent"),
        };
        let mut spans = Vec::with_capacity(TOGETHER);
        loop {
            tokio::select! {
                () = leaving.cancelled() => break,
                count = taken.recv_many(&mut spans, TOGETHER) => if count == 0 { return },
            }
            self.post(&client, &mut spans).await;
            if taken.len() < TOGETHER {
                tokio::select! {
                    () = leaving.cancelled() => break,
                    () = tokio::time::sleep(GATHERED) => {}
                }
            }
        }
        while spans.len() < WAITING
            && let Ok(span) = taken.try_recv()
        {
            spans.push(span);
        }
        if !spans.is_empty()
            && tokio::time::timeout(LAST_PATIENCE, self.post(&client, &mut spans)).await.is_err()
        {
            tracing::warn!("the last spans were not taken in time");
        }
    }

    async fn post(&self, client: &Client, spans: &mut Vec<Span>) {
        let count = spans.len() as u64;
        let body = request(&spans.drain(..).map(|span| written(&span)).collect::<Vec<_>>());
        let answer = client.post(&self.address).json(&body).send().await;
        if let Err(error) = answer.and_then(reqwest::Response::error_for_status) {
            self.lost.inc_by(count);
            // Without its address, which may hold a key.
            tracing::warn!(error = %error.without_url(), count, "spans were not taken");
        }
    }
}

/// Whether whoever began a trace keeps it (W3C Trace Context, section 3.2.2.5.1).
fn is_sampled(traceparent: &str) -> bool {
    let flags = traceparent.split('-').nth(3).and_then(|flags| u8::from_str_radix(flags, 16).ok());
    flags.is_some_and(|flags| flags & 1 == 1)
}

fn request(spans: &[Value]) -> Value {
    json!({"resourceSpans": [{
        "resource": {"attributes": [
            text("service.name", "communiconnect"),
            text("service.version", env!("CARGO_PKG_VERSION")),
        ]},
        "scopeSpans": [{"scope": {"name": "communiconnect.http"}, "spans": spans}],
    }]})
}

/// A span of a server (kind 2), with the attributes that OpenTelemetry names for HTTP.
fn written(span: &Span) -> Value {
    let mut place = span.traceparent.as_deref().unwrap_or_default().split('-').skip(1).map(str::to_owned);
    let (trace, parent) = (place.next(), place.next());
    let begin = i128::from(span.began_ms) * 1_000_000;
    let nanoseconds = i128::try_from(span.took.as_nanos()).unwrap_or(0);
    let mut written = json!({
        "traceId": trace.unwrap_or_else(|| format!("{:032x}", rand::random::<u128>())),
        "spanId": format!("{:016x}", rand::random::<u64>()),
        "name": span.method,
        "kind": 2,
        "startTimeUnixNano": begin.to_string(),
        "endTimeUnixNano": (begin + nanoseconds).to_string(),
        "attributes": [
            text("http.request.method", &span.method),
            text("url.path", &span.path),
            number("http.response.status_code", u64::from(span.status)),
            number("http.response.body.size", span.bytes),
            text("communiconnect.request_id", &span.request_id),
        ],
        "status": if span.status >= 500 { json!({"code": 2}) } else { json!({}) },
    });
    if let Some(parent) = parent {
        written["parentSpanId"] = parent.into();
    }
    written
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

/// Whole numbers are strings in the JSON of protocol buffers.
fn number(key: &str, value: u64) -> Value {
    json!({"key": key, "value": {"intValue": value.to_string()}})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(traceparent: Option<&str>) -> Span {
        Span {
            traceparent: traceparent.map(str::to_owned),
            request_id: "a".to_owned(),
            method: "GET".to_owned(),
            path: "/".to_owned(),
            status: 500,
            bytes: 3,
            began_ms: 1_000,
            took: Duration::from_millis(2),
        }
    }

    #[test]
    fn a_span_stands_below_the_one_that_asked() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let below = written(&span(Some(&format!("00-{trace}-00f067aa0ba902b7-01"))));
        assert_eq!((&below["traceId"], &below["parentSpanId"]), (&json!(trace), &json!("00f067aa0ba902b7")));
        assert_eq!(below["endTimeUnixNano"], "1002000000");
        assert_eq!(below["status"]["code"], 2);
        let alone = written(&span(None));
        assert!(
            alone["traceId"].as_str().is_some_and(|id| id.len() == 32) && alone.get("parentSpanId").is_none()
        );
    }

    #[test]
    fn what_nobody_keeps_and_what_nobody_takes_is_not_sent() {
        let lost = IntCounter::new("lost", "lost").unwrap();
        let spans = Spans::new("http://127.0.0.1:4318", lost.clone());
        assert_eq!(spans.address, "http://127.0.0.1:4318/v1/traces");
        spans.say(span(Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")));
        assert_eq!(spans.waiting.capacity(), WAITING);
        for _ in 0..=WAITING {
            spans.say(span(None));
        }
        assert_eq!(lost.get(), 1);
    }
}
