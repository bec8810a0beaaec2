//! Why an upload is refused, in words.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use ingest::upload::Error;
use media::Reason;

use crate::http::problem::{Problem, storage};

/// An error of an upload as an answer. The offset at which it stands goes with it, so that nobody has to ask.
pub(in crate::http) fn upload_problem(error: Error) -> Problem {
    match error {
        Error::NotFound => {
            Problem::new(StatusCode::NOT_FOUND, "Cet envoi n'existe pas.", "There is no such upload.")
        }
        Error::Gone => Problem::new(StatusCode::GONE, "Cet envoi est terminé.", "This upload has ended."),
        Error::OffsetMismatch { offset } => Problem::new(
            StatusCode::CONFLICT,
            format!("L'envoi en est à l'octet {offset} : reprenez là."),
            format!("The upload stands at byte {offset}: go on from there."),
        )
        .header(HeaderName::from_static("upload-offset"), HeaderValue::from(offset)),
        Error::LengthMismatch => Problem::new(
            StatusCode::BAD_REQUEST,
            "La longueur annoncée contredit l'envoi.",
            "The declared length contradicts the upload.",
        ),
        Error::TooLarge { limit } => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("C'est trop : la limite est de {limit} octets."),
            format!("Too large: the limit is {limit} bytes."),
        ),
        Error::TooMany { limit } => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("Ce live a déjà {limit} envois, et ne peut pas en avoir plus : continuez l'un d'eux."),
            format!("This live has {limit} uploads already and can have no more: go on with one of them."),
        ),
        Error::BeyondLength { length } => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("Plus d'octets que les {length} annoncés ; ceux-là sont gardés."),
            format!("More bytes than the {length} declared; those are kept."),
        ),
        Error::ChecksumMismatch => Problem::new(
            StatusCode::from_u16(460).unwrap_or(StatusCode::BAD_REQUEST),
            "La somme de contrôle ne correspond pas ; rien n'a été gardé de cette requête.",
            "The checksum does not match; nothing of this request was kept.",
        ),
        Error::Refused { offset, reason } => refused(offset, &reason),
        Error::Interrupted { offset } => Problem::new(
            StatusCode::BAD_REQUEST,
            format!("La requête a été coupée ; l'envoi en est à l'octet {offset}."),
            format!("The request was cut short; the upload stands at byte {offset}."),
        ),
        Error::Overtaken { offset } => Problem::new(
            StatusCode::CONFLICT,
            format!(
                "Une requête plus récente a pris la suite ; l'envoi en est à l'octet {offset} : reprenez là."
            ),
            format!("A newer request has taken over; the upload stands at byte {offset}: go on from there."),
        )
        .header(HeaderName::from_static("upload-offset"), HeaderValue::from(offset)),
        Error::Leaving => Problem::of(StatusCode::SERVICE_UNAVAILABLE).retry_after(1),
        Error::Busy => Problem::of(StatusCode::SERVICE_UNAVAILABLE).retry_after(1),
        Error::Storage(error) => storage(&error),
        error => {
            tracing::error!(%error, "an upload failed");
            Problem::of(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

pub(super) fn bad_header(name: &str) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        format!("L'en-tête {name} manque ou n'est pas valable."),
        format!("The header {name} is missing or not valid."),
    )
}

pub(super) fn wrong_type() -> Problem {
    Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "Le Content-Type doit être application/offset+octet-stream.",
        "The Content-Type must be application/offset+octet-stream.",
    )
}

/// 415: the body would have to be unpacked before it is a recording.
pub(super) fn encoded() -> Problem {
    Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "Les octets d'un enregistrement s'envoient tels quels, sans Content-Encoding.",
        "The bytes of a recording are sent as they are, without a Content-Encoding.",
    )
    .header(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"))
}

pub(super) fn no_video() -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "Le champ « video » du formulaire manque ou est vide.",
        "The form's field \"video\" is missing or empty.",
    )
}

pub(super) fn two_videos() -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "Le formulaire a plus d'un champ « video » : envoyez un enregistrement par requête.",
        "The form has more than one field \"video\": send one recording in a request.",
    )
}

fn refused(offset: u64, reason: &Reason) -> Problem {
    let (status, fr, en) = match reason {
        Reason::UnknownContainer => (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "ce n'est ni du WebM/Matroska ni du MP4".to_owned(),
            "this is neither WebM/Matroska nor MP4".to_owned(),
        ),
        Reason::UnsupportedCodec(codec) => (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("le codec {codec} n'est pas pris en charge"),
            format!("the codec {codec} is not supported"),
        ),
        Reason::Encoded(codec) => (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!(
                "les images ou le son ({codec}) sont compressés ou chiffrés par leur conteneur, ce qui n'est pas pris en charge"
            ),
            format!(
                "the frames ({codec}) are compressed or encrypted by their container, which is not supported"
            ),
        ),
        Reason::OverLimit { limit, .. } => (
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("une structure dépasse la limite de {limit}"),
            format!("a structure is over the limit of {limit}"),
        ),
        Reason::IndexAtEnd => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "ce MP4 finit sans son index (moov) ; sans lui, rien ne peut en être lu".to_owned(),
            "this MP4 ends without its index (moov); without it nothing of it can be read".to_owned(),
        ),
        Reason::NoFrames => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "aucune image ni aucun son n'a pu y être lu ; les octets reçus sont gardés tels quels".to_owned(),
            "no picture and no sound could be read in it; the bytes received are kept as they are".to_owned(),
        ),
        _ => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "les octets sont abîmés ; ce qui précède est gardé".to_owned(),
            "the bytes are damaged; what came before is kept".to_owned(),
        ),
    };
    Problem::new(
        status,
        format!("Refusé à l'octet {offset} : {fr}."),
        format!("Refused at byte {offset}: {en}."),
    )
}
