//! What the database promises its users.

#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

use std::path::Path;
use std::sync::{Arc, Barrier};

use database::{Database, Error, Look, Migration, MigrationSet};
use rusqlite::Connection;

const FIRST: Migration = Migration {
    number: 1,
    name: "notes",
    sql: "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT NOT NULL UNIQUE) STRICT",
    then: None,
};
const SECOND: Migration =
    Migration { number: 2, name: "colours", sql: "ALTER TABLE notes ADD COLUMN colour TEXT", then: None };
const OLD: MigrationSet = MigrationSet { name: "notes", migrations: &[FIRST] };
const NEW: MigrationSet = MigrationSet { name: "notes", migrations: &[FIRST, SECOND] };

fn open(directory: &Path) -> Database {
    Database::open(&directory.join("d.sqlite"), &[OLD]).unwrap()
}

fn insert(body: &str) -> impl FnOnce(&Connection) -> Result<i64, Error> + Send + 'static {
    let body = body.to_owned();
    move |connection| {
        connection.prepare_cached("INSERT INTO notes (body) VALUES (?)")?.execute([&body])?;
        Ok(connection.last_insert_rowid())
    }
}

async fn bodies(database: &Database) -> Vec<String> {
    database
        .read(|connection| {
            let mut all = connection.prepare_cached("SELECT body FROM notes ORDER BY id")?;
            let rows = all.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
            Ok::<_, Error>(rows)
        })
        .await
        .unwrap()
}

#[tokio::test]
async fn what_was_answered_is_there_after_a_new_opening() {
    let directory = tempfile::tempdir().unwrap();
    let database = open(directory.path());
    database.write(insert("one")).await.unwrap();
    database.close().await;
    assert!(matches!(database.write(insert("late")).await, Err(Error::Closed)));
    drop(database);
    assert_eq!(bodies(&open(directory.path())).await, ["one"]);
}

/// Holds the writer with a job until the returned barrier is passed, so that what is sent next shares one commit.
fn hold(database: &Database) -> Arc<Barrier> {
    let barrier = Arc::new(Barrier::new(2));
    let (held, database) = (Arc::clone(&barrier), database.clone());
    tokio::spawn(async move {
        database
            .write(move |_| {
                held.wait();
                Ok::<_, Error>(())
            })
            .await
    });
    barrier
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_fails_or_panics_undoes_only_itself() {
    let directory = tempfile::tempdir().unwrap();
    let database = open(directory.path());
    let held = hold(&database);
    let fails = |connection: &Connection| {
        connection.execute("INSERT INTO notes (body) VALUES ('undone')", [])?;
        Err::<(), _>(Error::Failed("on purpose".to_owned()))
    };
    let panics = |connection: &Connection| -> Result<(), Error> {
        connection.execute("INSERT INTO notes (body) VALUES ('panicked')", [])?;
        panic!("on purpose")
    };
    let (before, fails, panics, twice, after, ()) = tokio::join!(
        database.write(insert("before")),
        database.write(fails),
        database.write(panics),
        database.write(insert("before")),
        database.write(insert("after")),
        async {
            tokio::task::spawn_blocking(move || held.wait()).await.unwrap();
        },
    );
    assert!(before.is_ok() && after.is_ok());
    assert!(matches!(fails, Err(Error::Failed(_))));
    assert!(matches!(panics, Err(Error::Panicked)));
    assert!(matches!(twice, Err(Error::Constraint(_))));
    assert_eq!(bodies(&database).await, ["before", "after"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_writers_at_once_are_each_kept_once() {
    let directory = tempfile::tempdir().unwrap();
    let database = open(directory.path());
    let mut writers = tokio::task::JoinSet::new();
    for number in 0..1_000 {
        let database = database.clone();
        writers.spawn(async move { database.write(insert(&number.to_string())).await });
    }
    let mut ids = writers.join_all().await.into_iter().collect::<Result<Vec<_>, _>>().unwrap();
    ids.sort_unstable();
    assert_eq!(ids, (1..=1_000).collect::<Vec<_>>());
    assert_eq!(bodies(&database).await.len(), 1_000);
}

#[tokio::test]
async fn a_job_that_ends_the_transaction_itself_fails_all_that_shared_it() {
    let directory = tempfile::tempdir().unwrap();
    let database = open(directory.path());
    let rolls_back = |connection: &Connection| {
        connection.execute("INSERT INTO notes (body) VALUES ('gone')", [])?;
        connection.execute_batch("ROLLBACK")?;
        Ok::<_, Error>(())
    };
    assert!(matches!(database.write(rolls_back).await, Err(Error::Failed(_))));
    database.write(insert("next")).await.unwrap();
    assert_eq!(bodies(&database).await, ["next"]);
}

#[tokio::test]
async fn migrations_go_forward_and_a_newer_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let database = open(directory.path());
    database.write(insert("kept")).await.unwrap();
    database.close().await;
    let path = directory.path().join("d.sqlite");
    let newer = Database::open(&path, &[NEW]).unwrap();
    assert_eq!(bodies(&newer).await, ["kept"]);
    newer.close().await;
    assert!(matches!(Database::open(&path, &[OLD]), Err(Error::TooNew { number: 2, .. })));
}

#[tokio::test]
async fn a_reader_cannot_write() {
    let directory = tempfile::tempdir().unwrap();
    let database = open(directory.path());
    assert!(database.read(insert("no")).await.is_err());
    assert!(bodies(&database).await.is_empty());
}

#[tokio::test]
async fn the_check_finds_a_sound_file_sound_and_a_damaged_one_damaged() {
    let directory = tempfile::tempdir().unwrap();
    let database = open(directory.path());
    for number in 0..200 {
        let body = format!("{number:0>64}");
        database.write(insert(&body)).await.unwrap();
    }
    database.close().await;
    let path = directory.path().join("d.sqlite");
    assert_eq!(Look::at(&path, false).unwrap().check().unwrap(), Vec::<String>::new());
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 2_048].fill(0xa5);
    std::fs::write(&path, bytes).unwrap();
    assert!(Look::at(&path, false).and_then(|look| look.check()).map_or(true, |found| !found.is_empty()));
}
