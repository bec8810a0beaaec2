//! One search across the lives that the asker may see: their own words first, then what was said in them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::{FromRequestParts, Query, Request, State};
use axum::response::{IntoResponse, Response};
use chat::Message;
use ids::{LiveId, MessageId};
use lives::{Filter, Live, Visibility};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::page::PageQuery;
use wire::search::{Found, SearchQuery};
use wire::{Page, Refusal};

use super::access::{Keys, readable};
use super::auth::Caller;
use super::chat::searching;
use super::links::Base;
use super::live_answer::list_answers;
use super::paging::Paging;
use super::problem::Problem;
use crate::app::App;

/// Lives that are found by their own words at most, and messages.
const FOUND: u32 = 200;
/// How often messages are looked for again where the asker may not see the lives of those found.
const ROUNDS: usize = 5;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(search))
}

/// Search everywhere
///
/// Lives with the words in their title, description or content, then messages, the newest first: at most 200 of each.
#[utoipa::path(get, path = "/api/search", operation_id = "search", tag = "Lives",
    security((), ("bearer" = [])), params(SearchQuery, PageQuery),
    responses((status = 200, description = "A page.", body = Page<Found>), Refusal<429>))]
async fn search(
    State(app): State<App>,
    base: Base,
    caller: Caller,
    paging: Paging,
    request: Request,
) -> Result<Response, Problem> {
    let (mut parts, _) = request.into_parts();
    let query: Result<Query<SearchQuery>, _> = Query::from_request_parts(&mut parts, &app).await;
    let words = query.ok().and_then(|query| query.0.q).unwrap_or_default();
    searching(&app, &caller, &parts.headers, &parts.extensions)?;
    let hits = hits(&app, &caller, &words).await?;
    let skip = (paging.page as usize - 1).saturating_mul(paging.page_size as usize);
    let shown: Vec<&Hit> = hits.iter().skip(skip).take(paging.page_size as usize).collect();
    let lives = list_answers(&app, &base, &caller, shown.iter().map(|hit| &*hit.live)).await;
    let mut results = Vec::with_capacity(shown.len());
    for (hit, live) in shown.iter().zip(lives) {
        let message = match &hit.message {
            Some(message) => {
                let clock = app.recordings.clock(hit.live.id).await;
                Some(message.on_wire(&clock))
            }
            None => None,
        };
        results.push(Found { live, message });
    }
    Ok(Answer(paging.envelope(&base, hits.len() as u64, results)).into_response())
}

/// What was found, and where.
struct Hit {
    live: Arc<Live>,
    message: Option<Message>,
}

async fn hits(app: &App, caller: &Caller, words: &str) -> Result<Vec<Hit>, Problem> {
    if words.trim().is_empty() {
        return Ok(Vec::new());
    }
    let mut hits = Vec::new();
    let seen = Filter {
        words: Some(words.to_owned()),
        members: matches!(caller, Caller::Person(_)),
        ..Filter::default()
    };
    let mut filters = vec![seen];
    if let Caller::Person(person) = caller {
        // One's own unlisted lives are in no list of everybody's.
        filters.push(Filter { words: Some(words.to_owned()), of: Some(person.id), ..Filter::default() });
    }
    for filter in filters {
        let mine = filter.of.is_some();
        let page = app.lives.list(filter, 1, FOUND).await?;
        let new = page.lives.into_iter().filter(|live| !mine || live.visibility == Visibility::Unlisted);
        hits.extend(new.map(|live| Hit { live: Arc::new(live), message: None }));
    }
    hits.sort_by_key(|hit| std::cmp::Reverse(hit.live.id));
    hits.truncate(FOUND as usize);
    hits.extend(messages(app, caller, words).await?);
    Ok(hits)
}

/// Messages with the words, of lives that the caller may see.
async fn messages(app: &App, caller: &Caller, words: &str) -> Result<Vec<Hit>, Problem> {
    let mut hits = Vec::new();
    let mut lives: HashMap<LiveId, Option<Arc<Live>>> = HashMap::new();
    let mut before = MessageId(i64::MAX);
    for _ in 0..ROUNDS {
        let found = app.chat.search_everywhere(words, before).await?;
        let Some(last) = found.last() else { break };
        before = last.seq.map_or(MessageId(0), |seq| chat::message_id(last.live_id, seq));
        for message in found {
            let id = message.live_id;
            let live = match lives.entry(id) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => unknown.insert(visible(app, caller, id).await),
            };
            if let Some(live) = live {
                hits.push(Hit { live: Arc::clone(live), message: Some(message) });
            }
        }
        if hits.len() >= FOUND as usize {
            break;
        }
    }
    hits.truncate(FOUND as usize);
    Ok(hits)
}

async fn visible(app: &App, caller: &Caller, id: LiveId) -> Option<Arc<Live>> {
    let live = app.lives.get(id).await.ok()?;
    readable(&live, caller, &Keys::default()).then_some(live)
}
