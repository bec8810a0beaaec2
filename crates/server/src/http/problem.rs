//! Errors on the wire: problem details (RFC 9457), in French or English.

use std::any::Any;
use std::borrow::Cow;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// What went wrong, for a person to read. The language is chosen when it is answered.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    status: StatusCode,
    french: Cow<'static, str>,
    english: Cow<'static, str>,
    headers: HeaderMap,
}

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
        Self {
            status,
            french: french.into(),
            english: english.into(),
            headers: HeaderMap::new(),
        }
    }

    /// The standard sentence of a status.
    pub(crate) fn of(status: StatusCode) -> Self {
        let (_, _, french, english) = standard(status);
        Self::new(status, french, english)
    }

    /// 404: there is none, or it is not for you to know.
    pub(crate) fn no_such_live() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "Ce live n'existe pas.",
            "There is no such live.",
        )
    }

    /// 401: a sign-in is needed.
    pub(crate) fn sign_in() -> Self {
        let french = "Connectez-vous pour faire cela.";
        Self::new(StatusCode::UNAUTHORIZED, french, "Sign in to do this.")
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// The same, with a time after which to try again, in seconds.
    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        self.header(header::RETRY_AFTER, seconds.into())
    }

    /// The same, with a header.
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Its status, for those who tell it otherwise than as an answer (a WebSocket).
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// Its sentence.
    pub(crate) fn sentence(&self, language: Language) -> &str {
        match language {
            Language::French => &self.french,
            Language::English => &self.english,
        }
    }

    fn body(&self, language: Language) -> String {
        let (title_fr, title_en, _, _) = standard(self.status);
        let title = if language == Language::French {
            title_fr
        } else {
            title_en
        };
        let sentence = self.sentence(language);
        json!({
            "type": "about:blank",
            "title": title,
            "status": self.status.as_u16(),
            "detail": sentence,
            "error": sentence,
        })
        .to_string()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (
            self.status,
            self.headers.clone(),
            self.body(Language::French),
        )
            .into_response();
        describe(response.headers_mut(), Language::French);
        response.extensions_mut().insert(self);
        response
    }
}

impl Language {
    /// French, unless English is preferred (RFC 9110, section 12.5.4).
    pub(crate) fn preferred(headers: &HeaderMap) -> Self {
        let wishes = headers.get_all(header::ACCEPT_LANGUAGE);
        let wishes = wishes
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','));
        let (mut french, mut english) = (0.0, 0.0);
        for wish in wishes {
            let (tag, weight) = wish.split_once(';').unwrap_or((wish, ""));
            let weight = weight
                .trim()
                .strip_prefix("q=")
                .map_or(1.0, |q| q.trim().parse().unwrap_or(0.0));
            let tag = tag.trim().to_ascii_lowercase();
            match tag.split('-').next() {
                // Of two equal wishes the first named counts, by a hair.
                Some("fr") if weight >= french => {
                    french = if english == weight {
                        weight - 1e-6
                    } else {
                        weight
                    }
                }
                Some("en") if weight >= english => {
                    english = if french == weight {
                        weight - 1e-6
                    } else {
                        weight
                    }
                }
                Some("*") if french == 0.0 => french = weight,
                _ => {}
            }
        }
        if english > french {
            Self::English
        } else {
            Self::French
        }
    }
}

/// Writes every error in the reader's language, also those that the framework made.
pub(super) async fn in_the_readers_language(request: Request, next: Next) -> Response {
    let language = Language::preferred(request.headers());
    let mut response = next.run(request).await;
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
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
    let said = panic
        .downcast_ref::<&str>()
        .copied()
        .or(panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(said, "a request panicked");
    Problem::of(StatusCode::INTERNAL_SERVER_ERROR).into_response()
}

fn describe(headers: &mut HeaderMap, language: Language) {
    let code = if language == Language::French {
        "fr"
    } else {
        "en"
    };
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(code));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.append(header::VARY, HeaderValue::from_static("Accept-Language"));
}

