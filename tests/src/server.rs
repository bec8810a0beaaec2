//! The real server, started for one test.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use crate::{Api, Live, Person};

/// How long a start may take before the test gives up.
const START: Duration = Duration::from_secs(20);
/// How long something may take until it is printed or logged.
const SAID: Duration = Duration::from_secs(10);
/// How often the log is looked at by whoever waits for it.
const LOOK: Duration = Duration::from_millis(5);
/// How long leaving may take at the end of a test before the server is killed.
const LEAVE: Duration = Duration::from_secs(15);

/// A running server with a directory of its own. Leaves when dropped; its log is printed when the test fails.
#[derive(Debug)]
pub struct Server {
    child: Child,
    base: String,
    data: TempDir,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    printed: watch::Receiver<Vec<String>>,
}

impl Server {
    /// A server on a free port with an empty directory.
    pub async fn start() -> Self {
        Self::configured(&[], &[]).await
    }

    /// The same with further command line options of `serve` and environment variables.
    pub async fn configured(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let data = tempfile::tempdir().expect("a temporary directory can be made");
        Self::with_data(data, arguments, environment).await
    }

    /// The same with its directory on another file system.
    pub async fn in_directory(parent: &Path, arguments: &[&str]) -> Self {
        let data = tempfile::tempdir_in(parent).expect("a directory can be made there");
        Self::with_data(data, arguments, &[]).await
    }

    /// The same on a directory that something is in.
    pub async fn on(data: TempDir) -> Self {
        Self::with_data(data, &[], &[]).await
    }

    async fn with_data(data: TempDir, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let arguments: Vec<String> = arguments.iter().map(|&word| word.to_owned()).collect();
        let environment: Vec<_> =
            environment.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let (child, base, printed) = run(data.path(), &arguments, &environment).await;
        Self { child, base, data, arguments, environment, printed }
    }

    /// Where it answers: `http://127.0.0.1:PORT`, or `https://` where it speaks TLS.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// `127.0.0.1:PORT`, for clients that speak through a bare socket.
    #[must_use]
    pub fn address(&self) -> &str {
        self.base.split_once("://").map_or("", |(_, address)| address)
    }

    /// The same as it is connected to.
    ///
    /// # Panics
    /// When the server said something else than its address.
    #[must_use]
    pub fn socket_address(&self) -> std::net::SocketAddr {
        self.address().parse().expect("an address")
    }

    /// The address that a line of its log gives as `address=`.
    ///
    /// # Panics
    /// When there is no such line.
    #[must_use]
    pub fn logged_address(&self, line: &str) -> std::net::SocketAddr {
        let log = self.log();
        let found = log.lines().find(|one| one.contains(line)).and_then(|one| one.split("address=").nth(1));
        let address = found.and_then(|rest| rest.split_whitespace().next());
        address.and_then(|address| address.parse().ok()).unwrap_or_else(|| panic!("no {line:?} in:\n{log}"))
    }

    /// Its data directory.
    #[must_use]
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// A client without a name.
    #[must_use]
    pub fn anonymous(&self) -> Api {
        Api::new(&self.base)
    }

    /// A new person, signed up and signed in.
    pub async fn person(&self, first_name: &str) -> Person {
        Person::register(self, first_name).await
    }

    /// A new person and a public live of theirs.
    pub async fn live(&self) -> (Person, Live) {
        let author = self.person("Awa").await;
        let live = author.start_live(serde_json::json!({"title": "Marché de Sandaga"})).await;
        (author, live)
    }

    /// `kill -9`: nothing in the program gets to run any more.
    pub async fn kill_nine(&mut self) {
        self.signal(Signal::SIGKILL);
        self.child.wait().await.expect("a killed process can be waited for");
    }

