//! The pages: the built web application, embedded.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{LazyLock, Mutex, PoisonError};

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::{Embed, EmbeddedFile};

use super::page_head;
use super::problem::Problem;
use crate::app::App;

/// What `web/` builds. Nothing, when it was not built yet.
#[derive(Embed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Built;

/// The page that every address of the application gets.
const INDEX: &str = "index.html";
/// The application's pages beside those of lives and people, which stand at `/live/ID` and `/people/ID`; `web/src/pages.ts` has
/// the same.
const PAGES: &[&str] = &["", "admin", "login", "me", "profile", "register", "studio"];
/// The folder whose files have their content's hash in their name.
const HASHED: &str = "assets/";
/// The custom elements: a module that pages of any site load, which asks for leave (Fetch, "CORS protocol").
const EMBEDDED: &str = "embed/";
/// The page that other people's sites show in a frame.
const FRAMED: &str = "embed/live.html";
/// What the pages may load, and who may frame them: this server alone; a picture may come from anywhere. Text becomes
/// markup only through the one policy by which the pages' framework makes its own templates (Trusted Types).
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; \
    img-src 'self' data: blob: https: http:; media-src 'self' blob: data:; connect-src 'self'; \
    worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'; \
    require-trusted-types-for 'script'; trusted-types svelte-trusted-html";
/// The part of it that says who may frame a page.
const FRAMERS: &str = "frame-ancestors 'self'";
/// Files below this size gain nothing from compression, in bytes.
const WORTHWHILE: usize = 1_024;

/// Files compressed so far, by their hash: each once, at its first request. As many as there are files.
static COMPRESSED: LazyLock<Mutex<HashMap<[u8; 32], Bytes>>> = LazyLock::new(Mutex::default);

/// Answers every address that no other route has: a file of the application, or for a navigation its page.
pub(super) async fn page(app: App, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let address = parts.uri.path().to_owned();
    let path = address.trim_start_matches('/');
    if path == "api" || path.starts_with("api/") {
        return Problem::of(StatusCode::NOT_FOUND).into_response();
    }
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        return Problem::of(StatusCode::METHOD_NOT_ALLOWED)
            .header(header::ALLOW, HeaderValue::from_static("GET, HEAD"))
            .into_response();
    }
    let path = embed_page(path).unwrap_or(path);
    if let Some(file) = Built::get(path).filter(|_| !path.is_empty()) {
        let mut answer = serve(&parts.headers, path, file);
        if path == FRAMED {
            let_be_framed(answer.headers_mut(), &app.config.frame_ancestors);
        }
        return answer;
    }
    let is_file = path.rsplit('/').next().is_some_and(|name| name.contains('.'));
    if is_file {
        return Problem::of(StatusCode::NOT_FOUND).into_response();
    }
    let mut answer = match Built::get(INDEX) {
        Some(file) if is_page(path) || takes_html(&parts.headers) => {
            let told = page_head::told(&app, &mut parts, path, &String::from_utf8_lossy(&file.data)).await;
            told.map_or_else(|| serve(&parts.headers, INDEX, file), made)
        }
        None if is_page(path) => not_built(),
        _ => return Problem::of(StatusCode::NOT_FOUND).into_response(),
    };
    // The page says so in words; programs see it by the status.
    if !is_page(path) {
        *answer.status_mut() = StatusCode::NOT_FOUND;
    }
    answer
}

/// A page that was made for this request.
fn made(html: String) -> Response {
    let mut response = Response::new(Body::from(html));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

/// Whether an address is one of the application's pages, without its slashes at the ends.
fn is_page(path: &str) -> bool {
    match path.trim_end_matches('/').split_once('/') {
        None => PAGES.contains(&path.trim_end_matches('/')),
        Some(("live" | "people", id)) => !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()),
        Some(_) => false,
    }
}

/// Whether the asker is a browser on its way to a page.
fn takes_html(asked: &HeaderMap) -> bool {
    let mut takes = asked.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    takes.any(|kinds| kinds.contains("text/html"))
}

/// The file of an address for other people's pages: the lines to paste at `/embed/`, one live in a frame at `/embed/ID`.
fn embed_page(path: &str) -> Option<&'static str> {
    match path.trim_end_matches('/') {
        "embed" => Some("embed/index.html"),
        path => {
            let id = path.strip_prefix(EMBEDDED).filter(|id| !id.is_empty())?;
            id.bytes().all(|digit| digit.is_ascii_digit()).then_some(FRAMED)
        }
    }
}

fn serve(asked: &HeaderMap, path: &str, file: EmbeddedFile) -> Response {
    let hash = file.metadata.sha256_hash();
    let kind = file.metadata.mimetype().to_owned();
    let small = takes_gzip(asked) && is_text(&kind) && file.data.len() >= WORTHWHILE;
    let etag = etag(&hash, small);
    let lasting = if path.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, with_charset(kind).as_str()),
        (header::CACHE_CONTROL, lasting),
        (header::ETAG, etag.as_str()),
        (header::VARY, "Accept-Encoding"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "same-origin"),
    ] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    if path.starts_with(EMBEDDED) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
    if has(asked, &etag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    if small {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    let bytes = if small { compressed(hash, &file.data) } else { Bytes::from(file.data.into_owned()) };
    *response.body_mut() = Body::from(bytes);
    response
}

/// Lets a page be shown in frames of these origins too (CSP level 3, section 6.4.2).
fn let_be_framed(headers: &mut HeaderMap, origins: &[String]) {
    let framers = origins.iter().fold(FRAMERS.to_owned(), |list, origin| format!("{list} {origin}"));
    if let Ok(policy) = HeaderValue::try_from(POLICY.replace(FRAMERS, &framers)) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
}

/// Whether the asker has this version already (RFC 9110, section 13.1.2).
fn has(asked: &HeaderMap, etag: &str) -> bool {
    let mut known = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    known.any(|tags| tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == etag))
}

fn takes_gzip(asked: &HeaderMap) -> bool {
    let mut takes = asked.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    takes.any(|codings| codings.split(',').any(|coding| matches!(coding.trim(), "gzip" | "gzip;q=1.0" | "*")))
}

fn is_text(kind: &str) -> bool {
    kind.starts_with("text/")
        || kind.contains("javascript")
        || kind.contains("json")
        || kind.ends_with("svg+xml")
}

fn with_charset(kind: String) -> String {
    if kind.starts_with("text/") && !kind.contains("charset") {
        format!("{kind}; charset=utf-8")
    } else {
        kind
    }
}

fn compressed(hash: [u8; 32], data: &[u8]) -> Bytes {
    let mut kept = COMPRESSED.lock().unwrap_or_else(PoisonError::into_inner);
    let compress = || {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        // Writing to memory does not fail.
        let _ = encoder.write_all(data);
        Bytes::from(encoder.finish().unwrap_or_default())
    };
    kept.entry(hash).or_insert_with(compress).clone()
}

fn etag(hash: &[u8; 32], small: bool) -> String {
    let hex: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    if small { format!("\"{hex}-gz\"") } else { format!("\"{hex}\"") }
}

fn not_built() -> Response {
    let text = "<!doctype html><html lang=\"fr\"><meta charset=\"utf-8\"><title>CommuniConnect Live</title>\
        <p>Le serveur fonctionne, mais ses pages n'ont pas été construites.</p>\
        <p lang=\"en\">The server runs, but its pages were not built.</p></html>";
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response()
}
