//! Lives as posts, for the app's existing screens.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json as Answer, Router};
use lives::Filter;
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::Keys;
use super::auth::Caller;
use super::links::Base;
use super::lives::{author_json, live_json, with_messages};
use super::paging::Paging;
use super::problem::Problem;
use super::rfc3339;
use crate::app::App;
use crate::recorded;

pub(crate) fn router() -> Router<App> {
    Router::new().route("/api/posts", get(list))
}

#[derive(Deserialize)]
struct ListQuery {
    is_live_post: Option<String>,
}

/// A post is a live post while its live runs.
async fn list(
    State(app): State<App>,
    base: Base,
    caller: Caller,
    paging: Paging,
    Query(query): Query<ListQuery>,
) -> Result<Answer<Value>, Problem> {
    let running = match query.is_live_post.as_deref().map(str::to_ascii_lowercase).as_deref() {
        None | Some("") => None,
        Some("true" | "1") => Some(true),
        Some("false" | "0") => Some(false),
        Some(_) => {
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "Le paramètre is_live_post vaut true ou false.",
                "The parameter is_live_post is true or false.",
            ));
        }
    };
    let filter = Filter { running, members: matches!(caller, Caller::Person(_)), ..Filter::default() };
    let page = app.lives.list(filter, paging.page, paging.page_size).await?;
    let mut results = Vec::with_capacity(page.lives.len());
    for (live, messages) in with_messages(&app, &page.lives).await {
        let summary = recorded::listed(&app, live).await;
        results.push(json!({
            "id": live.id,
            "content": live.content,
            "title": live.title,
            "author": author_json(&live.author),
            "created_at": rfc3339(live.started_ms),
            "is_live_post": live.is_running(),
            "live": live_json(&app, &base, live, &summary, messages, &caller, &Keys::default()),
        }));
    }
    Ok(Answer(paging.envelope(&base, page.count, results)))
}
