//! The headers of tus 1.0.

use std::time::{Duration, SystemTime};

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ingest::upload::{Checksum, Creation, MAX_LENGTH};
use lives::Live;
use wire::Refusal;
use wire::lives::LivePath;
use wire::publishing::UploadPath;

use super::problem::bad_header;
use crate::clock::now_ms;
use crate::http::problem::Problem;

/// `Upload-Metadata` may be this long.
const MAX_METADATA: usize = 8 << 10;
/// A recorder cannot have started longer ago than this.
const MAX_AGE_MS: i64 = 30 * 24 * 60 * 60 * 1_000;
/// How long after the stop of a live its uploads are taken.
const OPEN_AFTER_STOP_MS: i64 = 24 * 60 * 60 * 1_000;

const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");
const EXTENSIONS: HeaderValue = HeaderValue::from_static(
    "creation,creation-with-upload,creation-defer-length,expiration,termination,checksum",
);

/// Every answer says the version of the protocol; a request in another one is refused.
pub(super) async fn speak(request: Request, next: Next) -> Response {
    let mut response = match request.headers().get("tus-resumable") {
        Some(version) if !is_version(version) => bad_header("Tus-Resumable").into_response(),
        Some(version) if version != VERSION => Problem::new(
            StatusCode::PRECONDITION_FAILED,
            "Cette version du protocole tus n'est pas prise en charge ; demandez la 1.0.0.",
            "This version of the tus protocol is not supported; ask for 1.0.0.",
        )
        .into_response(),
        _ => next.run(request).await,
    };
    response.headers_mut().insert("tus-resumable", VERSION);
    response.headers_mut().insert("tus-version", VERSION);
    response
}

/// Whether it is a version at all: three numbers with points between them.
fn is_version(value: &HeaderValue) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    value.to_str().is_ok_and(|text| text.split('.').count() == 3 && text.split('.').all(is_number))
}

/// What of tus is understood
#[utoipa::path(options, path = "/api/posts/live/{id}/upload", operation_id = "discoverUploads", tag = "Publishing",
    params(LivePath),
    responses((status = 204, description = "What this server can do.", headers(
        ("Tus-Version" = String, description = "1.0.0"),
        ("Tus-Extension" = String, description = "Separated by commas."),
        ("Tus-Max-Size" = u64, description = "Bytes of an upload at most."),
        ("Tus-Checksum-Algorithm" = String, description = "Separated by commas."))), Refusal<412>))]
pub(super) async fn discover() -> Response {
    capabilities()
}

/// What of tus is understood
#[utoipa::path(options, path = "/api/posts/live/{id}/upload/{upload}", operation_id = "discoverUpload", tag = "Publishing",
    params(LivePath, UploadPath),
    responses((status = 204, description = "The same as of all uploads.", headers(
        ("Tus-Version" = String, description = "1.0.0"),
        ("Tus-Extension" = String, description = "Separated by commas."),
        ("Tus-Max-Size" = u64, description = "Bytes of an upload at most."),
        ("Tus-Checksum-Algorithm" = String, description = "Separated by commas."))), Refusal<412>))]
pub(super) async fn discover_one() -> Response {
    capabilities()
}

