//! Certificates from an authority, by ACME (RFC 8555): got, kept, and renewed when a third of their life is left.
//!
//! Each name has a certificate of its own, so that one that cannot be proved keeps no other from its own. Nothing of it is
//! waited for: until the first certificate of a name comes, who asks for it is shown one that nobody trusts.

mod http;
mod kept;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use instant_acme::{
    Account, AuthorizationStatus, ChallengeHandle, ChallengeType, Error, Identifier, NewAccount, NewOrder,
    Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::certificate::{Certificate, date};
use super::served::{Answered, Answers, Served};
use super::settings::Acme;
use http::Http;
use kept::Kept;

/// How long an order may take before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often an order is asked for.
const POLL: RetryPolicy =
    RetryPolicy::new().initial_delay(Duration::from_millis(250)).timeout(Duration::from_secs(90));
/// How long after the first failure in a row, the second and so on it is tried again; the last one from then on. An authority
/// takes some five failed proofs of a name an hour.
const AGAIN: [Duration; 6] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(2 * 60),
    Duration::from_secs(10 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(60 * 60),
];
/// The clock is looked at so often at least: it may be set, and the machine may have slept.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// Orders of a name are so far apart at least, however short the life of a certificate.
const APART: Duration = Duration::from_secs(1);
/// What an authority calls an account that it does not know.
const NO_ACCOUNT: &str = "urn:ietf:params:acme:error:accountDoesNotExist";

/// Gets the certificates of a server's names and renews them.
#[derive(Debug)]
pub(crate) struct Renewal {
    acme: Acme,
    kept: Kept,
    served: Arc<Served>,
    answers: Arc<Answers>,
    /// The ways to prove a name, the best first.
    ways: Vec<ChallengeType>,
    names: Vec<Name>,
}

/// How a name stands.
#[derive(Debug)]
struct Name {
    name: String,
    is_first: bool,
    /// When a certificate is to be ordered.
    due: SystemTime,
    /// Failures in a row.
    failures: usize,
}

/// A certificate as it came, and its key, in PEM.
struct Issued {
    certificate: String,
    key: String,
}

impl Renewal {
    /// Serves what is kept. Names are proved over HTTP where it is listened to, else and where that fails over TLS.
    pub(crate) fn open(
        acme: Acme,
        data_dir: &Path,
        served: Arc<Served>,
        answers: Arc<Answers>,
        by_http: bool,
    ) -> Self {
        let kept = Kept::of(data_dir, &acme.directory);
        let mut names = Vec::new();
        for (place, name) in acme.names.iter().enumerate() {
            let mut due = SystemTime::UNIX_EPOCH;
            if let Some(certificate) = kept.certificate(name) {
                due = renewal(&certificate);
                served.show_for(name, place == 0, certificate.key);
            }
            names.push(Name { name: name.clone(), is_first: place == 0, due, failures: 0 });
        }
        let ways = [(by_http, ChallengeType::Http01), (true, ChallengeType::TlsAlpn01)];
        let ways = ways.into_iter().filter(|(can, _)| *can).map(|(_, way)| way).collect();
        Self { acme, kept, served, answers, ways, names }
    }

    /// Until the server leaves.
    pub(crate) async fn run(mut self, leaving: CancellationToken) {
        while leaving.run_until_cancelled(self.next()).await.is_some() {}
    }

    /// Waits for what is due next, or for a while, and orders it.
    async fn next(&mut self) {
        let due = self.names.iter().map(|name| name.due).min();
        let until = due.and_then(|due| due.duration_since(SystemTime::now()).ok()).unwrap_or_default();
        sleep(until.min(LOOK_EVERY)).await;
        for at in 0..self.names.len() {
            if self.names[at].due <= SystemTime::now() {
                self.renew(at).await;
            }
        }
    }

    async fn renew(&mut self, at: usize) {
        let Name { name, is_first, failures, .. } = &self.names[at];
        let way = self.ways[failures % self.ways.len()].clone();
        let ordered = timeout(PATIENCE, self.order(name, &way)).await;
        let done = match ordered.unwrap_or_else(|_| Err("it took too long".to_owned())) {
            Ok(issued) => self.serve(name, *is_first, &issued),
            Err(reason) => Err(reason),
        };
        let state = &mut self.names[at];
        match done {
            Ok(certificate) => {
                let until = date(certificate.until);
                tracing::info!(name = state.name, until, "a certificate came, and is served");
                (state.due, state.failures) = (renewal(&certificate).max(earliest(&certificate)), 0);
            }
            Err(reason) => {
                let again = AGAIN[state.failures.min(AGAIN.len() - 1)];
                let (name, again_s) = (&state.name, again.as_secs());
                tracing::error!(name, way = ?way, reason, again_s, "no certificate came");
                (state.due, state.failures) = (SystemTime::now() + again, state.failures.saturating_add(1));
            }
        }
    }

