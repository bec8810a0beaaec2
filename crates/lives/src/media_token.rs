use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use ids::{LiveId, UnixMs};
use sha2::Sha256;

/// How long a token is good, in milliseconds: 12 hours.
const LIFE_MS: i64 = 12 * 3_600 * 1_000;
/// Tokens made within one such step are the same, so that caches see one address, in milliseconds.
const STEP_MS: i64 = 5 * 60 * 1_000;
/// Bytes of the code kept in a token.
const CODE: usize = 16;

/// Makes and checks read-only tokens of one live, for addresses of media: `<expiry>.<code>`, where the code is an
/// HMAC-SHA-256 of the live and the expiry. Nothing is stored.
#[derive(Clone)]
pub struct MediaTokens {
    key: [u8; 32],
}

impl MediaTokens {
    /// Tokens made and checked with `key`.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// A token of this live, good for 12 hours less at most 5 minutes.
    #[must_use]
    pub fn make(&self, live: LiveId, now: UnixMs) -> String {
        let expiry_s = UnixMs(now.0.div_euclid(STEP_MS) * STEP_MS).plus_ms(LIFE_MS).seconds();
        let code = self.code(live, expiry_s).finalize().into_bytes();
        format!("{expiry_s}.{}", URL_SAFE_NO_PAD.encode(&code[..CODE]))
    }

    /// Whether this is a token of this live and still good.
    #[must_use]
    pub fn check(&self, token: &str, live: LiveId, now: UnixMs) -> bool {
        let Some((expiry, code)) = token.split_once('.') else { return false };
        let (Ok(expiry_s), Ok(code)) = (expiry.parse::<i64>(), URL_SAFE_NO_PAD.decode(code)) else {
            return false;
        };
        code.len() == CODE
            && self.code(live, expiry_s).verify_truncated_left(&code).is_ok()
            && now.seconds() < expiry_s
            // One made while the clock stood in the future is not good until the clock is there again.
            && expiry_s <= now.plus_ms(LIFE_MS + STEP_MS).seconds()
    }

    fn code(&self, live: LiveId, expiry_s: i64) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes a key of any length");
        mac.update(&live.0.to_be_bytes());
        mac.update(&expiry_s.to_be_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMs = UnixMs(1_800_000_000_000);
    const LIVE: LiveId = LiveId(5);

    #[test]
    fn a_token_opens_its_live_for_12_hours() {
        let tokens = MediaTokens::new([1; 32]);
        let token = tokens.make(LIVE, NOW);
        assert!(tokens.check(&token, LIVE, NOW));
        assert!(tokens.check(&token, LIVE, NOW.plus_ms(LIFE_MS - STEP_MS)));
        assert!(!tokens.check(&token, LIVE, NOW.plus_ms(LIFE_MS)));
        assert!(!tokens.check(&token, LIVE, NOW.plus_ms(-LIFE_MS)), "made in what is the future now");
        assert!(!tokens.check(&token, LiveId(6), NOW));
        assert!(!MediaTokens::new([2; 32]).check(&token, LIVE, NOW));
    }

    #[test]
    fn a_token_cannot_be_made_longer_or_shorter() {
        let tokens = MediaTokens::new([1; 32]);
        let token = tokens.make(LIVE, NOW);
        let (expiry, code) = token.split_once('.').unwrap();
        let later = format!("{}.{code}", expiry.parse::<i64>().unwrap() + 1);
        for bad in [later.as_str(), &token[..token.len() - 4], "", ".", "1.", "x.y", &format!("{token}AAAA")]
        {
            assert!(!tokens.check(bad, LIVE, NOW), "{bad}");
        }
    }

    #[test]
    fn tokens_of_the_same_minutes_are_the_same() {
        let tokens = MediaTokens::new([1; 32]);
        let start = UnixMs(NOW.0.div_euclid(STEP_MS) * STEP_MS);
        assert_eq!(tokens.make(LIVE, start), tokens.make(LIVE, start.plus_ms(STEP_MS - 1)));
    }
}
