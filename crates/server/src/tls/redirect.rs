//! What whoever comes without TLS is answered: proofs for an authority, and for all else where it is by https.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::served::Answers;

/// Where an authority asks (RFC 8555, section 8.3).
const PROOFS: &str = "/.well-known/acme-challenge/";
/// Seconds that a browser may remember where to go.
const REMEMBERED: &str = "max-age=3600";
const HTTPS: u16 = 443;

/// Where this server is by https.
#[derive(Debug, Clone)]
pub(crate) struct To {
    /// The address that people use, where it is configured: `https://live.example.org`.
    pub(crate) public_url: Option<String>,
    /// The names of this server, where they are known.
    pub(crate) names: Vec<String>,
    /// The port that is listened on.
    pub(crate) port: u16,
}

impl To {
    /// What an address by https begins with, for whoever asked for a host: that of the public address, or a name that is ours,
    /// or as it was asked for. `None` where nothing is known of it.
    pub(crate) fn base(&self, asked: Option<&str>) -> Option<String> {
        if let Some(url) = self.public_url.as_ref().filter(|url| url.starts_with("https://")) {
            return Some(url.clone());
        }
        let asked = asked.and_then(|host| host.parse::<Authority>().ok());
        let asked =
            asked.filter(|host| !host.as_str().contains('@')).map(|host| host.host().to_ascii_lowercase());
        let ours = |host: &String| self.names.is_empty() || self.names.contains(host);
        let host = asked.filter(ours).or_else(|| self.names.first().cloned())?;
        Some(if self.port == HTTPS {
            format!("https://{host}")
        } else {
            format!("https://{host}:{}", self.port)
        })
    }
}

/// Answers every request.
pub(crate) fn router(answers: Arc<Answers>, to: To) -> Router {
    Router::new().fallback(answer).with_state((answers, Arc::new(to)))
}

async fn answer(State((answers, to)): State<(Arc<Answers>, Arc<To>)>, request: Request) -> Response {
    if let Some(text) = request.uri().path().strip_prefix(PROOFS).and_then(|token| answers.by_http(token)) {
        return ([(header::CONTENT_TYPE, "application/octet-stream")], text).into_response();
    }
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| request.uri().authority().map(Authority::as_str));
    let Some(base) = to.base(host) else {
        let sentence = "Ce serveur parle https. / This server speaks https.\n";
        return (StatusCode::BAD_REQUEST, sentence).into_response();
    };
    let headers = [
        (header::LOCATION, format!("{base}{}", asked(request.uri()))),
        (header::CACHE_CONTROL, REMEMBERED.to_owned()),
    ];
    (StatusCode::PERMANENT_REDIRECT, headers).into_response()
}

/// The path and the query that were asked for.
fn asked(uri: &Uri) -> &str {
    uri.path_and_query().map(|asked| asked.as_str()).filter(|asked| asked.starts_with('/')).unwrap_or("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(names: &[&str], port: u16) -> To {
        To { public_url: None, names: names.iter().map(|&name| name.to_owned()).collect(), port }
    }

    #[test]
    fn the_host_is_the_one_that_was_asked_for_and_the_port_ours() {
        let base = |host| to(&[], 8443).base(host);
        assert_eq!(base(Some("A.example:8080")).unwrap(), "https://a.example:8443");
        assert_eq!(base(Some("[::1]:80")).unwrap(), "https://[::1]:8443");
        assert_eq!(to(&[], 443).base(Some("a.example")).unwrap(), "https://a.example");
        for nobody in [None, Some(""), Some("somebody@a.example"), Some("a b"), Some("a/b")] {
            assert_eq!(base(nobody), None, "{nobody:?}");
        }
    }

    #[test]
    fn a_server_with_names_sends_nobody_elsewhere() {
        let base = |host| to(&["live.example.org", "b.example"], 443).base(host);
        assert_eq!(base(Some("b.example")).unwrap(), "https://b.example");
        for other in [None, Some("192.0.2.1"), Some("evil.example")] {
            assert_eq!(base(other).unwrap(), "https://live.example.org");
        }
        let public = To { public_url: Some("https://p.example:444".into()), ..to(&["b.example"], 1) };
        assert_eq!(public.base(Some("b.example")).unwrap(), "https://p.example:444");
    }
}
