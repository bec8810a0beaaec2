//! What happens here, as webhooks are told of it: the outboxes of lives, of conversations and of people.

use std::sync::Arc;

use accounts::Accounts;
use async_trait::async_trait;
use chat::Chat;
use ids::{EventId, LiveId, UnixMs};
use lives::{Lifecycle, Lives};
use serde_json::{Map, Value, json};
use storage::Failure;
use webhooks::{Happening, Kind, Source, Subject};

use crate::app::App;
use crate::engines::Engines;

/// The names of the outboxes, which webhooks keep.
const LIVES: &str = "lives";
const CONVERSATIONS: &str = "conversations";
const PEOPLE: &str = "people";

/// Tells webhooks what happens, until the server leaves: what is on its way then is sent again at the next start.
pub(crate) async fn tell(app: App) {
    let sources: Vec<Arc<dyn Source>> = vec![
        Arc::new(OfLives { lifecycle: app.lifecycle.clone(), lives: app.lives.clone() }),
        Arc::new(OfConversations(app.chat.clone())),
        Arc::new(OfPeople(app.accounts.clone())),
    ];
    tokio::select! {
        () = app.leaving.cancelled() => {}
        () = webhooks::run(app.webhooks.clone(), sources) => {}
    }
}

/// Where the outboxes end now: whoever is added hears what comes after.
pub(crate) async fn ends(engines: &Engines) -> Result<Vec<(String, i64)>, Failure> {
    let lives = lives::Store::newest_event(&engines.lives()).await?.0;
    let conversations = chat::Store::newest_event(&engines.conversations()).await?;
    let people = accounts::Store::newest_disabled(&engines.people()).await?;
    let ends = [(LIVES, lives), (CONVERSATIONS, conversations), (PEOPLE, people)];
    Ok(ends.map(|(name, end)| (name.to_owned(), end)).into())
}

struct OfLives {
    lifecycle: Lifecycle,
    lives: Lives,
}

#[async_trait]
impl Source for OfLives {
    fn name(&self) -> &'static str {
        LIVES
    }

    async fn after(&self, number: i64) -> Result<Vec<(i64, Option<Happening>)>, Failure> {
        let mut told = Vec::new();
        for event in self.lifecycle.events(EventId(number)).await? {
            let happening = match kind(event.kind) {
                Some(kind) => Some(self.told(kind, event.live, event.at).await),
                None => None,
            };
            told.push((event.id.0, happening));
        }
        Ok(told)
    }
}

impl OfLives {
    /// With what the rows say of the live, unless it is gone.
    async fn told(&self, kind: Kind, live: LiveId, at: UnixMs) -> Happening {
        let mut data = Map::new();
        if let Ok(live) = self.lives.get(live).await {
            data.insert("author_id".to_owned(), json!(live.author.id.0));
            if let Some(recorded) = live.recorded.as_ref().filter(|_| kind == Kind::ReplayComplete) {
                data.insert("duration_ms".to_owned(), json!(recorded.duration_ms));
                data.insert("bytes".to_owned(), json!(recorded.bytes));
            }
        }
        Happening { kind, subject: Subject::Live(live), at, data }
    }
}

/// What others are told of it, if anything.
fn kind(event: lives::EventKind) -> Option<Kind> {
    match event {
        lives::EventKind::Started => Some(Kind::LiveStarted),
        lives::EventKind::Resumed => Some(Kind::LiveResumed),
        lives::EventKind::Abandoned => Some(Kind::LiveEnded),
        lives::EventKind::Stopped => Some(Kind::LiveStopped),
        lives::EventKind::Completed => Some(Kind::ReplayComplete),
        lives::EventKind::Changed | lives::EventKind::Deleted => None,
    }
}

struct OfConversations(Chat);

#[async_trait]
impl Source for OfConversations {
    fn name(&self) -> &'static str {
        CONVERSATIONS
    }

    async fn after(&self, number: i64) -> Result<Vec<(i64, Option<Happening>)>, Failure> {
        let told = |event: chat::Event| {
            let (kind, mut data) = match event.kind {
                chat::EventKind::Held(held) => (Kind::MessageHeld, object([("held_id", held.0)])),
                chat::EventKind::Reported(report, message) => {
                    (Kind::MessageReported, object([("report_id", report.0), ("message_id", message.0)]))
                }
            };
            data.extend(object([("author_id", event.person_id.0)]));
            let subject = Subject::Live(event.live_id);
            (event.number, Some(Happening { kind, subject, at: event.at_ms, data }))
        };
        Ok(self.0.events(number).await?.into_iter().map(told).collect())
    }
}

struct OfPeople(Accounts);

#[async_trait]
impl Source for OfPeople {
    fn name(&self) -> &'static str {
        PEOPLE
    }

    async fn after(&self, number: i64) -> Result<Vec<(i64, Option<Happening>)>, Failure> {
        let told = |out: accounts::Disabled| {
            let data = object([("person_id", out.person.0)]);
            let subject = Subject::Person(out.person);
            (out.number, Some(Happening { kind: Kind::PersonDisabled, subject, at: out.at, data }))
        };
        Ok(self.0.disabled(number).await?.into_iter().map(told).collect())
    }
}

fn object<const COUNT: usize>(fields: [(&str, i64); COUNT]) -> Map<String, Value> {
    fields.into_iter().map(|(name, number)| (name.to_owned(), json!(number))).collect()
}
