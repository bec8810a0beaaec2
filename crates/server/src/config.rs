mod file;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use accounts::{Issuer, IssuerKey, Registration};
use serde::{Deserialize, Serialize};

use crate::mail::MailSettings;
use crate::secrets::secret;
use crate::{logging, tls};

const MESSAGES_PER_S: NonZeroU32 = NonZeroU32::new(100).expect("not zero");
/// Bytes of an issuer's secret at least (RFC 7518, section 3.2: as long as the hash).
const SECRET: usize = 32;
const REQUESTS_PER_S: NonZeroU32 = NonZeroU32::new(100).expect("not zero");
const REQUEST_BURST: NonZeroU32 = NonZeroU32::new(2_000).expect("not zero");
const MESSAGE_BURST: NonZeroU32 = NonZeroU32::new(2_000).expect("not zero");
/// Bytes of a token for metrics at least.
const METRICS_TOKEN: usize = 16;

/// The options that take effect while the server runs when they are read again. All others need a restart.
pub(crate) const RELOADED: &[&str] = &[
    "cors_origins",
    "frame_ancestors",
    "patience_s",
    "running_lives",
    "storage_per_person",
    "reserve",
    "unread_limit",
    "storage",
    "keep_days",
    "connections",
    "connections_per_address",
    "wrong_passwords",
    "registration",
    "registrations_per_address",
    "password_links_per_address",
    "requests_per_s",
    "request_burst",
    "messages_per_s",
    "message_burst",
    "leaving_s",
    "log",
];

/// How the access log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessLogFormat {
    /// A line of JSON for each request.
    Json,
}

