//! `communiconnect user ...`: people.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use accounts::{Change, NewPerson, Person, Role, Wanted};
use clap::Subcommand;
use recorder::{ReadOnlyDisk, Recorder};
use serde_json::Value;

use super::desk::{AT_ONCE, Common, Desk, Whom, all, said};
use super::link::tell_link;
use crate::clock::now_ms;
use crate::people::{account, invitation_link, password_link};
use crate::person_export::{self, Shelves};
use crate::terminal::{first_line, say};

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
    #[command(alias = "delete")]
    Erase {
        #[command(flatten)]
        who: Whom,
        #[command(flatten)]
        common: Common,
    },
    /// Shows how much somebody keeps and may keep, and changes that
    Quota {
        #[command(flatten)]
        who: Whom,
        /// Bytes of recordings that they may keep, or "usual" for as many as everybody [default: only shows it]
        #[arg(value_name = "BYTES|usual")]
        bytes: Option<Quota>,
        #[command(flatten)]
        common: Common,
    },
    /// Writes everything that somebody said, published and is into one archive
    Export {
        #[command(flatten)]
        who: Whom,
        /// The archive: .zip or .tar
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
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

/// Does what the command says.
pub(super) async fn done(command: UserCommand) -> Result<(), String> {
    match command {
        UserCommand::Add { email, password, first_name, last_name, roles, common } => {
            let password = password.map_or_else(first_line, Ok)?;
            let desk = Desk::open(common).await?;
            let new = NewPerson { email, password, first_name, last_name };
            let person = desk.accounts.add(new, &roles, now_ms()).await.map_err(said)?;
            let given = roles.iter().map(|role| role.name().into()).collect::<Vec<Value>>();
            desk.log("add-person", Some(person.id), [("roles", given.into())]);
            tell(desk, &person, &format!("person {} added", person.id)).await
        }
        UserCommand::List { query, common } => list(Desk::open(common).await?, query).await,
        UserCommand::Show { who, common } => {
            let (desk, person) = Desk::with(common, &who).await?;
            tell(desk, &person, &described(&person)).await
        }
        UserCommand::Disable { who, common } => {
            let (desk, person) = Desk::with(common, &who).await?;
            let person = desk.accounts.disable(person.id, now_ms()).await.map_err(said)?;
            desk.log("disable-person", Some(person.id), []);
            tell(desk, &person, &format!("disabled: {}", described(&person))).await
        }
        UserCommand::Enable { who, common } => {
            let (desk, person) = Desk::with(common, &who).await?;
            let person = desk.accounts.enable(person.id).await.map_err(said)?;
            desk.log("enable-person", Some(person.id), []);
            tell(desk, &person, &format!("enabled: {}", described(&person))).await
        }
        UserCommand::Rename { who, first_name, last_name, email, common } => {
            let (desk, person) = Desk::with(common, &who).await?;
            let change = Change { first_name, last_name, email, ..Change::default() };
            let person = desk.accounts.change(person.id, change).await.map_err(said)?;
            desk.log("change-person", Some(person.id), []);
            tell(desk, &person, &format!("changed: {}", described(&person))).await
        }
        UserCommand::Erase { who, common } => {
            let (desk, person) = Desk::with(common, &who).await?;
            erase(desk, &person).await
        }
        UserCommand::Quota { who, bytes, common } => {
            let (desk, person) = Desk::with(common, &who).await?;
            quota(desk, person, bytes).await
        }
        UserCommand::Export { who, output, common } => {
            let (desk, person) = Desk::with(common, &who).await?;
            let shelves = Shelves { data_dir: &desk.config.data_dir, lives: &desk.lives, chat: &desk.chat };
            let files = person_export::export(shelves, &person, &output).await?;
            let answer =
                serde_json::json!({"id": person.id, "file": output.display().to_string(), "files": files});
            let sentence = format!("{files} files of person {} are in {}", person.id, output.display());
            desk.tell(&answer, &sentence).await
        }
        UserCommand::PasswordLink { who, common } => {
            let (desk, person) = Desk::with(common, &who).await?;
            let link = desk.accounts.password_link(person.id, now_ms()).await.map_err(said)?;
            desk.log("make-password-link", Some(person.id), []);
            let url = password_link(&desk.base(), &link);
            tell_link(desk, &link, url).await
        }
        UserCommand::Invite { common } => {
            let desk = Desk::open(common).await?;
            let link = desk.accounts.invite(now_ms()).await.map_err(said)?;
            desk.log("invite", None, []);
            let url = invitation_link(&desk.base(), &link);
            tell_link(desk, &link, url).await
        }
        UserCommand::Role { who, role, remove, common } => {
            let (desk, person) = Desk::with(common, &who).await?;
            if !remove {
                desk.asked(&format!("{} is to be {}.", described(&person), role.name()))?;
            }
            let person = desk.accounts.set_role(person.id, role, !remove).await.map_err(said)?;
            let detail = [("role", role.name().into()), ("given", (!remove).into())];
            desk.log("change-role", Some(person.id), detail);
            tell(desk, &person, &format!("roles of person {}: {}", person.id, roles(&person))).await
        }
    }
}

async fn list(desk: Desk, words: Option<String>) -> Result<(), String> {
    let people = all(async |skip| {
        let wanted = Wanted { words: words.clone(), skip, limit: AT_ONCE };
        desk.accounts.people(wanted).await.map(|(_, people)| people)
    })
    .await?;
    let accounts: Vec<_> = people.iter().map(|person| (account(person), described(person))).collect();
    if desk.json() {
        let accounts: Vec<_> = accounts.into_iter().map(|(account, _)| account).collect();
        return desk.tell(&accounts, "").await;
    }
    accounts.iter().for_each(|(_, line)| say(line));
    desk.close().await
}

/// How many bytes somebody may keep, as it is said on the command line.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Quota {
    /// As many as everybody.
    Usual,
    /// So many.
    Bytes(u64),
}

