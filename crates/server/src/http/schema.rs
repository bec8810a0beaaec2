//! The contract, for programs and for people: put together from what the handlers and the types of `wire` say of themselves.

mod exact;
mod page;

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, OpenApi as Document, Paths, RefOr, Server};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::frames::{ClientFrame, ServerFrame};
use wire::problem;
use wire::tail::{TailClientFrame, TailFrame};

/// The page has neither scripts nor pictures, and its style in itself.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'self'";

/// What every request may be refused with: a head that is malformed, a method that is not there, a fault of ours, overload.
const ALWAYS: &[u16] = &[400, 405, 500, 503];
/// What a request with a JSON body may be refused with beside: one that takes too long, or is too large.
const OF_BODIES: &[u16] = &[408, 413];
/// What a request that may carry a token may be refused with beside; one that must, with 403 too: a stream key only publishes.
const OF_TOKENS: &[u16] = &[401];
const OF_THOSE_WHO_MUST: &[u16] = &[403];
/// What a request about something may be refused with beside.
const OF_THINGS: &[u16] = &[404];
/// What a request that changes something may be refused with beside: no room is left.
const OF_CHANGES: &[u16] = &[507];

/// The schema as it is served.
#[derive(Clone)]
pub(crate) struct Schema {
    json: Arc<str>,
    page: Arc<str>,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "CommuniConnect Live",
        version = "1.0.0",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
        description = "Go live, keep everything, replay it. Bodies are JSON in UTF-8 whatever Content-Type says. Times are \
            RFC 3339, UTC, milliseconds; durations and positions are whole milliseconds. Every path answers with and without \
            its final slash; X-HTTP-Method-Override is honoured. Errors are problem details (RFC 9457), French unless \
            Accept-Language prefers English."
    ),
    servers((url = "/")),
    tags(
        (name = "People"),
        (name = "Lives"),
        (name = "Publishing"),
        (name = "Watching"),
        (name = "Conversation"),
        (name = "Running it"),
    ),
    components(schemas(wire::Problem, ServerFrame, ClientFrame, TailFrame, TailClientFrame)),
    modifiers(&Shared)
)]
struct Frame;

/// What all operations share: the refusals, and the token.
struct Shared;

impl Modify for Shared {
    fn modify(&self, api: &mut Document) {
        let components = api.components.get_or_insert_with(Components::new);
        let responses = problem::responses().map(|(name, response)| (name, response.into()));
        components.responses.extend(responses);
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An access token; to publish, also the live's stream key."))
            .build();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    }
}

/// Where the descriptions of all subjects are gathered.
pub(super) fn frame<S: Clone + Send + Sync + 'static>() -> OpenApiRouter<S> {
    OpenApiRouter::with_openapi(Frame::openapi())
}

pub(super) fn router() -> OpenApiRouter<Schema> {
    OpenApiRouter::new().routes(routes!(schema)).routes(routes!(docs))
}

impl Schema {
    /// What is served of the gathered descriptions, where people reach it at this address.
    pub(super) fn new(gathered: Document, public_url: Option<&str>) -> Self {
        let mut document = completed(gathered);
        if let Some(address) = public_url {
            document.servers = Some(vec![Server::new(address)]);
        }
        // Strings, numbers and lists of them are always written.
        let json = document.to_pretty_json().unwrap_or_default();
        let page = page::page(&serde_json::to_value(&document).unwrap_or_default());
        Self { json: format!("{json}\n").into(), page: page.into() }
    }
}

/// This description
#[utoipa::path(get, path = "/api/schema", operation_id = "schema", tag = "Running it",
    responses((status = 200, description = "OpenAPI 3.1.", body = serde_json::Value)))]
async fn schema(State(schema): State<Schema>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], schema.json.to_string())
}

/// This description, to read
#[utoipa::path(get, path = "/api/docs", operation_id = "docs", tag = "Running it",
    responses((status = 200, description = "A page.", body = String, content_type = "text/html")))]
async fn docs(State(schema): State<Schema>) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "same-origin"),
    ];
    (headers, schema.page.to_string())
}

/// The whole contract: paths as the contract writes them, with the refusals that no handler has to name.
fn completed(mut api: Document) -> Document {
    let paths = std::mem::replace(&mut api.paths, Paths::new());
    let components = api.components.get_or_insert_with(Components::new);
    exact::put_together(&mut components.schemas);
    let schemas = components.schemas.clone();
    for (path, mut item) in paths.paths {
        let is_about_something = path.contains('{');
        for (operation, changes) in operations(&mut item) {
            complete(operation, changes, is_about_something);
            exact::put_right(operation, &schemas);
        }
        api.paths.paths.insert(written(path), item);
    }
    api
}

/// Addresses end in a slash, but for files and what stands outside of `/api/`.
fn written(path: String) -> String {
    let is_file = path.rsplit('/').next().is_some_and(|name| name.contains('.') || name == "{file}");
    if path.starts_with("/api/") && !is_file { format!("{path}/") } else { path }
}

/// The operations of an address, each with whether it changes something.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (&mut Operation, bool)> {
    let PathItem { get, put, post, delete, options, head, patch, .. } = item;
    let reading = [get, head, options].into_iter().flatten().map(|operation| (operation, false));
    let changing = [put, post, patch, delete].into_iter().flatten().map(|operation| (operation, true));
    reading.chain(changing)
}

fn complete(operation: &mut Operation, changes: bool, is_about_something: bool) {
    let takes_json = match &operation.request_body {
        Some(RefOr::T(body)) => body.content.contains_key("application/json"),
        _ => false,
    };
    let takes_token = operation.security.as_ref();
    let must_have_one = takes_token.is_some_and(|ways| ways.len() == 1);
    let more = [
        (takes_json, OF_BODIES),
        (takes_token.is_some(), OF_TOKENS),
        (must_have_one, OF_THOSE_WHO_MUST),
        (is_about_something, OF_THINGS),
        (changes, OF_CHANGES),
    ];
    let more = more.into_iter().filter(|(applies, _)| *applies).flat_map(|(_, statuses)| statuses);
    for status in ALWAYS.iter().chain(more) {
        operation
            .responses
            .responses
            .entry(status.to_string())
            .or_insert_with(|| problem::reference(*status));
    }
}
