//! Refresh tokens: how they are made, and the rule by which one that is shown is judged.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ids::UnixMs;
use sha2::{Digest, Sha256};

use crate::keys::keyed_hash;
use crate::store::{RefreshRow, Ruling, TokenHash, Verdict};

/// How long after its use a refresh token still gets the answer it got first.
const REPEATABLE_MS: i64 = 60_000;

/// How long after the password was given a sign-in ends for good, however often it is refreshed.
pub(crate) const LONGEST: Duration = Duration::from_secs(90 * 86_400);

/// Sign-ins of one person that are remembered after they have expired. What has expired is forgotten only beyond so
/// many, the oldest first: a clock that is wrong for an hour would otherwise end every sign-in for good.
pub(crate) const REMEMBERED: u32 = 32;

/// Makes refresh tokens. The next token of a sign-in is a keyed hash of the one before, so that the same answer
/// can be given twice although only hashes are kept.
pub(crate) struct RefreshTokens {
    key: [u8; 32],
    life: Duration,
}

impl RefreshTokens {
    pub(crate) fn new(key: [u8; 32], life: Duration) -> Self {
        Self { key, life }
    }

    /// How long one is good.
    pub(crate) fn life(&self) -> Duration {
        self.life
    }

    /// The first token of a sign-in.
    pub(crate) fn first() -> String {
        written(&rand::random())
    }

    /// The token that takes the place of `token`.
    pub(crate) fn after(&self, token: &str) -> String {
        written(&keyed_hash(&self.key, &[token.as_bytes()]))
    }
}

/// What is kept of a token.
pub(crate) fn hash(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}

/// What becomes of a refresh token that is shown `now`, when tokens live for `life`.
pub(crate) fn judge(row: RefreshRow, now: UnixMs, life: Duration) -> Ruling {
    // A token that is good for longer than any is made was made while the clock stood in the future: from now on it has a
    // life like any other, however long nobody uses it.
    let longest = now.plus(life);
    let shortened = (row.expires > longest.plus_ms(REPEATABLE_MS)).then_some(longest);
    let expires = shortened.unwrap_or(row.expires);
    let verdict = match row.used {
        _ if row.revoked || expires <= now || row.ends <= now => Verdict::Refuse,
        // Used in the future: the clock was set back, and how long ago it was is not known.
        Some(used) if now.since_ms(used).saturating_abs() > REPEATABLE_MS => Verdict::Revoke,
        Some(issued) => Verdict::Repeat { issued },
        None => Verdict::Rotate { issued: now, expires: longest.min(row.ends) },
    };
    Ruling { shortened, verdict }
}

fn written(bytes: &[u8; 32]) -> String {
    format!("rt_{}", URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use ids::PersonId;

    use super::*;

    const NOW: UnixMs = UnixMs(1_800_000_000_000);
    const LIFE: Duration = Duration::from_secs(1_000);

    fn row(expires_in: i64, used_ago: Option<i64>) -> RefreshRow {
        let used = used_ago.map(|ago| NOW.plus_ms(-ago));
        RefreshRow {
            person: PersonId(1),
            revoked: false,
            expires: NOW.plus_ms(expires_in),
            used,
            ends: NOW.plus(LONGEST),
        }
    }

    fn verdict(row: RefreshRow) -> Verdict {
        judge(row, NOW, LIFE).verdict
    }

    #[test]
    fn a_token_is_good_once_and_repeats_its_answer_for_a_minute() {
        let next = Verdict::Rotate { issued: NOW, expires: NOW.plus(LIFE) };
        assert_eq!(verdict(row(1, None)), next);
        assert_eq!(verdict(row(0, None)), Verdict::Refuse);
        assert_eq!(verdict(RefreshRow { revoked: true, ..row(1, None) }), Verdict::Refuse);
        assert_eq!(verdict(row(1, Some(60_000))), Verdict::Repeat { issued: NOW.plus_ms(-60_000) });
        for ago in [60_001, -60_001, i64::MAX] {
            assert_eq!(verdict(row(1, Some(ago))), Verdict::Revoke, "{ago}");
        }
    }

    #[test]
    fn a_sign_in_ends_for_good_however_often_it_is_refreshed() {
        let ends = |in_ms| RefreshRow { ends: NOW.plus_ms(in_ms), ..row(900_000, None) };
        let last = Verdict::Rotate { issued: NOW, expires: NOW.plus_ms(10) };
        assert_eq!(verdict(ends(10)), last);
        assert_eq!(verdict(ends(0)), Verdict::Refuse);
    }

    #[test]
    fn a_token_made_while_the_clock_stood_in_the_future_lives_no_longer_than_others() {
        assert_eq!(judge(row(1_060_000, None), NOW, LIFE).shortened, None);
        assert_eq!(judge(row(1_060_001, None), NOW, LIFE).shortened, Some(NOW.plus(LIFE)));
    }
}
