//! People: register, sign in, refresh, sign out, profile.

use std::net::SocketAddr;
use std::sync::Arc;

use accounts::{Accounts, Change, Name, NewPerson};
use axum::Json as Answer;
use axum::extract::{ConnectInfo, FromRef, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chat::Chat;
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::people::{Credentials, Myself, ProfileChange, Refresh, Registration, Role, SignedIn, Tokens};
use wire::{Person, Refusal};

use super::Json;
use super::answers::public;
use super::auth::Caller;
use super::links::came_from;
use super::problem::Problem;
use crate::clock::now_ms;
use crate::config::Config;
use crate::names;

/// What these handlers get.
#[derive(Clone, FromRef)]
pub(crate) struct Users {
    pub(crate) accounts: Accounts,
    pub(crate) chat: Chat,
    pub(crate) config: Arc<Config>,
}

pub(crate) fn router() -> OpenApiRouter<Users> {
    OpenApiRouter::new()
        .routes(routes!(register))
        .routes(routes!(login))
        .routes(routes!(refresh))
        .routes(routes!(logout))
        .routes(routes!(profile, change_profile))
}

/// Sign up
#[utoipa::path(post, path = "/api/users/register", operation_id = "register", tag = "People",
    request_body = Registration,
    responses((status = 201, description = "Signed up and in.", body = SignedIn), Refusal<409>, Refusal<422>))]
async fn register(State(users): State<Users>, Json(body): Json<Registration>) -> Result<Response, Problem> {
    let new = NewPerson {
        email: body.email,
        password: body.password,
        first_name: body.first_name.unwrap_or_default(),
        last_name: body.last_name.unwrap_or_default(),
    };
    let (person, tokens) = users.accounts.register(new, now_ms()).await?;
    Ok((StatusCode::CREATED, secret(&signed_in(&person, &tokens))).into_response())
}

/// Sign in
#[utoipa::path(post, path = "/api/users/login", operation_id = "login", tag = "People",
    request_body = Credentials,
    responses((status = 200, description = "Signed in.", body = SignedIn), Refusal<401>, Refusal<429>))]
async fn login(
    State(users): State<Users>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Json(body): Json<Credentials>,
) -> Result<Response, Problem> {
    let address = came_from(&users.config, &headers, peer);
    let (person, tokens) = users.accounts.login(&body.email, body.password, address, now_ms()).await?;
    Ok(secret(&signed_in(&person, &tokens)))
}

/// Exchange a refresh token
#[utoipa::path(post, path = "/api/users/token/refresh", operation_id = "refreshToken", tag = "People",
    request_body = Refresh,
    responses(
        (status = 200, body = Tokens, description = "The next pair. The same token again within 60 s gets the same answer; \
            later, every token of that sign-in ends."),
        Refusal<401>))]
async fn refresh(State(users): State<Users>, Json(body): Json<Refresh>) -> Result<Response, Problem> {
    let tokens = users.accounts.refresh(&body.refresh, now_ms()).await?;
    Ok(secret(&pair(&tokens)))
}

/// Sign out
#[utoipa::path(post, path = "/api/users/logout", operation_id = "logout", tag = "People",
    request_body = Refresh,
    responses((status = 204, description = "The refresh token is worth nothing any more.")))]
async fn logout(State(users): State<Users>, Json(body): Json<Refresh>) -> Result<StatusCode, Problem> {
    users.accounts.logout(&body.refresh).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who am I
#[utoipa::path(get, path = "/api/users/my-profile", operation_id = "myProfile", tag = "People",
    security(("bearer" = [])),
    responses((status = 200, description = "You.", body = Myself)))]
async fn profile(State(users): State<Users>, caller: Caller) -> Result<Response, Problem> {
    let person = users.accounts.person(caller.person()?.id).await?;
    Ok(secret(&myself(&person)))
}

/// Change my profile
#[utoipa::path(patch, path = "/api/users/my-profile", operation_id = "changeMyProfile", tag = "People",
    security(("bearer" = [])), request_body = ProfileChange,
    responses((status = 200, description = "You, changed.", body = Myself), Refusal<422>))]
async fn change_profile(
    State(users): State<Users>,
    caller: Caller,
    Json(body): Json<ProfileChange>,
) -> Result<Response, Problem> {
    let change = Change {
        first_name: body.first_name,
        last_name: body.last_name,
        profile_picture: body.profile_picture,
    };
    let person = users.accounts.change(caller.person()?.id, change).await?;
    users.chat.renamed(&names::author(&Name::from(&person)));
    Ok(secret(&myself(&person)))
}

fn myself(person: &accounts::Person) -> Myself<'_> {
    let Person { id, first_name, last_name, profile_picture } = public(person);
    let role = |role: &accounts::Role| match role {
        accounts::Role::Admin => Role::Admin,
        accounts::Role::Moderator => Role::Moderator,
    };
    Myself {
        id,
        first_name,
        last_name,
        profile_picture,
        email: person.email.as_deref(),
        roles: person.roles.iter().map(role).collect(),
    }
}

fn signed_in<'a>(person: &'a accounts::Person, tokens: &'a accounts::Tokens) -> SignedIn<'a> {
    SignedIn { user: myself(person), tokens: pair(tokens) }
}

fn pair(tokens: &accounts::Tokens) -> Tokens<'_> {
    Tokens { access: &tokens.access, refresh: &tokens.refresh }
}

/// An answer that no cache on the way may keep.
fn secret(body: &impl Serialize) -> Response {
    ([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Answer(body)).into_response()
}
