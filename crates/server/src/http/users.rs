//! People: register, sign in, refresh, sign out, profile.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use accounts::{Accounts, Change, Name, NewPerson};
use axum::Json as Answer;
use axum::extract::{ConnectInfo, FromRef, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chat::Chat;
use tokio_util::task::TaskTracker;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::people::{
    Credentials, LinkSent, Myself, PasswordChange, PasswordReset, ProfileChange, Refresh, Registering,
    Registration, RegistrationMode, SignOut, SignedIn, Tokens,
};
use wire::{Refusal, User};

use super::answers::public;
use super::auth::{Caller, bearer};
use super::links::came_from;
use super::problem::{Language, Problem};
use super::trail::Trail;
use super::{Json, Sent};
use crate::clock::now_ms;
use crate::config::Config;
use crate::mail::Mail;
use crate::metrics::Metrics;
use crate::names;
use crate::people::{password_link, roles};

/// What these handlers get.
#[derive(Clone, FromRef)]
pub(crate) struct Users {
    pub(crate) accounts: Accounts,
    pub(crate) chat: Chat,
    pub(crate) config: Arc<Config>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) mail: Mail,
    pub(crate) tasks: TaskTracker,
}

pub(crate) fn router() -> OpenApiRouter<Users> {
    OpenApiRouter::new()
        .routes(routes!(register))
        .routes(routes!(login))
        .routes(routes!(refresh))
        .routes(routes!(refresh_for_the_app))
        .routes(routes!(logout))
        .routes(routes!(logout_all))
        .routes(routes!(change_password))
        .routes(routes!(reset_password))
        .routes(routes!(registration))
        .routes(routes!(profile, change_profile))
}

/// Sign up
#[utoipa::path(post, path = "/api/users/register", operation_id = "register", tag = "People",
    request_body = Registration,
    responses((status = 201, description = "Signed up and in.", body = SignedIn),
        Refusal<403>, Refusal<409>, Refusal<422>, Refusal<429>))]
async fn register(
    State(users): State<Users>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    trail: Trail,
    Json(body): Json<Registration>,
) -> Result<Response, Problem> {
    let address = came_from(&users.config, &headers, peer);
    let new = NewPerson {
        email: body.email,
        password: body.password,
        first_name: body.first_name.unwrap_or_default(),
        last_name: body.last_name.unwrap_or_default(),
    };
    let invitation = body.invitation.as_deref();
    let (person, tokens) = users.accounts.register(new, invitation, address, now_ms()).await?;
    trail.by(person.id);
    Ok((StatusCode::CREATED, Answer(signed_in(&person, &tokens))).into_response())
}

/// How one signs up here
#[utoipa::path(get, path = "/api/users/registration", operation_id = "registration", tag = "People",
    responses((status = 200, description = "Who may.", body = RegistrationMode)))]
async fn registration(State(users): State<Users>) -> Answer<RegistrationMode> {
    let registration = match users.accounts.registration() {
        accounts::Registration::Open => Registering::Open,
        accounts::Registration::Invited => Registering::Invited,
        accounts::Registration::Closed => Registering::Closed,
    };
    Answer(RegistrationMode { registration, mail: users.mail.is_sent() })
}

/// Sign in
#[utoipa::path(post, path = "/api/users/login", operation_id = "login", tag = "People",
    request_body = Credentials,
    responses((status = 200, description = "Signed in.", body = SignedIn), Refusal<401>, Refusal<403>, Refusal<429>))]
async fn login(
    State(users): State<Users>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    trail: Trail,
    Json(body): Json<Credentials>,
) -> Result<Response, Problem> {
    let address = came_from(&users.config, &headers, peer);
    let signed = users.accounts.login(&body.email, body.password, address, now_ms()).await;
    if signed.is_err() {
        users.metrics.sign_ins_failed.inc();
    }
    if signed.is_err()
        && trail.is_kept()
        && let Ok(person) = users.accounts.by_email(&body.email).await
    {
        trail.about(person.id);
    }
    // Whoever knows the password is known: what they may not do is come in.
    let (person, tokens) = signed.map_err(|error| match error {
        accounts::Error::Disabled => disabled(),
        other => other.into(),
    })?;
    trail.by(person.id);
    Ok(Answer(signed_in(&person, &tokens)).into_response())
}

