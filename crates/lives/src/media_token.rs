use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use ids::{PersonId, UnixMs};
use sha2::Sha256;

use crate::Live;
use crate::policy::Holder;

/// How long a token is good, in milliseconds: 12 hours.
const LIFE_MS: i64 = 12 * 3_600 * 1_000;
/// Tokens made within one such step are the same, so that caches see one address, in milliseconds.
const STEP_MS: i64 = 5 * 60 * 1_000;
/// Bytes of the code kept in a token.
const CODE: usize = 16;
/// How the holder of the watch key is written.
const BY_KEY: &str = "k";
/// How the holder of the stream key is written.
const BY_STREAM_KEY: &str = "s";

/// Makes and checks read-only tokens of one live, for addresses of media: `<expiry>.<holder>.<code>`, where the code is an
/// HMAC-SHA-256 of the live, its epoch, the expiry and the holder, and of the stream key where the right is that key's. Nothing is
/// stored. Whether the holder still may watch is for [`policy::may_watch`](crate::policy::may_watch) to say.
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

    /// A token of this live for somebody who may watch it, good for 12 hours less at most 5 minutes.
    #[must_use]
    pub fn make(&self, live: &Live, holder: Holder, now: UnixMs) -> String {
        let expiry_s = UnixMs(now.0.div_euclid(STEP_MS) * STEP_MS).plus_ms(LIFE_MS).seconds();
        let holder = written(holder);
        let code = self.code(live, expiry_s, &holder).finalize().into_bytes();
        format!("{expiry_s}.{holder}.{}", URL_SAFE_NO_PAD.encode(&code[..CODE]))
    }

    /// Who holds this token, if it is one of this live, of its epoch, and still good.
    #[must_use]
    pub fn check(&self, token: &str, live: &Live, now: UnixMs) -> Option<Holder> {
        let mut parts = token.split('.');
        let (expiry, holder, code) = (parts.next()?, parts.next()?, parts.next()?);
        let (expiry_s, code) = (expiry.parse::<i64>().ok()?, URL_SAFE_NO_PAD.decode(code).ok()?);
        let is_ours = parts.next().is_none()
            && code.len() == CODE
            && self.code(live, expiry_s, holder).verify_truncated_left(&code).is_ok()
            && now.seconds() < expiry_s
            // One made while the clock stood in the future is not good until the clock is there again.
            && expiry_s <= now.plus_ms(LIFE_MS + STEP_MS).seconds();
        if is_ours { read(holder) } else { None }
    }

    fn code(&self, live: &Live, expiry_s: i64, holder: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes a key of any length");
        mac.update(&live.id.0.to_be_bytes());
        mac.update(&live.epoch.to_be_bytes());
        mac.update(&expiry_s.to_be_bytes());
        mac.update(holder.as_bytes());
        if holder == BY_STREAM_KEY {
            mac.update(&live.stream_key);
        }
        mac
    }
}

fn written(holder: Holder) -> String {
    match holder {
        Holder::WatchKey => BY_KEY.to_owned(),
        Holder::StreamKey => BY_STREAM_KEY.to_owned(),
        Holder::Person(id) => id.to_string(),
    }
}

fn read(holder: &str) -> Option<Holder> {
    match holder {
        BY_KEY => Some(Holder::WatchKey),
        BY_STREAM_KEY => Some(Holder::StreamKey),
        id => id.parse().ok().map(|id: PersonId| Holder::Person(id)),
    }
}

#[cfg(test)]
mod tests {
    use ids::LiveId;

    use super::*;
    use crate::Visibility;
    use crate::policy::tests::live_of;

    const NOW: UnixMs = UnixMs(1_800_000_000_000);
    const SOMEBODY: Holder = Holder::Person(PersonId(7));

    fn live(id: i64, epoch: u32) -> Live {
        Live { id: LiveId(id), epoch, ..live_of(Visibility::Unlisted) }
    }

    #[test]
    fn a_token_opens_its_live_for_12_hours_and_says_whose_it_is() {
        let tokens = MediaTokens::new([1; 32]);
        let five = live(5, 0);
        for holder in [SOMEBODY, Holder::WatchKey, Holder::StreamKey] {
            let token = tokens.make(&five, holder, NOW);
            assert_eq!(tokens.check(&token, &five, NOW), Some(holder));
            assert_eq!(tokens.check(&token, &five, NOW.plus_ms(LIFE_MS - STEP_MS)), Some(holder));
            assert_eq!(tokens.check(&token, &five, NOW.plus_ms(LIFE_MS)), None);
            assert_eq!(
                tokens.check(&token, &five, NOW.plus_ms(-LIFE_MS)),
                None,
                "made in what is the future now"
            );
            assert_eq!(tokens.check(&token, &live(6, 0), NOW), None);
            assert_eq!(tokens.check(&token, &live(5, 1), NOW), None, "of an earlier epoch");
            assert_eq!(MediaTokens::new([2; 32]).check(&token, &five, NOW), None);
        }
    }

    #[test]
    fn a_token_by_a_stream_key_ends_with_the_key_and_others_do_not() {
        let tokens = MediaTokens::new([1; 32]);
        let before = live(5, 0);
        let after = Live { stream_key: crate::live::hash("sk_new"), ..before.clone() };
        let by_stream_key = tokens.make(&before, Holder::StreamKey, NOW);
        assert_eq!(tokens.check(&by_stream_key, &after, NOW), None);
        for holder in [SOMEBODY, Holder::WatchKey] {
            assert_eq!(tokens.check(&tokens.make(&before, holder, NOW), &after, NOW), Some(holder));
        }
    }

    #[test]
    fn a_token_cannot_be_made_longer_shorter_or_somebody_elses() {
        let tokens = MediaTokens::new([1; 32]);
        let live = live(5, 0);
        let token = tokens.make(&live, SOMEBODY, NOW);
        let mut parts = token.split('.');
        let (expiry, code) = (parts.next().unwrap(), parts.next_back().unwrap());
        let later = format!("{}.7.{code}", expiry.parse::<i64>().unwrap() + 1);
        let other = format!("{expiry}.8.{code}");
        let by_key = format!("{expiry}.k.{code}");
        let longer = format!("{token}AAAA");
        let more = format!("{token}.AAAA");
        let shorter = &token[..token.len() - 4];
        for bad in [later.as_str(), &other, &by_key, shorter, "", ".", "1.", "..", "x.y.z", &longer, &more] {
            assert_eq!(tokens.check(bad, &live, NOW), None, "{bad}");
        }
    }

    #[test]
    fn tokens_of_the_same_minutes_are_the_same() {
        let tokens = MediaTokens::new([1; 32]);
        let start = UnixMs(NOW.0.div_euclid(STEP_MS) * STEP_MS);
        let live = live(5, 0);
        assert_eq!(
            tokens.make(&live, SOMEBODY, start),
            tokens.make(&live, SOMEBODY, start.plus_ms(STEP_MS - 1))
        );
    }
}
