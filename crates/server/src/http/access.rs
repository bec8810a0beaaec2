//! Which live a request may reach, for every handler that has one in its path, and for how long.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use futures_util::{Stream, StreamExt, stream};
use ids::LiveId;
use lives::Live;
use lives::policy::{self, Holder, Who};
use serde::{Deserialize, Deserializer};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::auth::{Caller, bearer};
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

/// The live, if the caller may see it; 404 whether it is not there or not for them. A token for media opens nothing here.
pub(crate) async fn readable_live(
    app: &App,
    caller: &Caller,
    id: LiveId,
    keys: &Keys,
) -> Result<Arc<Live>, Problem> {
    let live = app.lives.get(id).await?;
    if readable(&live, caller, keys) { Ok(live) } else { Err(Problem::no_such_live()) }
}

/// Whether the caller may see the live.
pub(crate) fn readable(live: &Live, caller: &Caller, keys: &Keys) -> bool {
    policy::may_read(live, caller.who(), keys.key.as_deref(), now_ms())
}

/// The live, if the caller may see and hear it, a token for media being as good as the right by which it was got.
pub(crate) async fn watchable_live(
    app: &App,
    caller: &Caller,
    id: LiveId,
    keys: &Keys,
) -> Result<Arc<Live>, Problem> {
    let live = app.lives.get(id).await?;
    if watchable(app, &live, caller, keys).await { Ok(live) } else { Err(Problem::no_such_live()) }
}

async fn watchable(app: &App, live: &Live, caller: &Caller, keys: &Keys) -> bool {
    let now = now_ms();
    if readable(live, caller, keys) {
        return true;
    }
    let token = keys.token.as_deref();
    let Some(holder) = token.and_then(|token| app.media_tokens.check(token, live, now)) else { return false };
    let Holder::Person(id) = holder else { return policy::may_watch(live, holder, Who::Anonymous, now) };
    match app.accounts.present(id).await {
        Ok(person) => policy::may_watch(live, holder, Caller::Person(person).who(), now),
        Err(_) => false,
    }
}

/// How often the right to what goes on is looked at again.
const LOOKED_AT: Duration = Duration::from_secs(1);

/// The right to watch a live, for as long as an answer goes on: it is lost when the live is deleted or becomes somebody
/// else's to see, when the token is at its end, the sign-in over, the person put out.
#[derive(Clone)]
pub(crate) struct Right {
    app: App,
    live: LiveId,
    bearer: Option<String>,
    keys: Keys,
}

impl Right {
    /// The right of whoever sent this request to watch this live.
    ///
    /// # Errors
    /// 401 where the bearer is none.
    pub(crate) fn of(app: &App, live: LiveId, parts: &Parts, keys: Keys) -> Result<Self, Problem> {
        let bearer = bearer(&parts.headers)?.map(str::to_owned);
        Ok(Self { app: app.clone(), live, bearer, keys })
    }

    /// Whether it holds now. Storage that fails for a moment takes nobody's right.
    pub(crate) async fn holds(&self) -> bool {
        let caller = match &self.bearer {
            None => Caller::Anonymous,
            Some(token) => match Caller::still(&self.app.accounts, token).await {
                Ok(Some(caller)) => caller,
                Ok(None) => return true,
                Err(_) => return false,
            },
        };
        match self.app.lives.get(self.live).await {
            Ok(live) => watchable(&self.app, &live, &caller, &self.keys).await,
            Err(lives::Error::NoSuchLive) => false,
            Err(_) => true,
        }
    }

    /// Lets a stream go on for as long as the right holds, also while nothing comes.
    pub(crate) fn limits<T>(self, stream: impl Stream<Item = T> + Send) -> impl Stream<Item = T> + Send {
        stream.take_until(self.lost())
    }

    /// The same for what is always there to be sent: the right is looked at when something is taken, at most once a second,
    /// and a stream that was cut ends in an error.
    pub(crate) fn cuts<T: Send>(
        self,
        source: impl Stream<Item = Result<T, recorder::Error>> + Send,
    ) -> impl Stream<Item = Result<T, recorder::Error>> + Send {
        let begun = (Box::pin(source), Instant::now(), self);
        stream::unfold(Some(begun), |state| async move {
            let (mut source, mut looked, right) = state?;
            if looked.elapsed() >= LOOKED_AT {
                if !right.holds().await {
                    return Some((Err(recorder::Error::Failed("the right to it was lost".to_owned())), None));
                }
                looked = Instant::now();
            }
            let next = source.next().await?;
            Some((next, Some((source, looked, right))))
        })
    }

    /// Ends when the right is lost.
    pub(crate) async fn lost(self) {
        let mut looks = interval_at(Instant::now() + LOOKED_AT, LOOKED_AT);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            if !self.holds().await {
                return;
            }
        }
    }
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

/// The live, if the caller may stop it: 401 to the anonymous, 403 to others.
pub(crate) async fn stoppable_live(app: &App, caller: &Caller, id: LiveId) -> Result<Arc<Live>, Problem> {
    allowed_live(app, caller, id, policy::may_stop).await
}

/// The live, if the caller may change and delete it: 401 to the anonymous, 403 to others.
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
    allowed: fn(&Live, Who<'_>) -> bool,
) -> Result<Arc<Live>, Problem> {
    if matches!(caller, Caller::Anonymous) {
        return Err(Problem::sign_in());
    }
    let live = app.lives.get(id).await?;
    if allowed(&live, caller.who()) {
        return Ok(live);
    }
    // Who may not even see it does not hear that it exists.
    if !policy::may_read(&live, caller.who(), None, now_ms()) {
        return Err(Problem::no_such_live());
    }
    Err(Problem::new(StatusCode::FORBIDDEN, "Ce live n'est pas le vôtre.", "This live is not yours."))
}
