//! The wire contract over HTTP: one file for each family of paths.
//!
//! Routes are written without a final slash: requests are brought into that form before they are routed.

pub(crate) mod access;
mod admin;
mod admin_lists;
mod admin_webhooks;
mod answers;
pub(crate) mod auth;
mod chat;
pub(crate) mod chat_cost;
mod chat_export;
mod chat_history;
mod chat_moderation;
mod chat_people;
mod chat_presence;
mod chat_report;
pub(crate) mod chat_state;
mod chat_ws;
mod compression;
mod cors;
mod drain;
mod json;
mod left_unread;
pub(crate) mod links;
mod live_answer;
pub(crate) mod lives;
pub(crate) mod log;
mod normalise;
mod operate;
mod page_head;
mod pages;
pub(crate) mod paging;
mod poster;
mod posts;
pub(crate) mod problem;
mod protection;
mod range;
mod schema;
mod search;
mod socket;
mod upload;
mod users;
mod watch;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{from_fn, from_fn_with_state, map_request};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use operate::Operation;
use schema::Schema;
use users::Users;

pub(crate) use json::{Json, Sent};

/// The whole of what the server answers.
pub(crate) fn router(app: &App) -> Router {
    let subjects = OpenApiRouter::new()
        .merge(lives::router())
        .merge(posts::router())
        .merge(search::router())
        .merge(upload::router())
        .merge(watch::router())
        .merge(left_unread::router())
        .merge(poster::router())
        .merge(chat::router())
        .merge(chat_export::router())
        .merge(chat_presence::router())
        .merge(chat_moderation::router())
        .merge(chat_report::router())
        .merge(chat_people::router())
        .merge(chat_ws::router())
        .merge(admin::router())
        .merge(admin_lists::router())
        .merge(admin_webhooks::router())
        .with_state(app.clone());
    let (routes, mut described) = schema::frame()
        .merge(users::router().with_state(app.into()))
        .merge(subjects)
        .merge(operate::router().with_state(app.into()))
        .split_for_parts();
    let schema = schema::router();
    described.merge(schema.get_openapi().clone());
    let for_pages = app.clone();
    let page = move |request: Request| pages::page(for_pages.clone(), request);
    let routes = routes.merge(Router::from(schema.with_state(Schema::new(described)))).fallback(page);
    // A layer runs around the fallback's own routing, so what it changes of a request decides the route.
    Router::new()
        .fallback_service(routes)
        .layer(map_request(normalise::normalise))
        .layer(CatchPanicLayer::custom(problem::after_panic))
        .layer(from_fn(problem::in_the_readers_language))
        .layer(from_fn_with_state(Arc::clone(&app.config), cors::cors))
        .layer(from_fn_with_state(Arc::clone(&app.config), protection::protect))
        .layer(compression::layer())
        .layer(from_fn(compression::weaken_etag))
        .layer(from_fn(drain::read_on))
        .layer(from_fn_with_state(Arc::clone(&app.counts), log::log))
}

impl From<&App> for Users {
    fn from(app: &App) -> Self {
        Self { accounts: app.accounts.clone(), chat: app.chat.clone(), config: Arc::clone(&app.config) }
    }
}

impl From<&App> for Operation {
    fn from(app: &App) -> Self {
        Self {
            engines: app.engines.clone(),
            lives: app.lives.clone(),
            viewers: app.viewers.clone(),
            counts: Arc::clone(&app.counts),
            chat: app.chat.clone(),
            since: app.since,
            recorder: Arc::clone(&app.recorder),
            leaving: app.leaving.clone(),
        }
    }
}
