//! Errors on the wire: problem details (RFC 9457), in French or English.

mod domain;
mod standard;

use std::any::Any;
use std::borrow::Cow;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
pub(crate) use domain::storage;
use standard::standard;

/// What went wrong, for a person to read. The language is chosen when it is answered.
#[derive(Debug, Clone)]
pub(crate) struct Problem(Box<Content>);

#[derive(Debug, Clone)]
struct Content {
    status: StatusCode,
    french: Cow<'static, str>,
    english: Cow<'static, str>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// Marks an answer whose status is that of an error and whose body says more than a problem would.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InItsOwnWords;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    French,
    English,
}

impl Problem {
    /// A status and its sentence in both languages.
    pub(crate) fn new(
        status: StatusCode,
        french: impl Into<Cow<'static, str>>,
        english: impl Into<Cow<'static, str>>,
    ) -> Self {
        let (french, english) = (french.into(), english.into());
        Self(Box::new(Content { status, french, english, headers: Vec::new() }))
    }

    /// The standard sentence of a status.
    pub(crate) fn of(status: StatusCode) -> Self {
        let (_, _, french, english) = standard(status);
        Self::new(status, french, english)
    }

    /// 404: there is none, or it is not for you to know.
    pub(crate) fn no_such_live() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Ce live n'existe pas.", "There is no such live.")
    }

    /// 401: a sign-in is needed.
    pub(crate) fn sign_in() -> Self {
        let french = "Connectez-vous pour faire cela.";
        Self::new(StatusCode::UNAUTHORIZED, french, "Sign in to do this.")
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// 429: too many messages, with the time to wait in milliseconds.
    pub(crate) fn too_fast(wait_ms: u128) -> Self {
        let seconds = u64::try_from(wait_ms.div_ceil(1_000)).unwrap_or(u64::MAX).max(1);
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            format!("Vous écrivez trop vite ; réessayez dans {seconds} s."),
            format!("You write too fast; try again in {seconds} s."),
        )
        .retry_after(seconds)
    }

    /// The same, with a time after which to try again, in seconds.
    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        self.header(header::RETRY_AFTER, seconds.into())
    }

    /// The same, with a header.
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// Its status, for those who tell it otherwise than as an answer (a WebSocket).
    pub(crate) fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Its sentence.
    pub(crate) fn sentence(&self, language: Language) -> &str {
        match language {
            Language::French => &self.0.french,
            Language::English => &self.0.english,
        }
    }

    /// After how many seconds to try again, where it says so.
    pub(crate) fn retry_after_s(&self) -> Option<u64> {
        let (_, seconds) = self.0.headers.iter().find(|(name, _)| name == header::RETRY_AFTER)?;
        seconds.to_str().ok()?.parse().ok()
    }

    fn body(&self, language: Language) -> String {
        let (title_fr, title_en, _, _) = standard(self.0.status);
        let title = if language == Language::French { title_fr } else { title_en };
        let sentence = self.sentence(language);
        let status = self.0.status.as_u16();
        let problem = wire::Problem { kind: "about:blank", title, status, detail: sentence, error: sentence };
        // Strings and numbers are always written.
        serde_json::to_string(&problem).unwrap_or_default()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.0.status, self.body(Language::French)).into_response();
        describe(response.headers_mut(), Language::French);
        response.headers_mut().extend(self.0.headers.iter().cloned());
        response.extensions_mut().insert(self);
        response
    }
}

impl Language {
    /// French, unless English is preferred (RFC 9110, section 12.5.4).
    pub(crate) fn preferred(headers: &HeaderMap) -> Self {
        let wishes = headers.get_all(header::ACCEPT_LANGUAGE);
        let wishes = wishes.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        let (mut french, mut english) = (0.0, 0.0);
        for wish in wishes {
            let (tag, weight) = wish.split_once(';').unwrap_or((wish, ""));
            let weight = weight.trim().strip_prefix("q=").map_or(1.0, |q| q.trim().parse().unwrap_or(0.0));
            let tag = tag.trim().to_ascii_lowercase();
            match tag.split('-').next() {
                // Of two equal wishes the first named counts, by a hair.
                Some("fr") if weight >= french => {
                    french = if english == weight { weight - 1e-6 } else { weight }
                }
                Some("en") if weight >= english => {
                    english = if french == weight { weight - 1e-6 } else { weight }
                }
                Some("*") if french == 0.0 => french = weight,
                _ => {}
            }
        }
        if english > french { Self::English } else { Self::French }
    }
}

/// Writes every error in the reader's language, also those that the framework made.
pub(super) async fn in_the_readers_language(request: Request, next: Next) -> Response {
    let language = Language::preferred(request.headers());
    let mut response = next.run(request).await;
    let status = response.status();
    let is_refusal = status.is_client_error() || status.is_server_error();
    if !is_refusal || response.extensions().get::<InItsOwnWords>().is_some() {
        return response;
    }
    let problem = match response.extensions_mut().remove::<Problem>() {
        Some(_) if language == Language::French => return response,
        Some(problem) => problem,
        None => Problem::of(status),
    };
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    describe(&mut parts.headers, language);
    Response::from_parts(parts, Body::from(problem.body(language)))
}

/// Answers for a handler that panicked. What it said stays in the log.
pub(super) fn after_panic(panic: Box<dyn Any + Send + 'static>) -> Response {
    let said = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(said, "a request panicked");
    Problem::of(StatusCode::INTERNAL_SERVER_ERROR).into_response()
}

fn describe(headers: &mut HeaderMap, language: Language) {
    let code = if language == Language::French { "fr" } else { "en" };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(code));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Language"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_french_unless_english_is_preferred() {
        let preferred = |wishes: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static(wishes));
            Language::preferred(&headers)
        };
        for english in
            ["en", "en-GB,en;q=0.9,fr;q=0.8", "fr;q=0.3, en;q=0.7", "de, en;q=0.5", "en,fr", "EN-us"]
        {
            assert_eq!(preferred(english), Language::English, "{english}");
        }
        for french in ["", "fr", "de", "*", "fr, en", "en;q=0.1, fr;q=0.2", "en;q=0", "*, en;q=0.5", ";;;q=x"]
        {
            assert_eq!(preferred(french), Language::French, "{french}");
        }
    }
}
