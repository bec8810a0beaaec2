//! `communiconnect report ...`: messages that people reported.

use clap::Subcommand;
use ids::ReportId;
use wire::admin::Report;

use super::desk::{AT_ONCE, Common, Desk, all, said};
use crate::administered;

/// What is done with reports.
#[derive(Subcommand)]
pub(crate) enum ReportCommand {
    /// Lists reports, the newest first
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Lets go of a report; the message stays
    Dismiss {
        /// Its number
        report_id: i64,
        #[command(flatten)]
        common: Common,
    },
}

/// Does what the command says.
pub(super) async fn done(command: ReportCommand) -> Result<(), String> {
    match command {
        ReportCommand::List { common } => {
            let desk = Desk::open(common).await?;
            let reports = all(async |skip| {
                let found = administered::reports(&desk.chat, &desk.accounts, skip, AT_ONCE);
                found.await.map(|(_, reports)| reports)
            })
            .await?;
            desk.tell_all(&reports, described).await
        }
        ReportCommand::Dismiss { report_id, common } => {
            let desk = Desk::open(common).await?;
            if !desk.chat.dismiss_report(ReportId(report_id)).await.map_err(said)? {
                return Err(format!("{report_id}: there is no such report"));
            }
            let answer = serde_json::json!({"id": report_id});
            desk.tell(&answer, &format!("report {report_id} dismissed")).await
        }
    }
}

/// What a report says, in a line.
fn described(report: &Report) -> String {
    let Report { id, live_id, message_id, content, author, reported_by, reason, created_at } = report;
    format!(
        "report {id} of {created_at} by person {}: \"{content}\" (message {message_id} of live {live_id}, by person {}){}",
        reported_by.id,
        author.id,
        if reason.is_empty() { String::new() } else { format!(": {reason}") }
    )
}
