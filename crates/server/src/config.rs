use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use accounts::{Issuer, IssuerKey, Registration};
use serde::Deserialize;

use crate::tls;

const MESSAGES_PER_S: NonZeroU32 = NonZeroU32::new(100).expect("not zero");
/// Bytes of an issuer's secret at least (RFC 7518, section 3.2: as long as the hash).
const SECRET: usize = 32;
const MESSAGE_BURST: NonZeroU32 = NonZeroU32::new(2_000).expect("not zero");

/// The configuration as somebody wrote it: on the command line, in the environment or in a file. Whatever is left
/// out has a default. The command line wins over the environment, the environment over the file.
#[derive(Debug, Default, Clone, clap::Args, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Written {
    /// Where everything is kept [default: ./data]
    #[arg(long, env = "COMMUNICONNECT_DATA_DIR", value_name = "DIR", global = true)]
    pub data_dir: Option<PathBuf>,
    /// Address and port to listen on; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, env = "COMMUNICONNECT_LISTEN", value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
    /// Address and port on which RTMP is taken: 0.0.0.0:1935; port 0 takes a free one [default: RTMP is off]
    #[arg(long, env = "COMMUNICONNECT_RTMP", value_name = "ADDRESS:PORT")]
    pub rtmp: Option<SocketAddr>,
    /// Address and port on which RTMP over TLS is taken, with the certificate of `tls` [default: RTMPS is off]
    #[arg(long, env = "COMMUNICONNECT_RTMPS", value_name = "ADDRESS:PORT")]
    pub rtmps: Option<SocketAddr>,
    /// Names of this server: it gets a certificate for each and renews it, and speaks https where it listens; separated by
    /// commas [default: http]
    #[arg(long, env = "COMMUNICONNECT_TLS", value_delimiter = ',', value_name = "NAMES")]
    pub tls: Option<Vec<String>>,
    /// A certificate in PEM that somebody else keeps, with those between it and its authority: https where it listens; a
    /// changed file is served within 10 s
    #[arg(long, env = "COMMUNICONNECT_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// The key of that certificate, in PEM
    #[arg(long, env = "COMMUNICONNECT_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Address and port for whoever comes without TLS: sends them to https, and proves the names of `tls`: 0.0.0.0:80
    /// [default: none]
    #[arg(long, env = "COMMUNICONNECT_HTTP_LISTEN", value_name = "ADDRESS:PORT")]
    pub http_listen: Option<SocketAddr>,
    /// Where the authority that gives certificates says what it offers [default: Let's Encrypt]
    #[arg(long, env = "COMMUNICONNECT_ACME_DIRECTORY", value_name = "URL")]
    pub acme_directory: Option<String>,
    /// What the authority's own certificate is checked against, in PEM [default: what the system trusts]
    #[arg(long, env = "COMMUNICONNECT_ACME_CA", value_name = "FILE")]
    pub acme_ca: Option<PathBuf>,
    /// Where the authority may write to [default: nobody]
    #[arg(long, env = "COMMUNICONNECT_ACME_EMAIL", value_name = "ADDRESS")]
    pub acme_email: Option<String>,
    /// A TOML file with these options (with underscores) and `[[issuers]]`
    #[arg(long, env = "COMMUNICONNECT_CONFIG", value_name = "FILE", global = true)]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// The address that people use, when a proxy stands in front: https://live.example.org
    #[arg(long, env = "COMMUNICONNECT_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// Believe X-Forwarded-Proto, -Host and -For: only behind a proxy that sets them [default: false]
    #[arg(long, env = "COMMUNICONNECT_TRUST_PROXY", num_args = 0..=1, default_missing_value = "true")]
    pub trust_proxy: Option<bool>,
    /// Origins whose pages may call the API, separated by commas; * for all [default: none]
    #[arg(long, env = "COMMUNICONNECT_CORS_ORIGINS", value_delimiter = ',', value_name = "ORIGINS")]
    pub cors_origins: Option<Vec<String>>,
    /// Origins whose pages may show /embed/ID in a frame, separated by commas; * for all [default: none]
    #[arg(long, env = "COMMUNICONNECT_FRAME_ANCESTORS", value_delimiter = ',', value_name = "ORIGINS")]
    pub frame_ancestors: Option<Vec<String>>,
    /// Seconds without a byte after which a live ends [default: 600]
    #[arg(long, env = "COMMUNICONNECT_PATIENCE_S", value_name = "SECONDS")]
    pub patience_s: Option<f64>,
    /// Running lives of one person at most [default: 100]
    #[arg(long, env = "COMMUNICONNECT_RUNNING_LIVES", value_name = "COUNT")]
    pub running_lives: Option<u32>,
    /// Bytes of recordings that one person may keep [default: 21474836480, 20 GiB]
    #[arg(long, env = "COMMUNICONNECT_STORAGE_PER_PERSON", value_name = "BYTES")]
    pub storage_per_person: Option<u64>,
    /// Bytes of the disk kept free for the database [default: 1073741824, 1 GiB]
    #[arg(long, env = "COMMUNICONNECT_RESERVE", value_name = "BYTES")]
    pub reserve: Option<u64>,
    /// Bytes of one live that are kept though they cannot be read; more are refused [default: 67108864, 64 MiB]
    #[arg(long, env = "COMMUNICONNECT_UNREAD_LIMIT", value_name = "BYTES")]
    pub unread_limit: Option<u64>,
    /// Days after its end that a live is kept, with its conversation; then it is deleted [default: for ever]
    #[arg(long, env = "COMMUNICONNECT_KEEP_DAYS", value_name = "DAYS")]
    pub keep_days: Option<f64>,
    /// Connections at once; more wait to be accepted [default: 20000]
    #[arg(long, env = "COMMUNICONNECT_CONNECTIONS", value_name = "COUNT")]
    pub connections: Option<usize>,
    /// Connections at once from one address of IPv4 or one /64 of IPv6, or of one person [default: a quarter of them all]
    #[arg(long, env = "COMMUNICONNECT_CONNECTIONS_PER_ADDRESS", value_name = "COUNT")]
    pub connections_per_address: Option<usize>,
    /// Seconds that an access token is good [default: 3600]
    #[arg(long, env = "COMMUNICONNECT_ACCESS_TOKEN_S", value_name = "SECONDS")]
    pub access_token_s: Option<u64>,
    /// Days that an unused refresh token is good [default: 30]
    #[arg(long, env = "COMMUNICONNECT_REFRESH_TOKEN_DAYS", value_name = "DAYS")]
    pub refresh_token_days: Option<u64>,
    /// Wrong passwords a minute for one account from one address of IPv4 or one /64 of IPv6; three times as many for one account
    /// from all where it was never signed in, twenty times as many from one address [default: 10]
    #[arg(long, env = "COMMUNICONNECT_WRONG_PASSWORDS", value_name = "COUNT")]
    pub wrong_passwords: Option<u32>,
    /// Who may sign up: open, invited or closed [default: open]
    #[arg(long, env = "COMMUNICONNECT_REGISTRATION", value_name = "WHO")]
    pub registration: Option<Registration>,
    /// Registrations an hour from one address of IPv4 or one /64 of IPv6 [default: 1000]
    #[arg(long, env = "COMMUNICONNECT_REGISTRATIONS_PER_ADDRESS", value_name = "COUNT")]
    pub registrations_per_address: Option<u32>,
    /// Messages a second that one person may write in the long run [default: 100]
    #[arg(long, env = "COMMUNICONNECT_MESSAGES_PER_S", value_name = "COUNT")]
    pub messages_per_s: Option<NonZeroU32>,
    /// Messages that one person may write at once before that counts [default: 2000]
    #[arg(long, env = "COMMUNICONNECT_MESSAGE_BURST", value_name = "COUNT")]
    pub message_burst: Option<NonZeroU32>,
    /// Seconds that leaving may take [default: 10]
    #[arg(long, env = "COMMUNICONNECT_LEAVING_S", value_name = "SECONDS")]
    pub leaving_s: Option<f64>,
    /// Secret of the app whose HS256 tokens are accepted, of 32 bytes at least
    #[arg(long, env = "COMMUNICONNECT_ISSUER_SECRET", value_name = "SECRET", hide_env_values = true)]
    pub issuer_secret: Option<String>,
    /// Address of the keys (JWKS) of the app whose RS256 or ES256 tokens are accepted
    #[arg(long, env = "COMMUNICONNECT_ISSUER_JWKS", value_name = "URL")]
    pub issuer_jwks: Option<String>,
    /// The `iss` that the app's tokens must carry [default: any]
    #[arg(long, env = "COMMUNICONNECT_ISSUER_ISS", value_name = "ISS")]
    pub issuer_iss: Option<String>,
    /// The `aud` that the app's tokens must carry [default: any]
    #[arg(long, env = "COMMUNICONNECT_ISSUER_AUDIENCE", value_name = "AUD")]
    pub issuer_audience: Option<String>,
    /// Issuers of tokens that are accepted beside our own.
    #[arg(skip)]
    pub issuers: Vec<WrittenIssuer>,
}

