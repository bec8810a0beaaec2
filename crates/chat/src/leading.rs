//! What those who lead a conversation do: the part of [`Chat`] that is theirs.

use std::sync::Arc;

use rusqlite::Connection;
use timeline::PlayClock;

use crate::hub::Hub;
use crate::moderation::store::{self as acts, Leading};
use crate::moderation::{Act, Held, Rules, RulesChange, SILENCE_LIMIT_MS, SLOW_LIMIT_MS, Sanction, Speaker};
use crate::service::{Chat, announce, now_ms};
use crate::{Error, Message, Refusal};

/// Messages waiting for approval that are listed at once, and acts.
const LIST: u32 = 200;

impl Chat {
    /// How a conversation is led.
    ///
    /// # Errors
    ///
    /// The database's.
    pub async fn rules(&self, live_id: i64, clock: &Arc<PlayClock>) -> Result<Arc<Rules>, Error> {
        Ok(self.hub(live_id, clock).await?.rules())
    }

    /// Changes how a conversation is led.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotModerator`], [`Refusal::Rules`], [`Refusal::NoMessage`] for the pinned one, or the database's
    /// failure.
    pub async fn change_rules(
        &self,
        live_id: i64,
        by: Speaker,
        change: RulesChange,
        clock: &Arc<PlayClock>,
    ) -> Result<Arc<Rules>, Error> {
        let (hub, leading) = self.leading(live_id, by, clock).await?;
        if change.slow_ms.is_some_and(|slow_ms| !(0..=SLOW_LIMIT_MS).contains(&slow_ms)) {
            return Err(Refusal::Rules.into());
        }
        self.lead(&hub, move |conn| acts::change_rules(conn, leading, &change)).await
    }

    /// Names a moderator of this live, or takes the name back. Only its author and moderators of the site may.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotModerator`], [`Refusal::NoPerson`], or the database's failure.
    pub async fn set_moderator(
        &self,
        live_id: i64,
        by: Speaker,
        person_id: i64,
        named: bool,
        clock: &Arc<PlayClock>,
    ) -> Result<Arc<Rules>, Error> {
        let (hub, leading) = self.leading(live_id, by, clock).await?;
        if !by.leads {
            return Err(Refusal::NotModerator.into());
        }
        self.lead(&hub, move |conn| acts::set_moderator(conn, leading, person_id, named)).await
    }

    /// Silences or bans somebody. Those who lead write all the same.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotModerator`], [`Refusal::NoPerson`], [`Refusal::Rules`] for a silence that ends before now or after
    /// [`SILENCE_LIMIT_MS`], or the database's failure.
    pub async fn sanction(
        &self,
        live_id: i64,
        by: Speaker,
        sanction: Sanction,
        clock: &Arc<PlayClock>,
    ) -> Result<(), Error> {
        let (hub, leading) = self.leading(live_id, by, clock).await?;
        let bounds = leading.now_ms..=leading.now_ms.saturating_add(SILENCE_LIMIT_MS);
        if sanction.until_ms.is_some_and(|until| !bounds.contains(&until)) {
            return Err(Refusal::Rules.into());
        }
        let database = self.database().clone();
        let carried = tokio::spawn(async move {
            let job = move |conn: &Connection| {
                let deletions = acts::sanction(conn, leading, sanction)?;
                Ok::<_, Error>((deletions, acts::rules(conn, live_id)?))
            };
            let (deletions, rules) = database.write(job).await?;
            for deletion in deletions {
                hub.deleted(deletion);
            }
            hub.set_rules(rules);
            Ok(())
        });
        carried.await.map_err(|_| database::Error::Panicked)?
    }

    /// Lets somebody write again.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotModerator`], or the database's failure.
    pub async fn lift(
        &self,
        live_id: i64,
        by: Speaker,
        person_id: i64,
        clock: &Arc<PlayClock>,
    ) -> Result<(), Error> {
        let (_, leading) = self.leading(live_id, by, clock).await?;
        self.database().write(move |conn| acts::lift(conn, leading, person_id)).await
    }

    /// Who may not write now, for those who lead.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotModerator`], or the database's failure.
    pub async fn sanctions(
        &self,
        live_id: i64,
        by: Speaker,
        clock: &Arc<PlayClock>,
    ) -> Result<Vec<Sanction>, Error> {
        let (_, leading) = self.leading(live_id, by, clock).await?;
        self.database().read(move |conn| acts::sanctions(conn, live_id, leading.now_ms)).await
    }

    /// The oldest messages that wait for approval, for those who lead.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotModerator`], or the database's failure.
    pub async fn held(&self, live_id: i64, by: Speaker, clock: &Arc<PlayClock>) -> Result<Vec<Held>, Error> {
        self.leading(live_id, by, clock).await?;
        self.database().read(move |conn| acts::held(conn, live_id, LIST)).await
    }

    /// Approves a message that waits, which then gets its number and is announced, or rejects it.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotModerator`], [`Refusal::NoMessage`], or the database's failure.
    pub async fn decide(
        &self,
        live_id: i64,
        by: Speaker,
        held_id: i64,
        approved: bool,
        clock: Arc<PlayClock>,
    ) -> Result<Option<Message>, Error> {
        let (hub, leading) = self.leading(live_id, by, &clock).await?;
        let chat = self.clone();
        let carried = tokio::spawn(async move {
            let job = move |conn: &Connection| acts::decide(conn, leading, held_id, approved);
            let kept = chat.database().write(job).await?;
            if let Some(message) = &kept {
                chat.index_later(live_id, &hub);
                announce(&hub, message.clone(), &clock);
            }
            Ok(kept)
        });
        carried.await.map_err(|_| database::Error::Panicked)?
    }

    /// The acts before the one with the id `before`, newest first, for those who lead.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotModerator`], or the database's failure.
    pub async fn acts(
        &self,
        live_id: i64,
        by: Speaker,
        before: i64,
        clock: &Arc<PlayClock>,
    ) -> Result<Vec<Act>, Error> {
        self.leading(live_id, by, clock).await?;
        self.database().read(move |conn| acts::acts(conn, live_id, before, LIST)).await
    }

    async fn leading(
        &self,
        live_id: i64,
        by: Speaker,
        clock: &Arc<PlayClock>,
    ) -> Result<(Arc<Hub>, Leading), Error> {
        let hub = self.hub(live_id, clock).await?;
        if !by.leads && !hub.rules().names(by.id) {
            return Err(Refusal::NotModerator.into());
        }
        Ok((hub, Leading { live_id, by_id: by.id, now_ms: now_ms() }))
    }

    /// Does an act that changes the rules, and shows them to the viewers.
    async fn lead(
        &self,
        hub: &Arc<Hub>,
        act: impl FnOnce(&Connection) -> Result<Rules, Error> + Send + 'static,
    ) -> Result<Arc<Rules>, Error> {
        let (database, hub) = (self.database().clone(), Arc::clone(hub));
        let carried = tokio::spawn(async move {
            let rules = database.write(act).await?;
            hub.set_rules(rules);
            Ok(hub.rules())
        });
        carried.await.map_err(|_| database::Error::Panicked)?
    }
}