/// The configuration as somebody wrote it: on the command line, in the environment or in a file. Whatever is left
/// out has a default. The command line wins over the environment, the environment over the file.
#[derive(Debug, Default, Clone, clap::Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Written {
    /// Where everything is kept [default: ./data]
    #[arg(long, env = "COMMUNICONNECT_DATA_DIR", value_name = "DIR", global = true)]
    pub data_dir: Option<PathBuf>,
    /// A file to which who did what is written, a line of JSON each [default: none]
    #[arg(long, env = "COMMUNICONNECT_AUDIT_LOG", value_name = "FILE")]
    pub audit_log: Option<PathBuf>,
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
    /// Bytes of recordings that all people may keep together [default: as many as the disk has]
    #[arg(long, env = "COMMUNICONNECT_STORAGE", value_name = "BYTES")]
    pub storage: Option<u64>,
    /// Bytes of the disk kept free for the database [default: 1073741824, 1 GiB]
    #[arg(long, env = "COMMUNICONNECT_RESERVE", value_name = "BYTES")]
    pub reserve: Option<u64>,
    /// Bytes of one live that are kept though they cannot be read; more are refused [default: 67108864, 64 MiB]
    #[arg(long, env = "COMMUNICONNECT_UNREAD_LIMIT", value_name = "BYTES")]
    pub unread_limit: Option<u64>,
    /// Days after its end that a live is kept, with its conversation; then it is deleted [default: for ever]
    #[arg(long, env = "COMMUNICONNECT_KEEP_DAYS", value_name = "DAYS")]
    pub keep_days: Option<f64>,
    /// Days that an author may let a live be kept at most, by its `keep_days`; a moderator may let it be kept for longer
    /// [default: as many as --keep-days]
    #[arg(long, env = "COMMUNICONNECT_KEEP_DAYS_AT_MOST", value_name = "DAYS")]
    pub keep_days_at_most: Option<f64>,
    /// Hours without a byte after which a file is ended that can be read only when it is whole [default: 24]
    #[arg(long, env = "COMMUNICONNECT_STAGED_HOURS", value_name = "HOURS")]
    pub staged_hours: Option<f64>,
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
    /// The server of mail by which links to a new password are sent, which needs --public-url: smtps://NAME@mail.example.org, or
    /// smtp:// (with STARTTLS, without which no password is sent) [default: no mail is sent]
    #[arg(long, env = "COMMUNICONNECT_SMTP_URL", value_name = "URL", hide_env_values = true)]
    pub smtp_url: Option<String>,
    /// The password there; on no command line, which others can read
    #[arg(
        long,
        env = "COMMUNICONNECT_SMTP_PASSWORD",
        value_name = "PASSWORD",
        hide_env_values = true,
        hide = true
    )]
    pub smtp_password: Option<String>,
    /// A file whose first line is the password there
    #[arg(long, env = "COMMUNICONNECT_SMTP_PASSWORD_FILE", value_name = "FILE")]
    pub smtp_password_file: Option<PathBuf>,
    /// Whom mail is from: live@example.org, or "Live <live@example.org>"
    #[arg(long, env = "COMMUNICONNECT_SMTP_FROM", value_name = "ADDRESS")]
    pub smtp_from: Option<String>,
    /// Links to a new password that may be asked for an hour from one address of IPv4 or one /64 of IPv6 [default: 100]
    #[arg(long, env = "COMMUNICONNECT_PASSWORD_LINKS_PER_ADDRESS", value_name = "COUNT")]
    pub password_links_per_address: Option<u32>,
    /// Messages a second that one person may write in the long run [default: 100]
    #[arg(long, env = "COMMUNICONNECT_MESSAGES_PER_S", value_name = "COUNT")]
    pub messages_per_s: Option<NonZeroU32>,
    /// Messages that one person may write at once before that counts [default: 2000]
    #[arg(long, env = "COMMUNICONNECT_MESSAGE_BURST", value_name = "COUNT")]
    pub message_burst: Option<NonZeroU32>,
    /// Refreshes a second, in the long run, and as many starts and stops, of one person, or one address for the anonymous; ten times
    /// as many readings of histories, and anonymous WebSockets [default: 100]
    #[arg(long, env = "COMMUNICONNECT_REQUESTS_PER_S", value_name = "COUNT")]
    pub requests_per_s: Option<NonZeroU32>,
    /// Such requests at once before that counts [default: 2000]
    #[arg(long, env = "COMMUNICONNECT_REQUEST_BURST", value_name = "COUNT")]
    pub request_burst: Option<NonZeroU32>,
    /// Seconds that leaving may take [default: 10]
    #[arg(long, env = "COMMUNICONNECT_LEAVING_S", value_name = "SECONDS")]
    pub leaving_s: Option<f64>,
    /// Address and port on which metrics are told, and nowhere else: 127.0.0.1:9464 [default: at /metrics of the server itself]
    #[arg(long, env = "COMMUNICONNECT_METRICS_LISTEN", value_name = "ADDRESS:PORT")]
    pub metrics_listen: Option<SocketAddr>,
    /// A file with the token without which metrics are not told, of 16 bytes at least [default: the credential metrics-token
    /// of systemd's, else none is asked for]
    #[arg(long, env = "COMMUNICONNECT_METRICS_TOKEN_FILE", value_name = "FILE")]
    pub metrics_token_file: Option<PathBuf>,
    /// Writes a line for each request on standard output, in this form [default: none]
    #[arg(long, env = "COMMUNICONNECT_ACCESS_LOG", value_name = "FORM")]
    pub access_log: Option<AccessLogFormat>,
    /// Address of a collector of OpenTelemetry, which gets a span for each request: http://127.0.0.1:4318 [default: none]
    #[arg(long, env = "COMMUNICONNECT_OTLP", value_name = "URL")]
    pub otlp: Option<String>,
    /// How much is said on standard error: error, warn, info, debug or trace, also of parts of the program [default: info]
    #[arg(long, env = "COMMUNICONNECT_LOG", value_name = "LEVEL")]
    pub log: Option<String>,
    /// Secret of the app whose HS256 tokens are accepted, of 32 bytes at least
    #[arg(long, env = "COMMUNICONNECT_ISSUER_SECRET", value_name = "SECRET", hide_env_values = true)]
    pub issuer_secret: Option<String>,
    /// A file with that secret [default: the credential issuer-secret of systemd's, if it hands one over]
    #[arg(long, env = "COMMUNICONNECT_ISSUER_SECRET_FILE", value_name = "FILE")]
    pub issuer_secret_file: Option<PathBuf>,
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
#[derive(Debug, Clone, Serialize, Deserialize)]
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
    /// A file with that secret.
    pub secret_file: Option<PathBuf>,
    /// Address of the keys of RS256 or ES256.
    pub jwks: Option<String>,
}

