//! Pages of lists: `?page=1&page_size=50`.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};
use wire::Page;

use super::links::Base;
use super::problem::Problem;

/// Results of a page unless said otherwise.
const USUAL: u32 = 50;
/// Results of a page at most.
const LARGEST: u32 = 200;

/// The last page that can be asked for: what clients keep in 32 bits with a sign.
const LAST: u32 = i32::MAX.unsigned_abs();

/// Which page of a list is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Paging {
    /// From 1.
    pub(crate) page: u32,
    /// From 1 to 200.
    pub(crate) page_size: u32,
    uri: Uri,
}

impl<S: Sync> FromRequestParts<S> for Paging {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let mut paging = Self { page: 1, page_size: USUAL, uri: parts.uri.clone() };
        for (name, value) in form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
            match name.as_ref() {
                "page" => paging.page = number(&value, LAST).ok_or_else(bad_page)?,
                "page_size" => paging.page_size = number(&value, LARGEST).ok_or_else(bad_page_size)?,
                _ => {}
            }
        }
        Ok(paging)
    }
}

impl Paging {
    /// The page as it is answered, with the addresses of its neighbours.
    pub(crate) fn envelope<T>(&self, base: &Base, count: u64, results: Vec<T>) -> Page<T> {
        let last = count.div_ceil(u64::from(self.page_size)).max(1);
        let next = (u64::from(self.page) < last).then(|| self.address(base, u64::from(self.page) + 1));
        let previous = (self.page > 1).then(|| self.address(base, u64::from(self.page - 1).min(last)));
        Page { count, next, previous, results }
    }

    fn address(&self, base: &Base, page: u64) -> String {
        let query = self.uri.query().unwrap_or_default();
        let others = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "page");
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(others)
            .append_pair("page", &page.to_string())
            .finish();
        base.to(&format!("{}/?{query}", self.uri.path()))
    }
}

fn number(text: &str, largest: u32) -> Option<u32> {
    text.trim().parse().ok().filter(|number| (1..=largest).contains(number))
}

fn bad_page() -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "Les pages sont numérotées à partir de 1.",
        "Pages are counted from 1.",
    )
}

fn bad_page_size() -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "Une page a de 1 à 200 résultats.",
        "A page has from 1 to 200 results.",
    )
}
