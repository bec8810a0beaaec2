//! What whoever runs the server does by command line, also while a server works on the same directory, which feels it within two
//! seconds: one file for each subject.

mod ban;
mod desk;
mod invitation;
mod link;
mod live;
mod report;
mod user;
mod webhook;

use std::process::ExitCode;

use clap::Subcommand;

/// The subjects.
#[derive(Subcommand)]
pub(crate) enum Administration {
    /// Lists people, adds them, puts them out and lets them in again
    User {
        #[command(subcommand)]
        command: user::UserCommand,
    },
    /// Lists everybody's lives, shows one, deletes one
    Live {
        #[command(subcommand)]
        command: live::LiveCommand,
    },
    /// Lists the messages that people reported
    Report {
        #[command(subcommand)]
        command: report::ReportCommand,
    },
    /// Lists who may not write in which live, keeps somebody from it, lets them again
    Ban {
        #[command(subcommand)]
        command: ban::BanCommand,
    },
    /// Lists invitations, makes one
    Invitation {
        #[command(subcommand)]
        command: invitation::InvitationCommand,
    },
    /// Tells other programs what happens: adds such a program, lists them, tries one out, pauses, resumes, removes it
    Webhook {
        #[command(subcommand)]
        command: webhook::WebhookCommand,
    },
}

/// Does what the command says.
pub(crate) fn run(command: Administration) -> Result<ExitCode, String> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    runtime.block_on(async {
        match command {
            Administration::User { command } => user::done(command).await?,
            Administration::Live { command } => live::done(command).await?,
            Administration::Report { command } => report::done(command).await?,
            Administration::Ban { command } => ban::done(command).await?,
            Administration::Invitation { command } => invitation::done(command).await?,
            Administration::Webhook { command } => return webhook::done(command).await,
        }
        Ok(ExitCode::SUCCESS)
    })
}
