//! Proxies in front of a server, configured as `docs/INTEGRATE.md` has it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{Server, repository};

/// Which program stands in front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// nginx.
    Nginx,
    /// Caddy.
    Caddy,
}

/// Where people find the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On a name of its own.
    OwnName,
    /// Under `/live` of somebody else's, which the proxy takes off.
    UnderAPath,
}

/// A server behind a proxy.
#[derive(Debug)]
pub struct Proxied {
    /// The server, which knows where it is found.
    pub server: Server,
    /// Where people find it, without a final slash.
    pub base: String,
    _proxy: Child,
    _folder: TempDir,
}

impl Proxied {
    /// Starts both.
    ///
    /// # Panics
    /// When the page has no such configuration or the proxy does not start.
    pub async fn start(program: Program, place: Place) -> Self {
        let port = free_port();
        let path = if place == Place::UnderAPath { "/live" } else { "" };
        let base = format!("http://127.0.0.1:{port}{path}");
        let server = Server::configured(&["--public-url", &base, "--trust-proxy"], &[]).await;
        let folder = tempfile::tempdir().expect("a temporary directory");
        let text = documented(program, place).replace("127.0.0.1:8080", server.address());
        let mut command = match program {
            Program::Nginx => nginx(folder.path(), &text, port),
            Program::Caddy => caddy(folder.path(), &text, port),
        };
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let proxy = command.spawn().expect("the proxy starts: run scripts/setup-tests.sh");
        let listening = async {
            while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), listening).await.expect("the proxy listens");
        Self { server, base, _proxy: proxy, _folder: folder }
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// The configuration as the page has it.
fn documented(program: Program, place: Place) -> String {
    let program = if program == Program::Nginx { "nginx" } else { "caddy" };
    let place = if place == Place::OwnName { "own-name" } else { "under-a-path" };
    let page = std::fs::read_to_string(repository().join("docs/INTEGRATE.md")).expect("the page");
    let (_, block) = page.split_once(&format!("```{program} {place}\n")).expect("a configuration");
    block.split_once("```").expect("the end of the configuration").0.to_owned()
}

fn nginx(folder: &Path, text: &str, port: u16) -> Command {
    let without_certificate: Vec<_> = text.lines().filter(|line| !line.contains("ssl_certificate")).collect();
    let text = without_certificate.join("\n").replace("listen 443 ssl", &format!("listen 127.0.0.1:{port}"));
    let here = |name: &str| folder.join(name).display().to_string();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {};\n", here(name)))
        .concat();
    let whole = format!(
        "daemon off; master_process off; pid {};\nerror_log {} warn;\nevents {{}}\nhttp {{\n{temporary}access_log off;\n{text}}}\n",
        here("pid"),
        here("errors"),
    );
    std::fs::write(folder.join("nginx.conf"), whole).expect("a configuration");
    let mut command = Command::new("nginx");
    command.arg("-e").arg(folder.join("errors")).arg("-c").arg(folder.join("nginx.conf"));
    command.arg("-p").arg(folder);
    command
}

fn caddy(folder: &Path, text: &str, port: u16) -> Command {
    let address = format!("http://127.0.0.1:{port}");
    let sites = ["live.example", "app.example"]
        .iter()
        .fold(text.to_owned(), |text, name| text.replace(name, &address));
    std::fs::write(folder.join("Caddyfile"), format!("{{\n    admin off\n}}\n{sites}"))
        .expect("a configuration");
    let mut command = Command::new("caddy");
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(folder.join("Caddyfile"));
    command.env("HOME", folder).env("XDG_DATA_HOME", folder).env("XDG_CONFIG_HOME", folder);
    command
}
