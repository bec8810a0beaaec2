//! Who asks.

use std::sync::Arc;

use accounts::{Accounts, Person};
use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use lives::policy::Who;

use super::problem::Problem;
use super::trail::Trail;
use crate::clock::now_ms;
use crate::places::Place;

/// What a stream key begins with, so that it is told from an access token.
const STREAM_KEY: &str = "sk_";

/// Who asks, by `Authorization: Bearer`. A wrong or expired token is refused, also where none is needed.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    /// Nobody in particular.
    Anonymous,
    /// Somebody signed in.
    Person(Arc<Person>),
    /// Whoever holds this stream key; whether it is one of the live's is for the live to say.
    StreamKey(String),
}

impl Caller {
    /// The person; 401 without one.
    pub(crate) fn person(&self) -> Result<&Arc<Person>, Problem> {
        match self {
            Self::Person(person) => Ok(person),
            Self::Anonymous => Err(Problem::sign_in()),
            Self::StreamKey(_) => Err(Problem::new(
                StatusCode::FORBIDDEN,
                "Une clé de diffusion ne sert qu'à publier.",
                "A stream key is only good for publishing.",
            )),
        }
    }

    /// The same, as the rules of lives see it.
    pub(crate) fn who(&self) -> Who<'_> {
        match self {
            Self::Anonymous => Who::Anonymous,
            Self::StreamKey(key) => Who::StreamKey(key),
            Self::Person(person) => {
                Who::Person { id: person.id, moderator: person.is_moderator(), admin: person.is_admin() }
            }
        }
    }

    /// Who holds this token or stream key.
    pub(crate) async fn of_token(accounts: &Accounts, token: &str) -> Result<Self, Problem> {
        if token.starts_with(STREAM_KEY) {
            return Ok(Self::StreamKey(token.to_owned()));
        }
        Ok(Self::Person(accounts.authenticate(token, now_ms()).await?))
    }

    /// The same for what goes on by a token: `None` where storage fails for a moment, which takes nobody's right.
    ///
    /// # Errors
    /// The token is good no longer: at its end, with its sign-in, or because its person was put out.
    pub(crate) async fn still(accounts: &Accounts, token: &str) -> Result<Option<Self>, Problem> {
        match Self::of_token(accounts, token).await {
            Ok(caller) => Ok(Some(caller)),
            Err(problem) if problem.status().is_server_error() => Ok(None),
            Err(problem) => Err(problem),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Caller
where
    Accounts: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match bearer(&parts.headers)? {
            Some(token) => {
                let caller = Self::of_token(&Accounts::from_ref(state), token).await?;
                if let Self::Person(person) = &caller {
                    if let Some(place) = parts.extensions.get::<Place>() {
                        place.belongs_to(person.id);
                    }
                    if let Some(trail) = parts.extensions.get::<Trail>() {
                        trail.by(person.id);
                    }
                }
                Ok(caller)
            }
            None => Ok(Self::Anonymous),
        }
    }
}

/// The token of `Authorization: Bearer` (RFC 6750, section 2.1; the scheme in any case, RFC 9110, section 11.1).
/// Other schemes belong to proxies and are not for us.
pub(super) fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Ok(None);
    };
    let value = value.to_str().map_err(|_| Problem::from(accounts::Error::InvalidToken))?.trim();
    let (scheme, token) = value.split_once(char::is_whitespace).unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Ok(None);
    }
    match token.trim() {
        "" => Err(accounts::Error::InvalidToken.into()),
        token => Ok(Some(token)),
    }
}
