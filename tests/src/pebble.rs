//! Debian's Pebble: an authority that speaks ACME as strictly as it may, and refuses some nonces on purpose.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::tls::Authority;

/// How long a start may take.
const START: Duration = Duration::from_secs(20);
const ACME: u16 = 14_000;
const DNS: u16 = 8_053;

/// Where an authority of this process will be, before it is there.
#[derive(Debug)]
pub struct Place {
    directory: TempDir,
    /// An address of this machine's own network that no other process of the tests uses.
    pub address: Ipv4Addr,
}

/// What an authority is told.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Where every name is.
    pub names_at: Ipv4Addr,
    /// The port on which it asks over HTTP.
    pub http_port: u16,
    /// The port on which it asks over TLS.
    pub tls_port: u16,
    /// Seconds that its certificates are good.
    pub life_s: u32,
}

/// A running authority, and the DNS that it asks. Ends when dropped.
#[derive(Debug)]
pub struct Pebble {
    _authority: Child,
    _names: Child,
    said: Said,
}

/// What a program said on its standard output, line by line.
type Said = Arc<Mutex<Vec<String>>>;

impl Default for Place {
    fn default() -> Self {
        let process = std::process::id();
        let [.., third, fourth] = process.to_be_bytes();
        let place = Self {
            directory: tempfile::tempdir().expect("a temporary directory"),
            address: Ipv4Addr::new(127, 77, third, fourth.max(1)),
        };
        let authority = Authority::default();
        let pair = authority.pair(&[&place.address.to_string()]);
        for (name, text) in
            [("ca.pem", &authority.pem()), ("chain.pem", &pair.certificate), ("key.pem", &pair.key)]
        {
            std::fs::write(place.path(name), text).expect("a file is written");
        }
        place
    }
}

impl Place {
    /// The options of a server that gets its certificates here.
    #[must_use]
    pub fn options(&self) -> [String; 4] {
        let directory = format!("https://{}:{ACME}/dir", self.address);
        let authority = self.path("ca.pem").display().to_string();
        ["--acme-directory".to_owned(), directory, "--acme-ca".to_owned(), authority]
    }

    /// Starts the authority here.
    ///
    /// # Panics
    /// Where Pebble is not installed.
    pub async fn start(&self, settings: Settings) -> Pebble {
        let dns = format!("{}:{DNS}", self.address);
        let mut names = Command::new("pebble-challtestsrv");
        names.args(["-http01", "", "-https01", "", "-tlsalpn01", "", "-management", "", "-defaultIPv6", ""]);
        names.args(["-dns01", &dns, "-defaultIPv4", &settings.names_at.to_string()]);
        let (names, _) = started(&mut names, "Starting challenge servers").await;
        let config = json!({"pebble": {
            "listenAddress": format!("{}:{ACME}", self.address),
            "certificate": self.path("chain.pem"),
            "privateKey": self.path("key.pem"),
            "httpPort": settings.http_port,
            "tlsPort": settings.tls_port,
            "certificateValidityPeriod": settings.life_s,
        }});
        std::fs::write(self.path("config.json"), config.to_string()).expect("a file is written");
        let mut authority = Command::new("pebble");
        authority.env("PEBBLE_VA_NOSLEEP", "1").arg("-config").arg(self.path("config.json"));
        authority.args(["-strict", "-dnsserver", &dns]);
        let (authority, said) = started(&mut authority, "ACME directory available").await;
        Pebble { _authority: authority, _names: names, said }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

impl Pebble {
    /// How many certificates it gave.
    ///
    /// # Panics
    /// When a reader of its words did.
    #[must_use]
    pub fn issued(&self) -> usize {
        let said = self.said.lock().expect("nobody panicked");
        said.iter().filter(|line| line.contains("Issued certificate serial")).count()
    }
}

/// Starts a program, and waits for a line of its standard output.
async fn started(command: &mut Command, line: &str) -> (Child, Said) {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().expect("run scripts/setup-tests.sh");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let until = async {
        while let Some(next) = lines.next_line().await.expect("its output is read") {
            if next.contains(line) {
                return;
            }
        }
        panic!("{command:?} ended before it said {line:?}");
    };
    tokio::time::timeout(START, until).await.expect("it starts");
    let said = Said::default();
    let keeping = Arc::clone(&said);
    tokio::spawn(async move {
        while let Ok(Some(next)) = lines.next_line().await {
            keeping.lock().expect("nobody panicked").push(next);
        }
    });
    (child, said)
}
