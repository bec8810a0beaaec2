//! A conversation written by an earlier version is whole after the migrations.
#![allow(
    clippy::unwrap_used,
    dead_code,
    reason = "a failing step fails the test; each test file uses its part"
)]

mod world;

use std::sync::Arc;

use chat::{Chat, Draft, Kind, message_id};
use database::{Database, MigrationSet};
use timeline::PlayClock;
use world::{LIVE, PEOPLE, person};

/// Rows as the first version wrote them: three messages of which one is deleted, each with the id it was sent under.
fn fixture() -> String {
    let id = |seq| message_id(LIVE, seq);
    format!(
        "INSERT INTO messages VALUES ({}, {LIVE}, 1, 100, 1, 1700000000000, 0, 0, NULL, 'L''été à Dakar'),
             ({}, {LIVE}, 1, 200, 2, 1700000000100, 0, 1, NULL, ''), ({}, {LIVE}, 1, 300, 1, 1700000000200, 1, 2, 1, '🎉');
         INSERT INTO messages_search (rowid, content) VALUES ({}, 'L''été à Dakar'), ({}, '🎉');
         INSERT INTO chat_counters (live_id, last_seq, change, deleted) VALUES ({LIVE}, 3, 1, 1);
         INSERT INTO chat_deletions VALUES ({LIVE}, 1, 2, 1, 1700000000300);
         INSERT INTO chat_reactions VALUES ({LIVE}, 1, 0, '❤️', 5);
         INSERT INTO chat_sent VALUES (1, x'3f2504e04f8941d39a0c0305e82c3301', {LIVE}, {}, 1700000000000);",
        id(1), id(2), id(3), id(1), id(3), id(1)
    )
}

#[tokio::test]
async fn what_the_first_version_kept_is_there_in_every_later_one() {
    for version in 1..=chat::MIGRATIONS.migrations.len() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data.db");
        let first = MigrationSet { name: "chat", migrations: &chat::MIGRATIONS.migrations[..1] };
        let database = Database::open(&path, &[PEOPLE, first]).unwrap();
        database.write(|conn| Ok::<_, database::Error>(conn.execute_batch(&fixture())?)).await.unwrap();
        database.close().await;
        // By way of each version between, as somebody may have run it.
        let between = MigrationSet { name: "chat", migrations: &chat::MIGRATIONS.migrations[..version] };
        Database::open(&path, &[PEOPLE, between]).unwrap().close().await;

        let database = Database::open(&path, &[PEOPLE, chat::MIGRATIONS]).unwrap();
        let chat = Chat::new(database.clone());
        let clock = Arc::new(PlayClock::default());
        let history = chat.range(LIVE, 0, i64::MAX).await.unwrap();
        let read: Vec<_> = history.iter().map(|one| (one.content.as_str(), one.kind, one.deleted)).collect();
        assert_eq!(
            read,
            [("L'été à Dakar", Kind::Text, false), ("", Kind::Text, true), ("🎉", Kind::Emoji, false)],
            "from version {version}"
        );
        assert_eq!((history[2].reply_to, history[2].on_replay), (Some(1), true));
        assert_eq!(chat.search(LIVE, "ete").await.unwrap().len(), 1);
        assert_eq!(chat.reactions(LIVE, &clock).await.unwrap().totals, [("❤️".to_owned(), 5)]);
        let sent = Some("3f2504e0-4f89-41d3-9a0c-0305e82c3301");
        let draft = Draft::new(Kind::Text, "encore", None, sent, None, &clock).unwrap();
        let again = chat.post(LIVE, person(1), false, draft, Arc::clone(&clock)).await.unwrap();
        assert_eq!((again.created, again.message.seq), (false, Some(1)));
        let draft = Draft::new(Kind::Text, "suite", None, None, None, &clock).unwrap();
        assert_eq!(chat.post(LIVE, person(1), false, draft, clock).await.unwrap().message.seq, Some(4));
        let found = database.read(|conn| Ok::<_, database::Error>(chat::verify(conn)?)).await.unwrap();
        assert_eq!(found, [""; 0], "from version {version}");
        database.close().await;
    }
}
