//! People, for administrators: who there is, who is let in, who is put out.

use accounts::{Change, Person, Wanted};
use axum::Json as Answer;
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use ids::PersonId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::page::PageQuery;
use wire::people::{Account, AccountChange, OneTimeLink, PeopleQuery, PersonPath, QuotaChange, RoleChange};
use wire::{Page, Refusal, Time};

use super::Sent;
use super::access::Id;
use super::auth::Caller;
use super::links::Base;
use super::paging::Paging;
use super::problem::Problem;
use super::trail::Trail;
use crate::app::App;
use crate::clock::now_ms;
use crate::names;
use crate::people::{account, invitation_link, password_link};

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show, change, delete))
        .routes(routes!(disable))
        .routes(routes!(enable))
        .routes(routes!(make_password_link))
        .routes(routes!(change_role))
        .routes(routes!(change_quota))
        .routes(routes!(logout_all))
        .routes(routes!(invite))
}

/// An administrator who asks: 401 to the anonymous, 403 to others.
pub(super) struct Admin(pub(super) PersonId);

impl FromRequestParts<App> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let person = caller.person()?;
        if person.is_admin() { Ok(Self(person.id)) } else { Err(not_an_admin()) }
    }
}

impl Admin {
    /// Refuses what would leave the one who asks outside: another administrator, or the command line, may do it.
    fn must_not_be(&self, person: PersonId) -> Result<(), Problem> {
        if self.0 != person {
            return Ok(());
        }
        Err(Problem::new(
            StatusCode::CONFLICT,
            "C'est vous-même : demandez-le à un autre administrateur.",
            "That is you yourself: ask another administrator.",
        ))
    }
}

fn not_an_admin() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "C'est réservé aux administrateurs.",
        "This is for administrators alone.",
    )
}

/// List people
///
/// The newest first.
#[utoipa::path(get, path = "/api/admin/users", operation_id = "listPeople", tag = "Running it",
    security(("bearer" = [])), params(PeopleQuery, PageQuery),
    responses((status = 200, description = "A page.", body = Page<Account>)))]
async fn list(
    State(app): State<App>,
    _: Admin,
    base: Base,
    paging: Paging,
    query: Result<Query<PeopleQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let words = query.ok().and_then(|query| query.0.q);
    let skip = u64::from(paging.page - 1) * u64::from(paging.page_size);
    let (count, people) = app.accounts.people(Wanted { words, skip, limit: paging.page_size }).await?;
    Ok(Answer(paging.envelope(&base, count, people.iter().map(account).collect())).into_response())
}

/// Show a person
#[utoipa::path(get, path = "/api/admin/users/{id}", operation_id = "showPerson", tag = "Running it",
    security(("bearer" = [])), params(PersonPath),
    responses((status = 200, description = "Them.", body = Account)))]
async fn show(
    State(app): State<App>,
    _: Admin,
    Path(Id(id)): Path<Id<PersonId>>,
) -> Result<Response, Problem> {
    Ok(Answer(account(&app.accounts.person(id).await?)).into_response())
}

/// Change a person
#[utoipa::path(patch, path = "/api/admin/users/{id}", operation_id = "changePerson", tag = "Running it",
    security(("bearer" = [])), params(PersonPath), request_body = AccountChange,
    responses((status = 200, description = "Them, changed.", body = Account), Refusal<409>, Refusal<422>))]
async fn change(
    State(app): State<App>,
    _: Admin,
    Path(Id(id)): Path<Id<PersonId>>,
    sent: Sent,
) -> Result<Response, Problem> {
    let AccountChange { first_name, last_name, email, profile_picture } = sent.json().await?;
    let change = Change { first_name, last_name, profile_picture, email };
    let person = app.accounts.change(id, change).await?;
    app.chat.renamed(&names::author(&accounts::Name::from(&person)));
    Ok(Answer(account(&person)).into_response())
}

/// Erase a person
///
/// What is known of them goes at once, their lives and what they said anywhere within seconds. There is no way back.
#[utoipa::path(delete, path = "/api/admin/users/{id}", operation_id = "erasePerson", tag = "Running it",
    security(("bearer" = [])), params(PersonPath),
    responses((status = 204, description = "They are gone."), Refusal<409>))]
async fn delete(
    State(app): State<App>,
    admin: Admin,
    Path(Id(id)): Path<Id<PersonId>>,
) -> Result<StatusCode, Problem> {
    admin.must_not_be(id)?;
    app.accounts.begin_erasure(id, now_ms()).await?;
    app.erasing.begin();
    Ok(StatusCode::NO_CONTENT)
}

/// Put a person out
#[utoipa::path(post, path = "/api/admin/users/{id}/disable", operation_id = "disablePerson", tag = "Running it",
    security(("bearer" = [])), params(PersonPath),
    responses(
        (status = 200, description = "None of their tokens is accepted any more, ours or their app's.", body = Account),
        Refusal<409>))]
