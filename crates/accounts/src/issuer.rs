use ids::UnixMs;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value};
use tokio::task::JoinSet;

use crate::Error;
use crate::jwks::KeySet;

/// Seconds by which another machine's clock may differ from ours.
const LEEWAY_S: i64 = 60;

/// Somebody else's tokens that are accepted as they are.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// Its name here; people are known by this name and the token's subject, so it must not change.
    pub name: String,
    /// The `iss` its tokens must carry; `None` asks for none.
    pub iss: Option<String>,
    /// The `aud` its tokens must carry; `None` asks for none.
    pub aud: Option<String>,
    /// The claim that names the person; without it `sub`, then `user_id`.
    pub subject_claim: Option<String>,
    /// How its signatures are checked.
    pub key: IssuerKey,
}

/// How an issuer's signatures are checked.
#[derive(Clone)]
pub enum IssuerKey {
    /// HS256 with this secret.
    Secret(String),
    /// RS256 or ES256 with the keys published at this address.
    Jwks(String),
}

impl std::fmt::Debug for IssuerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Secret(_) => f.write_str("Secret(..)"),
            Self::Jwks(address) => f.debug_tuple("Jwks").field(address).finish(),
        }
    }
}

/// Who a token of an issuer speaks of.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) email: Option<String>,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) picture: Option<String>,
}

pub(crate) struct Issuers(Vec<(Issuer, Checks)>);

enum Checks {
    Secret(DecodingKey),
    Published(KeySet),
}

impl Issuers {
    pub(crate) fn new(issuers: Vec<Issuer>) -> Self {
        let with_checks = |issuer: Issuer| {
            let checks = match &issuer.key {
                IssuerKey::Secret(secret) => Checks::Secret(DecodingKey::from_secret(secret.as_bytes())),
                IssuerKey::Jwks(address) => Checks::Published(KeySet::new(address.clone())),
            };
            (issuer, checks)
        };
        Self(issuers.into_iter().map(with_checks).collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Who the token speaks of, by the first issuer whose signature it bears. Issuers whose keys must be fetched for that are
    /// asked after the others, all at once: one that does not answer holds back nobody else's tokens.
    pub(crate) async fn check(&self, token: &str, now: UnixMs) -> Result<Identity, Error> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| Error::InvalidToken)?;
        let mut fetching = JoinSet::new();
        for (place, (issuer, checks)) in self.0.iter().enumerate() {
            let key = match (checks, header.alg) {
                (Checks::Secret(key), Algorithm::HS256) => key.clone(),
                (Checks::Published(set), Algorithm::RS256 | Algorithm::ES256) => {
                    match set.known(header.kid.as_deref(), header.alg) {
                        Some(key) => key,
                        None => {
                            let (set, id, algorithm) = (set.clone(), header.kid.clone(), header.alg);
                            fetching.spawn(async move { (place, set.key(id.as_deref(), algorithm).await) });
                            continue;
                        }
                    }
                }
                _ => continue,
            };
            match read(issuer, token, header.alg, &key, now) {
                Err(Error::InvalidToken) => {}
                decided => return decided,
            }
        }
        let mut refusal = Error::InvalidToken;
        while let Some(Ok((place, key))) = fetching.join_next().await {
            match key {
                Err(error) => refusal = error,
                Ok(key) => match read(&self.0[place].0, token, header.alg, &key, now) {
                    Err(Error::InvalidToken) => {}
                    decided => return decided,
                },
            }
        }
        Err(refusal)
    }
}

fn read(
    issuer: &Issuer,
    token: &str,
    algorithm: Algorithm,
    key: &DecodingKey,
    now: UnixMs,
) -> Result<Identity, Error> {
    let mut rules = Validation::new(algorithm);
    rules.validate_exp = false;
    rules.validate_aud = issuer.aud.is_some();
    rules.required_spec_claims.clear();
    if let Some(iss) = &issuer.iss {
        rules.set_issuer(&[iss]);
        rules.required_spec_claims.insert("iss".to_owned());
    }
    if let Some(aud) = &issuer.aud {
        rules.set_audience(&[aud]);
        rules.required_spec_claims.insert("aud".to_owned());
    }
    let claims = jsonwebtoken::decode::<Map<String, Value>>(token, key, &rules)
        .map_err(|_| Error::InvalidToken)?
        .claims;
    in_time(&claims, now)?;
    // A refresh token of the app must not open anything here.
    if claims.get("token_type").is_some_and(|kind| kind != "access") {
        return Err(Error::InvalidToken);
    }
    identity(issuer, &claims).ok_or(Error::InvalidToken)
}

/// `exp` and `nbf` (RFC 7519, sections 4.1.4 and 4.1.5); a token without `exp` would be good for ever.
fn in_time(claims: &Map<String, Value>, now: UnixMs) -> Result<(), Error> {
    let now_s = now.seconds();
    let seconds = |name: &str| claims.get(name).and_then(Value::as_f64);
    let exp = seconds("exp").ok_or(Error::InvalidToken)?;
    if exp <= (now_s - LEEWAY_S) as f64 {
        return Err(Error::ExpiredToken);
    }
    if seconds("nbf").is_some_and(|nbf| nbf > (now_s + LEEWAY_S) as f64) {
        return Err(Error::InvalidToken);
    }
    Ok(())
}

/// Some issuers write it as text.
fn is_true(claim: Option<&Value>) -> bool {
    matches!(claim, Some(Value::Bool(true))) || claim.and_then(Value::as_str) == Some("true")
}

fn identity(issuer: &Issuer, claims: &Map<String, Value>) -> Option<Identity> {
    let text = |names: &[&str]| {
        names.iter().find_map(|name| claims.get(*name)?.as_str()).map(str::to_owned).filter(|t| !t.is_empty())
    };
    let subject = |name: &str| match claims.get(name)? {
        Value::String(subject) if !subject.is_empty() && subject.len() <= 255 => Some(subject.clone()),
        Value::Number(subject) => Some(subject.to_string()),
        _ => None,
    };
    let subject = match &issuer.subject_claim {
        Some(claim) => subject(claim)?,
        None => subject("sub").or_else(|| subject("user_id"))?,
    };
    Some(Identity {
        issuer: issuer.name.clone(),
        subject,
        // An address that its issuer does not stand for may be anybody's (OpenID Connect Core 1.0, section 5.1).
        email: text(&["email"]).filter(|_| is_true(claims.get("email_verified"))),
        first_name: text(&["given_name", "first_name", "name"]).unwrap_or_default(),
        last_name: text(&["family_name", "last_name"]).unwrap_or_default(),
        picture: text(&["picture", "profile_picture"]),
    })
}
