//! Every engine that keeps conversations passes the same suite.

#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

mod conformance;

use chat::Sqlite;
use database::Database;

#[tokio::test]
async fn sqlite_keeps_conversations() {
    conformance::all(async || {
        let directory = tempfile::tempdir().unwrap();
        let database = Database::open(&directory.path().join("d.sqlite"), &[chat::MIGRATIONS]).unwrap();
        (directory, Sqlite::new(database))
    })
    .await;
}
