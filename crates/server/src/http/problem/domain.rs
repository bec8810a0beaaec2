//! What the domains refuse, as problems.

use axum::http::{HeaderValue, StatusCode, header};
use chat::Refusal;
use storage::Failure;
use wire::Time;

use super::Problem;

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Full => Self::of(StatusCode::INSUFFICIENT_STORAGE),
            Failure::Overloaded | Failure::Closed => Self::of(StatusCode::SERVICE_UNAVAILABLE).retry_after(1),
            failure @ (Failure::Panicked | Failure::Failed(_)) => {
                tracing::error!(%failure, "what is kept could not be read or written");
                Self::of(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }
}

/// What the storage said, as an answer.
pub(crate) fn storage(error: &recorder::Error) -> Problem {
    match error {
        recorder::Error::Full => Problem::new(
            StatusCode::INSUFFICIENT_STORAGE,
            "Le disque du serveur est plein. Rien de ce qui était enregistré n'est perdu ; réessayez plus tard.",
            "The server's disk is full. Nothing recorded is lost; try again later.",
        ),
        recorder::Error::UnreadFull { limit } => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!(
                "Plus de {limit} octets de ce live n'ont pas pu être lus : ceux-ci sont refusés. Rien de ce qui précède n'est perdu."
            ),
            format!(
                "More than {limit} bytes of this live could not be read: these are refused. Nothing before them is lost."
            ),
        ),
        recorder::Error::TooManyTakes { limit } => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!(
                "Un live a {limit} prises au plus : la suivante est refusée. Rien de ce qui précède n'est perdu."
            ),
            format!("A live has at most {limit} takes: the next one is refused. Nothing before it is lost."),
        ),
        recorder::Error::TooManyFragments { limit } => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!(
                "Ce live a plus de {limit} fragments presque vides : la suite est refusée. Rien de ce qui précède n'est perdu."
            ),
            format!(
                "This live has more than {limit} fragments that hold next to nothing: the rest is refused. Nothing before it is lost."
            ),
        ),
        error => {
            tracing::error!(%error, "the storage failed");
            Problem::of(StatusCode::INTERNAL_SERVER_ERROR)
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
            Error::CommonPassword => refused(
                "Ce mot de passe est l'un des premiers que l'on essaie : choisissez-en un autre, une phrase par exemple.",
                "This password is one of those that are guessed first: choose another, a sentence for example.",
            ),
            Error::NoPassword => Self::new(
                StatusCode::FORBIDDEN,
                "Votre mot de passe est celui d'une autre application.",
                "Your password is another application's.",
            ),
            Error::BadName => refused(
                "Un nom a 150 caractères au plus, sans caractère de contrôle ni caractère invisible.",
                "A name has at most 150 characters, none of them a control character or invisible.",
            ),
            Error::Disguise => refused(
                "Ce nom ressemble à celui d'une personne qui s'occupe de ce serveur : écrivez-le autrement.",
                "This name looks like that of somebody who runs this server: write it differently.",
            ),
            Error::RegistrationClosed => Self::new(
                StatusCode::FORBIDDEN,
                "Les inscriptions sont fermées. Adressez-vous à qui s'occupe de ce serveur.",
                "Nobody can sign up here. Turn to whoever runs this server.",
            ),
            Error::NoInvitation => Self::new(
                StatusCode::FORBIDDEN,
                "Il faut une invitation pour s'inscrire, et celle-ci manque, a déjà servi ou a expiré.",
                "Signing up needs an invitation, and this one is missing, was used or has expired.",
            ),
            Error::NoLink => Self::new(
                StatusCode::FORBIDDEN,
                "Ce lien a déjà servi, a expiré ou n'existe pas : demandez-en un autre.",
                "This link was used, has expired or does not exist: ask for another.",
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
            Error::Disabled => invalid_token("Ce compte est désactivé.", "This account is disabled."),
            Error::ExpiredToken => invalid_token("Ce jeton a expiré.", "This token has expired."),
            Error::NoSuchPerson => {
                Self::new(StatusCode::NOT_FOUND, "Cette personne n'existe pas.", "There is no such person.")
            }
            Error::Overloaded => Self::of(StatusCode::SERVICE_UNAVAILABLE).retry_after(2),
            Error::Storage(failure) => failure.into(),
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
            Error::Storage(failure) => failure.into(),
        }
    }
}

