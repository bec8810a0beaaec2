//! The name of a request, by which its answer, the log and whatever stands in front speak of it.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// Where it stands, in requests and answers.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// Characters of one that is taken over.
const LONGEST: usize = 128;

/// The name that a request has, where it is one, else a new one.
pub(super) fn of(headers: &HeaderMap) -> HeaderValue {
    let given = headers.get(X_REQUEST_ID).filter(|given| is_name(given.as_bytes()));
    given.cloned().unwrap_or_else(made)
}

fn is_name(bytes: &[u8]) -> bool {
    let is_of_it = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    (1..=LONGEST).contains(&bytes.len()) && bytes.iter().all(is_of_it)
}

fn made() -> HeaderValue {
    // Digits are always a value.
    HeaderValue::from_str(&format!("{:032x}", rand::random::<u128>()))
        .unwrap_or_else(|_| HeaderValue::from_static("-"))
}

/// The place of a request in a trace that somebody else began (W3C Trace Context, section 3.2.2).
pub(super) fn traceparent(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(TRACEPARENT)?.to_str().ok()?;
    let is_hex = |part: &str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_some = |part: &str| part.bytes().any(|byte| byte != b'0');
    let mut parts = value.splitn(5, '-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let has_lengths = [version.len(), trace.len(), parent.len(), flags.len()] == [2, 32, 16, 2];
    let is_known = version != "ff" && (version != "00" || parts.next().is_none());
    let is_one = has_lengths && is_known && [version, trace, parent, flags].into_iter().all(is_hex);
    // A later version may have more, which is not ours to judge: it is no longer than a header of ours.
    (is_one && is_some(trace) && is_some(parent) && value.len() <= LONGEST).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        headers
    }

    #[test]
    fn a_name_that_is_one_is_taken_over() {
        let longest = "a".repeat(LONGEST);
        for name in ["a", "A-b_c.9", longest.as_str()] {
            assert_eq!(of(&headers("x-request-id", name)), name);
        }
        let long = "a".repeat(LONGEST + 1);
        for name in ["", "a b", "a\"b", "a/b", "é", long.as_str()] {
            let made = of(&headers("x-request-id", name));
            assert!(made != name && made.len() == 32, "{name}: {made:?}");
        }
        assert_ne!(of(&HeaderMap::new()), of(&HeaderMap::new()));
    }

    #[test]
    fn a_place_in_a_trace_is_taken_over() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(traceparent(&headers("traceparent", good)), Some(good));
        for bad in [
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "hello",
        ] {
            assert_eq!(traceparent(&headers("traceparent", bad)), None, "{bad}");
        }
    }
}
