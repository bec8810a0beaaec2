//! What the page of a live says of it before any script runs: to whoever shows a card of the link (the Open Graph protocol,
//! X cards), in the title of the window, and in the page: its picture, its title, and a replay that plays as it is.

use axum::Router;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use lives::Live;
use wire::lives as answers;

use super::access::{Keys, readable_live};
use super::auth::Caller;
use super::links::Base;
use super::live_answer::one_answer;
use super::page_answers;
use crate::app::App;

/// What stands in the page that is built.
const TITLE: &str = "<title>CommuniConnect Live</title>";
/// Where the script puts the page.
const ROOT: &str = "<div id=\"app\"></div>";
/// Characters of a description that cards show at most.
const DESCRIPTION: usize = 300;

/// The page of a live with what is said of it, if everybody may see it who has this address.
pub(super) async fn told(
    app: &App,
    api: &Router,
    parts: &mut Parts,
    path: &str,
    page: &str,
) -> Option<String> {
    let id = path.trim_end_matches('/').strip_prefix("live/")?.parse().ok()?;
    let Ok(keys) = Keys::from_request_parts(parts, app).await;
    let base = Base::from_request_parts(parts, app).await.ok()?;
    let live = readable_live(app, &Caller::Anonymous, id, &keys).await.ok()?;
    let answer = one_answer(app, &base, &live, &Caller::Anonymous, &keys).await;
    let mut head = format!("<title>{} · CommuniConnect Live</title>", escaped(&named(&live)));
    if let Some(poster) = small_poster(&answer) {
        let url = escaped(&poster);
        head.push_str(&format!(
            "<link rel=\"preload\" as=\"image\" href=\"{url}\" fetchpriority=\"high\" />"
        ));
    }
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
    let body = format!(
        "{}{ROOT}{}",
        first_sight(&live, &answer),
        page_answers::element(api, parts, id, &keys).await
    );
    let is_ours = page.contains(TITLE) && page.contains(ROOT);
    is_ours.then(|| page.replacen(TITLE, &head, 1).replacen(ROOT, &body, 1))
}

/// What is seen until the script is here, laid out as the page will be (`web/src/first.css`), and what of it works without: a
/// replay plays in the element that the script then takes over.
fn first_sight(live: &Live, answer: &answers::Live<'_>) -> String {
    let poster = small_poster(answer).unwrap_or_default();
    let file = answer.replay.as_ref().and_then(|replay| replay.mp4.as_ref().or(replay.webm.as_ref()));
    let file = file.filter(|_| answer.ended_at.is_some());
    let file = file.map(|url| format!(" src=\"{}\" controls", escaped(url))).unwrap_or_default();
    format!(
        "<div id=\"first\"><div class=\"picture\"><video data-testid=\"player-video\" preload=\"none\" playsinline \
         poster=\"{}\"{file}></video></div><div class=\"names\"><h1 data-testid=\"live-title\">{}</h1><p>{}</p></div></div>",
        escaped(&poster),
        escaped(&named(live)),
        escaped(&author(live)),
    )
}

/// The poster as the page shows it.
fn small_poster(answer: &answers::Live<'_>) -> Option<String> {
    answer.poster_url.as_deref().map(|url| format!("{url}&size=small"))
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
