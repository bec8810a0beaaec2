//! What is counted and measured for whoever runs the server, as Prometheus has it.

mod process;
mod readings;

use std::time::Duration;

use axum::http::{Method, StatusCode};
use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry, TextEncoder,
};

pub(crate) use readings::Readings;

use crate::traffic::Traffic;

/// What stands before the names of all that is ours.
const PREFIX: &str = "communiconnect";
/// Upper bounds in seconds of what should take milliseconds.
const SHORT: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// The same of requests that may go on for as long as a live.
const LONG: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0, 3_600.0];
/// Refusals that are shown before there was one, so that the first counts as a rise.
const REFUSALS: &[&str] = &["401", "403", "404", "409", "413", "422", "429", "500", "503", "507"];
/// Which engine keeps the bodies.
pub(crate) const DISK: &str = "disk";

/// What is counted and measured.
pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    durations: HistogramVec,
    refused: IntCounterVec,
    received: IntCounterVec,
    sent: IntCounterVec,
    syncs: HistogramVec,
    commits: HistogramVec,
    /// How long requests that append to an upload take, from the head of the request to its answer.
    pub(crate) patches: Histogram,
    /// How long messages take from their commit to the viewers who wait for them.
    pub(crate) fan_out: Histogram,
    /// Sign-ins that were refused.
    pub(crate) sign_ins_failed: IntCounter,
    /// Lines of the access log that nobody took in time.
    pub(crate) access_log_lost: IntCounter,
    /// Spans that the collector did not take.
    pub(crate) spans_lost: IntCounter,
}

impl Metrics {
    /// Everything at zero.
    pub(crate) fn new() -> Self {
        let registry = Registry::new();
        let make = Make(&registry);
        let metrics = Self {
            requests: make.counters("http_requests_total", "Requests answered, by class of status.", "status"),
            durations: make.histograms(
                "http_request_duration_seconds",
                "Time from the head of a request to the head of its answer, by method and class of status.",
                &["method", "status"],
                SHORT,
            ),
            refused: make.counters("refused_total", "Requests refused, by status.", "status"),
            received: make.counters("received_bytes_total", "Bytes that came, by door.", "door"),
            sent: make.counters("sent_bytes_total", "Bytes that went, by door.", "door"),
            syncs: make.histograms(
                "fsync_seconds",
                "Time until what was recorded is on the disk, by engine.",
                &["engine"],
                SHORT,
            ),
            commits: make.histograms(
                "commit_seconds",
                "Time of a commit of rows, its sync included, by engine.",
                &["engine"],
                SHORT,
            ),
            patches: make.histogram(
                "upload_patch_seconds",
                "Time of a request that appends to an upload, all of it: a request may be as long as its live.",
                LONG,
            ),
            fan_out: make.histogram(
                "fan_out_seconds",
                "Time from the commit of a message to each viewer who waits for it.",
                SHORT,
            ),
            sign_ins_failed: make.counter("sign_ins_failed_total", "Sign-ins refused."),
            access_log_lost: make
                .counter("access_log_lost_total", "Lines of the access log that nobody took in time."),
            spans_lost: make.counter("spans_lost_total", "Spans of requests that the collector did not take."),
            registry: registry.clone(),
        };
        for class in ["1xx", "2xx", "3xx", "4xx", "5xx"] {
            metrics.requests.with_label_values(&[class]);
        }
        for status in REFUSALS {
            metrics.refused.with_label_values(&[status]);
        }
        metrics
    }

    /// A request was answered so long after it came.
    pub(crate) fn answered(&self, method: &Method, status: StatusCode, after: Duration) {
        let class = match status.as_u16() / 100 {
            1 => "1xx",
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            _ => "5xx",
        };
        self.requests.with_label_values(&[class]).inc();
        self.durations.with_label_values(&[known(method), class]).observe(after.as_secs_f64());
        if status.is_client_error() || status.is_server_error() {
            self.refused.with_label_values(&[status.as_str()]).inc();
        }
    }

