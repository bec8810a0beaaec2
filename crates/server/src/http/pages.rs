//! The pages: the built web application, embedded.

use std::borrow::Cow;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{Embed, EmbeddedFile};

use super::codings::preferred;
use super::links::parts_of;
use super::page_head;
use super::problem::{Language, Problem};
use crate::app::App;

/// What `web/` builds. Nothing, when it was not built yet.
#[derive(Embed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Built;

/// The page that every address of the application gets.
const INDEX: &str = "index.html";
/// The page of a live, which names all that it loads, with the words of the reader's language.
const LIVE_FR: &str = "live.fr.html";
const LIVE_EN: &str = "live.en.html";
/// Codings in which the build left files beside the plain ones (`web/vite.coded.ts`): their names, the ends of the files'. The
/// smallest first.
const CODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];
/// The application's pages beside those of lives and people, which stand at `/live/ID` and `/people/ID`; `web/src/pages.ts` has
/// the same.
const PAGES: &[&str] = &["", "admin", "kept", "login", "me", "profile", "register", "studio"];
/// The folder whose files have their content's hash in their name.
const HASHED: &str = "assets/";
/// The custom elements: a module that pages of any site load, which asks for leave (Fetch, "CORS protocol").
const EMBEDDED: &str = "embed/";
/// The page that other people's sites show in a frame.
const FRAMED: &str = "embed/live.html";
/// What the pages may load, and who may frame them: this server alone; a picture may come from anywhere. Text becomes
/// markup only through the one policy by which the pages' framework makes its own templates, and one names the one service
/// worker (Trusted Types).
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; \
    img-src 'self' data: blob: https: http:; media-src 'self' blob: data:; connect-src 'self'; \
    worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'; \
    require-trusted-types-for 'script'; trusted-types svelte-trusted-html service-worker";
