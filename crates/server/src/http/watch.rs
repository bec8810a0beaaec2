//! Watching: timeline, tail, replay, audio, poster.

use axum::Router;

use crate::app::App;

pub(crate) fn router() -> Router<App> {
    Router::new()
}
