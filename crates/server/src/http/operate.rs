//! What whoever runs the server asks it.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use chat::Chat;
use lives::{Filter, Lives};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::log::Counts;
use super::problem::Problem;
use crate::engines::Engines;
use crate::presence::Viewers;

/// What these handlers get.
#[derive(Clone)]
pub(crate) struct Operation {
    pub(crate) engines: Engines,
    pub(crate) lives: Lives,
    pub(crate) viewers: Viewers,
    pub(crate) counts: Arc<Counts>,
    pub(crate) chat: Chat,
    pub(crate) since: Instant,
}

pub(crate) fn router() -> OpenApiRouter<Operation> {
    OpenApiRouter::new().routes(routes!(health)).routes(routes!(metrics))
}

/// Whether it can serve
///
/// Answers once the server can serve, and only while the database answers.
#[utoipa::path(get, path = "/healthz", operation_id = "health", tag = "Running it",
    responses((status = 200, description = "It can.", body = String, content_type = "text/plain")))]
async fn health(State(app): State<Operation>) -> Result<&'static str, Problem> {
    app.engines.answer().await?;
    Ok("ok\n")
}

/// Prometheus text
///
/// The text format, version 0.0.4.
#[utoipa::path(get, path = "/metrics", operation_id = "metrics", tag = "Running it",
    responses((status = 200, description = "Metrics.", body = String, content_type = "text/plain")))]
async fn metrics(State(app): State<Operation>) -> Result<impl IntoResponse, Problem> {
    let running = Filter { running: Some(true), members: true, ..Filter::default() };
    let running = app.lives.list(running, 1, 1).await?.count;
    let mut text = String::new();
    gauge(
        &mut text,
        "communiconnect_uptime_seconds",
        "Seconds since the start.",
        app.since.elapsed().as_secs(),
    );
    gauge(&mut text, "communiconnect_lives_running", "Listed lives that run now.", running);
    gauge(&mut text, "communiconnect_viewers", "Viewers of all lives.", app.viewers.all() as u64);
    let name = "communiconnect_http_requests_total";
    let _ = writeln!(text, "# HELP {name} Requests answered, by class of status.\n# TYPE {name} counter");
    for hundreds in 1..=5 {
        let _ = writeln!(text, "{name}{{status=\"{hundreds}xx\"}} {}", app.counts.of(hundreds));
    }
    conversations(&mut text, app.chat.tallies());
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text))
}

fn conversations(text: &mut String, tallies: &chat::Tallies) {
    let name = "communiconnect_messages_total";
    let posted = tallies.posted.load(Ordering::Relaxed);
    let _ = writeln!(
        text,
        "# HELP {name} Messages and reactions stored.\n# TYPE {name} counter\n{name} {posted}"
    );
    let name = "communiconnect_conversation_frames_total";
    let _ = writeln!(text, "# HELP {name} Frames and pages of messages, by source.\n# TYPE {name} counter");
    for (from, count) in [("memory", &tallies.from_memory), ("database", &tallies.from_database)] {
        let _ = writeln!(text, "{name}{{from=\"{from}\"}} {}", count.load(Ordering::Relaxed));
    }
}

fn gauge(text: &mut String, name: &str, help: &str, value: u64) {
    // Writing to a String does not fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
}
