use std::time::Duration;

use ids::{PersonId, SignInId, UnixMs};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::Error;

/// A token that ends by so much later than one made now would was made while the clock stood in the future, and is not
/// believed: it would be good until the clock is there again.
const AHEAD_S: i64 = 60;

/// `iss` and `aud` of our own tokens.
const OURS: &str = "communiconnect";

/// Makes and checks our own access tokens: JWT (RFC 7519) signed with HS256.
pub(crate) struct AccessTokens {
    sign: EncodingKey,
    check: DecodingKey,
    rules: Validation,
    life_s: i64,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    iat: i64,
    exp: i64,
    /// The sign-in that it belongs to, and ends with. Tokens of earlier versions, good for a quarter of an hour, have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<i64>,
}

/// Whose token it is, and of which of their sign-ins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bearer {
    pub(crate) person: PersonId,
    pub(crate) sign_in: Option<SignInId>,
}

impl AccessTokens {
    pub(crate) fn new(key: &[u8; 32], life: Duration) -> Self {
        let mut rules = Validation::new(Algorithm::HS256);
        // Times are checked here, against the time given.
        rules.validate_exp = false;
        rules.required_spec_claims.clear();
        rules.set_issuer(&[OURS]);
        rules.set_audience(&[OURS]);
        Self {
            sign: EncodingKey::from_secret(key),
            check: DecodingKey::from_secret(key),
            rules,
            life_s: i64::try_from(life.as_secs()).unwrap_or(i64::MAX / 2_000),
        }
    }

    /// The same sign-in and time make the same token.
    pub(crate) fn make(&self, person: PersonId, sign_in: SignInId, now: UnixMs) -> Result<String, Error> {
        let iat = now.seconds();
        let claims = Claims {
            iss: OURS.to_owned(),
            aud: OURS.to_owned(),
            sub: person.to_string(),
            iat,
            exp: iat.saturating_add(self.life_s),
            sid: Some(sign_in.0),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.sign)
            .map_err(|error| Error::Internal(error.to_string()))
    }

    /// Whose token it is; whether its sign-in still holds is for the caller to see.
    pub(crate) fn check(&self, token: &str, now: UnixMs) -> Result<Bearer, Error> {
        let claims = jsonwebtoken::decode::<Claims>(token, &self.check, &self.rules)
            .map_err(|_| Error::InvalidToken)?
            .claims;
        let now_s = now.seconds();
        if claims.exp <= now_s || claims.exp > now_s.saturating_add(self.life_s).saturating_add(AHEAD_S) {
            return Err(Error::ExpiredToken);
        }
        let person = claims.sub.parse().map_err(|_| Error::InvalidToken)?;
        Ok(Bearer { person, sign_in: claims.sid.map(SignInId) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AWA: Bearer = Bearer { person: PersonId(42), sign_in: Some(SignInId(7)) };

    fn tokens() -> AccessTokens {
        AccessTokens::new(&[7; 32], Duration::from_secs(900))
    }

    #[test]
    fn a_token_is_good_for_its_life_and_no_longer() {
        let token = tokens().make(PersonId(42), SignInId(7), UnixMs(1_000_000)).unwrap();
        assert_eq!(tokens().check(&token, UnixMs(1_000_000 + 899_000)).unwrap(), AWA);
        assert!(matches!(tokens().check(&token, UnixMs(1_000_000 + 900_000)), Err(Error::ExpiredToken)));
    }

    #[test]
    fn a_token_made_while_the_clock_stood_in_the_future_is_not_good_until_then() {
        let token = tokens().make(PersonId(42), SignInId(7), UnixMs(1_000_000_000)).unwrap();
        assert_eq!(tokens().check(&token, UnixMs(1_000_000_000 - 1_000)).unwrap(), AWA);
        assert!(matches!(tokens().check(&token, UnixMs(1_000_000)), Err(Error::ExpiredToken)));
    }

    #[test]
    fn a_token_of_another_key_or_without_a_signature_is_refused() {
        let other = AccessTokens::new(&[8; 32], Duration::from_secs(900))
            .make(PersonId(42), SignInId(7), UnixMs(0))
            .unwrap();
        assert!(matches!(tokens().check(&other, UnixMs(0)), Err(Error::InvalidToken)));
        let mut unsigned = tokens().make(PersonId(42), SignInId(7), UnixMs(0)).unwrap();
        unsigned.truncate(unsigned.rfind('.').unwrap() + 1);
        assert!(matches!(tokens().check(&unsigned, UnixMs(0)), Err(Error::InvalidToken)));
        assert!(matches!(tokens().check("", UnixMs(0)), Err(Error::InvalidToken)));
    }
}
