//! Messages as they are read: what is kept, with the names that people have now.

use std::collections::HashMap;
use std::sync::Arc;

use ids::{LiveId, PersonId};
use storage::Failure;

use crate::Error;
use crate::mentions::Mention;
use crate::message::{Author, Message};
use crate::moderation::{Held, Rules};
use crate::names::Names;
use crate::store::{Standing, Store};
use crate::window::{Stretch, Window};

/// What is kept of conversations, and who knows the names. Clones share both.
#[derive(Clone)]
pub(crate) struct Log {
    store: Arc<dyn Store>,
    names: Arc<dyn Names>,
}

impl Log {
    pub(crate) fn new(store: impl Store, names: impl Names) -> Self {
        Self { store: Arc::new(store), names: Arc::new(names) }
    }

    pub(crate) fn store(&self) -> &dyn Store {
        self.store.as_ref()
    }

    pub(crate) async fn window(
        &self,
        live_id: LiveId,
        window: Window,
        limit: u32,
    ) -> Result<Vec<Message>, Failure> {
        self.named(self.store.window(live_id, window, limit).await?).await
    }

    pub(crate) async fn stretch(
        &self,
        live_id: LiveId,
        stretch: Stretch,
        limit: u32,
    ) -> Result<Vec<Message>, Failure> {
        self.named(self.store.stretch(live_id, stretch, limit).await?).await
    }

    pub(crate) async fn standing(&self, live_id: LiveId, newest: u32) -> Result<Standing, Failure> {
        let Standing { counters, newest, rules } = self.store.standing(live_id, newest).await?;
        Ok(Standing { counters, newest: self.named(newest).await?, rules: self.shown_rules(rules).await })
    }

    pub(crate) async fn held(&self, live_id: LiveId, limit: u32) -> Result<Vec<Held>, Failure> {
        let mut held = self.store.held(live_id, limit).await?;
        self.put_names(held.iter_mut().map(|held| &mut held.message).collect()).await?;
        Ok(held)
    }

    /// The same messages with names.
    pub(crate) async fn named(&self, mut messages: Vec<Message>) -> Result<Vec<Message>, Failure> {
        self.put_names(messages.iter_mut().collect()).await?;
        Ok(messages)
    }

    /// A message that was just stored, with names. What is stored is shown, also when the names cannot be read now.
    pub(crate) async fn shown(&self, mut message: Message) -> Message {
        if let Err(error) = self.put_names(vec![&mut message]).await {
            tracing::warn!(%error, "a message is shown without its names");
        }
        message
    }

    /// The same for rules, where the pinned message has names.
    pub(crate) async fn shown_rules(&self, rules: Rules) -> Rules {
        match rules.pinned {
            Some(pinned) => Rules { pinned: Some(Box::new(self.shown(*pinned).await)), ..rules },
            None => rules,
        }
    }

    /// Somebody by their name; unnamed when their account is gone.
    pub(crate) async fn author(&self, id: PersonId) -> Result<Author, Failure> {
        Ok(self.names.names(vec![id]).await?.remove(&id).unwrap_or_else(|| Author::unnamed(id)))
    }

    /// Those of these people who exist, each once, in their order.
    pub(crate) async fn people(&self, mut ids: Vec<PersonId>) -> Result<Vec<Author>, Failure> {
        let mut names = self.names.names(ids.clone()).await?;
        ids.retain(|id| names.contains_key(id));
        Ok(ids.into_iter().filter_map(|id| names.remove(&id)).collect())
    }

    /// Whether somebody has this id.
    pub(crate) async fn knows(&self, id: PersonId) -> Result<bool, Error> {
        Ok(self.names.names(vec![id]).await?.contains_key(&id))
    }

    async fn put_names(&self, messages: Vec<&mut Message>) -> Result<(), Failure> {
        let mut ids: Vec<PersonId> = Vec::new();
        for message in &messages {
            ids.push(message.author.id);
            ids.extend(message.mentions.iter().map(|mention| mention.id));
        }
        if ids.is_empty() {
            return Ok(());
        }
        ids.sort_unstable();
        ids.dedup();
        let names = self.names.names(ids).await?;
        for message in messages {
            put(message, &names);
        }
        Ok(())
    }
}

/// Whose account is gone is not mentioned, and has no name as an author.
fn put(message: &mut Message, names: &HashMap<PersonId, Author>) {
    if let Some(author) = names.get(&message.author.id) {
        message.author.clone_from(author);
    }
    message.mentions.retain(|mention| names.contains_key(&mention.id));
    for mention in &mut message.mentions {
        if let Some(Author { id, first_name, last_name, .. }) = names.get(&mention.id) {
            *mention = Mention { id: *id, first_name: first_name.clone(), last_name: last_name.clone() };
        }
    }
}
