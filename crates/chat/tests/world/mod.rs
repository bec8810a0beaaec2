//! A conversation of people over a real database file.

use std::sync::Arc;

use chat::{Chat, Draft, Error, Kind, Message, Refusal, Speaker, Viewer};
use database::{Database, Migration, MigrationSet};
use timeline::{PlayClock, Position};

/// The people of the tests, as the accounts keep them.
pub(crate) const PEOPLE: MigrationSet = MigrationSet {
    name: "people of the tests",
    migrations: &[Migration {
        number: 1,
        name: "users",
        sql: "CREATE TABLE users (id INTEGER PRIMARY KEY, first_name TEXT, last_name TEXT, profile_picture TEXT); \
              INSERT INTO users VALUES (1, 'Ada', 'L', NULL), (2, 'Zoé', 'M', '/z.jpg'), (3, 'Max', 'N', NULL);",
        then: None,
    }],
};
/// The live of the tests.
pub(crate) const LIVE: i64 = 7;

pub(crate) fn person(id: i64) -> Speaker {
    Speaker { id, leads: false }
}

pub(crate) struct World {
    pub(crate) chat: Chat,
    pub(crate) database: Database,
    pub(crate) clock: Arc<PlayClock>,
    _directory: tempfile::TempDir,
}

pub(crate) fn world() -> World {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::open(&directory.path().join("data.db"), &[PEOPLE, chat::MIGRATIONS]).unwrap();
    let clock = Arc::new(PlayClock::new([(1, 0, 10_000), (2, 20_000, 10_000)]));
    World { chat: Chat::new(database.clone()), database, clock, _directory: directory }
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
        self.chat.range(LIVE, 0, i64::MAX).await.unwrap()
    }

    pub(crate) async fn viewer(&self, after: Option<i64>, since: Option<i64>) -> Viewer {
        self.chat.subscribe(LIVE, after, since, &self.clock).await.unwrap()
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
