//! The command line: `communiconnect serve | verify | export | backup | restore | reread`, and what is in [`commands`].

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use delivery::poster;
use ids::LiveId;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing_subscriber::EnvFilter;

use crate::commands::Administration;
use crate::config::Written;
use crate::in_use::InUse;
use crate::terminal::say;
use crate::{backup, commands, data_dir, engines, export, offline, recorded, serve, shutdown};

/// How long tasks that would not end are waited for, once the server has left.
const LAST_WAIT: Duration = Duration::from_millis(500);

/// CommuniConnect Live: go live, keep everything, replay it.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Line {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Written,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the server (also without a command)
    Serve(Box<Written>),
    /// Checks every body, index and message without changing anything
    Verify {
        #[command(flatten)]
        at: DataDir,
    },
    /// Writes one live into one self-contained file, or a folder of them where its takes differ too much for one
    Export {
        /// The live's number
        live_id: i64,
        /// The file to write, by its ending (.mp4, .m4a, .webm); without one what fits, a folder where takes differ
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        #[command(flatten)]
        at: DataDir,
    },
    /// Copies everything, also beside a running server, into a folder: an empty one, or that of an earlier backup, of which
    /// only what changed is copied
    Backup {
        /// The folder
        #[arg(value_name = "FOLDER")]
        to: PathBuf,
        #[command(flatten)]
        at: DataDir,
    },
    /// Makes a data directory of a backup
    Restore {
        /// The folder of the backup
        #[arg(value_name = "FOLDER")]
        from: PathBuf,
        #[command(flatten)]
        at: DataDir,
    },
    /// Reads again what could not be read of a live, with this version of the program: what it understands becomes takes of
    /// the live. Not beside a running server
    Reread {
        /// The live's number
        #[arg(required_unless_present = "all")]
        live_id: Option<i64>,
        /// Every live
        #[arg(long, conflicts_with = "live_id")]
        all: bool,
        #[command(flatten)]
        at: DataDir,
    },
    #[command(flatten)]
    Administration(Administration),
    /// What the server starts itself as, to decode a keyframe apart
    #[command(name = poster::SUBCOMMAND, hide = true)]
    DecodeKeyframe,
}

#[derive(clap::Args)]
struct DataDir {
    /// Where everything is kept
    #[arg(long, env = "COMMUNICONNECT_DATA_DIR", value_name = "DIR", default_value = "./data")]
    data_dir: PathBuf,
}

/// Reads the command line and does what it says.
#[must_use]
pub fn main() -> ExitCode {
    let line = Line::parse();
    log_to_standard_error();
    let done = match line.command {
        None => run_server(line.serve),
        Some(Command::Serve(written)) => run_server(*written),
        Some(Command::Verify { at }) => verify(&at.data_dir),
        Some(Command::Export { live_id, output, at }) => export(&at.data_dir, live_id, &output),
        Some(Command::Backup { to, at }) => back_up(&at.data_dir, &to),
        Some(Command::Restore { from, at }) => restore(&from, &at.data_dir),
        Some(Command::Reread { live_id, all: _, at }) => reread(&at.data_dir, live_id),
        Some(Command::Administration(command)) => commands::run(command),
        Some(Command::DecodeKeyframe) => return poster::decode_standard_input(),
    };
    done.unwrap_or_else(|sentence| {
        eprintln!("communiconnect: {sentence}");
        ExitCode::FAILURE
    })
}

fn run_server(written: Written) -> Result<ExitCode, String> {
    let config = written.meant().map_err(said)?;
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    allow_many_open_files();
    let runtime = tokio::runtime::Runtime::new().map_err(said)?;
    let served = runtime.block_on(async {
        let signal = shutdown::signal().map_err(said)?;
        serve::run(config, signal, |address| say(&format!("ready {scheme}://{address}"))).await.map_err(said)
    });
    runtime.shutdown_timeout(LAST_WAIT);
    // The directory is let go with the process, not before: a task that did not end may still write there.
    served.map(std::mem::forget).map(|()| ExitCode::SUCCESS)
}

/// A connection is an open file, and so is a body that is read: as many are allowed as the system lets us.
fn allow_many_open_files() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!(%error, "the number of open files stays limited");
    }
}

fn verify(data_dir: &Path) -> Result<ExitCode, String> {
    let mut found = engines::verify(data_dir)?;
    found.extend(recorded::verify(data_dir));
    for sentence in &found {
        say(sentence);
    }
    if found.is_empty() {
        say("everything is as it should be");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}

fn export(data_dir: &Path, live_id: i64, output: &Path) -> Result<ExitCode, String> {
    export::export(data_dir, LiveId(live_id), output)?;
    Ok(ExitCode::SUCCESS)
}

fn back_up(data_dir: &Path, to: &Path) -> Result<ExitCode, String> {
    no_bucket(to)?;
    data_dir::keep_private();
    let backup::Copied { lives, bytes, new_bytes } = backup::backup(data_dir, to, &mut progress)?;
    say(&format!("backup of {lives} lives: {bytes} bytes, of which {new_bytes} were copied"));
    Ok(ExitCode::SUCCESS)
}

fn restore(from: &Path, data_dir: &Path) -> Result<ExitCode, String> {
    no_bucket(from)?;
    data_dir::keep_private();
    for sentence in backup::restore(from, data_dir, &mut progress)? {
        say(&sentence);
    }
    say(&format!("{} is restored, and everything in it is as it should be", data_dir.display()));
    Ok(ExitCode::SUCCESS)
}

fn no_bucket(folder: &Path) -> Result<(), String> {
    if folder.starts_with("s3:") {
        return Err("backups lie in folders: a bucket must be mounted as one".to_owned());
    }
    Ok(())
}

/// How far it is, on standard error.
fn progress(step: &str) {
    eprintln!("communiconnect: {step}");
}

fn reread(data_dir: &Path, live_id: Option<i64>) -> Result<ExitCode, String> {
    engines::existing(data_dir)?;
    data_dir::keep_private();
    let _in_use = InUse::take(data_dir).map_err(said)?;
    let lives = match live_id {
        Some(live) => vec![LiveId(live)],
        None => offline::lives(data_dir)?,
    };
    for live in lives {
        say(&offline::reread(data_dir, live)?);
    }
    Ok(ExitCode::SUCCESS)
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn log_to_standard_error() {
    let filter = EnvFilter::try_from_env("COMMUNICONNECT_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).init();
}