impl FromStr for Quota {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "usual" => Ok(Self::Usual),
            text => text.parse().map(Self::Bytes).map_err(|_| "bytes, or the word usual".to_owned()),
        }
    }
}

async fn quota(desk: Desk, mut person: Person, new: Option<Quota>) -> Result<(), String> {
    if let Some(new) = new {
        let bytes = match new {
            Quota::Usual => None,
            Quota::Bytes(bytes) => Some(bytes),
        };
        person = desk.accounts.set_quota(person.id, bytes).await.map_err(said)?;
        desk.log("change-quota", Some(person.id), [("bytes", bytes.into())]);
    }
    let recorder = Recorder::on(Arc::new(ReadOnlyDisk), &desk.config.data_dir, 0).map_err(said)?;
    let lives = desk.lives.of_author(person.id).await.map_err(said)?;
    let stored: u64 = lives.iter().map(|live| recorder.stored(live.0)).sum::<Result<_, _>>().map_err(said)?;
    let may = person.quota.map_or("as many as everybody".to_owned(), |bytes| bytes.to_string());
    let answer = serde_json::json!({"id": person.id, "quota_bytes": person.quota, "stored_bytes": stored});
    let sentence = format!("person {} keeps {stored} bytes, and may keep {may}", person.id);
    desk.tell(&answer, &sentence).await
}

async fn erase(desk: Desk, person: &Person) -> Result<(), String> {
    desk.asked(&format!(
        "{}\nTheir lives, everything they said and all that is known of them will be erased. There is no way back.",
        described(person)
    ))?;
    desk.accounts.begin_erasure(person.id, now_ms()).await.map_err(said)?;
    desk.log("delete-person", Some(person.id), []);
    let is_served = desk.is_served();
    let when = if is_served {
        "is being erased by the running server"
    } else {
        "will be erased when a server starts on it"
    };
    let answer = serde_json::json!({"id": person.id, "erased": is_served});
    let sentence = format!("person {} is out; what they said and published {when}", person.id);
    desk.tell(&answer, &sentence).await
}

async fn tell(desk: Desk, person: &Person, sentence: &str) -> Result<(), String> {
    desk.tell(&account(person), sentence).await
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
