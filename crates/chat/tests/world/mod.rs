//! A conversation of people over a real database file.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chat::{Author, Chat, Draft, Error, Kind, Message, Names, Refusal, Speaker, Sqlite, Viewer};
use database::Database;
use ids::{Change, LiveId, PersonId, Seq};
use timeline::{PlayClock, Position};

/// The people of the tests.
#[derive(Clone, Default)]
pub(crate) struct People(Arc<Mutex<HashMap<PersonId, Author>>>);

impl People {
    pub(crate) fn three() -> Self {
        let people = Self::default();
        for (id, first_name, last_name, picture) in
            [(1, "Ada", "L", None), (2, "Zoé", "M", Some("/z.jpg")), (3, "Max", "N", None)]
        {
            people.put(PersonId(id), first_name, last_name, picture);
        }
        people
    }

    pub(crate) fn put(&self, id: PersonId, first_name: &str, last_name: &str, picture: Option<&str>) {
        let (first_name, last_name) = (first_name.to_owned(), last_name.to_owned());
        let person = Author { id, first_name, last_name, profile_picture: picture.map(str::to_owned) };
        self.0.lock().unwrap().insert(id, person);
    }

    pub(crate) fn remove(&self, id: PersonId) {
        self.0.lock().unwrap().remove(&id);
    }
}

#[async_trait]
impl Names for People {
    async fn names(&self, ids: Vec<PersonId>) -> Result<HashMap<PersonId, Author>, storage::Failure> {
        let people = self.0.lock().unwrap();
        Ok(ids.into_iter().filter_map(|id| Some((id, people.get(&id)?.clone()))).collect())
    }
}

/// The live of the tests.
pub(crate) const LIVE: LiveId = LiveId(7);
/// Another one.
pub(crate) const OTHER: LiveId = LiveId(8);

pub(crate) fn person(id: i64) -> Speaker {
    Speaker { id: PersonId(id), leads: false }
}

pub(crate) struct World {
    pub(crate) chat: Chat,
    pub(crate) people: People,
    pub(crate) database: Database,
    pub(crate) clock: Arc<PlayClock>,
    _directory: tempfile::TempDir,
}

pub(crate) fn world() -> World {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::open(&directory.path().join("data.db"), &[chat::MIGRATIONS]).unwrap();
    let clock = Arc::new(PlayClock::new([(1, 0, 10_000), (2, 20_000, 10_000)]));
    let people = People::three();
    let chat = Chat::new(Sqlite::new(database.clone()), people.clone());
    World { chat, people, database, clock, _directory: directory }
}

impl World {
    pub(crate) fn draft(&self, content: &str, at: Option<(u32, i64)>, client_id: Option<&str>) -> Draft {
        let position = at.map(|(take, ms)| Position { take, ms });
        Draft::new(Kind::Text, content, None, client_id, position, &self.clock).unwrap()
    }

    pub(crate) async fn say(&self, content: &str) -> Message {
        self.say_at(content, None).await
    }

    pub(crate) async fn say_at(&self, content: &str, at: Option<(u32, i64)>) -> Message {
        let draft = self.draft(content, at, None);
        self.chat.post(LIVE, person(1), false, draft, Arc::clone(&self.clock)).await.unwrap().message
    }

    pub(crate) async fn history(&self) -> Vec<Message> {
        self.chat.range(LIVE, Seq(0), Seq(i64::MAX)).await.unwrap()
    }

    pub(crate) async fn viewer(&self, after: Option<i64>, since: Option<i64>) -> Viewer {
        self.chat.subscribe(LIVE, after.map(Seq), since.map(Change), &self.clock).await.unwrap()
    }
}

/// Every frame the viewer has not seen.
pub(crate) async fn frames(viewer: &mut Viewer) -> Vec<serde_json::Value> {
    let mut frames = Vec::new();
    while let Some(frame) = viewer.next().await.unwrap() {
        frames.push(serde_json::from_slice(&frame).unwrap());
    }
    frames
}

pub(crate) fn refusal<T>(result: Result<T, Error>) -> Option<Refusal> {
    match result {
        Err(Error::Refused(refusal)) => Some(refusal),
        _ => None,
    }
}
