//! People: register, sign in, refresh, sign out, profile.

use std::net::SocketAddr;

use accounts::{Change, Name, NewPerson, Person, Tokens};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json as Answer, Router};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::Json;
use super::auth::Caller;
use super::links::came_from;
use super::problem::Problem;
use crate::app::{App, now_ms};
use crate::names;

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/api/users/register", post(register))
        .route("/api/users/login", post(login))
        .route("/api/users/token/refresh", post(refresh))
        .route("/api/users/logout", post(logout))
        .route("/api/users/my-profile", get(profile).patch(change_profile))
}

#[derive(Deserialize)]
struct Registration {
    email: String,
    password: String,
    #[serde(default)]
    first_name: Option<String>,
    #[serde(default)]
    last_name: Option<String>,
}

#[derive(Deserialize)]
struct Credentials {
    email: String,
    password: String,
}

#[derive(Deserialize)]
struct Refresh {
    refresh: String,
}

#[derive(Deserialize)]
struct ProfileChange {
    #[serde(default)]
    first_name: Option<String>,
    #[serde(default)]
    last_name: Option<String>,
    /// `null` takes the picture away; left out, it stays.
    #[serde(default, deserialize_with = "given")]
    profile_picture: Option<Option<String>>,
}

async fn register(State(app): State<App>, Json(body): Json<Registration>) -> Result<Response, Problem> {
    let new = NewPerson {
        email: body.email,
        password: body.password,
        first_name: body.first_name.unwrap_or_default(),
        last_name: body.last_name.unwrap_or_default(),
    };
    let (person, tokens) = app.accounts.register(new, now_ms()).await?;
    Ok((StatusCode::CREATED, secret(signed_in(&person, &tokens))).into_response())
}

async fn login(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Json(body): Json<Credentials>,
) -> Result<Response, Problem> {
    let address = came_from(&app, &headers, peer);
    let (person, tokens) = app.accounts.login(&body.email, body.password, address, now_ms()).await?;
    Ok(secret(signed_in(&person, &tokens)))
}

async fn refresh(State(app): State<App>, Json(body): Json<Refresh>) -> Result<Response, Problem> {
    let tokens = app.accounts.refresh(&body.refresh, now_ms()).await?;
    Ok(secret(json!({"access": tokens.access, "refresh": tokens.refresh})))
}

async fn logout(State(app): State<App>, Json(body): Json<Refresh>) -> Result<StatusCode, Problem> {
    app.accounts.logout(&body.refresh).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn profile(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    let person = app.accounts.person(caller.person()?.id).await?;
    Ok(secret(own_json(&person)))
}

async fn change_profile(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<ProfileChange>,
) -> Result<Response, Problem> {
    let change = Change {
        first_name: body.first_name,
        last_name: body.last_name,
        profile_picture: body.profile_picture,
    };
    let person = app.accounts.change(caller.person()?.id, change).await?;
    app.chat.renamed(&names::author(&Name::from(&person)));
    Ok(secret(own_json(&person)))
}

/// Somebody as only they themselves and administrators see them.
fn own_json(person: &Person) -> Value {
    json!({
        "id": person.id,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "profile_picture": person.profile_picture,
        "email": person.email,
        "roles": person.roles.iter().map(|role| role.name()).collect::<Vec<_>>(),
    })
}

fn signed_in(person: &Person, tokens: &Tokens) -> Value {
    json!({
        "user": own_json(person),
        "tokens": {"access": tokens.access, "refresh": tokens.refresh},
    })
}

/// An answer that no cache on the way may keep.
fn secret(body: Value) -> Response {
    ([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Answer(body)).into_response()
}

/// Tells a field that is `null` from one that is left out.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
