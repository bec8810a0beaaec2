//! What the page of a live says of it before any script runs: to whoever shows a card of the link (the Open Graph protocol,
//! X cards), and in the title of the window.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use lives::Live;

use super::access::{Keys, readable_live};
use super::auth::Caller;
use super::links::Base;
use super::live_answer::one_answer;
use crate::app::App;

/// What stands in the page that is built.
const TITLE: &str = "<title>CommuniConnect Live</title>";
/// Characters of a description that cards show at most.
const DESCRIPTION: usize = 300;

/// The page of a live with what is said of it, if everybody may see it who has this address.
pub(super) async fn told(app: &App, parts: &mut Parts, path: &str, page: &str) -> Option<String> {
    let id = path.trim_end_matches('/').strip_prefix("live/")?.parse().ok()?;
    let Ok(keys) = Keys::from_request_parts(parts, app).await;
    let base = Base::from_request_parts(parts, app).await.ok()?;
    let live = readable_live(app, &Caller::Anonymous, id, &keys).await.ok()?;
    let answer = one_answer(app, &base, &live, &Caller::Anonymous, &keys).await;
    let mut head = format!("<title>{} · CommuniConnect Live</title>", escaped(&named(&live)));
    let mut say = |name: &str, content: &str| {
        let attribute = if name.starts_with("twitter:") { "name" } else { "property" };
        head.push_str(&format!("<meta {attribute}=\"{name}\" content=\"{}\" />", escaped(content)));
    };
    say("og:site_name", "CommuniConnect Live");
    say("og:type", "video.other");
    say("og:title", &named(&live));
    say("og:description", &described(&live));
    say("og:url", &answer.watch_url);
    if let Some(poster) = &answer.poster_url {
        say("og:image", poster);
        say("twitter:image", poster);
    }
    if answer.duration_ms > 0 {
        say("video:duration", &(answer.duration_ms / 1_000).to_string());
    }
    say("twitter:card", "summary_large_image");
    say("twitter:title", &named(&live));
    say("twitter:description", &described(&live));
    page.contains(TITLE).then(|| page.replacen(TITLE, &head, 1))
}

fn named(live: &Live) -> String {
    if live.title.is_empty() { author(live) } else { live.title.clone() }
}

fn described(live: &Live) -> String {
    let said = if live.description.is_empty() { &live.content } else { &live.description };
    let said: String =
        said.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(DESCRIPTION).collect();
    if said.is_empty() { author(live) } else { said }
}

fn author(live: &Live) -> String {
    format!("{} {}", live.author.first_name, live.author.last_name).trim().to_owned()
}

/// Text as it stands in an attribute or between tags.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
