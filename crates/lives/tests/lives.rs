//! A live from its start to its deletion.

#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

use std::path::Path;
use std::time::{Duration, Instant};

use accounts::{Accounts, NewPerson, SigningKey};
use database::Database;
use ids::{EventId, LiveId, PersonId, UnixMs};
use lives::{
    Change, Error, EventKind, Filter, Lifecycle, Lives, NewLive, Recorded, Sqlite, Visibility, WatchKeys,
};

const NOW: UnixMs = UnixMs(1_800_000_000_000);

struct Here {
    _directory: tempfile::TempDir,
    database: Database,
    accounts: Accounts,
    lives: Lives,
    lifecycle: Lifecycle,
    author: PersonId,
}

async fn here(running_per_person: u32) -> Here {
    let directory = tempfile::tempdir().unwrap();
    let database = open(directory.path());
    let key = SigningKey::open(&directory.path().join("key")).unwrap();
    let accounts =
        Accounts::new(accounts::Sqlite::new(database.clone()), &key, accounts::Settings::default());
    let new = NewPerson {
        email: "a@b".to_owned(),
        password: "une phrase assez longue".to_owned(),
        first_name: "Awa".to_owned(),
        last_name: String::new(),
    };
    let author = accounts.add(new, &[], NOW).await.unwrap().id;
    let lives = Lives::new(Sqlite::new(database.clone()), accounts.clone(), WatchKeys::new(&[5; 32]));
    let lifecycle = Lifecycle::open(lives.clone(), running_per_person).await.unwrap();
    Here { _directory: directory, database, accounts, lives, lifecycle, author }
}

fn open(directory: &Path) -> Database {
    let sets = [accounts::MIGRATIONS, lives::MIGRATIONS];
    Database::open(&directory.join("d.sqlite"), &sets).unwrap()
}

fn titled(title: &str) -> NewLive {
    NewLive { title: title.to_owned(), ..NewLive::default() }
}

fn hidden(visibility: Visibility) -> NewLive {
    NewLive { visibility, ..NewLive::default() }
}

async fn listed(lives: &Lives, filter: Filter) -> Vec<LiveId> {
    lives.list(filter, 1, 200).await.unwrap().lives.into_iter().map(|live| live.id).collect()
}

#[tokio::test]
async fn a_live_is_started_read_changed_and_stopped() {
    let here = here(100).await;
    let (live, stream_key) = here.lifecycle.start(here.author, titled(" Bonjour "), NOW).await.unwrap();
    assert_eq!((live.title.as_str(), live.author.first_name.as_str()), ("Bonjour", "Awa"));
    assert!(stream_key.starts_with("sk_") && live.opens_with(&stream_key) && !live.opens_with("sk_x"));
    assert_eq!(here.lives.by_stream_key(&stream_key).await.unwrap(), live);
    let change = Change { description: Some("à midi".to_owned()), ..Change::default() };
    let changed = here.lifecycle.change(live.id, change, NOW).await.unwrap();
    assert_eq!((changed.title.as_str(), changed.description.as_str()), ("Bonjour", "à midi"));
    let stopped = here.lifecycle.stop(live.id, NOW.plus_ms(5_000)).await.unwrap();
    assert_eq!((stopped.ended_ms, stopped.stopped_ms), (Some(NOW.plus_ms(5_000)), Some(NOW.plus_ms(5_000))));
    assert_eq!(here.lifecycle.stop(live.id, NOW.plus_ms(9_000)).await.unwrap(), stopped);
    assert_eq!(*here.lives.get(live.id).await.unwrap(), stopped);
}

#[tokio::test]
async fn texts_that_are_too_long_are_refused_and_nothing_is_kept() {
    let here = here(100).await;
    let long = |count: usize| "é".repeat(count);
    assert!(here.lifecycle.start(here.author, titled(&long(200)), NOW).await.is_ok());
    let refused = here.lifecycle.start(here.author, titled(&long(201)), NOW).await;
    assert!(matches!(refused, Err(Error::BadTitle)));
    let description = NewLive { description: long(5_001), ..NewLive::default() };
    assert!(matches!(here.lifecycle.start(here.author, description, NOW).await, Err(Error::BadDescription)));
    let content = NewLive { content: long(10_001), ..NewLive::default() };
    assert!(matches!(here.lifecycle.start(here.author, content, NOW).await, Err(Error::BadContent)));
    assert_eq!(listed(&here.lives, Filter::default()).await.len(), 1);
}

