//! What a list costs does not grow with the lives there are.

#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

use accounts::store::{NewRow as NewPerson, Store as _};
use database::Database;
use ids::{PersonId, UnixMs};
use lives::{Filter, Sqlite, Store};

/// Lists read for one measure: enough that the clock's ticks of 10 ms do not matter.
const LISTS: u32 = 400;

#[tokio::test]
async fn a_page_of_ten_thousand_lives_costs_what_one_of_two_thousand_does() {
    let directory = tempfile::tempdir().unwrap();
    let sets = [accounts::MIGRATIONS, lives::MIGRATIONS];
    let database = Database::open(&directory.path().join("d.sqlite"), &sets).unwrap();
    let (email, password) = ("a@b".to_owned(), String::new());
    let (first_name, last_name) = (String::new(), String::new());
    let awa = NewPerson {
        email,
        password,
        first_name,
        last_name,
        roles: Vec::new(),
        invitation: None,
        verified: false,
        now: UnixMs(0),
    };
    accounts::Sqlite::new(database.clone()).add(awa).await.unwrap();
    let store = Sqlite::new(database.clone());
    add(&database, 2_000).await;
    let words = |words: &str| Filter { words: Some(words.to_owned()), ..Filter::default() };
    let filters = || {
        [
            Filter::default(),
            Filter { running: Some(false), ..Filter::default() },
            Filter { members: true, ..Filter::default() },
            Filter { of: Some(PersonId(1)), ..Filter::default() },
            // All lives have this word, and a word of this beginning.
            words("bonjour"),
            words("b"),
        ]
    };
    let mut before = Vec::new();
    for filter in filters() {
        before.push(milliseconds_for_each(&store, &filter).await);
    }
    add(&database, 8_000).await;
    for (filter, before) in filters().into_iter().zip(before) {
        let after = milliseconds_for_each(&store, &filter).await;
        assert!(after <= before * 1.25 + 0.2, "{filter:?}: {before:.3} ms at 2,000, {after:.3} ms at 10,000");
    }
}

/// Adds ended lives, in one transaction.
async fn add(database: &Database, count: u32) {
    let sql = format!(
        "INSERT INTO lives (author, title, description, content, visibility, started_at, ended_at, watch_key, stream_key)
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
         SELECT 1, 'Bonjour ' || i, 'd', 'c', 'public', i, i, 'w', randomblob(32) FROM n"
    );
    database.write(move |c| Ok::<_, database::Error>(c.execute_batch(&sql)?)).await.unwrap();
}

/// Processor time of a page of 50, all threads.
async fn milliseconds_for_each(store: &Sqlite, filter: &Filter) -> f64 {
    let begun = processor_ms();
    for _ in 0..LISTS {
        assert_eq!(store.list(filter.clone(), 0, 50).await.unwrap().1.len(), 50);
    }
    (processor_ms() - begun) / f64::from(LISTS)
}

fn processor_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) * 10.0
}