    /// Serves a certificate from now on, and from the next start on.
    fn serve(&self, name: &str, is_first: bool, issued: &Issued) -> Result<Certificate, String> {
        let Issued { certificate, key } = issued;
        let read = Certificate::from_pem(certificate.as_bytes(), key.as_bytes())
            .and_then(|read| read.unless_expired(SystemTime::now()))
            .map_err(|error| format!("what came cannot be served: {error}"))?;
        self.served.show_for(name, is_first, Arc::clone(&read.key));
        if let Err(error) = self.kept.keep_certificate(name, certificate, key) {
            tracing::error!(name, %error, "a certificate is served and cannot be kept: the next start orders it again");
        }
        Ok(read)
    }

    async fn order(&self, name: &str, way: &ChallengeType) -> Result<Issued, String> {
        let account = self.account().await?;
        let identifiers = [Identifier::Dns(name.to_owned())];
        let order = match account.new_order(&NewOrder::new(&identifiers)).await {
            Err(Error::Api(problem)) if problem.r#type.as_deref() == Some(NO_ACCOUNT) => {
                self.kept.forget_account();
                return Err(format!(
                    "the authority knows our account no more, so it gets a new one: {problem}"
                ));
            }
            order => order.map_err(said)?,
        };
        self.follow(order, name, way).await
    }

    /// Proves the name, and asks for the certificate.
    async fn follow(&self, mut order: Order, name: &str, way: &ChallengeType) -> Result<Issued, String> {
        let answered = self.prove(&mut order, name, way).await?;
        let status = order.poll_ready(&POLL).await.map_err(said)?;
        drop(answered);
        if status != OrderStatus::Ready {
            return Err(why_not(&mut order).await);
        }
        let key = KeyPair::generate().map_err(said)?;
        let mut wanted = CertificateParams::new([name.to_owned()]).map_err(said)?;
        wanted.distinguished_name = DistinguishedName::new();
        let request = wanted.serialize_request(&key).map_err(said)?;
        order.finalize_csr(request.der()).await.map_err(said)?;
        let certificate = order.poll_certificate(&POLL).await.map_err(said)?;
        Ok(Issued { certificate, key: key.serialize_pem() })
    }

    /// Answers what the authority asks of the name, until the answers are dropped.
    async fn prove(
        &self,
        order: &mut Order,
        name: &str,
        way: &ChallengeType,
    ) -> Result<Vec<Answered>, String> {
        let mut answered = Vec::new();
        let mut asked = order.authorizations();
        while let Some(one) = asked.next().await {
            let mut one = one.map_err(said)?;
            match one.status {
                AuthorizationStatus::Valid => continue,
                AuthorizationStatus::Pending => {}
                status => return Err(format!("the proof of the name is {status:?}")),
            }
            let mut challenge =
                one.challenge(way.clone()).ok_or_else(|| format!("the authority does not offer {way:?}"))?;
            answered.push(self.answer(name, way, &challenge).map_err(said)?);
            challenge.set_ready().await.map_err(said)?;
        }
        Ok(answered)
    }

    fn answer(
        &self,
        name: &str,
        way: &ChallengeType,
        to: &ChallengeHandle<'_>,
    ) -> Result<Answered, rcgen::Error> {
        let text = to.key_authorization();
        match way {
            ChallengeType::Http01 => Ok(self.answers.give_by_http(&to.token, text.as_str())),
            _ => self.answers.give_by_tls(name, text.digest().as_ref()),
        }
    }

    /// Our account with the authority, opened where there is none.
    async fn account(&self) -> Result<Account, String> {
        let http = Box::new(Http::new(self.acme.authority.as_deref())?);
        if let Some(account) = self.kept.account() {
            return Account::builder_with_http(http).from_credentials(account).await.map_err(said);
        }
        let contact = self.acme.email.as_ref().map(|email| format!("mailto:{email}"));
        let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
        let new =
            NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
        let opened = Account::builder_with_http(http).create(&new, self.acme.directory.clone(), None).await;
        let (account, credentials) = opened.map_err(said)?;
        self.kept.keep_account(&credentials).map_err(said)?;
        Ok(account)
    }
}

/// When a certificate is renewed: when a third of its life is left.
fn renewal(certificate: &Certificate) -> SystemTime {
    let life = certificate.until.duration_since(certificate.from).unwrap_or_default();
    certificate.until - life / 3
}

/// When one that has just come is renewed at the earliest: an authority may date it long before.
fn earliest(certificate: &Certificate) -> SystemTime {
    let now = SystemTime::now();
    now + (certificate.until.duration_since(now).unwrap_or_default() / 3).max(APART)
}

/// Why an order is refused: what the authority found when it asked for the name.
async fn why_not(order: &mut Order) -> String {
    let mut asked = order.authorizations();
    while let Some(Ok(mut one)) = asked.next().await {
        let Ok(found) = one.refresh().await else { break };
        if let Some(problem) = found.challenges.iter().find_map(|challenge| challenge.error.as_ref()) {
            return problem.to_string();
        }
    }
    "the authority refuses the order".to_owned()
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}
