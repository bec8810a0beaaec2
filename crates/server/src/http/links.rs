//! Absolute addresses in answers.

use std::net::SocketAddr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};

use super::problem::Problem;
use crate::app::App;

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What absolute addresses begin with, as the client knows this server: `https://live.example.org`.
#[derive(Debug, Clone)]
pub(crate) struct Base(pub(crate) String);

impl Base {
    /// The absolute address of a path that begins with a slash.
    pub(crate) fn to(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}

impl FromRequestParts<App> for Base {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        if let Some(address) = &app.config.public_url {
            return Ok(Self(address.clone()));
        }
        let trusted = |name: HeaderName| forwarded(&parts.headers, name).filter(|_| app.config.trust_proxy);
        let scheme = trusted(FORWARDED_PROTO).filter(|scheme| *scheme == "https").unwrap_or("http");
        let host = trusted(FORWARDED_HOST)
            .or_else(|| parts.headers.get(header::HOST)?.to_str().ok())
            .or_else(|| parts.uri.authority().map(Authority::as_str));
        match host.map(str::parse::<Authority>) {
            Some(Ok(host)) if !host.as_str().contains('@') => Ok(Self(format!("{scheme}://{host}"))),
            Some(_) => Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "L'en-tête Host n'est pas un nom de serveur.",
                "The Host header is not the name of a server.",
            )),
            None => Ok(Self(format!("{scheme}://{}", app.config.listen))),
        }
    }
}

/// The network address that a request comes from: behind a trusted proxy, the one that it saw.
pub(crate) fn came_from(app: &App, headers: &HeaderMap, peer: SocketAddr) -> std::net::IpAddr {
    // The last address is the one that our own proxy added; what stands before it anybody may have written.
    let last = headers.get_all(FORWARDED_FOR).iter().next_back().and_then(|value| value.to_str().ok());
    let seen = last.and_then(|value| value.rsplit(',').next()?.trim().parse().ok());
    seen.filter(|_| app.config.trust_proxy).unwrap_or_else(|| peer.ip())
}

/// The first of the values that proxies wrote one after the other.
fn forwarded(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()?.split(',').next().map(str::trim).filter(|value| !value.is_empty())
}
