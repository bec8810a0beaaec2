//! Answers made of text are sent compressed to whoever takes that: JSON repeats itself.

use axum::extract::Request;
use axum::http::{Extensions, HeaderMap, HeaderValue, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::Response;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{And, Predicate, SizeAbove};

/// Bodies up to this size gain nothing from it, in bytes.
const WORTHWHILE: u64 = 860;
/// What is compressed. Pictures, sound and files of the application are compressed already.
const TEXT: &[&str] = &[
    "application/json",
    "application/problem+json",
    "application/vnd.apple.mpegurl",
    "text/csv",
    "text/html",
    "text/vtt",
];

type IsText = fn(StatusCode, Version, &HeaderMap, &Extensions) -> bool;

/// Compresses what is worth it.
pub(super) fn layer() -> CompressionLayer<And<SizeAbove, IsText>> {
    CompressionLayer::new().compress_when(SizeAbove::new(WORTHWHILE).and(is_text as IsText))
}

fn is_text(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    TEXT.contains(&kind)
}

/// Compressed bytes are others than those that a strong `ETag` names (RFC 9110, section 8.8.3.3): it is a weak one then.
pub(super) async fn weaken_etag(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let is_api = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if is_api && headers.contains_key(header::CONTENT_ENCODING) {
        let tag =
            headers.get(header::ETAG).and_then(|tag| tag.to_str().ok()).filter(|tag| tag.starts_with('"'));
        if let Some(weak) = tag.and_then(|tag| HeaderValue::try_from(format!("W/{tag}")).ok()) {
            headers.insert(header::ETAG, weak);
        }
    }
    response
}
