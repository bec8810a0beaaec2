//! The command line: `communiconnect serve | doctor | verify | export | backup | restore | reread | completions`, and what is in
//! [`commands`].

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;
use delivery::poster;
use ids::LiveId;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::commands::Administration;
use crate::config::{ConfigError, Written};
use crate::in_use::InUse;
use crate::terminal::say;
use crate::{
    backup, check, commands, data_dir, doctor, engines, export, logging, offline, recorded, serve, shutdown,
};

/// How long tasks that would not end are waited for, once the server has left.
const LAST_WAIT: Duration = Duration::from_millis(500);

/// CommuniConnect Live: go live, keep everything, replay it.
#[derive(Parser)]
#[command(
    name = "communiconnect",
    display_name = "CommuniConnect Live",
    version,
    args_conflicts_with_subcommands = true
)]
struct Line {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

#[derive(clap::Args)]
struct Serve {
    #[command(flatten)]
    written: Written,
    /// Only says what is wrong with the configuration, all of it, and fails if something is
    #[arg(long)]
    check: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the server (also without a command)
    Serve(Box<Serve>),
    /// Looks whether this machine can do what the configuration wants, and says what to do where it cannot
    Doctor(Box<Written>),
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
    /// Writes what a shell needs to complete commands and options, on standard output
    Completions {
        /// The shell
        shell: Shell,
    },
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
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if check::is_asked(&arguments) {
        return check_line(arguments);
    }
    let line = Line::parse();
    logging::begin();
    let done = match line.command {
        None => run_server(line.serve.written),
        Some(Command::Serve(serve)) => run_server(serve.written),
        Some(Command::Doctor(written)) => call_doctor(*written),
        Some(Command::Completions { shell }) => complete(shell),
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

/// Says every mistake of a command line and of the configuration that it means.
fn check_line(arguments: Vec<OsString>) -> ExitCode {
    let (mut mistakes, left) = check::mistakes(Line::command(), arguments);
    match left.map(|matches| Line::from_arg_matches(&matches)) {
        Some(Ok(Line { command: None, serve })) => mistakes.extend(mistakes_of(serve.written)),
        Some(Ok(Line { command: Some(Command::Serve(serve)), .. })) => {
            mistakes.extend(mistakes_of(serve.written))
        }
        Some(Ok(_)) => mistakes.push("--check is for serve".to_owned()),
        Some(Err(error)) => mistakes.push(error.to_string()),
        // Help, or the version, is said by the one that says it, and ends the process.
        None if mistakes.is_empty() => drop(Line::parse()),
        None => {}
    }
    for mistake in &mistakes {
        eprintln!("communiconnect: {mistake}");
    }
    if mistakes.is_empty() {
        say("the configuration is as it should be");
        return ExitCode::SUCCESS;
    }
    ExitCode::FAILURE
}

fn mistakes_of(written: Written) -> Vec<String> {
    written.meant().err().map_or_else(Vec::new, |error| error.mistakes().to_vec())
}

fn call_doctor(written: Written) -> Result<ExitCode, String> {
    let config = match written.meant() {
        Ok(config) => config,
        Err(error) => {
            for mistake in error.mistakes() {
                say(&format!("mend configuration: {mistake}"));
            }
            return Ok(ExitCode::FAILURE);
        }
    };
    let runtime = tokio::runtime::Runtime::new().map_err(said)?;
    let findings = runtime.block_on(doctor::look(&config));
    for doctor::Finding { about, said } in &findings {
        match said {
            Ok(how) => say(&format!("ok   {about}: {how}")),
            Err(what) => say(&format!("mend {about}: {what}")),
        }
    }
    let is_well = findings.iter().all(|finding| finding.said.is_ok());
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn complete(shell: Shell) -> Result<ExitCode, String> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Line::command(), "communiconnect", &mut script);
    say(String::from_utf8_lossy(&script).trim_end());
    Ok(ExitCode::SUCCESS)
}

fn run_server(written: Written) -> Result<ExitCode, String> {
    let config = written.meant().map_err(one_a_line)?;
    logging::set(&config.log)?;
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

/// Every mistake on a line of its own, as the first.
fn one_a_line(error: ConfigError) -> String {
    error.mistakes().join("\ncommuniconnect: ")
}