/// The configuration as it is meant: complete and checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Where who did what is written, if anywhere.
    pub audit_log: Option<PathBuf>,
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
    /// Bytes that all may keep together; as many as the disk has if `None`.
    pub storage: Option<u64>,
    /// Bytes of the disk kept free.
    pub reserve: u64,
    /// Bytes of one live that are kept though they cannot be read.
    pub unread_limit: u64,
    /// How long a live is kept after its end; for ever if `None`.
    pub kept: Option<Duration>,
    /// How long an author may let a live be kept at most; for ever if `None`.
    pub kept_at_most: Option<Duration>,
    /// How long a staged file waits for its next byte.
    pub staged: Duration,
    /// Connections at once.
    pub connections: usize,
    /// Connections at once from one address, or of one person.
    pub connections_per_address: usize,
    /// How mail is sent, if it is.
    pub mail: Option<MailSettings>,
    /// Messages a second that one person may write in the long run.
    pub messages_per_s: NonZeroU32,
    /// Messages that one person may write at once.
    pub message_burst: NonZeroU32,
    /// Requests a second of each limited kind that one sender may make in the long run.
    pub requests_per_s: NonZeroU32,
    /// Such requests at once.
    pub request_burst: NonZeroU32,
    /// How long leaving may take.
    pub leaving: Duration,
    /// Where metrics are told, if not at `/metrics` of the server itself.
    pub metrics_listen: Option<SocketAddr>,
    /// The token without which metrics are not told.
    pub metrics_token: Option<String>,
    /// How the access log is written, if it is.
    pub access_log: Option<AccessLogFormat>,
    /// The collector that gets spans.
    pub otlp: Option<String>,
    /// How much is logged.
    pub log: String,
    /// How people sign in.
    pub accounts: accounts::Settings,
    /// What was said on the command line and in the environment.
    said: Written,
    /// All that was written, by the names of the options.
    options: serde_json::Map<String, serde_json::Value>,
}

/// What is wrong with a configuration: every mistake, a sentence each.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ConfigError(Vec<String>);

impl ConfigError {
    /// The mistakes.
    #[must_use]
    pub fn mistakes(&self) -> &[String] {
        &self.0
    }
}

impl Config {
    /// The same with its file as it is now.
    ///
    /// # Errors
    /// As [`Written::meant`].
    pub(crate) fn again(&self) -> Result<Self, ConfigError> {
        self.said.clone().meant()
    }

    /// The names of the options that another one has otherwise.
    pub(crate) fn changed(&self, other: &Self) -> Vec<String> {
        let names =
            self.options.keys().chain(other.options.keys().filter(|name| !self.options.contains_key(*name)));
        names.filter(|name| self.options.get(*name) != other.options.get(*name)).cloned().collect()
    }
}

impl Written {
    /// What is meant: this, where it is silent its file, where that is silent the defaults.
    ///
    /// # Errors
    /// Every mistake there is: a file that cannot be read, an option that is none, a value that cannot be meant.
    pub fn meant(self) -> Result<Config, ConfigError> {
        let mut mistakes = Vec::new();
        let file = self.config.as_deref().map(|path| file::read(path, &mut mistakes)).unwrap_or_default();
        let said = self.clone();
        let config = self.or(file).with_defaults(said, &mut mistakes);
        if mistakes.is_empty() { Ok(config) } else { Err(ConfigError(mistakes)) }
    }

