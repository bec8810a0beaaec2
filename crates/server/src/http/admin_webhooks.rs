//! Webhooks, for administrators.

use axum::Json as Answer;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use ids::{DeliveryId, WebhookId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::page::PageQuery;
use wire::webhooks::{
    DeliveriesQuery, Delivery, DeliveryState, NewWebhook, Replayed, TriedWebhook, Webhook, WebhookPath,
    WebhookReplay,
};
use wire::{Page, Refusal};

use super::Sent;
use super::access::Id;
use super::admin::Admin;
use super::links::Base;
use super::paging::Paging;
use super::problem::Problem;
use crate::app::App;
use crate::clock::now_ms;
use crate::{outboxes, webhook_answers};

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(show, remove))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(try_out))
        .routes(routes!(replay))
        .routes(routes!(deliveries))
}

/// List webhooks
///
/// The oldest first.
#[utoipa::path(get, path = "/api/admin/webhooks", operation_id = "listWebhooks", tag = "Running it",
    security(("bearer" = [])), params(PageQuery),
    responses((status = 200, description = "A page.", body = Page<Webhook>)))]
async fn list(State(app): State<App>, _: Admin, base: Base, paging: Paging) -> Result<Response, Problem> {
    let all = app.webhooks.all().await?;
    let skip = (paging.page as usize - 1).saturating_mul(paging.page_size as usize);
    let of_page = all.iter().skip(skip).take(paging.page_size as usize);
    let results = of_page.map(webhook_answers::webhook).collect();
    Ok(Answer(paging.envelope(&base, all.len() as u64, results)).into_response())
}

/// Add a webhook
///
/// It hears what happens from then on. Its secret is told this once.
#[utoipa::path(post, path = "/api/admin/webhooks", operation_id = "addWebhook", tag = "Running it",
    security(("bearer" = [])), request_body = NewWebhook,
    responses(
        (status = 201, description = "The webhook, with its secret.", body = Webhook),
        Refusal<409>, Refusal<422>, Refusal<507>))]
async fn add(State(app): State<App>, _: Admin, sent: Sent) -> Result<Response, Problem> {
    let NewWebhook { url, secret, events, allow_private } = sent.json().await?;
    let new = webhooks::NewWebhook { url, secret, events, allow_private };
    let ends = outboxes::ends(&app.engines).await?;
    let added = app.webhooks.add(new, ends, now_ms()).await?;
    let headers = [(header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, headers, Answer(webhook_answers::added(&added))).into_response())
}

/// Show a webhook
#[utoipa::path(get, path = "/api/admin/webhooks/{id}", operation_id = "showWebhook", tag = "Running it",
    security(("bearer" = [])), params(WebhookPath),
    responses((status = 200, description = "The webhook.", body = Webhook)))]
async fn show(
    State(app): State<App>,
    _: Admin,
    Path(Id(id)): Path<Id<WebhookId>>,
) -> Result<Answer<Webhook>, Problem> {
    Ok(Answer(webhook_answers::webhook(&app.webhooks.get(id).await?)))
}

/// Remove a webhook
///
/// What waits for it is not sent any more.
#[utoipa::path(delete, path = "/api/admin/webhooks/{id}", operation_id = "removeWebhook", tag = "Running it",
    security(("bearer" = [])), params(WebhookPath),
    responses((status = 204, description = "It is gone.")))]
async fn remove(
    State(app): State<App>,
    _: Admin,
    Path(Id(id)): Path<Id<WebhookId>>,
) -> Result<StatusCode, Problem> {
    app.webhooks.remove(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Pause a webhook
///
/// What happens meanwhile is sent when it is resumed.
#[utoipa::path(post, path = "/api/admin/webhooks/{id}/pause", operation_id = "pauseWebhook", tag = "Running it",
    security(("bearer" = [])), params(WebhookPath),
    responses((status = 200, description = "The webhook, paused.", body = Webhook)))]
async fn pause(
    State(app): State<App>,
    _: Admin,
    Path(Id(id)): Path<Id<WebhookId>>,
) -> Result<Answer<Webhook>, Problem> {
    Ok(Answer(webhook_answers::webhook(&app.webhooks.pause(id, now_ms()).await?)))
}

/// Resume a webhook
#[utoipa::path(post, path = "/api/admin/webhooks/{id}/resume", operation_id = "resumeWebhook", tag = "Running it",
    security(("bearer" = [])), params(WebhookPath),
    responses((status = 200, description = "The webhook, which is sent to again.", body = Webhook)))]
async fn resume(
    State(app): State<App>,
    _: Admin,
    Path(Id(id)): Path<Id<WebhookId>>,
) -> Result<Answer<Webhook>, Problem> {
    Ok(Answer(webhook_answers::webhook(&app.webhooks.resume(id).await?)))
}

/// Try a webhook out
///
/// Sends one request of the type `webhook.try` at once, also to one that is paused.
#[utoipa::path(post, path = "/api/admin/webhooks/{id}/try", operation_id = "tryWebhook", tag = "Running it",
    security(("bearer" = [])), params(WebhookPath),
    responses((status = 200, description = "What came of it.", body = TriedWebhook)))]
async fn try_out(
    State(app): State<App>,
    _: Admin,
    Path(Id(id)): Path<Id<WebhookId>>,
) -> Result<Answer<TriedWebhook>, Problem> {
    Ok(Answer(webhook_answers::tried(app.webhooks.try_out(id).await?)))
}

/// Send once more
///
/// What was set aside, or one delivery, whatever became of it.
#[utoipa::path(post, path = "/api/admin/webhooks/{id}/replay", operation_id = "replayWebhook", tag = "Running it",
    security(("bearer" = [])), params(WebhookPath), request_body = WebhookReplay,
    responses((status = 200, description = "How many are sent once more.", body = Replayed)))]
async fn replay(
    State(app): State<App>,
    _: Admin,
    Path(Id(id)): Path<Id<WebhookId>>,
    sent: Sent,
) -> Result<Answer<Replayed>, Problem> {
    let WebhookReplay { delivery_id } = sent.json().await?;
    let replayed = app.webhooks.replay(id, delivery_id.map(DeliveryId), now_ms()).await?;
    Ok(Answer(Replayed { replayed }))
}

/// List what a webhook is sent
///
/// The newest first. Of what was taken, and of what was set aside, the newest thousand are kept.
#[utoipa::path(get, path = "/api/admin/webhooks/{id}/deliveries", operation_id = "listDeliveries", tag = "Running it",
    security(("bearer" = [])), params(WebhookPath, DeliveriesQuery, PageQuery),
    responses((status = 200, description = "A page.", body = Page<Delivery>)))]
async fn deliveries(
    State(app): State<App>,
    _: Admin,
    base: Base,
    paging: Paging,
    Path(Id(id)): Path<Id<WebhookId>>,
    Query(DeliveriesQuery { state }): Query<DeliveriesQuery>,
) -> Result<Response, Problem> {
    let state = state.map(|state| match state {
        DeliveryState::Waiting => webhooks::State::Waiting,
        DeliveryState::Delivered => webhooks::State::Delivered,
        DeliveryState::SetAside => webhooks::State::SetAside,
    });
    let skip = u64::from(paging.page - 1) * u64::from(paging.page_size);
    let (count, found) = app.webhooks.deliveries(id, state, skip, paging.page_size).await?;
    let results = found.iter().map(webhook_answers::delivery).collect();
    Ok(Answer(paging.envelope(&base, count, results)).into_response())
}