#[tokio::test]
async fn one_person_has_a_limited_number_of_running_lives() {
    let here = here(2).await;
    let (first, _) = here.lifecycle.start(here.author, titled("1"), NOW).await.unwrap();
    here.lifecycle.start(here.author, titled("2"), NOW).await.unwrap();
    let refused = here.lifecycle.start(here.author, titled("3"), NOW).await;
    assert!(matches!(refused, Err(Error::TooManyRunning { limit: 2 })));
    here.lifecycle.stop(first.id, NOW).await.unwrap();
    assert!(here.lifecycle.start(here.author, titled("3"), NOW).await.is_ok());
}

#[tokio::test]
async fn lists_show_what_is_public_to_all_members_lives_to_members_and_unlisted_ones_to_nobody() {
    let here = here(100).await;
    let mut ids = Vec::new();
    for visibility in [Visibility::Public, Visibility::Members, Visibility::Unlisted] {
        ids.push(here.lifecycle.start(here.author, hidden(visibility), NOW).await.unwrap().0.id);
    }
    assert_eq!(listed(&here.lives, Filter::default()).await, [ids[0]]);
    let members = Filter { members: true, ..Filter::default() };
    assert_eq!(listed(&here.lives, members).await, [ids[1], ids[0]]);
    let own = Filter { of: Some(here.author), ..Filter::default() };
    assert_eq!(listed(&here.lives, own).await, [ids[2], ids[1], ids[0]]);
}

#[tokio::test]
async fn lists_are_found_by_words_without_regard_to_accents_and_by_state() {
    let here = here(100).await;
    let (first, _) = here.lifecycle.start(here.author, titled("Prière du Vendredi"), NOW).await.unwrap();
    let (second, _) = here.lifecycle.start(here.author, titled("Match de foot"), NOW).await.unwrap();
    here.lifecycle.stop(first.id, NOW).await.unwrap();
    let words = |text: &str| Filter { words: Some(text.to_owned()), ..Filter::default() };
    assert_eq!(listed(&here.lives, words("priere vend")).await, [first.id]);
    assert_eq!(listed(&here.lives, words("PRIÈRE foot")).await, Vec::<LiveId>::new());
    for odd in ["\" OR *", "'; DROP TABLE lives", "NEAR(", "***", "-"] {
        assert!(here.lives.list(words(odd), 1, 10).await.unwrap().lives.is_empty(), "{odd}");
    }
    let state = |running: bool| Filter { running: Some(running), ..Filter::default() };
    assert_eq!(listed(&here.lives, state(true)).await, [second.id]);
    assert_eq!(listed(&here.lives, state(false)).await, [first.id]);
    let renamed = Change { title: Some("Handball".to_owned()), ..Change::default() };
    here.lifecycle.change(second.id, renamed, NOW).await.unwrap();
    assert_eq!(listed(&here.lives, words("foot")).await, Vec::<LiveId>::new());
    assert_eq!(listed(&here.lives, words("hand")).await, [second.id]);
}

#[tokio::test]
async fn pages_hold_what_they_say() {
    let here = here(100).await;
    for number in 0..5 {
        here.lifecycle.start(here.author, titled(&number.to_string()), NOW).await.unwrap();
    }
    let page = here.lives.list(Filter::default(), 2, 2).await.unwrap();
    let titles: Vec<_> = page.lives.iter().map(|live| live.title.as_str()).collect();
    assert_eq!((page.count, titles), (5, vec!["2", "1"]));
    assert!(here.lives.list(Filter::default(), u32::MAX, 200).await.unwrap().lives.is_empty());
}

