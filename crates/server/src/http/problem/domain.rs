//! What the domains refuse, as problems.

use axum::http::{HeaderValue, StatusCode, header};

use super::Problem;

impl From<database::Error> for Problem {
    fn from(error: database::Error) -> Self {
        use database::Error;
        match error {
            Error::Full => Self::of(StatusCode::INSUFFICIENT_STORAGE),
            Error::Overloaded | Error::Closed => Self::of(StatusCode::SERVICE_UNAVAILABLE).retry_after(1),
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
        let refused = |french, english| Self::new(StatusCode::UNPROCESSABLE_ENTITY, french, english);
        match error {
            Error::EmailTaken => Self::new(
                StatusCode::CONFLICT,
                "Cette adresse e-mail est déjà utilisée.",
                "This e-mail address is taken.",
            ),
            Error::BadEmail => refused("Ce n'est pas une adresse e-mail.", "This is no e-mail address."),
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
            Error::InvalidToken => invalid_token("Ce jeton n'est pas valable.", "This token is not valid."),
            Error::ExpiredToken => invalid_token("Ce jeton a expiré.", "This token has expired."),
            Error::NoSuchPerson => {
                Self::new(StatusCode::NOT_FOUND, "Cette personne n'existe pas.", "There is no such person.")
            }
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
        let refused = |french, english| Self::new(StatusCode::UNPROCESSABLE_ENTITY, french, english);
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
    Problem::new(StatusCode::UNAUTHORIZED, french, english).header(header::WWW_AUTHENTICATE, challenge)
}
