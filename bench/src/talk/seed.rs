//! A conversation of any length, put into the database of a server that is not running.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use chat::{Author, Chat, Draft, Kind, Names, Speaker};
use database::Database;
use ids::{LiveId, PersonId};
use serde::Deserialize;
use serde_json::{Value, json};
use timeline::{PlayClock, Position};

use crate::Failure;

/// Messages on their way at once.
const WRITERS: usize = 512;
/// The length of the live, in milliseconds.
const LASTS_MS: i64 = 5 * 3_600_000;
/// What people say, from which messages are put together.
const PHRASES: [&str; 24] = [
    "bonjour à tous",
    "bonsoir depuis Dakar",
    "on vous entend très bien",
    "le son coupe un peu chez moi",
    "merci beaucoup pour ce direct",
    "quelle belle image",
    "est-ce que ça sera en replay ?",
    "oui bien sûr",
    "je suis d'accord avec ça",
    "pas du tout",
    "c'est la première fois que je regarde",
    "quelqu'un peut répéter la question ?",
    "félicitations à toute l'équipe",
    "mdr",
    "on attend la suite avec impatience",
    "pouvez-vous parler plus fort s'il vous plaît",
    "j'ai raté le début",
    "ça commence à quelle heure demain ?",
    "👏👏",
    "que pensez-vous du prix ?",
    "il fait très chaud ici",
    "bonne soirée à tout le monde",
    "vous êtes où exactement ?",
    "ah d'accord je comprends mieux maintenant",
];

/// Nobody here is asked for by name.
struct Nobody;

#[async_trait]
impl Names for Nobody {
    async fn names(&self, _: Vec<PersonId>) -> Result<HashMap<PersonId, Author>, storage::Failure> {
        Ok(HashMap::new())
    }
}

/// What is put there.
#[derive(Deserialize)]
pub(crate) struct Seed {
    /// The database's file.
    database: PathBuf,
    live: LiveId,
    people: Vec<PersonId>,
    messages: usize,
}

impl Seed {
    /// Posts the messages as the server does; answers how long that took.
    pub(crate) fn sow(self) -> Result<Value, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(self.post())
    }

    async fn post(self) -> Result<Value, Failure> {
        let database =
            Database::open(&self.database, &[accounts::MIGRATIONS, lives::MIGRATIONS, chat::MIGRATIONS])?;
        let chat = Chat::new(chat::Sqlite::new(database.clone()), Nobody);
        let clock = Arc::new(PlayClock::new([(1, 0, LASTS_MS)]));
        let (start, seed) = (Instant::now(), Arc::new(self));
        let writers = (0..WRITERS).map(|writer| {
            let (chat, clock, seed) = (chat.clone(), Arc::clone(&clock), Arc::clone(&seed));
            tokio::spawn(async move {
                for index in (writer..seed.messages).step_by(WRITERS) {
                    seed.say(&chat, &clock, index).await.map_err(|error| error.to_string())?;
                }
                Ok::<_, String>(())
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await??;
        }
        let seconds = start.elapsed().as_secs_f64();
        // The first search puts what is left into the index.
        chat.search(seed.live, "replay").await?;
        database.close().await;
        Ok(json!({"messages": seed.messages, "seconds": seconds}))
    }

    async fn say(&self, chat: &Chat, clock: &Arc<PlayClock>, index: usize) -> Result<(), chat::Error> {
        let place = Position { take: 1, ms: index as i64 * LASTS_MS / self.messages as i64 };
        let draft = Draft::new(Kind::Text, &sentence(index as u64), None, None, Some(place), clock)?;
        let speaker = Speaker { id: self.people[index % self.people.len()], leads: false };
        chat.post(self.live, speaker, false, draft, Arc::clone(clock)).await.map(drop)
    }
}

/// One to three phrases, and now and then a number.
fn sentence(index: u64) -> String {
    let roll = index.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407) >> 20;
    let phrase = |part: u64| PHRASES[(roll >> part) as usize % PHRASES.len()];
    let mut said = phrase(3).to_owned();
    for part in 0..roll % 3 {
        said.push_str(", ");
        said.push_str(phrase(8 + 5 * part));
    }
    if roll.is_multiple_of(4) { format!("{said} {}", roll % 5_000) } else { said }
}