    /// SIGTERM, and waits until it has left.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        match tokio::time::timeout(LEAVE, self.child.wait()).await {
            Ok(status) => status.expect("a process that left can be waited for"),
            Err(_) => panic!("the server did not leave within {LEAVE:?} of SIGTERM"),
        }
    }

    /// Starts it again on the same directory (and another port), after it was killed or has left.
    pub async fn restart(&mut self) {
        let (child, base, printed) = run(self.data.path(), &self.arguments, &self.environment).await;
        self.printed = printed;
        self.child = child;
        self.base = base;
    }

    /// Runs another command of the program on the server's directory: its exit status and what it printed.
    pub async fn command(&self, arguments: &[&str]) -> (ExitStatus, String) {
        let mut command = Command::new(program());
        command.args(arguments).arg("--data-dir").arg(self.data.path()).envs(profile());
        let output = command.output().await.expect("the program can be started");
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        (output.status, text)
    }

    /// What it logged so far, all starts together.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(log_path(self.data.path())).unwrap_or_default()
    }

    /// Waits until it has logged something, and answers the first line with it.
    ///
    /// # Panics
    /// When it does not within ten seconds.
    pub async fn logged(&self, part: &str) -> String {
        let begin = std::time::Instant::now();
        loop {
            if let Some(line) = self.log().lines().find(|line| line.contains(part)) {
                return line.to_owned();
            }
            assert!(begin.elapsed() < SAID, "it did not log {part:?}");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until it has printed a line with something after its first one, and answers that line.
    ///
    /// # Panics
    /// When it does not within ten seconds.
    pub async fn printed(&self, part: &str) -> String {
        let mut printed = self.printed.clone();
        let find = |lines: &Vec<String>| lines.iter().find(|line| line.contains(part)).cloned();
        let found = tokio::time::timeout(SAID, printed.wait_for(|lines| find(lines).is_some())).await;
        let lines = found.ok().and_then(Result::ok).map(|lines| lines.clone());
        lines.as_ref().and_then(find).unwrap_or_else(|| panic!("it did not print {part:?}"))
    }

    /// SIGHUP: it reads its configuration again.
    pub fn hang_up(&self) {
        self.signal(Signal::SIGHUP);
    }

    /// Its resident memory in bytes, as the kernel counts it.
    #[must_use]
    pub fn resident_memory(&self) -> u64 {
        self.memory("VmRSS:")
    }

    /// The most of it that there ever was.
    #[must_use]
    pub fn peak_memory(&self) -> u64 {
        self.memory("VmHWM:")
    }

    fn memory(&self, of: &str) -> u64 {
        let path = format!("/proc/{}/status", self.pid());
        let status = std::fs::read_to_string(path).expect("the process runs");
        let line = status.lines().find(|line| line.starts_with(of)).expect("the kernel counts memory");
        let kibibytes: u64 =
            line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).expect("a number of kB");
        kibibytes * 1024
    }

    /// The time that processors have worked for it so far, to a hundredth of a second.
    #[must_use]
    pub fn processor_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).expect("the process runs");
        // Behind the name, which may hold blanks: user and system time are the 12th and the 13th.
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        Duration::from_millis(ticks * 10)
    }

    /// Bytes that it has read from files so far, also those that the system had in memory.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        let io = std::fs::read_to_string(format!("/proc/{}/io", self.pid())).expect("the process runs");
        let line = io.lines().find_map(|line| line.strip_prefix("rchar: ")).expect("the kernel counts reads");
        line.trim().parse().expect("a number of bytes")
    }

    fn pid(&self) -> u32 {
        self.child.id().expect("the server runs")
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).expect("a process id fits");
        kill(Pid::from_raw(pid), signal).expect("the server can be signalled");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.id().is_some() {
            self.signal(Signal::SIGTERM);
            let deadline = std::time::Instant::now() + LEAVE;
            while matches!(self.child.try_wait(), Ok(None)) {
                if std::time::Instant::now() > deadline {
                    self.signal(Signal::SIGKILL);
                    break;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        if std::thread::panicking() {
            eprintln!("--- the server's log ---\n{}--- end of the log ---", self.log());
        }
        let _ = std::fs::remove_file(log_path(self.data.path()));
    }
}

/// The program under test: `COMMUNICONNECT_BIN`, or the one built beside this test.
#[must_use]
pub fn program() -> PathBuf {
    if let Some(path) = std::env::var_os("COMMUNICONNECT_BIN") {
        return PathBuf::from(path);
    }
    let test = std::env::current_exe().expect("a test knows its own path");
    let deps = test.parent().expect("a test stands in a directory");
    let profile = if deps.ends_with("deps") { deps.parent().unwrap_or(deps) } else { deps };
    let program = profile.join("communiconnect");
    assert!(program.exists(), "{} is not built: cargo build -p server", program.display());
    program
}

/// The lines that a server prints after its first.
type Printed = watch::Receiver<Vec<String>>;

async fn run(
    data: &Path,
    arguments: &[String],
    environment: &[(String, String)],
) -> (Child, String, Printed) {
    let log = std::fs::File::options()
        .create(true)
        .append(true)
        .open(log_path(data))
        .expect("the log can be opened");
    let mut command = Command::new(program());
    command.arg("serve").args(["--listen", "127.0.0.1:0", "--data-dir"]).arg(data).args(arguments);
    command.envs(environment.iter().map(|(name, value)| (name, value))).envs(profile());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
    let mut child = command.spawn().expect("the program can be started");
    let output = child.stdout.take().expect("the standard output is piped");
    let mut lines = BufReader::new(output).lines();
    let first = tokio::time::timeout(START, lines.next_line()).await;
    let Ok(Ok(Some(line))) = first else {
        let log = std::fs::read_to_string(log_path(data)).unwrap_or_default();
        panic!("the server did not say that it is ready ({first:?}); its log:\n{log}");
    };
    let base = line.strip_prefix("ready ").unwrap_or_else(|| panic!("not the ready line: {line:?}"));
    // The pipe is read on, so that a program that prints more than its one line is not stopped by it.
    let (told, printed) = watch::channel(Vec::new());
    tokio::spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            told.send_modify(|lines| lines.push(line));
        }
    });
    (child, base.trim_end_matches('/').to_owned(), printed)
}

/// Beside the other temporary files, not on the file system under test.
fn log_path(data: &Path) -> PathBuf {
    let name = data.file_name().expect("a data directory has a name");
    std::env::temp_dir().join(name).with_extension("log")
}

/// Where a build that measures coverage puts its counts: a file of its own for each process.
fn profile() -> Option<(&'static str, String)> {
    let pattern = std::env::var("LLVM_PROFILE_FILE").ok()?;
    Some(("LLVM_PROFILE_FILE", pattern))
}
