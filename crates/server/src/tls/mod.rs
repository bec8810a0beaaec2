//! TLS: how the server comes by its certificates, and what a connection is before it is one of HTTP or RTMP.

mod acme;
mod certificate;
mod files;
mod redirect;
mod served;
mod settings;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{Acceptor, ClientHello, ResolvesServerCert};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use acme::Renewal;
use files::Watch;
use served::{ACME_TLS, Answers, Served, self_signed};

pub use certificate::Broken;
pub(crate) use redirect::{To, router as redirect};
pub(crate) use settings::Options;
pub use settings::{Acme, Files, Tls as Settings};

/// How long a connection may take from its beginning to the end of its handshake.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(10);
/// What a handshake begins with: the type of its record (RFC 8446, section 5.1).
const HANDSHAKE_RECORD: u8 = 22;
/// The protocols of the port for HTTP, the best first (RFC 7301).
const HTTP: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// What is needed to speak TLS on any port. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    http: Arc<ServerConfig>,
    rtmp: Arc<ServerConfig>,
    /// For an authority that asks whether a name is ours.
    proof: Arc<ServerConfig>,
    answers: Arc<Answers>,
}

/// Why TLS cannot be spoken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The certificate of the files.
    #[error("{}: {broken}", path.display())]
    Files {
        /// The file of the certificate.
        path: std::path::PathBuf,
        /// What is wrong.
        broken: Broken,
    },
    /// A certificate cannot be made, or not used.
    #[error("TLS cannot be spoken: {0}")]
    Other(String),
}

/// What a connection begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    Tls,
    /// A request without TLS.
    Http,
    Other,
}

/// What a port speaks once TLS is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaks {
    Http,
    Rtmp,
}

impl Tls {
    /// Opens what is configured, and sees to the certificates until the server leaves. `by_http` is whether an authority is
    /// answered over HTTP.
    ///
    /// # Errors
    /// The files hold no certificate that can be served.
    pub(crate) fn open(
        settings: &Settings,
        data_dir: &Path,
        by_http: bool,
        (tasks, leaving): (&TaskTracker, &CancellationToken),
    ) -> Result<Self, Error> {
        let answers = Arc::<Answers>::default();
        let served = match settings {
            Settings::Files(files) => {
                let failed = |broken| Error::Files { path: files.certificate.clone(), broken };
                let (certificate, seen) = files::open(files).map_err(failed)?;
                let served = Arc::new(Served::new(Arc::clone(&certificate.key)));
                let watch = Watch::new(files.clone(), Arc::clone(&served), &certificate, seen);
                tasks.spawn(watch.run(leaving.clone()));
                served
            }
            Settings::Acme(acme) => {
                let served = Arc::new(Served::new(self_signed(&acme.names).map_err(other)?));
                let (shown, answers) = (Arc::clone(&served), Arc::clone(&answers));
                let renewal = Renewal::open(acme.clone(), data_dir, shown, answers, by_http);
                tasks.spawn(renewal.run(leaving.clone()));
                served
            }
        };
        let protocols = HTTP.iter().map(|&name| name.to_vec()).collect();
        let shown: Arc<dyn ResolvesServerCert> = served;
        Ok(Self {
            http: configured(Arc::clone(&shown), protocols)?,
            rtmp: configured(shown, Vec::new())?,
            proof: configured(Arc::<Answers>::clone(&answers), vec![ACME_TLS.to_vec()])?,
            answers,
        })
    }

    /// What answers whoever comes without TLS.
    pub(crate) fn redirect(&self, to: To) -> Router {
        redirect(Arc::clone(&self.answers), to)
    }

    /// Takes the handshake of a connection; `None` where that was all that was wanted.
    ///
    /// # Errors
    /// It fails, or takes too long.
    pub(crate) async fn take<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        speaks: Speaks,
    ) -> io::Result<Option<TlsStream<S>>> {
        timeout(HANDSHAKE, self.handshake(stream, speaks)).await.map_err(|_| io::ErrorKind::TimedOut)?
    }

    async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        speaks: Speaks,
    ) -> io::Result<Option<TlsStream<S>>> {
        let begun = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        if is_proof(&begun.client_hello()) {
            // What is proved is the handshake (RFC 8737, section 3).
            begun.into_stream(Arc::clone(&self.proof)).await?;
            return Ok(None);
        }
        let config = match speaks {
            Speaks::Http => &self.http,
            Speaks::Rtmp => &self.rtmp,
        };
        begun.into_stream(Arc::clone(config)).await.map(Some)
    }
}

/// How it stands with what is configured, for whoever looks before the server starts.
///
/// # Errors
/// What to do, where the files hold no certificate that can be served.
pub(crate) fn look(settings: &Settings) -> Result<String, String> {
    match settings {
        Settings::Files(files) => {
            let shown = files.certificate.display();
            let read = files::open(files).map_err(|broken| {
                format!("{shown}: {broken}: put a certificate in PEM and its key there, that the server's user may read")
            })?;
            let until = certificate::date(read.0.until);
            if read.0.until <= std::time::SystemTime::now() {
                return Err(format!(
                    "{shown} has expired ({until}): put a new one there, it is served within seconds"
                ));
            }
            Ok(format!("{shown} is good until {until}"))
        }
        Settings::Acme(acme) => Ok(format!(
            "certificates for {} come from {}, which must reach this machine on port 443 or 80",
            acme.names.join(", "),
            acme.directory
        )),
    }
}

/// What a connection begins with; nothing of it is taken.
///
/// # Errors
/// It ends, or says nothing for too long.
pub(crate) async fn opening(stream: &TcpStream) -> io::Result<Opening> {
    let mut first = [0];
    let peeked = timeout(HANDSHAKE, stream.peek(&mut first)).await;
    if peeked.map_err(|_| io::ErrorKind::TimedOut)?? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(match first[0] {
        HANDSHAKE_RECORD => Opening::Tls,
        // A method (RFC 9110, section 9.1), or what HTTP/2 begins with.
        first if first.is_ascii_alphabetic() => Opening::Http,
        _ => Opening::Other,
    })
}

fn is_proof(hello: &ClientHello<'_>) -> bool {
    hello.alpn().is_some_and(|mut offered| offered.next() == Some(ACME_TLS) && offered.next().is_none())
}

fn configured(
    shown: Arc<dyn ResolvesServerCert>,
    protocols: Vec<Vec<u8>>,
) -> Result<Arc<ServerConfig>, Error> {
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(other)?;
    let mut config = builder.with_no_client_auth().with_cert_resolver(shown);
    config.alpn_protocols = protocols;
    config.ticketer = aws_lc_rs::Ticketer::new().map_err(other)?;
    Ok(Arc::new(config))
}

fn other(error: impl std::fmt::Display) -> Error {
    Error::Other(error.to_string())
}
