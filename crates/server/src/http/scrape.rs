//! What Prometheus asks for.

use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use chat::Tallies;
use lives::Filter;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::Refusal;

use super::auth::bearer;
use super::operate::{Operation, Scraping};
use super::problem::Problem;
use crate::engines::Engines;
use crate::metrics::{DISK, Readings};

pub(super) fn router() -> OpenApiRouter<Operation> {
    OpenApiRouter::new().routes(routes!(metrics))
}

/// Prometheus text
///
/// The text format, version 0.0.4. With `--metrics-token-file` for those who have the token, as a bearer; with
/// `--metrics-listen` at an address of its own, and 404 here.
#[utoipa::path(get, path = "/metrics", operation_id = "metrics", tag = "Running it", security((), ("bearer" = [])),
    responses(
        (status = 200, description = "Metrics.", body = String, content_type = "text/plain"),
        Refusal<401>, Refusal<404>))]
async fn metrics(
    State(operation): State<Operation>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    match &operation.scraping {
        Scraping::Anybody => {}
        Scraping::Elsewhere => return Err(Problem::of(StatusCode::NOT_FOUND)),
        Scraping::Holders(token) => {
            if !bearer(&headers)?.is_some_and(|given| is_same(given, token)) {
                return Err(Problem::of(StatusCode::UNAUTHORIZED)
                    .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
            }
        }
    }
    let text = operation.app.metrics.text(readings(&operation).await).map_err(|error| {
        tracing::error!(%error, "the metrics could not be written");
        Problem::of(StatusCode::INTERNAL_SERVER_ERROR)
    })?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text))
}

/// Whether they are the same, in a time that does not say how much of them is.
fn is_same(given: &str, token: &str) -> bool {
    let differs = given.bytes().zip(token.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b));
    given.len() == token.len() && differs == 0
}

/// What is read when somebody asks.
async fn readings(operation: &Operation) -> Readings {
    let app = &operation.app;
    let mut readings = Readings::default();
    readings.gauge("uptime_seconds", "Seconds since the start.", app.since.elapsed().as_secs_f64().floor());
    let running = Filter { running: Some(true), members: true, ..Filter::default() };
    if let Ok(running) = app.lives.list(running, 1, 1).await {
        readings.gauge("lives_running", "Listed lives that run now.", running.count as f64);
    }
    readings.gauge("viewers", "Viewers of all lives.", app.viewers.all() as f64);
    let uploads = app.uploads.open_uploads();
    readings.gauge("open_uploads", "Uploads at work, or used within the last minute.", uploads as f64);
    let reserve = app.settings.now().reserve;
    readings.gauge("disk_reserve_bytes", "Bytes of the disk kept free for the database.", reserve as f64);
    let recorder = app.recorder.clone();
    if let Ok(free) = recorder::blocking(move || recorder.free()).await {
        readings.gauge("disk_free_bytes", "Bytes that are free where recordings are kept.", free as f64);
    }
    let rows = Engines::NAME;
    let waiting = app.engines.waiting();
    readings.by_engine("write_queue_length", "Writes of rows that wait.", &[(rows, waiting as f64)]);
    let log = app.engines.log_bytes();
    readings.by_engine("wal_bytes", "Bytes of the log beside the database.", &[(rows, log as f64)]);
    let (database, recordings) = operation.standing().await;
    readings.by_engine(
        "engine_up",
        "Whether an engine takes what is written: 1, or 0.",
        &[(rows, up(database)), (DISK, up(recordings))],
    );
    conversations(&mut readings, app.chat.tallies());
    readings
}

fn up(state: wire::readiness::EngineState) -> f64 {
    f64::from(u8::from(state == wire::readiness::EngineState::Ok))
}

fn conversations(readings: &mut Readings, tallies: &Tallies) {
    let posted = tallies.posted.load(Ordering::Relaxed);
    readings.count("communiconnect_messages_total", "Messages and reactions stored.", posted as f64);
    let frames = [("memory", &tallies.from_memory), ("database", &tallies.from_database)];
    let frames = frames.map(|(from, count)| (from, count.load(Ordering::Relaxed)));
    readings.counts("conversation_frames_total", "Frames and pages of messages, by source.", "from", &frames);
}
