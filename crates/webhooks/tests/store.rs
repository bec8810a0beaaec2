//! Every engine that keeps webhooks passes the same suite.

#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

mod conformance;

use database::Database;
use webhooks::Sqlite;

#[tokio::test]
async fn sqlite_keeps_webhooks() {
    conformance::all(async || {
        let directory = tempfile::tempdir().unwrap();
        let database = Database::open(&directory.path().join("d.sqlite"), &[webhooks::MIGRATIONS]).unwrap();
        (directory, Sqlite::new(database))
    })
    .await;
}
