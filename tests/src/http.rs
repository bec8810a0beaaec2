//! Requests and answers, with failure messages that say what was asked and what came.

use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

use crate::contract::{self, Asked};

/// A client of the server, with or without a bearer token.
#[derive(Debug, Clone)]
pub struct Api {
    client: Client,
    base: String,
    bearer: Option<String>,
    language: Option<&'static str>,
}

impl Api {
    /// A client without a name.
    ///
    /// # Panics
    /// When no client can be made.
    #[must_use]
    pub fn new(base: &str) -> Self {
        let client = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            // Who may be trusted is looked at where certificates are promised.
            .tls_danger_accept_invalid_certs(base.starts_with("https://"))
            .build()
            .expect("a client can always be made");
        Self { client, base: base.to_owned(), bearer: None, language: None }
    }

    /// The same client with this token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { bearer: Some(token.to_owned()), ..self.clone() }
    }

    /// The same client, preferring a language.
    #[must_use]
    pub fn speaking(&self, language: &'static str) -> Self {
        Self { language: Some(language), ..self.clone() }
    }

    /// The same client of a server that moved to another port.
    #[must_use]
    pub fn moved_to(&self, base: &str) -> Self {
        Self { base: base.to_owned(), ..self.clone() }
    }

    /// The absolute form of a path or of a URL that the server gave.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        // A URL given before a restart names the old port: only what follows it counts.
        let path = match path.strip_prefix("http://").or_else(|| path.strip_prefix("https://")) {
            Some(rest) => rest.find('/').map_or("/", |at| &rest[at..]),
            None => path,
        };
        // Under a path of another address what the server gives has that path already.
        let (_, host) = self.base.split_once("://").unwrap_or_default();
        let under = host.find('/').map_or("", |at| &host[at..]);
        format!("{}{}", self.base, path.strip_prefix(under).unwrap_or(path))
    }

    /// A request with the token and the language, to be filled in and given to [`Api::send`].
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let mut request = self.client.request(method, self.url(path));
        if let Some(token) = &self.bearer {
            request = request.bearer_auth(token);
        }
        if let Some(language) = self.language {
            request = request.header("Accept-Language", language);
        }
        request
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        self.try_send(request).await.unwrap_or_else(|error| panic!("no answer: {error:?}"))
    }

    /// Sends a request and reads the whole answer, which the schema must describe.
    ///
    /// # Errors
    /// When the connection failed or was cut.
    ///
    /// # Panics
    /// When the schema does not describe the answer.
    pub async fn try_send(&self, request: RequestBuilder) -> Result<Answer, reqwest::Error> {
        let request = request.build()?;
        let what = format!("{} {}", request.method(), request.url());
        let meant = request.headers().get("x-http-method-override").and_then(|value| value.to_str().ok());
        let method = meant.filter(|_| request.method() == Method::POST).unwrap_or(request.method().as_str());
        let (method, path) = (method.to_owned(), request.url().path().to_owned());
        let response = self.client.execute(request).await?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = response.bytes().await?;
        let asked = Asked { method: &method, path: &path };
        if let Err(wrong) = contract::check(asked, status, &headers, &body) {
            panic!(
                "{what}: {status} is not as the schema has it: {wrong}: {}",
                String::from_utf8_lossy(&body)
            );
        }
        Ok(Answer { what, status, headers, body })
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// GET of a range of bytes, as `Range: bytes=...`.
    pub async fn get_range(&self, path: &str, range: &str) -> Answer {
        self.send(self.request(Method::GET, path).header("Range", format!("bytes={range}"))).await
    }

    /// HEAD.
    pub async fn head(&self, path: &str) -> Answer {
        self.send(self.request(Method::HEAD, path)).await
    }

    /// POST of JSON.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, path).json(&body)).await
    }

    /// PUT of JSON.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(&body)).await
    }

    /// PATCH of JSON.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PATCH, path).json(&body)).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// GET of an answer that does not end: its status, headers and the body as it comes.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn open(&self, path: &str) -> reqwest::Response {
        let request = self.request(Method::GET, path);
        request.send().await.unwrap_or_else(|error| panic!("no answer to GET {path}: {error:?}"))
    }
}

/// What the server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The request, for messages.
    pub what: String,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Answer {
    /// The answer itself, if it has this status.
    ///
    /// # Panics
    /// When it has another one.
    #[must_use]
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}: {}", self.what, self.text());
        self
    }

    /// Fails the test unless the answer has this status.
    #[track_caller]
    pub fn must_be(self, status: u16) {
        let _ = self.expect(status);
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{}: not JSON ({error}): {}", self.what, self.text()))
    }

    /// The first 600 characters of the body.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).chars().take(600).collect()
    }

    /// All of the body as text.
    #[must_use]
    pub fn whole_text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header, empty when it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// The sentence of a refusal that may have any of these statuses.
    ///
    /// # Panics
    /// When the answer is no such refusal.
    #[must_use]
    #[track_caller]
    pub fn refusal_of(self, statuses: &[u16]) -> String {
        assert!(statuses.contains(&self.status), "{}: {} {}", self.what, self.status, self.text());
        let status = self.status;
        self.refusal(status)
    }

    /// The sentence of a refusal, after checking that it is a problem as RFC 9457 has it, with this status.
    ///
    /// # Panics
    /// When the answer is no such refusal.
    #[must_use]
    #[track_caller]
    pub fn refusal(self, status: u16) -> String {
        let answer = self.expect(status);
        assert!(
            answer.header("content-type").starts_with("application/problem+json"),
            "{}: {} {}",
            answer.what,
            answer.header("content-type"),
            answer.text()
        );
        let problem = answer.json();
        assert_eq!(problem["status"], status, "{}: {problem}", answer.what);
        assert_eq!(problem["detail"], problem["error"], "{}: {problem}", answer.what);
        assert!(problem["type"].is_string() && problem["title"].is_string(), "{}: {problem}", answer.what);
        let sentence = problem["detail"].as_str().unwrap_or_default().to_owned();
        assert!(sentence.trim().len() > 8, "{}: no sentence in {problem}", answer.what);
        sentence
    }
}
