//! What the page of a live asks first, answered in the page itself: on a slow network each question costs a round trip.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use ids::LiveId;
use tower::ServiceExt;

use super::access::Keys;
use super::chat::CHANGE;

/// An answer above this size is left for the page to ask, in bytes: it would keep the page itself waiting.
const MOST: usize = 32 * 1_024;
/// What addresses in answers are made of.
const WHENCE: [&str; 3] = ["x-forwarded-proto", "x-forwarded-host", "x-forwarded-for"];
/// How many of the newest messages the page asks for; `sdk/src/chat/chat.ts` has the same.
const NEWEST: &str = "60";

/// The live, its timeline and its newest messages as anybody with the address gets them, as JSON in an element that no browser
/// runs. `web/src/told.ts` reads it.
pub(super) async fn element(api: &Router, parts: &Parts, id: LiveId, keys: &Keys) -> String {
    let key = keys.key.as_ref().map(|key| ("key", key.as_str()));
    let newest = [("before", i64::MAX.to_string()), ("limit", NEWEST.to_owned())];
    let newest = newest.iter().map(|(name, value)| (*name, value.as_str())).chain(key);
    let path = format!("/api/posts/live/{id}");
    let (live, timeline, messages) = tokio::join!(
        ask(api, parts, address(&path, key)),
        ask(api, parts, address(&format!("{path}/timeline"), key)),
        ask(api, parts, address(&format!("{path}/chat/messages"), newest)),
    );
    let mut told = format!("{{\"id\":{id}");
    for (name, answer) in [("live", live), ("timeline", timeline), ("messages", messages)] {
        let Some((json, change)) = answer else { continue };
        let Ok(json) = std::str::from_utf8(&json) else { continue };
        told.push_str(&format!(",\"{name}\":{}", json.replace('<', "\\u003c")));
        if let Some(change) = change {
            told.push_str(&format!(",\"change\":{change}"));
        }
    }
    told.push('}');
    format!("<script type=\"application/json\" id=\"told\">{told}</script>")
}

fn address<'a>(path: &str, query: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut written = form_urlencoded::Serializer::new(String::new());
    written.extend_pairs(query);
    format!("{path}?{}", written.finish())
}

/// What the interface answers there to somebody who is not signed in, and the number of the newest deletion if it says that.
async fn ask(api: &Router, parts: &Parts, address: String) -> Option<(Bytes, Option<i64>)> {
    let mut request = Request::builder().uri(address).body(Body::empty()).ok()?;
    *request.extensions_mut() = parts.extensions.clone();
    let named = parts.headers.get(header::HOST).cloned();
    let host = named.or_else(|| HeaderValue::try_from(parts.uri.authority()?.as_str()).ok());
    request.headers_mut().extend(host.map(|host| (header::HOST, host)));
    for name in WHENCE.map(HeaderName::from_static) {
        let said = parts.headers.get_all(&name).iter().map(|value| (name.clone(), value.clone()));
        request.headers_mut().extend(said);
    }
    let answer = api.clone().oneshot(request).await.ok()?;
    if answer.status() != StatusCode::OK {
        return None;
    }
    let change = answer.headers().get(CHANGE).and_then(|change| change.to_str().ok()?.parse().ok());
    let body = Limited::new(answer.into_body(), MOST).collect().await.ok()?;
    Some((body.to_bytes(), change))
}