/// The part of it that says which styles it may have.
const STYLES: &str = "style-src 'self'";
/// What stands in a page before the hash of the styles in it.
const HASH: &str = "<style data-hash=\"";
/// The part of it that says who may frame a page.
const FRAMERS: &str = "frame-ancestors 'self'";
/// Answers every address that no other route has: a file of the application, or for a navigation its page.
/// `api` is what answers for the interface.
pub(super) async fn page(app: App, api: Router, request: Request) -> Response {
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
    let prefix = app.config.public_url.as_deref().map_or("", |address| parts_of(address).1);
    if let Some(file) = File::built(path, prefix).filter(|_| is_public(path)) {
        let mut answer = serve(&parts.headers, path, file);
        if path == FRAMED {
            let_be_framed(answer.headers_mut(), &app.settings.now().frame_ancestors);
        }
        return answer;
    }
    let is_file = path.rsplit('/').next().is_some_and(|name| name.contains('.'));
    if is_file {
        return Problem::of(StatusCode::NOT_FOUND).into_response();
    }
    let name = page_of(path, &parts.headers);
    let mut answer = match File::built(name, prefix) {
        Some(file) if is_page(path) || takes_html(&parts.headers) => {
            let told =
                page_head::told(&app, &api, &mut parts, path, &String::from_utf8_lossy(&file.data)).await;
            told.map_or_else(|| serve(&parts.headers, name, file), made)
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

/// The file that is the page at an address of the application.
fn page_of(path: &str, asked: &HeaderMap) -> &'static str {
    match (path.starts_with("live/"), Language::preferred(asked)) {
        (false, _) => INDEX,
        (true, Language::French) => LIVE_FR,
        (true, Language::English) => LIVE_EN,
    }
}

/// Whether a file has an address of its own: not the pages themselves, nor what the build made of files.
fn is_public(path: &str) -> bool {
    !matches!(path, "" | LIVE_FR | LIVE_EN) && !CODINGS.iter().any(|(_, end)| path.ends_with(end))
}

/// A built file as it is served.
struct File {
    data: Cow<'static, [u8]>,
    kind: String,
    /// Of its content; of what becomes of it where the server stands under a path.
    hash: [u8; 32],
    /// Whether its content is what the build left, so that its codings hold the same.
    is_as_built: bool,
}

impl File {
    /// The file of this name. What a page loads it finds under the path, `/live` say, that a proxy takes off before us.
    fn built(name: &str, prefix: &str) -> Option<Self> {
        let EmbeddedFile { data, metadata } = Built::get(name)?;
        let mut file = Self {
            data,
            kind: metadata.mimetype().to_owned(),
            hash: metadata.sha256_hash(),
            is_as_built: true,
        };
        if !prefix.is_empty() && name.ends_with(".html") {
            let placed = String::from_utf8_lossy(&file.data).replace("=\"/", &format!("=\"{prefix}/"));
            file.data = Cow::Owned(placed.into_bytes());
            file.is_as_built = false;
            for (place, byte) in file.hash.iter_mut().zip(prefix.bytes()) {
                *place = place.wrapping_add(byte);
            }
        }
        Some(file)
    }
}

/// A page that was made for this request. It says what is at this moment, so it is not kept.
fn made(html: String) -> Response {
    let policy = policy_of(&html);
    let mut response = Response::new(Body::from(html));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// What a page may load: what all may, and the styles that the build put into it, by their hash (CSP level 3, section 8.3).
fn policy_of(page: &str) -> String {
    let hash = page.split_once(HASH).and_then(|(_, rest)| rest.split_once('"')).map(|(hash, _)| hash);
    hash.map_or_else(|| POLICY.to_owned(), |hash| POLICY.replace(STYLES, &format!("{STYLES} '{hash}'")))
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

fn serve(asked: &HeaderMap, path: &str, file: File) -> Response {
    let kind = with_charset(file.kind);
    let coded = coded(asked, path).filter(|_| file.is_as_built);
    let etag = etag(&file.hash, coded.as_ref().map_or("", |(coding, _)| coding));
    let lasting = if path.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let by_language = matches!(path, LIVE_FR | LIVE_EN);
    let varies = if by_language { "Accept-Encoding, Accept-Language" } else { "Accept-Encoding" };
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    let says = [(header::CACHE_CONTROL, lasting), (header::ETAG, etag.as_str()), (header::VARY, varies)];
    let policy = match by_language {
        true => policy_of(&String::from_utf8_lossy(&file.data)),
        false => POLICY.to_owned(),
    };
    let policies =
        [(header::CONTENT_SECURITY_POLICY, policy.as_str()), (header::REFERRER_POLICY, "same-origin")];
    let policies = policies.into_iter().filter(|_| kind.starts_with("text/html"));
    for (name, value) in says.into_iter().chain([(header::CONTENT_TYPE, kind.as_str())]).chain(policies) {
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
    let bytes = match coded {
        Some((coding, small)) => {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
            small.data
        }
        None => file.data,
    };
    *response.body_mut() = Body::from(bytes.into_owned());
    response
}

/// A file in the coding that the asker takes most gladly of those in which the build left it.
fn coded(asked: &HeaderMap, path: &str) -> Option<(&'static str, EmbeddedFile)> {
    let file = |end: &str| Built::get(&format!("{path}{end}"));
    let there = CODINGS.iter().filter(|(_, end)| file(end).is_some()).map(|(coding, _)| *coding);
    let coding = preferred(asked, there)?;
    let (_, end) = CODINGS.iter().find(|(name, _)| *name == coding)?;
    Some((coding, file(end)?))
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

fn with_charset(kind: String) -> String {
    if kind.starts_with("text/") && !kind.contains("charset") {
        format!("{kind}; charset=utf-8")
    } else {
        kind
    }
}

/// A strong tag: other bytes have another, the same file in another coding too (RFC 9110, section 8.8.3.3).
fn etag(hash: &[u8; 32], coding: &str) -> String {
    let hex: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}{coding}\"")
}

fn not_built() -> Response {
    let text = "<!doctype html><html lang=\"fr\"><meta charset=\"utf-8\"><title>CommuniConnect Live</title>\
        <p>Le serveur fonctionne, mais ses pages n'ont pas été construites.</p>\
        <p lang=\"en\">The server runs, but its pages were not built.</p></html>";
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response()
}
