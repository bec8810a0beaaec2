//! How an authority is talked to.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Limited};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use reqwest::{Certificate, Client};

use crate::tls::certificate;

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of an answer at most.
const LONGEST: usize = 1 << 20;

type Answer = Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>>;

/// A client of an authority.
pub(super) struct Http(Client);

impl Http {
    /// The authority's own certificate is checked against those in a file, or against what the system trusts.
    ///
    /// # Errors
    /// A sentence where the file cannot be read, or the system trusts nobody.
    pub(super) fn new(authority: Option<&Path>) -> Result<Self, String> {
        let mut builder = Client::builder().timeout(PATIENCE).connect_timeout(PATIENCE);
        if let Some(path) = authority {
            let text = certificate::read(path).map_err(|error| error.to_string())?;
            let trusted = Certificate::from_pem_bundle(&text).unwrap_or_default();
            if trusted.is_empty() {
                return Err(format!("{}: there is no certificate in PEM", path.display()));
            }
            builder = builder.tls_certs_only(trusted);
        }
        builder.build().map(Self).map_err(|error| said(&error))
    }
}

impl HttpClient for Http {
    fn request(&self, request: Request<BodyWrapper<Bytes>>) -> Answer {
        let client = self.0.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let Ok(body) = body.collect().await;
            let request = reqwest::Request::try_from(Request::from_parts(parts, body.to_bytes()));
            let answer = client.execute(request.map_err(failed)?).await.map_err(failed)?;
            let answer = http::Response::<reqwest::Body>::from(answer);
            Ok(BytesResponse::from(answer.map(|body| Limited::new(body, LONGEST))))
        })
    }
}

fn failed(error: reqwest::Error) -> Error {
    Error::Other(said(&error).into())
}

/// An error with its reasons: the first one says only that a request failed.
fn said(error: &dyn std::error::Error) -> String {
    let mut sentence = error.to_string();
    let mut reason = error.source();
    while let Some(error) = reason {
        sentence = format!("{sentence}: {error}");
        reason = error.source();
    }
    sentence
}
