//! A tus 1.0 publisher.

use reqwest::Method;

use crate::{Answer, Api, Live};

/// The media type that tus gives to a slice.
pub const SLICE: &str = "application/offset+octet-stream";

/// An upload of a live.
#[derive(Debug, Clone)]
pub struct Upload {
    /// Requests in the publisher's name.
    pub api: Api,
    /// Where it was created.
    pub location: String,
    /// What the server acknowledged.
    pub offset: u64,
}

impl Upload {
    /// Creates an upload whose length is not known yet.
    pub async fn create(api: &Api, live: &Live) -> Self {
        Self::create_with(api, live, &[("Upload-Defer-Length", "1")]).await
    }

    /// Creates an upload with these headers.
    pub async fn create_with(api: &Api, live: &Live, headers: &[(&str, &str)]) -> Self {
        let mut request = api.request(Method::POST, &live.path("upload/")).header("Tus-Resumable", "1.0.0");
        for &(name, value) in headers {
            request = request.header(name, value);
        }
        let answer = api.send(request).await.expect(201);
        let location = answer.header("location").to_owned();
        assert!(!location.is_empty(), "{}: no Location", answer.what);
        assert_eq!(answer.header("tus-resumable"), "1.0.0", "{}", answer.what);
        Self { api: api.clone(), location, offset: 0 }
    }

    /// PATCH of bytes at an offset, as it comes.
    pub async fn patch_at(&self, offset: u64, bytes: &[u8], headers: &[(&str, &str)]) -> Answer {
        self.api.send(self.patch_request(offset, bytes.to_vec().into(), headers)).await
    }

    /// The request of a PATCH, with any body.
    pub fn patch_request(
        &self,
        offset: u64,
        body: reqwest::Body,
        headers: &[(&str, &str)],
    ) -> reqwest::RequestBuilder {
        let mut request = self
            .api
            .request(Method::PATCH, &self.location)
            .header("Tus-Resumable", "1.0.0")
            .header("Content-Type", SLICE)
            .header("Upload-Offset", offset.to_string())
            .body(body);
        for &(name, value) in headers {
            request = request.header(name, value);
        }
        request
    }

    /// Appends bytes in one request, all of which must be acknowledged.
    ///
    /// # Panics
    /// When the server does not acknowledge exactly these bytes.
    pub async fn append(&mut self, bytes: &[u8]) {
        let answer = self.patch_at(self.offset, bytes, &[]).await.expect(204);
        self.offset += bytes.len() as u64;
        assert_eq!(answer.header("upload-offset"), self.offset.to_string(), "every byte of a 204 counts");
    }

    /// HEAD: the durable offset.
    ///
    /// # Panics
    /// When the server says none.
    pub async fn durable(&self) -> u64 {
        let request = self.api.request(Method::HEAD, &self.location).header("Tus-Resumable", "1.0.0");
        let answer = self.api.send(request).await;
        assert!(matches!(answer.status, 200 | 204), "{}: {}", answer.what, answer.status);
        answer.header("upload-offset").parse().expect("an upload says its offset")
    }

    /// Says that nothing more comes: the length is the offset.
    pub async fn complete(&mut self) {
        let length = self.offset.to_string();
        let answer = self.patch_at(self.offset, b"", &[("Upload-Length", &length)]).await.expect(204);
        assert_eq!(answer.header("upload-offset"), length);
    }
}
