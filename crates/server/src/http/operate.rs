//! What whoever runs the server asks it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json as Answer};
use storage::Failure;
use tokio::sync::Mutex;
use tokio::time::timeout;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::readiness::{EngineState, Readiness};

use super::problem::{InItsOwnWords, Problem};
use crate::app::App;

/// How long the database may take to write before it counts as gone.
const WRITTEN_WITHIN: Duration = Duration::from_secs(2);
/// How long an answer of the database is good: whoever asks often does not make it write often.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// Who may ask for metrics, here.
#[derive(Debug, Clone)]
pub(crate) enum Scraping {
    /// Whoever reaches the address.
    Anybody,
    /// Whoever has this token.
    Holders(String),
    /// Nobody: they are told at an address of their own.
    Elsewhere,
}

/// What these handlers get.
#[derive(Clone)]
pub(crate) struct Operation {
    pub(crate) app: App,
    pub(crate) scraping: Scraping,
    last_written: Arc<Mutex<Option<(Instant, EngineState)>>>,
}

impl Operation {
    pub(crate) fn new(app: App, scraping: Scraping) -> Self {
        Self { app, scraping, last_written: Arc::default() }
    }

    /// How the engines stand: that of the rows, and that of the recordings.
    pub(super) async fn standing(&self) -> (EngineState, EngineState) {
        let recorder = Arc::clone(&self.app.recorder);
        let room = recorder::blocking(move || recorder.check_room()).await;
        let recordings = match room {
            Ok(()) => EngineState::Ok,
            Err(recorder::Error::Full) => EngineState::Full,
            Err(_) => EngineState::Failed,
        };
        (self.database().await, recordings)
    }

    async fn database(&self) -> EngineState {
        let mut last = self.last_written.lock().await;
        if let Some((at, state)) = *last
            && at.elapsed() < GOOD_FOR
        {
            return state;
        }
        let state = match timeout(WRITTEN_WITHIN, self.app.engines.take_writes()).await {
            Ok(Ok(())) => EngineState::Ok,
            Ok(Err(Failure::Full)) => EngineState::Full,
            Ok(Err(_)) | Err(_) => EngineState::Failed,
        };
        *last = Some((Instant::now(), state));
        state
    }
}

pub(super) fn router() -> OpenApiRouter<Operation> {
    OpenApiRouter::new().routes(routes!(health)).routes(routes!(readiness))
}

/// Whether it can serve
///
/// Answers once the server can serve, and only while the database answers.
#[utoipa::path(get, path = "/healthz", operation_id = "health", tag = "Running it",
    responses((status = 200, description = "It can.", body = String, content_type = "text/plain")))]
async fn health(State(operation): State<Operation>) -> Result<&'static str, Problem> {
    operation.app.engines.answer().await?;
    Ok("ok\n")
}

/// Whether publishing is taken
///
/// By engine: 503 when one of them is gone or does not take what is written, the disk has no room for recordings, or the server
/// shuts down.
#[utoipa::path(get, path = "/readyz", operation_id = "readiness", tag = "Running it",
    responses((status = 200, description = "It is.", body = Readiness), (status = 503, description = "It is not.", body = Readiness)))]
async fn readiness(State(operation): State<Operation>) -> Response {
    let (database, recordings) = operation.standing().await;
    let readiness = Readiness { database, recordings, shutting_down: operation.app.leaving.is_cancelled() };
    let status = if readiness.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Extension(InItsOwnWords), [(header::CACHE_CONTROL, "no-store")], Answer(readiness))
        .into_response()
}
