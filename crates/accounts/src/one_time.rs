//! Tokens of links that are good once. They are kept hashed.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// How long a link to a new password is good.
pub(crate) const PASSWORD_LINK: Duration = Duration::from_secs(24 * 3_600);
/// How long an invitation is good.
pub(crate) const INVITATION: Duration = Duration::from_secs(7 * 86_400);

/// Links to a new password that are made for one person an hour because somebody asks for them.
pub(crate) const MADE_AN_HOUR: u32 = 3;

/// A token that nobody guesses.
pub(crate) fn token() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}
