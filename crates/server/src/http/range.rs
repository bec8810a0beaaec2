//! Conditional requests and ranges on a file of known length (RFC 9110, 13 and 14).

use std::ops::Range;

use axum::http::{HeaderMap, StatusCode, header};

use super::problem::Problem;

/// What of a file is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// All of it.
    Whole,
    /// A stretch of it; never empty.
    Part(Range<u64>),
    /// Nothing: the asker has it.
    NotModified,
    /// A stretch that it does not have.
    Unsatisfiable,
    /// Only another version of it (412).
    OtherVersion,
}

/// Reads `If-Match`, `If-None-Match`, `Range` and `If-Range`, in this order of precedence (RFC 9110, 13.2.2). A request for
/// several ranges is answered with the whole, as is one whose `If-Range` names another version.
pub(super) fn asked(headers: &HeaderMap, etag: &str, len: u64) -> Asked {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    // Compared strongly (13.1.1): a weak tag is none of ours.
    if headers.contains_key(header::IF_MATCH)
        && !tags(headers, &header::IF_MATCH).any(|tag| tag == "*" || tag == etag)
    {
        return Asked::OtherVersion;
    }
    if tags(headers, &header::IF_NONE_MATCH).any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag) {
        return Asked::NotModified;
    }
    if text(header::IF_RANGE).is_some_and(|condition| condition.trim() != etag) {
        return Asked::Whole;
    }
    text(header::RANGE).map_or(Asked::Whole, |range| part(range, len))
}

/// 412: `If-Match` names only versions that are not this one.
pub(super) fn other_version() -> Problem {
    Problem::new(
        StatusCode::PRECONDITION_FAILED,
        "Ce fichier n'est pas dans la version demandée (If-Match) ; redemandez-le sans condition.",
        "This file is not in the version that was asked for (If-Match); ask again without the condition.",
    )
}

/// The entity tags of a condition, over all its lines.
fn tags<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

fn part(range: &str, len: u64) -> Asked {
    let Some((unit, spec)) = range.trim().split_once('=') else { return Asked::Whole };
    // The unit's name ignores case (RFC 9110, 14.1).
    if !unit.eq_ignore_ascii_case("bytes") {
        return Asked::Whole;
    }
    let spec = spec.trim();
    let Some((first, last)) = spec.split_once('-') else { return Asked::Whole };
    let (first, last) = (first.trim(), last.trim());
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(first) || !digits(last) || (first.is_empty() && last.is_empty()) {
        return Asked::Whole;
    }
    // A number too large for 64 bits lies past the end of every file.
    let number = |text: &str| text.parse().unwrap_or(u64::MAX);
    let range = match (first.is_empty(), last.is_empty()) {
        (true, _) => len.saturating_sub(number(last))..len,
        (false, true) => number(first)..len,
        (false, false) if number(last) < number(first) => return Asked::Whole,
        (false, false) => number(first)..number(last).saturating_add(1).min(len),
    };
    if range.start < range.end { Asked::Part(range) } else { Asked::Unsatisfiable }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(range: &str) -> Asked {
        part(range, 100)
    }

    #[test]
    fn a_range_is_cut_to_the_file() {
        assert_eq!(ask("bytes=0-9"), Asked::Part(0..10));
        assert_eq!(ask("bytes=90-"), Asked::Part(90..100));
        assert_eq!(ask("bytes=90-1000"), Asked::Part(90..100));
        assert_eq!(ask("bytes=-10"), Asked::Part(90..100));
        assert_eq!(ask("bytes=-1000"), Asked::Part(0..100));
        assert_eq!(ask("bytes=99-99"), Asked::Part(99..100));
        assert_eq!(ask("Bytes=0-9"), Asked::Part(0..10));
        assert_eq!(ask("BYTES=0-9"), Asked::Part(0..10));
    }

    #[test]
    fn a_range_outside_the_file_cannot_be_had() {
        assert_eq!(ask("bytes=100-"), Asked::Unsatisfiable);
        assert_eq!(ask("bytes=-0"), Asked::Unsatisfiable);
        assert_eq!(ask("bytes=99999999999999999999999-"), Asked::Unsatisfiable);
    }

    #[test]
    fn what_is_no_single_range_is_ignored() {
        for range in ["bytes=0-1,5-6", "lines=1-2", "bytes=", "bytes=-", "bytes=9-1", "bytes=a-b"] {
            assert_eq!(ask(range), Asked::Whole, "{range}");
        }
    }

    #[test]
    fn conditions_decide_before_ranges() {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, "bytes=0-9".parse().unwrap());
        headers.insert(header::IF_RANGE, "\"old\"".parse().unwrap());
        assert_eq!(asked(&headers, "\"new\"", 100), Asked::Whole);
        headers.insert(header::IF_RANGE, "\"new\"".parse().unwrap());
        assert_eq!(asked(&headers, "\"new\"", 100), Asked::Part(0..10));
        headers.insert(header::IF_NONE_MATCH, "\"x\", W/\"new\"".parse().unwrap());
        assert_eq!(asked(&headers, "\"new\"", 100), Asked::NotModified);
        headers.insert(header::IF_MATCH, "\"old\", W/\"new\"".parse().unwrap());
        assert_eq!(asked(&headers, "\"new\"", 100), Asked::OtherVersion);
        headers.append(header::IF_MATCH, "\"new\"".parse().unwrap());
        assert_eq!(asked(&headers, "\"new\"", 100), Asked::NotModified);
        headers.remove(header::IF_NONE_MATCH);
        assert_eq!(asked(&headers, "\"new\"", 100), Asked::Part(0..10));
        headers.insert(header::IF_MATCH, "*".parse().unwrap());
        assert_eq!(asked(&headers, "\"new\"", 100), Asked::Part(0..10));
    }
}
