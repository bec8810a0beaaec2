//! Publishing: resumable uploads (tus 1.0) and a whole recording in one request.

use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

/// A recording that came in one request.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UploadedVideo {
    /// For a person to read.
    pub message: &'static str,
    /// The live's id.
    pub media_id: i64,
    /// The replay; null where one file cannot hold it.
    #[schema(required = true, format = "uri")]
    pub file_url: Option<String>,
}

/// The form that a finished recording comes in.
#[derive(Debug, ToSchema)]
pub struct VideoForm {
    /// The recording.
    #[schema(format = Binary)]
    pub video: String,
}

/// The upload in a path.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct UploadPath {
    /// From the Location of the creation.
    pub upload: String,
}

/// A version of tus.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub enum TusVersion {
    /// The one of 2013, with its extensions.
    #[serde(rename = "1.0.0")]
    One,
}

/// The protocol that is spoken.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header, rename_all = "kebab-case")]
pub struct TusHeaders {
    /// 1.0.0, the only version that is spoken.
    #[param(rename = "Tus-Resumable", required = false, value_type = TusVersion, inline)]
    pub tus_resumable: String,
}

/// With what an upload begins: one of `Upload-Length` and `Upload-Defer-Length`.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct CreationHeaders {
    /// 1: the length is not known yet, as of a live.
    #[param(rename = "Upload-Defer-Length", minimum = 1, maximum = 1)]
    pub upload_defer_length: Option<u64>,
    /// The length of a finished file, in bytes: at most 20 GiB.
    #[param(rename = "Upload-Length", minimum = 0, maximum = 21474836480i64)]
    pub upload_length: Option<u64>,
    /// `filetype`, `age_ms` (from the recorder's start to this request); each optional, values in base64.
    #[param(rename = "Upload-Metadata")]
    pub upload_metadata: Option<String>,
}

/// Where the bytes of a request belong.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct AppendHeaders {
    /// Where these bytes belong.
    #[param(rename = "Upload-Offset")]
    pub upload_offset: u64,
    /// The length, once it is known.
    #[param(rename = "Upload-Length")]
    pub upload_length: Option<u64>,
}

/// What the bytes of a request must be.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct ChecksumHeaders {
    /// `sha1` or `sha256` and the sum in base64: such a request is kept whole or not at all, and has at most 16 MiB.
    #[param(
        rename = "Upload-Checksum",
        pattern = r"^(sha1|sha256) [A-Za-z0-9+/]+={0,2}$",
        example = "sha1 2jmj7l5rSw0yVb/vlWAYkK/YBwk="
    )]
    pub upload_checksum: Option<String>,
}
