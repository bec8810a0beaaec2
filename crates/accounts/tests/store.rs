//! Every engine that keeps people passes the same suite.

#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

mod conformance;

use accounts::Sqlite;
use database::Database;

#[tokio::test]
async fn sqlite_keeps_people() {
    conformance::all(async || {
        let directory = tempfile::tempdir().unwrap();
        let database = Database::open(&directory.path().join("d.sqlite"), &[accounts::MIGRATIONS]).unwrap();
        (directory, Sqlite::new(database))
    })
    .await;
}