/// Titles and sentences of a status: French title, English title, French sentence, English sentence.
fn standard(status: StatusCode) -> (&'static str, &'static str, &'static str, &'static str) {
    match status.as_u16() {
        400 => (
            "Requête mal formée",
            "Bad request",
            "La requête est mal formée.",
            "The request is malformed.",
        ),
        401 => (
            "Non authentifié",
            "Not signed in",
            "Connectez-vous pour faire cela.",
            "Sign in to do this.",
        ),
        403 => (
            "Interdit",
            "Forbidden",
            "Vous n'avez pas le droit de faire cela.",
            "You may not do this.",
        ),
        404 => (
            "Introuvable",
            "Not found",
            "Il n'y a rien à cette adresse.",
            "There is nothing at this address.",
        ),
        405 => (
            "Méthode refusée",
            "Method not allowed",
            "Cette méthode n'est pas possible ici ; l'en-tête Allow dit lesquelles le sont.",
            "This method is not possible here; the Allow header says which are.",
        ),
        406 => (
            "Pas dans ce format",
            "Not acceptable",
            "Cela n'existe pas dans ce format.",
            "This does not exist in that format.",
        ),
        408 => (
            "Trop lent",
            "Request timeout",
            "La requête a mis trop de temps.",
            "The request took too long.",
        ),
        409 => (
            "Conflit",
            "Conflict",
            "L'état actuel ne le permet pas.",
            "The present state does not allow this.",
        ),
        410 => (
            "Disparu",
            "Gone",
            "Cela n'existe plus.",
            "This is no longer there.",
        ),
        411 => (
            "Longueur requise",
            "Length required",
            "L'en-tête Content-Length manque.",
            "The Content-Length header is missing.",
        ),
        412 => (
            "Condition non remplie",
            "Precondition failed",
            "Une condition de la requête n'est pas remplie.",
            "A condition of the request is not met.",
        ),
        413 => (
            "Trop gros",
            "Too large",
            "La requête est trop grosse.",
            "The request is too large.",
        ),
        415 => (
            "Type inconnu",
            "Unsupported media type",
            "Ce type de contenu n'est pas accepté ici.",
            "This type of content is not taken here.",
        ),
        416 => (
            "Plage impossible",
            "Range not satisfiable",
            "La plage demandée est hors du fichier.",
            "The range asked for is outside the file.",
        ),
        422 => (
            "Refusé",
            "Refused",
            "La demande est comprise mais refusée.",
            "Understood, but refused.",
        ),
        429 => (
            "Trop de requêtes",
            "Too many requests",
            "Trop de requêtes ; réessayez plus tard.",
            "Too many requests; try again later.",
        ),
        503 => (
            "Surchargé",
            "Overloaded",
            "Le serveur est surchargé ; réessayez dans un instant.",
            "The server is overloaded; try again in a moment.",
        ),
        507 => (
            "Disque plein",
            "Insufficient storage",
            "Il n'y a plus de place sur le serveur.",
            "There is no room left on the server.",
        ),
        400..=499 => (
            "Refusé",
            "Refused",
            "La requête est refusée.",
            "The request is refused.",
        ),
        _ => (
            "Erreur du serveur",
            "Server error",
            "Le serveur n'a pas pu répondre.",
            "The server could not answer.",
        ),
    }
}

