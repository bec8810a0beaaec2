//! Reports of messages, and what whoever runs the server sees of all conversations at once. Who may is for the caller to see.

use ids::{LiveId, MessageId, PersonId, ReportId, UnixMs};
use storage::Failure;

use super::{Acting, Ban, NewReport, REASON_LIMIT, Report, Sanction};
use crate::message::Message;
use crate::service::{Chat, PAGE_LIMIT};
use crate::store::Event;
use crate::{Error, Refusal};

/// Events read at once.
const EVENTS: u32 = 256;

impl Chat {
    /// Reports a message to whoever runs the server. The same message again by the same person is the report that there is.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoMessage`], [`Refusal::Reason`], or [`Error::Storage`].
    pub async fn report(
        &self,
        live_id: LiveId,
        by_id: PersonId,
        message_id: MessageId,
        reason: &str,
    ) -> Result<ReportId, Error> {
        let reason = reason.trim().to_owned();
        if reason.chars().count() > REASON_LIMIT {
            return Err(Refusal::Reason.into());
        }
        let acting = Acting { live_id, by_id, now_ms: UnixMs::now() };
        self.log().store().report(NewReport { acting, message_id, reason }).await
    }

    /// How many reports there are, and those after the first `skip`, the newest first, `limit` at most.
    pub async fn reports(&self, skip: u64, limit: u32) -> Result<(u64, Vec<Report>), Failure> {
        let (count, mut reports) = self.log().store().reports(skip, limit).await?;
        let messages = reports.iter().map(|report| report.message.clone()).collect();
        for (report, named) in reports.iter_mut().zip(self.log().named(messages).await?) {
            report.message = named;
        }
        Ok((count, reports))
    }

    /// Lets go of a report; whether there was one.
    pub async fn dismiss_report(&self, id: ReportId) -> Result<bool, Failure> {
        self.log().store().dismiss(id).await
    }

    /// How many people may not write now, in one live or in each, and those after the first `skip`, `limit` at most.
    pub async fn bans(
        &self,
        live_id: Option<LiveId>,
        skip: u64,
        limit: u32,
    ) -> Result<(u64, Vec<Ban>), Failure> {
        self.log().store().bans(live_id, UnixMs::now(), skip, limit).await
    }

    /// Keeps somebody from writing in a live on the word of whoever runs the server, where nobody follows the conversation:
    /// its messages stay.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoPerson`], or [`Error::Storage`].
    pub async fn ban(
        &self,
        live_id: LiveId,
        by_id: PersonId,
        person_id: PersonId,
        until_ms: Option<UnixMs>,
    ) -> Result<(), Error> {
        if !self.log().knows(person_id).await? {
            return Err(Refusal::NoPerson.into());
        }
        let acting = Acting { live_id, by_id, now_ms: UnixMs::now() };
        let sanction = Sanction { person_id, until_ms, delete_messages: false };
        self.log().store().sanction(acting, sanction).await?;
        Ok(())
    }

    /// Lets somebody write again in a live, on the word of whoever runs the server.
    pub async fn unban(&self, live_id: LiveId, by_id: PersonId, person_id: PersonId) -> Result<(), Failure> {
        let acting = Acting { live_id, by_id, now_ms: UnixMs::now() };
        self.log().store().lift(acting, person_id).await
    }

    /// Messages of somebody that are there to be read, in all lives, those with ids after this one, some hundred at most.
    pub async fn said(&self, person_id: PersonId, after: MessageId) -> Result<Vec<Message>, Failure> {
        self.log().store().said(person_id, after, PAGE_LIMIT).await
    }

    /// What somebody wrote that waits for approval, in all lives.
    pub async fn waiting_of(&self, person_id: PersonId) -> Result<Vec<Message>, Failure> {
        self.log().store().waiting_of(person_id).await
    }

    /// What somebody reported: of which message, when, and why.
    pub async fn reported_by(
        &self,
        person_id: PersonId,
    ) -> Result<Vec<(MessageId, UnixMs, String)>, Failure> {
        self.log().store().reported_by(person_id).await
    }

    /// What happened in conversations that others are told, after this number, the oldest first, some hundred at most.
    pub async fn events(&self, after: i64) -> Result<Vec<Event>, Failure> {
        self.log().store().events(after, EVENTS).await
    }

    /// The number of the newest such event there ever was; 0 without any.
    pub async fn newest_event(&self) -> Result<i64, Failure> {
        self.log().store().newest_event().await
    }
}