    fn or(self, file: Self) -> Self {
        Self {
            data_dir: self.data_dir.or(file.data_dir),
            audit_log: self.audit_log.or(file.audit_log),
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
            storage: self.storage.or(file.storage),
            reserve: self.reserve.or(file.reserve),
            unread_limit: self.unread_limit.or(file.unread_limit),
            keep_days: self.keep_days.or(file.keep_days),
            staged_hours: self.staged_hours.or(file.staged_hours),
            keep_days_at_most: self.keep_days_at_most.or(file.keep_days_at_most),
            connections: self.connections.or(file.connections),
            connections_per_address: self.connections_per_address.or(file.connections_per_address),
            access_token_s: self.access_token_s.or(file.access_token_s),
            refresh_token_days: self.refresh_token_days.or(file.refresh_token_days),
            wrong_passwords: self.wrong_passwords.or(file.wrong_passwords),
            registration: self.registration.or(file.registration),
            registrations_per_address: self.registrations_per_address.or(file.registrations_per_address),
            smtp_url: self.smtp_url.or(file.smtp_url),
            smtp_password: self.smtp_password.or(file.smtp_password),
            smtp_password_file: self.smtp_password_file.or(file.smtp_password_file),
            smtp_from: self.smtp_from.or(file.smtp_from),
            password_links_per_address: self.password_links_per_address.or(file.password_links_per_address),
            messages_per_s: self.messages_per_s.or(file.messages_per_s),
            message_burst: self.message_burst.or(file.message_burst),
            requests_per_s: self.requests_per_s.or(file.requests_per_s),
            request_burst: self.request_burst.or(file.request_burst),
            leaving_s: self.leaving_s.or(file.leaving_s),
            metrics_listen: self.metrics_listen.or(file.metrics_listen),
            metrics_token_file: self.metrics_token_file.or(file.metrics_token_file),
            access_log: self.access_log.or(file.access_log),
            otlp: self.otlp.or(file.otlp),
            log: self.log.or(file.log),
            issuer_secret: self.issuer_secret.or(file.issuer_secret),
            issuer_secret_file: self.issuer_secret_file.or(file.issuer_secret_file),
            issuer_jwks: self.issuer_jwks.or(file.issuer_jwks),
            issuer_iss: self.issuer_iss.or(file.issuer_iss),
            issuer_audience: self.issuer_audience.or(file.issuer_audience),
            issuers: if self.issuers.is_empty() { file.issuers } else { self.issuers },
        }
    }

