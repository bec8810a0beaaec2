//! Mail that the server sends, where its operator gave it a server of mail: links to a new password, and nothing else.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::uri::Authority;
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use percent_encoding::percent_decode_str;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::problem::Language;

/// How long one answer of the server of mail may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Mails that are under way at once; who asks for more is told to come again.
const UNDER_WAY: usize = 64;

/// Where mail goes, and whom it is from.
#[derive(Debug, Clone)]
pub struct MailSettings {
    /// The host of the server of mail.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is kept secret.
    pub secrecy: Secrecy,
    /// The name and password by which one signs in there, if one does.
    pub credentials: Option<(String, String)>,
    /// Whom mail is from: an address, or a name and an address in `<>`.
    pub from: Mailbox,
}

/// How a connection to a server of mail is kept secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// TLS from the first byte (`smtps`, RFC 8314, section 3.3).
    Tls,
    /// TLS by STARTTLS, without which nothing is sent (RFC 3207).
    StartTls,
    /// TLS by STARTTLS where it is offered: on this machine, or where nothing secret is asked for.
    Offered,
}

impl MailSettings {
    /// What is meant by an address of a server of mail (`smtp://` or `smtps://`, with a name to sign in by, and its password
    /// there or apart) and by whom mail is from.
    ///
    /// # Errors
    /// A sentence that names the option.
    pub(crate) fn written(url: &str, password: Option<String>, from: &str) -> Result<Self, String> {
        let wrong = || "smtp_url: it is smtp://HOST, smtp://NAME@HOST:PORT or the same with smtps".to_owned();
        let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
        let authority = rest.trim_end_matches('/').parse::<Authority>().map_err(|_| wrong())?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(wrong());
        }
        let info = authority.as_str().rsplit_once('@').map(|(info, _)| info);
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let (name, inside) = match info.map(|info| info.split_once(':').unwrap_or((info, ""))) {
            Some((name, inside)) => {
                (Some(decoded(name)), Some(decoded(inside)).filter(|text| !text.is_empty()))
            }
            None => (None, None),
        };
        let credentials = match (name, password.or(inside)) {
            (Some(name), Some(password)) => Some((name, password)),
            (None, None) => None,
            (Some(_), None) => {
                return Err("smtp_url: it names somebody, and there is no smtp_password".to_owned());
            }
            (None, Some(_)) => {
                return Err("smtp_password: smtp_url names nobody (smtp://NAME@HOST)".to_owned());
            }
        };
        let is_here =
            host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        let (secrecy, usual) = match scheme {
            "smtps" => (Secrecy::Tls, 465),
            "smtp" if credentials.is_some() && !is_here => (Secrecy::StartTls, 587),
            "smtp" => (Secrecy::Offered, if is_here { 25 } else { 587 }),
            _ => return Err(wrong()),
        };
        let from =
            from.parse().map_err(|_| "smtp_from: it is an address, or \"Name <address>\"".to_owned())?;
        Ok(Self { host, port: authority.port_u16().unwrap_or(usual), secrecy, credentials, from })
    }
}

/// Sends mail, or cannot; clones share the connection.
#[derive(Clone, Default)]
pub(crate) struct Mail(Option<Arc<Sender>>);

struct Sender {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    under_way: Arc<Semaphore>,
}

/// The right to send one mail, for as long as that takes.
pub(crate) struct Turn {
    sender: Arc<Sender>,
    _permit: OwnedSemaphorePermit,
}

