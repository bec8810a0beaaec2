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
mod codings;
mod compression;
mod cors;
mod drain;
mod json;
mod left_unread;
pub(crate) mod links;
mod live_answer;
pub(crate) mod lives;
mod log;
mod normalise;
mod operate;
mod page_answers;
mod page_head;
mod pages;
pub(crate) mod paging;
mod poster;
mod posts;
pub(crate) mod problem;
mod protection;
mod range;
mod rates;
mod request_id;
mod schema;
mod scrape;
mod search;
mod socket;
pub(crate) mod trail;
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
use operate::{Operation, Scraping};
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
    let scraping = match (app.config.metrics_listen, holders(app)) {
        (Some(_), _) => Scraping::Elsewhere,
        (None, scraping) => scraping,
    };
    let operation = Operation::new(app.clone(), scraping);
    let (routes, mut described) = schema::frame()
        .merge(users::router().with_state(app.into()))
        .merge(subjects)
        .merge(operate::router().merge(scrape::router()).with_state(operation))
        .split_for_parts();
    let schema = schema::router();
    described.merge(schema.get_openapi().clone());
    let (for_pages, api) = (app.clone(), routes.clone());
    let page = move |request: Request| pages::page(for_pages.clone(), api.clone(), request);
    let followed = (app.audit.clone(), Arc::clone(&app.config));
    let routes = routes
        .merge(Router::from(schema.with_state(Schema::new(described, app.config.public_url.as_deref()))))
        .layer(from_fn_with_state(app.clone(), rates::keep))
        .layer(from_fn_with_state(followed, trail::follow))
        .fallback(page);
    // A layer runs around the fallback's own routing, so what it changes of a request decides the route.
    Router::new()
        .fallback_service(routes)
        .layer(map_request(normalise::normalise))
        .layer(CatchPanicLayer::custom(problem::after_panic))
        .layer(from_fn(problem::in_the_readers_language))
        .layer(from_fn_with_state(app.settings.clone(), cors::cors))
        .layer(from_fn_with_state(Arc::clone(&app.config), protection::protect))
        .layer(compression::layer())
        .layer(from_fn(compression::weaken_etag))
        .layer(from_fn(drain::read_on))
        .layer(from_fn_with_state(watching(app), log::log))
}

/// What is answered where metrics are told apart: metrics, and how the server stands.
pub(crate) fn metrics_router(app: &App) -> Router {
    let operation = Operation::new(app.clone(), holders(app));
    let (routes, _) = operate::router().merge(scrape::router()).with_state(operation).split_for_parts();
    routes.layer(from_fn(problem::in_the_readers_language))
}

/// Who may ask for metrics where they are told.
fn holders(app: &App) -> Scraping {
    app.config.metrics_token.clone().map_or(Scraping::Anybody, Scraping::Holders)
}

fn watching(app: &App) -> log::Watching {
    let (metrics, config) = (Arc::clone(&app.metrics), Arc::clone(&app.config));
    log::Watching { metrics, access_log: app.access_log.clone(), spans: app.spans.clone(), config }
}

impl From<&App> for Users {
    fn from(app: &App) -> Self {
        Self {
            accounts: app.accounts.clone(),
            chat: app.chat.clone(),
            config: Arc::clone(&app.config),
            metrics: Arc::clone(&app.metrics),
            mail: app.mail.clone(),
            tasks: app.tasks.clone(),
        }
    }
}
