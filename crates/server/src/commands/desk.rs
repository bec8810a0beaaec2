//! Where a command is done, and how it answers.

use std::path::PathBuf;

use accounts::{Accounts, Person};
use chat::Chat;
use ids::PersonId;
use lives::{Lifecycle, Lives, WatchKeys};
use serde::Serialize;
use serde_json::{Map, Value};
use webhooks::Webhooks;

use crate::audit::{self, Act, AuditLog, Origin};
use crate::config::{Config, Written};
use crate::engines::Engines;
use crate::names::Names;
use crate::terminal::{ask, say};
use crate::{app, data_dir, in_use, serve};

/// Rows of one reading, of a list.
pub(super) const AT_ONCE: u32 = 200;

/// Whom it is about.
#[derive(clap::Args)]
pub(crate) struct Whom {
    /// Their number, or their e-mail address
    #[arg(value_name = "ID|EMAIL")]
    pub(super) who: String,
}

/// What all of these take.
#[derive(clap::Args)]
pub(crate) struct Common {
    /// Prints JSON
    #[arg(long)]
    json: bool,
    /// Does not ask
    #[arg(long)]
    yes: bool,
    /// Where everything is kept [default: ./data]
    #[arg(long, env = "COMMUNICONNECT_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The configuration of the server, a TOML file
    #[arg(long, env = "COMMUNICONNECT_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// The file to which what is done here is written [default: the server's]
    #[arg(long, env = "COMMUNICONNECT_AUDIT_LOG", value_name = "FILE")]
    audit_log: Option<PathBuf>,
    /// What links begin with [default: the address of the running server]
    #[arg(long, env = "COMMUNICONNECT_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,
}

/// Where a command is done.
pub(super) struct Desk {
    pub(super) accounts: Accounts,
    pub(super) lives: Lives,
    pub(super) chat: Chat,
    pub(super) engines: Engines,
    pub(super) config: Config,
    audit: AuditLog,
    json: bool,
    yes: bool,
}

impl Desk {
    pub(super) async fn open(common: Common) -> Result<Self, String> {
        let Common { json, yes, data_dir, config, audit_log, public_url } = common;
        data_dir::keep_private();
        let written = Written { data_dir, config, audit_log, public_url, ..Written::default() };
        let config = written.meant().map_err(said)?;
        let place = config.audit_log.clone().or_else(|| audit::place(&config.data_dir));
        // Before anything is done: what cannot be written down is not done.
        let audit = AuditLog::open(place.as_deref()).map_err(|error| match &place {
            Some(place) => format!("{}: {error}", place.display()),
            None => error.to_string(),
        })?;
        let engines = Engines::open(&config.data_dir).map_err(said)?;
        let key = app::signing_key(&engines, &config.data_dir).await.map_err(said)?;
        let accounts = Accounts::new(engines.people(), &key, config.accounts.clone());
        let watch_keys = WatchKeys::new(&key.derive("watch key"));
        let lives = Lives::new(engines.lives(), accounts.clone(), watch_keys);
        let chat = Chat::new(engines.conversations(), Names(accounts.clone()));
        Ok(Self { accounts, lives, chat, engines, config, audit, json, yes })
    }

    /// The same with the person it is about.
    pub(super) async fn with(common: Common, whom: &Whom) -> Result<(Self, Person), String> {
        let desk = Self::open(common).await?;
        let person = desk.person(whom).await?;
        Ok((desk, person))
    }

    pub(super) async fn person(&self, whom: &Whom) -> Result<Person, String> {
        let found = match whom.who.parse::<PersonId>() {
            Ok(id) => self.accounts.person(id).await,
            Err(_) => self.accounts.by_email(&whom.who).await,
        };
        found.map_err(|error| format!("{}: {error}", whom.who))
    }

    pub(super) async fn lifecycle(&self) -> Result<Lifecycle, String> {
        Lifecycle::open(self.lives.clone(), self.config.running_lives).await.map_err(said)
    }

    pub(super) fn webhooks(&self) -> Result<Webhooks, String> {
        Webhooks::new(self.engines.webhooks())
    }

    /// Writes into the audit log what was done, and to whom.
    pub(super) fn log<const N: usize>(
        &self,
        what: &'static str,
        whom: Option<PersonId>,
        detail: [(&str, Value); N],
    ) {
        let on = whom.map(|person| ("person".to_owned(), person.0.into()));
        let mut detail: Map<String, Value> =
            detail.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        #[cfg(unix)]
        detail.insert("uid".to_owned(), rustix::process::getuid().as_raw().into());
        self.audit.write(&Act {
            what: what.into(),
            from: Origin::CommandLine,
            on: on.into_iter().collect(),
            detail,
            ..Act::default()
        });
    }

    /// Whether a server works on the directory.
    pub(super) fn is_served(&self) -> bool {
        in_use::server_of(&self.config.data_dir).is_some()
    }

    /// What links begin with.
    pub(super) fn base(&self) -> String {
        let running = || in_use::server_of(&self.config.data_dir).filter(|url| !url.is_empty());
        let said = self.config.public_url.clone().or_else(running);
        said.unwrap_or_else(|| serve::public_url(&self.config, self.config.listen))
    }

    pub(super) fn json(&self) -> bool {
        self.json
    }

    /// Goes on only after a yes.
    pub(super) fn asked(&self, what: &str) -> Result<(), String> {
        if self.yes { Ok(()) } else { ask(what) }
    }

    /// Prints what was done, as JSON or as a sentence, and ends.
    pub(super) async fn tell(self, answer: &impl Serialize, sentence: &str) -> Result<(), String> {
        say(&if self.json { written(answer) } else { sentence.to_owned() });
        self.close().await
    }

    /// Prints a list, as JSON or a line each, and ends.
    pub(super) async fn tell_all<T: Serialize>(
        self,
        all: &[T],
        line: impl Fn(&T) -> String,
    ) -> Result<(), String> {
        if self.json {
            say(&written(&all));
        } else {
            all.iter().for_each(|one| say(&line(one)));
        }
        self.close().await
    }

    pub(super) async fn close(self) -> Result<(), String> {
        self.engines.close().await;
        Ok(())
    }
}

/// Everything of a list that is read piece by piece: `piece` is given what was read so far.
pub(super) async fn all<T, E: std::fmt::Display>(
    piece: impl AsyncFn(u64) -> Result<Vec<T>, E>,
) -> Result<Vec<T>, String> {
    let mut all = Vec::new();
    loop {
        let found = piece(all.len() as u64).await.map_err(said)?;
        let is_last = found.len() < AT_ONCE as usize;
        all.extend(found);
        if is_last {
            return Ok(all);
        }
    }
}

fn written(answer: &impl Serialize) -> String {
    // Strings, numbers and lists of them are always written.
    serde_json::to_string_pretty(answer).unwrap_or_default()
}

pub(super) fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}
