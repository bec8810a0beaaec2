use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::{Jwk, JwkSet, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use reqwest::redirect::Policy;

use crate::Error;

/// How long fetched keys are used before they are fetched again.
const FRESH: Duration = Duration::from_secs(600);
/// How often, at most, an unknown key id or a failure makes us fetch again.
const AGAIN: Duration = Duration::from_secs(30);
/// How long a fetch may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of a key set at most.
const LARGEST: usize = 256 * 1024;

/// The keys that an issuer publishes (RFC 7517), fetched when needed and kept for a while; clones share them.
#[derive(Clone)]
pub(crate) struct KeySet(Arc<Inner>);

struct Inner {
    address: String,
    kept: Mutex<Kept>,
    /// Held while keys are fetched, by one for all who wait for them.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Kept {
    keys: Option<JwkSet>,
    fetched: Option<Instant>,
    tried: Option<Instant>,
}

impl KeySet {
    pub(crate) fn new(address: String) -> Self {
        Self(Arc::new(Inner { address, kept: Mutex::default(), fetching: tokio::sync::Mutex::default() }))
    }

    /// The key with this id, if it was fetched; without an id, the only key there is. One that was fetched long ago is fetched
    /// again meanwhile, and nobody waits for that.
    pub(crate) fn known(&self, id: Option<&str>, algorithm: Algorithm) -> Option<DecodingKey> {
        let kept = self.lock();
        let key = find(kept.keys.as_ref()?, id).and_then(|key| usable(key, algorithm))?;
        if past(kept.fetched, FRESH) && past(kept.tried, AGAIN) {
            let set = self.clone();
            tokio::spawn(async move { set.fetch(|_| false).await });
        }
        Some(key)
    }

    /// The same, fetched if it is not known.
    pub(crate) async fn key(&self, id: Option<&str>, algorithm: Algorithm) -> Result<DecodingKey, Error> {
        self.fetch(|keys| find(keys, id).is_some()).await;
        let kept = self.lock();
        let keys = kept.keys.as_ref().ok_or(Error::Overloaded)?;
        find(keys, id).and_then(|key| usable(key, algorithm)).ok_or(Error::InvalidToken)
    }

    /// Fetches the keys, unless somebody else did so while this waited and they are `enough`, or it was tried a moment ago.
    async fn fetch(&self, enough: impl Fn(&JwkSet) -> bool) {
        let _fetching = self.0.fetching.lock().await;
        {
            let mut kept = self.lock();
            if kept.keys.as_ref().is_some_and(enough) || !past(kept.tried, AGAIN) {
                return;
            }
            kept.tried = Some(Instant::now());
        }
        match fetched(&self.0.address).await {
            Ok(keys) => {
                let mut kept = self.lock();
                kept.keys = Some(keys);
                kept.fetched = kept.tried;
            }
            Err(error) => {
                tracing::warn!(address = %self.0.address, %error, "could not fetch an issuer's keys");
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn past(since: Option<Instant>, span: Duration) -> bool {
    since.is_none_or(|at| at.elapsed() >= span)
}

fn find<'a>(keys: &'a JwkSet, id: Option<&str>) -> Option<&'a Jwk> {
    match (id, keys.keys.as_slice()) {
        (Some(id), _) => keys.find(id),
        (None, [only]) => Some(only),
        (None, _) => None,
    }
}

/// A key that is there to check signatures (RFC 7517, sections 4.2 and 4.3), of the family of the signature: one of another
/// must not be used.
fn usable(key: &Jwk, algorithm: Algorithm) -> Option<DecodingKey> {
    let signs = key.common.public_key_use.as_ref().is_none_or(|meant| *meant == PublicKeyUse::Signature);
    let operations = key.common.key_operations.as_ref();
    let verifies = operations.is_none_or(|meant| meant.contains(&KeyOperations::Verify));
    let made = DecodingKey::from_jwk(key).ok().filter(|key| key.family() == algorithm.family());
    made.filter(|_| signs && verifies)
}

/// Where an issuer's keys are is written down here; another place that it sends us to is not.
async fn fetched(address: &str) -> Result<JwkSet, String> {
    let client = reqwest::Client::builder().timeout(PATIENCE).redirect(Policy::none()).build();
    let client = client.map_err(|error| error.to_string())?;
    let mut answer = client.get(address).send().await.map_err(|error| error.to_string())?;
    if !answer.status().is_success() {
        return Err(format!("the answer is {}", answer.status()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| error.to_string())? {
        if body.len() + chunk.len() > LARGEST {
            return Err("the key set is too large".to_owned());
        }
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body).map_err(|error| error.to_string())
}
