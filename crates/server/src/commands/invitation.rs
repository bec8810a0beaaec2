//! `communiconnect invitation ...`: links by which people sign up.

use clap::Subcommand;
use wire::admin::Invitation;

use super::desk::{Common, Desk, said};
use super::link::tell_link;
use crate::administered;
use crate::clock::now_ms;
use crate::people::invitation_link;

/// What is done with invitations.
#[derive(Subcommand)]
pub(crate) enum InvitationCommand {
    /// Lists the invitations that are good; their links were told once
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Prints a link by which somebody signs up, once within 7 days
    Add {
        #[command(flatten)]
        common: Common,
    },
}

/// Does what the command says.
pub(super) async fn done(command: InvitationCommand) -> Result<(), String> {
    match command {
        InvitationCommand::List { common } => {
            let desk = Desk::open(common).await?;
            let found = desk.accounts.invitations(now_ms()).await.map_err(said)?;
            let shown: Vec<Invitation> = found.iter().map(administered::invitation).collect();
            desk.tell_all(&shown, |one| format!("invitation {} until {}", one.id, one.expires_at)).await
        }
        InvitationCommand::Add { common } => {
            let desk = Desk::open(common).await?;
            let link = desk.accounts.invite(now_ms()).await.map_err(said)?;
            let url = invitation_link(&desk.base(), &link);
            tell_link(desk, &link, url).await
        }
    }
}
