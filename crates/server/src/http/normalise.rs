use axum::extract::Request;
use axum::http::{HeaderName, Method, Uri};

const METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");

/// Brings a request into the one form that is routed: the path without a final slash, the method that is meant.
pub(super) async fn normalise(mut request: Request) -> Request {
    if let Some(uri) = without_final_slash(request.uri()) {
        *request.uri_mut() = uri;
    }
    if let Some(method) = meant_method(&request) {
        *request.method_mut() = method;
    }
    request
}

fn without_final_slash(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    let shorter = path.trim_end_matches('/');
    if shorter.len() == path.len() || shorter.is_empty() {
        return None;
    }
    let path_and_query = match uri.query() {
        Some(query) => format!("{shorter}?{query}"),
        None => shorter.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path_and_query.parse().ok()?);
    Uri::from_parts(parts).ok()
}

/// Clients behind proxies that let only GET and POST through say in a header what they mean (tus 1.0, section
/// "X-HTTP-Method-Override").
fn meant_method(request: &Request) -> Option<Method> {
    if request.method() != Method::POST {
        return None;
    }
    let meant = request.headers().get(METHOD_OVERRIDE)?.to_str().ok()?;
    match meant.trim().to_ascii_uppercase().as_str() {
        "PATCH" => Some(Method::PATCH),
        "PUT" => Some(Method::PUT),
        "DELETE" => Some(Method::DELETE),
        "HEAD" => Some(Method::HEAD),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_final_slash_goes_and_the_query_stays() {
        let shorter = |uri: &str| without_final_slash(&uri.parse().unwrap()).map(|uri| uri.to_string());
        assert_eq!(shorter("/api/posts/?page=2").as_deref(), Some("/api/posts?page=2"));
        assert_eq!(shorter("/api/posts//").as_deref(), Some("/api/posts"));
        assert_eq!(shorter("/api/posts"), None);
        assert_eq!(shorter("/"), None);
        assert_eq!(shorter("//"), None);
    }
}
