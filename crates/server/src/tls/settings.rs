//! How the server comes by its certificates, as configured.

use std::path::PathBuf;

use rustls::pki_types::{DnsName, IpAddr};

/// Where Let's Encrypt says what it offers.
const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";
/// Certificates that one server gets by ACME.
const MOST_NAMES: usize = 100;
/// Bytes of the address of an authority: what is got from it is kept under it.
const LONGEST_DIRECTORY: usize = 200;

/// How a server that speaks TLS comes by its certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// From files that somebody else keeps.
    Files(Files),
    /// From an authority, by ACME (RFC 8555).
    Acme(Acme),
}

/// A certificate and its key, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The certificate, then those between it and its authority.
    pub certificate: PathBuf,
    /// Its key, without a passphrase.
    pub key: PathBuf,
}

/// What is got from an authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acme {
    /// The names of this server, in lower case, each of which gets a certificate of its own; at least one.
    pub names: Vec<String>,
    /// Where the authority says what it offers.
    pub directory: String,
    /// What the authority's own certificate is checked against, in PEM; what the system trusts if `None`.
    pub authority: Option<PathBuf>,
    /// Where the authority may write to.
    pub email: Option<String>,
}

/// The options of TLS, as somebody wrote them.
#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) names: Option<Vec<String>>,
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    pub(crate) directory: Option<String>,
    pub(crate) authority: Option<PathBuf>,
    pub(crate) email: Option<String>,
}

impl Tls {
    /// The names that certificates are got for.
    pub(crate) fn names(&self) -> &[String] {
        match self {
            Self::Files(_) => &[],
            Self::Acme(acme) => &acme.names,
        }
    }
}

impl Options {
    /// What is meant; `None` where nothing is said of TLS.
    ///
    /// # Errors
    /// A sentence where they cannot be meant.
    pub(crate) fn meant(self) -> Result<Option<Tls>, String> {
        let names = names(self.names.unwrap_or_default())?;
        let is_by_acme = self.directory.is_some() || self.authority.is_some() || self.email.is_some();
        match (self.certificate, self.key) {
            (Some(_), Some(_)) if !names.is_empty() => {
                Err("tls: give the names of certificates to get, or tls_cert and tls_key, not both".into())
            }
            _ if names.is_empty() && is_by_acme => {
                Err("acme_directory, acme_ca and acme_email are of the names that tls gives: give tls".into())
            }
            (Some(certificate), Some(key)) => Ok(Some(Tls::Files(Files { certificate, key }))),
            (Some(_), None) => Err("tls_cert: give tls_key too, the file with its key".into()),
            (None, Some(_)) => Err("tls_key: give tls_cert too, the file with its certificate".into()),
            (None, None) if names.is_empty() => Ok(None),
            (None, None) => {
                let directory = directory(self.directory.as_deref().unwrap_or(LETS_ENCRYPT))?;
                let email = self.email.map(|email| address(&email)).transpose()?;
                Ok(Some(Tls::Acme(Acme { names, directory, authority: self.authority, email })))
            }
        }
    }
}

fn names(written: Vec<String>) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    for name in written.iter().map(|name| name.trim()).filter(|name| !name.is_empty()) {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        if name.starts_with("*.") {
            return Err(format!(
                "tls: {name}: name each host; a wildcard is proved in the DNS alone, which is not ours"
            ));
        }
        if IpAddr::try_from(name.as_str()).is_ok() || DnsName::try_from(name.as_str()).is_err() {
            return Err(format!(
                "tls: \"{name}\" is not the name of a host (an international one in its xn-- form)"
            ));
        }
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.len() > MOST_NAMES {
        return Err(format!("tls: {} names are more than {MOST_NAMES}", names.len()));
    }
    Ok(names)
}

fn directory(url: &str) -> Result<String, String> {
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    match url.parse::<axum::http::Uri>() {
        Ok(uri) if is_web && uri.host().is_some() && url.len() <= LONGEST_DIRECTORY => Ok(url.to_owned()),
        _ => Err(format!(
            "acme_directory: \"{url}\" is not an https address of at most {LONGEST_DIRECTORY} bytes"
        )),
    }
}

fn address(email: &str) -> Result<String, String> {
    let is_one = email.split_once('@').is_some_and(|(who, at)| !who.is_empty() && at.contains('.'));
    let is_plain = email.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',');
    if is_one && is_plain {
        Ok(email.to_owned())
    } else {
        Err(format!("acme_email: \"{email}\" is no address"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_names(names: &[&str]) -> Options {
        Options { names: Some(names.iter().map(|&name| name.to_owned()).collect()), ..Options::default() }
    }

    #[test]
    fn names_are_those_of_hosts_once_each() {
        let meant = by_names(&["Live.Example.org.", "live.example.org", " a.example "]).meant().unwrap();
        assert_eq!(meant.unwrap().names(), ["live.example.org", "a.example"]);
        for wrong in
            ["*.example.org", "192.0.2.1", "::1", "café.example", "a b", "https://a.example", "a.example:443"]
        {
            assert!(by_names(&[wrong]).meant().is_err(), "{wrong}");
        }
        assert_eq!(Options::default().meant(), Ok(None));
    }

    #[test]
    fn half_of_what_is_needed_is_refused_with_the_other_half() {
        let (one, other) = (Some(PathBuf::from("c.pem")), Some(PathBuf::from("k.pem")));
        let refused = |options: Options| options.meant().unwrap_err();
        assert!(refused(Options { certificate: one.clone(), ..Options::default() }).contains("tls_key"));
        assert!(refused(Options { key: other.clone(), ..Options::default() }).contains("tls_cert"));
        assert!(
            refused(Options { certificate: one, key: other, ..by_names(&["a.example"]) })
                .contains("not both")
        );
        assert!(
            refused(Options { email: Some("a@b.example".into()), ..Options::default() }).contains("give tls")
        );
        assert!(
            refused(Options { email: Some("nobody".into()), ..by_names(&["a.example"]) })
                .contains("acme_email")
        );
        let wrong = Options { directory: Some("ftp://a".into()), ..by_names(&["a.example"]) };
        assert!(refused(wrong).contains("acme_directory"));
    }
}
