//! Links that are good once.

use accounts::OneTime;

use super::desk::Desk;

/// Prints a link, and ends.
pub(super) async fn tell_link(desk: Desk, link: &OneTime, url: String) -> Result<(), String> {
    let answer = wire::people::OneTimeLink { url, expires_at: wire::Time(link.expires.0) };
    desk.tell(&answer, &answer.url).await
}
