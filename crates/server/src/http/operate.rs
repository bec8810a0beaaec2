//! What whoever runs the server asks it.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json as Answer};
use chat::Chat;
use lives::{Filter, Lives};
use recorder::Recorder;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::readiness::{EngineState, Readiness};

use super::log::Counts;
use super::problem::{InItsOwnWords, Problem};
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
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) leaving: CancellationToken,
}

pub(crate) fn router() -> OpenApiRouter<Operation> {
    OpenApiRouter::new().routes(routes!(health)).routes(routes!(readiness)).routes(routes!(metrics))
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

/// Whether publishing is taken
///
/// By engine: 503 when one of them is gone, the disk has no room for recordings, or the server shuts down.
#[utoipa::path(get, path = "/readyz", operation_id = "readiness", tag = "Running it",
    responses((status = 200, description = "It is.", body = Readiness), (status = 503, description = "It is not.", body = Readiness)))]
async fn readiness(State(app): State<Operation>) -> Response {
    let database = app.engines.answer().await;
    let recorder = Arc::clone(&app.recorder);
    let room = recorder::blocking(move || recorder.check_room()).await;
    let readiness = Readiness {
        database: if database.is_ok() { EngineState::Ok } else { EngineState::Failed },
        recordings: match room {
            Ok(()) => EngineState::Ok,
            Err(recorder::Error::Full) => EngineState::Full,
            Err(_) => EngineState::Failed,
        },
        shutting_down: app.leaving.is_cancelled(),
    };
    let status = if readiness.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Extension(InItsOwnWords), [(header::CACHE_CONTROL, "no-store")], Answer(readiness))
        .into_response()
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