    fn with_defaults(self, said: Self, mistakes: &mut Vec<String>) -> Config {
        // Numbers, words and lists of them are always written.
        let options = match serde_json::to_value(&self) {
            Ok(serde_json::Value::Object(options)) => options,
            _ => serde_json::Map::new(),
        };
        let accounts = accounts::Settings {
            access_life: Duration::from_secs(self.access_token_s.unwrap_or(60 * 60)),
            refresh_life: Duration::from_secs(self.refresh_token_days.unwrap_or(30).saturating_mul(86_400)),
            wrong_passwords_per_minute: self.wrong_passwords.unwrap_or(10),
            registration: self.registration.unwrap_or_default(),
            registrations_per_hour: self.registrations_per_address.unwrap_or(1_000),
            password_links_per_hour: self.password_links_per_address.unwrap_or(100),
            issuers: self.issuers(mistakes),
        };
        let connections = self.connections.unwrap_or(20_000).clamp(1, 1 << 20);
        let share = connections.div_ceil(4);
        let mut taken = Taken(mistakes);
        let tls = self.tls(&mut taken);
        let mail = self.mail(&mut taken);
        let public_url = self.public_url.and_then(|url| taken.some(web_address("public_url", &url)));
        let otlp = self.otlp.and_then(|url| taken.some(web_address("otlp", &url)));
        let staged = taken.seconds("staged_hours", self.staged_hours.unwrap_or(24.0) * 3_600.0);
        let kept = taken.some(days("keep_days", self.keep_days)).flatten();
        let at_most = self.keep_days_at_most.or(self.keep_days);
        let kept_at_most = taken.some(days("keep_days_at_most", at_most)).flatten();
        let file = self.metrics_token_file.as_deref();
        let metrics_token = taken.some(secret("metrics_token", None, file, Some("metrics-token"))).flatten();
        let log = self.log.unwrap_or_else(|| logging::USUAL.to_owned());
        taken.some(logging::check(&log));
        if metrics_token.as_ref().is_some_and(|token| token.len() < METRICS_TOKEN) {
            taken.0.push(format!("metrics_token_file: a token has at least {METRICS_TOKEN} bytes"));
        }
        Config {
            data_dir: self.data_dir.unwrap_or_else(|| PathBuf::from("./data")),
            audit_log: self.audit_log,
            listen: self.listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080))),
            rtmp: self.rtmp,
            rtmps: self.rtmps,
            tls,
            http_listen: self.http_listen,
            public_url,
            trust_proxy: self.trust_proxy.unwrap_or(false),
            cors_origins: taken.origins("cors_origins", self.cors_origins),
            frame_ancestors: taken.origins("frame_ancestors", self.frame_ancestors),
            patience: taken.seconds("patience_s", self.patience_s.unwrap_or(600.0)),
            running_lives: self.running_lives.unwrap_or(100),
            storage_per_person: self.storage_per_person.unwrap_or(20 << 30),
            storage: self.storage,
            reserve: self.reserve.unwrap_or(1 << 30),
            unread_limit: self.unread_limit.unwrap_or(recorder::unread::USUAL_LIMIT),
            staged,
            kept,
            kept_at_most,
            connections,
            connections_per_address: self.connections_per_address.unwrap_or(share).clamp(1, connections),
            messages_per_s: self.messages_per_s.unwrap_or(MESSAGES_PER_S),
            message_burst: self.message_burst.unwrap_or(MESSAGE_BURST),
            requests_per_s: self.requests_per_s.unwrap_or(REQUESTS_PER_S),
            request_burst: self.request_burst.unwrap_or(REQUEST_BURST),
            mail,
            leaving: taken.seconds("leaving_s", self.leaving_s.unwrap_or(10.0)),
            metrics_listen: self.metrics_listen,
            metrics_token,
            access_log: self.access_log,
            otlp,
            log,
            accounts,
            said,
            options,
        }
    }

    fn tls(&self, taken: &mut Taken<'_>) -> Option<tls::Settings> {
        let options = tls::Options {
            names: self.tls.clone(),
            certificate: self.tls_cert.clone(),
            key: self.tls_key.clone(),
            directory: self.acme_directory.clone(),
            authority: self.acme_ca.clone(),
            email: self.acme_email.clone(),
        };
        let meant = taken.some(options.meant())?;
        for (name, of) in [("http_listen", self.http_listen), ("rtmps", self.rtmps)] {
            if of.is_some() && meant.is_none() {
                taken.0.push(format!("{name}: give tls, or tls_cert and tls_key: without TLS there is none"));
            }
        }
        meant
    }

    fn mail(&self, taken: &mut Taken<'_>) -> Option<MailSettings> {
        let url = self.smtp_url.as_ref()?;
        // Without it whoever asks would say, by their Host, where the link leads that is sent to somebody else.
        if self.public_url.is_none() {
            taken.0.push("smtp_url: links in mail need public_url, the address that people use".to_owned());
        }
        let (said, file) = (self.smtp_password.clone(), self.smtp_password_file.as_deref());
        let password = taken.some(secret("smtp_password", said, file, Some("smtp-password"))).flatten();
        let from = self.smtp_from.as_deref().ok_or_else(|| "smtp_url: smtp_from is missing".to_owned());
        let from = taken.some(from)?;
        taken.some(MailSettings::written(url, password, from))
    }

    fn issuers(&self, mistakes: &mut Vec<String>) -> Vec<Issuer> {
        let mut written = self.issuers.clone();
        let is_named = self.issuer_iss.is_some() || self.issuer_audience.is_some();
        let credential = self.issuer_jwks.is_none().then_some("issuer-secret");
        let (said, file) = (self.issuer_secret.clone(), self.issuer_secret_file.as_deref());
        let secret = match secret("issuer_secret", said, file, credential) {
            Ok(secret) => secret,
            Err(mistake) => {
                mistakes.push(mistake);
                return Vec::new();
            }
        };
        if secret.is_some() || self.issuer_jwks.is_some() || is_named {
            written.push(WrittenIssuer {
                name: "app".to_owned(),
                iss: self.issuer_iss.clone(),
                aud: self.issuer_audience.clone(),
                subject_claim: None,
                secret,
                secret_file: None,
                jwks: self.issuer_jwks.clone(),
            });
        }
        let mut taken = Taken(mistakes);
        written.into_iter().filter_map(|issuer| taken.some(issuer.meant())).collect()
    }
}

