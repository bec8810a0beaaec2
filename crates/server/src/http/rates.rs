//! How often one may ask for what costs more than it seems: signing in by a refresh token, starting and stopping lives, reading
//! histories, opening WebSockets without a name. Each kind counts by itself, by person, by address only for the anonymous; what is
//! too often is 429 and says when to come again.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chat::Sender;

use super::auth::{Caller, bearer};
use super::links::came_from;
use super::problem::Problem;
use crate::app::App;
use crate::rates::Kind;

/// What is limited: method, path, kind.
const LIMITED: &[(Method, &str, Kind)] = &[
    (Method::POST, "/api/users/token/refresh", Kind::Refresh),
    (Method::POST, "/api/token/refresh", Kind::Refresh),
    (Method::POST, "/api/posts/live/start", Kind::StartOrStop),
    (Method::POST, "/api/posts/live/{id}/stop", Kind::StartOrStop),
    (Method::PUT, "/api/posts/live/{id}/stop", Kind::StartOrStop),
    (Method::GET, "/api/posts/live/{id}/chat", Kind::History),
    (Method::GET, "/api/posts/live/{id}/chat/messages", Kind::History),
    (Method::GET, "/api/posts/live/{id}/chat/export", Kind::History),
    (Method::GET, "/api/posts/live/{id}/chat/reactions", Kind::History),
    (Method::GET, "/api/posts/live/{id}/chat/ws", Kind::Socket),
    (Method::GET, "/api/posts/live/{id}/tail/ws", Kind::Socket),
];

/// A request that is limited.
struct Asked {
    kind: Kind,
    bearer: Option<String>,
    from: Option<IpAddr>,
}

/// Answers 429 to what is asked too often, before anything is done for it.
pub(super) async fn keep(State(app): State<App>, request: Request, next: Next) -> Response {
    let checked = match limited(&app, &request) {
        Some(asked) => check(&app, asked).await,
        None => Ok(()),
    };
    match checked {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// What of a request counts, if it is limited. One whose bearer is none is refused anyway.
fn limited(app: &App, request: &Request) -> Option<Asked> {
    let form = request.extensions().get::<MatchedPath>()?.as_str();
    let (_, _, kind) =
        LIMITED.iter().find(|(method, path, _)| *path == form && method == request.method())?;
    let bearer = bearer(request.headers()).ok()?.map(str::to_owned);
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let from = peer.map(|ConnectInfo(peer)| place_of(came_from(&app.config, request.headers(), *peer)));
    Some(Asked { kind: *kind, bearer, from })
}

async fn check(app: &App, asked: Asked) -> Result<(), Problem> {
    let Some(sender) = sender(app, &asked).await else { return Ok(()) };
    // Whoever has a name takes places of their own.
    if asked.kind == Kind::Socket && matches!(sender, Sender::Person(_)) {
        return Ok(());
    }
    app.rates.of(asked.kind).admit(sender).map_err(|wait| too_often(wait.as_millis()))
}

async fn sender(app: &App, asked: &Asked) -> Option<Sender> {
    if let Some(token) = &asked.bearer
        && let Caller::Person(person) = Caller::of_token(&app.accounts, token).await.ok()?
    {
        return Some(Sender::Person(person.id));
    }
    asked.from.map(Sender::Address)
}

/// Where an address is, as far as one may take it for one place: of IPv6 the /64, of which whoever has one address has them all.
pub(super) fn place_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

fn too_often(wait_ms: u128) -> Problem {
    let seconds = u64::try_from(wait_ms.div_ceil(1_000)).unwrap_or(u64::MAX).max(1);
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        format!("Trop de demandes à la fois ; réessayez dans {seconds} s."),
        format!("Too many requests at once; try again in {seconds} s."),
    )
    .retry_after(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_place_or_one_of_a_64() {
        let of = |address: &str| place_of(address.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8::1:2:3:4"), "2001:db8::");
        assert_eq!(of("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
