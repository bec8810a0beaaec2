use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::links::parts_of;
use crate::config::Config;
use crate::settings::Settings;

/// What pages of other origins may read of an answer beside the usual.
const EXPOSED: &str = "Location, Upload-Offset, Upload-Length, Upload-Defer-Length, Upload-Metadata, Upload-Expires, \
    Upload-Checksum, Upload-Concat, Tus-Resumable, Tus-Version, Tus-Extension, Tus-Max-Size, \
    Tus-Checksum-Algorithm, ETag, Content-Range, Content-Location, Live-Take, Live-Position-Ms, Chat-Change, Retry-After, \
    X-Request-Id";
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
const HEADERS: &str = "Authorization, Content-Type, Accept-Language, If-None-Match, If-Match, If-Range, Range, \
    Tus-Resumable, Upload-Length, Upload-Defer-Length, Upload-Metadata, Upload-Offset, Upload-Checksum, \
    X-HTTP-Method-Override, X-Requested-With, X-Request-ID, traceparent";
/// Seconds that a browser may remember what it was told.
const REMEMBERED: &str = "7200";

/// Lets the pages of the allowed origins call the API. Only a preflight is answered here: other OPTIONS requests
/// have handlers (tus discovery).
pub(super) async fn cors(State(settings): State<Settings>, request: Request, next: Next) -> Response {
    let config = settings.now();
    let origin = request.headers().get(header::ORIGIN).cloned();
    let allowed = origin.filter(|origin| listed(&config, origin));
    let preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ORIGIN)
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response =
        if preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    if !config.cors_origins.is_empty() {
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
    if let Some(origin) = allowed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        if preflight {
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(HEADERS));
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(REMEMBERED));
        }
    }
    response
}

/// Whether a WebSocket may be opened from where the request says it comes: no origin (not a browser), this server
/// itself, or an allowed one. Browsers do not ask before opening one, so the server must look.
pub(crate) fn origin_allowed(config: &Config, headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let Ok(text) = origin.to_str() else {
        return false;
    };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let authority = text.split_once("://").map(|(_, authority)| authority);
    let ours = host.is_some_and(|host| authority.is_some_and(|origin| origin.eq_ignore_ascii_case(host)));
    ours || config.public_url.as_deref().is_some_and(|url| parts_of(url).0 == text) || listed(config, origin)
}

fn listed(config: &Config, origin: &HeaderValue) -> bool {
    config.cors_origins.iter().any(|allowed| allowed == "*" || allowed.as_bytes() == origin.as_bytes())
}
