//! Lives as posts, for the app's existing screens.

use axum::Json as Answer;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use lives::{Filter, Live};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::lives::{KeyQuery, LivePath, Post, PostsQuery};
use wire::page::PageQuery;
use wire::{Page, Refusal, Time, lives as answers};

use super::access::{Id, Keys, readable_live};
use super::answers::author_answer;
use super::auth::Caller;
use super::links::Base;
use super::live_answer::{list_answers, one_answer};
use super::lives::{author, flag};
use super::paging::Paging;
use super::problem::Problem;
use crate::app::App;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(read))
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
    let running = flag("is_live_post", query.is_live_post.as_deref())?;
    let by = author(query.author.as_deref())?;
    let filter = Filter { running, members: matches!(caller, Caller::Person(_)), by, ..Filter::default() };
    let page = app.lives.list(filter, paging.page, paging.page_size).await?;
    let answers = list_answers(&app, &base, &caller, page.lives.iter()).await;
    let results = page.lives.iter().zip(answers).map(|(live, answer)| post(live, answer)).collect();
    Ok(Answer(paging.envelope(&base, page.count, results)).into_response())
}

/// One live as a post
#[utoipa::path(get, path = "/api/posts/{id}", operation_id = "readPost", tag = "Lives",
    security((), ("bearer" = [])), params(LivePath, KeyQuery),
    responses((status = 200, description = "The post.", body = Post), Refusal<404>))]
async fn read(
    State(app): State<App>,
    base: Base,
    caller: Caller,
    keys: Keys,
    Path(Id(id)): Path<Id>,
) -> Result<Response, Problem> {
    let live = readable_live(&app, &caller, id, &keys).await?;
    Ok(Answer(post(&live, one_answer(&app, &base, &live, &caller, &keys).await)).into_response())
}

fn post<'a>(live: &'a Live, answer: answers::Live<'a>) -> Post<'a> {
    Post {
        id: live.id.0,
        content: &live.content,
        title: &live.title,
        author: author_answer(&live.author),
        created_at: Time(live.started_ms.0),
        is_live_post: live.is_running(),
        live: answer,
    }
}