/// An issuer of tokens, as written in a file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenIssuer {
    /// Its name here; must not change, people are known by it.
    pub name: String,
    /// The `iss` its tokens must carry.
    pub iss: Option<String>,
    /// The `aud` its tokens must carry.
    pub aud: Option<String>,
    /// The claim that names the person [default: sub, then user_id].
    pub subject_claim: Option<String>,
    /// Secret of HS256.
    pub secret: Option<String>,
    /// Address of the keys of RS256 or ES256.
    pub jwks: Option<String>,
}

/// The configuration as it is meant: complete and checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where to listen for RTMP, if at all.
    pub rtmp: Option<SocketAddr>,
    /// Where to listen for RTMP over TLS, if at all.
    pub rtmps: Option<SocketAddr>,
    /// How TLS is spoken, if it is: then on every port but that of `rtmp` and `http_listen`.
    pub tls: Option<tls::Settings>,
    /// Where to listen for whoever comes without TLS, if at all.
    pub http_listen: Option<SocketAddr>,
    /// What links begin with, without a final slash, when it is not to be taken from the request.
    pub public_url: Option<String>,
    /// Whether what a proxy says of the request is believed.
    pub trust_proxy: bool,
    /// Origins whose pages may call the API.
    pub cors_origins: Vec<String>,
    /// Origins whose pages may show a live in a frame.
    pub frame_ancestors: Vec<String>,
    /// How long a live waits for its publisher.
    pub patience: Duration,
    /// Running lives of one person at most.
    pub running_lives: u32,
    /// Bytes that one person may keep.
    pub storage_per_person: u64,
    /// Bytes of the disk kept free.
    pub reserve: u64,
    /// Bytes of one live that are kept though they cannot be read.
    pub unread_limit: u64,
    /// How long a live is kept after its end; for ever if `None`.
    pub kept: Option<Duration>,
    /// Connections at once.
    pub connections: usize,
    /// Connections at once from one address, or of one person.
    pub connections_per_address: usize,
    /// Messages a second that one person may write in the long run.
    pub messages_per_s: NonZeroU32,
    /// Messages that one person may write at once.
    pub message_burst: NonZeroU32,
    /// How long leaving may take.
    pub leaving: Duration,
    /// How people sign in.
    pub accounts: accounts::Settings,
}

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {0}: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// The file does not say what it should.
    #[error("{0}: {1}")]
    Malformed(PathBuf, Box<toml::de::Error>),
    /// A value that cannot be meant.
    #[error("{0}")]
    Wrong(String),
}