impl From<webhooks::Error> for Problem {
    fn from(error: webhooks::Error) -> Self {
        use webhooks::Error;
        match error {
            Error::NoSuchWebhook => {
                Self::new(StatusCode::NOT_FOUND, "Ce webhook n'existe pas.", "There is no such webhook.")
            }
            Error::NoSuchDelivery => Self::new(
                StatusCode::NOT_FOUND,
                "Ce webhook n'a pas cette livraison.",
                "This webhook has no such delivery.",
            ),
            Error::Bad(what) => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                format!("Ce webhook ne peut pas être ajouté : {what}."),
                format!("This webhook cannot be added: {what}."),
            ),
            Error::TooMany { limit } => Self::new(
                StatusCode::CONFLICT,
                format!("Il y a déjà {limit} webhooks : retirez-en un."),
                format!("There are {limit} webhooks already: remove one."),
            ),
            Error::Storage(failure) => failure.into(),
        }
    }
}

impl From<chat::Error> for Problem {
    fn from(error: chat::Error) -> Self {
        match error {
            chat::Error::Refused(refusal) => refusal.into(),
            chat::Error::Storage(failure) => failure.into(),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let with = |status, french: &'static str, english: &'static str| Self::new(status, french, english);
        let not_so = |french, english| with(StatusCode::UNPROCESSABLE_ENTITY, french, english);
        let forbidden = |french, english| with(StatusCode::FORBIDDEN, french, english);
        match refusal {
            Refusal::Empty => not_so("Le message est vide.", "The message is empty."),
            Refusal::TooLong => {
                not_so("Un message a 2 000 caractères au plus.", "A message has at most 2,000 characters.")
            }
            Refusal::UnknownKind => not_so(
                "Le type d'un message est text, emoji ou reaction.",
                "The type of a message is text, emoji or reaction.",
            ),
            Refusal::NotEmoji => not_so(
                "Un message de type emoji contient de 1 à 12 emoji et rien d'autre.",
                "A message of type emoji holds 1 to 12 emoji and nothing else.",
            ),
            Refusal::NotOneEmoji => {
                not_so("Une réaction est exactement un emoji.", "A reaction is exactly one emoji.")
            }
            Refusal::ClientId => not_so("Le champ client_id n'est pas un UUID.", "client_id is not a UUID."),
            Refusal::ReplyTo => not_so(
                "Le champ reply_to ne désigne aucun message de ce live.",
                "reply_to names no message of this live.",
            ),
            Refusal::Position => not_so(
                "La position n'est dans aucune prise de ce live, ou pas entre 0 et 24 h.",
                "The position is in no take of this live, or not between 0 and 24 h.",
            ),
            Refusal::Mentions => {
                not_so("Un message mentionne 10 personnes au plus.", "A message mentions at most 10 people.")
            }
            Refusal::Full => not_so("Cette conversation est pleine.", "This conversation is full."),
            Refusal::Rules => not_so(
                "Le mode lent va de 0 à 3 600 000 ms et un silence finit dans l'année.",
                "Slow mode goes from 0 to 3,600,000 ms and a silence ends within a year.",
            ),
            Refusal::UnwantedWord => not_so(
                "Le message contient un mot qui n'est pas souhaité ici.",
                "The message holds a word that is not wanted here.",
            ),
            Refusal::NoMessage => {
                with(StatusCode::NOT_FOUND, "Ce message n'existe pas.", "There is no such message.")
            }
            Refusal::NoPerson => {
                with(StatusCode::NOT_FOUND, "Cette personne n'existe pas.", "There is no such person.")
            }
            Refusal::Reason => {
                not_so("Un motif a 500 caractères au plus.", "A reason has at most 500 characters.")
            }
            Refusal::NotYours => forbidden("Ce message n'est pas le vôtre.", "This message is not yours."),
            Refusal::NotModerator => {
                forbidden("Il faut être modérateur de ce live.", "You must be a moderator of this live.")
            }
            Refusal::Banned => {
                forbidden("Vous ne pouvez plus écrire dans ce live.", "You may no longer write in this live.")
            }
            Refusal::Silenced { until_ms } => {
                let until = Time(until_ms.0);
                Self::new(
                    StatusCode::FORBIDDEN,
                    format!("Vous ne pouvez pas écrire dans ce live avant {until}."),
                    format!("You may not write in this live until {until}."),
                )
            }
            Refusal::TooSoon { wait_ms } => Self::too_fast(u128::try_from(wait_ms).unwrap_or(0)),
        }
    }
}

fn invalid_token(french: &'static str, english: &'static str) -> Problem {
    let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
    Problem::new(StatusCode::UNAUTHORIZED, french, english).header(header::WWW_AUTHENTICATE, challenge)
}
