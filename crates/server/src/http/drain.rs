//! The rest of a request that was refused before all of it was read.
//!
//! A client that still sends does not come to read the answer, and one that has sent all finds its connection closed under
//! the next request. So a little more is read; past that the answer says that the connection ends.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::StreamExt;
use hyper::body::{Frame, SizeHint};
use tokio::time::{Instant, timeout_at};

/// Bytes that are read of a request that is refused.
const READ_ON: usize = 1 << 20;
/// How long they are waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a handler left of a body.
type Left = Arc<Mutex<Option<Body>>>;

/// A body that is given back when its reader lets go of it.
struct Lent {
    body: Option<Body>,
    left: Left,
}

/// Reads on after a refusal, so that the client comes to read it.
pub(super) async fn read_on(request: Request, next: Next) -> Response {
    let left = Left::default();
    let request = request.map(|body| Body::new(Lent { body: Some(body), left: Arc::clone(&left) }));
    let mut response = next.run(request).await;
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        let body = left.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(body) = body
            && !drain(body).await
        {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
    }
    response
}

/// Whether the body came to its end within the limits.
async fn drain(body: Body) -> bool {
    let mut pieces = body.into_data_stream();
    let deadline = Instant::now() + PATIENCE;
    let mut rest = READ_ON;
    loop {
        match timeout_at(deadline, pieces.next()).await {
            Ok(None) => return true,
            Ok(Some(Ok(bytes))) if bytes.len() <= rest => rest -= bytes.len(),
            _ => return false,
        }
    }
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, HttpBody::size_hint)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) {
            *self.left.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
        }
    }
}
