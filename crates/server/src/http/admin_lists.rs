//! Lives, reports, bans and invitations, for administrators.

use axum::Json as Answer;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use ids::{LiveId, PersonId, ReportId};
use lives::Filter;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::admin::{
    Ban, BanPath, BansQuery, Invitation, NewBan, OwnedLive, OwnedLivesQuery, Report, ReportPath,
};
use wire::lives::LivePath;
use wire::page::PageQuery;
use wire::{Page, Refusal};

use super::Sent;
use super::access::Id;
use super::admin::Admin;
use super::links::Base;
use super::paging::Paging;
use super::problem::Problem;
use crate::administered;
use crate::app::App;
use crate::clock::now_ms;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(lives))
        .routes(routes!(live, delete_live))
        .routes(routes!(reports))
        .routes(routes!(dismiss))
        .routes(routes!(bans, ban))
        .routes(routes!(unban))
        .routes(routes!(invitations))
}

/// List lives
///
/// Everybody's, whoever may see them, the newest first.
#[utoipa::path(get, path = "/api/admin/lives", operation_id = "listAllLives", tag = "Running it",
    security(("bearer" = [])), params(OwnedLivesQuery, PageQuery),
    responses((status = 200, description = "A page.", body = Page<OwnedLive>)))]
async fn lives(
    State(app): State<App>,
    _: Admin,
    base: Base,
    paging: Paging,
    Query(OwnedLivesQuery { q, state, owner }): Query<OwnedLivesQuery>,
) -> Result<Response, Problem> {
    let running = match state.as_deref() {
        None | Some("") => None,
        Some("live") => Some(true),
        Some("ended") => Some(false),
        Some(_) => {
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "Le paramètre state vaut live ou ended.",
                "The parameter state is live or ended.",
            ));
        }
    };
    let filter = Filter { running, words: q, of: owner.map(PersonId), ..Filter::default() };
    let (page, page_size) = (paging.page, paging.page_size);
    let (count, found) = administered::lives(&app.lives, &app.accounts, filter, page, page_size).await?;
    Ok(Answer(paging.envelope(&base, count, found)).into_response())
}

/// Show a live
#[utoipa::path(get, path = "/api/admin/lives/{id}", operation_id = "showAnyLive", tag = "Running it",
    security(("bearer" = [])), params(LivePath),
    responses((status = 200, description = "The live.", body = OwnedLive)))]
async fn live(
    State(app): State<App>,
    _: Admin,
    Path(Id(id)): Path<Id>,
) -> Result<Answer<OwnedLive>, Problem> {
    let live = app.lives.get(id).await?;
    Ok(Answer(administered::live(&app.accounts, &live).await))
}

/// Delete a live
///
/// With its recording and its conversation. There is no way back.
#[utoipa::path(delete, path = "/api/admin/lives/{id}", operation_id = "deleteAnyLive", tag = "Running it",
    security(("bearer" = [])), params(LivePath),
    responses((status = 204, description = "It is gone."), Refusal<507>))]
async fn delete_live(
    State(app): State<App>,
    _: Admin,
    Path(Id(id)): Path<Id>,
) -> Result<StatusCode, Problem> {
    app.lifecycle.begin_deletion(id, now_ms()).await?;
    app.listeners.heard(id).await;
    Ok(StatusCode::NO_CONTENT)
}

/// List reports
///
/// The newest first.
#[utoipa::path(get, path = "/api/admin/reports", operation_id = "listReports", tag = "Running it",
    security(("bearer" = [])), params(PageQuery),
    responses((status = 200, description = "A page.", body = Page<Report>)))]
async fn reports(State(app): State<App>, _: Admin, base: Base, paging: Paging) -> Result<Response, Problem> {
    let (count, found) =
        administered::reports(&app.chat, &app.accounts, skip(&paging), paging.page_size).await?;
    Ok(Answer(paging.envelope(&base, count, found)).into_response())
}