    /// What comes and goes by a door: `http`, `rtmp`.
    pub(crate) fn traffic(&self, door: &str) -> Traffic {
        Traffic {
            received: self.received.with_label_values(&[door]),
            sent: self.sent.with_label_values(&[door]),
        }
    }

    /// How long an engine takes until bodies are on the disk.
    pub(crate) fn syncs(&self, engine: &str) -> Histogram {
        self.syncs.with_label_values(&[engine])
    }

    /// How long an engine takes to commit rows.
    pub(crate) fn commits(&self, engine: &str) -> Histogram {
        self.commits.with_label_values(&[engine])
    }

    /// All of it, what was just read too, as the text format has it (version 0.0.4).
    ///
    /// # Errors
    /// What cannot be written, which is a fault of the program.
    pub(crate) fn text(&self, mut readings: Readings) -> prometheus::Result<String> {
        readings.gauge_of(
            "build_info",
            "Which version runs: always 1.",
            &[("version", env!("CARGO_PKG_VERSION"))],
            1.0,
        );
        process::read(&mut readings);
        let mut families = self.registry.gather();
        families.extend(readings.into_families());
        let mut text = Vec::new();
        TextEncoder::new().encode(&families, &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

/// The method, if it is one of those that are answered: whoever asks chooses no labels.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Makes metrics that a registry has from then on. Names and labels stand here, so none of it fails.
struct Make<'a>(&'a Registry);

impl Make<'_> {
    fn counter(&self, name: &str, help: &str) -> IntCounter {
        let counter = IntCounter::with_opts(Opts::new(name, help).namespace(PREFIX));
        self.keep(counter.expect("the name is one"))
    }

    fn counters(&self, name: &str, help: &str, label: &str) -> IntCounterVec {
        let counters = IntCounterVec::new(Opts::new(name, help).namespace(PREFIX), &[label]);
        self.keep(counters.expect("the names are some"))
    }

    fn histogram(&self, name: &str, help: &str, bounds: &[f64]) -> Histogram {
        let options = HistogramOpts::new(name, help).namespace(PREFIX).buckets(bounds.to_vec());
        self.keep(Histogram::with_opts(options).expect("the bounds rise"))
    }

    fn histograms(&self, name: &str, help: &str, labels: &[&str], bounds: &[f64]) -> HistogramVec {
        let options = HistogramOpts::new(name, help).namespace(PREFIX).buckets(bounds.to_vec());
        self.keep(HistogramVec::new(options, labels).expect("the bounds rise"))
    }

    fn keep<M: prometheus::core::Collector + Clone + 'static>(&self, metric: M) -> M {
        self.0.register(Box::new(metric.clone())).expect("each name is given once");
        metric
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_told() {
        let metrics = Metrics::new();
        metrics.answered(&Method::GET, StatusCode::NOT_FOUND, Duration::from_millis(3));
        let strange = Method::from_bytes(b"BREW").unwrap();
        metrics.answered(&strange, StatusCode::OK, Duration::from_millis(3));
        let text = metrics.text(Readings::default()).unwrap();
        let has = |line: &str| assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        has("communiconnect_refused_total{status=\"404\"} 1");
        has("communiconnect_refused_total{status=\"507\"} 0");
        has("communiconnect_http_requests_total{status=\"4xx\"} 1");
        has("communiconnect_http_request_duration_seconds_count{method=\"other\",status=\"2xx\"} 1");
        has(
            "communiconnect_http_request_duration_seconds_bucket{method=\"GET\",status=\"4xx\",le=\"0.0025\"} 0",
        );
        has(
            "communiconnect_http_request_duration_seconds_bucket{method=\"GET\",status=\"4xx\",le=\"0.005\"} 1",
        );
        has(&format!("communiconnect_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION")));
    }
}
