//! The wire contract over HTTP: one file for each family of paths.
//!
//! Routes are written without a final slash: requests are brought into that form before they are routed.

pub(crate) mod access;
pub(crate) mod auth;
mod chat;
mod chat_export;
mod chat_here;
mod chat_lead;
mod chat_people;
mod chat_state;
mod chat_ws;
mod cors;
mod json;
pub(crate) mod links;
pub(crate) mod lives;
mod log;
mod normal;
mod openapi;
mod operate;
mod pages;
pub(crate) mod paging;
mod poster;
mod posts;
pub(crate) mod problem;
mod range;
mod socket;
mod times;
mod unread;
mod upload;
mod users;
mod watch;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::middleware::{from_fn, from_fn_with_state, map_request, map_response};
use axum::response::Response;
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::App;

pub(crate) use chat_state::States as ChatStates;
pub(crate) use cors::origin_allowed;
pub(crate) use json::Json;
pub(crate) use lives::finish_deletion;
pub(crate) use log::Counts;
pub(crate) use times::rfc3339;

/// The whole of what the server answers.
pub(crate) fn router(app: &App) -> Router {
    let routes = Router::new()
        .merge(users::router())
        .merge(lives::router())
        .merge(posts::router())
        .merge(upload::router())
        .merge(watch::router())
        .merge(poster::router())
        .merge(chat::router())
        .merge(chat_export::router())
        .merge(chat_here::router())
        .merge(chat_lead::router())
        .merge(chat_people::router())
        .merge(chat_ws::router())
        .merge(operate::router())
        .merge(openapi::router())
        .fallback(pages::page)
        .with_state(app.clone());
    // A layer runs around the fallback's own routing, so what it changes of a request decides the route.
    Router::new()
        .fallback_service(routes)
        .layer(map_request(normal::normal))
        .layer(CatchPanicLayer::custom(problem::after_panic))
        .layer(from_fn(problem::in_the_readers_language))
        .layer(from_fn_with_state(app.clone(), cors::cors))
        .layer(map_response(no_guessing))
        .layer(from_fn(unread::read_on))
        .layer(from_fn_with_state(app.clone(), log::log))
}

/// Nothing that is served is to be taken for something else than it says it is.
async fn no_guessing(mut response: Response) -> Response {
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