impl WrittenIssuer {
    fn meant(self) -> Result<Issuer, String> {
        let Self { name, iss, aud, subject_claim, secret: said, secret_file, jwks } = self;
        let of = |mistake| format!("issuer {name}: {mistake}");
        let key = match (secret("secret", said, secret_file.as_deref(), None).map_err(of)?, jwks) {
            (Some(secret), None) if secret.len() >= SECRET => IssuerKey::Secret(secret),
            (Some(_), None) => return Err(of(format!("a secret has at least {SECRET} bytes"))),
            (None, Some(jwks)) => IssuerKey::Jwks(web_address("jwks", &jwks).map_err(of)?),
            _ => return Err(of("give either secret or jwks".to_owned())),
        };
        Ok(Issuer { name, iss, aud, subject_claim, key })
    }
}

/// Takes values, and keeps the mistakes.
struct Taken<'a>(&'a mut Vec<String>);

impl Taken<'_> {
    fn some<T>(&mut self, value: Result<T, String>) -> Option<T> {
        value.map_err(|mistake| self.0.push(mistake)).ok()
    }

    fn seconds(&mut self, name: &str, value: f64) -> Duration {
        self.some(seconds(name, value)).unwrap_or_default()
    }

    fn origins(&mut self, name: &str, written: Option<Vec<String>>) -> Vec<String> {
        let written = written.unwrap_or_default();
        let written = written.iter().map(|origin| origin.trim()).filter(|origin| !origin.is_empty());
        let meant = written.map(|origin| match origin {
            "*" => Ok("*".to_owned()),
            origin => web_address(name, origin),
        });
        meant.filter_map(|origin| self.some(origin)).collect()
    }
}

fn seconds(name: &str, value: f64) -> Result<Duration, String> {
    Duration::try_from_secs_f64(value)
        .ok()
        .filter(|duration| *duration >= Duration::from_millis(100))
        .ok_or_else(|| format!("{name}: {value} is not a number of seconds of at least 0.1"))
}

/// So many days, which are 0.1 s at least.
fn days(name: &str, value: Option<f64>) -> Result<Option<Duration>, String> {
    value.map(|days| seconds(name, days * 86_400.0)).transpose()
}

fn web_address(name: &str, value: &str) -> Result<String, String> {
    let value = value.trim_end_matches('/');
    let has_scheme = value.starts_with("http://") || value.starts_with("https://");
    match value.parse::<axum::http::Uri>() {
        Ok(uri) if has_scheme && uri.host().is_some() && uri.query().is_none() => Ok(value.to_owned()),
        _ => Err(format!("{name}: \"{value}\" is not an http or https address")),
    }
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

    #[test]
    fn every_mistake_is_named_not_only_the_first() {
        let wrong = Written {
            patience_s: Some(0.0),
            leaving_s: Some(-1.0),
            public_url: Some("example.org".into()),
            cors_origins: Some(vec!["a".into(), "https://good.example".into(), "b".into()]),
            log: Some("everything=loud".into()),
            metrics_token_file: Some("/nowhere".into()),
            issuer_secret: Some("x".into()),
            ..Default::default()
        };
        let mistakes = wrong.meant().unwrap_err().mistakes().join("\n");
        let named =
            ["patience_s", "leaving_s", "public_url", "\"a\"", "\"b\"", "log", "/nowhere", "32 bytes"];
        for name in named {
            assert!(mistakes.contains(name), "{name} in {mistakes}");
        }
        assert_eq!(mistakes.lines().count(), named.len(), "{mistakes}");
    }

    #[test]
    fn what_is_otherwise_in_the_file_is_known_by_its_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("c.toml");
        std::fs::write(&path, "patience_s = 5\nlisten = '127.0.0.1:1'\n").unwrap();
        let written = Written { config: Some(path.clone()), running_lives: Some(3), ..Written::default() };
        let config = written.meant().unwrap();
        std::fs::write(&path, "patience_s = 5\nlisten = '127.0.0.1:2'\nrunning_lives = 9\nreserve = 1\n")
            .unwrap();
        let again = config.again().unwrap();
        assert_eq!(again.running_lives, 3, "the command line wins");
        assert_eq!(config.changed(&again), ["listen", "reserve"]);
        std::fs::write(&path, "patience_s = 'x'").unwrap();
        assert!(config.again().is_err());
    }
}