impl From<database::Error> for Problem {
    fn from(error: database::Error) -> Self {
        use database::Error;
        match error {
            Error::Full => Self::of(StatusCode::INSUFFICIENT_STORAGE),
            Error::Overloaded | Error::Closed => {
                Self::of(StatusCode::SERVICE_UNAVAILABLE).retry_after(1)
            }
            other => {
                tracing::error!(error = %other, "the database failed");
                Self::of(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }
}

impl From<accounts::Error> for Problem {
    fn from(error: accounts::Error) -> Self {
        use accounts::Error;
        let refused =
            |french, english| Self::new(StatusCode::UNPROCESSABLE_ENTITY, french, english);
        match error {
            Error::EmailTaken => Self::new(
                StatusCode::CONFLICT,
                "Cette adresse e-mail est déjà utilisée.",
                "This e-mail address is taken.",
            ),
            Error::BadEmail => refused(
                "Ce n'est pas une adresse e-mail.",
                "This is no e-mail address.",
            ),
            Error::BadPassword => refused(
                "Le mot de passe doit avoir 8 caractères ou plus (1 024 octets au plus).",
                "The password must have 8 characters or more (1,024 bytes at most).",
            ),
            Error::BadName => refused(
                "Un nom a 150 caractères au plus, sans caractère de contrôle.",
                "A name has at most 150 characters and no control character.",
            ),
            Error::BadPicture => refused(
                "La photo de profil est une adresse http ou https de 2 000 caractères au plus.",
                "A profile picture is an http or https address of at most 2,000 characters.",
            ),
            Error::WrongPassword => Self::new(
                StatusCode::UNAUTHORIZED,
                "Adresse e-mail ou mot de passe incorrect.",
                "Wrong e-mail address or password.",
            )
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
            Error::TooManyTries { retry_after_s } => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                format!("Trop d'essais ; réessayez dans {retry_after_s} s."),
                format!("Too many tries; try again in {retry_after_s} s."),
            )
            .retry_after(retry_after_s),
            Error::InvalidToken => {
                invalid_token("Ce jeton n'est pas valable.", "This token is not valid.")
            }
            Error::ExpiredToken => invalid_token("Ce jeton a expiré.", "This token has expired."),
            Error::NoSuchPerson => Self::new(
                StatusCode::NOT_FOUND,
                "Cette personne n'existe pas.",
                "There is no such person.",
            ),
            Error::Overloaded => Self::of(StatusCode::SERVICE_UNAVAILABLE).retry_after(2),
            Error::Database(error) => error.into(),
            Error::Internal(error) => {
                tracing::error!(error, "accounts failed");
                Self::of(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }
}

impl From<lives::Error> for Problem {
    fn from(error: lives::Error) -> Self {
        use lives::Error;
        let refused =
            |french, english| Self::new(StatusCode::UNPROCESSABLE_ENTITY, french, english);
        match error {
            Error::NoSuchLive => Self::no_such_live(),
            Error::BadTitle => refused(
                "Le titre a 200 caractères au plus, sur une ligne.",
                "The title has at most 200 characters, on one line.",
            ),
            Error::BadDescription => refused(
                "La description a 5 000 caractères au plus.",
                "The description has at most 5,000 characters.",
            ),
            Error::BadContent => refused(
                "Le contenu a 10 000 caractères au plus.",
                "The content has at most 10,000 characters.",
            ),
            Error::TooManyRunning { limit } => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                format!("Vous avez déjà {limit} lives en cours ; arrêtez-en un."),
                format!("You already have {limit} running lives; stop one."),
            )
            .retry_after(60),
            Error::Database(error) => error.into(),
        }
    }
}

fn invalid_token(french: &'static str, english: &'static str) -> Problem {
    let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
    Problem::new(StatusCode::UNAUTHORIZED, french, english)
        .header(header::WWW_AUTHENTICATE, challenge)
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
        for english in [
            "en",
            "en-GB,en;q=0.9,fr;q=0.8",
            "fr;q=0.3, en;q=0.7",
            "de, en;q=0.5",
            "en,fr",
            "EN-us",
        ] {
            assert_eq!(preferred(english), Language::English, "{english}");
        }
        for french in [
            "",
            "fr",
            "de",
            "*",
            "fr, en",
            "en;q=0.1, fr;q=0.2",
            "en;q=0",
            "*, en;q=0.5",
            ";;;q=x",
        ] {
            assert_eq!(preferred(french), Language::French, "{french}");
        }
    }
}