impl Written {
    /// What is meant: this, where it is silent its file, where that is silent the defaults.
    ///
    /// # Errors
    /// The file cannot be read, or a value cannot be meant.
    pub fn meant(self) -> Result<Config, ConfigError> {
        let file = match &self.config {
            Some(path) => read(path)?,
            None => Self::default(),
        };
        self.or(file).with_defaults()
    }

    fn or(self, file: Self) -> Self {
        Self {
            data_dir: self.data_dir.or(file.data_dir),
            listen: self.listen.or(file.listen),
            rtmp: self.rtmp.or(file.rtmp),
            rtmps: self.rtmps.or(file.rtmps),
            tls: self.tls.or(file.tls),
            tls_cert: self.tls_cert.or(file.tls_cert),
            tls_key: self.tls_key.or(file.tls_key),
            http_listen: self.http_listen.or(file.http_listen),
            acme_directory: self.acme_directory.or(file.acme_directory),
            acme_ca: self.acme_ca.or(file.acme_ca),
            acme_email: self.acme_email.or(file.acme_email),
            config: self.config,
            public_url: self.public_url.or(file.public_url),
            trust_proxy: self.trust_proxy.or(file.trust_proxy),
            cors_origins: self.cors_origins.or(file.cors_origins),
            frame_ancestors: self.frame_ancestors.or(file.frame_ancestors),
            patience_s: self.patience_s.or(file.patience_s),
            running_lives: self.running_lives.or(file.running_lives),
            storage_per_person: self.storage_per_person.or(file.storage_per_person),
            reserve: self.reserve.or(file.reserve),
            unread_limit: self.unread_limit.or(file.unread_limit),
            keep_days: self.keep_days.or(file.keep_days),
            connections: self.connections.or(file.connections),
            connections_per_address: self.connections_per_address.or(file.connections_per_address),
            access_token_s: self.access_token_s.or(file.access_token_s),
            refresh_token_days: self.refresh_token_days.or(file.refresh_token_days),
            wrong_passwords: self.wrong_passwords.or(file.wrong_passwords),
            registration: self.registration.or(file.registration),
            registrations_per_address: self.registrations_per_address.or(file.registrations_per_address),
            messages_per_s: self.messages_per_s.or(file.messages_per_s),
            message_burst: self.message_burst.or(file.message_burst),
            leaving_s: self.leaving_s.or(file.leaving_s),
            issuer_secret: self.issuer_secret.or(file.issuer_secret),
            issuer_jwks: self.issuer_jwks.or(file.issuer_jwks),
            issuer_iss: self.issuer_iss.or(file.issuer_iss),
            issuer_audience: self.issuer_audience.or(file.issuer_audience),
            issuers: if self.issuers.is_empty() { file.issuers } else { self.issuers },
        }
    }