async fn disable(
    State(app): State<App>,
    admin: Admin,
    Path(Id(id)): Path<Id<PersonId>>,
) -> Result<Response, Problem> {
    admin.must_not_be(id)?;
    Ok(Answer(account(&app.accounts.disable(id, now_ms()).await?)).into_response())
}

/// Let a person in again
#[utoipa::path(post, path = "/api/admin/users/{id}/enable", operation_id = "enablePerson", tag = "Running it",
    security(("bearer" = [])), params(PersonPath),
    responses((status = 200, description = "They may sign in anew.", body = Account)))]
async fn enable(
    State(app): State<App>,
    _: Admin,
    Path(Id(id)): Path<Id<PersonId>>,
) -> Result<Response, Problem> {
    Ok(Answer(account(&app.accounts.enable(id).await?)).into_response())
}

/// Make a link to a new password
#[utoipa::path(post, path = "/api/admin/users/{id}/password-link", operation_id = "makePasswordLink", tag = "Running it",
    security(("bearer" = [])), params(PersonPath),
    responses(
        (status = 200, description = "Good once, for 24 hours; an earlier one is worth nothing any more.", body = OneTimeLink),
        Refusal<409>))]
async fn make_password_link(
    State(app): State<App>,
    _: Admin,
    base: Base,
    Path(Id(id)): Path<Id<PersonId>>,
) -> Result<Response, Problem> {
    let link = app.accounts.password_link(id, now_ms()).await.map_err(|error| match error {
        accounts::Error::Disabled => Problem::new(
            StatusCode::CONFLICT,
            "Ce compte est désactivé : réactivez-le d'abord.",
            "This account is disabled: enable it first.",
        ),
        accounts::Error::NoPassword => Problem::new(
            StatusCode::CONFLICT,
            "Cette personne vient d'une autre application et n'a pas d'adresse e-mail ici.",
            "This person comes from another application and has no e-mail address here.",
        ),
        other => other.into(),
    })?;
    let url = password_link(&base.0, &link);
    Ok(Answer(OneTimeLink { url, expires_at: Time(link.expires.0) }).into_response())
}

/// Give a role, or take it away
#[utoipa::path(post, path = "/api/admin/users/{id}/role", operation_id = "changeRole", tag = "Running it",
    security(("bearer" = [])), params(PersonPath), request_body = RoleChange,
    responses((status = 200, description = "Them, with their roles.", body = Account), Refusal<409>))]
async fn change_role(
    State(app): State<App>,
    admin: Admin,
    trail: Trail,
    Path(Id(id)): Path<Id<PersonId>>,
    sent: Sent,
) -> Result<Response, Problem> {
    let RoleChange { role, given } = sent.json().await?;
    let (role, given) = (meant(role), given.unwrap_or(true));
    trail.with("role", role.name());
    trail.with("given", given);
    if role == accounts::Role::Admin && !given {
        admin.must_not_be(id)?;
    }
    let person: Person = app.accounts.set_role(id, role, given).await?;
    Ok(Answer(account(&person)).into_response())
}

fn meant(role: wire::people::Role) -> accounts::Role {
    match role {
        wire::people::Role::Admin => accounts::Role::Admin,
        wire::people::Role::Moderator => accounts::Role::Moderator,
    }
}

/// Say how much a person may keep
#[utoipa::path(post, path = "/api/admin/users/{id}/quota", operation_id = "changeQuota", tag = "Running it",
    security(("bearer" = [])), params(PersonPath), request_body = QuotaChange,
    responses((status = 200, description = "Them, with their quota.", body = Account)))]
async fn change_quota(
    State(app): State<App>,
    _: Admin,
    Path(Id(id)): Path<Id<PersonId>>,
    sent: Sent,
) -> Result<Response, Problem> {
    let QuotaChange { quota_bytes } = sent.json().await?;
    let person = app.accounts.set_quota(id, quota_bytes).await?;
    app.quota.set_own(id, person.quota);
    Ok(Answer(account(&person)).into_response())
}

/// End every sign-in of a person
#[utoipa::path(post, path = "/api/admin/users/{id}/logout-all", operation_id = "logoutPerson", tag = "Running it",
    security(("bearer" = [])), params(PersonPath),
    responses((status = 204, description = "All have ended.")))]
async fn logout_all(
    State(app): State<App>,
    _: Admin,
    Path(Id(id)): Path<Id<PersonId>>,
) -> Result<StatusCode, Problem> {
    app.accounts.person(id).await?;
    app.accounts.logout_all(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make an invitation
#[utoipa::path(post, path = "/api/admin/invitations", operation_id = "invite", tag = "Running it",
    security(("bearer" = [])),
    responses((status = 200, description = "Good for one person, for 7 days.", body = OneTimeLink)))]
async fn invite(State(app): State<App>, _: Admin, base: Base) -> Result<Response, Problem> {
    let link = app.accounts.invite(now_ms()).await?;
    let url = invitation_link(&base.0, &link);
    Ok(Answer(OneTimeLink { url, expires_at: Time(link.expires.0) }).into_response())
}