fn disabled() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "Ce compte est désactivé. Adressez-vous à qui s'occupe de ce serveur.",
        "This account is disabled. Turn to whoever runs this server.",
    )
}

/// Exchange a refresh token
#[utoipa::path(post, path = "/api/users/token/refresh", operation_id = "refreshToken", tag = "People",
    request_body = Refresh,
    responses(
        (status = 200, body = Tokens, description = "The next pair. The same token again within 60 s gets the same answer; \
            later, every token of that sign-in ends."),
        Refusal<401>, Refusal<429>))]
async fn refresh(State(users): State<Users>, Json(body): Json<Refresh>) -> Result<Response, Problem> {
    let tokens = users.accounts.refresh(&body.refresh, now_ms()).await?;
    Ok(Answer(pair(&tokens)).into_response())
}

/// Exchange a refresh token, where the app asks for it
#[utoipa::path(post, path = "/api/token/refresh", operation_id = "refreshTokenForTheApp", tag = "People",
    request_body = Refresh,
    responses((status = 200, body = Tokens, description = "As at `/api/users/token/refresh`."), Refusal<401>, Refusal<429>))]
async fn refresh_for_the_app(users: State<Users>, body: Json<Refresh>) -> Result<Response, Problem> {
    refresh(users, body).await
}

/// Sign out
#[utoipa::path(post, path = "/api/users/logout", operation_id = "logout", tag = "People",
    security((), ("bearer" = [])), request_body = SignOut,
    responses((status = 204, description = "The tokens of that sign-in are worth nothing any more."), Refusal<401>))]
async fn logout(
    State(users): State<Users>,
    headers: HeaderMap,
    Json(body): Json<SignOut>,
) -> Result<StatusCode, Problem> {
    let bearer = bearer(&headers)?;
    if body.refresh.is_none() && bearer.is_none() {
        return Err(Problem::sign_in());
    }
    if let Some(token) = body.refresh {
        users.accounts.logout(&token).await?;
    }
    if let Some(token) = bearer {
        users.accounts.logout_bearer(token, now_ms()).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Sign out everywhere
#[utoipa::path(post, path = "/api/users/logout-all", operation_id = "logoutAll", tag = "People",
    security(("bearer" = [])),
    responses((status = 204, description = "Every sign-in of mine has ended, this one too."), Refusal<401>))]
async fn logout_all(State(users): State<Users>, caller: Caller) -> Result<StatusCode, Problem> {
    users.accounts.logout_all(caller.person()?.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Change my password
#[utoipa::path(post, path = "/api/users/password", operation_id = "changePassword", tag = "People",
    security(("bearer" = [])), request_body = PasswordChange,
    responses((status = 200, description = "Changed. Every other sign-in has ended, and these tokens are of a new one.", body = SignedIn),
        Refusal<401>, Refusal<403>, Refusal<422>, Refusal<429>))]
async fn change_password(
    State(users): State<Users>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    caller: Caller,
    sent: Sent,
) -> Result<Response, Problem> {
    let address = came_from(&users.config, &headers, peer);
    let id = caller.person()?.id;
    let PasswordChange { password, new_password } = sent.json().await?;
    let changed = users.accounts.change_password(id, password, new_password, address, now_ms()).await;
    // Whoever asks is known: what they may not do is change the password.
    let (person, tokens) = changed.map_err(|error| match error {
        accounts::Error::WrongPassword => wrong_password(),
        other => other.into(),
    })?;
    Ok(Answer(signed_in(&person, &tokens)).into_response())
}

/// Set a password by a link, or ask for one
///
/// With `token` and `new_password` the password is set. With `email` a link is sent there, where this server sends mail: the
/// answer is the same whether anybody has that address or not.
#[utoipa::path(post, path = "/api/users/password-reset", operation_id = "resetPassword", tag = "People",
    request_body = PasswordReset,
    responses((status = 200, description = "Set, and signed in. Every other sign-in has ended, and the link is used up.", body = SignedIn),
        (status = 202, description = "If anybody has that address, a link is on its way to it.", body = LinkSent),
        Refusal<403>, Refusal<422>, Refusal<429>))]