fn capabilities() -> Response {
    let headers = [
        ("tus-extension", EXTENSIONS),
        ("tus-max-size", HeaderValue::from(MAX_LENGTH)),
        ("tus-checksum-algorithm", HeaderValue::from_static(Checksum::ALGORITHMS)),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// What a publisher says when an upload begins.
pub(super) fn creation(headers: &HeaderMap) -> Result<Creation, Problem> {
    let length = number(headers, "upload-length")?;
    let defer = number(headers, "upload-defer-length")?;
    match (length, defer) {
        (Some(_), None) | (None, Some(1)) => {}
        _ => return Err(bad_header("Upload-Length")),
    }
    let bad_metadata = || bad_header("Upload-Metadata");
    let metadata = match headers.get("upload-metadata") {
        None => None,
        Some(value) if value.len() > MAX_METADATA => return Err(bad_metadata()),
        Some(value) => Some(value.to_str().map_err(|_| bad_metadata())?.to_owned()),
    };
    let age_ms = match metadata.as_deref().and_then(|metadata| metadata_value(metadata, "age_ms")) {
        None => 0,
        Some(age) => age.trim().parse::<i64>().map_err(|_| bad_metadata())?,
    };
    Ok(Creation { now_ms: now_ms().0, age_ms: age_ms.clamp(0, MAX_AGE_MS), length, metadata })
}

/// The value of a key of `Upload-Metadata`: `key base64, key base64`.
fn metadata_value(metadata: &str, key: &str) -> Option<String> {
    metadata.split(',').find_map(|pair| {
        let mut words = pair.split_whitespace();
        if words.next() != Some(key) {
            return None;
        }
        String::from_utf8(STANDARD.decode(words.next().unwrap_or_default()).ok()?).ok()
    })
}

/// The checksum that a request must have.
pub(super) fn checksum(headers: &HeaderMap) -> Result<Option<Checksum>, Problem> {
    let Some(value) = headers.get("upload-checksum") else { return Ok(None) };
    let bad = || bad_header("Upload-Checksum");
    let (algorithm, encoded) = value.to_str().ok().and_then(|value| value.split_once(' ')).ok_or_else(bad)?;
    let sum = STANDARD.decode(encoded.trim()).map_err(|_| bad())?;
    match algorithm.to_ascii_lowercase().as_str() {
        "sha1" => Ok(Some(Checksum::Sha1(sum))),
        "sha256" => Ok(Some(Checksum::Sha256(sum))),
        _ => Err(bad()),
    }
}

/// A header that is a number, if it is there.
pub(super) fn number(headers: &HeaderMap, name: &'static str) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    // Clients keep numbers in 64 bits with a sign.
    let number = value.to_str().ok().and_then(|value| value.trim().parse::<u64>().ok());
    let number = number.filter(|number| i64::try_from(*number).is_ok());
    number.map(Some).ok_or_else(|| bad_header(name))
}

/// Whether the body is of the type that tus demands.
pub(super) fn is_upload(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.trim().eq_ignore_ascii_case("application/offset+octet-stream"))
}

/// Whether the body is the recording's own bytes, not something to be unpacked first (RFC 9110, 8.4).
pub(super) fn is_plain(headers: &HeaderMap) -> bool {
    let codings =
        headers.get_all(header::CONTENT_ENCODING).iter().map(|value| value.to_str().unwrap_or_default());
    codings.flat_map(|value| value.split(',')).all(|coding| {
        let coding = coding.trim();
        coding.is_empty() || coding.eq_ignore_ascii_case("identity")
    })
}

/// When the upload is let go of: a day after the stop of its live, no sooner than a day from now while it runs.
pub(super) fn expires(live: &Live) -> String {
    let from_ms = live.stopped_ms.unwrap_or_else(now_ms);
    let at_ms = u64::try_from(from_ms.plus_ms(OPEN_AFTER_STOP_MS).0).unwrap_or(0);
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_millis(at_ms))
}

/// Sets a header of an answer.
pub(super) fn insert(response: &mut Response, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_known_by_its_name_in_any_case() {
        for name in ["sha1", "SHA1", "Sha1", "SHA256", "sha256"] {
            let headers = HeaderMap::from_iter([(
                axum::http::HeaderName::from_static("upload-checksum"),
                HeaderValue::try_from(format!("{name} AAAA")).unwrap(),
            )]);
            assert!(checksum(&headers).unwrap_or(None).is_some(), "{name}");
        }
    }

    #[test]
    fn only_identity_is_no_coding() {
        let coded = |value: &'static str| {
            HeaderMap::from_iter([(header::CONTENT_ENCODING, HeaderValue::from_static(value))])
        };
        assert!(
            is_plain(&HeaderMap::new()) && is_plain(&coded("identity")) && is_plain(&coded("Identity, "))
        );
        assert!(
            !is_plain(&coded("gzip")) && !is_plain(&coded("identity, br")) && !is_plain(&coded("x-none"))
        );
    }

    #[test]
    fn a_value_of_the_metadata_is_found_by_its_key() {
        let metadata = "filetype dmlkZW8vd2VibQ==, age_ms MTIzNA==,empty";
        assert_eq!(metadata_value(metadata, "age_ms").as_deref(), Some("1234"));
        assert_eq!(metadata_value(metadata, "filetype").as_deref(), Some("video/webm"));
        assert_eq!(metadata_value(metadata, "empty").as_deref(), Some(""));
        assert_eq!(metadata_value(metadata, "other"), None);
    }
}
