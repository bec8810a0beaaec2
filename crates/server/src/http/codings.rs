//! Which content codings somebody takes (RFC 9110, section 12.5.3).

use axum::http::{HeaderMap, header};

/// The one of these that is taken most gladly, of equals the first; none if all are refused or unknown.
pub(super) fn preferred<'a>(
    asked: &HeaderMap,
    codings: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let mut best = None;
    for coding in codings {
        let weight = weight(asked, coding);
        if weight > best.map_or(0.0, |(most, _)| most) {
            best = Some((weight, coding));
        }
    }
    best.map(|(_, coding)| coding)
}

/// How gladly a coding is taken, from 0 (not at all) to 1.
fn weight(asked: &HeaderMap, coding: &str) -> f32 {
    let lists = asked.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut any = 0.0;
    for wish in lists.flat_map(|list| list.split(',')) {
        let (name, more) = wish.split_once(';').unwrap_or((wish, ""));
        let weight = || more.trim().strip_prefix("q=").map_or(1.0, |q| q.trim().parse().unwrap_or(0.0));
        match name.trim() {
            name if name.eq_ignore_ascii_case(coding) => return weight(),
            "*" => any = weight(),
            _ => {}
        }
    }
    any
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn the_gladliest_taken_is_chosen_and_what_is_refused_never() {
        for (asked, expected) in [
            ("gzip, deflate, br, zstd", Some("br")),
            ("gzip", Some("gzip")),
            ("br;q=0, gzip", Some("gzip")),
            ("br;q=0.5, GZIP;q=0.8", Some("gzip")),
            ("*", Some("br")),
            ("br;q=0, *;q=0.1", Some("gzip")),
            ("*;q=0", None),
            ("identity", None),
            ("gzip;q=nothing", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(asked));
            assert_eq!(preferred(&headers, ["br", "gzip"]), expected, "{asked}");
        }
        assert_eq!(preferred(&HeaderMap::new(), ["br", "gzip"]), None);
    }
}
