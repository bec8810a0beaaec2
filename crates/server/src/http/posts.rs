//! Lives as posts, for the app's existing screens.

use axum::Json as Answer;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use lives::Filter;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::lives::{Post, PostsQuery};
use wire::page::PageQuery;
use wire::{Page, Time};

use super::access::Keys;
use super::answers::author_answer;
use super::auth::Caller;
use super::links::Base;
use super::lives::{live_answer, with_messages};
use super::paging::Paging;
use super::problem::Problem;
use crate::app::App;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Lives as posts
///
/// A post is a live post while its live runs.
#[utoipa::path(get, path = "/api/posts", operation_id = "listPosts", tag = "Lives",
    security((), ("bearer" = [])), params(PostsQuery, PageQuery),
    responses((status = 200, description = "A page.", body = Page<Post>)))]
async fn list(
    State(app): State<App>,
    base: Base,
    caller: Caller,
    paging: Paging,
    Query(query): Query<PostsQuery>,
) -> Result<Response, Problem> {
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
        let summary = app.recordings.listed(live).await;
        results.push(Post {
            id: live.id.0,
            content: &live.content,
            title: &live.title,
            author: author_answer(&live.author),
            created_at: Time(live.started_ms.0),
            is_live_post: live.is_running(),
            live: live_answer(&app, &base, live, &summary, messages, &caller, &Keys::default()),
        });
    }
    Ok(Answer(paging.envelope(&base, page.count, results)).into_response())
}