    fn with_defaults(self) -> Result<Config, ConfigError> {
        let accounts = accounts::Settings {
            access_life: Duration::from_secs(self.access_token_s.unwrap_or(60 * 60)),
            refresh_life: Duration::from_secs(self.refresh_token_days.unwrap_or(30).saturating_mul(86_400)),
            wrong_passwords_per_minute: self.wrong_passwords.unwrap_or(10),
            registration: self.registration.unwrap_or_default(),
            registrations_per_hour: self.registrations_per_address.unwrap_or(1_000),
            issuers: self.issuers()?,
        };
        let tls = self.tls()?;
        let connections = self.connections.unwrap_or(20_000).clamp(1, 1 << 20);
        let share = connections.div_ceil(4);
        Ok(Config {
            data_dir: self.data_dir.unwrap_or_else(|| PathBuf::from("./data")),
            listen: self.listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080))),
            rtmp: self.rtmp,
            rtmps: self.rtmps,
            tls,
            http_listen: self.http_listen,
            public_url: self.public_url.map(|url| web_address("public_url", &url)).transpose()?,
            trust_proxy: self.trust_proxy.unwrap_or(false),
            cors_origins: origins("cors_origins", self.cors_origins.unwrap_or_default())?,
            frame_ancestors: origins("frame_ancestors", self.frame_ancestors.unwrap_or_default())?,
            patience: seconds("patience_s", self.patience_s.unwrap_or(600.0))?,
            running_lives: self.running_lives.unwrap_or(100),
            storage_per_person: self.storage_per_person.unwrap_or(20 << 30),
            reserve: self.reserve.unwrap_or(1 << 30),
            unread_limit: self.unread_limit.unwrap_or(recorder::unread::USUAL_LIMIT),
            kept: self.keep_days.map(|days| seconds("keep_days", days * 86_400.0)).transpose()?,
            connections,
            connections_per_address: self.connections_per_address.unwrap_or(share).clamp(1, connections),
            messages_per_s: self.messages_per_s.unwrap_or(MESSAGES_PER_S),
            message_burst: self.message_burst.unwrap_or(MESSAGE_BURST),
            leaving: seconds("leaving_s", self.leaving_s.unwrap_or(10.0))?,
            accounts,
        })
    }

    fn tls(&self) -> Result<Option<tls::Settings>, ConfigError> {
        let options = tls::Options {
            names: self.tls.clone(),
            certificate: self.tls_cert.clone(),
            key: self.tls_key.clone(),
            directory: self.acme_directory.clone(),
            authority: self.acme_ca.clone(),
            email: self.acme_email.clone(),
        };
        let meant = options.meant().map_err(wrong)?;
        for (name, of) in [("http_listen", self.http_listen), ("rtmps", self.rtmps)] {
            if of.is_some() && meant.is_none() {
                return Err(wrong(format!(
                    "{name}: give tls, or tls_cert and tls_key: without TLS there is none"
                )));
            }
        }
        Ok(meant)
    }

    fn issuers(&self) -> Result<Vec<Issuer>, ConfigError> {
        let mut written = self.issuers.clone();
        let is_named = self.issuer_iss.is_some() || self.issuer_audience.is_some();
        if self.issuer_secret.is_some() || self.issuer_jwks.is_some() || is_named {
            written.push(WrittenIssuer {
                name: "app".to_owned(),
                iss: self.issuer_iss.clone(),
                aud: self.issuer_audience.clone(),
                subject_claim: None,
                secret: self.issuer_secret.clone(),
                jwks: self.issuer_jwks.clone(),
            });
        }
        written.into_iter().map(WrittenIssuer::meant).collect()
    }
}

