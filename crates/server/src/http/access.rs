//! Which live a request may reach, for every handler that has one in its path.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use ids::LiveId;
use lives::{Live, policy};
use serde::{Deserialize, Deserializer};

use super::auth::Caller;
use super::problem::Problem;
use crate::app::App;
use crate::clock::now_ms;

/// A number in a path, of a live unless it says otherwise. Whatever is no number is a number that nothing has, so it is
/// answered 404.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Id<T = LiveId>(pub(crate) T);

/// `?key=` and `?token=`: what an address may carry to open a live that is not public.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keys {
    /// The key of an unlisted live's address.
    pub(crate) key: Option<String>,
    /// A media token.
    pub(crate) token: Option<String>,
}

impl<'de, T: From<i64>> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(Self(T::from(text.parse().ok().filter(|id| *id > 0).unwrap_or(0))))
    }
}

impl<S: Sync> FromRequestParts<S> for Keys {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let mut keys = Self::default();
        for (name, value) in form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
            match name.as_ref() {
                "key" => keys.key = Some(value.into_owned()),
                "token" => keys.token = Some(value.into_owned()),
                _ => {}
            }
        }
        Ok(keys)
    }
}

/// The live, if the caller may see it; 404 whether it is not there or not for them.
pub(crate) async fn readable_live(
    app: &App,
    caller: &Caller,
    id: LiveId,
    keys: &Keys,
) -> Result<Arc<Live>, Problem> {
    let live = app.lives.get(id).await?;
    if readable(app, &live, caller, keys) { Ok(live) } else { Err(Problem::no_such_live()) }
}

/// Whether the caller may see the live.
pub(crate) fn readable(app: &App, live: &Live, caller: &Caller, keys: &Keys) -> bool {
    let token = keys.token.as_deref();
    let media_token = token.is_some_and(|token| app.media_tokens.check(token, live.id, now_ms()));
    policy::may_read(live, caller.who(), policy::Pass { key: keys.key.as_deref(), media_token })
}

/// The live, if the caller may publish to it and it still takes bytes: 401 to the anonymous, 403 to others,
/// 409 when it was stopped more than 24 hours ago.
pub(crate) async fn publishable_live(app: &App, caller: &Caller, id: LiveId) -> Result<Arc<Live>, Problem> {
    let live = allowed_live(app, caller, id, policy::may_publish).await?;
    if !live.takes_bytes(now_ms()) {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "Ce live est arrêté depuis plus de 24 heures : il ne reçoit plus rien.",
            "This live was stopped more than 24 hours ago: it takes nothing more.",
        ));
    }
    Ok(live)
}

/// The live, if the caller may change, stop and delete it: 401 to the anonymous, 403 to others.
pub(crate) async fn changeable_live(app: &App, caller: &Caller, id: LiveId) -> Result<Arc<Live>, Problem> {
    allowed_live(app, caller, id, policy::may_moderate).await
}

/// The live, if it is the caller's own: 401 to the anonymous, 403 to others.
pub(crate) async fn authored_live(app: &App, caller: &Caller, id: LiveId) -> Result<Arc<Live>, Problem> {
    allowed_live(app, caller, id, policy::is_own).await
}

async fn allowed_live(
    app: &App,
    caller: &Caller,
    id: LiveId,
    allowed: fn(&Live, policy::Who<'_>) -> bool,
) -> Result<Arc<Live>, Problem> {
    if matches!(caller, Caller::Anonymous) {
        return Err(Problem::sign_in());
    }
    let live = app.lives.get(id).await?;
    if allowed(&live, caller.who()) {
        return Ok(live);
    }
    // Who may not even see it does not hear that it exists.
    if !policy::may_read(&live, caller.who(), policy::Pass::default()) {
        return Err(Problem::no_such_live());
    }
    Err(Problem::new(StatusCode::FORBIDDEN, "Ce live n'est pas le vôtre.", "This live is not yours."))
}
