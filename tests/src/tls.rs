//! Certificates of an authority of the tests, and clients that look at what a server shows.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use reqwest::tls::TlsInfo;
use reqwest::{Certificate, Client};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::Server;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// An authority that nobody else trusts.
#[derive(Debug)]
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key, in PEM.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

/// A pair in the files that a server watches.
#[derive(Debug)]
pub struct Files {
    directory: TempDir,
}

impl Default for Authority {
    fn default() -> Self {
        let mut wanted = CertificateParams::default();
        // Another name than those it signs have: OpenSSL takes a certificate for its own issuer's where they are one.
        wanted.distinguished_name.push(DnType::CommonName, "an authority of the tests");
        wanted.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(wanted, key).expect("an authority"))
    }
}

impl Authority {
    /// A certificate for these names or addresses.
    #[must_use]
    pub fn pair(&self, names: &[&str]) -> Pair {
        self.signed(params(names))
    }

    /// One that was good until the year 2020.
    #[must_use]
    pub fn expired(&self, names: &[&str]) -> Pair {
        let mut wanted = params(names);
        wanted.not_after = date_time_ymd(2020, 1, 1);
        self.signed(wanted)
    }

    /// Its own certificate, in PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A client that trusts this authority alone, and finds a name at an address. Each request has a connection of its own.
    #[must_use]
    pub fn client(&self, name: &str, address: SocketAddr) -> Client {
        let trusted = Certificate::from_pem(self.pem().as_bytes()).expect("a certificate");
        let builder = looking().tls_certs_only([trusted]).resolve(name, address);
        builder.build().expect("a client")
    }

    /// A connection whose certificate is checked, offering these protocols.
    ///
    /// # Errors
    /// The handshake fails.
    pub async fn connect(
        &self,
        name: &str,
        address: SocketAddr,
        protocols: &[&str],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut trusted = RootCertStore::empty();
        trusted.add(self.0.der().clone()).expect("an authority");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions().expect("versions");
        let mut config = builder.with_root_certificates(trusted).with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        TlsConnector::from(Arc::new(config)).connect(name, TcpStream::connect(address).await?).await
    }

    fn signed(&self, wanted: CertificateParams) -> Pair {
        let key = KeyPair::generate().expect("a key");
        let certificate = wanted.signed_by(&key, &self.0).expect("a certificate");
        Pair { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

impl Files {
    /// Writes a pair.
    #[must_use]
    pub fn of(pair: &Pair) -> Self {
        let files = Self { directory: tempfile::tempdir().expect("a temporary directory") };
        files.write(pair);
        files
    }

    /// Writes another one.
    pub fn write(&self, pair: &Pair) {
        put(&self.certificate(), &pair.certificate);
        put(&self.key(), &pair.key);
    }

    /// The file of the certificate.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.directory.path().join("chain.pem")
    }

    /// The file of the key.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.directory.path().join("key.pem")
    }

    /// A server with this pair, and further options.
    pub async fn server(&self, arguments: &[&str]) -> Server {
        let (certificate, key) = (self.certificate(), self.key());
        let pair = ["--tls-cert", &certificate.to_string_lossy(), "--tls-key", &key.to_string_lossy()];
        Server::configured(&[&pair, arguments].concat(), &[]).await
    }
}

/// The certificate that a server shows to who asks for a name, trusted or not, in DER.
///
/// # Panics
/// When it answers no request for its health.
pub async fn shown(name: &str, address: SocketAddr) -> Vec<u8> {
    let client =
        looking().tls_danger_accept_invalid_certs(true).resolve(name, address).build().expect("a client");
    shown_to(&client, name, address).await
}

/// The certificate that a client is shown, in DER.
///
/// # Panics
/// When it is answered no request for the server's health.
pub async fn shown_to(client: &Client, name: &str, address: SocketAddr) -> Vec<u8> {
    let answer = client.get(format!("https://{name}:{}/healthz", address.port())).send().await;
    let answer = answer.unwrap_or_else(|error| panic!("{name}: {error:?}"));
    assert_eq!(answer.status(), 200);
    let seen = answer.extensions().get::<TlsInfo>().and_then(TlsInfo::peer_certificate);
    seen.expect("a certificate").to_vec()
}

fn looking() -> reqwest::ClientBuilder {
    let builder = Client::builder().no_proxy().tls_info(true).pool_max_idle_per_host(0).timeout(PATIENCE);
    builder.redirect(reqwest::redirect::Policy::none())
}

fn params(names: &[&str]) -> CertificateParams {
    CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()).expect("names")
}

fn put(path: &Path, text: &str) {
    std::fs::write(path, text).expect("a file is written");
}
