//! `communiconnect user ...`: people, by command line, also while a server works on the same directory. That server feels it
//! within two seconds.

use std::path::PathBuf;
use std::process::ExitCode;

use accounts::{Accounts, Change, NewPerson, OneTime, Person, Role, Wanted};
use clap::Subcommand;
use ids::PersonId;

use crate::clock::now_ms;
use crate::config::{Config, Written};
use crate::engines::Engines;
use crate::people::{account, invitation_link, password_link};
use crate::terminal::{ask, first_line, say};
use crate::{app, data_dir, in_use};

/// People of one reading, of a list.
const AT_ONCE: u32 = 500;

/// What is done with people.
#[derive(Subcommand)]
pub(crate) enum UserCommand {
    /// Adds a person
    Add {
        /// Their e-mail address
        email: String,
        /// Their password; without it, it is read from the first line of standard input
        #[arg(long, env = "COMMUNICONNECT_PASSWORD", hide_env_values = true)]
        password: Option<String>,
        /// Their first name
        #[arg(long, default_value = "")]
        first_name: String,
        /// Their last name
        #[arg(long, default_value = "")]
        last_name: String,
        /// A role: admin or moderator; may be repeated
        #[arg(long = "role")]
        roles: Vec<Role>,
        #[command(flatten)]
        common: Common,
    },
    /// Lists people, the newest first
    List {
        /// Only those whose address or name holds this
        #[arg(short, long)]
        query: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Shows a person
    Show {
        #[command(flatten)]
        who: Whom,
        #[command(flatten)]
        common: Common,
    },
    /// Puts somebody out: their sign-ins end, and nothing of theirs is accepted any more
    Disable {
        #[command(flatten)]
        who: Whom,
        #[command(flatten)]
        common: Common,
    },
    /// Lets somebody in again: they sign in anew
    Enable {
        #[command(flatten)]
        who: Whom,
        #[command(flatten)]
        common: Common,
    },
    /// Changes somebody's name or address
    Rename {
        #[command(flatten)]
        who: Whom,
        /// Their first name
        #[arg(long)]
        first_name: Option<String>,
        /// Their last name
        #[arg(long)]
        last_name: Option<String>,
        /// Their e-mail address, which you vouch for
        #[arg(long)]
        email: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Erases somebody: their lives, what they said anywhere, and all that is known of them
    Delete {
        #[command(flatten)]
        who: Whom,
        #[command(flatten)]
        common: Common,
    },
    /// Prints a link by which somebody gives themselves a new password, once within 24 hours
    PasswordLink {
        #[command(flatten)]
        who: Whom,
        #[command(flatten)]
        common: Common,
    },
    /// Prints a link by which somebody signs up, once within 7 days
    Invite {
        #[command(flatten)]
        common: Common,
    },
    /// Gives somebody a role, or takes it away
    Role {
        #[command(flatten)]
        who: Whom,
        /// admin or moderator
        role: Role,
        /// Take it away
        #[arg(long)]
        remove: bool,
        #[command(flatten)]
        common: Common,
    },
}

/// Whom it is about.
#[derive(clap::Args)]
pub(crate) struct Whom {
    /// Their number, or their e-mail address
    #[arg(value_name = "ID|EMAIL")]
    who: String,
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
    /// What links begin with [default: the address of the running server]
    #[arg(long, env = "COMMUNICONNECT_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,
}

/// Does what the command says.
pub(crate) fn run(command: UserCommand) -> Result<ExitCode, String> {
    let runtime = tokio::runtime::Runtime::new().map_err(said)?;
    runtime.block_on(done(command))?;
    Ok(ExitCode::SUCCESS)
}

async fn done(command: UserCommand) -> Result<(), String> {
    match command {
        UserCommand::Add { email, password, first_name, last_name, roles, common } => {
            let password = password.map_or_else(first_line, Ok)?;
            let desk = Desk::open(common).await?;
            let new = NewPerson { email, password, first_name, last_name };
            let person = desk.accounts.add(new, &roles, now_ms()).await.map_err(said)?;
            desk.tell(&person, &format!("person {} added", person.id)).await
        }
        UserCommand::List { query, common } => Desk::open(common).await?.list(query).await,
        UserCommand::Show { who, common } => {
            let (desk, person) = Desk::with(common, &who).await?;
            desk.tell(&person, &described(&person)).await
        }
        UserCommand::Disable { who, common } => {
            let (desk, person) = Desk::with(common, &who).await?;
            let person = desk.accounts.disable(person.id, now_ms()).await.map_err(said)?;
            desk.tell(&person, &format!("disabled: {}", described(&person))).await
        }
        UserCommand::Enable { who, common } => {
            let (desk, person) = Desk::with(common, &who).await?;
            let person = desk.accounts.enable(person.id).await.map_err(said)?;
            desk.tell(&person, &format!("enabled: {}", described(&person))).await
        }
        UserCommand::Rename { who, first_name, last_name, email, common } => {
            let (desk, person) = Desk::with(common, &who).await?;
            let change = Change { first_name, last_name, email, ..Change::default() };
            let person = desk.accounts.change(person.id, change).await.map_err(said)?;
            desk.tell(&person, &format!("changed: {}", described(&person))).await
        }
        UserCommand::Delete { who, common } => {
            let (desk, person) = Desk::with(common, &who).await?;
            desk.delete(&person).await
        }
        UserCommand::PasswordLink { who, common } => {
            let (desk, person) = Desk::with(common, &who).await?;
            let link = desk.accounts.password_link(person.id, now_ms()).await.map_err(said)?;
            let url = password_link(&desk.base(), &link);
            desk.tell_link(&link, url).await
        }
        UserCommand::Invite { common } => {
            let desk = Desk::open(common).await?;
            let link = desk.accounts.invite(now_ms()).await.map_err(said)?;
            let url = invitation_link(&desk.base(), &link);
            desk.tell_link(&link, url).await
        }
        UserCommand::Role { who, role, remove, common } => {
            let (desk, person) = Desk::with(common, &who).await?;
            if !remove {
                desk.asked(&format!("{} is to be {}.", described(&person), role.name()))?;
            }
            let person = desk.accounts.set_role(person.id, role, !remove).await.map_err(said)?;
            desk.tell(&person, &format!("roles of person {}: {}", person.id, roles(&person))).await
        }
    }
}

/// Where a command is done.
struct Desk {
    accounts: Accounts,
    engines: Engines,
    config: Config,
    json: bool,
    yes: bool,
}

impl Desk {
    async fn open(common: Common) -> Result<Self, String> {
        let Common { json, yes, data_dir, config, public_url } = common;
        data_dir::keep_private();
        let config = Written { data_dir, config, public_url, ..Written::default() }.meant().map_err(said)?;
        let engines = Engines::open(&config.data_dir).map_err(said)?;
        let key = app::signing_key(&engines, &config.data_dir).await.map_err(said)?;
        let accounts = Accounts::new(engines.people(), &key, config.accounts.clone());
        Ok(Self { accounts, engines, config, json, yes })
    }

    async fn with(common: Common, whom: &Whom) -> Result<(Self, Person), String> {
        let desk = Self::open(common).await?;
        let found = match whom.who.parse::<PersonId>() {
            Ok(id) => desk.accounts.person(id).await,
            Err(_) => desk.accounts.by_email(&whom.who).await,
        };
        let person = found.map_err(|error| format!("{}: {error}", whom.who))?;
        Ok((desk, person))
    }

    async fn list(self, words: Option<String>) -> Result<(), String> {
        let mut all = Vec::new();
        loop {
            let wanted = Wanted { words: words.clone(), skip: all.len() as u64, limit: AT_ONCE };
            let (_, people) = self.accounts.people(wanted).await.map_err(said)?;
            let is_last = people.len() < AT_ONCE as usize;
            all.extend(people);
            if is_last {
                break;
            }
        }
        if self.json {
            say(&written(&all.iter().map(account).collect::<Vec<_>>()));
        } else {
            all.iter().for_each(|person| say(&described(person)));
        }
        self.close().await
    }

    async fn delete(self, person: &Person) -> Result<(), String> {
        self.asked(&format!(
            "{}\nTheir lives, everything they said and all that is known of them will be erased. There is no way back.",
            described(person)
        ))?;
        self.accounts.begin_erasure(person.id, now_ms()).await.map_err(said)?;
        let is_served = in_use::server_of(&self.config.data_dir).is_some();
        let when = if is_served {
            "is being erased by the running server"
        } else {
            "will be erased when a server starts on it"
        };
        if self.json {
            say(&format!("{{\"id\":{},\"erased\":{is_served}}}", person.id));
        } else {
            say(&format!("person {} is out; what they said and published {when}", person.id));
        }
        self.close().await
    }

    /// Goes on only after a yes.
    fn asked(&self, what: &str) -> Result<(), String> {
        if self.yes { Ok(()) } else { ask(what) }
    }

    async fn tell(self, person: &Person, sentence: &str) -> Result<(), String> {
        say(&if self.json { written(&account(person)) } else { sentence.to_owned() });
        self.close().await
    }

    async fn tell_link(self, link: &OneTime, url: String) -> Result<(), String> {
        let answer = wire::people::OneTimeLink { url, expires_at: wire::Time(link.expires.0) };
        say(&if self.json { written(&answer) } else { answer.url });
        self.close().await
    }

    /// What links begin with.
    fn base(&self) -> String {
        let running = || in_use::server_of(&self.config.data_dir).filter(|url| !url.is_empty());
        let said = self.config.public_url.clone().or_else(running);
        said.unwrap_or_else(|| format!("http://{}", self.config.listen))
    }

    async fn close(self) -> Result<(), String> {
        self.engines.close().await;
        Ok(())
    }
}

/// Who somebody is, in a line.
fn described(person: &Person) -> String {
    let name = format!("{} {}", person.first_name, person.last_name);
    let verified = if person.verified { "verified" } else { "not verified" };
    let email =
        person.email.as_ref().map_or("no address".to_owned(), |email| format!("{email} ({verified})"));
    let since = wire::Time(person.created.0);
    let disabled = person.disabled.map(|at| format!(", disabled since {}", wire::Time(at.0)));
    let roles = if person.roles.is_empty() { String::new() } else { format!(", {}", roles(person)) };
    let name = name.trim();
    format!(
        "person {}: {name}, {email}, here since {since}{roles}{}",
        person.id,
        disabled.unwrap_or_default()
    )
}

fn roles(person: &Person) -> String {
    person.roles.iter().map(|role| role.name()).collect::<Vec<_>>().join(", ")
}

fn written(answer: &impl serde::Serialize) -> String {
    // Strings, numbers and lists of them are always written.
    serde_json::to_string_pretty(answer).unwrap_or_default()
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}
