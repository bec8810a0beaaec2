//! What a request leaves in the audit log: each act of the list below, and each refusal of anything.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use axum::middleware::Next;
use axum::response::Response;
use ids::{LiveId, PersonId};
use serde_json::{Map, Value};

use super::links::came_from;
use super::problem::Problem;
use crate::audit::{Act, AuditLog, Origin, Outcome};
use crate::config::Config;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Characters of a request's number at most; a longer one is none.
const REQUEST_ID_LENGTH: usize = 128;

/// What is written however it ends: method, path, word.
const ACTS: &[(&str, &str, &str)] = &[
    ("POST", "/api/users/register", "register"),
    ("POST", "/api/users/login", "sign-in"),
    ("POST", "/api/users/logout-all", "sign-out-everywhere"),
    ("POST", "/api/users/password", "change-password"),
    ("POST", "/api/users/password-reset", "reset-password"),
    ("PATCH", "/api/users/my-profile", "change-profile"),
    ("PATCH", "/api/admin/users/{id}", "change-person"),
    ("DELETE", "/api/admin/users/{id}", "delete-person"),
    ("POST", "/api/admin/users/{id}/disable", "disable-person"),
    ("POST", "/api/admin/users/{id}/enable", "enable-person"),
    ("POST", "/api/admin/users/{id}/password-link", "make-password-link"),
    ("POST", "/api/admin/users/{id}/role", "change-role"),
    ("POST", "/api/admin/users/{id}/logout-all", "sign-person-out"),
    ("POST", "/api/admin/invitations", "invite"),
    ("PATCH", "/api/posts/live/{id}", "change-live"),
    ("DELETE", "/api/posts/live/{id}", "delete-live"),
    ("POST", "/api/posts/live/{id}/stop", "stop-live"),
    ("PUT", "/api/posts/live/{id}/stop", "stop-live"),
    ("POST", "/api/posts/live/{id}/stream-key", "renew-stream-key"),
    ("POST", "/api/posts/live/{id}/watch-key", "renew-watch-key"),
    ("DELETE", "/api/posts/live/{id}/unread/{unread}", "delete-unread"),
    ("DELETE", "/api/posts/live/{id}/chat/{message_id}", "delete-message"),
    ("PATCH", "/api/posts/live/{id}/chat/rules", "change-rules"),
    ("PUT", "/api/posts/live/{id}/chat/moderators/{person_id}", "name-moderator"),
    ("DELETE", "/api/posts/live/{id}/chat/moderators/{person_id}", "unname-moderator"),
    ("PUT", "/api/posts/live/{id}/chat/sanctions/{person_id}", "sanction"),
    ("DELETE", "/api/posts/live/{id}/chat/sanctions/{person_id}", "lift-sanction"),
    ("POST", "/api/posts/live/{id}/chat/held/{held_id}", "release-message"),
    ("DELETE", "/api/posts/live/{id}/chat/held/{held_id}", "reject-message"),
];

/// What is known of a request while it is answered: who sent it, what it is about. It is in the request's extensions; without an
/// audit log it is empty, and what is told to it is forgotten.
#[derive(Clone, Default)]
pub(crate) struct Trail(Option<Arc<Begun>>);

struct Begun {
    log: AuditLog,
    /// Whether it is of the list.
    is_act: bool,
    act: Mutex<Act>,
}

impl Trail {
    /// It was this person.
    pub(crate) fn by(&self, person: PersonId) {
        self.tell(|act| act.who = Some(person));
    }

    /// It is about this person.
    pub(crate) fn about(&self, person: PersonId) {
        self.tell(|act| {
            act.on.insert("person".to_owned(), person.0.into());
        });
    }

    /// It is something more exact than its path says.
    pub(crate) fn is(&self, what: &'static str) {
        self.tell(|act| act.what = what.into());
    }

    /// Something else that is worth knowing: a number, yes or no, a word of the interface. Never what somebody wrote.
    pub(crate) fn with(&self, name: &str, value: impl Into<Value>) {
        self.tell(|act| {
            act.detail.insert(name.to_owned(), value.into());
        });
    }

    /// Whether anything is kept of it.
    pub(crate) fn is_kept(&self) -> bool {
        self.0.is_some()
    }

    /// Writes a refusal of what came over a WebSocket that this request opened.
    pub(crate) fn refused(&self, what: &'static str, who: Option<PersonId>, problem: &Problem) {
        let Some(begun) = &self.0 else { return };
        let status = problem.status().as_u16();
        if Outcome::of(status) != Outcome::Refused {
            return;
        }
        let mut act = begun.act().clone();
        act.who = who.or(act.who);
        begun.log.write(&Act { what: what.into(), outcome: Outcome::Refused, status: Some(status), ..act });
    }

