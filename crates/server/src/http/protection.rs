//! What every answer says to browsers and caches, and what no request may say.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::links::is_https;
use super::problem::Problem;
use crate::config::Config;

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
/// What pages of ours use, and nobody framed in them: the studio films and shares the screen.
const PERMISSIONS: HeaderValue = HeaderValue::from_static(
    "camera=(self), microphone=(self), display-capture=(self), autoplay=(self), fullscreen=(self), \
     picture-in-picture=(self), screen-wake-lock=(self), geolocation=(), payment=(), usb=(), serial=(), bluetooth=(), hid=(), midi=()",
);
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
/// A year (RFC 6797): whoever came by https once comes by it again.
const BY_HTTPS: HeaderValue = HeaderValue::from_static("max-age=31536000");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Refuses a request for two servers at once (RFC 9112, section 3.2), and adds to the answer what browsers are to mind. What
/// is not said to be kept is not kept: most answers hold a token, a key or what only their reader may see.
pub(super) async fn protect(State(config): State<Arc<Config>>, request: Request, next: Next) -> Response {
    let is_api = request.uri().path().starts_with("/api");
    let by_https = is_https(&config, request.headers());
    let mut response = if has_two_hosts(request.headers()) { two_hosts() } else { next.run(request).await };
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if is_page(headers) {
        headers.insert(PERMISSIONS_POLICY, PERMISSIONS);
        headers.insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
    }
    if by_https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, BY_HTTPS);
    }
    if is_api && !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, NO_STORE);
    }
    response
}

fn has_two_hosts(headers: &HeaderMap) -> bool {
    headers.get_all(header::HOST).iter().nth(1).is_some()
}

fn two_hosts() -> Response {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "La requête a plus d'un en-tête Host.",
        "The request has more than one Host header.",
    )
    .into_response()
}

fn is_page(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}
