//! A conversation written by an earlier version is whole after the migrations.
//!
//! `fixtures/vN.sqlite` is a database as version N left it (the tables of the conversation and the people of the tests).
//! Before a migration is added, the version that is there writes one more.
#![allow(
    clippy::unwrap_used,
    dead_code,
    reason = "a failing step fails the test; each test file uses its part"
)]

mod world;

use std::path::PathBuf;
use std::sync::Arc;

use chat::{Chat, Draft, Kind, Message, message_id};
use database::{Database, MigrationSet};
use ids::{LiveId, PersonId, Seq, UnixMs};
use timeline::{PlayClock, Position};
use world::{LIVE, People, person};

/// The newest version of which there is a fixture.
const NEWEST: usize = 6;
/// A live of which only the fixtures from version 4 on have something.
const BUSY: LiveId = LiveId(300);
/// A live of which only the fixture of version 6 has something.
const SCRIPTS: LiveId = LiveId(301);

struct Old {
    chat: Chat,
    database: Database,
    clock: Arc<PlayClock>,
    _directory: tempfile::TempDir,
}

/// A fixture, brought up to `between` as somebody may have run that version, then up to date.
async fn migrated(version: usize, between: usize) -> Old {
    let fixture = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/v{version}.sqlite"));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data.db");
    std::fs::copy(fixture, &path).unwrap();
    let migrations = &chat::MIGRATIONS.migrations[..between];
    let between = MigrationSet { name: "chat", migrations };
    Database::open(&path, &[between]).unwrap().close().await;
    let database = Database::open(&path, &[chat::MIGRATIONS]).unwrap();
    let clock = Arc::new(PlayClock::new([(1, 0, 10_000), (2, 20_000, 10_000)]));
    Old {
        chat: Chat::new(chat::Sqlite::new(database.clone()), People::three()),
        database,
        clock,
        _directory: directory,
    }
}

impl Old {
    async fn post(&self, live: LiveId, content: &str, client_id: Option<&str>) -> chat::Posted {
        let draft = Draft::new(Kind::Text, content, None, client_id, None, &self.clock).unwrap();
        self.chat.post(live, person(1), false, draft, Arc::clone(&self.clock)).await.unwrap()
    }

    async fn found(&self, live: LiveId, words: &str) -> Vec<Message> {
        self.chat.search(live, words).await.unwrap()
    }
}

#[tokio::test]
async fn what_every_earlier_version_kept_is_there() {
    let versions =
        (1..=NEWEST).flat_map(|version| (version..=NEWEST + 1).map(move |between| (version, between)));
    for (version, between) in versions {
        let old = migrated(version, between).await;
        let history = old.chat.range(LIVE, Seq(0), Seq(i64::MAX)).await.unwrap();
        let read: Vec<_> = history.iter().map(|one| (one.content.as_str(), one.kind, one.deleted)).collect();
        assert_eq!(
            read,
            [("L'été à Dakar", Kind::Text, false), ("", Kind::Text, true), ("🎉", Kind::Emoji, false)],
            "from version {version} by way of {between}"
        );
        assert_eq!((history[2].reply_to, history[2].on_replay), (Some(Seq(1)), true));
        assert_eq!(history[2].created_at_ms, UnixMs(1_700_000_000_200));
        assert_eq!(history[2].position, Position { take: 1, ms: 300 });
        assert_eq!(old.found(LIVE, "ete").await.len(), 1);
        assert_eq!(old.chat.reactions(LIVE, &old.clock).await.unwrap().totals, [("❤️".to_owned(), 5)]);
        let again = old.post(LIVE, "encore", Some("3f2504e0-4f89-41d3-9a0c-0305e82c3301")).await;
        assert_eq!((again.created, again.message.seq), (false, Some(Seq(1))));
        assert_eq!(old.post(LIVE, "suite", None).await.message.seq, Some(Seq(4)));
        let found = chat::Sqlite::verify(&database::Look::at(old.database.path(), true).unwrap()).unwrap();
        assert_eq!(found, [""; 0], "from version {version} by way of {between}");
        old.database.close().await;
    }
}

#[tokio::test]
async fn a_busy_conversation_of_the_fourth_version_and_later_is_whole() {
    for version in [4, 5, 6] {
        let old = migrated(version, version).await;
        let history = old.chat.range(BUSY, Seq(0), Seq(i64::MAX)).await.unwrap();
        assert_eq!(history.len(), 42);
        for (turn, message) in history.iter().take(40).enumerate() {
            let said =
                format!("Message {turn} : on vous entend très bien depuis Thiès, bravo à toute l'équipe !");
            let deleted = turn == 4;
            assert_eq!(message.content, if deleted { "" } else { &said });
            assert_eq!((message.deleted, message.author.id), (deleted, PersonId(1 + turn as i64 % 3)));
            let position = Position { take: 1 + turn as u32 % 2, ms: turn as i64 * 100 };
            assert_eq!(
                (message.position, message.reply_to),
                (position, (turn > 5).then(|| Seq(turn as i64 - 3)))
            );
        }
        let mentioned: Vec<i64> = history[9].mentions.iter().map(|mention| mention.id.0).collect();
        assert_eq!(mentioned, if version >= 5 { vec![2, 3] } else { vec![] });
        assert_eq!(history[40].content, "très long ".repeat(190).trim());
        assert_eq!(old.found(BUSY, "bravo").await.len(), 39);
        assert_eq!(old.found(BUSY, "recherche").await.len(), 1);
        assert_eq!(old.found(BUSY, "\"bien depuis thies\"").await.len(), 39);
        let again = old.post(BUSY, "encore", Some("00000000-0000-4000-8000-000000000012")).await;
        assert_eq!((again.created, again.message.seq), (false, Some(Seq(13))));
        let rules = old.chat.rules(BUSY, &old.clock).await.unwrap();
        assert_eq!(rules.pinned.as_ref().and_then(|pinned| pinned.seq), Some(Seq(7)));
        assert!(
            rules.hold && rules.names(PersonId(3)) && !rules.show_members && rules.words.found_in("cretin")
        );
        let owner = chat::Speaker { id: PersonId(1), leads: true };
        let held = old.chat.held(BUSY, owner, &old.clock).await.unwrap();
        assert_eq!((held.len(), held[0].message.content.as_str()), (1, "puis-je ?"));
        let kept =
            old.chat.decide(BUSY, owner, held[0].id, true, Arc::clone(&old.clock)).await.unwrap().unwrap();
        assert_eq!((kept.seq, kept.reply_to), (Some(Seq(43)), Some(Seq(3))));
        assert_eq!(old.chat.sanctions(BUSY, owner, &old.clock).await.unwrap()[0].person_id, PersonId(2));
        old.chat.delete(BUSY, message_id(BUSY, Seq(1)), owner, &old.clock).await.unwrap();
        assert_eq!(old.found(BUSY, "bravo").await.len(), 38);
        old.database.close().await;
    }
}

#[tokio::test]
async fn what_the_sixth_version_could_not_find_is_found() {
    let old = migrated(6, 6).await;
    for words in ["hauptstrasse", "Hauptstraße", "🎉", "图书馆", "书", "oeuvre", "👍", "daado", "rendez-vous"]
    {
        assert_eq!(old.found(SCRIPTS, words).await.len(), 1, "{words}");
    }
    old.chat
        .delete(
            SCRIPTS,
            message_id(SCRIPTS, Seq(2)),
            chat::Speaker { id: PersonId(1), leads: true },
            &old.clock,
        )
        .await
        .unwrap();
    assert_eq!(old.found(SCRIPTS, "图书馆").await.len(), 0);
    old.database.close().await;
}
