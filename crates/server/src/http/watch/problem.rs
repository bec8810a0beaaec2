//! Why something cannot be watched, in words.

use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use delivery::{hls, replay, tail};
use timeline::view::{Format, Unavailable};

use crate::http::problem::Problem;
use crate::http::upload::storage;

/// The file that holds what the one asked for cannot.
pub(super) fn other_file(format: Format, audio_only: bool) -> &'static str {
    match (format, audio_only) {
        (Format::Mp4, false) => "replay.webm",
        (Format::Webm, false) => "replay.mp4",
        (Format::Mp4, true) => "audio.webm",
        (Format::Webm, true) => "audio.m4a",
    }
}

pub(super) fn bad_query(_: QueryRejection) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "Les paramètres de l'adresse ne sont pas valables.",
        "The parameters of the address are not valid.",
    )
}

pub(super) fn bad_window() -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "from_ms doit être positif et plus petit que to_ms.",
        "from_ms must not be negative and must be less than to_ms.",
    )
}

pub(super) fn no_such_version() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "Cette version n'existe pas.", "There is no such version.")
}

pub(super) fn unsatisfiable() -> Problem {
    Problem::new(
        StatusCode::RANGE_NOT_SATISFIABLE,
        "L'intervalle demandé est hors du fichier.",
        "The range that was asked for is outside the file.",
    )
}

pub(super) fn tail_problem(error: tail::Error, format: Format) -> Problem {
    match error {
        tail::Error::NothingYet => {
            Problem::new(StatusCode::NOT_FOUND, "Rien n'est arrivé.", "Nothing has come.")
        }
        tail::Error::WrongContainer => {
            let other = if format == Format::Mp4 { "tail.webm" } else { "tail.mp4" };
            not_in_container(other)
        }
        _ => Problem::new(
            StatusCode::NOT_FOUND,
            "Cette prise ou cette piste n'existe pas.",
            "There is no such take or track.",
        ),
    }
}

pub(super) fn replay_problem(error: replay::Error, format: Format, audio_only: bool) -> Problem {
    match error {
        replay::Error::NoSuchVersion => no_such_version(),
        replay::Error::Storage(error) => storage(&error),
        replay::Error::Unavailable(Unavailable::WrongContainer) => {
            not_in_container(other_file(format, audio_only))
        }
        replay::Error::Unavailable(Unavailable::TakesDiffer(takes)) => {
            let takes: Vec<String> = takes.iter().map(|take| format!("?take={take}")).collect();
            let takes = takes.join(", ");
            Problem::new(
                StatusCode::NOT_ACCEPTABLE,
                format!(
                    "Les prises de ce live diffèrent : un seul fichier ne peut les contenir. Demandez-les une à une : {takes}."
                ),
                format!(
                    "The takes of this live differ: one file cannot hold them. Ask for them one by one: {takes}."
                ),
            )
        }
        replay::Error::Unavailable(Unavailable::TooLong(_)) => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Ce fichier serait trop long ; demandez-en une partie avec from_ms et to_ms.",
            "This file would be too long; ask for a part of it with from_ms and to_ms.",
        ),
        _ => Problem::new(StatusCode::NOT_FOUND, "Rien n'est enregistré là.", "Nothing is recorded there."),
    }
}

pub(super) fn no_such_part() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "Ce segment ou cette piste n'existe pas.",
        "There is no such segment or track.",
    )
}

pub(super) fn hls_problem(error: &hls::Error) -> Problem {
    match error {
        hls::Error::NothingYet => {
            Problem::new(StatusCode::NOT_FOUND, "Rien n'est encore arrivé.", "Nothing has come yet.")
        }
        hls::Error::WrongCodec => Problem::new(
            StatusCode::NOT_ACCEPTABLE,
            "Un codec de ce live n'existe pas en HLS ; demandez tail.webm ou replay.webm.",
            "A codec of this live cannot be played by HLS; ask for tail.webm or replay.webm.",
        ),
        hls::Error::TooFarAhead => Problem::new(
            StatusCode::BAD_REQUEST,
            "Ce segment est trop loin dans l'avenir ; au plus deux après le dernier.",
            "This segment is too far in the future; two after the last one at most.",
        ),
        hls::Error::NotInTime => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "Ce segment n'est pas arrivé à temps ; redemandez-le.",
            "This segment did not come in time; ask for it again.",
        )
        .retry_after(1),
        hls::Error::Storage(error) => storage(error),
        _ => no_such_part(),
    }
}

fn not_in_container(other: &str) -> Problem {
    Problem::new(
        StatusCode::NOT_ACCEPTABLE,
        format!("Les codecs de ce live ne vont pas dans ce format ; demandez {other}."),
        format!("The codecs of this live cannot stand in this container; ask for {other}."),
    )
}
