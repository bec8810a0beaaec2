//! The pages: the built web application, embedded.

use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::Embed;

use super::problem::Problem;

/// What `web/` builds. Nothing, when it was not built yet.
#[derive(Embed)]
#[folder = "$CARGO_MANIFEST_DIR/../../web/dist"]
#[allow_missing = true]
struct Built;

/// The page that every address of the application gets.
const INDEX: &str = "index.html";
/// The folder whose files have their content's hash in their name.
const HASHED: &str = "assets/";
/// What the pages may load, and who may frame them: this server alone; a picture may come from anywhere.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: blob: https: http:; media-src 'self' blob: data:; connect-src 'self' ws: wss:; \
    worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'";

/// Answers every address that no other route has: a file of the application, or for a navigation its page.
pub(super) async fn page(request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    if path == "api" || path.starts_with("api/") {
        return Problem::of(StatusCode::NOT_FOUND).into_response();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Problem::of(StatusCode::METHOD_NOT_ALLOWED)
            .header(header::ALLOW, HeaderValue::from_static("GET, HEAD"))
            .into_response();
    }
    if let Some(file) = Built::get(path).filter(|_| !path.is_empty()) {
        return serve(&request, path, file);
    }
    let is_file = path
        .rsplit('/')
        .next()
        .is_some_and(|name| name.contains('.'));
    if is_file {
        return Problem::of(StatusCode::NOT_FOUND).into_response();
    }
    match Built::get(INDEX) {
        Some(file) => serve(&request, INDEX, file),
        None => not_built(),
    }
}

fn serve(request: &Request, path: &str, file: rust_embed::EmbeddedFile) -> Response {
    let etag = etag(&file.metadata.sha256_hash());
    let lasting = if path.starts_with(HASHED) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let known = request
        .headers()
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .any(|value| {
            value.to_str().is_ok_and(|tags| {
                tags.split(',')
                    .any(|tag| tag.trim().trim_start_matches("W/") == etag)
            })
        });
    let headers = [
        (header::CONTENT_TYPE, file.metadata.mimetype().to_owned()),
        (header::CACHE_CONTROL, lasting.to_owned()),
        (header::ETAG, etag),
        (header::CONTENT_SECURITY_POLICY, POLICY.to_owned()),
        (header::REFERRER_POLICY, "same-origin".to_owned()),
    ];
    if known {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, file.data.into_owned()).into_response()
}

fn etag(hash: &[u8; 32]) -> String {
    let hex: String = hash
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("\"{hex}\"")
}

fn not_built() -> Response {
    let text = "<!doctype html><html lang=\"fr\"><meta charset=\"utf-8\"><title>CommuniConnect Live</title>\
        <p>Le serveur fonctionne, mais ses pages n'ont pas été construites.</p>\
        <p lang=\"en\">The server runs, but its pages were not built.</p></html>";
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response()
}
