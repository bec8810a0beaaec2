//! Every engine that keeps lives passes the same suite.

#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

mod conformance;

use accounts::store::{NewRow, Store};
use database::Database;
use ids::UnixMs;
use lives::Sqlite;

#[tokio::test]
async fn sqlite_keeps_lives() {
    conformance::all(async || {
        let directory = tempfile::tempdir().unwrap();
        let sets = [accounts::MIGRATIONS, lives::MIGRATIONS];
        let database = Database::open(&directory.path().join("d.sqlite"), &sets).unwrap();
        let people = accounts::Sqlite::new(database.clone());
        for email in ["a@b", "z@b"] {
            let (first_name, last_name) = (String::new(), String::new());
            let (email, password) = (email.to_owned(), String::new());
            let new = NewRow {
                email,
                password,
                first_name,
                last_name,
                roles: Vec::new(),
                verified: false,
                invitation: None,
                now: UnixMs(0),
            };
            people.add(new).await.unwrap();
        }
        (directory, Sqlite::new(database))
    })
    .await;
}