    fn tell(&self, change: impl FnOnce(&mut Act)) {
        if let Some(begun) = &self.0 {
            change(&mut begun.act());
        }
    }
}

impl Begun {
    fn act(&self) -> MutexGuard<'_, Act> {
        self.act.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, outcome: Outcome, status: Option<u16>) {
        if self.is_act || outcome == Outcome::Refused {
            let act = self.act().clone();
            self.log.write(&Act { outcome, status, ..act });
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Trail {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// An act whose answer is not there yet: one whose client goes away may have been done, and leaves a line too.
struct Unanswered(Option<Arc<Begun>>);

impl Drop for Unanswered {
    fn drop(&mut self) {
        if let Some(begun) = self.0.take() {
            begun.write(Outcome::Cut, None);
        }
    }
}

/// Writes what a request leaves in the audit log before it is answered.
pub(super) async fn follow(
    State((log, config)): State<(AuditLog, Arc<Config>)>,
    mut request: Request,
    next: Next,
) -> Response {
    if !log.is_kept() {
        return next.run(request).await;
    }
    let begun = Arc::new(begin(log, &config, &request));
    request.extensions_mut().insert(Trail(Some(Arc::clone(&begun))));
    let mut unanswered = Unanswered(Some(Arc::clone(&begun)));
    let response = next.run(request).await;
    unanswered.0 = None;
    let status = response.status().as_u16();
    begun.write(Outcome::of(status), Some(status));
    response
}

fn begin(log: AuditLog, config: &Config, request: &Request) -> Begun {
    let form = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let method = request.method().as_str();
    let word = ACTS.iter().find(|(verb, path, _)| *verb == method && *path == form).map(|(_, _, word)| *word);
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let from = peer.map_or(Origin::Server, |ConnectInfo(peer)| {
        Origin::Address(came_from(config, request.headers(), *peer))
    });
    let act = Act {
        what: word.map_or_else(|| format!("{method} {form}").into(), Into::into),
        from,
        on: subject(form, request.uri().path()),
        request: request_id(request.headers()),
        ..Act::default()
    };
    Begun { log, is_act: word.is_some(), act: Mutex::new(act) }
}

/// The numbers in a path, by what they number.
fn subject(form: &str, path: &str) -> Map<String, Value> {
    let of_people = form.starts_with("/api/admin/users/");
    let named = form.split('/').zip(path.split('/')).filter_map(|(name, value)| {
        let name = match name {
            "{id}" if of_people => "person",
            "{id}" => "live",
            "{person_id}" => "person",
            "{message_id}" => "message",
            "{held_id}" => "held",
            "{unread}" => "unread",
            _ => return None,
        };
        Some((name.to_owned(), Value::from(value.parse::<i64>().ok()?)))
    });
    named.collect()
}

/// What a request is called by whoever sent it on, as far as that is a name.
fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    (!id.is_empty() && id.len() <= REQUEST_ID_LENGTH && id.chars().all(is_plain)).then(|| id.to_owned())
}

/// The act of refusing an encoder that names no live.
pub(crate) fn refused_encoder(from: SocketAddr, live: Option<LiveId>, problem: &Problem) -> Act {
    let on = live.map(|live| ("live".to_owned(), live.0.into()));
    Act {
        what: "publish-by-rtmp".into(),
        from: Origin::Address(from.ip()),
        outcome: Outcome::Refused,
        status: Some(problem.status().as_u16()),
        on: on.into_iter().collect(),
        ..Act::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_a_path_are_called_by_what_they_number() {
        let of = |form, path| serde_json::to_string(&subject(form, path)).unwrap();
        assert_eq!(of("/api/admin/users/{id}/role", "/api/admin/users/3/role"), r#"{"person":3}"#);
        let chat = of("/api/posts/live/{id}/chat/{message_id}", "/api/posts/live/4/chat/5");
        assert_eq!(chat, r#"{"live":4,"message":5}"#);
        assert_eq!(of("/api/posts/live/{id}", "/api/posts/live/sk_secret"), "{}");
    }

    #[test]
    fn a_request_is_called_what_is_a_name() {
        let of = |id: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, axum::http::HeaderValue::from_static(id));
            request_id(&headers)
        };
        assert_eq!(of("0af7651916cd43dd-8448").as_deref(), Some("0af7651916cd43dd-8448"));
        assert!(of("").is_none() && of("a b").is_none() && of("\"").is_none());
    }
}
