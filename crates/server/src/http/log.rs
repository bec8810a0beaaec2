use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

/// Requests answered, by the first digit of their status.
#[derive(Default)]
pub(crate) struct Counts([AtomicU64; 6]);

impl Counts {
    pub(crate) fn of(&self, hundreds: usize) -> u64 {
        self.0.get(hundreds).map_or(0, |count| count.load(Ordering::Relaxed))
    }
}

/// Counts and logs a request. Its query is left out: it may hold keys and tokens.
pub(super) async fn log(State(counts): State<Arc<Counts>>, request: Request, next: Next) -> Response {
    let (method, path, began) = (request.method().clone(), request.uri().path().to_owned(), Instant::now());
    let response = next.run(request).await;
    let status = response.status().as_u16();
    if let Some(count) = counts.0.get(usize::from(status / 100)) {
        count.fetch_add(1, Ordering::Relaxed);
    }
    let ms = began.elapsed().as_millis();
    if status >= 500 {
        tracing::warn!(%method, path, status, ms, "answered");
    } else {
        tracing::debug!(%method, path, status, ms, "answered");
    }
    response
}