#[tokio::test]
async fn an_abandoned_live_ends_and_runs_again_when_bytes_come() {
    let here = here(100).await;
    let (live, _) = here.lifecycle.start(here.author, titled("x"), NOW).await.unwrap();
    let patience = Duration::from_secs(600);
    let soon = Instant::now() + Duration::from_secs(599);
    assert!(here.lifecycle.end_abandoned(soon, NOW, patience).await.unwrap().is_empty());
    let later = Instant::now() + Duration::from_secs(700);
    let ended = here.lifecycle.end_abandoned(later, NOW.plus_ms(700_000), patience).await.unwrap();
    assert_eq!(ended, [live.id]);
    let row = here.lives.get(live.id).await.unwrap();
    let end = row.ended_ms.unwrap();
    assert!((NOW..NOW.plus_ms(1_000)).contains(&end), "it ended when it was last heard: {end}");
    assert_eq!(row.stopped_ms, None);

    here.lifecycle.bytes_came(live.id, NOW).await.unwrap();
    assert!(here.lives.get(live.id).await.unwrap().is_running());
    assert_eq!(here.lifecycle.end_abandoned(later, NOW, patience).await.unwrap(), [live.id]);
}

#[tokio::test]
async fn a_live_that_nobody_stopped_takes_what_comes_days_later_and_for_a_day_after_its_stop() {
    const DAY: i64 = 24 * 3_600_000;
    let here = here(100).await;
    let (live, _) = here.lifecycle.start(here.author, titled("x"), NOW).await.unwrap();
    let later = Instant::now() + Duration::from_secs(700);
    here.lifecycle.end_abandoned(later, NOW.plus_ms(700_000), Duration::from_secs(600)).await.unwrap();
    assert!(here.lives.get(live.id).await.unwrap().takes_bytes(NOW.plus_ms(9 * DAY)));
    let stopped = here.lifecycle.stop(live.id, NOW.plus_ms(9 * DAY)).await.unwrap();
    assert!(stopped.ended_ms.unwrap() < NOW.plus_ms(DAY), "it ended when it was last heard");
    assert!(stopped.takes_bytes(NOW.plus_ms(10 * DAY - 1)) && !stopped.takes_bytes(NOW.plus_ms(10 * DAY)));
    let again = here.lifecycle.stop(live.id, NOW.plus_ms(11 * DAY)).await.unwrap();
    assert!(!again.takes_bytes(NOW.plus_ms(11 * DAY)), "stopping again changes nothing");
}

#[tokio::test]
async fn a_live_that_was_stopped_stays_ended_when_bytes_come() {
    let here = here(100).await;
    let (live, _) = here.lifecycle.start(here.author, titled("x"), NOW).await.unwrap();
    here.lifecycle.stop(live.id, NOW).await.unwrap();
    here.lifecycle.bytes_came(live.id, NOW).await.unwrap();
    assert!(!here.lives.get(live.id).await.unwrap().is_running());
    let unknown = here.lifecycle.bytes_came(LiveId(live.id.0 + 1), NOW).await;
    assert!(matches!(unknown, Err(Error::NoSuchLive)));
}

#[tokio::test]
async fn running_lives_are_still_known_after_a_restart_and_the_patience_begins_anew() {
    let here = here(100).await;
    let (live, _) = here.lifecycle.start(here.author, titled("x"), NOW).await.unwrap();
    let keys = WatchKeys::new(&[5; 32]);
    let lives = Lives::new(Sqlite::new(here.database.clone()), here.accounts.clone(), keys);
    let again = Lifecycle::open(lives.clone(), 100).await.unwrap();
    assert!(lives.get(live.id).await.unwrap().is_running());
    let now = Instant::now();
    assert!(again.end_abandoned(now, NOW, Duration::from_secs(60)).await.unwrap().is_empty());
    let later = now + Duration::from_secs(61);
    assert_eq!(again.end_abandoned(later, NOW, Duration::from_secs(60)).await.unwrap(), [live.id]);
}

#[tokio::test]
async fn a_deletion_takes_two_steps_and_is_found_again_after_a_crash() {
    let here = here(100).await;
    let (live, _) = here.lifecycle.start(here.author, titled("x"), NOW).await.unwrap();
    here.lifecycle.begin_deletion(live.id, NOW).await.unwrap();
    assert!(matches!(here.lives.get(live.id).await, Err(Error::NoSuchLive)));
    assert!(matches!(here.lifecycle.begin_deletion(live.id, NOW).await, Err(Error::NoSuchLive)));
    assert!(listed(&here.lives, Filter::default()).await.is_empty());
    assert_eq!(here.lifecycle.half_deleted().await.unwrap(), [live.id]);
    here.lifecycle.purge(live.id).await.unwrap();
    assert!(here.lifecycle.half_deleted().await.unwrap().is_empty());
    let (next, _) = here.lifecycle.start(here.author, titled("y"), NOW).await.unwrap();
    assert!(next.id > live.id, "numbers are never used again");
}

