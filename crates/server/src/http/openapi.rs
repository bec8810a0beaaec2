//! The contract, for programs and for people.

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;

use crate::app::App;

/// OpenAPI 3.1.
const SCHEMA: &str = include_str!("../../openapi.json");

pub(crate) fn router() -> Router<App> {
    Router::new().route("/api/schema", get(schema))
}

async fn schema() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], SCHEMA)
}
