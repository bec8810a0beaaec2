//! What those who moderate a conversation do: the part of [`Chat`] that is theirs.

use std::sync::Arc;

use ids::{ActId, HeldId, LiveId, PersonId, UnixMs};
use storage::Failure;
use timeline::PlayClock;

use super::{Act, Acting, Held, Rules, RulesChange, SILENCE_LIMIT_MS, SLOW_LIMIT_MS, Sanction, Speaker};
use crate::hub::Hub;
use crate::message::Message;
use crate::service::{Chat, announce};
use crate::{Error, Refusal};

/// Messages waiting for approval that are listed at once, and acts.
const LIST: u32 = 200;

impl Chat {
    /// How a conversation is moderated.
    pub async fn rules(&self, live_id: LiveId, clock: &Arc<PlayClock>) -> Result<Arc<Rules>, Error> {
        Ok(self.hub(live_id, clock).await?.rules())
    }

    /// Changes how a conversation is moderated.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotModerator`], [`Refusal::Rules`], [`Refusal::NoMessage`] for the pinned one, or [`Error::Storage`].
    pub async fn change_rules(
        &self,
        live_id: LiveId,
        by: Speaker,
        change: RulesChange,
        clock: &Arc<PlayClock>,
    ) -> Result<Arc<Rules>, Error> {
        let (hub, acting) = self.acting(live_id, by, clock).await?;
        if change.slow_ms.is_some_and(|slow_ms| !(0..=SLOW_LIMIT_MS).contains(&slow_ms)) {
            return Err(Refusal::Rules.into());
        }
        let log = self.log().clone();
        self.carry(hub, async move { log.store().change_rules(acting, change).await }).await
    }

    /// Names a moderator of this live, or takes the name back. Only its author and moderators of the site may.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotModerator`], [`Refusal::NoPerson`], or [`Error::Storage`].
    pub async fn set_moderator(
        &self,
        live_id: LiveId,
        by: Speaker,
        person_id: PersonId,
        named: bool,
        clock: &Arc<PlayClock>,
    ) -> Result<Arc<Rules>, Error> {
        let (hub, acting) = self.acting(live_id, by, clock).await?;
        if !by.leads {
            return Err(Refusal::NotModerator.into());
        }
        if named && !self.log().knows(person_id).await? {
            return Err(Refusal::NoPerson.into());
        }
        let log = self.log().clone();
        let act = async move { Ok(log.store().set_moderator(acting, person_id, named).await?) };
        self.carry(hub, act).await
    }

    /// Silences or bans somebody. Those who lead write all the same.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotModerator`], [`Refusal::NoPerson`], [`Refusal::Rules`] for a silence that ends before now or after
    /// [`SILENCE_LIMIT_MS`], or [`Error::Storage`].
    pub async fn sanction(
        &self,
        live_id: LiveId,
        by: Speaker,
        sanction: Sanction,
        clock: &Arc<PlayClock>,
    ) -> Result<(), Error> {
        let (hub, acting) = self.acting(live_id, by, clock).await?;
        let bounds = acting.now_ms..=acting.now_ms.plus_ms(SILENCE_LIMIT_MS);
        if sanction.until_ms.is_some_and(|until| !bounds.contains(&until)) {
            return Err(Refusal::Rules.into());
        }
        if !self.log().knows(sanction.person_id).await? {
            return Err(Refusal::NoPerson.into());
        }
        let log = self.log().clone();
        let carried = tokio::spawn(async move {
            let (deletions, rules) = log.store().sanction(acting, sanction).await?;
            for deletion in deletions {
                hub.deleted(deletion);
            }
            hub.set_rules(log.shown_rules(rules).await);
            Ok(())
        });
        carried.await.map_err(|_| Failure::Panicked)?
    }

    /// Lets somebody write again.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotModerator`], or [`Error::Storage`].
    pub async fn lift(
        &self,
        live_id: LiveId,
        by: Speaker,
        person_id: PersonId,
        clock: &Arc<PlayClock>,
    ) -> Result<(), Error> {
        let (_, acting) = self.acting(live_id, by, clock).await?;
        Ok(self.log().store().lift(acting, person_id).await?)
    }

    /// Who may not write now, for those who lead.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotModerator`], or [`Error::Storage`].
    pub async fn sanctions(
        &self,
        live_id: LiveId,
        by: Speaker,
        clock: &Arc<PlayClock>,
    ) -> Result<Vec<Sanction>, Error> {
        let (_, acting) = self.acting(live_id, by, clock).await?;
        Ok(self.log().store().sanctions(live_id, acting.now_ms).await?)
    }

    /// The oldest messages that wait for approval, for those who lead.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotModerator`], or [`Error::Storage`].
    pub async fn held(
        &self,
        live_id: LiveId,
        by: Speaker,
        clock: &Arc<PlayClock>,
    ) -> Result<Vec<Held>, Error> {
        self.acting(live_id, by, clock).await?;
        Ok(self.log().held(live_id, LIST).await?)
    }

    /// Approves a message that waits, which then gets its number and is announced, or rejects it.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotModerator`], [`Refusal::NoMessage`], or [`Error::Storage`].
    pub async fn decide(
        &self,
        live_id: LiveId,
        by: Speaker,
        held_id: HeldId,
        approved: bool,
        clock: Arc<PlayClock>,
    ) -> Result<Option<Message>, Error> {
        let (hub, acting) = self.acting(live_id, by, &clock).await?;
        let chat = self.clone();
        let carried = tokio::spawn(async move {
            let Some(kept) = chat.log().store().decide(acting, held_id, approved).await? else {
                return Ok(None);
            };
            let message = chat.log().shown(kept).await;
            chat.index_later(live_id, &hub);
            announce(&hub, message.clone(), &clock);
            Ok(Some(message))
        });
        carried.await.map_err(|_| Failure::Panicked)?
    }

    /// The acts before the one with the id `before`, newest first, for those who lead.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotModerator`], or [`Error::Storage`].
    pub async fn acts(
        &self,
        live_id: LiveId,
        by: Speaker,
        before: ActId,
        clock: &Arc<PlayClock>,
    ) -> Result<Vec<Act>, Error> {
        self.acting(live_id, by, clock).await?;
        Ok(self.log().store().acts(live_id, before, LIST).await?)
    }

    async fn acting(
        &self,
        live_id: LiveId,
        by: Speaker,
        clock: &Arc<PlayClock>,
    ) -> Result<(Arc<Hub>, Acting), Error> {
        let hub = self.hub(live_id, clock).await?;
        if !by.leads && !hub.rules().names(by.id) {
            return Err(Refusal::NotModerator.into());
        }
        Ok((hub, Acting { live_id, by_id: by.id, now_ms: UnixMs::now() }))
    }

    /// Does an act that changes the rules, also when the caller stops waiting, and shows them to the viewers.
    async fn carry(
        &self,
        hub: Arc<Hub>,
        act: impl Future<Output = Result<Rules, Error>> + Send + 'static,
    ) -> Result<Arc<Rules>, Error> {
        let log = self.log().clone();
        let carried = tokio::spawn(async move {
            hub.set_rules(log.shown_rules(act.await?).await);
            Ok(hub.rules())
        });
        carried.await.map_err(|_| Failure::Panicked)?
    }
}
