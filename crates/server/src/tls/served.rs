//! Which certificate a connection is shown.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// The protocol by which an authority asks whether a name is ours (RFC 8737, section 4).
pub(crate) const ACME_TLS: &[u8] = b"acme-tls/1";

/// What is served to new connections; whoever holds a certificate may change it.
#[derive(Debug)]
pub(crate) struct Served(RwLock<Shown>);

#[derive(Debug)]
struct Shown {
    /// Who names nobody, or somebody whom we have no certificate for, is shown this one.
    first: Arc<CertifiedKey>,
    by_name: HashMap<String, Arc<CertifiedKey>>,
}

/// What an authority is answered that asks whether a name is ours.
#[derive(Debug, Default)]
pub(crate) struct Answers(RwLock<Given>);

#[derive(Debug, Default)]
struct Given {
    /// Over HTTP, by token (RFC 8555, section 8.3).
    by_http: HashMap<String, String>,
    /// Over TLS, by name (RFC 8737).
    by_tls: HashMap<String, Arc<CertifiedKey>>,
}

/// An answer that is given until this is dropped.
#[derive(Debug)]
pub(crate) struct Answered {
    answers: Arc<Answers>,
    what: What,
}

#[derive(Debug)]
enum What {
    Token(String),
    Name(String),
}

impl Served {
    pub(crate) fn new(first: Arc<CertifiedKey>) -> Self {
        Self(RwLock::new(Shown { first, by_name: HashMap::new() }))
    }

    /// From now on everybody is shown this one.
    pub(crate) fn show(&self, key: Arc<CertifiedKey>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).first = key;
    }

    /// From now on who asks for this name is shown this one, and who asks for none too where the name is the first.
    pub(crate) fn show_for(&self, name: &str, is_first: bool, key: Arc<CertifiedKey>) {
        let mut shown = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if is_first {
            shown.first = Arc::clone(&key);
        }
        shown.by_name.insert(name.to_owned(), key);
    }
}

impl ResolvesServerCert for Served {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let shown = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let named = hello.server_name().and_then(|name| shown.by_name.get(&name.to_ascii_lowercase()));
        Some(Arc::clone(named.unwrap_or(&shown.first)))
    }
}

impl Answers {
    /// What an authority is to find over HTTP under a token.
    pub(crate) fn by_http(&self, token: &str) -> Option<String> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).by_http.get(token).cloned()
    }

    /// Answers over HTTP.
    pub(crate) fn give_by_http(self: &Arc<Self>, token: &str, text: &str) -> Answered {
        let mut given = self.0.write().unwrap_or_else(PoisonError::into_inner);
        given.by_http.insert(token.to_owned(), text.to_owned());
        Answered { answers: Arc::clone(self), what: What::Token(token.to_owned()) }
    }

    /// Answers over TLS, by a certificate that nobody else is shown.
    ///
    /// # Errors
    /// It cannot be made.
    pub(crate) fn give_by_tls(self: &Arc<Self>, name: &str, digest: &[u8]) -> Result<Answered, rcgen::Error> {
        let mut wanted = CertificateParams::new([name.to_owned()])?;
        wanted.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
        let key = made(&wanted)?;
        self.0.write().unwrap_or_else(PoisonError::into_inner).by_tls.insert(name.to_owned(), key);
        Ok(Answered { answers: Arc::clone(self), what: What::Name(name.to_owned()) })
    }
}

impl ResolvesServerCert for Answers {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let given = self.0.read().unwrap_or_else(PoisonError::into_inner);
        given.by_tls.get(&hello.server_name()?.to_ascii_lowercase()).cloned()
    }
}

impl Drop for Answered {
    fn drop(&mut self) {
        let mut given = self.answers.0.write().unwrap_or_else(PoisonError::into_inner);
        match &self.what {
            What::Token(token) => drop(given.by_http.remove(token)),
            What::Name(name) => drop(given.by_tls.remove(name)),
        }
    }
}

/// A certificate that nobody trusts, for as long as there is no other.
///
/// # Errors
/// It cannot be made.
pub(crate) fn self_signed(names: &[String]) -> Result<Arc<CertifiedKey>, rcgen::Error> {
    made(&CertificateParams::new(names.to_vec())?)
}

fn made(wanted: &CertificateParams) -> Result<Arc<CertifiedKey>, rcgen::Error> {
    let key = KeyPair::generate()?;
    let certificate = wanted.self_signed(&key)?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let key = provider.key_provider.load_private_key(key).map_err(|_| rcgen::Error::CouldNotParseKeyPair)?;
    // The two were made for one another. They are not compared here: the extension that proves a name is critical, so who reads
    // certificates to trust them refuses this one (RFC 8737, section 3).
    Ok(Arc::new(CertifiedKey::new(vec![certificate.der().clone()], key)))
}