async fn reset_password(
    State(users): State<Users>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    trail: Trail,
    Json(body): Json<PasswordReset>,
) -> Result<Response, Problem> {
    let address = came_from(&users.config, &headers, peer);
    let (token, new_password) = match (body.token, body.new_password, body.email) {
        (Some(token), Some(new_password), None) => (token, new_password),
        (None, None, Some(email)) => {
            trail.is("ask-password-link");
            return send_link(&users, email, address, Language::preferred(&headers));
        }
        _ => return Err(token_or_email()),
    };
    let reset = users.accounts.reset_password(&token, new_password, address, now_ms()).await;
    let (person, tokens) = reset.map_err(|error| match error {
        accounts::Error::NoSuchPerson => accounts::Error::NoLink.into(),
        other => Problem::from(other),
    })?;
    trail.by(person.id);
    Ok(Answer(signed_in(&person, &tokens)).into_response())
}

/// Has a link sent to whoever has this address. What is done for somebody and not for nobody is done after the answer, so that
/// its time tells nothing.
fn send_link(users: &Users, email: String, address: IpAddr, language: Language) -> Result<Response, Problem> {
    let Some(base) = users.config.public_url.clone().filter(|_| users.mail.is_sent()) else {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "Ce serveur n'envoie pas de courrier : demandez un lien à qui s'en occupe.",
            "This server sends no mail: ask whoever runs it for a link.",
        ));
    };
    users.accounts.count_asked_link(address)?;
    let turn = users.mail.turn().ok_or(accounts::Error::Overloaded)?;
    let accounts = users.accounts.clone();
    users.tasks.spawn(async move {
        let (person, link) = match accounts.link_to_mail(&email, now_ms()).await {
            Ok(Some(found)) => found,
            Ok(None) => return,
            Err(error) => return tracing::warn!(%error, "a link to a new password could not be made"),
        };
        let (to, link) = (person.email.as_deref().unwrap_or_default(), password_link(&base, &link));
        if let Err(error) = turn.send_password_link(to, &person.first_name, &link, language).await {
            tracing::warn!(person = %person.id, %error, "a link to a new password could not be sent");
        }
    });
    let message = match language {
        Language::French => "Si un compte a cette adresse, un lien vient d'y être envoyé.",
        Language::English => "If an account has this address, a link is on its way to it.",
    };
    Ok((StatusCode::ACCEPTED, Answer(LinkSent { message })).into_response())
}

fn token_or_email() -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "Il faut soit token et new_password, soit email.",
        "Either token and new_password are needed, or email.",
    )
}

fn wrong_password() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "Le mot de passe actuel n'est pas celui-là.",
        "That is not the current password.",
    )
}

/// Who am I
#[utoipa::path(get, path = "/api/users/my-profile", operation_id = "myProfile", tag = "People",
    security(("bearer" = [])),
    responses((status = 200, description = "You.", body = Myself)))]
async fn profile(State(users): State<Users>, caller: Caller) -> Result<Response, Problem> {
    let person = users.accounts.person(caller.person()?.id).await?;
    Ok(Answer(myself(&person)).into_response())
}

/// Change my profile
#[utoipa::path(patch, path = "/api/users/my-profile", operation_id = "changeMyProfile", tag = "People",
    security(("bearer" = [])), request_body = ProfileChange,
    responses((status = 200, description = "You, changed.", body = Myself), Refusal<422>))]
async fn change_profile(State(users): State<Users>, caller: Caller, sent: Sent) -> Result<Response, Problem> {
    let id = caller.person()?.id;
    let body: ProfileChange = sent.json().await?;
    let change = Change {
        first_name: body.first_name,
        last_name: body.last_name,
        profile_picture: body.profile_picture,
        email: None,
    };
    let person = users.accounts.change(id, change).await?;
    users.chat.renamed(&names::author(&Name::from(&person)));
    Ok(Answer(myself(&person)).into_response())
}

fn myself(person: &accounts::Person) -> Myself<'_> {
    let User { id, external_id, first_name, last_name, profile_picture } = public(person);
    Myself {
        id,
        external_id,
        first_name,
        last_name,
        profile_picture,
        email: person.email.as_deref(),
        roles: roles(person),
    }
}

fn signed_in<'a>(person: &'a accounts::Person, tokens: &'a accounts::Tokens) -> SignedIn<'a> {
    SignedIn { user: myself(person), tokens: pair(tokens) }
}

fn pair(tokens: &accounts::Tokens) -> Tokens<'_> {
    Tokens { access: &tokens.access, refresh: &tokens.refresh }
}
