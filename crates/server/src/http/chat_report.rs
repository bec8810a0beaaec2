//! Reporting a message to whoever runs the server.

use axum::Json as Answer;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chat::Sender;
use ids::MessageId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::Refusal;
use wire::admin::{NewReport, Reported};
use wire::conversation::MessagePath;
use wire::lives::{KeyQuery, LivePath};

use super::Sent;
use super::access::{Id, Keys, readable_live};
use super::auth::Caller;
use super::problem::Problem;
use crate::app::App;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(report))
}

/// Report a message
///
/// To whoever runs the server. The same message again is the report that there is.
#[utoipa::path(post, path = "/api/posts/live/{id}/chat/{message_id}/report", operation_id = "reportMessage",
    tag = "Conversation", security(("bearer" = [])), params(LivePath, MessagePath, KeyQuery), request_body = NewReport,
    responses(
        (status = 201, description = "It was reported.", body = Reported),
        Refusal<403>, Refusal<404>, Refusal<422>, Refusal<429>, Refusal<507>))]
async fn report(
    State(app): State<App>,
    caller: Caller,
    keys: Keys,
    Path((Id(id), Id(message))): Path<(Id, Id<MessageId>)>,
    sent: Sent,
) -> Result<Response, Problem> {
    let by = caller.person()?.id;
    readable_live(&app, &caller, id, &keys).await?;
    let NewReport { reason } = sent.json().await?;
    let admitted = app.chat_limits.messages.admit(Sender::Person(by));
    admitted.map_err(|wait| Problem::too_fast(wait.as_millis()))?;
    let report = app.chat.report(id, by, message, &reason).await?;
    Ok((StatusCode::CREATED, Answer(Reported { report_id: report.0 })).into_response())
}
