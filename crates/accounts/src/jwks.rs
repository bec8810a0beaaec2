use std::sync::Arc;
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey};
use tokio::sync::Mutex;

use crate::Error;

/// How long fetched keys are used before they are fetched again.
const FRESH: Duration = Duration::from_secs(600);
/// How often, at most, an unknown key id or a failure makes us fetch again.
const AGAIN: Duration = Duration::from_secs(30);
/// How long a fetch may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of a key set at most.
const LARGEST: usize = 256 * 1024;

/// The keys that an issuer publishes (RFC 7517), fetched when needed and kept for a while.
pub(crate) struct KeySet {
    address: String,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    keys: Option<Arc<JwkSet>>,
    fetched: Option<Instant>,
    tried: Option<Instant>,
}

impl KeySet {
    pub(crate) fn new(address: String) -> Self {
        Self { address, kept: Mutex::default() }
    }

    /// The key with this id; without an id, the only key there is.
    pub(crate) async fn key(&self, id: Option<&str>, algorithm: Algorithm) -> Result<DecodingKey, Error> {
        let mut kept = self.kept.lock().await;
        let past = |since: Option<Instant>, span: Duration| since.is_none_or(|at| at.elapsed() >= span);
        let known = kept.keys.as_ref().is_some_and(|keys| find(keys, id).is_some());
        let wanted = !known || past(kept.fetched, FRESH);
        if wanted && past(kept.tried, AGAIN) {
            kept.tried = Some(Instant::now());
            match fetch(&self.address).await {
                Ok(keys) => {
                    kept.keys = Some(Arc::new(keys));
                    kept.fetched = kept.tried;
                }
                Err(error) => {
                    tracing::warn!(address = %self.address, %error, "could not fetch an issuer's keys")
                }
            }
        }
        let keys = kept.keys.as_ref().ok_or(Error::Overloaded)?;
        let key = find(keys, id).ok_or(Error::InvalidToken)?;
        let key = DecodingKey::from_jwk(key).map_err(|_| Error::InvalidToken)?;
        // A key of one family must not be used to check a signature of another.
        if key.family() == algorithm.family() { Ok(key) } else { Err(Error::InvalidToken) }
    }
}

fn find<'a>(keys: &'a JwkSet, id: Option<&str>) -> Option<&'a jsonwebtoken::jwk::Jwk> {
    match (id, keys.keys.as_slice()) {
        (Some(id), _) => keys.find(id),
        (None, [only]) => Some(only),
        (None, _) => None,
    }
}

async fn fetch(address: &str) -> Result<JwkSet, String> {
    let client = reqwest::Client::builder().timeout(PATIENCE).build().map_err(|error| error.to_string())?;
    let answer = client.get(address).send().await.and_then(reqwest::Response::error_for_status);
    let mut answer = answer.map_err(|error| error.to_string())?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| error.to_string())? {
        if body.len() + chunk.len() > LARGEST {
            return Err("the key set is too large".to_owned());
        }
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body).map_err(|error| error.to_string())
}