/// Why mail cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// What is written there is no address.
    #[error("this is no address for mail: {0}")]
    Address(#[from] lettre::address::AddressError),
    /// The mail cannot be written.
    #[error("the mail cannot be written: {0}")]
    Written(#[from] lettre::error::Error),
    /// The server of mail does not take it.
    #[error("the server of mail does not take it: {0}")]
    Sent(#[from] lettre::transport::smtp::Error),
}

impl Mail {
    /// Mail by this server; none without.
    ///
    /// # Errors
    /// No TLS can be had for this host.
    pub(crate) fn new(settings: Option<&MailSettings>) -> Result<Self, MailError> {
        let Some(settings) = settings else { return Ok(Self::default()) };
        let MailSettings { host, port, secrecy, credentials, from } = settings;
        let parameters = TlsParameters::new(host.clone())?;
        let tls = match secrecy {
            Secrecy::Tls => Tls::Wrapper(parameters),
            Secrecy::StartTls => Tls::Required(parameters),
            Secrecy::Offered => Tls::Opportunistic(parameters),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(*port)
            .tls(tls)
            .timeout(Some(PATIENCE));
        if let Some((name, password)) = credentials {
            builder = builder.credentials(Credentials::new(name.clone(), password.clone()));
        }
        let under_way = Arc::new(Semaphore::new(UNDER_WAY));
        Ok(Self(Some(Arc::new(Sender { transport: builder.build(), from: from.clone(), under_way }))))
    }

    /// Whether mail can be sent.
    pub(crate) fn is_sent(&self) -> bool {
        self.0.is_some()
    }

    /// A turn to send one, unless too many are under way.
    pub(crate) fn turn(&self) -> Option<Turn> {
        let sender = Arc::clone(self.0.as_ref()?);
        let permit = Arc::clone(&sender.under_way).try_acquire_owned().ok()?;
        Some(Turn { sender, _permit: permit })
    }
}

impl Turn {
    /// Sends somebody the link by which they give themselves a new password.
    ///
    /// # Errors
    /// [`MailError`].
    pub(crate) async fn send_password_link(
        &self,
        to: &str,
        name: &str,
        link: &str,
        language: Language,
    ) -> Result<(), MailError> {
        let (subject, text) = match language {
            Language::French => french(name, link),
            Language::English => english(name, link),
        };
        let message = Message::builder()
            .from(self.sender.from.clone())
            .to(Mailbox::new(None, to.parse()?))
            .subject(subject)
            // Nobody answers a machine, and a machine does not answer this (RFC 3834, section 5).
            .raw_header(lettre::message::header::HeaderValue::new(
                lettre::message::header::HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ))
            .header(lettre::message::header::ContentType::TEXT_PLAIN)
            .body(text)?;
        self.sender.transport.send(message).await?;
        Ok(())
    }
}

fn french(name: &str, link: &str) -> (&'static str, String) {
    let text = format!(
        "Bonjour{},\n\nQuelqu'un a demandé un nouveau mot de passe pour votre compte. Si c'est vous, ouvrez ce lien et \
         choisissez-le :\n\n{link}\n\nLe lien sert une fois, pendant 24 heures. Si ce n'est pas vous, ne faites rien : votre \
         mot de passe reste le même.\n",
        after_a_space(name)
    );
    ("Votre nouveau mot de passe", text)
}

fn english(name: &str, link: &str) -> (&'static str, String) {
    let text = format!(
        "Hello{},\n\nSomebody asked for a new password for your account. If it was you, open this link and choose it:\n\n\
         {link}\n\nThe link is good once, for 24 hours. If it was not you, do nothing: your password stays as it is.\n",
        after_a_space(name)
    );
    ("Your new password", text)
}

/// A name is a person's own words: on one line, and no longer than a greeting.
fn after_a_space(name: &str) -> String {
    let name: String = name.trim().chars().filter(|c| !c.is_control()).take(60).collect();
    // An address in it would be made a link by whoever shows the mail.
    if name.is_empty() || name.contains(['/', '.', ':', '@']) { String::new() } else { format!(" {name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_of_mail_is_named_with_how_secret_it_is() {
        let read = |url, password: Option<&str>| {
            MailSettings::written(url, password.map(str::to_owned), "Live <live@example.org>")
        };
        let plain = read("smtp://127.0.0.1:2525", None).unwrap();
        assert_eq!((plain.host.as_str(), plain.port, plain.secrecy), ("127.0.0.1", 2525, Secrecy::Offered));
        let named = read("smtp://awa%40example.org@mail.example.org", Some("secret")).unwrap();
        assert_eq!((named.port, named.secrecy), (587, Secrecy::StartTls));
        assert_eq!(named.credentials, Some(("awa@example.org".to_owned(), "secret".to_owned())));
        let inside = read("smtps://awa:a%3Ab@mail.example.org/", None).unwrap();
        assert_eq!((inside.port, inside.secrecy), (465, Secrecy::Tls));
        assert_eq!(inside.credentials, Some(("awa".to_owned(), "a:b".to_owned())));
        for wrong in ["mail.example.org", "http://mail.example.org", "smtp://", "smtp://awa@mail.example.org"]
        {
            assert!(read(wrong, None).is_err(), "{wrong}");
        }
        assert!(
            read("smtp://mail.example.org", Some("secret")).unwrap_err().contains("smtp_url names nobody")
        );
        assert!(MailSettings::written("smtp://h", None, "nobody").unwrap_err().contains("smtp_from"));
    }

    #[test]
    fn a_name_is_a_greeting_and_no_place_for_an_address() {
        assert_eq!(after_a_space(" Awa "), " Awa");
        for odd in ["", "http://evil", "evil.example", "a@b"] {
            assert_eq!(after_a_space(odd), "", "{odd}");
        }
        assert_eq!(after_a_space("A\nB"), " AB");
    }
}
