//! The conversation as a file: JSON, CSV, WebVTT.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use chat::{Message, WindowCursor};
use futures_util::stream::try_unfold;
use ids::{LiveId, Seq};
use timeline::PlayClock;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::Refusal;
use wire::conversation::{ExportQuery, Message as Line};
use wire::lives::{KeyQuery, LivePath};

use super::access::{Id, Keys, readable_live};
use super::answers::caching;
use super::auth::Caller;
use super::chat_history::parts_of_array;
use super::problem::Problem;
use crate::app::App;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(export))
}

/// The conversation as a file
///
/// Each format is written part by part, as the reader takes it.
#[utoipa::path(get, path = "/api/posts/live/{id}/chat/export", operation_id = "exportConversation", tag = "Conversation",
    security((), ("bearer" = [])), params(LivePath, ExportQuery, KeyQuery),
    responses(
        (status = 200, description = "The file.",
            content((Vec<Line> = "application/json"), (String = "text/csv"), (String = "text/vtt")),
            headers(("Content-Disposition" = String, description = "A name for the file."))),
        Refusal<404>, Refusal<429>))]
async fn export(
    State(app): State<App>,
    caller: Caller,
    keys: Keys,
    Path(Id(id)): Path<Id>,
    Query(wanted): Query<ExportQuery>,
) -> Result<Response, Problem> {
    let live = readable_live(&app, &caller, id, &keys).await?;
    let clock = app.recordings.clock(id).await;
    let upto = app.chat.counters(id).await?.last_seq;
    let (kind, extension, body) = match wanted.format.as_deref() {
        None | Some("json") => {
            ("application/json", "json", Body::from_stream(parts_of_array(app.chat.clone(), id, upto, clock)))
        }
        Some("csv") => ("text/csv; charset=utf-8", "csv", csv(app.clone(), id, upto, clock)),
        Some("vtt") => ("text/vtt; charset=utf-8", "vtt", vtt(app.clone(), id, clock)),
        Some(_) => return Err(unknown_format()),
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, caching(&live));
    let name = format!("attachment; filename=\"conversation-{id}.{extension}\"");
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

fn unknown_format() -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "Le paramètre format vaut json, csv ou vtt.",
        "The parameter format is json, csv or vtt.",
    )
}

/// By number, deleted messages left out.
fn csv(app: App, id: LiveId, upto: Seq, clock: Arc<PlayClock>) -> Body {
    Body::from_stream(try_unfold(Some(Seq(0)), move |after| {
        let (app, clock) = (app.clone(), Arc::clone(&clock));
        async move {
            let Some(after) = after else { return Ok::<_, chat::Error>(None) };
            let messages = app.chat.range(id, after, upto).await?;
            let mut text = if after == Seq(0) { chat::csv_header().to_owned() } else { String::new() };
            for message in messages.iter().filter(|message| !message.deleted) {
                text.push_str(&chat::csv_row(message, chat::place(&clock, message.position)));
            }
            Ok(Some((Bytes::from(text), messages.last().and_then(|message| message.seq))))
        }
    }))
}

/// In the order of the timeline, as a subtitle track is.
fn vtt(app: App, id: LiveId, clock: Arc<PlayClock>) -> Body {
    let cursor = WindowCursor::new(id, clock, 0, i64::MAX);
    Body::from_stream(try_unfold((Some(cursor), chat::VTT_HEADER), move |(cursor, header)| {
        let app = app.clone();
        async move {
            let Some(mut cursor) = cursor else { return Ok::<_, chat::Error>(None) };
            let messages = app.chat.on_timeline(&mut cursor).await?;
            let mut text = header.to_owned();
            let cue = |(place_ms, message): &(i64, Message)| chat::vtt_cue(message, *place_ms);
            text.extend(messages.iter().map(cue));
            let rest = (!messages.is_empty()).then_some(cursor);
            Ok(Some((Bytes::from(text), (rest, ""))))
        }
    }))
}