impl WrittenIssuer {
    fn meant(self) -> Result<Issuer, ConfigError> {
        let key = match (self.secret, self.jwks) {
            (Some(secret), None) if secret.len() >= SECRET => IssuerKey::Secret(secret),
            (Some(_), None) => {
                let name = self.name;
                return Err(wrong(format!("issuer {name}: a secret has at least {SECRET} bytes")));
            }
            (None, Some(jwks)) => IssuerKey::Jwks(web_address("jwks", &jwks)?),
            _ => {
                return Err(wrong(format!("issuer {}: give either secret or jwks", self.name)));
            }
        };
        let Self { name, iss, aud, subject_claim, .. } = Self { secret: None, jwks: None, ..self };
        Ok(Issuer { name, iss, aud, subject_claim, key })
    }
}

fn read(path: &Path) -> Result<Written, ConfigError> {
    let text =
        std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable(path.to_owned(), error))?;
    toml::from_str(&text).map_err(|error| ConfigError::Malformed(path.to_owned(), Box::new(error)))
}

fn seconds(name: &str, value: f64) -> Result<Duration, ConfigError> {
    Duration::try_from_secs_f64(value)
        .ok()
        .filter(|duration| *duration >= Duration::from_millis(100))
        .ok_or_else(|| wrong(format!("{name}: {value} is not a number of seconds of at least 0.1")))
}

fn web_address(name: &str, value: &str) -> Result<String, ConfigError> {
    let value = value.trim_end_matches('/');
    let has_scheme = value.starts_with("http://") || value.starts_with("https://");
    match value.parse::<axum::http::Uri>() {
        Ok(uri) if has_scheme && uri.host().is_some() && uri.query().is_none() => Ok(value.to_owned()),
        _ => Err(wrong(format!("{name}: \"{value}\" is not an http or https address"))),
    }
}

fn origins(name: &str, written: Vec<String>) -> Result<Vec<String>, ConfigError> {
    let written = written.into_iter().filter(|origin| !origin.trim().is_empty());
    written
        .map(|origin| match origin.trim() {
            "*" => Ok("*".to_owned()),
            origin => web_address(name, origin),
        })
        .collect()
}

fn wrong(sentence: String) -> ConfigError {
    ConfigError::Wrong(sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_has_a_default() {
        let config = Written::default().meant().unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.data_dir, PathBuf::from("./data"));
        assert_eq!(config.patience, Duration::from_secs(600));
        assert!(config.cors_origins.is_empty() && config.accounts.issuers.is_empty());
    }

    #[test]
    fn the_command_line_wins_over_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("c.toml");
        let text = "patience_s = 5\nrunning_lives = 7\n[[issuers]]\nname = 'a'\nsecret = '0123456789abcdef0123456789abcdef'\n";
        std::fs::write(&path, text).unwrap();
        let written = Written { config: Some(path), patience_s: Some(9.0), ..Written::default() };
        let config = written.meant().unwrap();
        assert_eq!(config.patience, Duration::from_secs(9));
        assert_eq!(config.running_lives, 7);
        assert_eq!(config.accounts.issuers.len(), 1);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_name() {
        let refused = |written: Written| written.meant().unwrap_err().to_string();
        assert!(refused(Written { patience_s: Some(-1.0), ..Default::default() }).contains("patience_s"));
        assert!(
            refused(Written { public_url: Some("example.org".into()), ..Default::default() })
                .contains("public_url")
        );
        assert!(
            refused(Written { issuer_secret: Some("x".into()), ..Default::default() }).contains("32 bytes")
        );
        assert!(
            refused(Written { config: Some("/nowhere".into()), ..Default::default() }).contains("/nowhere")
        );
        let somewhere = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
        assert!(refused(Written { http_listen: somewhere, ..Default::default() }).contains("http_listen"));
        assert!(refused(Written { rtmps: somewhere, ..Default::default() }).contains("rtmps"));
    }
}