/// Dismiss a report
///
/// The message stays; a message that is deleted takes its reports with it.
#[utoipa::path(delete, path = "/api/admin/reports/{id}", operation_id = "dismissReport", tag = "Running it",
    security(("bearer" = [])), params(ReportPath),
    responses((status = 204, description = "It is gone.")))]
async fn dismiss(
    State(app): State<App>,
    _: Admin,
    Path(Id(id)): Path<Id<ReportId>>,
) -> Result<StatusCode, Problem> {
    if app.chat.dismiss_report(id).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    let french = "Ce signalement n'existe pas.";
    Err(Problem::new(StatusCode::NOT_FOUND, french, "There is no such report."))
}

/// List bans
///
/// Who may not write, in which live: silences and bans.
#[utoipa::path(get, path = "/api/admin/bans", operation_id = "listBans", tag = "Running it",
    security(("bearer" = [])), params(BansQuery, PageQuery),
    responses((status = 200, description = "A page.", body = Page<Ban>)))]
async fn bans(
    State(app): State<App>,
    _: Admin,
    base: Base,
    paging: Paging,
    Query(BansQuery { live_id }): Query<BansQuery>,
) -> Result<Response, Problem> {
    let (live, limit) = (live_id.map(LiveId), paging.page_size);
    let (count, found) = administered::bans(&app.chat, &app.accounts, live, skip(&paging), limit).await?;
    Ok(Answer(paging.envelope(&base, count, found)).into_response())
}

/// Ban somebody in a live
///
/// They may read it, and not write in it.
#[utoipa::path(post, path = "/api/admin/bans", operation_id = "banPerson", tag = "Running it",
    security(("bearer" = [])), request_body = NewBan,
    responses((status = 204, description = "They may not write there."), Refusal<404>, Refusal<422>, Refusal<507>))]
async fn ban(State(app): State<App>, admin: Admin, sent: Sent) -> Result<StatusCode, Problem> {
    let NewBan { live_id, person_id, seconds } = sent.json().await?;
    let live = app.lives.get(LiveId(live_id)).await?;
    let until = seconds.map(|seconds| now_ms().plus_ms(i64::from(seconds) * 1_000));
    if until.is_some_and(|until| until > now_ms().plus_ms(chat::SILENCE_LIMIT_MS)) {
        return Err(chat::Refusal::Rules.into());
    }
    app.chat.ban(live.id, admin.0, PersonId(person_id), until).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lift a ban
#[utoipa::path(delete, path = "/api/admin/bans/{live_id}/{person_id}", operation_id = "unbanPerson", tag = "Running it",
    security(("bearer" = [])), params(BanPath),
    responses((status = 204, description = "They may write there."), Refusal<507>))]
async fn unban(
    State(app): State<App>,
    admin: Admin,
    Path((Id(live), Id(person))): Path<(Id, Id<PersonId>)>,
) -> Result<StatusCode, Problem> {
    app.chat.unban(live, admin.0, person).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List invitations
///
/// Those that are good. Their links were told once.
#[utoipa::path(get, path = "/api/admin/invitations", operation_id = "listInvitations", tag = "Running it",
    security(("bearer" = [])), params(PageQuery),
    responses((status = 200, description = "A page.", body = Page<Invitation>)))]
async fn invitations(
    State(app): State<App>,
    _: Admin,
    base: Base,
    paging: Paging,
) -> Result<Response, Problem> {
    let all = app.accounts.invitations(now_ms()).await?;
    let skip = usize::try_from(skip(&paging)).unwrap_or(usize::MAX);
    let of_page = all.iter().skip(skip).take(paging.page_size as usize);
    let results = of_page.map(administered::invitation).collect();
    Ok(Answer(paging.envelope(&base, all.len() as u64, results)).into_response())
}

fn skip(paging: &Paging) -> u64 {
    u64::from(paging.page - 1) * u64::from(paging.page_size)
}
