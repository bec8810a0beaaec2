//! What is said and counted of each request. Its query is left out: it may hold keys and tokens.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use hyper::body::{Frame, SizeHint};
use ids::UnixMs;

use super::links::came_from;
use super::request_id::{self, X_REQUEST_ID};
use crate::access_log::{AccessLog, Line};
use crate::clock::now_ms;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::otlp::{Span, Spans};

/// What looks at requests.
#[derive(Clone)]
pub(crate) struct Watching {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) access_log: Option<Arc<AccessLog>>,
    pub(crate) spans: Option<Arc<Spans>>,
    pub(crate) config: Arc<Config>,
}

/// Counts and logs a request, and names it in its answer.
pub(super) async fn log(State(watching): State<Watching>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let asked = Asked::of(&request, &watching.config, began);
    let mut response = next.run(request).await;
    let status = response.status();
    watching.metrics.answered(&asked.method, status, began.elapsed());
    asked.tell(status);
    response.headers_mut().insert(X_REQUEST_ID, asked.id.clone());
    let Watching { access_log, spans, .. } = watching;
    if access_log.is_none() && spans.is_none() {
        return response;
    }
    response.map(|body| Body::new(Logged { body, bytes: 0, asked, status, access_log, spans }))
}

/// What is remembered of a request until its answer has gone.
struct Asked {
    id: HeaderValue,
    began: Instant,
    came: UnixMs,
    method: Method,
    path: String,
    address: Option<IpAddr>,
    user_agent: Option<HeaderValue>,
    traceparent: Option<String>,
}

impl Asked {
    fn of(request: &Request, config: &Config, began: Instant) -> Self {
        let headers = request.headers();
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        Self {
            id: request_id::of(headers),
            began,
            came: now_ms(),
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            address: peer.map(|ConnectInfo(peer)| came_from(config, headers, *peer)),
            user_agent: headers.get(header::USER_AGENT).cloned(),
            traceparent: request_id::traceparent(headers).map(str::to_owned),
        }
    }

    fn id(&self) -> &str {
        self.id.to_str().unwrap_or_default()
    }

    /// Says it in the server's own log.
    fn tell(&self, status: StatusCode) {
        let Self { method, path, .. } = self;
        let (status, ms, id) = (status.as_u16(), self.began.elapsed().as_millis(), self.id());
        if status >= 500 {
            tracing::warn!(%method, path, status, ms, id, "answered");
        } else {
            tracing::debug!(%method, path, status, ms, id, "answered");
        }
    }
}

/// The body of an answer, after which it is said what became of the request, also where it was cut.
struct Logged {
    body: Body,
    bytes: u64,
    asked: Asked,
    status: StatusCode,
    access_log: Option<Arc<AccessLog>>,
    spans: Option<Arc<Spans>>,
}

impl HttpBody for Logged {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let Some(Ok(frame)) = &frame {
            self.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Logged {
    fn line(&self) -> Line<'_> {
        let asked = &self.asked;
        Line {
            time: wire::Time(asked.came.0).to_string(),
            request_id: asked.id(),
            method: asked.method.as_str(),
            path: &asked.path,
            status: self.status.as_u16(),
            bytes: self.bytes,
            duration_ms: asked.began.elapsed().as_micros() as f64 / 1_000.0,
            address: asked.address,
            user_agent: asked.user_agent.as_ref().and_then(|agent| agent.to_str().ok()),
            traceparent: asked.traceparent.as_deref(),
        }
    }

    fn span(&self) -> Span {
        let asked = &self.asked;
        Span {
            traceparent: asked.traceparent.clone(),
            request_id: asked.id().to_owned(),
            method: asked.method.to_string(),
            path: asked.path.clone(),
            status: self.status.as_u16(),
            bytes: self.bytes,
            began_ms: asked.came.0,
            took: asked.began.elapsed(),
        }
    }
}

impl Drop for Logged {
    fn drop(&mut self) {
        if let Some(log) = &self.access_log {
            log.say(&self.line());
        }
        if let Some(spans) = &self.spans {
            spans.say(self.span());
        }
    }
}
