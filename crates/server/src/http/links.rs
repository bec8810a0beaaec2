//! Absolute addresses in answers.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};

use super::problem::Problem;
use crate::config::Config;

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

    /// The address of another protocol on the same host: `rtmp://live.example.org:1935/live`.
    pub(crate) fn beside(&self, scheme: &str, port: u16, path: &str) -> Option<String> {
        let authority = self.0.split_once("://")?.1.split('/').next()?;
        let host = authority.parse::<Authority>().ok()?;
        Some(format!("{scheme}://{}:{port}{path}", host.host()))
    }
}

/// The origin of an address (RFC 6454, section 4) and the path under which it stands: `https://app.example` and `/live`.
pub(crate) fn parts_of(address: &str) -> (&str, &str) {
    let host = address.find("://").map_or(0, |at| at + 3);
    address.split_at(address[host..].find('/').map_or(address.len(), |at| host + at))
}

impl<S: Sync> FromRequestParts<S> for Base
where
    Arc<Config>: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let config = Arc::<Config>::from_ref(state);
        if let Some(address) = &config.public_url {
            return Ok(Self(address.clone()));
        }
        let trusted = |name: HeaderName| forwarded(&parts.headers, name).filter(|_| config.trust_proxy);
        let scheme = if is_https(&config, &parts.headers) { "https" } else { "http" };
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
            None => Ok(Self(format!("{scheme}://{}", config.listen))),
        }
    }
}

/// Whether the client came by https, as far as is known.
pub(crate) fn is_https(config: &Config, headers: &HeaderMap) -> bool {
    match &config.public_url {
        Some(address) => address.starts_with("https://"),
        None => {
            config.tls.is_some() || config.trust_proxy && forwarded(headers, FORWARDED_PROTO) == Some("https")
        }
    }
}

/// The network address that a request comes from: behind a trusted proxy, the one that it saw.
pub(crate) fn came_from(config: &Config, headers: &HeaderMap, peer: SocketAddr) -> std::net::IpAddr {
    let seen = forwarded(headers, FORWARDED_FOR).and_then(|value| value.parse().ok());
    seen.filter(|_| config.trust_proxy).unwrap_or_else(|| peer.ip())
}

/// The last of the values that proxies wrote one after the other: our own proxy's. What stands before it anybody may have
/// written.
fn forwarded(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let last = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    last.rsplit(',').next().map(str::trim).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_an_origin_and_a_path() {
        assert_eq!(parts_of("https://app.example/live"), ("https://app.example", "/live"));
        assert_eq!(parts_of("https://app.example:8443/a/b"), ("https://app.example:8443", "/a/b"));
        assert_eq!(parts_of("https://live.example"), ("https://live.example", ""));
    }
}
