//! A certificate with its key, as it stands in files.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::parse_x509_certificate;

/// Bytes of a file of certificates or keys at most.
const LONGEST: u64 = 1 << 20;

/// A certificate that can be served.
#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    /// It, those between it and its authority, and its key.
    pub(crate) key: Arc<CertifiedKey>,
    /// From when on it is good.
    pub(crate) from: SystemTime,
    /// Until when.
    pub(crate) until: SystemTime,
}

/// Why a certificate cannot be served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A file of it.
    #[error("{} cannot be read: {why}", path.display())]
    Unreadable {
        /// Which one.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// There is none.
    #[error("there is no certificate in PEM")]
    NoCertificate,
    /// There is no key.
    #[error("there is no private key in PEM, or it has a passphrase")]
    NoKey,
    /// They are not of one another.
    #[error("the key is not that of the certificate")]
    Mismatched,
    /// It is none, or a key of a kind that is not known.
    #[error("the certificate or its key cannot be understood: {0}")]
    Malformed(String),
    /// It is not good any more.
    #[error("the certificate has expired: it was good until {0}")]
    Expired(String),
}

impl Certificate {
    /// The certificate and the key of two texts in PEM, which may be one and the same.
    ///
    /// # Errors
    /// They cannot be understood, or are not of one another. That it has expired is asked apart.
    pub(crate) fn from_pem(certificate: &[u8], key: &[u8]) -> Result<Self, Broken> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate).collect();
        let chain = chain.map_err(|error| Broken::Malformed(error.to_string()))?;
        let first = chain.first().ok_or(Broken::NoCertificate)?;
        let (from, until) = validity(first)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| Broken::NoKey)?;
        let key = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider());
        let key = key.map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => Broken::Mismatched,
            error => Broken::Malformed(error.to_string()),
        })?;
        Ok(Self { key: Arc::new(key), from, until })
    }

    /// The same, if it is good now.
    pub(crate) fn unless_expired(self, now: SystemTime) -> Result<Self, Broken> {
        if self.until <= now { Err(Broken::Expired(date(self.until))) } else { Ok(self) }
    }
}

/// When it was, or will be, for people.
pub(crate) fn date(time: SystemTime) -> String {
    httpdate::fmt_http_date(time)
}

/// The bytes of a file of certificates or keys.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Broken> {
    let unreadable = |why: String| Broken::Unreadable { path: path.to_owned(), why };
    read_some(path).map_err(|error| unreadable(error.to_string()))
}

fn read_some(path: &Path) -> io::Result<Vec<u8>> {
    // A pipe would be waited for.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(io::Error::other(format!("it has more than {LONGEST} bytes")));
    }
    Ok(bytes)
}

/// From when and until when it is good (RFC 5280, section 4.1.2.5).
fn validity(certificate: &CertificateDer<'_>) -> Result<(SystemTime, SystemTime), Broken> {
    let (_, parsed) =
        parse_x509_certificate(certificate).map_err(|error| Broken::Malformed(error.to_string()))?;
    let validity = parsed.validity();
    Ok((time(validity.not_before.timestamp()), time(validity.not_after.timestamp())))
}

/// A time that the system cannot count is as far away as one that it can: before 1970 at its start, later than the year
/// 9999 at its end, as dates are written.
fn time(seconds: i64) -> SystemTime {
    const LATEST: u64 = 253_402_300_799;
    UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or(0).min(LATEST))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn pair() -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(["a.example".to_owned()]).unwrap().self_signed(&key).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    fn broken(certificate: &str, key: &str) -> Broken {
        Certificate::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap_err()
    }

    #[test]
    fn a_pair_is_read_from_two_texts_or_one() {
        let (certificate, key) = pair();
        let read = Certificate::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap();
        assert!(read.from < SystemTime::now() && SystemTime::now() < read.until);
        let both = format!("{key}{certificate}");
        Certificate::from_pem(both.as_bytes(), both.as_bytes()).unwrap();
    }

    #[test]
    fn what_is_wrong_is_said() {
        let ((certificate, key), (other, _)) = (pair(), pair());
        assert_eq!(broken(&key, &key), Broken::NoCertificate);
        assert_eq!(broken("", &key), Broken::NoCertificate);
        assert_eq!(broken(&certificate, &certificate), Broken::NoKey);
        assert_eq!(broken(&other, &key), Broken::Mismatched);
        let half = &certificate[..certificate.len() / 2];
        assert!(matches!(broken(half, &key), Broken::Malformed(_) | Broken::NoCertificate));
        let no_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(broken(no_certificate, &key), Broken::Malformed(_)));
    }

    #[test]
    fn one_that_has_expired_says_since_when() {
        let (certificate, key) = pair();
        let read = Certificate::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap();
        let (until, later) = (date(read.until), read.until + Duration::from_secs(1));
        assert_eq!(read.unless_expired(later).unwrap_err(), Broken::Expired(until));
    }
}