#[tokio::test]
async fn every_decision_is_an_event_and_what_changes_nothing_is_none() {
    let here = here(100).await;
    let mut newest = here.lifecycle.newest();
    let (live, _) = here.lifecycle.start(here.author, titled("x"), NOW).await.unwrap();
    assert!(newest.has_changed().unwrap());
    here.lifecycle.change(live.id, Change::default(), NOW).await.unwrap();
    let later = Instant::now() + Duration::from_secs(700);
    here.lifecycle.end_abandoned(later, NOW, Duration::from_secs(600)).await.unwrap();
    assert!(here.lifecycle.bytes_came(live.id, NOW).await.unwrap());
    assert!(!here.lifecycle.bytes_came(live.id, NOW).await.unwrap());
    for _ in 0..2 {
        here.lifecycle.stop(live.id, NOW).await.unwrap();
    }
    here.lifecycle.begin_deletion(live.id, NOW).await.unwrap();
    let events = here.lifecycle.events(EventId(0)).await.unwrap();
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    use EventKind::{Abandoned, Changed, Deleted, Resumed, Started, Stopped};
    assert_eq!(kinds, [Started, Changed, Abandoned, Resumed, Stopped, Deleted]);
    assert!(events.iter().all(|event| event.live == live.id));
    assert_eq!(*newest.borrow_and_update(), events[5].id);
    assert_eq!(here.lifecycle.events(events[3].id).await.unwrap(), events[4..]);
    let again = Lifecycle::open(here.lives.clone(), 100).await.unwrap();
    assert_eq!(*again.newest().borrow(), events[5].id, "a restart goes on from the newest");
}

#[tokio::test]
async fn what_is_recorded_stands_in_the_row() {
    let here = here(100).await;
    let (live, _) = here.lifecycle.start(here.author, titled("x"), NOW).await.unwrap();
    assert_eq!(live.recorded, Some(Recorded::default()), "nothing is recorded of a live that begins");
    let recorded = Recorded { saved_ms: 5, codecs: vec!["vp8".to_owned()], ..Recorded::default() };
    here.lives.keep_recorded(vec![(live.id, recorded.clone())]).await.unwrap();
    let page = here.lives.list(Filter::default(), 1, 10).await.unwrap();
    assert_eq!(page.lives[0].recorded, Some(recorded));
}

#[tokio::test]
async fn counts_follow_everything_that_becomes_of_a_live() {
    let here = here(100).await;
    let count = async |filter: Filter| here.lives.list(filter, 1, 1).await.unwrap().count;
    let all = |running| Filter { running, ..Filter::default() };
    let own = Filter { of: Some(here.author), ..Filter::default() };
    let (first, _) = here.lifecycle.start(here.author, titled("un"), NOW).await.unwrap();
    let (second, _) = here.lifecycle.start(here.author, hidden(Visibility::Unlisted), NOW).await.unwrap();
    assert_eq!((count(all(None)).await, count(own.clone()).await), (1, 2));
    here.lifecycle.stop(first.id, NOW).await.unwrap();
    assert_eq!((count(all(Some(true))).await, count(all(Some(false))).await), (0, 1));
    let shown = Change { visibility: Some(Visibility::Public), ..Change::default() };
    here.lifecycle.change(second.id, shown, NOW).await.unwrap();
    assert_eq!((count(all(Some(true))).await, count(all(None)).await), (1, 2));
    here.lifecycle.begin_deletion(first.id, NOW).await.unwrap();
    assert_eq!((count(all(None)).await, count(own.clone()).await), (1, 1));
    here.lifecycle.purge(first.id).await.unwrap();
    assert_eq!((count(all(None)).await, count(own).await), (1, 1));
}
